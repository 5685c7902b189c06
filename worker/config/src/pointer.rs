//! JSON Pointers (RFC 6901), parsed once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A JSON Pointer (RFC 6901) as its unescaped steps. No steps means the whole document.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer {
    steps: Vec<String>,
}

/// Why a text is not a JSON Pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a JSON Pointer; write the path to a field with a slash before each step, such as `/station/id`"
)]
pub struct PointerError(String);

impl Pointer {
    /// A pointer from steps that are not escaped.
    pub fn from_steps(steps: Vec<String>) -> Self {
        Self { steps }
    }

    /// Its steps, unescaped.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The pointer to a child of what this one names.
    pub fn child(&self, step: &str) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step.to_owned());
        Self { steps }
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let fail = || PointerError(text.to_owned());
        let steps = text.strip_prefix('/').ok_or_else(fail)?.split('/').map(unescape);
        Ok(Self { steps: steps.collect::<Option<_>>().ok_or_else(fail)? })
    }
}

/// `~1` is a slash and `~0` a tilde; any other use of a tilde is an error.
fn unescape(step: &str) -> Option<String> {
    let mut out = String::with_capacity(step.len());
    let mut chars = step.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

impl TryFrom<String> for Pointer {
    type Error = PointerError;

    fn try_from(text: String) -> Result<Self, PointerError> {
        text.parse()
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.to_string()
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            write!(f, "/{}", step.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_rfc_6901() {
        for (text, steps) in [
            ("", vec![]),
            ("/a", vec!["a"]),
            ("/a~1b/~0", vec!["a/b", "~"]),
            ("/", vec![""]),
            ("/a/0", vec!["a", "0"]),
        ] {
            let pointer: Pointer = text.parse().unwrap();
            assert_eq!(pointer.steps(), steps);
            assert_eq!(pointer.to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_pointer() {
        for text in ["a", "/~", "/~2"] {
            assert!(text.parse::<Pointer>().is_err(), "{text}");
        }
    }
}
