//! A plan from a schema in Avro: by way of the JSON Schema of the JSON that its data become, so that JSON and Avro are
//! checked alike and go to the same columns.

use transect_config::{EventTypeConfig, Limits, SchemaFormat};

use super::{Plan, PlanError};
use crate::avro::{AvroSchema, Shape};

/// See [`Plan::draft`].
pub(super) fn draft(event_type: &EventTypeConfig, limits: &Limits) -> Result<Plan, PlanError> {
    let schema = AvroSchema::read(&event_type.schema, &event_type.family)?;
    if !matches!(Shape::of(&schema.parsed.root), Shape::Record(_)) {
        let message =
            "an event is a record, with fields for its time and key; write one around it".to_owned();
        return Err(PlanError::of("", "/type", message));
    }
    let derived = EventTypeConfig {
        format: SchemaFormat::JsonSchema,
        schema: schema.json_schema(),
        family: Default::default(),
        ..event_type.clone()
    };
    let mut plan = Plan::draft(&derived, limits).map_err(|error| in_avro(error, &schema))?;
    plan.documents = schema.parsed.documents.clone();
    plan.avro = Some(schema);
    Ok(plan)
}

/// An error at the place of the field that it is about, if that can be said.
fn in_avro(error: PlanError, schema: &AvroSchema) -> PlanError {
    let name = error.pointer.strip_prefix("/properties/");
    let place = name.and_then(|name| match Shape::of(&schema.parsed.root) {
        Shape::Record(record) => record.fields.iter().position(|field| field.name == name),
        _ => None,
    });
    let pointer = place.map_or_else(String::new, |at| format!("/fields/{at}/name"));
    PlanError { pointer, message: error.message.replace("the property `", "the field `"), ..error }
}
