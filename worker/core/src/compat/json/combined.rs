//! `anyOf`, `oneOf`, `not` and `if`. (`allOf` is looked through: what it says counts as said beside it.)

use super::facts::{Facts, equal};
use super::part::{All, Part};
use super::types::Types;
use super::{Aspect, Break, Comparison};

impl<'s> Comparison<'s> {
    pub(super) fn combined(&mut self, part: &Part<'s>, writer: &All<'s>, facts: &Facts<'s>, pointer: &str) {
        for keyword in ["anyOf", "oneOf"] {
            let branches = part.list(keyword);
            if branches.is_empty() {
                continue;
            }
            let before = self.breaks.len();
            self.alternatives(keyword, part, &branches, writer, facts, pointer);
            if keyword == "oneOf" && self.breaks.len() == before {
                self.overlaps(part, &branches, writer, facts, pointer);
            }
        }
        if let Some(wanted) = part.keyword("not") {
            self.excluded(&wanted, writer, facts, pointer);
        }
        if part.get("if").is_some() {
            self.condition(part, writer, facts, pointer);
        }
    }

    /// Each type that the writer allows must be taken whole by one of the reader's branches.
    fn alternatives(
        &mut self,
        keyword: &str,
        part: &Part<'s>,
        branches: &[Part<'s>],
        writer: &All<'s>,
        facts: &Facts<'s>,
        pointer: &str,
    ) {
        let takes = |this: &mut Self, mask| this.one_takes(branches, &writer.parts, mask, pointer);
        if takes(self, facts.types).is_none() {
            return;
        }
        let (mut refused, mut why) = (Types::NONE, None);
        for each in Types::EACH {
            let mask = facts.types.and(each);
            let Some(mut closest) = (!mask.is_none()).then(|| takes(self, mask)).flatten() else { continue };
            if closest.len() == 1 {
                self.breaks.append(&mut closest[0]);
                continue;
            }
            refused = refused.or(mask);
            closest.sort_by_key(Vec::len);
            why = why.or_else(|| closest.into_iter().next()?.into_iter().next());
        }
        if !refused.is_none() {
            let why = why.map_or_else(String::new, |first| format!(" (of the closest: {})", first.message));
            let what = format!(
                "none of the schemas in {keyword} of {} takes all values of type {} that {} allows{why}",
                self.reader,
                refused.describe(),
                self.writer
            );
            self.report(Aspect::Alternatives, pointer, part.keyword(keyword).as_ref(), what);
        }
    }

    /// None if one branch takes all; else what breaks with each branch that takes any of these types.
    fn one_takes(
        &mut self,
        branches: &[Part<'s>],
        writer: &[Part<'s>],
        mask: Types,
        pointer: &str,
    ) -> Option<Vec<Vec<Break>>> {
        let mut all = Vec::new();
        for branch in branches {
            let found = self.trial(|this| this.accepts(branch, writer, mask, pointer));
            if found.is_empty() {
                return None;
            }
            let is_of_type = !Facts::of(&All::of(std::slice::from_ref(branch)), mask).are_impossible();
            if is_of_type {
                all.push(found);
            }
        }
        Some(all)
    }

    /// Where only one branch may hold, no two may: unless they can't, or didn't in the writer either.
    fn overlaps(
        &mut self,
        part: &Part<'s>,
        branches: &[Part<'s>],
        writer: &All<'s>,
        facts: &Facts<'s>,
        pointer: &str,
    ) {
        let known: Vec<Vec<Part<'s>>> = writer.parts.iter().map(|part| part.list("oneOf")).collect();
        for (at, first) in branches.iter().enumerate() {
            for second in &branches[at + 1..] {
                let is_fine = are_disjoint(first, second, facts.types)
                    || known.iter().any(|known| {
                        let first = self.find_equal(first, known, pointer);
                        first.is_some()
                            && first != self.find_equal(second, known, pointer)
                            && self.find_equal(second, known, pointer).is_some()
                    });
                if !is_fine {
                    let what = format!(
                        "values may fit two schemas in oneOf of {} at once, and are then refused: that they can't is not \
                         plain from their types or from one property's values",
                        self.reader
                    );
                    return self.report(Aspect::Overlap, pointer, part.keyword("oneOf").as_ref(), what);
                }
            }
        }
    }

    /// The schema among the writer's that takes the very same values.
    fn find_equal(&mut self, wanted: &Part<'s>, known: &[Part<'s>], pointer: &str) -> Option<usize> {
        (0..known.len()).find(|at| self.are_equal(wanted, &known[*at], pointer))
    }

    fn are_equal(&mut self, a: &Part<'s>, b: &Part<'s>, pointer: &str) -> bool {
        self.holds(|this| {
            this.accepts(a, std::slice::from_ref(b), Types::ALL, pointer);
            this.accepts(b, std::slice::from_ref(a), Types::ALL, pointer);
        })
    }

    /// What the reader excludes, the writer must exclude too.
    fn excluded(&mut self, wanted: &Part<'s>, writer: &All<'s>, facts: &Facts<'s>, pointer: &str) {
        let excluded = Facts::of(&All::of(std::slice::from_ref(wanted)), facts.types);
        let known: Vec<Part<'s>> = writer.parts.iter().filter_map(|part| part.keyword("not")).collect();
        if excluded.are_impossible()
            || are_apart(&excluded, facts)
            || known.iter().any(|known| {
                self.holds(|this| this.accepts(known, std::slice::from_ref(wanted), facts.types, pointer))
            })
        {
            return;
        }
        let what = format!("{} excludes by `not` what {} may allow", self.reader, self.writer);
        self.report(Aspect::Not, pointer, Some(wanted), what);
    }

    /// `if`: both ways must take the writer's values, or the writer must tell them apart in the same way.
    fn condition(&mut self, part: &Part<'s>, writer: &All<'s>, facts: &Facts<'s>, pointer: &str) {
        let Some(condition) = part.keyword("if") else { return };
        let ways = [part.branch("then"), part.branch("else")];
        let known = writer.parts.iter().filter(|known| known.get("if").is_some());
        let known = known.filter_map(|known| Some((known.clone(), known.keyword("if")?)));
        let known: Vec<_> = known.collect();
        let same = known.iter().find(|(_, other)| self.are_equal(&condition, other, pointer));
        let same = same.map(|(known, _)| [known.branch("then"), known.branch("else")]);
        for (at, way) in ways.into_iter().enumerate() {
            let Some(way) = way else { continue };
            let also = same.as_ref().and_then(|ways| ways[at].clone());
            let also = also.into_iter().chain((at == 0).then(|| condition.clone()));
            let parts: Vec<Part<'s>> = writer.parts.iter().cloned().chain(also).collect();
            let found = self.trial(|this| this.accepts(&way, &parts, facts.types, pointer));
            if let Some(first) = found.first() {
                let keyword = ["then", "else"][at];
                let what = format!(
                    "`{keyword}` of {} asks for more than {} ({})",
                    self.reader, self.writer, first.message
                );
                self.report(Aspect::Condition, pointer, Some(&way), what);
            }
        }
    }
}

/// Whether no value fits both: by type, by listed values, or by those of a member that both require.
fn are_disjoint(a: &Part<'_>, b: &Part<'_>, mask: Types) -> bool {
    let (all_a, all_b) = (All::of(std::slice::from_ref(a)), All::of(std::slice::from_ref(b)));
    let (facts_a, facts_b) = (Facts::of(&all_a, mask), Facts::of(&all_b, mask));
    let member_is_apart = |name: &&str| {
        let of_a = Facts::of(&All::of(&all_a.member(name)), Types::ALL);
        let of_b = Facts::of(&All::of(&all_b.member(name)), Types::ALL);
        of_a.types.and(of_b.types).is_none() || are_apart(&of_a, &of_b)
    };
    let types = facts_a.types.and(facts_b.types);
    types.is_none()
        || are_apart(&facts_a, &facts_b)
        || (types == Types::OBJECT && facts_a.required.intersection(&facts_b.required).any(member_is_apart))
}

/// Whether both have listed values, and none in common.
fn are_apart(a: &Facts<'_>, b: &Facts<'_>) -> bool {
    match (&a.values, &b.values) {
        (Some(a), Some(b)) => !a.iter().any(|a| b.iter().any(|b| equal(a, b))),
        _ => false,
    }
}
