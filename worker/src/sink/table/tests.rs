use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int8Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Float64Array, StringArray, StructArray};
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use tempfile::TempDir;

use super::super::memory::{Death, MemoryLog};
use super::*;

const DAY: i64 = 86_400_000_000;

/// Events with an id, an enum, a struct, a list and the event time.
fn events(rows: &[(u64, Option<i64>)]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(rows.iter().map(|row| Some(format!("e{}", row.0))).collect::<StringArray>());
    let kinds: ArrayRef = Arc::new(
        rows.iter()
            .map(|row| ["calm", "windy", "storm"][row.0 as usize % 3])
            .collect::<DictionaryArray<Int8Type>>(),
    );
    let latitudes: ArrayRef =
        Arc::new(rows.iter().map(|row| Some(row.0 as f64 / 8.0)).collect::<Float64Array>());
    let place: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("latitude", DataType::Float64, true)),
        latitudes,
    )]));
    let mut tags = ListBuilder::new(StringBuilder::new());
    for (id, _) in rows {
        (0..id % 3).for_each(|tag| tags.values().append_value(format!("t{tag}")));
        tags.append(id % 5 != 0);
    }
    let times: TimestampMicrosecondArray = rows.iter().map(|row| row.1).collect();
    let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
    let columns = [
        ("id", ids),
        ("kind", kinds),
        ("place", place),
        ("tags", Arc::new(tags.finish()) as ArrayRef),
        (TIME, times),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

struct Place {
    dir: TempDir,
    log: Arc<MemoryLog>,
}

impl Place {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), log: Arc::default() }
    }

    fn append(&self, event_type: &str, version: &str, batch: &RecordBatch) {
        self.append_counted(event_type, version, batch, batch.num_rows());
    }

    fn append_counted(&self, event_type: &str, version: &str, batch: &RecordBatch, count: usize) {
        let count = count.to_string();
        let headers = [
            (record::EVENT_TYPE, event_type),
            (record::SCHEMA_VERSION, version),
            (record::COUNT, count.as_str()),
        ];
        self.log.append(Topic::Clean, &headers, record::encode_batch(batch).unwrap());
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn open(&self, held_bytes_max: usize) -> TableSink {
        let folders = Folders { out: self.out(), state: self.dir.path().join("state") };
        let options = TableOptions { held_bytes_max, ..TableOptions::new("weather", 2) };
        TableSink::open(self.log.clone(), &folders, options).unwrap()
    }

    fn drain(&self, held_bytes_max: usize) -> Result<(), RoleError> {
        let mut sink = self.open(held_bytes_max);
        while sink.step()? {}
        sink.flush()
    }

    /// The rows of each folder that holds files, in the order of file names.
    fn table(&self) -> BTreeMap<String, Vec<RecordBatch>> {
        let mut table = BTreeMap::<String, Vec<RecordBatch>>::new();
        for path in files(&self.out().join("table")) {
            let folder = path.parent().unwrap().strip_prefix(self.out().join("table")).unwrap();
            table.entry(folder.display().to_string()).or_default().extend(read(&path));
        }
        table
    }

    fn ids(&self) -> BTreeMap<String, Vec<String>> {
        let ids = |batch: &RecordBatch| -> Vec<String> {
            batch
                .column_by_name("id")
                .unwrap()
                .as_string::<i32>()
                .iter()
                .map(|id| id.unwrap().to_owned())
                .collect()
        };
        self.table().into_iter().map(|(folder, rows)| (folder, rows.iter().flat_map(ids).collect())).collect()
    }
}

/// All files below a folder, each of which must be published.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    assert!(files.iter().all(|path| path.extension().is_some_and(|end| end == "parquet")), "{files:?}");
    files
}

fn read(path: &Path) -> Vec<RecordBatch> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.map(|batch| batch.unwrap()).collect()
}

#[test]
fn rows_go_to_the_day_of_their_event_time_in_their_order() {
    let place = Place::new();
    // Out of order, one microsecond around midnight, before 1970, without time, in a year of five digits.
    let rows = [
        (0, Some(DAY)),
        (1, Some(DAY - 1)),
        (2, Some(0)),
        (3, Some(-1)),
        (4, Some(DAY)),
        (5, None),
        (6, Some(-DAY)),
        (7, Some(-DAY - 1)),
        (8, Some(i64::MAX)),
        (9, Some(i64::MIN)),
    ];
    place.append("reading", "1", &events(&rows[..6]));
    place.append("reading", "1", &events(&rows[6..]));
    place.append("calibration", "1", &events(&[(20, Some(0))]));
    place.drain(usize::MAX).unwrap();
    let expected = [
        ("calibration/day=1970-01-01", vec!["e20"]),
        ("reading/day=1969-12-30", vec!["e7"]),
        ("reading/day=1969-12-31", vec!["e3", "e6"]),
        ("reading/day=1970-01-01", vec!["e1", "e2"]),
        ("reading/day=1970-01-02", vec!["e0", "e4"]),
    ];
    let mut ids = place.ids();
    let mut beyond = ids.remove("reading/day=__HIVE_DEFAULT_PARTITION__").unwrap();
    beyond.sort();
    assert_eq!(beyond, ["e5", "e8", "e9"]);
    let expected =
        expected.map(|(day, ids)| (day.to_owned(), ids.into_iter().map(str::to_owned).collect::<Vec<_>>()));
    assert_eq!(ids, BTreeMap::from(expected));
}

/// Every row is found again, whatever its day and however days lie among the rows.
#[test]
fn structs_lists_and_enums_survive_long_runs_and_scattered_days() {
    let mixed = |id: u64| (id * 7919 % 13) as i64 * DAY + id as i64;
    let runs = |id: u64| (id / 1000) as i64 * DAY;
    for time in [mixed as fn(u64) -> i64, runs] {
        let place = Place::new();
        let all: Vec<_> = (0..5000).map(|id| (id, Some(time(id)))).collect();
        all.chunks(700).for_each(|rows| place.append("reading", "1", &events(rows)));
        place.drain(200_000).unwrap();
        let table = place.table();
        let day_rows =
            |day: i64| all.iter().filter(|row| row.1.unwrap() / DAY == day).copied().collect::<Vec<_>>();
        let days = all.iter().map(|row| row.1.unwrap() / DAY).max().unwrap() + 1;
        assert_eq!(table.len() as i64, days);
        for (day, (folder, batches)) in table.iter().enumerate() {
            assert_eq!(*folder, format!("reading/day=1970-01-{:02}", day + 1));
            let expected = events(&day_rows(day as i64));
            let schema = expected.schema();
            let found = arrow_select::concat::concat_batches(&batches[0].schema(), batches).unwrap();
            assert_eq!(found.schema().fields(), schema.fields());
            for (found, expected) in found.columns().iter().zip(expected.columns()) {
                assert_eq!(&plain(found), &plain(expected), "{folder}");
            }
        }
    }
}

/// Dictionaries by their values, since equal rows may have other keys.
fn plain(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Dictionary(_, values) => arrow_cast::cast(array, values).unwrap(),
        _ => array.clone(),
    }
}

#[test]
fn files_say_what_they_hold() {
    let place = Place::new();
    place.append("reading", "3", &events(&[(1, Some(0)), (2, Some(1))]));
    let many: Vec<_> = (3..=500).map(|id| (id, Some(2))).collect();
    place.append("reading", "3", &events(&many));
    place.drain(usize::MAX).unwrap();
    let path = place
        .out()
        .join("table/reading/day=1970-01-01/clean-00000000000000000000-00000000000000000001.parquet");
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata();
    assert_eq!(metadata.num_rows(), 500);
    assert!(metadata.created_by().unwrap().starts_with("transect "));
    let words: BTreeMap<_, _> = metadata
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|word| (word.key.as_str(), word.value.as_deref().unwrap()))
        .collect();
    assert_eq!(words["transect.study"], "weather");
    assert_eq!(words["transect.event_type"], "reading");
    assert_eq!(words["transect.schema_version"], "3");
    assert_eq!(words["transect.offsets"], "0-1");
    let names: Vec<_> =
        metadata.schema_descr().columns().iter().map(|column| column.path().string()).collect();
    assert_eq!(
        names,
        ["id", "kind", "place.latitude", "tags.list.item", "_time"],
        "the day is in the path alone"
    );
    let group = reader.metadata().row_group(0);
    assert!(group.columns().iter().all(|column| column.statistics().is_some()));
    let compression = |at: usize| format!("{:?}", group.column(at).compression());
    assert!(compression(0).starts_with("ZSTD"), "{}", compression(0));
    assert_eq!(compression(4), "UNCOMPRESSED", "a few bytes");
}

#[test]
fn versions_of_a_schema_that_alternate_get_files_of_their_own() {
    let place = Place::new();
    let narrow = |id| events(&[(id, Some(0))]).project(&[0, 4]).unwrap();
    for id in 0..6 {
        let (version, batch) = if id % 2 == 0 { ("1", narrow(id)) } else { ("2", events(&[(id, Some(0))])) };
        place.append("reading", version, &batch);
    }
    place.drain(usize::MAX).unwrap();
    assert_eq!(files(&place.out()).len(), 2);
    assert_eq!(place.ids()["reading/day=1970-01-01"], ["e0", "e2", "e4", "e1", "e3", "e5"]);
}

#[test]
fn each_row_is_there_once_whenever_the_process_dies() {
    for death in [Death::BeforeCommit, Death::AfterCommit] {
        for renamed in [false, true] {
            let place = Place::new();
            let all: Vec<_> = (0..100).map(|id| (id, Some(id as i64 % 4 * DAY))).collect();
            all.chunks(10).for_each(|rows| place.append("reading", "1", &events(rows)));
            // Enough for several flushes, the first of which is published.
            let mut sink = place.open(5_000);
            place.log.die(death);
            let error = sink.step().unwrap_err().to_string();
            assert!(error.contains(&format!("{death:?}")), "{error}");
            let error = sink.flush().unwrap_err().to_string();
            assert!(error.contains("earlier error"), "{error}");
            drop(sink);
            if renamed && death == Death::AfterCommit {
                let folder = place.out().join("table/reading/day=1970-01-02");
                let entry = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
                let name = entry.file_name().into_string().unwrap();
                let name = name.strip_prefix('.').unwrap().strip_suffix(".tmp").unwrap();
                fs::rename(entry.path(), folder.join(name)).unwrap();
            }
            place.drain(5_000).unwrap();
            let mut ids: Vec<_> = place.ids().into_values().flatten().collect();
            ids.sort_by_key(|id| id[1..].parse::<u64>().unwrap());
            assert_eq!(ids, (0..100).map(|id| format!("e{id}")).collect::<Vec<_>>(), "{death:?} {renamed}");
        }
    }
}

#[test]
fn little_is_held_and_nothing_after_a_flush() {
    let place = Place::new();
    let all: Vec<_> = (0..1000).map(|id| (id, Some(0))).collect();
    all.chunks(10).for_each(|rows| place.append("reading", "1", &events(rows)));
    let mut sink = place.open(30_000);
    while sink.step().unwrap() {
        assert!(sink.held_bytes < 45_000);
    }
    assert!(files(&place.out()).len() > 2, "written as the bound was reached");
    sink.flush().unwrap();
    assert_eq!((sink.held.len(), sink.held_bytes), (0, 0));
    assert_eq!(place.log.committed(GROUP).unwrap().offset(Topic::Clean), 100);
    assert!(!sink.step().unwrap());
}

#[test]
fn rows_that_do_not_add_up_are_not_published() {
    let place = Place::new();
    place.append_counted("reading", "1", &events(&[(1, Some(0))]), 2);
    let error = place.drain(usize::MAX).unwrap_err().to_string();
    assert!(error.contains("1 rows") && error.contains("count 2") && error.contains("reading"), "{error}");
    assert_eq!(place.log.committed(GROUP), None);
    place.open(usize::MAX);
    assert_eq!(files(&place.out()), Vec::<PathBuf>::new());
}

#[test]
fn records_that_break_their_format_are_named_and_earlier_ones_kept() {
    let without_time = events(&[(1, Some(0))]).project(&[0, 1]).unwrap();
    let whole = record::encode_batch(&events(&[(1, Some(0))])).unwrap();
    let cases = [
        (record::encode_batch(&without_time).unwrap(), "_time"),
        (whole.slice(..whole.len() / 2), "can't be stored"),
        (Bytes::new(), "can't be stored"),
    ];
    for (value, part) in cases {
        let place = Place::new();
        place.append("reading", "1", &events(&[(0, Some(0))]));
        let headers = [(record::EVENT_TYPE, "reading"), (record::SCHEMA_VERSION, "1"), (record::COUNT, "1")];
        place.log.append(Topic::Clean, &headers, value);
        let mut sink = place.open(usize::MAX);
        let error = sink.step().unwrap_err().to_string();
        assert!(error.contains("record 1 of the topic clean") && error.contains(part), "{error}");
        sink.flush().unwrap();
        assert_eq!(place.ids()["reading/day=1970-01-01"], ["e0"]);
    }
}

#[test]
fn a_full_disk_loses_and_doubles_nothing() {
    let place = Place::new();
    fs::create_dir(place.out()).unwrap();
    let mount = |options: &str| {
        Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(place.out()).output()
    };
    if !mount("size=48k").is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let _unmount = Unmount(place.out());
    let all: Vec<_> = (0..30_000).map(|id| (id, Some(id as i64 / 10_000 * DAY))).collect();
    all.chunks(500).for_each(|rows| place.append("reading", "1", &events(rows)));
    let error = place.drain(usize::MAX).unwrap_err().to_string();
    assert!(error.contains("/out/table/") && error.contains("free some space"), "{error}");
    assert!(mount("remount,size=16m").unwrap().status.success());
    place.drain(usize::MAX).unwrap();
    let ids: Vec<_> = place.ids().into_values().flatten().collect();
    assert_eq!(ids, (0..30_000).map(|id| format!("e{id}")).collect::<Vec<_>>());
}

/// Unmounts also when the test fails.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
