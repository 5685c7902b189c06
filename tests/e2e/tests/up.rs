//! `transect up` on inputs that are broken, hostile or enormous: a clear error or a reject with its reason, nothing
//! else lost, bounded memory, no panic.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use transect_e2e::command::{Up, manifests};
use transect_e2e::outcome::{Outcome, files};

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    fn up(&self, input: &Path) -> Up {
        Up::new(&manifests("fault"), self.folder.path())
            .input("web", input)
            .arg("--drain")
            .arg("--threads")
            .arg("2")
    }
}

fn event(number: u64) -> String {
    let minute = number % 60;
    format!(
        r#"{{"id":"e{number:08}","station":{{"name":"s01","kind":"fixed"}},"time":"2026-01-05T10:{minute:02}:00Z","value":1.5,"count":1}}"#
    )
}

/// The reason of each reject, in order.
fn reasons(outcome: &Outcome) -> anyhow::Result<Vec<String>> {
    let reason = |line: &String| {
        let value: serde_json::Value = serde_json::from_str(line)?;
        Ok(value["reason"].as_str().unwrap_or_default().to_owned())
    };
    outcome.rejected.iter().map(reason).collect()
}

#[test]
fn hostile_events_are_rejected_each_with_its_reason_and_the_others_stored() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let with = |from: &str, to: &str| event(7).replace(from, to).into_bytes();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("Malformed", b"\xff\xfe{}".to_vec()),
        ("Malformed", with("e00000007", "e0000000\u{0}")),
        ("Malformed", with("1.5", "1e400")),
        ("Malformed", with("\"count\":1", "\"count\":1,\"count\":1")),
        ("Malformed", with("fixed", "\\ud800")),
        ("Malformed", event(7).as_bytes()[..40].to_vec()),
        ("Malformed", with("1.5", "01.5")),
        ("Malformed", [event(7).as_bytes(), b" {}"].concat()),
        ("TooDeep", deep.into_bytes()),
        ("TooLarge", with("s01", &"s".repeat(2 << 20))),
        ("SchemaViolation", with("1.5", "123456789012345678901234567890")),
        ("SchemaViolation", b"null".to_vec()),
        ("SchemaViolation", b"[]".to_vec()),
        ("SchemaViolation", with("2026-01-05T10:07:00Z", "2026-02-30T10:07:00Z")),
    ];
    let mut bytes = format!("{}\n\n", event(1)).into_bytes();
    for (at, (_, case)) in cases.iter().enumerate() {
        bytes.extend_from_slice(case);
        bytes.extend_from_slice(format!("\r\n{}\n", event(100 + at as u64)).as_bytes());
    }
    let up = bench.up(&bench.file("hostile.ndjson", &bytes)?);
    up.succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    let expected: Vec<&str> = cases.iter().map(|(reason, _)| *reason).collect();
    ensure!(reasons(&outcome)? == expected, "{:#?}", outcome.rejected);
    ensure!(outcome.rows() == 1 + cases.len() as u64, "the table has {} rows", outcome.rows());
    ensure!(outcome.ledger["addsUp"] == true, "{}", outcome.ledger);
    Ok(())
}

#[test]
fn nothing_in_nothing_out() -> anyhow::Result<()> {
    for (name, bytes) in [("empty.ndjson", &b""[..]), ("blank.ndjson", b"\n \n\n"), ("array.json", b" [ ] ")]
    {
        let bench = Bench::new()?;
        let up = bench.up(&bench.file(name, bytes)?);
        up.succeed().context(name)?;
        ensure!(Outcome::read(&up.out, &[])?.total("read") == 0, "{name}");
    }
    Ok(())
}

#[test]
fn a_cut_gzip_file_is_read_to_its_cut_and_goes_on_once_repaired() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let mut random = transect_e2e::events::Random::new(3);
    let mut text = String::new();
    for number in 0..20_000 {
        text.push_str(&event(number).replace("1.5", &format!("{}.5", random.below(999))));
        text.push('\n');
    }
    let plain = bench.file("events.ndjson", text.as_bytes())?;
    let gzip = std::process::Command::new("gzip").arg("-k").arg(&plain).status()?;
    ensure!(gzip.success());
    let path = bench.path("events.ndjson.gz");
    let whole = fs::read(&path)?;
    fs::write(&path, &whole[..whole.len() * 2 / 3])?;
    let up = bench.up(&path);
    let said = up.fail()?;
    ensure!(said.contains("events.ndjson.gz") && said.contains("gzip"), "{said}");
    let stored = Outcome::read(&up.out, &[]).map(|outcome| outcome.rows()).unwrap_or(0);
    ensure!(stored > 5_000, "only {stored} rows were stored before the cut");
    fs::write(&path, &whole)?;
    up.succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.rows() == 20_000 && outcome.total("rejected") == 0, "{}", outcome.ledger);
    Ok(())
}

#[test]
fn another_file_under_the_same_name_is_refused() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let path = bench.file("events.ndjson", format!("{}\n{}\n", event(1), event(2)).as_bytes())?;
    let up = bench.up(&path);
    up.succeed()?;
    fs::write(&path, format!("{}\n{}\n{}\n", event(3), event(4), event(5)))?;
    let said = up.fail()?;
    ensure!(said.contains("events.ndjson"), "{said}");
    ensure!(Outcome::read(&up.out, &[])?.rows() == 2);
    Ok(())
}

#[test]
fn a_file_that_has_grown_goes_on_where_it_ended() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let mut text = String::new();
    for number in 0..100 {
        text.push_str(&format!("{}\n", event(number)));
    }
    let path = bench.file("events.ndjson", text.as_bytes())?;
    let up = bench.up(&path);
    up.succeed()?;
    text.push_str(&format!("{}\n", event(100)));
    fs::write(&path, &text)?;
    up.succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.rows() == 101 && outcome.total("read") == 101, "{}", outcome.ledger);
    Ok(())
}

#[test]
fn a_line_of_a_gigabyte_is_rejected_in_bounded_memory() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let path = bench.path("huge.ndjson");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    writeln!(file, "{}", event(1))?;
    let block = vec![b'x'; 1 << 20];
    file.write_all(b"{\"id\":\"")?;
    for _ in 0..1024 {
        file.write_all(&block)?;
    }
    write!(file, "\"}}\n{}\n", event(2))?;
    file.flush()?;
    let up = bench.up(&path);
    // No allocation beyond 1 GiB of address space is possible: the line can't be held, were it tried.
    let mut command = std::process::Command::new("sh");
    let inner = up.command()?;
    command
        .arg("-c")
        .arg("ulimit -d 900000; exec \"$0\" \"$@\"")
        .arg(inner.get_program())
        .args(inner.get_args());
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(reasons(&outcome)? == ["TooLarge"] && outcome.rows() == 2, "{}", outcome.ledger);
    ensure!(outcome.rejected[0].len() < 10_000, "the reject holds {} bytes", outcome.rejected[0].len());
    Ok(())
}

#[test]
fn a_damaged_segment_is_an_error_that_names_the_file() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let mut text = String::new();
    for number in 0..5_000 {
        text.push_str(&format!("{}\n", event(number)));
    }
    let up = bench.up(&bench.file("events.ndjson", text.as_bytes())?);
    up.succeed()?;
    let segments = files(&up.state.join("log").join("ids"), "seg")?;
    let segment = segments.first().context("there is no segment of ids")?;
    let mut bytes = fs::read(segment)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(segment, bytes)?;
    let said = up.fail()?;
    ensure!(said.contains(".seg") && said.contains("damaged"), "{said}");
    Ok(())
}

#[test]
fn a_full_disk_is_an_error_and_nothing_is_lost_once_there_is_room() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let mut text = String::new();
    for number in 0..60_000 {
        text.push_str(&format!("{}\n", event(number)));
    }
    let up = bench.up(&bench.file("events.ndjson", text.as_bytes())?);
    // A limit on the size of any one file stands in for the disk: writes beyond it fail, as on a full one.
    let inner = up.command()?;
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\"")
        .arg(inner.get_program())
        .args(inner.get_args())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && !said.contains("panicked"), "{said}");
    up.succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.rows() == 60_000 && outcome.ledger["addsUp"] == true, "{}", outcome.ledger);
    Ok(())
}

#[test]
fn a_second_process_on_the_same_state_is_refused() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    let input = bench.file("events.ndjson", format!("{}\n", event(1)).as_bytes())?;
    let first = Up::new(&manifests("fault"), bench.folder.path()).arg("--listen").arg("127.0.0.1:0");
    let mut child = first.start()?;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !first.state.join("log").join("journal").exists() {
        ensure!(std::time::Instant::now() < deadline, "the first process did not start");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    let said = bench.up(&input).fail();
    child.kill()?;
    child.wait()?;
    let said = said?;
    ensure!(said.contains("in use by another transect process"), "{said}");
    Ok(())
}
