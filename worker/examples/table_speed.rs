//! How fast the table sink writes: a million rows of 25 columns, in time order over a year (365 small files), in one
//! day, and with days at random. Prints CPU seconds of the one thread, and what of them is reading into memory.
//!
//! `cargo run --release -p transect-worker --example table_speed [FOLDER]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow_schema::Field;
use transect_worker::log::{Committed, Log, LogError, NewRecord, Record, Topic, Transaction};
use transect_worker::record;
use transect_worker::role::Role;
use transect_worker::sink::Folders;
use transect_worker::sink::table::{TableOptions, TableSink};

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ROWS: usize = 1_000_000;
const BATCH_ROWS: usize = 8192;
const YEAR_MICROS: i64 = 365 * 86_400_000_000;

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| std::env::temp_dir().display().to_string());
    let year = YEAR_MICROS / ROWS as i64;
    run("a year in order, 365 days", Path::new(&folder), |row, _| row * year)?;
    run("one day", Path::new(&folder), |row, _| row * 80_000)?;
    run("days at random", Path::new(&folder), |_, random| (random % YEAR_MICROS as u64) as i64)
}

fn run(name: &str, folder: &Path, time: impl Fn(i64, u64) -> i64) -> Outcome<()> {
    let mut random = Random(7);
    let records = (0..ROWS.div_ceil(BATCH_ROWS))
        .map(|at| {
            let first = at * BATCH_ROWS;
            let batch = flights(first, BATCH_ROWS.min(ROWS - first), &mut random, &time)?;
            let headers = vec![
                (record::EVENT_TYPE.into(), "flight".to_owned()),
                (record::SCHEMA_VERSION.into(), "1".to_owned()),
                (record::COUNT.into(), batch.num_rows().to_string()),
            ];
            Ok(Record { offset: at as u64, headers, value: record::encode_batch(&batch)? })
        })
        .collect::<Outcome<Vec<_>>>()?;
    let bytes: usize = records.iter().map(|record| record.value.len()).sum();

    let out = folder.join(format!("transect-table-speed-{}", std::process::id()));
    let log = Arc::new(Records { records, committed: Mutex::new(None) });
    let folders = Folders { out: out.clone(), state: out.join("state") };

    let everything = TableOptions { held_bytes_max: usize::MAX, ..TableOptions::new("speed", 1) };
    let mut sink = TableSink::open(log.clone(), &folders, everything)?;
    let cpu = cpu_time()?;
    while sink.step()? {}
    let hold = cpu_time()? - cpu;
    drop(sink);

    let (cpu, wall) = (cpu_time()?, Instant::now());
    let mut sink = TableSink::open(log, &folders, TableOptions::new("speed", 1))?;
    while sink.step()? {}
    sink.flush()?;
    let (cpu, wall) = (cpu_time()? - cpu, wall.elapsed());
    let (files, written) = size(&out)?;
    std::fs::remove_dir_all(&out)?;
    println!(
        "{name}: {:.3} s CPU ({:.3} s reading), {:.3} s wall, {files} files, {:.1} MB in, {:.1} MB out",
        cpu.as_secs_f64(),
        hold.as_secs_f64(),
        wall.as_secs_f64(),
        bytes as f64 / 1e6,
        written as f64 / 1e6
    );
    Ok(())
}

/// CPU time of this thread (Linux).
fn cpu_time() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse()?))
}

fn size(folder: &Path) -> Outcome<(usize, u64)> {
    let mut total = (0, 0);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (files, bytes) =
            if entry.file_type()?.is_dir() { size(&entry.path())? } else { (1, entry.metadata()?.len()) };
        total = (total.0 + files, total.1 + bytes);
    }
    Ok(total)
}

/// A flight's 14 columns, 4 of them in a struct, and the 11 of provenance.
fn flights(
    first: usize,
    rows: usize,
    random: &mut Random,
    time: impl Fn(i64, u64) -> i64,
) -> Outcome<RecordBatch> {
    let carriers =
        ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"];
    let airports =
        ["ATL", "ORD", "LAX", "BOS", "MCO", "CLT", "SFO", "FLL", "MIA", "DCA", "EWR", "JFK", "LGA"];
    let utc = |micros: Vec<i64>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
    };
    let words = |words: &[&str], random: &mut Random| -> ArrayRef {
        let picked = (0..rows).map(|_| words[random.next() as usize % words.len()]);
        Arc::new(picked.collect::<DictionaryArray<Int32Type>>())
    };
    let constant = |word: &str| -> ArrayRef {
        Arc::new(std::iter::repeat_n(word, rows).collect::<DictionaryArray<Int32Type>>())
    };
    let delays = |random: &mut Random| -> ArrayRef {
        let delay = |random: u64| (!random.is_multiple_of(40)).then_some((random >> 8) as i64 % 180 - 30);
        Arc::new((0..rows).map(|_| delay(random.next())).collect::<Int64Array>())
    };
    let times: Vec<i64> =
        (first..first + rows).map(|row| 1_356_998_400_000_000 + time(row as i64, random.next())).collect();
    let scheduled = times.iter().map(|time| time - time.rem_euclid(300_000_000)).collect();
    let ids: Vec<String> =
        (first..first + rows).map(|row| format!("{:08x}-{row}", random.next() as u32)).collect();
    let tails = (0..rows).map(|_| format!("N{}", 10_000 + random.next() % 4000)).collect::<Vec<_>>();
    let event: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(StringArray::from(ids))),
        ("time", utc(times.clone())),
        ("carrier", words(&carriers, random)),
        ("flight", Arc::new((0..rows).map(|_| random.next() as i64 % 6000).collect::<Int64Array>())),
        ("tail", Arc::new(StringArray::from(tails))),
        ("origin", words(&airports[10..], random)),
        (
            "dest",
            Arc::new(StringArray::from_iter_values((0..rows).map(|_| airports[random.next() as usize % 13]))),
        ),
        ("departure", struct_of(vec![("scheduled", utc(scheduled)), ("delay", delays(random))])),
        ("arrival", struct_of(vec![("delay", delays(random)), ("air_time", delays(random))])),
        ("distance", Arc::new((0..rows).map(|_| (random.next() % 2500) as f64).collect::<Float64Array>())),
        (
            "temperature",
            Arc::new((0..rows).map(|_| (random.next() % 70_000) as f64 / 7e2).collect::<Float64Array>()),
        ),
        ("extra", Arc::new(StringArray::new_null(rows))),
    ];
    let received = (0..rows).map(|row| 1_700_000_000_000_000 + (first + row) as i64 / 1000).collect();
    let lines = (first..first + rows).map(|row| row as i64 + 1);
    let provenance: Vec<(&str, ArrayRef)> = vec![
        ("_time", utc(times)),
        ("_received", utc(received)),
        ("_source", constant("history")),
        ("_partition", Arc::new(UInt32Array::from(vec![0; rows]))),
        ("_offset", Arc::new(Int64Array::new_null(rows))),
        ("_index", Arc::new(Int32Array::new_null(rows))),
        ("_file", constant("flights.ndjson")),
        ("_line", Arc::new(lines.collect::<Int64Array>())),
        ("_schema_version", Arc::new(Int32Array::from(vec![1; rows]))),
        ("_generation", Arc::new(Int64Array::from(vec![1; rows]))),
        ("_late", Arc::new(BooleanArray::from(vec![false; rows]))),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(
        event.into_iter().chain(provenance).map(|(name, array)| (name, array, true)),
    )?)
}

fn struct_of(columns: Vec<(&str, ArrayRef)>) -> ArrayRef {
    let field = |(name, array): (&str, ArrayRef)| {
        (Arc::new(Field::new(name, array.data_type().clone(), true)), array)
    };
    Arc::new(StructArray::from(columns.into_iter().map(field).collect::<Vec<_>>()))
}

/// xorshift64*, by Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }
}

/// Records in memory.
struct Records {
    records: Vec<Record>,
    committed: Mutex<Option<Committed>>,
}

impl Log for Records {
    fn read(&self, _: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        let mut bytes = 0;
        let within = |record: &&Record| {
            bytes += record.value.len();
            bytes <= bytes_max
        };
        Ok(self.records[from as usize..].iter().take_while(within).cloned().collect())
    }

    fn end(&self, _: Topic) -> u64 {
        self.records.len() as u64
    }

    fn start(&self, _: Topic) -> u64 {
        0
    }

    fn committed(&self, _: &str) -> Option<Committed> {
        self.committed.lock().ok()?.clone()
    }

    fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        let Transaction { records, progress, .. } = transaction;
        debug_assert_eq!(records, Vec::<NewRecord>::new());
        if let Ok(mut committed) = self.committed.lock() {
            *committed = progress.map(|(_, progress)| progress);
        }
        Ok(())
    }

    fn sequence(&self) -> u64 {
        0
    }

    fn wait(&self, _: u64, _: Duration) -> u64 {
        0
    }
}
