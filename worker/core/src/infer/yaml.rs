//! The draft as YAML, with a comment wherever a person must decide.

mod comment;
mod scalar;

use std::fmt::Write as _;

use self::comment::{of_part, shown};
use self::scalar::{quoted, word};
use super::part::Part;
use super::roles::{Roles, Time, Written};
use super::{Asked, Inference};

/// The manifest.
pub(super) fn manifest(inference: &Inference, asked: &Asked<'_>, root: &Part<'_>, roles: &Roles) -> String {
    let mut out = String::new();
    head(&mut out, inference, asked);
    let _ = writeln!(out, "apiVersion: transect.dev/v1alpha1\nkind: StudySchema");
    let _ = writeln!(out, "metadata: {{name: {}}}", word(asked.name));
    let _ = writeln!(out, "spec:\n  study: {}\n  format: JsonSchema", word(asked.study));
    event(&mut out, root, roles);
    cleanse(&mut out, root, roles);
    privacy(&mut out, roles);
    let _ = writeln!(out, "  versions:\n    - version: 1\n      schema:");
    let _ = writeln!(out, "        $schema: https://json-schema.org/draft/2020-12/schema");
    let _ = writeln!(
        out,
        "        # Open: fields that are not named here go to the column `extra`. To refuse them,"
    );
    let _ = writeln!(out, "        # write `additionalProperties: false`.");
    Writer { out: &mut out, roles }.inside(root, 8);
    out
}

/// What was looked at.
fn head(out: &mut String, inference: &Inference, asked: &Asked<'_>) {
    let files = asked.files.iter().map(|file| shown(file)).collect::<Vec<_>>().join(", ");
    let events = inference.events();
    let all = if inference.is_full() { "the first" } else { "all" };
    let _ = writeln!(out, "# Drafted from {all} {events} events of {files}.");
    if inference.is_full() {
        let _ = writeln!(out, "# What comes behind them was not looked at: --rows N looks at more.");
    }
    let unread = inference.unread();
    if let Some(first) = &unread.first {
        let _ = writeln!(
            out,
            "# {} of them can't be read, whatever the schema; the first: {}.",
            unread.count,
            shown(first)
        );
    }
    let _ = writeln!(
        out,
        "# It takes them all. What is right for the study is for you to decide: read each comment,"
    );
    let _ = writeln!(
        out,
        "# correct, and take it out. Ranges are those that were seen; write `minimum` and `maximum`"
    );
    let _ = writeln!(out, "# by what is possible.");
}

/// The fields with a meaning.
fn event(out: &mut String, root: &Part<'_>, roles: &Roles) {
    let _ = writeln!(out, "  event:");
    let list = |pointers: &[transect_config::Pointer]| {
        pointers.iter().map(|pointer| shown(&pointer.to_string())).collect::<Vec<_>>().join(", ")
    };
    let also = |pointers: &[transect_config::Pointer]| match pointers {
        [] => String::new(),
        pointers => format!(" Nor: {}.", list(pointers)),
    };
    let events = root.seen.count;
    match (&roles.id, &roles.pair) {
        (Some(id), _) => {
            let _ = writeln!(
                out,
                "    # Tells events apart: no two of {events} share it.{}",
                also(&roles.unique)
            );
            let _ = writeln!(out, "    id: [{}]", word(&id.to_string()));
        }
        (None, pair) => {
            let _ =
                writeln!(out, "    # No field is known as an id: events with the same content are repeats.");
            if !roles.unique.is_empty() {
                let _ = writeln!(out, "    # No two of {events} share: {}.", list(&roles.unique));
            }
            if let Some(pair) = pair {
                let pair = pair.each_ref().map(|pointer| word(&pointer.to_string())).join(", ");
                let _ = writeln!(out, "    # No two of the first events share all of these:");
                let _ = writeln!(out, "    # id: [{pair}]");
            }
        }
    }
    time(out, roles.time.as_ref(), &list(&roles.other_times));
    let _ = writeln!(
        out,
        "    # Who or what is observed: events of one key stay in order.{}",
        match &*roles.other_keys {
            [] => String::new(),
            others => format!(" Or: {}.", list(others)),
        }
    );
    let comment = if roles.key.is_some() { "" } else { "# " };
    let key = roles.key.as_ref().map_or("/station".to_owned(), ToString::to_string);
    let _ = writeln!(out, "    {comment}key: [{}]", word(&key));
    if let Some(region) = &roles.region {
        let _ = writeln!(out, "    # The geography, by which tables can be partitioned.");
        let _ = writeln!(out, "    region: {}", word(&region.to_string()));
    }
    let _ = writeln!(out, "    # How far events may trail the newest, and lie ahead of the clock.");
    let _ = writeln!(out, "    # delay: 5m\n    # maxAhead: 1h");
}

fn time(out: &mut String, time: Option<&Time>, others: &str) {
    let others = if others.is_empty() { String::new() } else { format!(" Others that are times: {others}.") };
    let Some(Time { field, written }) = time else {
        let _ = writeln!(
            out,
            "    # No field of all events reads as a time. A pipeline needs one: name it here."
        );
        let _ = writeln!(out, "    time: /time");
        return;
    };
    let _ = writeln!(out, "    # When it was observed.{others}");
    let _ = writeln!(out, "    time: {}", word(&field.to_string()));
    if let Written::Since1970(format) = written {
        let _ = writeln!(out, "    timeFormat: {format}");
    }
}

/// Repairs without which the schema would refuse what was seen.
fn cleanse(out: &mut String, root: &Part<'_>, roles: &Roles) {
    let mut steps = String::new();
    if let Some(Time { field, written: Written::As(format) }) = &roles.time {
        let _ = writeln!(
            steps,
            "    # Its times have no offset, or are not written as RFC 3339. In which zone are they?"
        );
        let field = word(&field.to_string());
        let _ = writeln!(
            steps,
            "    - {{field: {field}, parseTime: {{formats: [{}], timeZone: UTC}}}}",
            quoted(format)
        );
    }
    for field in root.fields() {
        if let Some(pointer) = field.pointer.as_ref().filter(|_| !field.null_if.is_empty()) {
            let codes = field.null_if.iter().map(|code| quoted(code)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(steps, "    - {{field: {}, nullIf: [{codes}]}}", word(&pointer.to_string()));
        }
    }
    if !steps.is_empty() {
        let _ = write!(out, "  # Made before validation.\n  cleanse:\n{steps}");
    }
}

fn privacy(out: &mut String, roles: &Roles) {
    if roles.personal.is_empty() {
        return;
    }
    let _ = writeln!(out, "  # These look personal. Decide what is kept of each, before anything is:");
    let _ = writeln!(out, "  # privacy:");
    for (pointer, treatment) in &roles.personal {
        let _ = writeln!(out, "  #   - {{field: {}, {treatment}}}", word(&pointer.to_string()));
    }
}

/// Writes what is said of places.
struct Writer<'w> {
    out: &'w mut String,
    roles: &'w Roles,
}

impl Writer<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    /// The keywords of a place, one a line.
    fn inside(&mut self, part: &Part<'_>, indent: usize) {
        self.line(indent, &format!("type: {}", types(&part.types)));
        let required: Vec<String> = part
            .members
            .iter()
            .filter(|member| member.is_required())
            .map(|member| word(member.name))
            .collect();
        // What is in all objects of a field that is one only at times is required all the same: of objects.
        if !required.is_empty() {
            self.line(indent, &format!("required: [{}]", required.join(", ")));
        }
        if !part.members.is_empty() {
            self.line(indent, "properties:");
        }
        for member in &part.members {
            self.member(member, indent + 2);
        }
        if let Some(items) = &part.items {
            self.named("items", items, indent);
        }
    }

    fn member(&mut self, part: &Part<'_>, indent: usize) {
        self.named(&word(part.name), part, indent);
    }

    fn named(&mut self, name: &str, part: &Part<'_>, indent: usize) {
        let comment = of_part(part);
        let comment = if comment.is_empty() { String::new() } else { format!("  # {comment}") };
        if part.is_block() {
            self.line(indent, &format!("{name}:{comment}"));
            self.inside(part, indent + 2);
        } else {
            let said = self.flow(part);
            self.line(indent, &format!("{name}: {said}{comment}"));
        }
    }

    /// The keywords of a place with nothing in it, on one line.
    fn flow(&self, part: &Part<'_>) -> String {
        if part.types.is_empty() {
            return "{}".to_owned();
        }
        let mut said = format!("{{type: {}", types(&part.types));
        let is_time = |time: &Time| Some(&time.field) == part.pointer.as_ref();
        let time = self.roles.time.as_ref().filter(|time| is_time(time)).map(|time| time.written);
        let format = if matches!(time, Some(Written::As(_))) { Some("date-time") } else { part.format };
        if let Some(format) = format {
            let _ = write!(said, ", format: {format}");
        } else if let Some(values) = part.values {
            let null = part.types.contains(&"null").then(|| "null".to_owned());
            let values: Vec<String> = values.iter().map(|value| word(value)).chain(null).collect();
            let _ = write!(said, ", enum: [{}]", values.join(", "));
        }
        if let Some(items) = &part.items {
            let _ = write!(said, ", items: {}", self.flow(items));
        }
        said + "}"
    }
}

fn types(types: &[&str]) -> String {
    match types {
        [one] => word(one),
        several => format!("[{}]", several.iter().map(|name| word(name)).collect::<Vec<_>>().join(", ")),
    }
}
