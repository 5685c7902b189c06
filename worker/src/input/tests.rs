//! Files as sources: formats, places, cuts, resumption and trouble.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use transect_config::Limits;
use transect_core::format::Format;
use transect_core::input::{EventBatch, Place};

use super::{FileSource, InputError, Progress, SourcePosition};

const LIMITS: Limits = Limits { event_bytes: 4096, depth: 8 };

fn source(paths: &[PathBuf], position: Option<SourcePosition>, chunk: usize) -> FileSource {
    FileSource::new(paths, "s", None, LIMITS, position, Progress::default()).chunks_of(chunk)
}

fn write(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Events as (line, bytes), and how it ended.
fn read(source: &mut FileSource) -> (Vec<(u64, String)>, Option<InputError>) {
    let mut events = Vec::new();
    loop {
        match source.next_batch() {
            Ok(Some(batch)) => events.extend(events_of(&batch)),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

fn events_of(batch: &EventBatch) -> Vec<(u64, String)> {
    let Place::File { line, .. } = &batch.place else { panic!("{:?}", batch.place) };
    let event = |span| String::from_utf8_lossy(batch.event(span)).into_owned();
    batch.events.iter().map(|span| (line + u64::from(span.index), event(*span))).collect()
}

fn events(lines: &[(u64, &str)]) -> Vec<(u64, String)> {
    lines.iter().map(|(line, event)| (*line, (*event).to_owned())).collect()
}

#[test]
fn formats_are_told_by_their_content() {
    let dir = TempDir::new().unwrap();
    let lines: &[(u64, &str)] = &[(1, "{\"a\":1}"), (3, "{\"a\":2}"), (4, "bad")];
    let ndjson = "{\"a\":1}\r\n \n{\"a\":2}\nbad";
    let array = "\u{feff}[\n {\"a\":1},\n\n {\"a\":\n2} , 3]\n";
    let elements: &[(u64, &str)] = &[(2, "{\"a\":1}"), (4, "{\"a\":\n2}"), (5, "3")];
    let pretty = "{\n \"a\": 1\n}\n{ }\n";
    let values: &[(u64, &str)] = &[(1, "{\n \"a\": 1\n}"), (4, "{ }")];
    for (text, expected) in [(ndjson, lines), (array, elements), (pretty, values), ("", &[]), (" \n\n", &[])]
    {
        let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
        let twice =
            [gzip(&text.as_bytes()[..text.len() / 2]), gzip(&text.as_bytes()[text.len() / 2..])].concat();
        for (name, bytes) in [("plain", text.as_bytes().to_vec()), ("gzip", twice), ("zstd", zstd)] {
            for chunk in [1, 7, 1 << 20] {
                let path = write(&dir, &format!("{name}-{chunk}"), &bytes);
                let (found, error) = read(&mut source(&[path], None, chunk));
                assert!(error.is_none(), "{name} {chunk}: {error:?}");
                assert_eq!(found, events(expected), "{name} in chunks of {chunk}: {text}");
            }
        }
    }
}

/// Stops after every batch and goes on in a new source; the batches must be those of an undisturbed run.
fn in_steps(path: &Path, chunk: usize) -> Vec<EventBatch> {
    let mut position = None;
    let mut batches = Vec::new();
    loop {
        let mut source = source(&[path.to_owned()], position, chunk);
        let Some(batch) = source.next_batch().unwrap() else { return batches };
        batches.push(batch);
        let text = serde_json::to_string(&source.position()).unwrap();
        position = Some(serde_json::from_str(&text).unwrap());
    }
}

#[test]
fn a_run_that_resumes_cuts_as_an_undisturbed_one_does() {
    let dir = TempDir::new().unwrap();
    let lines: Vec<String> =
        (0..300).map(|i| format!("{{\"i\":{i},\"x\":\"{}\"}}", "y".repeat(i % 90))).collect();
    let records: Vec<String> = (0..300).map(|i| format!("{i},\"{}\n\"\r\n", "y".repeat(i % 90))).collect();
    let csv = format!("\u{feff}\"the\nnumber\",x\r\n{}", records.concat());
    let (ndjson, array) = (lines.join("\n"), format!("[{}]", lines.join(",\n ")));
    for (name, bytes) in [
        ("lines", ndjson.clone().into_bytes()),
        ("array", array.into_bytes()),
        ("gz", gzip(ndjson.as_bytes())),
        ("records.csv", csv.clone().into_bytes()),
        ("records.csv.gz", gzip(csv.as_bytes())),
    ] {
        let path = write(&dir, name, &bytes);
        let steps = in_steps(&path, 1000);
        let mut whole = source(&[path], None, 1000);
        for step in &steps {
            let batch = whole.next_batch().unwrap().unwrap();
            assert_eq!(
                (&batch.format, &batch.bytes, &batch.events, &batch.place),
                (&step.format, &step.bytes, &step.events, &step.place),
                "{name}"
            );
        }
        assert!(whole.next_batch().unwrap().is_none());
        assert_eq!(steps.iter().map(|step| step.events.len()).sum::<usize>(), 300, "{name}");
    }
}

#[test]
fn an_event_too_large_to_hold_is_passed_with_its_length_and_hash() {
    use sha2::Digest;
    let dir = TempDir::new().unwrap();
    let large = format!("{{\"x\":\"{}\"}}", "z".repeat(50_000));
    let sum: [u8; 32] = sha2::Sha256::digest(large.as_bytes()).into();
    for (name, text) in [
        ("lines", format!("{{}}\n{large}\r\n{{\"b\":1}}\n")),
        ("array", format!("[{{}},\n{large},\n{{\"b\":1}}]")),
        ("last", format!("{{}}\n{large}")),
    ] {
        for chunk in [1, 100, 1 << 20] {
            let path = write(&dir, &format!("{name}-{chunk}"), text.as_bytes());
            let spill = tempfile::tempfile().unwrap();
            let mut source = source(&[path], None, chunk).spill_into(spill.try_clone().unwrap());
            let mut found = Vec::new();
            while let Some(batch) = source.next_batch().unwrap() {
                let Place::File { line, .. } = batch.place else { panic!() };
                for span in &batch.events {
                    let oversized = batch.oversized.get(span.oversized as usize).cloned();
                    found.push((
                        line + u64::from(span.index),
                        span.len,
                        oversized.map(|o| (o.length, o.sha256)),
                    ));
                }
            }
            let expected = [(1, 2, None), (2, 4096, Some((large.len() as u64, sum))), (3, 7, None)];
            assert_eq!(found, expected[..found.len().max(2)], "{name} in chunks of {chunk}");
        }
    }
}

#[test]
fn a_cut_stream_gives_its_whole_lines_and_goes_on_once_repaired() {
    let dir = TempDir::new().unwrap();
    let text: String = (0..5000).map(|i| format!("{{\"i\":{i}}}\n")).collect();
    for (name, whole) in
        [("gzip", gzip(text.as_bytes())), ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap())]
    {
        let path = write(&dir, name, &whole[..whole.len() * 3 / 4]);
        let mut cut = source(std::slice::from_ref(&path), None, 1 << 20);
        let (before, error) = read(&mut cut);
        let error = error.unwrap().to_string();
        assert!(error.contains(name) && error.contains("cut or damaged"), "{error}");
        let position = cut.position();
        fs::write(&path, &whole).unwrap();
        let (after, error) = read(&mut source(&[path], Some(position), 1 << 20));
        assert!(error.is_none(), "{error:?}");
        let all: Vec<String> = before.into_iter().chain(after).map(|(_, event)| event).collect();
        assert_eq!(all.len(), 5000, "{name}");
        assert_eq!(all.join("\n") + "\n", text);
    }
}

#[test]
fn half_a_value_is_an_error_however_large_it_is_and_is_read_once_it_is_whole() {
    let dir = TempDir::new().unwrap();
    let large = format!("{{\n\"x\":\"{}\"}}", "z".repeat(50_000));
    for (name, begin, first, line, end) in
        [("values", "{\n}\n", "{\n}", 3, ""), ("array", "[{},\n", "{}", 2, "]")]
    {
        let whole = format!("{begin}{large}{end}");
        for (chunk, half) in [1, 100, 1 << 20].into_iter().zip([30_000, 40_000, 50_000]) {
            let path = write(&dir, &format!("{name}-{chunk}"), &whole.as_bytes()[..half]);
            let of = |path: &PathBuf, position| source(std::slice::from_ref(path), position, chunk);
            let mut cut = of(&path, None);
            let (found, error) = read(&mut cut);
            assert_eq!(found, events(&[(1, first)]), "{name} in chunks of {chunk}");
            let error = error.unwrap_or_else(|| panic!("{name} in chunks of {chunk}")).to_string();
            assert!(error.contains(&format!("line {line} (byte {half})")), "{error}");
            assert!(error.contains("found the end of the file"), "{error}");
            fs::write(&path, &whole).unwrap();
            let mut repaired = of(&path, Some(cut.position()));
            let batch = repaired.next_batch().unwrap().unwrap();
            assert_eq!(batch.oversized[0].length, large.len() as u64, "{name} in chunks of {chunk}");
            assert!(repaired.next_batch().unwrap().is_none());
        }
    }
}

#[test]
fn what_stands_before_damage_does_not_depend_on_the_size_of_chunks() {
    let dir = TempDir::new().unwrap();
    let text: String =
        (0..50_000_u32).map(|i| format!("{{\"i\":{}}}\n", i.wrapping_mul(0x9E37_79B9))).collect();
    for (name, mut file) in
        [("gzip", gzip(text.as_bytes())), ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap())]
    {
        let middle = file.len() / 2;
        // So much that the head of a block is among it.
        let damaged = file.len() * 2 / 3;
        file[middle..damaged].fill(0xFF);
        let path = write(&dir, name, &file);
        let read = |chunk| read(&mut source(std::slice::from_ref(&path), None, chunk));
        let (events, error) = read(1 << 20);
        assert!(error.unwrap().to_string().contains("cut or damaged"), "{name}");
        assert!(events.len() > 10_000, "{name}: {}", events.len());
        for chunk in [100, 5000, 1 << 18] {
            assert!(read(chunk).0 == events, "{name} in chunks of {chunk}");
        }
    }
}

#[test]
fn broken_arrays_are_named_with_line_and_byte() {
    let dir = TempDir::new().unwrap();
    for (text, events, line, expected) in [
        ("[{}\n,{} {}]", 2, 2, "`,` or `]`"),
        ("[{}", 1, 1, "`,` or `]`"),
        ("[{},\n{\"a\":", 1, 2, "a whole JSON value"),
        ("[{}] x", 1, 1, "nothing after the array"),
        ("[,]", 0, 1, "a JSON value"),
    ] {
        let path = write(&dir, "array.json", text.as_bytes());
        let (found, error) = read(&mut source(&[path], None, 1 << 20));
        assert_eq!(found.len(), events, "{text}");
        let error = error.unwrap_or_else(|| panic!("{text}")).to_string();
        assert!(error.contains(&format!("line {line}")) && error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_file_that_is_another_is_refused_and_one_that_has_grown_goes_on() {
    let dir = TempDir::new().unwrap();
    let path = write(&dir, "f", b"{\"a\":1}\n{\"a\":2}\n");
    let mut first = source(std::slice::from_ref(&path), None, 1 << 20);
    assert_eq!(read(&mut first).0.len(), 2);
    let position = first.position();
    fs::write(&path, b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n").unwrap();
    let (grown, error) = read(&mut source(std::slice::from_ref(&path), Some(position.clone()), 1 << 20));
    assert!(error.is_none());
    assert_eq!(grown, events(&[(3, "{\"a\":3}")]));
    for other in [&b"{\"b\":1}\n{\"b\":2}\n"[..], b"{\"a\":1}\n"] {
        fs::write(&path, other).unwrap();
        let (_, error) = read(&mut source(std::slice::from_ref(&path), Some(position.clone()), 1 << 20));
        assert!(error.unwrap().to_string().contains("is not the file that was read before"));
    }
    for missing in [dir.path().join("none"), dir.path().to_owned()] {
        let (_, error) = read(&mut source(std::slice::from_ref(&missing), None, 1 << 20));
        assert!(error.unwrap().to_string().contains(missing.to_str().unwrap()));
    }
}

#[test]
fn csv_records_stand_at_their_lines_below_the_header() {
    let dir = TempDir::new().unwrap();
    let text = "\u{feff}\r\na,\"b\nc\"\r\n1,\"x\n\"\r\n\r\n2,y";
    let records: &[(u64, &str)] = &[(4, "1,\"x\n\""), (7, "2,y")];
    for (name, bytes) in [("a.csv", text.as_bytes().to_vec()), ("a.csv.gz", gzip(text.as_bytes()))] {
        for chunk in [1, 7, 1 << 20] {
            let path = write(&dir, name, &bytes);
            let mut source = source(&[path], None, chunk);
            let batch = source.next_batch().unwrap().unwrap();
            let Format::Csv(head) = &batch.format else { panic!("{:?}", batch.format) };
            assert_eq!(head.names().iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b\nc"]);
            let mut found = events_of(&batch);
            let (rest, error) = read(&mut source);
            assert!(error.is_none(), "{error:?}");
            found.extend(rest);
            assert_eq!(found, events(records), "{name} in chunks of {chunk}");
        }
    }
}

#[test]
fn a_csv_file_may_hold_nothing_or_a_header_line_only() {
    let dir = TempDir::new().unwrap();
    for text in ["", "\n\r\n", "\u{feff}", "a,b", "a,b\n\n"] {
        let (found, error) = read(&mut source(&[write(&dir, "a.csv", text.as_bytes())], None, 1 << 20));
        assert!(found.is_empty() && error.is_none(), "{text:?}: {error:?}");
    }
}

#[test]
fn a_header_line_that_is_none_says_its_line_and_column() {
    let dir = TempDir::new().unwrap();
    let path = write(&dir, "a.csv", b"\n\nid,value,id\n1,2,3\n");
    let (found, error) = read(&mut source(std::slice::from_ref(&path), None, 1 << 20));
    assert!(found.is_empty());
    assert_eq!(
        error.unwrap().to_string(),
        format!(
            "the input {}, line 3: its head can't be read: column 3: `id` is the name of column 1 too; rename one of them; \
             nothing was read of the file",
            path.display()
        )
    );
}

#[test]
fn a_csv_record_too_large_to_hold_is_passed_though_it_has_line_ends() {
    let dir = TempDir::new().unwrap();
    let large = format!("1,\"{}\"", "z\n".repeat(20_000));
    let path = write(&dir, "a.csv", format!("a,b\n0,x\n{large}\r\n2,y\n").as_bytes());
    let mut source = source(&[path], None, 1000);
    let mut spans = Vec::new();
    while let Some(batch) = source.next_batch().unwrap() {
        spans.extend(
            events_of(&batch).into_iter().zip(
                batch.events.iter().map(|span| {
                    batch.oversized.get(span.oversized as usize).map(|oversized| oversized.length)
                }),
            ),
        );
    }
    let found: Vec<(u64, Option<u64>)> = spans.iter().map(|((line, _), length)| (*line, *length)).collect();
    assert_eq!(found, [(2, None), (3, Some(large.len() as u64)), (20_004, None)]);
}
