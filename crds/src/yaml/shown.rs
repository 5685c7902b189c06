//! The words in which problems are told.

use std::sync::Arc;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use super::place::{Places, join};
use super::problem::Problem;
use crate::crd::API_VERSION;
use crate::shape;

const KINDS: [&str; 2] = ["StudySchema", "ResearchPipeline"];
const MISSING: &str = "is missing";
/// From this likeness on, by Jaro and Winkler, one name is taken for a misspelling of another.
const ALIKE: f64 = 0.84;
/// Longer values are cut.
const SHOWN_MAX: usize = 60;

/// What the parser says of a text that is no YAML.
pub(super) fn syntax(file: &Arc<str>, error: &serde_saphyr::Error) -> Problem {
    let location = error.location().unwrap_or(serde_saphyr::Location::UNKNOWN);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Problem {
        line: small(location.line()),
        column: small(location.column()),
        ..Problem::of_file(file, format!("is not valid YAML: {}", bare(error)), "correct the text there")
    }
}

/// The parser's message without its own copy of the place.
fn bare(error: &serde_saphyr::Error) -> String {
    let said = error.without_snippet().to_string();
    let first = said.lines().next().unwrap_or_default();
    let end = first.find(" at line ").unwrap_or(first.len());
    first[..end].trim_start_matches("error: ").to_owned()
}

/// An object that means to be Transect's but isn't; None for anything else.
pub(super) fn foreign(places: &Places, api_version: &str, kind: &str) -> Option<Problem> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let ours = API_VERSION.split_once('/').map_or("", |(group, _)| group);
    if group != ours {
        let message = format!("{kind} is Transect's, but `{api_version}` is not its API version");
        let known = KINDS.contains(&kind);
        return known.then(|| places.problem("apiVersion", message, format!("write `{API_VERSION}`")));
    }
    if api_version != API_VERSION {
        let message = format!("`{version}` is not a version that this build knows");
        return Some(places.problem("apiVersion", message, format!("write `{API_VERSION}`")));
    }
    let message = format!("`{kind}` is not a kind of {API_VERSION}");
    Some(places.problem("kind", message, one_of(kind, &KINDS)))
}

/// One break of the schema at `path`, as one problem or, for unknown fields, one for each.
pub(super) fn structural(
    error: &ValidationError<'_>,
    path: &str,
    schema: &Value,
    places: &Places,
) -> Vec<Problem> {
    let found = value(error.instance());
    let (message, fix) = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            return unexpected.iter().map(|name| unknown_field(name, path, schema, places)).collect();
        }
        ValidationErrorKind::Required { property } => {
            return vec![missing_field(property.as_str().unwrap_or_default(), path, schema, places)];
        }
        ValidationErrorKind::Type { kind } => (wrong_type(error.instance(), kind), example(schema)),
        ValidationErrorKind::Enum { options } => {
            let options: Vec<&str> =
                options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let fix = one_of(error.instance().as_str().unwrap_or_default(), &options);
            (format!("{found} is not a value of this field"), fix)
        }
        ValidationErrorKind::Pattern { pattern } => match shape::told(pattern) {
            Some((what, fix)) => (format!("{found} is not {what}"), fix.to_owned()),
            None => (format!("{found} is not written as this field is"), example(schema)),
        },
        ValidationErrorKind::Minimum { limit } => {
            (format!("{found} is too small"), format!("write at least {}", number(limit)))
        }
        ValidationErrorKind::Maximum { limit } => {
            (format!("{found} is too large"), format!("write at most {}", number(limit)))
        }
        ValidationErrorKind::MinLength { .. } => ("is empty".to_owned(), example(schema)),
        ValidationErrorKind::MaxLength { limit } => {
            ("is too long".to_owned(), format!("write at most {limit} characters"))
        }
        ValidationErrorKind::MinItems { limit } => {
            ("has too few items".to_owned(), format!("write at least {limit}"))
        }
        ValidationErrorKind::MaxItems { limit } => {
            ("has too many items".to_owned(), format!("write at most {limit}"))
        }
        ValidationErrorKind::MinProperties { limit } => wrong_count(error.instance(), *limit, schema),
        ValidationErrorKind::MaxProperties { limit } => wrong_count(error.instance(), *limit, schema),
        _ => (error.to_string(), String::new()),
    };
    vec![places.problem(path, message, fix)]
}

fn unknown_field(name: &str, path: &str, schema: &Value, places: &Places) -> Problem {
    let known: Vec<&str> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    places.problem(&join(path, name), "is not a field that is known here", one_of(name, &known))
}

fn missing_field(name: &str, path: &str, schema: &Value, places: &Places) -> Problem {
    let example = match example_of(&schema["properties"][name]) {
        Some(example) => format!("write it, such as `{name}: {example}`"),
        None => "write it".to_owned(),
    };
    places.problem(&join(path, name), MISSING, example)
}

fn wrong_type(found: &Value, kind: &TypeKind) -> String {
    let wanted = match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or ")
        }
    };
    let wanted = match wanted.as_str() {
        "object" => "a map",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    };
    match found {
        Value::Null => format!("has no value, but must be {wanted}"),
        Value::Object(_) => format!("is a map, but must be {wanted}"),
        Value::Array(_) => format!("is a list, but must be {wanted}"),
        found => format!("{} is {}, but must be {wanted}", value(found), kind_of(found)),
    }
}

fn kind_of(found: &Value) -> &'static str {
    match found {
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        _ => "text",
    }
}

fn wrong_count(found: &Value, limit: u64, schema: &Value) -> (String, String) {
    let count = found.as_object().map_or(0, serde_json::Map::len);
    let bounds = (schema["minProperties"].as_u64(), schema["maxProperties"].as_u64());
    match schema["description"].as_str().and_then(|text| text.split_once(": ")) {
        Some((_, shape)) if bounds.0 == bounds.1 => {
            let fields = if count == 1 { "field" } else { "fields" };
            (format!("has {count} {fields}, not {limit}"), format!("write {}", shape.trim_end_matches('.')))
        }
        _ => (format!("has {count} entries"), format!("the limit is {limit}")),
    }
}

/// What to write instead: the one that looks alike, or all.
fn one_of(found: &str, known: &[&str]) -> String {
    let alike = known
        .iter()
        .map(|name| (strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match (alike, known) {
        (Some((_, name)), _) => meant(name),
        (None, []) => "leave it out; nothing is written here".to_owned(),
        (None, known) => format!("write one of {}", known.join(", ")),
    }
}

fn meant(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// Leaves out that a field is missing where one is there that was meant to be it.
pub(super) fn once_each(problems: &mut Vec<Problem>) {
    let found: Vec<(String, String)> =
        problems.iter().map(|problem| (parent(&problem.path).to_owned(), problem.fix.clone())).collect();
    problems.retain(|problem| {
        let name = &problem.path[parent(&problem.path).len()..];
        let meant = (parent(&problem.path).to_owned(), meant(name.trim_start_matches('.')));
        problem.message != MISSING || !found.contains(&meant)
    });
}

fn parent(path: &str) -> &str {
    path.rfind('.').map_or("", |end| &path[..end])
}

fn example(schema: &Value) -> String {
    match example_of(schema) {
        Some(example) => format!("write it such as `{example}`"),
        None => String::new(),
    }
}

/// The example in a field's description, without its quotes.
fn example_of(schema: &Value) -> Option<&str> {
    let (_, rest) = schema["description"].as_str()?.split_once("Example: `")?;
    rest.split_once('`').map(|(example, _)| example)
}

/// A bound as people write it: whole numbers without a point.
fn number(limit: &Value) -> String {
    limit.as_f64().map_or_else(|| limit.to_string(), |limit| limit.to_string())
}

/// A value as it is shown: cut to a readable length, texts in backquotes.
pub(super) fn value(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let end = text.char_indices().nth(SHOWN_MAX).map_or(text.len(), |(end, _)| end);
    let more = if end < text.len() { "…" } else { "" };
    format!("`{}{more}`", &text[..end])
}
