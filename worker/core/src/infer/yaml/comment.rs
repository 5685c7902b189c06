//! What a person is told of a place.

use super::scalar::quoted;
use crate::infer::number::{Numbers, Range};
use crate::infer::part::Part;
use crate::infer::text::Texts;
use crate::infer::words;

/// What is said of one place; nothing where there is nothing to decide.
pub(super) fn of_part(part: &Part<'_>) -> String {
    let seen = part.seen;
    let mut said = Vec::new();
    if !part.is_required() {
        said.push(format!("in {} of {}", seen.count, part.of));
    }
    if seen.nulls > 0 {
        said.push(format!("null in {}", seen.nulls));
    }
    of_numbers(&seen.numbers, &mut said);
    if seen.texts.count > 0 {
        of_texts(part, &seen.texts, &mut said);
    }
    if let Some(array) = &seen.array {
        said.push(match (array.length_min, array.length_max) {
            (min, max) if min == max => format!("always {min} items"),
            (min, max) => format!("{min} to {max} items"),
        });
    }
    if let Some(object) = &seen.object {
        if part.is_map {
            said.push(format!("its {} names look like data: a map", object.members.len()));
        }
        if object.others > 0 {
            said.push(format!("{} values under further names were not looked at", object.others));
        }
    }
    if is_personal(part) {
        said.push("personal?".to_owned());
    }
    said.join("; ")
}

fn is_personal(part: &Part<'_>) -> bool {
    words::privacy(part.name, part.format).is_some() && !part.is_block()
}

fn of_numbers(numbers: &Numbers, said: &mut Vec<String>) {
    if let Some(Range { min, max }) = numbers.range() {
        said.push(if min == max { format!("always {min}") } else { format!("{min} to {max}") });
    }
    for (code, count) in numbers.codes() {
        said.push(format!(
            "does {code} (in {count}) stand for a missing value? then cleanse by nullIf: [{code}]"
        ));
    }
}

fn of_texts(part: &Part<'_>, texts: &Texts, said: &mut Vec<String>) {
    let is_text = part.types.contains(&"string");
    if !is_text {
        of_numbers(&texts.numbers, said);
    }
    if !part.null_if.is_empty() {
        said.push(format!("{} without a value", texts.count - texts.plain()));
        return;
    }
    if !is_text || part.format.is_some() {
        return;
    }
    let distinct = part.seen.distinct.count();
    match (part.values, distinct) {
        (Some(values), _) => said.push(format!("a closed list? {} values in {}", values.len(), texts.count)),
        (None, Some(1)) => {
            let only = texts.few.values().and_then(|values| values.first()).filter(|_| !is_personal(part));
            said.push(only.map_or("always the same".to_owned(), |only| format!("always {}", quoted(only))));
        }
        (None, Some(count)) if count as u64 == part.seen.count && count > 1 => {
            said.push("all different".to_owned())
        }
        (None, Some(count)) => said.push(format!("{count} values, up to {} bytes", texts.bytes_max)),
        (None, None) => said.push(format!("up to {} bytes", texts.bytes_max)),
    }
    if texts.are_numbers() {
        said.push("all are numbers: cleanse by cast: Number?".to_owned());
    } else if let Some(words) = texts.times() {
        said.push(format!("times, as `{words}`: cleanse by parseTime?"));
    }
}

/// A text within a comment, which it must not end.
pub(super) fn shown(text: &str) -> String {
    let escaped = |c: char| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    text.chars().map(|c| if escaped(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}
