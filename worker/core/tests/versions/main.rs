//! Several versions at once never disagree with each version alone: over random versions and events, each event gets the
//! verdict, identity and content that its own version's plan gives it, and the row of an accepted one in the common table
//! says what the event does, under the newest names.

// All of this is test code, also what is not in a test function.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod formats;
mod made;
#[path = "../differential/random.rs"]
#[allow(dead_code)]
mod random;
#[path = "../differential/restore.rs"]
mod restore;

use std::sync::Arc;

use serde_json::Value;
use transect_config::{EventFields, EventTypeConfig, Limits, OlderVersion, Span, TimeFormat};
use transect_core::decode::Decoder;
use transect_core::events::{DecodedBatch, EventDecoder, EventType};
use transect_core::format::Format;
use transect_core::identity::PipelineKey;
use transect_core::input::{EventBatch, EventSpan, Place};
use transect_core::versions::Versions;

use made::{Made, Version};
use random::Random;

const STUDIES: u64 = 300;
const EVENTS: usize = 60;

fn key() -> PipelineKey {
    PipelineKey::new([3; 16])
}

fn config(versions: &[Version]) -> EventTypeConfig {
    let (newest, older) = versions.split_last().unwrap();
    EventTypeConfig {
        name: "e".into(),
        schema_version: newest.number,
        format: Default::default(),
        schema: newest.schema.clone(),
        family: Default::default(),
        older: older
            .iter()
            .map(|version| OlderVersion {
                version: version.number,
                schema: version.schema.clone(),
                family: Default::default(),
            })
            .collect(),
        renamed: versions.iter().flat_map(|version| version.renamed.clone()).collect(),
        event: EventFields {
            event_type: None,
            version: Some("/v".parse().unwrap()),
            id: Vec::new(),
            time: "/t".parse().unwrap(),
            time_format: TimeFormat::UnixSeconds,
            key: vec!["/k".parse().unwrap()],
            region: None,
            participant: None,
            delay: Span::ZERO,
            max_ahead: None,
        },
        cleanse: Vec::new(),
        rules: Vec::new(),
        privacy: Vec::new(),
    }
}

fn compiled(versions: &[Version]) -> Arc<Versions> {
    let config = config(versions);
    Versions::compile(&config, &Limits::default())
        .unwrap_or_else(|errors| panic!("{errors:?} of {config:#?}"))
}

fn decode(versions: Arc<Versions>, events: &[String]) -> DecodedBatch {
    decode_as(versions, events, Format::Json, None)
}

fn decode_as(
    versions: Arc<Versions>,
    events: &[String],
    format: Format,
    schema_version: Option<u32>,
) -> DecodedBatch {
    let event_type = EventType {
        name: "e".into(),
        versions,
        type_field: None,
        time_field: "/t".parse().unwrap(),
        delay: Span::ZERO,
        max_ahead: None,
        rules: Default::default(),
        privacy: Default::default(),
    };
    let (mut bytes, mut spans) = (String::new(), Vec::new());
    for event in events {
        let (start, len, index) = (bytes.len() as u32, event.len() as u32, spans.len() as u32);
        spans.push(EventSpan { start, len, index, oversized: u32::MAX });
        bytes += event;
    }
    let batch = EventBatch {
        source: "s".into(),
        event_type: None,
        schema_version,
        format,
        bytes: bytes.into(),
        events: spans,
        oversized: Vec::new(),
        place: Place::Record { partition: 0, offset: 0 },
        received: 0,
    };
    EventDecoder::new(vec![event_type].into(), &key()).decode(batch)
}

#[test]
fn every_event_is_judged_and_kept_as_by_its_own_version() {
    let (mut accepted, mut refused, mut mixed) = (0, 0, 0);
    for seed in 0..STUDIES {
        let mut random = Random::new(seed);
        let made = Made::new(&mut random);
        let config = config(&made.versions);
        let versions = compiled(&made.versions);
        mixed += versions.table().mixed().len();
        let events: Vec<(usize, Value)> = (0..EVENTS)
            .map(|_| {
                let at = random.below(made.versions.len());
                (at, made.event(&mut random, at))
            })
            .collect();
        let texts: Vec<String> = events.iter().map(|(_, event)| event.to_string()).collect();
        let decoded = decode(Arc::clone(&versions), &texts);

        let alone: Vec<_> = made.versions.iter().map(|version| alone(&made.versions, version)).collect();
        let mut decoders: Vec<Decoder> = alone.into_iter().map(|plan| Decoder::new(plan, key())).collect();
        let (mut rejects, mut row) = (decoded.rejects.iter(), 0);
        for (index, (at, event)) in events.iter().enumerate() {
            let what = format!("seed {seed}, version {} of {config:#?}\n{event}", made.versions[*at].number);
            match decoders[*at].push(texts[index].as_bytes()) {
                Err(reject) => {
                    let found =
                        rejects.next().unwrap_or_else(|| panic!("{what}\nshould be refused: {reject:?}"));
                    assert_eq!((found.event as usize, &found.reject), (index, &reject), "{what}");
                    refused += 1;
                }
                Ok(()) => {
                    let [rows] = decoded.rows.as_slice() else { panic!("{what}") };
                    assert_eq!(rows.events[row] as usize, index, "{what}\n{:?}", rejects.next());
                    let alone = decoders[*at].finish();
                    let here = &rows.decoded;
                    let identity =
                        (here.identities[row], here.contents[row], here.keys[row], here.times[row]);
                    assert_eq!(
                        identity,
                        (alone.identities[0], alone.contents[0], alone.keys[0], alone.times[0]),
                        "{what}"
                    );
                    let restored = restore::restore(&here.columns, row);
                    let expected = made.by_newest_names(event, *at, versions.table().mixed());
                    assert!(restore::same(&expected, &restored), "{what}\n{expected}\n{restored}");
                    assert_eq!(here.columns.schema_ref(), versions.schema());
                    assert_eq!(rows.versions.to_vec(rows.events.len())[row], made.versions[*at].number);
                    row += 1;
                    accepted += 1;
                }
            }
        }
    }
    // Both, and what has no type in common, must have been tried.
    assert!(accepted > 3000 && refused > 1000 && mixed > 100, "{accepted} {refused} {mixed}");
}

/// The plan of one version, as if there were no other.
fn alone(all: &[Version], version: &Version) -> Arc<transect_core::plan::Plan> {
    let mut config = config(std::slice::from_ref(version));
    config.renamed.clear();
    config.event.key = vec![made::key_of(all, version)];
    transect_core::plan::Plan::compile(&config, &Limits::default()).unwrap()
}
