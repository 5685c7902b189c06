//! Documents as trees whose leaves keep their spelling, so that `1`, `1.0` and `1e0` can all occur.

use serde_json::Value;

use crate::random::Random;

/// A JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Doc {
    /// A number or a word, as spelled.
    Raw(String),
    Text(String),
    Array(Vec<Doc>),
    Object(Vec<(String, Doc)>),
}

impl Doc {
    pub(crate) fn raw(text: impl ToString) -> Self {
        Self::Raw(text.to_string())
    }

    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::of).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect())
            }
            other => Self::raw(other),
        }
    }

    /// The text, plainly.
    pub(crate) fn plain(&self) -> String {
        let mut out = String::new();
        self.write(&mut None, &mut out);
        out
    }

    /// The text, with white space and escapes here and there.
    pub(crate) fn spelled(&self, random: &mut Random) -> String {
        let mut out = String::new();
        self.write(&mut Some(random), &mut out);
        out
    }

    fn write(&self, random: &mut Option<&mut Random>, out: &mut String) {
        space(random, out);
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Text(text) => string(text, random, out),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    item.write(random, out);
                }
                space(random, out);
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    space(random, out);
                    string(name, random, out);
                    space(random, out);
                    out.push(':');
                    value.write(random, out);
                }
                space(random, out);
                out.push('}');
            }
        }
        space(random, out);
    }

    /// The number of values in it.
    pub(crate) fn size(&self) -> usize {
        1 + match self {
            Self::Array(items) => items.iter().map(Self::size).sum(),
            Self::Object(members) => members.iter().map(|(_, value)| value.size()).sum(),
            _ => 0,
        }
    }

    /// The value at a position, counted from the outside in.
    pub(crate) fn at(&mut self, position: usize) -> Option<&mut Self> {
        if position == 0 {
            return Some(self);
        }
        let mut left = position - 1;
        let parts: Vec<&mut Self> = match self {
            Self::Array(items) => items.iter_mut().collect(),
            Self::Object(members) => members.iter_mut().map(|(_, value)| value).collect(),
            _ => Vec::new(),
        };
        for part in parts {
            let size = part.size();
            if left < size {
                return part.at(left);
            }
            left -= size;
        }
        None
    }

    /// Every document with one part less.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for position in 0..self.size() {
            let parts = match self.clone().at(position) {
                Some(Self::Array(items)) => items.len(),
                Some(Self::Object(members)) => members.len(),
                _ => 0,
            };
            for part in 0..parts {
                let mut copy = self.clone();
                match copy.at(position) {
                    Some(Self::Array(items)) => drop(items.remove(part)),
                    Some(Self::Object(members)) => drop(members.remove(part)),
                    _ => {}
                }
                all.push(copy);
            }
        }
        all
    }
}

fn space(random: &mut Option<&mut Random>, out: &mut String) {
    if let Some(random) = random
        && random.percent(4)
    {
        out.push_str(random.pick(&[" ", "\n", "\t", "\r\n  "]));
    }
}

/// Writes a string; where there are choices, some characters escaped that need not be.
fn string(text: &str, random: &mut Option<&mut Random>, out: &mut String) {
    let share = random.as_mut().map_or(0, |random| if random.percent(10) { 40 } else { 0 });
    out.push('"');
    for c in text.chars() {
        let escape = share > 0 && random.as_mut().is_some_and(|random| random.percent(share));
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '/' if escape => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            c if escape || c < ' ' => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
