//! Seeds.
#[test]
fn one() {
    let outcome = transect_sim::run::run(1, None, true, std::path::Path::new("/dev/shm"));
    println!("{}\n{:?} {} {}", outcome.trace, outcome.failure, outcome.steps, outcome.acknowledged);
}
