//! What treatments make of values, by table; whole batches; and that nothing of a value stays.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow_array::{Array, RecordBatch};
use serde_json::{Value, json};
use transect_config::{EventTypeConfig, Limits, PrivacyRule, Treatment};

use super::*;
use crate::events::{DecodedBatch, EventDecoder, EventType};
use crate::input::{EventBatch, EventSpan, Place};
use crate::reject::RejectReason;
use crate::versions::Versions;

const PIPELINE: PipelineKey = PipelineKey::new([9; 16]);

/// Keys in memory.
#[derive(Default)]
struct Store {
    erased: Mutex<Vec<u128>>,
}

impl Participants for Store {
    fn key(&self, participant: u128) -> Result<Option<Arc<DataKey>>, ParticipantsError> {
        if self.erased.lock().unwrap().contains(&participant) {
            return Ok(None);
        }
        Ok(Some(Arc::new(data_key(participant))))
    }
}

fn data_key(participant: u128) -> DataKey {
    let mut bytes = [1; KEY_BYTES];
    bytes[..16].copy_from_slice(&participant.to_be_bytes());
    DataKey::new(&MasterKey::new(bytes))
}

fn ring(versions: &[u32]) -> KeyRing {
    let keys: BTreeMap<u32, MasterKey> =
        versions.iter().map(|v| (*v, MasterKey::new([*v as u8; KEY_BYTES]))).collect();
    KeyRing::new(&keys).unwrap()
}

fn keys(store: &Arc<Store>) -> PrivacyKeys {
    PrivacyKeys { ring: Arc::new(ring(&[1])), participants: store.clone(), pipeline: PIPELINE }
}

fn rule(field: &str, treatment: Treatment) -> PrivacyRule {
    PrivacyRule { field: field.parse().unwrap(), treatment }
}

fn schema() -> Value {
    json!({
        "properties": {
            "id": {"type": "integer"}, "time": {"type": "string", "format": "date-time"},
            "who": {"type": ["string", "null"]}, "born": {"type": "string", "format": "date-time"},
            "zip": {"type": "string"}, "sex": {"enum": ["female", "male"]}, "lat": {"type": "number"},
            "age": {"type": "integer"}, "free": {},
            "home": {"type": "object", "properties": {"street": {"type": "string"}, "zip": {"type": "string"}}},
            "calls": {"type": "array", "items": {"type": "object", "properties": {"to": {"type": "string"}}}},
            "tags": {"type": "array", "items": {"type": "string"}},
        }
    })
}

fn event_type(rules: Vec<PrivacyRule>) -> Result<EventType, Vec<PrivacyError>> {
    let config: EventTypeConfig = serde_json::from_value(json!({
        "name": "visit", "schemaVersion": 1, "schema": schema(), "privacy": rules,
        "event": {"id": ["/id"], "time": "/time", "timeFormat": "Rfc3339", "key": [], "delay": "0s",
            "participant": "/who"},
    }))
    .unwrap();
    let versions = Versions::compile(&config, &Limits::default()).unwrap();
    let privacy = PrivacyPlan::compile(&config, versions.schema())?;
    Ok(EventType {
        name: "visit".into(),
        type_field: None,
        time_field: config.event.time,
        delay: config.event.delay,
        max_ahead: None,
        rules: Default::default(),
        privacy: (!config.privacy.is_empty()).then(|| Arc::new(privacy)),
        versions,
    })
}

fn decode(types: &Arc<[EventType]>, events: &[Value]) -> DecodedBatch {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    for (at, event) in events.iter().enumerate() {
        let mut event = event.clone();
        let members = event.as_object_mut().unwrap();
        members.insert("id".into(), json!(at));
        members.insert("time".into(), json!("2026-01-01T00:00:00Z"));
        let text = event.to_string();
        let (start, len) = (bytes.len() as u32, text.len() as u32);
        spans.push(EventSpan { start, len, index: at as u32, oversized: u32::MAX });
        bytes.extend_from_slice(text.as_bytes());
    }
    let batch = EventBatch {
        source: "s".into(),
        event_type: None,
        schema_version: None,
        format: Default::default(),
        bytes: bytes.into(),
        events: spans,
        oversized: Vec::new(),
        place: Place::Record { partition: 0, offset: 0 },
        received: 0,
    };
    EventDecoder::new(Arc::clone(types), &PIPELINE).decode(batch)
}

fn treated(
    rules: Vec<PrivacyRule>,
    events: &[Value],
    store: &Arc<Store>,
) -> (DecodedBatch, Arc<[EventType]>) {
    let types: Arc<[EventType]> = vec![event_type(rules).unwrap()].into();
    let decoded = decode(&types, events);
    let TreatedBatch(batch) = Treater::new(Arc::clone(&types), Some(keys(store))).treat(decoded).unwrap();
    (batch, types)
}

/// A column of the first rows, as text.
fn shown(columns: &RecordBatch, name: &str) -> String {
    let at = columns.schema().index_of(name).unwrap();
    if matches!(columns.column(at).data_type(), arrow_schema::DataType::Timestamp(..)) {
        return column::texts(columns.column(at)).unwrap().value(0).to_owned();
    }
    let options = arrow_cast::display::FormatOptions::default();
    let formatter = arrow_cast::display::ArrayFormatter::try_new(columns.column(at), &options).unwrap();
    formatter.value(0).to_string()
}

#[test]
fn each_treatment_makes_what_the_documentation_says() {
    let p = |text: &str| ring(&[1]).pseudonym(text);
    let whole = |field: &str| field.trim_start_matches('/').split('/').next().unwrap().to_owned();
    use transect_config::TimeUnit::*;
    use transect_config::Treatment::*;
    for (field, treatment, value, expected) in [
        ("/who", Mask { keep_last: 0 }, json!("Ada"), "***".to_owned()),
        ("/who", Mask { keep_last: 2 }, json!("Zoë Ô"), "*** Ô".to_owned()),
        ("/who", Mask { keep_last: 9 }, json!("Ada"), "Ada".to_owned()),
        ("/sex", Mask { keep_last: 1 }, json!("male"), "***e".to_owned()),
        ("/zip", KeepFirst { characters: 3 }, json!("10115"), "101".to_owned()),
        ("/zip", KeepFirst { characters: 9 }, json!("1é"), "1é".to_owned()),
        ("/lat", Step { step: 0.1 }, json!(52.5163), "52.5".to_owned()),
        ("/lat", Step { step: 0.1 }, json!(0.3), "0.3".to_owned()),
        ("/lat", Step { step: 0.01 }, json!(0.29), "0.29".to_owned()),
        ("/lat", Step { step: 0.1 }, json!(-0.05), "-0.1".to_owned()),
        ("/lat", Step { step: 2.5 }, json!(9.9), "7.5".to_owned()),
        ("/age", Step { step: 10.0 }, json!(39), "30".to_owned()),
        ("/age", Step { step: 10.0 }, json!(-1), "-10".to_owned()),
        ("/born", Cut { unit: Hour }, json!("1969-12-31T23:59:59+01:00"), "1969-12-31T22:00:00Z".to_owned()),
        ("/born", Cut { unit: Day }, json!("1969-12-31T23:59:59Z"), "1969-12-31T00:00:00Z".to_owned()),
        ("/born", Cut { unit: Month }, json!("1984-02-29T10:00:00Z"), "1984-02-01T00:00:00Z".to_owned()),
        ("/born", Cut { unit: Year }, json!("1984-02-29T10:00:00Z"), "1984-01-01T00:00:00Z".to_owned()),
        ("/who", Pseudonymise {}, json!("Ada"), p("Ada")),
        ("/age", Pseudonymise {}, json!(7), p("7")),
        ("/lat", Pseudonymise {}, json!(7.0), p("7")),
        ("/sex", Pseudonymise {}, json!("male"), p("male")),
        ("/home/street", Drop {}, json!({"street": "x", "zip": "1"}), "{zip: 1}".to_owned()),
        (
            "/home/zip",
            Mask { keep_last: 0 },
            json!({"street": "x", "zip": "1"}),
            "{street: x, zip: *}".to_owned(),
        ),
        (
            "/calls/*/to",
            Mask { keep_last: 1 },
            json!([{"to": "12"}, {}, {"to": "3"}]),
            "[{to: *2}, {to: }, {to: 3}]".to_owned(),
        ),
        ("/tags/*", KeepFirst { characters: 1 }, json!(["ab", "", "c"]), "[a, , c]".to_owned()),
    ] {
        let mut event = json!({});
        event[whole(field)] = value.clone();
        let (batch, _) = treated(vec![rule(field, treatment)], &[event], &Arc::default());
        assert_eq!(
            shown(&batch.rows[0].decoded.columns, &whole(field)),
            expected,
            "{treatment:?} of {value}"
        );
    }
}

#[test]
fn what_is_dropped_has_no_column_and_the_others_are_found_where_they_are() {
    let rules = vec![
        rule("/who", Treatment::Drop {}),
        rule("/home/street", Treatment::Drop {}),
        rule("/calls", Treatment::Drop {}),
    ];
    let (batch, types) = treated(
        rules,
        &[json!({"who": "Ada", "tags": ["a"], "home": {"street": "x", "zip": "1"}})],
        &Arc::default(),
    );
    let columns = &batch.rows[0].decoded.columns;
    assert!(columns.schema().index_of("who").is_err());
    let kept = |field: &str| types[0].kept().column(&field.parse().unwrap());
    assert_eq!([kept("/who"), kept("/home/street"), kept("/calls")], [None, None, None]);
    let at = |name: &str| columns.schema().index_of(name).unwrap();
    assert_eq!(kept("/home/zip"), Some(vec![at("home"), 0]));
    assert_eq!(kept("/tags"), Some(vec![at("tags")]));
    assert_eq!(columns.schema().as_ref(), types[0].kept().schema().as_ref());
}

#[test]
fn what_is_encrypted_is_opened_by_its_participants_key_alone_and_is_the_same_in_a_replay() {
    let events = [
        json!({"who": "Ada", "zip": "10115", "tags": ["x", "x"], "free": {"a": [1]}}),
        json!({"who": "Bob", "zip": "10115"}),
    ];
    let rules = || ["/zip", "/tags/*", "/free"].map(|field| rule(field, Treatment::Encrypt {})).to_vec();
    let run = || treated(rules(), &events, &Arc::default()).0.rows.remove(0).decoded.columns;
    let columns = run();
    assert_eq!(columns, run());
    let text = |name: &str, row: usize| {
        let column = columns.column(columns.schema().index_of(name).unwrap()).clone();
        arrow_cast::cast(&column, &arrow_schema::DataType::Utf8)
            .map(|c| c.as_any().downcast_ref::<arrow_array::StringArray>().unwrap().value(row).to_owned())
    };
    let (ada, bob) = (data_key(participant(&PIPELINE, "Ada")), data_key(participant(&PIPELINE, "Bob")));
    let zips = [text("zip", 0).unwrap(), text("zip", 1).unwrap()];
    assert_ne!(zips[0], zips[1]);
    assert_eq!(ada.decrypt("/zip", &zips[0]).as_deref(), Some("10115"));
    assert_eq!(bob.decrypt("/zip", &zips[1]).as_deref(), Some("10115"));
    assert_eq!([bob.decrypt("/zip", &zips[0]), ada.decrypt("/tags/*", &zips[0])], [None, None]);
    assert_eq!(ada.decrypt("/free", &text("free", 0).unwrap()).as_deref(), Some(r#"{"a":[1]}"#));
    // Equal items of one list don't show that they are equal.
    let tags = shown(&columns, "tags");
    let tags: Vec<&str> = tags.trim_matches(['[', ']']).split(", ").collect();
    assert_ne!(tags[0], tags[1]);
    assert!(tags.iter().all(|tag| ada.decrypt("/tags/*", tag).as_deref() == Some("x")));
}

#[test]
fn events_of_the_erased_and_of_nobody_are_refused() {
    let store = Arc::new(Store::default());
    store.erased.lock().unwrap().push(participant(&PIPELINE, "Bob"));
    let events = [
        json!({"who": "Ada", "zip": "1"}),
        json!({"who": "Bob", "zip": "2"}),
        json!({"zip": "3"}),
        json!({"who": null, "zip": "4"}),
    ];
    let (batch, _) = treated(vec![rule("/zip", Treatment::Encrypt {})], &events, &store);
    let reasons: Vec<_> = batch.rejects.iter().map(|r| (r.event, r.reject.reason)).collect();
    assert_eq!(
        reasons,
        [
            (1, RejectReason::ParticipantErased),
            (2, RejectReason::MissingIdentity),
            (3, RejectReason::MissingIdentity)
        ]
    );
    assert_eq!(batch.rows[0].events, [0]);
    assert_eq!(batch.rows[0].decoded.columns.num_rows(), 1);
    // Without encryption, nobody needs a key.
    let (batch, _) = treated(vec![rule("/zip", Treatment::Drop {})], &events, &store);
    assert_eq!(batch.rows[0].events, [0, 2, 3]);
}

#[test]
fn a_personal_field_does_not_stay_in_extra() {
    let rules = vec![
        rule("/born", Treatment::Cut { unit: transect_config::TimeUnit::Year }),
        rule("/age", Treatment::Step { step: 10.0 }),
    ];
    // More digits than a column of microseconds has, and more than 64 bits: what doesn't fit would go to `extra`.
    let event = json!({"born": "1984-02-29T10:00:00.123456789Z", "nick": "n"});
    let (batch, types) = treated(rules, &[event], &Arc::default());
    assert_eq!(shown(&batch.rows[0].decoded.columns, "extra"), r#"{"nick":"n"}"#);
    let privacy = types[0].privacy.as_ref().unwrap();
    for (pointer, described) in [
        ("/home/zip", "/home/zip"),
        ("/home/Ada", "/home"),
        ("/Ada", ""),
        ("/calls/3/to", "/calls/3/to"),
        ("/calls/x", "/calls"),
        ("/free/Ada", "/free"),
        ("", ""),
    ] {
        assert_eq!(privacy.described(pointer), described, "{pointer}");
    }
}

#[test]
fn says_what_is_wrong_with_a_rule() {
    use transect_config::Treatment::*;
    for (rules, said) in [
        (
            vec![rule("/whoo", Drop {})],
            "privacy[0].field: `/whoo` names no property of the schema; correct the pointer, or describe the field in the schema",
        ),
        (
            vec![rule("/tags/0", Drop {})],
            "privacy[0].field: `/tags/0` leads into an array; write `*` for every item of it, such as `/contacts/*/phone`",
        ),
        (
            vec![rule("/free/x", Drop {})],
            "privacy[0].field: `/free/x` is a part of `free`, which is kept as JSON; treat all of it, or describe its members in the schema",
        ),
        (
            vec![rule("/home", Drop {}), rule("/home/zip", Drop {})],
            "privacy[1].field: `/home/zip` lies within or around the field of another rule; leave one of the two",
        ),
        (
            vec![rule("/home/zip", Drop {}), rule("/home", Drop {})],
            "privacy[1].field: `/home` lies within or around the field of another rule; leave one of the two",
        ),
        (
            vec![rule("/age", Mask { keep_last: 0 })],
            "privacy[0].treatment: Mask hides the characters of a text, but `/age` is none; write Drop, Pseudonymise or Encrypt",
        ),
        (
            vec![rule("/home", Encrypt {})],
            "privacy[0].treatment: Encrypt needs one value, but `/home` has parts; name each part, with `*` for every item of an array, or write Drop",
        ),
        (
            vec![rule("/free", Pseudonymise {})],
            "privacy[0].treatment: Pseudonymise needs one value, but `/free` is kept as JSON; write Drop or Encrypt, or give the field one type in the schema",
        ),
        (
            vec![rule("/age", Step { step: 2.5 })],
            "privacy[0].generalise: step 2.5 is no whole number, but `/age` is an integer; write a whole number, such as 10",
        ),
        (
            vec![rule("/zip", Step { step: 2.0 })],
            "privacy[0].generalise: step rounds a number, but `/zip` is none; write timeUnit for times, keepFirst for texts",
        ),
        (
            vec![rule("/zip", Cut { unit: transect_config::TimeUnit::Day })],
            "privacy[0].generalise: timeUnit cuts a date-time, but `/zip` is none; write keepFirst for texts, such as 7 for the month of a date, and step for numbers",
        ),
        (
            vec![rule("/age", KeepFirst { characters: 1 })],
            "privacy[0].generalise: keepFirst shortens a text, but `/age` is none; write step for numbers, timeUnit for times",
        ),
    ] {
        let errors = event_type(rules).unwrap_err();
        assert_eq!(errors[0].to_string(), said);
    }
}

#[test]
fn keys_open_what_they_sealed_for_the_same_purpose_and_nothing_else() {
    let (one, both) = (ring(&[1]), ring(&[1, 2]));
    let sealed = one.seal("raw", b"Ada");
    assert_eq!(sealed, one.seal("raw", b"Ada"));
    assert_eq!(both.open("raw", &sealed).unwrap(), b"Ada");
    assert_eq!(both.open("reject", &sealed), Err(OpenError::Wrong));
    assert_eq!(one.open("raw", &both.seal("raw", b"Ada")), Err(OpenError::NoKey { version: 2 }));
    let mut changed = sealed.clone();
    changed[20] ^= 1;
    assert_eq!(one.open("raw", &changed), Err(OpenError::Wrong));
    assert_eq!(one.open("raw", &sealed[..3]), Err(OpenError::Wrong));
    // A new key gives new pseudonyms, which say so; the old ones are still known.
    assert!(both.pseudonym("Ada").starts_with("2-"));
    assert!(both.pseudonyms("Ada").contains(&one.pseudonym("Ada")));
    assert!(!format!("{one:?}").contains("0101"));
}
