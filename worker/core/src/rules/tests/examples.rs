//! The examples of docs/rules.md.

use serde_json::{Value as Json, json};

use super::{broken, columns, compile, compile_with, plan, sites};

const PAGE: &str = include_str!("../../../../../docs/rules.md");

#[test]
fn the_examples_of_the_page_are_right() {
    let (_, rest) = PAGE.split_once("## Examples").unwrap();
    let (_, rest) = rest.split_once("```json\n").unwrap();
    let (schema, rest) = rest.split_once("```").unwrap();
    let plan = plan(serde_json::from_str(schema).unwrap());
    let mut wrong = String::new();
    let rows: Vec<&str> = rest.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > 20, "the page has {} examples", rows.len());
    for row in rows {
        let row = row.replace("\\|", "\u{0}");
        let cells: Vec<String> = row.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
        let [_, expression, event, said, _] = cells.as_slice() else { panic!("{row}") };
        let event: Json = serde_json::from_str(event.trim_matches('`')).unwrap();
        let rule = compile(&plan, expression.trim_matches('`'));
        let found = broken(&rule, &columns(&plan, &[event]))[0];
        if found != said.starts_with("breaks") {
            wrong += &format!("\n{row}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_examples_of_tables_are_right() {
    let plan = plan(json!({"properties": {
        "site": {"type": ["string", "null"]}, "time": {"type": "string", "format": "date-time"},
        "visits": {"type": "array", "items": {"type": "object", "properties": {"site": {"type": "string"}}}},
    }}));
    let (_, rest) = PAGE.split_once("| rule, with `sites.csv`").unwrap();
    let (section, _) = rest.split_once("## Examples").unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() >= 8, "the page has {} examples", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect();
        let [expression, event, said] = cells.as_slice() else { panic!("{row}") };
        let event: Json = serde_json::from_str(event).unwrap();
        let rule = compile_with(&plan, expression, &sites());
        assert_eq!(broken(&rule, &columns(&plan, &[event])), [said.starts_with("breaks")], "{row}");
    }
}
