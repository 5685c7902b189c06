//! Cleansing: the repairs that a StudySchema makes to single fields, in the order written, before an event is decoded.
//!
//! An event's text becomes another text, of which only the members on the way to a field were read and only what was
//! changed is new; then it is decoded as if it had come so. Absent fields stay absent and null stays null, but for
//! `default`. A step that doesn't apply to what it finds refuses the event. What is wrong with an event is said by its own
//! names and places, those before cleansing.

mod cast;
mod error;
mod fits;
mod place;
mod scalar;
mod step;
pub(crate) mod time;
mod tree;
mod unit;

use std::sync::Arc;

use transect_config::{CleanseStep, Pointer};

use crate::decode::Decoder;
use crate::decode::violation::cut;
use crate::reject::{Reject, RejectReason};

pub use error::CleanseError;
pub use fits::check;
pub(crate) use fits::sibling;
pub(crate) use place::is_described;

use scalar::Scalar;
use step::{Action, Change, Step, convert, expected};
use tree::{Malformed, PathStep, ROOT, Tree};
use unit::{Unit, Units};

/// The cleansing of one event type, compiled. Shared by all threads.
#[derive(Debug)]
pub struct CleansePlan {
    steps: Vec<Step>,
}

impl CleansePlan {
    /// Compiles the steps; all errors are collected.
    pub fn compile(steps: &[CleanseStep]) -> Result<Self, Vec<CleanseError>> {
        let (mut compiled, mut errors) = (Vec::with_capacity(steps.len()), Vec::new());
        for (at, step) in steps.iter().enumerate() {
            match Step::compile(at, step) {
                Ok(step) => compiled.push(step),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { steps: compiled }) } else { Err(errors) }
    }
}

/// Why an event's steps end early.
enum Stop {
    /// Decoding says what is wrong.
    Malformed,
    Failed(Box<Reject>),
}

impl From<Malformed> for Stop {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Cleanses the events of one thread.
#[derive(Debug)]
pub struct Cleanser {
    plan: Arc<CleansePlan>,
    tree: Tree,
    /// The values that a step applies to.
    found: Vec<usize>,
    units: Units,
    /// The event as it is decoded.
    out: String,
}

impl Cleanser {
    /// A cleanser by a plan.
    pub fn new(plan: Arc<CleansePlan>) -> Self {
        let (tree, found, units, out) = Default::default();
        Self { plan, tree, found, units, out }
    }

    /// Cleanses one event and gives it to the decoder.
    pub fn push(&mut self, decoder: &mut Decoder, event: &[u8]) -> Result<(), Reject> {
        // An event that is too large stays so, whatever cleansing would make of it.
        let held = (event.len() <= decoder.bytes_max()).then(|| simdutf8::basic::from_utf8(event).ok());
        let Some(text) = held.flatten() else { return decoder.push(event) };
        match self.cleanse(text, 0) {
            Ok(false) => decoder.push(event),
            Ok(true) => decoder.push(self.out.as_bytes()).map_err(|reject| {
                let reject = self.refer_back(text, reject);
                if UNREADABLE.contains(&reject.reason) {
                    return unreadable(decoder, event).unwrap_or(reject);
                }
                reject
            }),
            Err(stop) => Err(unreadable(decoder, event).unwrap_or_else(|| match stop {
                Stop::Failed(reject) => *reject,
                Stop::Malformed => malformed(),
            })),
        }
    }

    /// The event after all steps, short of decoding it.
    pub fn preview(&mut self, event: &str) -> Result<String, Reject> {
        match self.cleanse(event, 0) {
            Ok(false) => Ok(event.to_owned()),
            Ok(true) => Ok(self.out.clone()),
            Err(Stop::Failed(reject)) => Err(*reject),
            Err(Stop::Malformed) => Err(malformed()),
        }
    }

    /// Applies the steps from one on; whether they changed anything. What came out is in `out` then.
    fn cleanse(&mut self, text: &str, from: usize) -> Result<bool, Stop> {
        let plan = Arc::clone(&self.plan);
        self.tree.begin(text);
        for (at, step) in plan.steps.iter().enumerate().skip(from) {
            self.apply(text, at, step)?;
        }
        let changed = self.tree.is_changed();
        if changed {
            self.tree.write(text, &mut self.out);
        }
        Ok(changed)
    }

    fn apply(&mut self, text: &str, at: usize, step: &Step) -> Result<(), Stop> {
        match &step.action {
            Action::Change(change) => self.change(text, at, step, change),
            Action::ConvertBy { shared, unit, to } => self.convert_by(text, at, step, *shared, unit, to),
            Action::Rename(name) => self.rename(text, at, step, name),
            Action::Default(json) => self.fill_in(text, &step.path, json),
        }
    }

    /// The values that a path leads to from a node. Give them back when done, to be filled again.
    fn find(&mut self, text: &str, node: usize, path: &[PathStep]) -> Result<Vec<usize>, Stop> {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        self.tree.find(text, node, path, &mut found)?;
        Ok(found)
    }

    fn change(&mut self, text: &str, at: usize, step: &Step, change: &Change) -> Result<(), Stop> {
        let found = self.find(text, ROOT, &step.path)?;
        for node in &found {
            let scalar = Scalar::read(self.tree.value(text, *node)).ok_or(Stop::Malformed)?;
            match change.of(&scalar) {
                Ok(None) => {}
                Ok(Some(json)) => self.tree.set_value(*node, json),
                Err(message) => return Err(self.failed(text, at, step, *node, message)),
            }
        }
        self.found = found;
        Ok(())
    }

    fn convert_by(
        &mut self,
        text: &str,
        at: usize,
        step: &Step,
        shared: usize,
        unit: &[PathStep],
        to: &Unit,
    ) -> Result<(), Stop> {
        let (before, after) = step.path.split_at(shared);
        let mut parents = Vec::new();
        self.tree.find(text, ROOT, before, &mut parents)?;
        for parent in parents {
            let units = self.find(text, parent, unit)?;
            let said = units.first().copied();
            self.found = units;
            let values = self.find(text, parent, after)?;
            for node in &values {
                let scalar = Scalar::read(self.tree.value(text, *node)).ok_or(Stop::Malformed)?;
                if matches!(scalar, Scalar::Null) {
                    continue;
                }
                let conversion = match said {
                    None => Err("expected a unit in fromField, found nothing there".to_owned()),
                    Some(unit) => match Scalar::read(self.tree.value(text, unit)).ok_or(Stop::Malformed)? {
                        Scalar::Text(code) => self.units.conversion(at, &code, to),
                        other => Err(expected("the text of a unit in fromField", &other)),
                    },
                };
                match conversion.and_then(|conversion| convert(&conversion, &scalar)) {
                    Ok(json) => self.tree.set_value(*node, json),
                    Err(message) => return Err(self.failed(text, at, step, *node, message)),
                }
            }
            self.found = values;
        }
        Ok(())
    }

    fn rename(&mut self, text: &str, at: usize, step: &Step, name: &str) -> Result<(), Stop> {
        let found = self.find(text, ROOT, &step.path)?;
        for node in &found {
            let parent = self.tree.parent(*node);
            if !self.tree.is_object(text, parent)? {
                let message = "expected a member of an object, found an item of an array".to_owned();
                return Err(self.failed(text, at, step, *node, message));
            }
            if self.tree.member(text, parent, name)?.is_some() {
                let message =
                    format!("expected no member `{name}` beside the one that gets this name, found one");
                return Err(self.failed(text, at, step, *node, message));
            }
            self.tree.set_name(*node, name);
        }
        self.found = found;
        Ok(())
    }

    /// Writes a value where the path leads to null, or to no member of an object that is there.
    fn fill_in(&mut self, text: &str, path: &[PathStep], json: &str) -> Result<(), Stop> {
        let Some((last, before)) = path.split_last() else { return Ok(()) };
        let parents = self.find(text, ROOT, before)?;
        for parent in &parents {
            let is_object = self.tree.is_object(text, *parent)? && !last.is_every();
            if is_object && self.tree.member(text, *parent, &last.name)?.is_none() {
                self.tree.add(*parent, &last.name, json);
                continue;
            }
            let mut values = Vec::new();
            self.tree.find(text, *parent, std::slice::from_ref(last), &mut values)?;
            for node in values {
                if self.tree.value(text, node) == "null" {
                    self.tree.set_value(node, json.to_owned());
                }
            }
        }
        self.found = parents;
        Ok(())
    }

    #[cold]
    fn failed(&self, text: &str, at: usize, step: &Step, node: usize, message: String) -> Stop {
        let pointer = Pointer::from_steps(self.tree.old_path(text, node)).to_string();
        let start = self.tree.start(node);
        Stop::Failed(Box::new(Reject {
            reason: RejectReason::CleanseFailed,
            pointer,
            keyword: step.name().to_owned(),
            message: format!("cleanse[{at}].{}: {message}", step.name()),
            offset: start.and_then(|start| u32::try_from(start).ok()),
        }))
    }

    /// Makes a refusal of the cleansed event one of the event as it was received.
    #[cold]
    fn refer_back(&self, text: &str, mut reject: Reject) -> Reject {
        reject.offset = reject.offset.map(|offset| self.tree.old_offset(offset as usize) as u32);
        let Ok(pointer) = reject.pointer.parse::<Pointer>() else { return reject };
        let (node, steps, changed) = self.tree.nearest(text, pointer.steps());
        let mut path = self.tree.old_path(text, node);
        path.extend_from_slice(&pointer.steps()[steps..]);
        reject.pointer = Pointer::from_steps(path).to_string();
        if let Some(changed) = changed {
            let place = Pointer::from_steps(self.tree.old_path(text, changed));
            reject.message += &match self.tree.old_value(text, changed) {
                Some(old) => format!("; before cleansing, {place} was {}", cut(old)),
                None => format!("; cleansing has put {place} there, which the event doesn't have"),
            };
        }
        reject
    }
}

/// What counts before all else that may be wrong with an event.
const UNREADABLE: [RejectReason; 3] =
    [RejectReason::Malformed, RejectReason::TooLarge, RejectReason::TooDeep];

/// Why an event can't be read at all, as it came.
#[cold]
fn unreadable(decoder: &mut Decoder, event: &[u8]) -> Option<Reject> {
    decoder.check(event).err().filter(|reject| UNREADABLE.contains(&reject.reason))
}

#[cold]
fn malformed() -> Reject {
    Reject {
        reason: RejectReason::Malformed,
        pointer: String::new(),
        keyword: String::new(),
        message: "expected JSON that can be cleansed, found something else".to_owned(),
        offset: None,
    }
}

#[cfg(test)]
mod tests;
