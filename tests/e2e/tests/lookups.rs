//! Rules that look values up in tables, from the manifest to the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use transect_e2e::command::{Up, manifests, transect, wait_for};
use transect_e2e::outcome::{Outcome, batches, files};

const SITES: &str = "name,code,opened\nThe north,north,2026-03-01T00:00:00Z\n\"South, new\",south,\n";

/// A visit at ten on 1 March 2026, or in February: its fields, and what becomes of it: `!` and the rule that refuses it, or the flags.
const VISITS: [(&str, &str); 10] = [
    (r#""time": "2026-03-01T10:00:00Z", "site": "north""#, ""),
    (r#""time": "2026-02-01T10:00:00Z", "site": "north""#, "!site-open"),
    (r#""time": "2026-02-01T10:00:00Z", "site": "south""#, ""),
    (r#""time": "2026-03-01T10:00:00Z", "site": "east""#, "!known-site"),
    (r#""time": "2026-03-01T10:00:00Z", "site": null"#, ""),
    (r#""time": "2026-03-01T10:00:00Z", "site": "north", "device": 7"#, ""),
    (r#""time": "2026-03-01T10:00:00Z", "site": "south", "device": 7"#, "own-device"),
    (r#""time": "2026-03-01T10:00:00Z", "site": "south", "device": 8"#, ""),
    (r#""time": "2026-03-01T10:00:00Z", "site": "south", "device": 9"#, ""),
    (r#""time": "2026-03-01T10:00:00Z", "device": 7"#, ""),
];

fn write_visits(path: &Path, visits: usize) -> anyhow::Result<()> {
    let line = |id: usize| format!("{{\"id\": \"v{id:05}\", {}}}\n", VISITS[id % VISITS.len()].0);
    fs::write(path, (0..visits).map(line).collect::<String>()).context("write the visits")
}

/// The manifests, in a folder of their own with a table of sites.
fn study(folder: &Path, sites: &str) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    fs::copy(manifests("lookups").join("study.yaml"), folder.join("study.yaml"))?;
    fs::write(folder.join("sites.csv"), sites).context("write the sites")
}

/// The flags of each row, by its id.
fn flags(out: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for path in files(&out.join("table/visit"), "parquet")? {
        for batch in batches(&path)? {
            let ids = batch.column_by_name("id").context("there is no column id")?.as_string::<i32>();
            let lists = batch.column_by_name("_flags").context("there is no column _flags")?.as_list::<i32>();
            for row in 0..batch.num_rows() {
                let names = lists.value(row);
                let names: Vec<&str> = names.as_string::<i32>().iter().flatten().collect();
                found.insert(ids.value(row).to_owned(), names.join(" "));
                ensure!(lists.is_valid(row), "a row without a list");
            }
        }
    }
    Ok(found)
}

#[test]
fn tables_refuse_and_flag_whatever_the_threads_and_kills() -> anyhow::Result<()> {
    let visits = 10_000;
    let folder = tempfile::tempdir()?;
    let (input, manifests) = (folder.path().join("visits.ndjson"), folder.path().join("study"));
    write_visits(&input, visits)?;
    study(&manifests, SITES)?;
    let up = |name: &str, threads: u64| {
        let up = Up::new(&manifests, &folder.path().join(name)).input("web", &input).arg("--drain");
        up.arg(&format!("--threads={threads}")).arg("--epoch-bytes=100000").arg("--commit-interval=5")
    };
    let one = up("one", 1);
    one.succeed()?;
    let outcome = Outcome::read(&one.out, &[])?;
    let fate = |id: usize| VISITS[id % VISITS.len()].1;
    let kept = (0..visits).filter(|id| !fate(*id).starts_with('!'));
    let expected: BTreeMap<_, _> = kept.map(|id| (format!("v{id:05}"), fate(id).to_owned())).collect();
    ensure!(flags(&one.out)? == expected, "the flags differ");
    let rules = &outcome.ledger["rules"]["visit"];
    ensure!(rules["known-site"]["rejected"] == 1000 && rules["site-open"]["rejected"] == 1000, "{rules}");
    ensure!(rules["own-device"]["flagged"] == 1000 && outcome.ledger["addsUp"] == true, "{rules}");
    let said = outcome.rejected.iter().find(|line| line.contains("known-site")).context("no reject")?;
    ensure!(said.contains("/site") && said.contains("the site is not in the study's list"), "{said}");

    let three = up("three", 3);
    let mut killed = three.start()?;
    for _ in 0..3 {
        wait_for(&mut killed, Duration::from_millis(150))?;
        // It may have ended by itself.
        let _ = killed.kill();
        killed.wait()?;
        killed = three.start()?;
    }
    killed.wait()?;
    three.succeed()?;
    ensure!(flags(&three.out)? == expected, "the flags differ after kills");
    ensure!(Outcome::read(&three.out, &[])?.ledger == outcome.ledger, "the ledger differs after kills");
    Ok(())
}

#[test]
fn another_content_is_for_later_events_and_the_ledger_tells_them_apart() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (input, manifests) = (folder.path().join("visits.ndjson"), folder.path().join("study"));
    let up = Up::new(&manifests, folder.path()).input("web", &input).arg("--drain");
    write_visits(&input, 10)?;
    study(&manifests, SITES)?;
    up.succeed()?;
    // The east joins. What was refused before stays refused; the visit that comes now is taken.
    study(&manifests, &format!("{SITES}The east,east,\n"))?;
    write_visits(&input, 14)?;
    up.succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.ledger["rules"]["visit"]["known-site"]["rejected"] == 1, "{}", outcome.ledger);
    ensure!(flags(&up.out)?.contains_key("v00013"), "the visit in the east is not in the table");
    let contents = outcome.ledger["lookups"]["sites"].as_object().context("no lookups in the ledger")?;
    let mut read: Vec<u64> = contents.values().filter_map(serde_json::Value::as_u64).collect();
    read.sort_unstable();
    ensure!(read == [4, 10] && contents.keys().all(|digest| digest.starts_with("sha256:")), "{contents:?}");
    let devices = outcome.ledger["lookups"]["devices"].as_object().context("no devices in the ledger")?;
    ensure!(devices.len() == 1 && devices.values().all(|read| *read == 14), "{devices:?}");
    // Taken back in, it is judged by the table as it is now.
    let (out, state) =
        (up.out.to_str().context("a path of text")?, up.state.to_str().context("a path of text")?);
    let redriven = transect(&["rejected", "redrive", "--reason", "Rule", "--out", out, "--state", state])?;
    ensure!(redriven.status.success(), "{}", String::from_utf8_lossy(&redriven.stderr));
    up.succeed()?;
    ensure!(flags(&up.out)?.contains_key("v00003"), "the first visit in the east is not in the table");
    let ledger = transect(&["ledger", "--out", out])?;
    let shown = String::from_utf8_lossy(&ledger.stdout).into_owned();
    ensure!(shown.lines().filter(|line| line.starts_with("sites")).count() == 2, "{shown}");
    Ok(())
}

#[test]
fn a_table_that_is_wrong_stops_the_run_before_it_begins() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (input, manifests) = (folder.path().join("visits.ndjson"), folder.path().join("study"));
    write_visits(&input, 1)?;
    let up = Up::new(&manifests, folder.path()).input("web", &input).arg("--drain");
    study(&manifests, &SITES.replace("2026-03-01T00:00:00Z", "1 March"))?;
    let said = up.fail()?;
    let place = "study.yaml:30:92: spec.lookups[0].file.path: line 2: `opened` is no time; write RFC 3339 with an offset";
    ensure!(said.contains(place) && !said.contains("1 March"), "{said}");
    let validated = transect(&["validate", "-f", manifests.to_str().context("a path of text")?])?;
    let said = String::from_utf8_lossy(&validated.stdout).into_owned();
    ensure!(said.contains(place) && !validated.status.success(), "{said}");
    fs::remove_file(manifests.join("sites.csv"))?;
    let said = up.fail()?;
    ensure!(said.contains("sites.csv can't be read") && said.contains("correct the path"), "{said}");
    ensure!(!up.out.join("table").exists(), "something was written");
    Ok(())
}
