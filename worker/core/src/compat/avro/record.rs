//! Records: the fields of the reader, by name or alias, and what fills those that the writer lacks.

use apache_avro::schema::{Alias, Name, RecordField, RecordSchema};

use super::{Aspect, Comparison, below};

impl<'s> Comparison<'s> {
    pub(super) fn record(&mut self, reads: &'s RecordSchema, writes: &'s RecordSchema, pointer: &str) {
        self.same_name(&reads.name, reads.aliases.as_ref(), &writes.name, pointer);
        // A record within itself is read as it is.
        if !self.open.insert((reads.name.fullname(None), writes.name.fullname(None))) {
            return;
        }
        for field in &reads.fields {
            let pointer = below(pointer, &field.name);
            match written(field, writes) {
                Some(written) => self.compare(&field.schema, &written.schema, &pointer),
                None if field.default.is_none() => {
                    let what = format!(
                        "{} has the field `{}` without a default, {} doesn't write it",
                        self.reader, field.name, self.writer
                    );
                    self.report(Aspect::FieldDefault, &pointer, what);
                }
                None => {}
            }
        }
    }

    /// Named types must have the same name, without namespace, or the reader's must have the writer's as an alias.
    pub(super) fn same_name(
        &mut self,
        reads: &Name,
        aliases: Option<&Vec<Alias>>,
        writes: &Name,
        pointer: &str,
    ) {
        let is_alias = |alias: &Alias| {
            let alias = alias.fully_qualified_name(reads.namespace());
            *alias == *writes
        };
        if reads.name() != writes.name() && !aliases.is_some_and(|aliases| aliases.iter().any(is_alias)) {
            let what = format!(
                "{} calls the type `{}`, {} calls it `{}`, which is no alias there",
                self.reader,
                reads.fullname(None),
                self.writer,
                writes.fullname(None)
            );
            self.report(Aspect::Name, pointer, what);
        }
    }
}

/// The writer's field that a field of the reader takes its value from.
fn written<'s>(field: &RecordField, writes: &'s RecordSchema) -> Option<&'s RecordField> {
    let named = |name: &str| writes.fields.iter().find(|written| written.name == name);
    named(&field.name).or_else(|| field.aliases.iter().find_map(|alias| named(alias)))
}
