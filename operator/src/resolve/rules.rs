//! Rules of a StudySchema, checked against the columns that its versions make.

use transect_config::{EventTypeConfig, Otherwise, RuleConfig};
use transect_core::rules::{RuleError, Rules};
use transect_core::versions::Versions;
use transect_crds::StudySchema;
use transect_crds::quality::{self, QualityRule};
use transect_crds::yaml::Located;

use super::join;
use super::schema::SchemaCompiler;

/// A rule as a worker reads it.
pub(super) fn config(rule: &QualityRule) -> RuleConfig {
    RuleConfig {
        name: rule.name.clone(),
        expression: rule.expression.clone(),
        otherwise: match rule.otherwise.unwrap_or_default() {
            quality::Otherwise::Reject => Otherwise::Reject,
            quality::Otherwise::Flag => Otherwise::Flag,
        },
        message: rule.message.clone(),
    }
}

impl SchemaCompiler<'_, '_> {
    /// Says what is wrong with each rule, and which are slow.
    pub(super) fn rules(
        &mut self,
        schema: &Located<StudySchema>,
        config: &EventTypeConfig,
        versions: &Versions,
    ) {
        match Rules::compile_with(&config.rules, versions.schema(), self.lookups) {
            Ok(Rules { rejecting, flagging }) => {
                let slow = rejecting.iter().chain(&flagging).filter(|rule| !rule.is_columnar());
                let names = join(slow.map(|rule| &*rule.name));
                if !names.is_empty() {
                    let note = format!("{}: judged event by event, which is slower: {names}", config.name);
                    self.notes.push(note);
                }
            }
            Err(errors) => {
                for RuleError { rule, message, fix, .. } in errors {
                    let path = format!("spec.rules[{rule}].expression");
                    self.problems.push(schema.problem(&path, message, fix));
                }
            }
        }
    }
}
