//! Every step of cleansing, from a file and from the gateway to table, windows, rejects and archive.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow_array::ArrayRef;
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use serde_json::Value;
use transect_e2e::command::{Up, manifests};
use transect_e2e::outcome::{Outcome, batches, files};
use transect_e2e::serving::Serving;

/// Events, and their row of the table: id, time, site, temperature, weight, sex, visits, consent, postcode, wounds.
const ACCEPTED: [(&str, &str); 9] = [
    (
        r#"{"id": " a1 ", "date": "14/07/2025 12:00", "site": "North ", "temp_f": "98.6", "weight": 150, "sex": 1, "visits": "3", "consent": 1, "postcode": 10115, "wounds": [{"size": 2, "unit": "[in_i]"}, {"size": 5, "unit": "mm"}]}"#,
        "A1 | 2025-07-14T10:00:00 | north | 37.0 | 68.0388555 | female | 3 | true | 10115 | [{size: 5.08, unit: [in_i]}, {size: 0.5, unit: mm}]",
    ),
    // Codes for missing values; absent fields stay absent but for the default.
    (
        r#"{"id":"a2","date":"2024-02-29 23:30:00","site":"SOUTH","temp_f":-99}"#,
        "A2 | 2024-02-29T22:30:00 | south |  |  | unknown |  |  |  | ",
    ),
    (
        r#"{"id":"a3","time":"2025-01-01 00:00:00","site":"south","temperature":"NA","sex":null}"#,
        "A3 | 2024-12-31T23:00:00 | south |  |  | unknown |  |  |  | ",
    ),
    // Clocks are set back: 02:30 is there twice, and the first is taken.
    (
        r#"{"id":"a4","time":"2025-10-26 02:30:00","site":"south","sex":2}"#,
        "A4 | 2025-10-26T00:30:00 | south |  |  | male |  |  |  | ",
    ),
    // An offset says which of the two is meant.
    (
        r#"{"id":"a5","time":"2025-10-26 02:30 +0100","site":"south"}"#,
        "A5 | 2025-10-26T01:30:00 | south |  |  | unknown |  |  |  | ",
    ),
    // A leap second has no place in a column of times, and goes to `extra`; the event time is the second after it.
    (
        r#"{"id":"a6","time":"2017-01-01 00:59:60","site":"south"}"#,
        "A6 |  | south |  |  | unknown |  |  |  | ",
    ),
    (
        r#"{"id":"a7","time":"2025-03-30 03:00:00","site":"south","visits":4.0,"consent":"false","postcode":"01067"}"#,
        "A7 | 2025-03-30T01:00:00 | south |  |  | unknown | 4 | false | 01067 | ",
    ),
    (
        r#"{"id":"a8","time":"2025-03-30 01:59:59","site":"south","temp_f":104}"#,
        "A8 | 2025-03-30T00:59:59 | south | 40.0 |  | unknown |  |  |  | ",
    ),
    (
        r#"{"id":"a9","time":"01/02/2025 03:04","site":"\tnorth","sex":"female"}"#,
        "A9 | 2025-02-01T02:04:00 | north |  |  | female |  |  |  | ",
    ),
];

/// Events, and why they are refused: reason, pointer, keyword, place and message.
const REFUSED: [(&str, &str); 12] = [
    (
        r#"{"id":"r1","time":"2025-03-30 02:30:00","site":"south"}"#,
        "CleanseFailed /time parseTime 18: cleanse[5].parseTime: the local time is not there, as clocks are set forward, in \
         Europe/Berlin; send it with an offset, or choose by parseTime.skipped; found the string \"2025-03-30 02:30:00\"",
    ),
    (
        r#"{"id":"r2","date":"2025-02-29 10:00:00","site":"south"}"#,
        "CleanseFailed /date parseTime 18: cleanse[5].parseTime: expected a time as `%Y-%m-%d %H:%M:%S` or `%Y-%m-%d %H:%M %z` \
         or `%d/%m/%Y %H:%M`, found the string \"2025-02-29 10:00:00\"",
    ),
    (
        r#"{"id":"r3","time":"2025-06-01 10:00:60","site":"south"}"#,
        "CleanseFailed /time parseTime 18: cleanse[5].parseTime: the second 60 is only there in a leap second, at 23:59:60 UTC; \
         found the string \"2025-06-01 10:00:60\"",
    ),
    (
        r#"{"id":"r4","time":"2025-06-01 10:00:00","site":"south","temp_f":"warm"}"#,
        "CleanseFailed /temp_f cast 64: cleanse[8].cast: expected a number, or a string that is one, found the string \"warm\"",
    ),
    (
        r#"{"id":"r5","time":"2025-06-01 10:00:00","site":"south","weight":"150 lb"}"#,
        "CleanseFailed /weight convert 64: cleanse[10].convert: expected a number, found the string \"150 lb\"",
    ),
    (
        r#"{"id":"r6","time":"2025-06-01 10:00:00","site":"south","wounds":[{"size":1,"unit":"mm"},{"size":2,"unit":"kg"}]}"#,
        "CleanseFailed /wounds/1/size convert 96: cleanse[16].convert: expected a UCUM unit of the same kind as cm in fromField, \
         found `kg`",
    ),
    (
        r#"{"id":"r7","time":"2025-06-01 10:00:00","site":"south","temp_f":98,"temperature":37}"#,
        "CleanseFailed /temp_f rename 64: cleanse[6].rename: expected no member `temperature` beside the one that gets this name, \
         found one",
    ),
    (
        r#"{"id":"r8","time":"2025-06-01 10:00:00","site":"south","visits":"2.5"}"#,
        "CleanseFailed /visits cast 64: cleanse[13].cast: expected a whole number, or a string that is one, found the string \
         \"2.5\"",
    ),
    // What cleansing has changed breaks the schema: place and pointer are those of the event as it came.
    (
        r#"{"id":"r9","date":"01/06/2025 10:00","site":"south","temp_f":20,"x":1}"#,
        "SchemaViolation /temp_f minimum 61: expected a number of at least 30, found -6.666666666667; before cleansing, /temp_f \
         was 20",
    ),
    (
        r#"{"id":"r10","time":"2025-06-01 10:00:00","site":"south","sex":3}"#,
        "SchemaViolation /sex enum 62: expected one of \"female\", \"male\", \"unknown\", found 3",
    ),
    // What cleansing has not touched is where it was, though what stands before it is longer or shorter now.
    (
        r#"{"id":" r11 ","date":"01/06/2025 10:00","site":"south","weight":1000,"x":1}"#,
        "SchemaViolation  additionalProperties 69: expected no members but those of the schema, found `x`",
    ),
    // That an event is no JSON counts before all else.
    (r#"{"id":"r12","time":"soon","site":"south","visits":}"#, "Malformed   50: expected a value, found `}`"),
];

/// The rows of the table, without provenance, in the order of the file.
fn rows(out: &Path) -> anyhow::Result<Vec<String>> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for file in files(&out.join("table"), "parquet")? {
        for batch in batches(&file)? {
            let names = batch.schema();
            let values = |name: &str| -> anyhow::Result<ArrayRef> {
                let column = batch.column(names.index_of(name)?);
                // Arrow shows times of a zone only if it knows all zones.
                match column.data_type() {
                    DataType::Timestamp(unit, _) => {
                        Ok(cast(&cast(column, &DataType::Int64)?, &DataType::Timestamp(*unit, None))?)
                    }
                    _ => Ok(Arc::clone(column)),
                }
            };
            let names = [
                "id",
                "time",
                "site",
                "temperature",
                "weight",
                "sex",
                "visits",
                "consent",
                "postcode",
                "wounds",
            ];
            let columns = names.iter().map(|name| values(name)).collect::<anyhow::Result<Vec<_>>>()?;
            let shown: Vec<ArrayFormatter<'_>> = columns
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options))
                .collect::<Result<_, _>>()?;
            for row in 0..batch.num_rows() {
                let values: Vec<String> = shown.iter().map(|column| column.value(row).to_string()).collect();
                rows.push(values.join(" | "));
            }
        }
    }
    rows.sort();
    Ok(rows)
}

/// A refusal in short.
fn refusal(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    let (reason, pointer, keyword) = (text("reason"), text("pointer"), text("keyword"));
    format!("{reason} {pointer} {keyword} {}: {}", event["at"], text("message"))
}

#[test]
fn a_file_comes_out_clean_or_with_its_fault() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("visits.ndjson");
    let lines: Vec<&str> = ACCEPTED.iter().chain(&REFUSED).map(|(event, _)| *event).collect();
    // The same event, written otherwise: cleansing comes before repeats are looked for.
    let repeat = r#"{"site":"north","id":"A9 ","time":"01/02/2025 3:04","sex":"female"}"#;
    fs::write(&input, format!("{}\n{repeat}\n", lines.join("\n")))?;
    let up = Up::new(&manifests("cleanse"), folder.path()).input("web", &input).arg("--drain");
    up.succeed()?;

    let found = rows(&up.out)?;
    ensure!(found == ACCEPTED.map(|(_, row)| row), "{found:#?}");
    let outcome = Outcome::read(&up.out, &[])?;
    let means: Vec<f64> = outcome.windows["daily"].values().filter_map(|row| row.1[0]).collect();
    // All but the first event and those of October come too late for theirs.
    ensure!(means == [37.0], "windows are of cleansed values: {:?}", outcome.windows["daily"]);
    ensure!(outcome.total("duplicate") == 1 && outcome.total("conflicting") == 0, "{}", outcome.ledger);
    let mut refused = Vec::new();
    for line in &outcome.rejected {
        let event: Value = serde_json::from_str(line)?;
        let number = event["line"].as_u64().context("a line")? as usize;
        ensure!(event["original"] == lines[number - 1], "the original is kept as it came: {event}");
        refused.push((number, refusal(&event)));
    }
    refused.sort();
    let refused: Vec<String> = refused.into_iter().map(|(_, refusal)| refusal).collect();
    ensure!(refused == REFUSED.map(|(_, refusal)| refusal), "{refused:#?}");

    let archived = files(&up.out.join("archive"), "zst")?;
    let mut bytes = Vec::new();
    for file in archived {
        bytes.extend(zstd::decode_all(fs::File::open(file)?)?);
    }
    ensure!(bytes == fs::read(&input)?, "the archive is not what came");
    Ok(())
}

#[test]
fn the_gateway_says_the_same_and_has_the_same_key() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&manifests("cleanse"), folder.path());
    let serving = Serving::start(&up)?;
    let mut answers = Vec::new();
    for (event, _) in ACCEPTED.iter().chain(&REFUSED) {
        let headers = [("content-type", "application/x-ndjson")];
        let reply = serving.request("POST", "/v1/studies/clinic/events", &headers, event.as_bytes())?;
        answers.push(reply.json()?["events"][0].clone());
    }
    let (accepted, refused) = answers.split_at(ACCEPTED.len());
    ensure!(accepted.iter().all(|event| event["status"] == "accepted"), "{accepted:#?}");
    for (answer, (_, expected)) in refused.iter().zip(REFUSED) {
        // The answer leaves out the place.
        let said = refusal(answer).replacen("null: ", "", 1);
        let (head, message) = expected.split_once(": ").context("a place")?;
        let head = head.rsplit_once(' ').context("a place")?.0;
        ensure!(said == format!("{head} {message}"), "{said}\nexpected {head} {message}");
    }
    serving.stop()?;
    Up::new(&manifests("cleanse"), folder.path()).arg("--drain").succeed()?;
    let found = rows(&up.out)?;
    ensure!(found == ACCEPTED.map(|(_, row)| row), "{found:#?}");
    Ok(())
}
