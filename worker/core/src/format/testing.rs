//! What the tests of formats share.

use serde_json::Value;
use transect_config::{EventFields, EventTypeConfig, Limits, Span, TimeFormat};

use crate::events::EventType;
use crate::versions::Versions;

/// An event type whose time is `/t`.
pub(super) fn event_type(name: &str, schema: Value, type_field: Option<&str>) -> EventType {
    let event = EventFields {
        event_type: type_field.map(|field| field.parse().unwrap()),
        id: Vec::new(),
        time: "/t".parse().unwrap(),
        time_format: TimeFormat::Rfc3339,
        key: Vec::new(),
        region: None,
        version: None,
        participant: None,
        delay: Span::ZERO,
        max_ahead: None,
    };
    let config = EventTypeConfig {
        name: name.into(),
        schema_version: 1,
        format: Default::default(),
        schema,
        family: Default::default(),
        event: event.clone(),
        cleanse: Vec::new(),
        older: Vec::new(),
        renamed: Vec::new(),
        rules: Vec::new(),
        privacy: Vec::new(),
    };
    EventType {
        name: name.into(),
        versions: Versions::compile(&config, &Limits::default()).unwrap(),
        rules: Default::default(),
        privacy: None,
        type_field: event.event_type,
        time_field: event.time,
        delay: Span::ZERO,
        max_ahead: None,
    }
}
