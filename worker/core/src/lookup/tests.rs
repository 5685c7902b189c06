//! What is read of tables, and what is said of those that can't be.

use transect_config::{LookupColumn, LookupConfig, LookupFormat, LookupPlace, LookupType};

use super::{ROWS_MAX, Table};

fn config(format: LookupFormat, key: LookupType) -> LookupConfig {
    let column = |name: &str, kind| LookupColumn { name: name.into(), kind };
    LookupConfig {
        name: "sites".into(),
        key: column("id", key),
        columns: vec![
            column("name", LookupType::Text),
            column("floor", LookupType::Number),
            column("open", LookupType::Boolean),
            column("since", LookupType::Time),
        ],
        format,
        place: LookupPlace::Text(String::new()),
    }
}

fn read(format: LookupFormat, text: &str) -> Result<Table, String> {
    let key = if text.contains("#number") { LookupType::Number } else { LookupType::Text };
    Table::read(&config(format, key), text.replace("#number", "").as_bytes())
        .map_err(|error| error.to_string())
}

#[test]
fn both_formats_read_the_same() {
    let csv = "\u{feff}since,id,more,name,floor,open\r\n2026-01-31T12:00:00Z,a,x,\"A, first\",-2.5,true\n,007,,,,\n";
    let json = "{\"id\": \"a\", \"name\": \"A, first\", \"floor\": -2.5, \"open\": true, \"since\": \"2026-01-31T13:00:00+01:00\"}\n\n\
                {\"id\": \"007\", \"open\": null, \"more\": [1]}";
    let tables = [read(LookupFormat::Csv, csv).unwrap(), read(LookupFormat::Json, json).unwrap()];
    for table in &tables {
        assert_eq!(table.rows(), 2);
        assert_eq!(
            (table.row_of_text("a"), table.row_of_text("007"), table.row_of_text("7")),
            (Some(0), Some(1), None)
        );
    }
    for (csv, json) in tables[0].columns().iter().zip(tables[1].columns()) {
        assert_eq!(&csv.cells, &json.cells, "{}", csv.name);
        assert!(csv.cells.is_valid(0) && csv.cells.is_null(1), "{}", csv.name);
    }
    assert_ne!(tables[0].digest(), tables[1].digest());
    assert_eq!(tables[0].digest().len(), "sha256:".len() + 64);
}

#[test]
fn numbers_are_keys_by_their_value() {
    let table = read(LookupFormat::Csv, "#numberid,name,floor,open,since\n7.0,,,,\n-0,,,,\n").unwrap();
    let rows = [7.0, 0.0, -0.0, 8.0, f64::NAN].map(|key| table.row_of_number(key));
    assert_eq!(rows, [Some(0), Some(1), Some(1), None, None]);
}

/// Each line: the format, the table, and what is said.
#[rustfmt::skip]
const MISTAKES: &[(LookupFormat, &str, &str)] = &[
    (LookupFormat::Csv, "", "lookup sites: line 1: has no column `id`; its header line has "),
    (LookupFormat::Csv, "idd,name,floor,open,since\n", "lookup sites: line 1: has no column `id`; did you mean `idd`?"),
    (LookupFormat::Csv, "id,name,flor,open,since\n", "lookup sites: line 1: has no column `floor`; did you mean `flor`?"),
    (LookupFormat::Csv, "id,name,floor,open,since,id\n", "lookup sites: line 1: has several columns `id`; rename all but one"),
    (LookupFormat::Csv, "id,name,floor,open,since\na,,,,\n\nb,,\n", "lookup sites: line 4: has 3 cells, but the header line has 5; write as many; quote cells that hold commas"),
    (LookupFormat::Csv, "id,name,floor,open,since\r\na,\"x\r\ny\",,,\r\n\r\nb,,high,,\r\n", "lookup sites: line 5: `floor` is no number; write one, leave it empty, or say `type: Text` in the manifest"),
    (LookupFormat::Csv, "id,name,floor,open,since\n,x,,,\n", "lookup sites: line 2: has no key: `id` is empty; write one, or leave the row out"),
    (LookupFormat::Csv, "id,name,floor,open,since\na,,,,\nb,,,,\na,,,,\n", "lookup sites: line 4: has the key `id` of a row before; leave one of the two out: each key has one row"),
    (LookupFormat::Csv, "id,name,floor,open,since\na,,high,,\n", "lookup sites: line 2: `floor` is no number; write one, leave it empty, or say `type: Text` in the manifest"),
    (LookupFormat::Csv, "id,name,floor,open,since\na,,inf,,\n", "lookup sites: line 2: `floor` is no number; write one, leave it empty, or say `type: Text` in the manifest"),
    (LookupFormat::Csv, "id,name,floor,open,since\na,,,yes,\n", "lookup sites: line 2: `open` is no truth value; write true or false, or leave it empty"),
    (LookupFormat::Csv, "id,name,floor,open,since\na,,,,2026-01-31\n", "lookup sites: line 2: `since` is no time; write RFC 3339 with an offset, such as 2026-01-31T12:00:00Z"),
    (LookupFormat::Csv, "#numberid,name,floor,open,since\na,,,,\n", "lookup sites: line 2: `id` is no number; write one, leave it empty, or say `type: Text` in the manifest"),
    (LookupFormat::Json, "{\"id\": \"a\"}\n[1]\n", "lookup sites: line 2: is no JSON object; write one object a line"),
    (LookupFormat::Json, "{\"id\": \"a\"}\n{\"id\": null}\n", "lookup sites: line 2: has no key: `id` is empty; write one, or leave the row out"),
    (LookupFormat::Json, "{\"id\": 7}\n", "lookup sites: line 1: `id` is no text; write it in quotes, or say another type in the manifest"),
    (LookupFormat::Json, "{\"id\": \"a\", \"floor\": \"3\"}\n", "lookup sites: line 1: `floor` is no number; write one, leave it empty, or say `type: Text` in the manifest"),
];

#[test]
fn says_where_a_table_is_wrong() {
    let mut wrong = String::new();
    for (format, text, said) in MISTAKES {
        let found = read(*format, text).map_or_else(|said| said, |_| "nothing".to_owned());
        if found != *said {
            wrong += &format!("\n{text}\n  expected {said}\n  found    {found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let many: String = (0..=ROWS_MAX).map(|row| format!("{{\"id\": \"{row}\"}}\n")).collect();
    let said = read(LookupFormat::Json, &many).unwrap_err();
    assert_eq!(
        said,
        "lookup sites: line 1000001: has more than the 1000000 rows that a table may have; leave out rows that no event names"
    );
}
