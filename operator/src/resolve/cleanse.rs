//! Cleansing: from the steps of a StudySchema to those of a worker, and what is wrong with them.

use transect_config::{
    CastType, CleanseAction, CleanseStep, EventTypeConfig, FromUnit, LocalTime, TextCase, Unlisted,
};
use transect_core::cleanse;
use transect_crds::StudySchema;
use transect_crds::cleanse as spec;
use transect_crds::yaml::Located;

use super::schema::SchemaCompiler;

impl SchemaCompiler<'_, '_> {
    /// The steps of a schema; None if one of them can't be read.
    pub(super) fn cleanse(&mut self, schema: &Located<StudySchema>) -> Option<Vec<CleanseStep>> {
        let steps = schema.value.spec.cleanse.iter().enumerate();
        let steps: Vec<Option<CleanseStep>> =
            steps.map(|(at, step)| self.cleanse_step(schema, &format!("spec.cleanse[{at}]"), step)).collect();
        steps.into_iter().collect()
    }

    fn cleanse_step(
        &mut self,
        schema: &Located<StudySchema>,
        path: &str,
        step: &spec::CleanseStep,
    ) -> Option<CleanseStep> {
        let field = self.problems.pointer(schema, &format!("{path}.field"), &step.field)?;
        let from_field = step.convert.as_ref().and_then(|convert| convert.from_field.as_deref());
        let from_field = match from_field {
            Some(text) => Some(self.problems.pointer(schema, &format!("{path}.convert.fromField"), text)?),
            None => None,
        };
        let action = if step.trim.is_some() {
            CleanseAction::Trim
        } else if let Some(case) = step.case {
            CleanseAction::Case(match case {
                spec::TextCase::Lower => TextCase::Lower,
                spec::TextCase::Upper => TextCase::Upper,
            })
        } else if let Some(values) = &step.null_if {
            CleanseAction::NullIf(values.clone())
        } else if let Some(to) = step.cast {
            CleanseAction::Cast(match to {
                spec::CastType::String => CastType::String,
                spec::CastType::Integer => CastType::Integer,
                spec::CastType::Number => CastType::Number,
                spec::CastType::Boolean => CastType::Boolean,
            })
        } else if let Some(convert) = &step.convert {
            let code = || FromUnit::Code(convert.from.clone().unwrap_or_default());
            CleanseAction::Convert {
                from: from_field.map_or_else(code, FromUnit::Field),
                to: convert.to.clone(),
            }
        } else if let Some(name) = &step.rename {
            CleanseAction::Rename(name.clone())
        } else if let Some(map) = &step.map {
            CleanseAction::Map {
                values: map.values.iter().map(|pair| (pair.from.clone(), pair.to.clone())).collect(),
                otherwise: match map.otherwise.unwrap_or_default() {
                    spec::Unlisted::Keep => Unlisted::Keep,
                    spec::Unlisted::MakeNull => Unlisted::Null,
                    spec::Unlisted::Reject => Unlisted::Reject,
                },
            }
        } else if let Some(time) = &step.parse_time {
            CleanseAction::ParseTime {
                formats: time.formats.clone(),
                time_zone: time.time_zone.clone().unwrap_or_else(|| "UTC".to_owned()),
                ambiguous: local_time(time.ambiguous),
                skipped: local_time(time.skipped),
            }
        } else if let Some(value) = &step.default {
            CleanseAction::Default(value.clone())
        } else {
            let fix = "write `field` and exactly one of the others";
            self.problems.push(schema.problem(path, "says not what to do with the field", fix));
            return None;
        };
        Some(CleanseStep { field, action })
    }

    /// Says what is wrong with the steps by themselves, and against the schema that cleansed events must fit.
    pub(super) fn cleansed(&mut self, schema: &Located<StudySchema>, config: &EventTypeConfig) {
        for error in cleanse::check(config, self.limits) {
            let path = format!("spec.cleanse[{}].{}", error.step, error.part);
            self.problems.push(schema.problem(&path, error.message, error.fix));
        }
    }
}

fn local_time(policy: Option<spec::LocalTime>) -> LocalTime {
    match policy.unwrap_or_default() {
        spec::LocalTime::Earlier => LocalTime::Earlier,
        spec::LocalTime::Later => LocalTime::Later,
        spec::LocalTime::Reject => LocalTime::Reject,
    }
}
