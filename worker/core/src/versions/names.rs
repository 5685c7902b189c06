//! The names of fields from version to version: which name of a version became which of the table, and back.

use transect_config::{CleanseAction, CleanseStep, EventTypeConfig, FromUnit, Pointer, Rename};

use crate::cleanse;
use crate::plan::Plan;

/// What became of names since a version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names<'r> {
    /// By version, the oldest first.
    renamed: Vec<&'r Rename>,
}

impl<'r> Names<'r> {
    /// The names that changed after a version.
    pub(crate) fn since(version: u32, renamed: &'r [Rename]) -> Self {
        Self::between(version, u32::MAX, renamed)
    }

    /// The names that changed after a version, up to another one.
    fn between(version: u32, last: u32, renamed: &'r [Rename]) -> Self {
        let mut renamed: Vec<_> =
            renamed.iter().filter(|rename| rename.version > version && rename.version <= last).collect();
        renamed.sort_by_key(|rename| rename.version);
        Self { renamed }
    }

    /// A field of the version by the names of the table.
    pub(crate) fn in_table(&self, field: &[String]) -> Vec<String> {
        let mut field = field.to_vec();
        for group in self.renamed.chunk_by(|a, b| a.version == b.version) {
            replace(&mut field, group.iter().map(|rename| (rename.from.steps(), rename.to.steps())));
        }
        field
    }

    /// A field of the table by the names of the version.
    pub(crate) fn in_version(&self, field: &Pointer) -> Pointer {
        let mut field = field.steps().to_vec();
        for group in self.renamed.chunk_by(|a, b| a.version == b.version).rev() {
            replace(&mut field, group.iter().map(|rename| (rename.to.steps(), rename.from.steps())));
        }
        Pointer::from_steps(field)
    }

    /// The steps of cleansing as the version needs them. A field that an older version doesn't know gets no default.
    pub(super) fn cleanse(&self, steps: &[CleanseStep], plan: &Plan, is_newest: bool) -> Vec<CleanseStep> {
        let mut translated = Vec::with_capacity(steps.len());
        for step in steps {
            let field = self.in_version(&step.field);
            let action = match &step.action {
                CleanseAction::Default(_) if !is_newest && !cleanse::is_described(plan, &field) => continue,
                CleanseAction::Rename(name) => {
                    let renamed = self.in_version(&cleanse::sibling(&step.field, name));
                    CleanseAction::Rename(renamed.steps().last().unwrap_or(name).clone())
                }
                CleanseAction::Convert { from: FromUnit::Field(unit), to } => {
                    CleanseAction::Convert { from: FromUnit::Field(self.in_version(unit)), to: to.clone() }
                }
                action => action.clone(),
            };
            translated.push(CleanseStep { field, action });
        }
        translated
    }
}

/// The names that a field of the table has in any version.
pub(crate) fn all_names(field: &Pointer, renamed: &[Rename]) -> Vec<Pointer> {
    let mut names = vec![field.clone()];
    for rename in renamed {
        let name = Names::since(rename.version.saturating_sub(1), renamed).in_version(field);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Replaces the longest beginning of a field that is among some.
fn replace<'p>(field: &mut Vec<String>, pairs: impl Iterator<Item = (&'p [String], &'p [String])>) {
    let longest = pairs.filter(|(from, _)| field.starts_with(from)).max_by_key(|(from, _)| from.len());
    if let Some((from, to)) = longest {
        field.splice(..from.len(), to.iter().cloned());
    }
}

/// A rename that can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("version {version}, renamed[{at}].{part}: {message}; {fix}")]
pub struct RenameError {
    /// The version that declares it.
    pub version: u32,
    /// Its position among those of the version.
    pub at: usize,
    /// `from` or `to`.
    pub part: &'static str,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub fix: String,
}

/// What is wrong with the names that the versions declare, the newest first in `plans`.
pub(super) fn check(config: &EventTypeConfig, plans: &[(u32, Plan)]) -> Vec<RenameError> {
    let mut errors = Vec::new();
    for rename in &config.renamed {
        let mut own = config.renamed.iter().filter(|other| other.version == rename.version);
        let at = own.clone().position(|other| std::ptr::eq(other, rename)).unwrap_or_default();
        let wrong = Check { config, plans, rename }.wrong(own.by_ref().take(at));
        errors.extend(wrong.map(|(part, message, fix)| RenameError {
            version: rename.version,
            at,
            part,
            message,
            fix,
        }));
    }
    errors
}

struct Check<'c> {
    config: &'c EventTypeConfig,
    plans: &'c [(u32, Plan)],
    rename: &'c Rename,
}

type Wrong = (&'static str, String, String);

impl Check<'_> {
    /// What is wrong, if something is; `before` are those of the same version that stand before.
    fn wrong<'r>(&self, mut before: impl Iterator<Item = &'r Rename>) -> Option<Wrong> {
        let Rename { version, from, to } = self.rename;
        if let Some(other) = before.find(|other| other.from == *from || other.to == *to) {
            let (part, field) = if other.to == *to { ("to", to) } else { ("from", from) };
            let message = format!("`{field}` is in another rename of version {version}");
            return Some((part, message, "leave one of the two".to_owned()));
        }
        self.of_from().or_else(|| self.of_to()).or_else(|| self.moved()).or_else(|| self.read_before())
    }

    /// `from` must be a field of a version before.
    fn of_from(&self) -> Option<Wrong> {
        let Rename { version, from, .. } = self.rename;
        let mut older = self.plans.iter().filter(|(number, _)| number < version).peekable();
        if older.peek().is_none() {
            let message = format!("there is no version before {version} that could have another name");
            return Some(("from", message, "remove it".to_owned()));
        }
        let known = older.any(|(number, plan)| {
            let names = Names::between(*number, version - 1, &self.config.renamed);
            plan.column(&names.in_version(from)).is_some()
        });
        let message = || format!("`{from}` names no property of a version before {version}");
        let fix = "write a field as it was called before, such as `/mood`; or remove it";
        (!known).then(|| ("from", message(), fix.to_owned()))
    }

    /// `to` must be a field of the version itself.
    fn of_to(&self) -> Option<Wrong> {
        let Rename { version, to, .. } = self.rename;
        let (_, plan) = self.plans.iter().find(|(number, _)| number == version)?;
        let message = || format!("`{to}` names no property of version {version}");
        let fix = "write a field of this version's schema, or describe the field there";
        plan.column(to).is_none().then(|| ("to", message(), fix.to_owned()))
    }

    /// A field keeps its object, which may have another name too.
    fn moved(&self) -> Option<Wrong> {
        let Rename { version, from, to } = self.rename;
        let names = Names::between(version - 1, *version, &self.config.renamed);
        let parent = |field: &Pointer| field.steps().split_last().map(|(_, parent)| parent.to_vec());
        let stays = parent(from).map(|from| names.in_table(&from)) == parent(to);
        let message = || format!("moves `{from}` to another object");
        let fix = "a field keeps its object: change the last step only";
        (!stays).then(|| ("to", message(), fix.to_owned()))
    }

    /// What is read before the version is known has one name.
    fn read_before(&self) -> Option<Wrong> {
        let Rename { from, to, .. } = self.rename;
        let event = &self.config.event;
        let fields = [("type", &event.event_type), ("version", &event.version)];
        let read = |field: &Pointer| [from, to].iter().any(|name| field.steps().starts_with(name.steps()));
        let (name, _) = fields.into_iter().find(|(_, field)| field.as_ref().is_some_and(read))?;
        let message = format!("renames event.{name}, which is read before the version is known");
        Some(("from", message, "keep its name in all versions".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rename(version: u32, from: &str, to: &str) -> Rename {
        Rename { version, from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    #[test]
    fn names_go_to_the_table_and_back() {
        let renamed = [
            rename(2, "/mood", "/wellbeing"),
            rename(2, "/a", "/b"),
            rename(2, "/a/x", "/b/y"),
            rename(3, "/wellbeing", "/score"),
            rename(3, "/b/z", "/b/w"),
        ];
        for (version, own, table) in [
            (1, "/mood", "/score"),
            (2, "/wellbeing", "/score"),
            (3, "/mood", "/mood"),
            (1, "/a/x", "/b/y"),
            (1, "/a/z/q", "/b/w/q"),
            (2, "/b/y", "/b/y"),
            (1, "/other", "/other"),
        ] {
            let names = Names::since(version, &renamed);
            let (own, table): (Pointer, Pointer) = (own.parse().unwrap(), table.parse().unwrap());
            assert_eq!(names.in_table(own.steps()), table.steps(), "{own} of version {version}");
            assert_eq!(names.in_version(&table), own, "{table} in version {version}");
        }
    }
}
