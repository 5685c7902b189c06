//! Privacy: from the rules of a StudySchema to those of a worker, and what is wrong with them.

use std::sync::Arc;

use transect_config::{EventTypeConfig, PrivacyRule, TimeUnit, Treatment};
use transect_core::privacy::{PrivacyError, PrivacyPlan};
use transect_core::versions::Versions;
use transect_crds::StudySchema;
use transect_crds::quality::{self, Generalise};
use transect_crds::yaml::Located;

use super::schema::SchemaCompiler;

impl SchemaCompiler<'_, '_> {
    /// The privacy rules of a schema; None if one of them can't be read.
    pub(super) fn privacy(&mut self, schema: &Located<StudySchema>) -> Option<Vec<PrivacyRule>> {
        let rules = schema.value.spec.privacy.iter().enumerate().map(|(at, rule)| {
            let field = self.problems.pointer(schema, &format!("spec.privacy[{at}].field"), &rule.field)?;
            Some(PrivacyRule { field, treatment: treatment(rule) })
        });
        let rules: Vec<Option<PrivacyRule>> = rules.collect();
        rules.into_iter().collect()
    }

    /// The rules against the columns that the schema makes; says what is wrong with each.
    pub(super) fn private(
        &mut self,
        schema: &Located<StudySchema>,
        config: &EventTypeConfig,
        versions: &Versions,
    ) -> Option<Arc<PrivacyPlan>> {
        if config.privacy.is_empty() {
            return None;
        }
        for (at, rule) in config.privacy.iter().enumerate() {
            if rule.field == config.event.time {
                let message = format!("`{}` is the event time, which each row keeps in _time", rule.field);
                let fix = "leave it; for a coarser time add a field of its own and generalise that";
                self.problems.push(schema.problem(&format!("spec.privacy[{at}].field"), message, fix));
            }
        }
        match PrivacyPlan::compile(config, versions.schema()) {
            Ok(plan) => Some(Arc::new(plan)),
            Err(errors) => {
                for PrivacyError { rule, part, message, fix } in errors {
                    self.problems.push(schema.problem(&format!("spec.privacy[{rule}].{part}"), message, fix));
                }
                None
            }
        }
    }
}

/// The resource's own rules have seen to it that each treatment has what it needs.
fn treatment(rule: &quality::PrivacyRule) -> Treatment {
    match rule.treatment {
        quality::Treatment::Drop => Treatment::Drop {},
        quality::Treatment::Mask => Treatment::Mask { keep_last: rule.keep_last.unwrap_or(0) },
        quality::Treatment::Pseudonymise => Treatment::Pseudonymise {},
        quality::Treatment::Encrypt => Treatment::Encrypt {},
        quality::Treatment::Generalise => generalised(&rule.generalise.unwrap_or_default()),
    }
}

fn generalised(how: &Generalise) -> Treatment {
    match (how.step, how.time_unit, how.keep_first) {
        (Some(step), ..) => Treatment::Step { step },
        (_, Some(unit), _) => Treatment::Cut {
            unit: match unit {
                quality::TimeUnit::Hour => TimeUnit::Hour,
                quality::TimeUnit::Day => TimeUnit::Day,
                quality::TimeUnit::Month => TimeUnit::Month,
                quality::TimeUnit::Year => TimeUnit::Year,
            },
        },
        (.., characters) => Treatment::KeepFirst { characters: characters.unwrap_or(1) },
    }
}
