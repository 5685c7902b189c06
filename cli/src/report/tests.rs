use std::collections::BTreeMap;

use transect_core::ledger::Tally;
use transect_worker::report::Report;
use transect_worker::summary::rejects::{Cause, Content, Rejects, Sample};
use transect_worker::summary::windows::{Aggregate, Series, Windows};

use super::*;

const HARM: &str = "</style></svg><script>x</script>]]>\"'\u{202e}";

/// A run in which every text is harm.
fn summary(content: Content) -> Summary {
    let harm = || HARM.to_owned();
    let tally = Tally { read: 2, accepted: 2, ..Tally::default() };
    let series = Series { group: harm(), points: vec![(0, 1.0), (1_000_000, 2.0)] };
    Summary {
        report: Report {
            study: harm(),
            pipeline: harm(),
            total: tally.clone(),
            sources: BTreeMap::from([(harm(), tally.clone()), ("b".to_owned(), tally)]),
            event_types: BTreeMap::from([(harm(), 2), ("b".to_owned(), 2)]),
            rules: BTreeMap::from([(harm(), BTreeMap::from([(harm(), Default::default())]))]),
            lookups: Default::default(),
            alerts: BTreeMap::new(),
            adds_up: true,
        },
        rejects: Rejects {
            events: 1,
            open: 1,
            causes: vec![Cause {
                reason: harm(),
                keyword: harm(),
                pointer: harm(),
                events: 1,
                open: 1,
                samples: vec![Sample { number: 7, content }],
            }],
            ..Rejects::default()
        },
        tables: Vec::new(),
        windows: vec![Windows {
            name: harm(),
            rows: 2,
            files_skipped: 3,
            windows: 2,
            open: 1,
            sessions: false,
            group_by: vec![harm()],
            groups: 20,
            aggregates: vec![Aggregate {
                name: harm(),
                function: harm(),
                series: vec![series.clone()],
                others: Some(series),
            }],
        }],
        alerts: Default::default(),
    }
}

#[test]
fn no_text_becomes_markup() {
    let harm = || HARM.to_owned();
    let content = Content::Open { place: harm(), message: harm(), original: Some(harm()), length: 9 };
    let html = page::page(&summary(content), Path::new(HARM), HARM);
    assert_eq!(html.matches("</style>").count(), 1);
    for harm in ["<script", "]]>", "\u{202e}"] {
        assert!(!html.contains(harm), "{harm:?} came through");
    }
}

#[test]
fn of_a_sealed_event_only_the_way_to_open_it_is_shown() {
    let html = page::page(&summary(Content::Sealed), Path::new("out"), "now");
    assert!(html.contains("transect rejected show 7 --out out --keys DIR"));
    assert!(!html.contains("<pre>"));
    let html = page::page(&summary(Content::Erased), Path::new("out"), "now");
    assert!(html.contains("was erased") && !html.contains("<pre>"));
}

#[test]
fn a_ledger_that_does_not_add_up_is_not_said_to() {
    let mut summary = summary(Content::Erased);
    summary.report.adds_up = false;
    let html = page::page(&summary, Path::new("out"), "now");
    assert!(html.contains("does not add up") && !html.contains("✓"));
}
