//! The defaults of fields, as JSON text. Schemas have them in the JSON of their own (bytes as a text of the code points 0 to
//! 255), so that they are written as data first and then read as all data are.

use apache_avro::Schema;
use serde_json::Value;

use super::reader::Reader;
use super::resolve;
use super::text::write_long;
use crate::avro::{Parsed, Primitive, Shape};

/// Defaults nest no deeper; records may be in themselves.
const DEPTH_MAX: u32 = 32;

/// A default as JSON text; an error says why it is none of its field's.
pub(crate) fn text(parsed: &Parsed, schema: &Schema, value: &Value) -> Result<Vec<u8>, String> {
    let mut datum = Vec::new();
    write(parsed, schema, value, 0, &mut datum)
        .ok_or_else(|| format!("the default {value} is no value of the field's type"))?;
    let mut text = Vec::new();
    resolve::part(parsed, schema, parsed, schema)
        .write(&mut Reader::new(&datum), None, &mut text)
        .map_err(|fault| format!("the default {value} can't be read: {}", fault.into_reject().message))?;
    Ok(text)
}

/// Appends a default as a datum; None if it is none. What has been written by then is of no use.
fn write(parsed: &Parsed, schema: &Schema, value: &Value, depth: u32, out: &mut Vec<u8>) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    let inner = |schema, value, out: &mut Vec<u8>| write(parsed, schema, value, depth + 1, out);
    match Shape::of(parsed.resolve(schema)) {
        Shape::Primitive(primitive) => scalar(primitive, value, out)?,
        Shape::Fixed(fixed) => {
            let bytes = code_points(value)?;
            (bytes.len() == fixed.size).then(|| out.extend_from_slice(&bytes))?;
        }
        Shape::Enum(symbols) => {
            let at = symbols.symbols.iter().position(|symbol| Some(symbol.as_str()) == value.as_str())?;
            write_long(at as i64, out);
        }
        Shape::Array(items) => {
            for item in value.as_array()? {
                write_long(1, out);
                inner(items, item, out)?;
            }
            write_long(0, out);
        }
        Shape::Map(values) => {
            for (key, value) in value.as_object()? {
                write_long(1, out);
                write_bytes(key.as_bytes(), out);
                inner(values, value, out)?;
            }
            write_long(0, out);
        }
        // The first branch whose value it is.
        Shape::Union(branches) => {
            let start = out.len();
            branches.iter().enumerate().find_map(|(at, branch)| {
                out.truncate(start);
                write_long(at as i64, out);
                inner(branch, value, out)
            })?;
        }
        Shape::Record(record) => {
            let members = value.as_object()?;
            for field in &record.fields {
                let value = members.get(&field.name).or(field.default.as_ref())?;
                inner(&field.schema, value, out)?;
            }
        }
        Shape::Unknown => return None,
    }
    Some(())
}

fn scalar(primitive: Primitive, value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match primitive {
        Primitive::Null => value.as_null()?,
        Primitive::Boolean => out.push(value.as_bool()?.into()),
        Primitive::Int => write_long(i32::try_from(value.as_i64()?).ok()?.into(), out),
        Primitive::Long => write_long(value.as_i64()?, out),
        Primitive::Float => out.extend_from_slice(&(value.as_f64()? as f32).to_le_bytes()),
        Primitive::Double => out.extend_from_slice(&value.as_f64()?.to_le_bytes()),
        Primitive::Bytes => write_bytes(&code_points(value)?, out),
        Primitive::String => write_bytes(value.as_str()?.as_bytes(), out),
    }
    Some(())
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

fn code_points(value: &Value) -> Option<Vec<u8>> {
    value.as_str()?.chars().map(|point| u8::try_from(u32::from(point)).ok()).collect()
}
