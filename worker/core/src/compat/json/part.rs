//! Subschemas as the comparison reads them: references followed, `allOf` looked through, alternatives told apart.

use std::collections::BTreeSet;

use jsonschema::Draft;
use serde_json::{Map, Value};

use crate::plan::delegate::Delegate;
use crate::plan::source::{Located, Source};

/// More alternatives of one writer than this are not told apart; taking them as one allows more, and is safe.
const ALTERNATIVES_MAX: usize = 64;
/// More subschemas than this at one place are not looked through, as each may take some stack.
const PARTS_MAX: usize = 1000;
/// Subschemas nest no deeper than this; beyond, the writer is taken to allow anything.
const DEPTH_MAX: usize = 64;

/// A subschema of one of the two versions.
#[derive(Clone, Debug)]
pub(super) struct Part<'s> {
    pub(super) source: Source<'s>,
    /// Whether it is of the new version.
    pub(super) is_new: bool,
    pub(super) at: Located<'s>,
}

/// What tells a part from all others.
pub(super) type Place = (bool, usize, String);

impl<'s> Part<'s> {
    pub(super) fn draft(&self) -> Draft {
        self.source.draft()
    }

    pub(super) fn place(&self) -> Place {
        let (document, pointer) = self.at.place();
        (self.is_new, document, pointer)
    }

    fn of(&self, at: Located<'s>) -> Self {
        Self { source: self.source, is_new: self.is_new, at }
    }

    /// The keywords that constrain.
    pub(super) fn map(&self) -> Option<&'s Map<String, Value>> {
        self.at.keywords()
    }

    /// A keyword's value, if it constrains in this draft.
    pub(super) fn get(&self, keyword: &str) -> Option<&'s Value> {
        let means = match keyword {
            "then" | "else" => self.source.since(Draft::Draft7),
            "minContains" | "maxContains" => self.source.since(Draft::Draft201909),
            keyword => self.source.constrains(keyword),
        };
        self.map()?.get(keyword).filter(|_| means)
    }

    /// The subschema below a keyword.
    pub(super) fn keyword(&self, keyword: &str) -> Option<Self> {
        self.get(keyword).map(|value| self.of(self.at.child(keyword, value)))
    }

    /// The subschemas below a keyword that holds a list of them.
    pub(super) fn list(&self, keyword: &str) -> Vec<Self> {
        let list = self.keyword(keyword).map(|part| part.at.list()).unwrap_or_default();
        list.into_iter().map(|at| self.of(at)).collect()
    }

    /// The subschemas below a keyword that holds them by name.
    pub(super) fn named(&self, keyword: &str) -> Vec<(&'s str, Self)> {
        let Some(part) = self.keyword(keyword) else { return Vec::new() };
        let members = part.map().into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), self.of(part.at.child(name, value)))).collect()
    }

    /// Where `$ref` leads: None without one, Err where it can't be followed.
    fn reference(&self) -> Option<Result<Self, String>> {
        let text = self.map()?.get("$ref")?.as_str()?;
        Some(self.target(text).ok_or_else(|| text.to_owned()))
    }

    /// What a part refers to that says nothing else; itself, if it says more.
    pub(super) fn meant(&self) -> Self {
        let mut part = self.clone();
        for _ in 0..DEPTH_MAX {
            let constrains = |keyword: &&String| part.source.constrains(keyword);
            let count = part.map().map_or(0, |map| map.keys().filter(constrains).count());
            let alone = count == 1 || part.source.ref_stands_alone();
            match part.reference() {
                Some(Ok(target)) if alone => part = target,
                _ => break,
            }
        }
        part
    }

    /// Where a reference in this part leads; None where it can't be followed.
    pub(super) fn target(&self, reference: &str) -> Option<Self> {
        self.source.resolve(&self.at, reference).map(|at| self.of(at))
    }

    /// The schema for a member of this name: what `properties` and matching patterns say, or else
    /// `additionalProperties`.
    pub(super) fn member(&self, name: &str) -> Vec<Self> {
        let mut found = self.described(name);
        if found.is_empty() {
            found.extend(self.keyword("additionalProperties"));
        }
        found
    }

    /// What `properties` and matching patterns say of a member.
    pub(super) fn described(&self, name: &str) -> Vec<Self> {
        let property = self.keyword("properties").and_then(|properties| {
            let value = properties.map()?.get(name)?;
            Some(self.of(properties.at.child(name, value)))
        });
        let patterns = self.named("patternProperties").into_iter();
        let matching = patterns.filter(|(pattern, _)| matches(self.draft(), pattern, name));
        property.into_iter().chain(matching.map(|(_, part)| part)).collect()
    }

    /// The schemas of an array's first items, and that of all further ones.
    pub(super) fn items(&self) -> (Vec<Self>, Option<Self>) {
        if self.source.since(Draft::Draft202012) {
            return (self.list("prefixItems"), self.keyword("items"));
        }
        match self.get("items") {
            Some(Value::Array(_)) => (self.list("items"), self.keyword("additionalItems")),
            _ => (Vec::new(), self.keyword("items")),
        }
    }

    /// `then` or `else` of an `if`.
    pub(super) fn branch(&self, keyword: &str) -> Option<Self> {
        self.get("if")?;
        self.keyword(keyword)
    }

    /// Whether it takes every value, as far as is plain to see.
    pub(super) fn takes_all(&self) -> bool {
        match self.at.value {
            Value::Bool(all) => *all,
            Value::Object(map) => map.keys().all(|keyword| !self.source.constrains(keyword)),
            _ => false,
        }
    }
}

/// Whether a pattern matches a text; false for no pattern.
pub(super) fn matches(draft: Draft, pattern: &str, text: &str) -> bool {
    let delegate = Delegate::keyword(draft, "pattern", &Value::from(pattern));
    delegate.is_some_and(|delegate| delegate.accepts(&Value::from(text)))
}

/// Subschemas that all hold.
#[derive(Clone, Debug, Default)]
pub(super) struct All<'s> {
    /// Their keywords are each other's neighbours, except that `additionalProperties` and the like see their own only.
    pub(super) parts: Vec<Part<'s>>,
    /// A part takes nothing.
    pub(super) nothing: Option<Part<'s>>,
    /// A reference that could not be followed, and where it stands.
    pub(super) lost: Option<(Part<'s>, String)>,
}

impl<'s> All<'s> {
    /// Subschemas with what they refer to.
    pub(super) fn of(parts: &[Part<'s>]) -> Self {
        let mut this = Self::default();
        let mut seen = BTreeSet::new();
        for part in parts {
            this.add(part, &mut seen);
        }
        this
    }

    fn add(&mut self, part: &Part<'s>, seen: &mut BTreeSet<Place>) {
        if !seen.insert(part.place()) {
            return;
        }
        if seen.len() > PARTS_MAX {
            self.lost = Some((part.clone(), "too many at one place".to_owned()));
            return;
        }
        match part.at.value {
            Value::Bool(false) => self.nothing = Some(part.clone()),
            Value::Object(_) => {
                let reference = part.reference();
                if reference.is_none() || !part.source.ref_stands_alone() {
                    self.parts.push(part.clone());
                    for member in part.list("allOf") {
                        self.add(&member, seen);
                    }
                }
                match reference {
                    Some(Ok(target)) => self.add(&target, seen),
                    Some(Err(text)) => self.lost = Some((part.clone(), text)),
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// What a writer allows, told apart by its alternatives: `anyOf`, `oneOf`, `if`.
    pub(super) fn alternatives(parts: &[Part<'s>]) -> Vec<Self> {
        let whole = Self::of(parts);
        let mut done = Vec::new();
        let mut open = vec![(whole.clone(), 0)];
        while let Some((all, next)) = open.pop() {
            let found = (next..all.parts.len()).find_map(|at| Some((at, all.parts[at].choices()?)));
            match found {
                None => done.push(all),
                Some((at, choices)) => {
                    for choice in choices {
                        let mut parts = all.parts.clone();
                        parts.extend(choice);
                        let mut alternative = Self::of(&parts);
                        alternative.nothing = alternative.nothing.or_else(|| all.nothing.clone());
                        alternative.lost = alternative.lost.or_else(|| all.lost.clone());
                        open.push((alternative, at + 1));
                    }
                }
            }
            if open.len() + done.len() > ALTERNATIVES_MAX {
                return vec![whole];
            }
        }
        done.reverse();
        done
    }

    /// The names that subschemas of this very value mention anywhere, also in alternatives.
    pub(super) fn mentioned(&self) -> BTreeSet<&'s str> {
        let mut names = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for part in &self.parts {
            part.mention(&mut names, &mut seen, 0);
        }
        names
    }
}

impl<'s> Part<'s> {
    /// The choices of the first keyword that offers any; each a list of what holds then. Only one keyword a part is told
    /// apart: the others only narrow further.
    fn choices(&self) -> Option<Vec<Vec<Self>>> {
        for keyword in ["anyOf", "oneOf"] {
            let branches = self.list(keyword);
            if !branches.is_empty() {
                return Some(branches.into_iter().map(|branch| vec![branch]).collect());
            }
        }
        let condition = self.keyword("if")?;
        let then = self.branch("then").into_iter();
        Some(vec![
            std::iter::once(condition).chain(then).collect(),
            self.branch("else").into_iter().collect(),
        ])
    }

    fn mention(&self, names: &mut BTreeSet<&'s str>, seen: &mut BTreeSet<Place>, depth: usize) {
        if depth > DEPTH_MAX || !seen.insert(self.place()) {
            return;
        }
        names.extend(self.named("properties").into_iter().map(|(name, _)| name));
        for keyword in ["allOf", "anyOf", "oneOf"] {
            self.list(keyword).iter().for_each(|part| part.mention(names, seen, depth + 1));
        }
        let single = ["if", "then", "else"].into_iter().filter_map(|keyword| self.keyword(keyword));
        let dependent =
            ["dependentSchemas", "dependencies"].into_iter().flat_map(|keyword| self.named(keyword));
        let target = self.reference().and_then(Result::ok);
        for part in single.chain(dependent.map(|(_, part)| part)).chain(target) {
            part.mention(names, seen, depth + 1);
        }
    }
}
