//! Objects: required members, members by name, by pattern and unnamed, names, and what depends on a member.

use std::collections::BTreeSet;

use serde_json::Value;

use super::facts::{self, Facts};
use super::members::is_closed;
use super::part::{All, Part};
use super::types::Types;
use super::{Aspect, Break, Comparison};
use crate::compat::Bound;
use crate::plan::delegate::Delegate;
use crate::plan::source::escape;

/// What a reader's part says of members that it doesn't describe.
struct Rest<'s> {
    keyword: &'static str,
    schema: Part<'s>,
}

impl<'s> Comparison<'s> {
    pub(super) fn objects(
        &mut self,
        part: &Part<'s>,
        reader: &All<'s>,
        writer: &All<'s>,
        facts: &Facts<'s>,
        pointer: &str,
    ) {
        self.required(part, facts, pointer);
        if facts::count(part, Bound::MinProperties).is_none_or(|wanted| wanted > facts.required.len() as u64)
        {
            self.counts(&[Bound::MinProperties], part, writer, pointer);
        }
        self.counts(&[Bound::MaxProperties], part, writer, pointer);
        let additional = part.keyword("additionalProperties");
        let rest = additional.map(|schema| Rest { keyword: "additionalProperties", schema });
        self.members(
            &All { parts: vec![part.clone()], ..All::default() },
            rest.as_ref(),
            writer,
            facts,
            pointer,
        );
        self.patterns(part, writer, pointer);
        if let Some(rest) = &rest {
            self.unnamed(part, rest, writer, pointer);
        }
        if let Some(schema) = part.keyword("unevaluatedProperties") {
            self.unevaluated(part, schema, reader, writer, facts, pointer);
        }
        self.names(part, writer, pointer);
        self.dependencies(part, writer, facts, pointer);
    }

    fn required(&mut self, part: &Part<'s>, facts: &Facts<'s>, pointer: &str) {
        let required = part.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !facts.required.contains(name) {
                let what = format!(
                    "{} requires `{name}`, {} doesn't; events without it are refused",
                    self.reader, self.writer
                );
                let place = part.keyword("required");
                self.report(Aspect::Required, &below(pointer, name), place.as_ref(), what);
            }
        }
    }

    /// Members that either version names.
    fn members(
        &mut self,
        reader: &All<'s>,
        rest: Option<&Rest<'s>>,
        writer: &All<'s>,
        facts: &Facts<'s>,
        pointer: &str,
    ) {
        let names: BTreeSet<&str> = reader.names().union(&writer.names()).copied().collect();
        for name in names {
            if !writer.may_have(name, facts, self.is_strict) {
                continue;
            }
            let (given, pointer) = (writer.member(name), below(pointer, name));
            let wanted: Vec<Part<'s>> = reader.parts.iter().flat_map(|part| part.described(name)).collect();
            if !wanted.is_empty() {
                let found = self.trial(|this| this.accept_each(&wanted, &given, &pointer));
                if given.is_empty() || writer.describes(name) {
                    self.breaks.extend(found);
                } else if let Some(first) = found.first() {
                    let what = format!(
                        "{} describes `{name}`, for which {} has only what it says of unnamed properties ({})",
                        self.reader, self.writer, first.message
                    );
                    self.report(Aspect::NamedNotCovered, &pointer, wanted.first(), what);
                }
            } else if let Some(rest) = rest {
                self.not_described(name, rest, &given, &pointer);
            }
        }
    }

    fn accept_each(&mut self, wanted: &[Part<'s>], given: &[Part<'s>], pointer: &str) {
        for wanted in wanted {
            self.accepts(wanted, given, Types::ALL, pointer);
        }
    }

    /// A member that only the writer describes.
    fn not_described(&mut self, name: &str, rest: &Rest<'s>, given: &[Part<'s>], pointer: &str) {
        let place = given.first().filter(|part| part.is_new).unwrap_or(&rest.schema).clone();
        if is_closed(&rest.schema) {
            let what = format!(
                "{} allows no property that it doesn't name, and doesn't name `{name}`, which {} has; events with it are refused",
                self.reader, self.writer
            );
            return self.report(Aspect::ClosedObject, pointer, Some(&place), what);
        }
        let found = self.trial(|this| this.accepts(&rest.schema, given, Types::ALL, pointer));
        if let Some(first) = found.first() {
            let what = format!(
                "{} doesn't name `{name}`, and its {} doesn't take what {} allows there ({})",
                self.reader, rest.keyword, self.writer, first.message
            );
            self.report(Aspect::NotCovered, pointer, Some(&place), what);
        }
    }

    fn patterns(&mut self, part: &Part<'s>, writer: &All<'s>, pointer: &str) {
        let pointer = format!("{pointer}/*");
        for (pattern, wanted) in part.named("patternProperties") {
            let same = writer.parts.iter().flat_map(|part| part.named("patternProperties"));
            let same: Vec<Part<'s>> =
                same.filter(|(known, _)| *known == pattern).map(|(_, part)| part).collect();
            if !same.is_empty() {
                self.accepts(&wanted, &same, Types::ALL, &pointer);
            } else if let Some(found) = self.first_of_unnamed(&wanted, &BTreeSet::new(), writer, &pointer) {
                let what = format!(
                    "{} restricts properties whose names match `{pattern}`, {} doesn't ({})",
                    self.reader, self.writer, found.message
                );
                self.report(Aspect::PatternProperties, &pointer, Some(&wanted), what);
            }
        }
    }

    /// Members that neither version names.
    fn unnamed(&mut self, part: &Part<'s>, rest: &Rest<'s>, writer: &All<'s>, pointer: &str) {
        let patterns = part.named("patternProperties").into_iter().map(|(pattern, _)| pattern).collect();
        let pointer = format!("{pointer}/*");
        let Some(found) = self.first_of_unnamed(&rest.schema, &patterns, writer, &pointer) else { return };
        let (reader, writer) = (self.reader, self.writer);
        if is_closed(&rest.schema) {
            let what = format!(
                "{reader} allows no property that it doesn't name, {writer} does; events with one are refused"
            );
            self.report(Aspect::AdditionalPropertiesPresence, &pointer, Some(&rest.schema), what);
        } else {
            let what =
                format!("{reader} takes fewer unnamed properties than {writer} allows ({})", found.message);
            self.report(Aspect::AdditionalProperties, &pointer, Some(&rest.schema), what);
        }
    }

    /// What first breaks if a schema takes members that nobody names; None if nothing does.
    fn first_of_unnamed(
        &mut self,
        wanted: &Part<'s>,
        patterns: &BTreeSet<&str>,
        writer: &All<'s>,
        pointer: &str,
    ) -> Option<Break> {
        let mut first = None;
        let mut parts = writer.unnamed(patterns);
        if parts.is_empty() {
            parts.push(vec![None]);
        }
        for options in parts {
            let found = self.trial(|this| {
                for option in options {
                    this.accepts(wanted, option.as_slice(), Types::ALL, pointer);
                }
            });
            match found.into_iter().next() {
                None => return None,
                found => first = first.or(found),
            }
        }
        first
    }

    fn unevaluated(
        &mut self,
        part: &Part<'s>,
        schema: Part<'s>,
        reader: &All<'s>,
        writer: &All<'s>,
        facts: &Facts<'s>,
        pointer: &str,
    ) {
        if schema.takes_all() {
            return;
        }
        let is_known = reader.unevaluated().is_some_and(|known| known.place() == schema.place());
        let has_patterns = reader.parts.iter().any(|part| part.get("patternProperties").is_some());
        if !is_known || has_patterns {
            let what = format!("what `unevaluatedProperties` of {} means can't be compared", self.reader);
            return self.report(Aspect::NotComparable, pointer, Some(&schema), what);
        }
        // With `additionalProperties` anywhere, none is left to be unevaluated.
        if !reader.parts.iter().any(|part| part.get("additionalProperties").is_some()) {
            let rest = Rest { keyword: "unevaluatedProperties", schema };
            let described = self.trial(|this| this.members(reader, Some(&rest), writer, facts, pointer));
            let of_rest = [Aspect::ClosedObject, Aspect::NotCovered];
            self.breaks.extend(described.into_iter().filter(|found| of_rest.contains(&found.rule.aspect)));
            self.unnamed(part, &rest, writer, pointer);
        }
    }

    fn names(&mut self, part: &Part<'s>, writer: &All<'s>, pointer: &str) {
        let Some(wanted) = part.keyword("propertyNames") else { return };
        let given: Vec<Part<'s>> =
            writer.parts.iter().filter_map(|part| part.keyword("propertyNames")).collect();
        let found = self.trial(|this| this.accepts(&wanted, &given, Types::STRING, pointer));
        let Some(first) = found.first() else { return };
        let is_finite = |part: &Part<'s>| {
            part.get("patternProperties").is_none()
                && part.keyword("additionalProperties").is_some_and(|part| is_closed(&part))
        };
        let listed = writer.parts.iter().find(|part| is_finite(part));
        let delegate = Delegate::schema(wanted.draft(), wanted.at.value);
        let pass = listed.zip(delegate).is_some_and(|(part, delegate)| {
            part.named("properties").iter().all(|(name, _)| delegate.accepts(&Value::from(*name)))
        });
        if !pass {
            let what = format!(
                "{} takes fewer names of properties than {} allows ({})",
                self.reader, self.writer, first.message
            );
            self.report(Aspect::PropertyNames, pointer, Some(&wanted), what);
        }
    }

    fn dependencies(&mut self, part: &Part<'s>, writer: &All<'s>, facts: &Facts<'s>, pointer: &str) {
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            for (name, wanted) in part.named(keyword) {
                if !writer.may_have(name, facts, self.is_strict) {
                    continue;
                }
                let given: Vec<Part<'s>> = dependent(writer, name);
                let why = match wanted.at.value {
                    Value::Array(names) => {
                        let mut names = names.iter().filter_map(Value::as_str);
                        let is_given = |name: &&str| {
                            let listed = |part: &Part<'s>| {
                                part.at
                                    .value
                                    .as_array()
                                    .is_some_and(|names| names.contains(&Value::from(*name)))
                            };
                            facts.required.contains(name) || given.iter().any(listed)
                        };
                        let lacking = names.find(|name| !is_given(name));
                        lacking.map(|lacking| format!("`{lacking}` may then be missing"))
                    }
                    _ => {
                        let parts: Vec<Part<'s>> = writer.parts.iter().chain(&given).cloned().collect();
                        let found = self.trial(|this| this.accepts(&wanted, &parts, Types::OBJECT, pointer));
                        found.into_iter().next().map(|first| first.message)
                    }
                };
                if let Some(why) = why {
                    let what = format!("{} asks for more where `{name}` is present ({why})", self.reader);
                    self.report(Aspect::Dependency, &below(pointer, name), Some(&wanted), what);
                }
            }
        }
    }
}

/// What a writer says of objects in which a member is present.
fn dependent<'s>(writer: &All<'s>, name: &str) -> Vec<Part<'s>> {
    let keywords = ["dependentRequired", "dependentSchemas", "dependencies"];
    let all =
        writer.parts.iter().flat_map(|part| keywords.into_iter().flat_map(|keyword| part.named(keyword)));
    all.filter(|(known, _)| *known == name).map(|(_, part)| part).collect()
}

/// The pointer to a member.
fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escape(name))
}
