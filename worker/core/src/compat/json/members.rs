//! What a writer says of the members of its objects: of one by name, and of all that nobody names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::facts::Facts;
use super::part::{All, Part};

/// Keywords that may say more of members than the comparison sees at one place.
const INDIRECT: [&str; 8] =
    ["anyOf", "oneOf", "if", "dependentSchemas", "dependencies", "$dynamicRef", "$recursiveRef", "not"];

impl<'s> All<'s> {
    /// What is said of a member: by name or pattern, or else of unnamed ones.
    pub(super) fn member(&self, name: &str) -> Vec<Part<'s>> {
        let found: Vec<Part<'s>> = self.parts.iter().flat_map(|part| part.member(name)).collect();
        if found.is_empty() { self.unevaluated().into_iter().collect() } else { found }
    }

    /// Whether a member is described by name or pattern.
    pub(super) fn describes(&self, name: &str) -> bool {
        self.parts.iter().any(|part| !part.described(name).is_empty())
    }

    /// `unevaluatedProperties`, where it means all members that no part describes.
    pub(super) fn unevaluated(&self) -> Option<Part<'s>> {
        let root = self.parts.first()?;
        let indirect = |part: &Part<'s>| INDIRECT.into_iter().any(|keyword| part.get(keyword).is_some());
        let is_plain = self.lost.is_none() && !self.parts.iter().any(indirect);
        root.keyword("unevaluatedProperties").filter(|_| is_plain)
    }

    /// Whether such a member may be in data: not if it is forbidden; nor, unless it is required, if only the other version
    /// names it.
    pub(super) fn may_have(&self, name: &str, facts: &Facts<'s>, is_strict: bool) -> bool {
        let said = self.member(name);
        if All::of(&said).nothing.is_some() {
            return false;
        }
        !said.is_empty()
            || is_strict
            || self.lost.is_some()
            || facts.required.contains(name)
            || self.mentioned().contains(name)
    }

    /// The names that `properties` of any part describe.
    pub(super) fn names(&self) -> BTreeSet<&'s str> {
        self.parts.iter().flat_map(|part| part.named("properties")).map(|(name, _)| name).collect()
    }

    /// For each part, what may be said of members that nobody names: by patterns other than these, and by
    /// `additionalProperties`. None stands for nothing said.
    pub(super) fn unnamed(&self, patterns: &BTreeSet<&str>) -> Vec<Vec<Option<Part<'s>>>> {
        let mut all = Vec::new();
        for part in &self.parts {
            let by_pattern = part.named("patternProperties").into_iter();
            let by_pattern = by_pattern.filter(|(pattern, _)| !patterns.contains(pattern));
            let mut options: Vec<Option<Part<'s>>> = by_pattern.map(|(_, part)| Some(part)).collect();
            options.push(part.keyword("additionalProperties"));
            all.push(options);
        }
        if let Some(unevaluated) = self.unevaluated()
            && !self.parts.iter().any(|part| part.get("additionalProperties").is_some())
        {
            let mut options: Vec<_> = all.drain(..).flatten().flatten().map(Some).collect();
            options.push(Some(unevaluated));
            all.push(options);
        }
        all
    }
}

/// Whether what is said of members forbids them.
pub(super) fn is_closed(part: &Part<'_>) -> bool {
    part.at.value == &Value::Bool(false)
}
