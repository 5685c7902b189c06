//! Avro verdicts, tried with data: what one version writes, the other must decode where they are called compatible. By the
//! `apache-avro` crate, whose resolution is none of ours.

#![allow(deprecated)]

use std::collections::HashMap;

use apache_avro::schema::{Name, ResolvedSchema, Schema};
use apache_avro::types::Value;
use apache_avro::{Decimal, from_avro_datum, to_avro_datum};
use transect_core::compat::Language;

use crate::pairs::pairs;
use crate::random::Random;

const VALUES: usize = 50;
/// Pairs that the crate doesn't resolve, though the specification does: it looks at no alias of a field, and reads no
/// logical type as its plain type.
const BEYOND_THE_CRATE: [&str; 2] =
    ["avro: a field is renamed with an alias", "avro: a logical type comes in"];

/// Any value of a schema.
fn value(
    schema: &Schema,
    names: &HashMap<Name, &Schema>,
    random: &mut Random,
    depth: usize,
) -> Option<Value> {
    let int = random.below(2000) as i32 - 1000;
    let long = i64::from(int);
    Some(match schema {
        Schema::Null => Value::Null,
        Schema::Boolean => Value::Boolean(random.percent(50)),
        Schema::Int => Value::Int(int),
        Schema::Long => Value::Long(long),
        Schema::Float => Value::Float(0.5),
        Schema::Double => Value::Double(0.25),
        Schema::Bytes => Value::Bytes(vec![b'a'; random.below(3)]),
        Schema::String => Value::String(random.pick(&["", "a", "é"]).to_owned()),
        Schema::Array(array) => Value::Array(vec![value(&array.items, names, random, depth + 1)?]),
        Schema::Map(map) => {
            Value::Map([("k".to_owned(), value(&map.types, names, random, depth + 1)?)].into())
        }
        Schema::Union(union) => {
            let at = if depth > 3 { 0 } else { random.below(union.variants().len()) };
            let inner = value(&union.variants()[at], names, random, depth + 1)?;
            Value::Union(u32::try_from(at).ok()?, Box::new(inner))
        }
        Schema::Record(record) => {
            let fields = record.fields.iter();
            let member = |field: &apache_avro::schema::RecordField| {
                Some((field.name.clone(), value(&field.schema, names, random, depth + 1)?))
            };
            Value::Record(fields.map(member).collect::<Option<_>>()?)
        }
        Schema::Enum(schema) => {
            let at = random.below(schema.symbols.len());
            Value::Enum(u32::try_from(at).ok()?, schema.symbols[at].clone())
        }
        Schema::Fixed(fixed) => Value::Fixed(fixed.size, vec![1; fixed.size]),
        Schema::Decimal(_) => Value::Decimal(Decimal::from([0, 0, 1, 2])),
        Schema::Date => Value::Date(int),
        Schema::TimeMillis => Value::TimeMillis(int.abs()),
        Schema::TimestampMillis => Value::TimestampMillis(long),
        Schema::TimestampMicros => Value::TimestampMicros(long),
        Schema::LocalTimestampMicros => Value::LocalTimestampMicros(long),
        Schema::Ref { name } => return value(names.get(name)?, names, random, depth + 1),
        // Left out: what can't be made without more ado.
        _ => return None,
    })
}

#[test]
fn what_is_called_compatible_is_decoded() {
    let mut random = Random::new(1);
    let (mut compatible, mut decoded, mut broken, mut refused) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    let alone = |pair: &crate::pairs::Pair| pair.families.iter().all(|family| family.documents.is_empty());
    for pair in pairs().iter().filter(|pair| pair.language == Language::Avro && alone(pair)) {
        let [old, new] = [0, 1].map(|at| Schema::parse(&pair.schemas[at]).unwrap());
        for (writer, reader, breaks) in [(&old, &new, &pair.backward), (&new, &old, &pair.forward)] {
            let resolved = ResolvedSchema::new(writer).unwrap();
            let mut failed = None;
            for _ in 0..VALUES {
                let Some(value) = value(writer, resolved.get_names(), &mut random, 0) else { continue };
                let bytes = to_avro_datum(writer, value.clone()).unwrap();
                match from_avro_datum(writer, &mut bytes.as_slice(), Some(reader)) {
                    Ok(_) => decoded += usize::from(breaks.is_empty()),
                    Err(error) => failed = failed.or(Some(format!("{value:?}: {error}"))),
                }
            }
            match (breaks.is_empty(), failed) {
                (true, None) => compatible += 1,
                (true, Some(_)) if BEYOND_THE_CRATE.contains(&pair.name.as_str()) => {}
                (true, Some(failed)) => wrong.push(format!("{}: {failed}", pair.name)),
                (false, failed) => {
                    broken += 1;
                    refused += usize::from(failed.is_some());
                }
            }
        }
    }
    println!(
        "{compatible} compatible directions, {decoded} values; {broken} broken, {refused} shown by a value"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(decoded > 1000 && refused * 2 > broken, "{decoded} values, {refused} of {broken}");
}
