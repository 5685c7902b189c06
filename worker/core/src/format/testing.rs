//! What the tests of formats share.

use serde_json::Value;
use transect_config::{EventFields, EventTypeConfig, Limits, Span, TimeFormat};

use crate::events::EventType;
use crate::plan::Plan;

/// An event type whose time is `/t`.
pub(super) fn event_type(name: &str, schema: Value, type_field: Option<&str>) -> EventType {
    let event = EventFields {
        event_type: type_field.map(|field| field.parse().unwrap()),
        id: Vec::new(),
        time: "/t".parse().unwrap(),
        time_format: TimeFormat::Rfc3339,
        key: Vec::new(),
        region: None,
        delay: Span::ZERO,
        max_ahead: None,
    };
    let config = EventTypeConfig {
        name: name.into(),
        schema_version: 1,
        schema,
        family: Default::default(),
        event: event.clone(),
        cleanse: Vec::new(),
        rules: Vec::new(),
    };
    EventType {
        name: name.into(),
        schema_version: 1,
        plan: Plan::compile(&config, &Limits::default()).unwrap(),
        cleanse: None,
        rules: Default::default(),
        type_field: event.event_type,
        time_field: event.time,
        delay: Span::ZERO,
        max_ahead: None,
    }
}
