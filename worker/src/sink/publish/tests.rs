use tempfile::TempDir;

use super::super::memory::MemoryLog;
use super::*;

const GROUP: &str = "table";

struct Place {
    dir: TempDir,
    log: Arc<MemoryLog>,
}

impl Place {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), log: Arc::default() }
    }

    fn folders(&self) -> Folders {
        Folders { out: self.dir.path().join("out"), state: self.dir.path().join("state") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folders().out.join(GROUP).join(name)
    }

    fn open(&self) -> Result<Publisher, SinkError> {
        Publisher::open(self.log.clone(), GROUP, &self.folders())
    }

    /// Every file below the output folder, hidden ones too, with its content.
    fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folders().out];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.folders().out).unwrap().display().to_string();
                    files.push((name, fs::read_to_string(path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }
}

fn name(day: u32, first: u64, last: u64) -> String {
    let file = FileName { stem: "clean", partition: None, first, last, extension: "parquet" };
    format!("flight/day=2024-01-{day:02}/{file}")
}

fn write(files: &Files, name: &str, content: &str) -> Result<(), SinkError> {
    let mut file = files.create(name)?;
    file.write_all(content.as_bytes()).unwrap();
    files.seal(file);
    Ok(())
}

/// The offsets 0 to 9, in two files.
fn write_first(files: &Files) -> Result<(), SinkError> {
    write(files, &name(1, 0, 9), "0-9 of day 1")?;
    write(files, &name(2, 0, 9), "0-9 of day 2")
}

#[test]
fn names_are_read_back() {
    let file = FileName { stem: "clean", partition: None, first: 42, last: 57, extension: "parquet" };
    assert_eq!(file.to_string(), "clean-00000000000000000042-00000000000000000057.parquet");
    assert_eq!(FileName::parse(&file.to_string()), Some(file));
    let archive = "air-quality-00000000000000000000-00000000000000000009.ndjson.zst";
    let parsed = FileName::parse(archive).unwrap();
    assert_eq!((parsed.stem, parsed.extension), ("air-quality", "ndjson.zst"));
    let file = FileName { stem: "clean", partition: Some(11), first: 4, last: 5, extension: "parquet" };
    assert_eq!(file.to_string(), "clean_p11-00000000000000000004-00000000000000000005.parquet");
    assert_eq!(FileName::parse(&file.to_string()), Some(file));
    for other in ["README.md", "clean-1-2.parquet", "clean-00000000000000000042.parquet", "a-b-c.d"] {
        assert_eq!(FileName::parse(other), None, "{other}");
    }
}

/// The steps of the protocol after which the process may die.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Step {
    Created,
    SealedOne,
    SealedAll,
    Prepared,
    Committed,
    RenamedOne,
    Published,
}

/// Runs the protocol on the offsets 0 to 9 and dies after a step.
fn run_until(place: &Place, step: Step) {
    let mut publisher = place.open().unwrap();
    let files = &mut publisher.files;
    let mut torn = files.create(&name(1, 0, 9)).unwrap();
    torn.write_all(b"0-9 o").unwrap();
    if step >= Step::SealedOne {
        write(files, &name(1, 0, 9), "0-9 of day 1").unwrap();
    }
    if step >= Step::SealedAll {
        write(files, &name(2, 0, 9), "0-9 of day 2").unwrap();
    }
    if step < Step::Prepared {
        return;
    }
    let listed = files.prepare().unwrap();
    if step >= Step::Committed {
        let metadata = serde_json::to_string(&listed).unwrap();
        let committed = Committed { offsets: vec![(Topic::Clean, 10)], metadata };
        let progress = Some((GROUP.to_owned(), committed));
        place.log.commit(Transaction { progress, ..Transaction::default() }).unwrap();
    }
    if step == Step::RenamedOne {
        fs::rename(temporary(&place.path(&name(1, 0, 9)), ""), place.path(&name(1, 0, 9))).unwrap();
    }
    if step == Step::Published {
        files.publish().unwrap();
    }
}

#[test]
fn each_row_is_published_once_wherever_the_process_dies() {
    use Step::{Committed, Created, Prepared, Published, RenamedOne, SealedAll, SealedOne};
    for step in [Created, SealedOne, SealedAll, Prepared, Committed, RenamedOne, Published] {
        let place = Place::new();
        run_until(&place, step);
        let mut publisher = place.open().unwrap();
        let expected = if step >= Committed { 10 } else { 0 };
        assert_eq!(publisher.position(Topic::Clean), expected, "{step:?}");
        if publisher.position(Topic::Clean) == 0 {
            assert_eq!(place.files(), [], "{step:?}: nothing is visible or left over");
            publisher.publish(vec![(Topic::Clean, 10)], write_first).unwrap();
        }
        publisher.publish(vec![(Topic::Clean, 12)], |files| write(files, &name(2, 10, 11), "10-11")).unwrap();
        let files = [
            (format!("table/{}", name(1, 0, 9)), "0-9 of day 1".to_owned()),
            (format!("table/{}", name(2, 0, 9)), "0-9 of day 2".to_owned()),
            (format!("table/{}", name(2, 10, 11)), "10-11".to_owned()),
        ];
        assert_eq!(place.files(), files, "{step:?}");
        place.open().unwrap();
        assert_eq!(place.files(), files, "{step:?}: opening again changes nothing");
    }
}

#[test]
fn after_an_error_nothing_is_committed_until_opened_again() {
    let place = Place::new();
    let mut publisher = place.open().unwrap();
    let failing = |files: &Files| {
        write_first(files)?;
        Err(SinkError::Stopped { group: "failing" })
    };
    let error = publisher.publish(vec![(Topic::Clean, 10)], failing).unwrap_err();
    assert!(matches!(error, SinkError::Stopped { group: "failing" }), "{error}");
    let error = publisher.publish(vec![(Topic::Clean, 10)], |_| Ok(())).unwrap_err();
    assert!(matches!(error, SinkError::Stopped { group: GROUP }), "{error}");
    assert_eq!(place.log.committed(GROUP), None);
    assert_eq!(place.open().unwrap().position(Topic::Clean), 0);
    assert_eq!(place.files(), []);
}

#[test]
fn no_file_is_created_outside_nor_twice() {
    let place = Place::new();
    let taken = name(1, 0, 9);
    let outside = format!("../{taken}");
    for bad in [outside.as_str(), "/clean", "flight/notes.txt", "", taken.as_str()] {
        let twice = |files: &Files| {
            write(files, &taken, "once")?;
            write(files, bad, "again")
        };
        let error = place.open().unwrap().publish(vec![(Topic::Clean, 10)], twice).unwrap_err();
        assert!(error.to_string().contains("not a name"), "{bad}: {error}");
    }
}

#[test]
fn an_output_of_another_state_is_refused_and_left_alone() {
    let mut place = Place::new();
    place.open().unwrap().publish(vec![(Topic::Clean, 10)], write_first).unwrap();
    let before = place.files();

    place.log = Arc::default();
    let error = place.open().map(|_| ()).unwrap_err().to_string();
    for part in ["clean-00000000000000000000-00000000000000000009.parquet", "/out", "/state", "remove"] {
        assert!(error.contains(part), "{error}");
    }

    // A state that is older than the output would write the offsets from 5 on again.
    let committed = Committed { offsets: vec![(Topic::Clean, 5)], metadata: r#"{"files":[]}"#.to_owned() };
    let progress = Some((GROUP.to_owned(), committed));
    place.log.commit(Transaction { progress, ..Transaction::default() }).unwrap();
    assert!(matches!(place.open(), Err(SinkError::Foreign { .. })));
    assert_eq!(place.files(), before);
}

#[test]
fn files_of_the_user_are_left_alone() {
    let place = Place::new();
    fs::create_dir_all(place.path("flight")).unwrap();
    fs::write(place.path("flight/README.md"), "mine").unwrap();
    fs::write(place.path("flight/.notes.tmp"), "mine too").unwrap();
    let before = place.files();
    place.open().unwrap();
    assert_eq!(place.files(), before);
}

#[test]
fn a_published_file_that_the_user_removed_is_no_error() {
    let place = Place::new();
    place.open().unwrap().publish(vec![(Topic::Clean, 10)], write_first).unwrap();
    fs::remove_file(place.path(&name(1, 0, 9))).unwrap();
    let publisher = place.open().unwrap();
    assert_eq!(publisher.position(Topic::Clean), 10);
    assert_eq!(place.files().len(), 1);
}

#[test]
fn an_output_folder_that_goes_away_is_named_and_nothing_is_committed() {
    let place = Place::new();
    let mut publisher = place.open().unwrap();
    publisher.publish(vec![(Topic::Clean, 10)], write_first).unwrap();
    fs::remove_dir_all(place.folders().out).unwrap();
    let again = |files: &Files| write(files, &name(1, 10, 11), "10-11");
    let error = publisher.publish(vec![(Topic::Clean, 12)], again).unwrap_err().to_string();
    assert!(error.contains("day=2024-01-01") && error.contains("moved or removed"), "{error}");
    let mut publisher = place.open().unwrap();
    assert_eq!(publisher.position(Topic::Clean), 10);
    publisher.publish(vec![(Topic::Clean, 12)], again).unwrap();
    assert_eq!(place.files().len(), 1);
}

#[test]
fn progress_without_files_is_committed_and_no_progress_is_not() {
    let place = Place::new();
    let mut publisher = place.open().unwrap();
    publisher.publish(vec![(Topic::Clean, 3)], |_| Ok(())).unwrap();
    let committed = place.log.committed(GROUP).unwrap();
    assert_eq!(committed.offset(Topic::Clean), 3);
    place.log.die(super::super::memory::Death::BeforeCommit);
    publisher.publish(vec![(Topic::Clean, 3)], |_| Ok(())).unwrap();
}

#[test]
fn progress_of_another_build_is_refused() {
    let place = Place::new();
    let committed = Committed { offsets: Vec::new(), metadata: r#"{"segments":3}"#.to_owned() };
    let progress = Some((GROUP.to_owned(), committed));
    place.log.commit(Transaction { progress, ..Transaction::default() }).unwrap();
    let error = place.open().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("table") && error.contains("segments") && error.contains("/state"), "{error}");
}
