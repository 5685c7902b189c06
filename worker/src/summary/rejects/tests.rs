use std::fs;

use super::*;

fn read(rejected: &str, redriven: &str) -> Rejects {
    let out = tempfile::tempdir().unwrap();
    for (folder, lines) in [("rejected", rejected), ("redriven", redriven)] {
        if !lines.is_empty() {
            fs::create_dir(out.path().join(folder)).unwrap();
            fs::write(out.path().join(folder).join("a.ndjson"), lines).unwrap();
        }
    }
    Rejects::read(out.path(), 1 << 20).unwrap()
}

fn line(pointer: &str, rest: &str) -> String {
    let start = r#"{"reason":"SchemaViolation","keyword":"type","message":"m","source":"web","received":"","length":9"#;
    format!("{start},\"pointer\":\"{pointer}\"{rest}}}\n")
}

#[test]
fn elements_of_an_array_share_their_cause() {
    let rejects = read(&[line("/a/0/b", ""), line("/a/17/b", ""), line("/a", "")].concat(), "");
    let causes: Vec<_> = rejects.causes.iter().map(|cause| (cause.pointer.as_str(), cause.events)).collect();
    assert_eq!(causes, [("/a/*/b", 2), ("/a", 1)]);
    assert_eq!((rejects.events, rejects.open, rejects.taken_back), (3, 3, 0));
}

#[test]
fn what_was_taken_back_in_is_not_open() {
    let again = line("/a", r#","redrive_of":2"#);
    let lines = [line("/a", ""), line("/a", ""), line("/b", ""), again].concat();
    // The second was refused again, as the fourth; that was taken back in only later.
    let rejects = read(&lines, "{\"number\":1}\n");
    assert_eq!((rejects.events, rejects.open), (4, 2));
    assert_eq!((rejects.taken_back, rejects.refused_again), (1, 1));
    assert_eq!((rejects.causes[0].events, rejects.causes[0].open), (3, 1));
    let rejects = read(&lines, "{\"number\":1}\n{\"number\":4}\n");
    assert_eq!((rejects.open, rejects.taken_back, rejects.refused_again), (1, 2, 1));
}

#[test]
fn nothing_is_held_of_what_is_sealed_or_erased() {
    let sealed = line("/a", r#","sealed":"canary""#);
    let erased = line("/b", r#","erased":true,"original":"canary""#);
    let rejects = read(&[sealed, erased].concat(), "");
    assert!(!format!("{rejects:?}").contains("canary"));
    assert!(matches!(rejects.causes[0].samples[0].content, Content::Sealed));
    assert!(matches!(rejects.causes[1].samples[0].content, Content::Erased));
}

#[test]
fn of_very_many_the_first_are_read() {
    let rejects = read(&line("/a", "").repeat(20_000), "");
    assert!(!rejects.is_whole && (1000..20_000).contains(&rejects.events), "{}", rejects.events);
    assert!(read(&line("/a", ""), "").is_whole);
}

#[test]
fn causes_and_samples_are_bounded() {
    let lines: String = (0..CAUSES_MAX + 50).map(|n| line(&format!("/f{n}"), "")).collect();
    let rejects = read(&(lines + "no JSON\n"), "");
    assert_eq!((rejects.causes.len(), rejects.others, rejects.unreadable), (CAUSES_MAX, 50, 1));
    let same: String = (0..9).map(|_| line("/a", "")).collect();
    assert_eq!(read(&same, "").causes[0].samples.len(), SAMPLES);
}
