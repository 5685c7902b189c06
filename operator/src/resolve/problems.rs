//! Problems as they are found, and texts that are either what they should be or one.

use transect_config::{Pointer, PointerError, Span, SpanError};
use transect_crds::yaml::{Located, Problem};

/// See the module.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds one, unless it was found before.
    pub(super) fn push_new(&mut self, problem: Problem) {
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Whether something is wrong at one of these places.
    pub(super) fn are_in(&self, is_place: impl Fn(&str) -> bool) -> bool {
        self.0.iter().any(|problem| is_place(&problem.path))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, as found.
    pub(super) fn into_inner(self) -> Vec<Problem> {
        self.0
    }

    /// A pointer; None if the text is none.
    pub(super) fn pointer<T>(&mut self, object: &Located<T>, path: &str, text: &str) -> Option<Pointer> {
        let parsed = text.parse();
        parsed.map_err(|error: PointerError| self.push(object.problem(path, error.to_string(), ""))).ok()
    }

    /// Pointers of a list; None if one of them is none.
    pub(super) fn pointers<T>(
        &mut self,
        object: &Located<T>,
        path: &str,
        texts: &[String],
    ) -> Option<Vec<Pointer>> {
        let parsed: Vec<Option<Pointer>> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| self.pointer(object, &format!("{path}[{at}]"), text))
            .collect();
        parsed.into_iter().collect()
    }

    /// A length of time, if one is given and can be read.
    pub(super) fn span<T>(&mut self, object: &Located<T>, path: &str, text: Option<&str>) -> Option<Span> {
        let parsed = text?.parse();
        parsed.map_err(|error: SpanError| self.push(object.problem(path, error.to_string(), ""))).ok()
    }
}
