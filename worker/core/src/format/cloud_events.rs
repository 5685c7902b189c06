//! CloudEvents 1.0 in its JSON format: the event is the `data` of the envelope; the envelope's other members are its
//! attributes. <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::malformed;
use crate::events::EventType;
use crate::reject::{Reject, RejectReason};

/// The member of an event that takes the attributes, where the schema names it.
const MEMBER: &str = "cloudevent";

/// Appends the event of an envelope as JSON, and says its event type where the attribute `type` does. `stated` are the event
/// type and the version that the source names.
pub(super) fn convert(
    envelope: &[u8],
    types: &[EventType],
    (stated, version): (Option<usize>, Option<u32>),
    text: &mut Vec<u8>,
) -> Result<Option<usize>, Reject> {
    let envelope: Envelope<'_> = serde_json::from_slice(envelope)
        .map_err(|error| malformed(format!("expected a CloudEvents envelope as a JSON object: {error}")))?;
    let named = envelope.check()?;
    let data = envelope.data()?;
    let event_type = stated
        .or_else(|| types.iter().position(|event_type| *event_type.name == *named))
        .or((types.len() == 1).then_some(0));
    let data = data.trim_ascii();
    let takes_attributes = event_type.is_some_and(|at| {
        let versions = &types[at].versions;
        versions.choose(data, version).is_ok_and(|version| versions.all()[version].plan.names(MEMBER))
    });
    match data.split_first() {
        Some((b'{', members)) if takes_attributes => {
            envelope.write_attributes(text);
            if members.trim_ascii_start().first() != Some(&b'}') {
                text.push(b',');
            }
            text.extend_from_slice(members);
        }
        _ => text.extend_from_slice(data),
    }
    Ok(event_type)
}

/// The members of an envelope, each once; those that are null are left out, which means the same.
struct Envelope<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Envelope<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| value.get())
    }

    /// Checks the attributes; what `type` says.
    fn check(&self) -> Result<String, Reject> {
        for (name, value) in &self.0 {
            if !is_data(name) && value.get().starts_with(['{', '[']) {
                return Err(invalid(name, "a string, a number or a boolean", "something else"));
            }
        }
        let version = self.required("specversion")?;
        if version != "1.0" {
            return Err(invalid("specversion", "`1.0`", &format!("`{}`", cut(&version))));
        }
        self.required("id")?;
        self.required("source")?;
        let named = self.required("type")?;
        let time = self.get("time").map(|_| self.required("time")).transpose()?;
        if time.is_some_and(|time| time.parse::<jiff::Timestamp>().is_err()) {
            return Err(invalid("time", "an RFC 3339 time", "something else"));
        }
        let content_type =
            self.get("datacontenttype").map(|_| self.required("datacontenttype")).transpose()?;
        match content_type.filter(|content_type| !is_json(content_type)) {
            Some(other) => Err(invalid(
                "datacontenttype",
                "a type of JSON, such as `application/json`",
                &format!("`{}`", cut(&other)),
            )),
            None => Ok(named),
        }
    }

    /// An attribute that must be a text with something in it.
    fn required(&self, name: &str) -> Result<String, Reject> {
        let expected = "a string that is not empty";
        match self.get(name).map(serde_json::from_str) {
            None => Err(invalid(name, expected, "nothing")),
            Some(Ok(Value::String(text))) if !text.is_empty() => Ok(text),
            Some(_) => Err(invalid(name, expected, "something else")),
        }
    }

    /// The text of the event.
    fn data(&self) -> Result<Vec<u8>, Reject> {
        match (self.get("data"), self.get("data_base64")) {
            (Some(data), None) => Ok(data.as_bytes().to_vec()),
            (None, Some(encoded)) => {
                let text: Option<String> = serde_json::from_str(encoded).ok();
                let bytes = text.and_then(|text| BASE64_STANDARD.decode(text).ok());
                bytes.ok_or_else(|| invalid("data_base64", "JSON in base64", "something else"))
            }
            (None, None) => Err(invalid("data", "the event", "nothing")),
            (Some(_), Some(_)) => Err(invalid("data_base64", "nothing beside `data`", "both")),
        }
    }

    /// Appends the attributes as the first member of an event, without a comma behind.
    fn write_attributes(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(format!("{{\"{MEMBER}\":").as_bytes());
        let mut before = b'{';
        for (name, value) in self.0.iter().filter(|(name, _)| !is_data(name)) {
            text.push(before);
            super::text::write_string(name.as_bytes(), text);
            text.push(b':');
            text.extend_from_slice(value.get().as_bytes());
            before = b',';
        }
        text.push(b'}');
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Self::Value = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.iter().any(|(other, _)| *other == name) {
                        return Err(serde::de::Error::custom("it names a member twice"));
                    }
                    members.push((name, value));
                }
                members.retain(|(_, value)| value.get() != "null");
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(Envelope)
    }
}

fn is_data(name: &str) -> bool {
    matches!(name, "data" | "data_base64")
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

fn invalid(member: &str, expected: &str, found: &str) -> Reject {
    Reject {
        reason: RejectReason::InvalidEnvelope,
        pointer: format!("/{}", member.replace('~', "~0").replace('/', "~1")),
        keyword: String::new(),
        message: format!("expected {expected}; found {found}"),
        offset: None,
    }
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::format::testing::event_type;

    fn types() -> [EventType; 2] {
        let open = json!({"properties": {"t": {}}});
        let named = json!({"properties": {"t": {}, "cloudevent": {"type": "object"}}});
        [event_type("plain", open, None), event_type("named", named, None)]
    }

    fn envelope(changes: Value) -> String {
        let mut envelope = json!({
            "specversion": "1.0", "id": "7", "source": "/hub", "type": "plain", "time": "2026-01-05T10:00:00+01:00",
            "data": {"t": 1}
        });
        for (name, value) in changes.as_object().unwrap() {
            envelope[name] = value.clone();
        }
        envelope.to_string()
    }

    fn convert_one(envelope: &str, stated: Option<usize>) -> Result<(Option<usize>, String), Reject> {
        let mut text = Vec::new();
        let event_type = convert(envelope.as_bytes(), &types(), (stated, None), &mut text)?;
        Ok((event_type, String::from_utf8(text).unwrap()))
    }

    #[test]
    fn the_event_is_the_data_as_it_stands() {
        let text =
            r#"{"data": {"t" : 1.50, "t":2} ,"specversion":"1.0","id":"7","source":"s","type":"other"}"#;
        assert_eq!(convert_one(text, None), Ok((None, r#"{"t" : 1.50, "t":2}"#.into())));
        assert_eq!(convert_one(text, Some(0)), Ok((Some(0), r#"{"t" : 1.50, "t":2}"#.into())));
        let encoded = envelope(json!({"data": null, "data_base64": BASE64_STANDARD.encode("{\"t\": 2}")}));
        assert_eq!(convert_one(&encoded, None), Ok((Some(0), "{\"t\": 2}".into())));
        let typed = envelope(json!({"datacontenttype": "Application/vnd.x+JSON; charset=utf-8"}));
        assert_eq!(convert_one(&typed, None), Ok((Some(0), "{\"t\":1}".into())));
    }

    #[test]
    fn a_schema_that_names_it_gets_the_attributes() {
        let text =
            r#"{"specversion":"1.0","id":"7","source":"s","type":"named","n":null,"x":2,"data":{"t":1}}"#;
        let attributes = r#"{"cloudevent":{"specversion":"1.0","id":"7","source":"s","type":"named","x":2}"#;
        assert_eq!(convert_one(text, None), Ok((Some(1), format!(r#"{attributes},"t":1}}"#))));
        let empty = text.replace(r#"{"t":1}"#, "{ }");
        assert_eq!(convert_one(&empty, None), Ok((Some(1), format!("{attributes} }}"))));
        let list = text.replace(r#"{"t":1}"#, "[1]");
        assert_eq!(convert_one(&list, None), Ok((Some(1), "[1]".into())));
    }

    #[test]
    fn what_is_no_envelope_is_refused_with_the_attribute() {
        for (changes, pointer, message) in [
            (json!({"specversion": "0.3"}), "/specversion", "expected `1.0`; found `0.3`"),
            (
                json!({"specversion": 1.0}),
                "/specversion",
                "expected a string that is not empty; found something else",
            ),
            (json!({"id": null}), "/id", "expected a string that is not empty; found nothing"),
            (json!({"source": ""}), "/source", "expected a string that is not empty; found something else"),
            (json!({"type": 5}), "/type", "expected a string that is not empty; found something else"),
            (json!({"time": "yesterday"}), "/time", "expected an RFC 3339 time; found something else"),
            (
                json!({"datacontenttype": "text/xml"}),
                "/datacontenttype",
                "expected a type of JSON, such as `application/json`; found `text/xml`",
            ),
            (json!({"data": null}), "/data", "expected the event; found nothing"),
            (json!({"data_base64": "e30="}), "/data_base64", "expected nothing beside `data`; found both"),
            (
                json!({"data": null, "data_base64": "?"}),
                "/data_base64",
                "expected JSON in base64; found something else",
            ),
            (json!({"x/y": {}}), "/x~1y", "expected a string, a number or a boolean; found something else"),
        ] {
            let reject = convert_one(&envelope(changes), None).unwrap_err();
            assert_eq!(
                (reject.reason, reject.pointer.as_str(), reject.message.as_str()),
                (RejectReason::InvalidEnvelope, pointer, message)
            );
        }
        for text in ["", "[]", "17", "{\"id\":1,\"id\":1}", "{\"a\":}", "{} {}"] {
            let reject = convert_one(text, None).unwrap_err();
            assert_eq!(reject.reason, RejectReason::Malformed, "{text}");
            assert!(reject.message.starts_with("expected a CloudEvents envelope"), "{}", reject.message);
        }
    }
}
