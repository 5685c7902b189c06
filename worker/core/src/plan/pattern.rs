//! Patterns as tables: one step a byte. A match found here is a match; where none is found, or for what is no such
//! table, the `jsonschema` crate has the word.

use regex_automata::Input;
use regex_automata::dfa::{Automaton, StartKind, dense};

/// Patterns with larger tables are left to the crate: they would push others out of the processor's caches.
const TABLE_BYTES_MAX: usize = 64 * 1024;
/// Memory that making one may take, in bytes.
const BUILD_BYTES_MAX: usize = 1024 * 1024;

/// A pattern as a deterministic automaton.
#[derive(Debug)]
pub(crate) struct Table(dense::DFA<Vec<u32>>);

impl Table {
    /// Compiles a pattern of ECMA 262 as the crate reads it. None if it looks around or back, or its table is large.
    pub(crate) fn compile(pattern: &str) -> Option<Self> {
        let pattern = jsonschema_regex::to_rust_regex(pattern).ok()?;
        let limits = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(TABLE_BYTES_MAX))
            .determinize_size_limit(Some(BUILD_BYTES_MAX));
        dense::Builder::new().configure(limits).build(&pattern).ok().map(Self)
    }

    /// Whether a string surely has a match.
    #[inline]
    pub(crate) fn matches(&self, text: &str) -> bool {
        let input = Input::new(text).earliest(true);
        self.0.try_search_fwd(&input).is_ok_and(|found| found.is_some())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Table;

    #[test]
    fn matches_are_those_of_a_regular_expression() {
        let texts = [
            "",
            "A",
            "AB",
            "ABC",
            "ABCD",
            "abc",
            "N1",
            "N",
            "N12AB",
            "a-b",
            "é",
            "N1é",
            "12-",
            "a\n",
            "_9",
            "xAx",
            "EWR-UA1545-0101-1",
            "ewr",
            "]",
            "١",
        ];
        for pattern in [
            "^[A-Z]{3}$",
            "^N[0-9A-Z]+$",
            "^A",
            "^",
            "^$",
            "",
            "A",
            "B$",
            "^[a-z]?B*$",
            "^[A-Z]{1,2}",
            "^[0-9-]{2,}$",
            "^[a_-]+[0-9]*",
            "^(EWR|JFK)-[A-Z]{2}[0-9]+-\\d{4}-\\d$",
            "^a|b",
            "^[^a]",
            "^.$",
            "\\d",
            "\\w\\W",
            "é$",
            "^a+?",
            "[\\]]",
            "^\\u0041",
        ] {
            let table = Table::compile(pattern).unwrap();
            let schema = serde_json::json!({"pattern": pattern});
            for text in texts {
                assert_eq!(
                    table.matches(text),
                    jsonschema::is_valid(&schema, &text.into()),
                    "{pattern} on {text:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_small_table_is_left_alone() {
        for pattern in ["^(?=a)", "(a)\\1", "^[a-", "[ab]*a[ab]{20}", "^.{5000}$"] {
            assert!(Table::compile(pattern).is_none(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn no_match_is_found_that_the_crate_does_not_find(
            pattern in "\\^?([abé]|\\[a-c\\]|\\[\\^b\\]|\\.|\\\\d|\\\\w|\\\\s|\\(a\\|bc\\)|a\\{1,2\\}|b\\?|c\\*|\\(ab\\)\\+){0,5}\\$?",
            texts in prop::collection::vec("[abc1é \n]{0,6}", 20),
        ) {
            let schema = serde_json::json!({"pattern": pattern});
            let table = Table::compile(&pattern).unwrap();
            for text in texts {
                prop_assert_eq!(table.matches(&text), jsonschema::is_valid(&schema, &text.as_str().into()), "{:?}", text);
            }
        }
    }
}
