//! The log under real deaths and real limits. Each test runs this binary again as a child that does one thing to a
//! log, named by the environment.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use tempfile::TempDir;

use super::tests::trim;
use super::*;
use crate::log::NewRecord;

const SIZES: Sizes =
    Sizes { segment_bytes: 256 * 1024, journal_bytes: 4096, tail_bytes: 0, unwritten_bytes: 0 };
const CHILD: &str = "log::embedded::crash_tests::child";
const TASK: &str = "TRANSECT_TEST_LOG_TASK";
const DIR: &str = "TRANSECT_TEST_LOG_DIR";

/// The n-th transaction: up to 100 KB in two topics, and progress.
fn transaction(n: u64) -> Transaction {
    let progress = Committed { offsets: vec![(Topic::Raw, n)], metadata: n.to_string() };
    let new = |topic, value| NewRecord::new(topic, vec![("count".into(), n.to_string())], value);
    let clean = (0..n % 3).map(|k| new(Topic::Clean, value(n + k, 2_000)));
    Transaction {
        records: std::iter::once(new(Topic::Raw, value(n, 100_000))).chain(clean).collect(),
        progress: Some(("g".into(), progress)),
        trim: Vec::new(),
    }
}

fn value(n: u64, bytes_max: u64) -> Bytes {
    vec![n as u8; (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % bytes_max) as usize].into()
}

/// Checks that the log holds exactly the first transactions, whole; how many.
fn check(log: &EmbeddedLog) -> u64 {
    let transactions = log.end(Topic::Raw);
    let mut clean = 0;
    for n in 0..transactions {
        let expected = transaction(n);
        for record in &expected.records {
            let offset = if record.topic == Topic::Raw { n } else { clean };
            let read = log.read(record.topic, offset, 0).unwrap();
            assert_eq!((&read[0].headers, &read[0].value), (&record.headers, &record.value));
            clean += u64::from(record.topic == Topic::Clean);
        }
    }
    assert_eq!(log.end(Topic::Clean), clean);
    let progress = log.committed("g").map(|committed| committed.metadata);
    assert_eq!(progress, transactions.checked_sub(1).map(|last| last.to_string()));
    transactions
}

fn open(dir: &Path) -> EmbeddedLog {
    EmbeddedLog::open_with(dir, SIZES).unwrap()
}

/// What the tests below run in a process of its own; as a test by itself it has no task and nothing to do.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let dir = PathBuf::from(std::env::var(DIR).unwrap());
    match task.as_str() {
        "commit" => {
            let log = open(&dir);
            for n in log.end(Topic::Raw).. {
                log.commit(transaction(n)).unwrap();
                println!("committed {n}");
            }
        }
        "open" => println!(
            "opened {}",
            EmbeddedLog::open(&dir).map_or_else(|error| error.to_string(), |_| "it".into())
        ),
        "fill" => fill(&dir),
        other => panic!("unknown task {other}"),
    }
}

/// Commits until the system refuses, then checks that the log goes on as if nothing had been tried.
fn fill(dir: &Path) {
    let log = open(dir);
    let error = (0..).find_map(|n| log.commit(transaction(n)).err()).unwrap();
    println!("refused {error}");
    let transactions = check(&log);
    assert!(transactions > 2, "{transactions}");
    log.commit(transaction(transactions)).unwrap_err();
    drop(log);

    let log = open(dir);
    assert_eq!(check(&log), transactions);
    log.commit(trim(Topic::Raw, transactions)).unwrap();
    log.commit(transaction(transactions)).unwrap();
    println!("recovered");
}

fn child_command(task: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    give_task(&mut command, task, dir);
    command.args(["--exact", CHILD, "--nocapture"]);
    command
}

/// The child under a shell that first prepares its surroundings.
fn child_after(shell: &[&str], script: &str, task: &str, dir: &Path) -> Command {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg("-c").arg(format!("{script} && exec \"$0\" --exact {CHILD} --nocapture"));
    command.arg(std::env::current_exe().unwrap());
    give_task(&mut command, task, dir);
    command
}

fn give_task(command: &mut Command, task: &str, dir: &Path) {
    command.env(TASK, task).env(DIR, dir);
}

fn stdout_of(mut command: Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

/// Kills the child once it has said so many commits; the last that it said.
fn kill_after(mut child: Child, commits: usize) -> Option<u64> {
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let number = |line: String| line.rsplit_once("committed ").and_then(|(_, n)| n.parse().ok());
    let mut last = said.by_ref().filter_map(number).take(commits).last();
    child.kill().unwrap();
    // What it had said before it died counts too.
    last = said.filter_map(number).last().or(last);
    assert!(!child.wait().unwrap().success());
    last
}

#[test]
fn whatever_was_acknowledged_survives_sigkill() {
    let dir = TempDir::new().unwrap();
    let mut transactions = 0;
    for round in 0..25 {
        let child = child_command("commit", dir.path()).stdout(Stdio::piped()).spawn().unwrap();
        let last = kill_after(child, 1 + round * 7 % 23).unwrap();
        transactions = check(&open(dir.path()));
        // One more may have been committed whose word was still to be said.
        assert!((last + 1..=last + 2).contains(&transactions), "{last} acknowledged, {transactions} found");
    }
    assert!(transactions > 100, "{transactions}");
}

#[test]
fn a_second_process_is_told_to_stay_away() {
    let dir = TempDir::new().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    let said = stdout_of(child_command("open", dir.path()));
    assert!(said.contains("is in use by another transect process"), "{said}");
    drop(log);
    let said = stdout_of(child_command("open", dir.path()));
    assert!(said.contains("opened it"), "{said}");
}

#[test]
fn a_file_that_may_not_grow_leaves_the_log_as_it_was() {
    let dir = TempDir::new().unwrap();
    // 240 KiB in blocks of 512 bytes; the signal that would kill is ignored, so that writes fail as on a full disk.
    let limited = child_after(&["sh"], "trap '' XFSZ && ulimit -f 480", "fill", dir.path());
    let said = stdout_of(limited);
    assert!(said.contains("refused append to") && said.contains("recovered"), "{said}");
    check_after_fill(dir.path());
}

fn check_after_fill(dir: &Path) {
    let log = open(dir);
    assert_eq!(log.end(Topic::Raw), log.start(Topic::Raw) + 1);
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    let dir = TempDir::new().unwrap();
    // A file system of its own, which ends with the child. Where the system forbids that, the limit on a file's
    // growth (above) is what is left to test.
    let shell = ["unshare", "--user", "--map-root-user", "--mount", "sh"];
    let mount = format!("mount -t tmpfs -o size=1m transect '{}'", dir.path().display());
    let allowed = Command::new(shell[0]).args(&shell[1..]).args(["-c", &mount]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("no small file system may be mounted here");
        return;
    }
    let said = stdout_of(child_after(&shell, &mount, "fill", dir.path()));
    assert!(said.contains("free some space") && said.contains("recovered"), "{said}");
}
