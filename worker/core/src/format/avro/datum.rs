//! One datum as JSON text.

use super::reader::{Fault, Reader};
use super::shape::{RecordField, Shape, ShapeId, Shapes, Source};
use super::text;
use crate::plan::node::{Node, Rest};

/// Data nest at most so deep; JSON is read no deeper either.
const DEPTH_MAX: u32 = 128;

/// No event has more text; far beyond any limit on events, but an array of nulls takes no bytes in Avro.
const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Shapes {
    /// Appends the next datum. `node` is what the event's schema says of it, where its type is known.
    ///
    /// A union is written as its value. Of a record's field that is null, the member is left out, unless the event's schema
    /// wants it to be there.
    pub(super) fn write(
        &self,
        reader: &mut Reader<'_>,
        node: Option<&Node>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        Writer { shapes: &self.all, depth: 0 }.value(0, reader, node, out)
    }
}

struct Writer<'a> {
    shapes: &'a [Shape],
    depth: u32,
}

impl Writer<'_> {
    fn value(
        &mut self,
        id: ShapeId,
        reader: &mut Reader<'_>,
        node: Option<&Node>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let shapes = self.shapes;
        match &shapes[id] {
            Shape::Array(_) | Shape::Map(_) | Shape::Union(_) | Shape::Record(_)
                if self.depth == DEPTH_MAX =>
            {
                return Err(Fault::bad(format!("the datum nests deeper than {DEPTH_MAX}")));
            }
            _ => {}
        }
        self.depth += 1;
        match &shapes[id] {
            Shape::Union(variants) => {
                let variant = variant(variants, reader)?;
                self.value(variant, reader, node, out)?;
            }
            Shape::Record(fields) => self.record(fields, reader, node, out)?,
            Shape::Array(items) => self.array(*items, reader, node, out)?,
            Shape::Map(values) => self.map(*values, reader, out)?,
            scalar => text::write(scalar, reader, out)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn record(
        &mut self,
        fields: &[RecordField],
        reader: &mut Reader<'_>,
        node: Option<&Node>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let object = node.and_then(|node| node.object.as_deref());
        out.push(b'{');
        let begin = out.len();
        for field in fields {
            let before = out.len();
            if before > begin {
                out.push(b',');
            }
            out.extend_from_slice(&field.key);
            let value = out.len();
            let property = object
                .and_then(|object| object.properties.iter().find(|property| *property.name == *field.name));
            let written = match &field.source {
                Source::Datum(shape) => {
                    self.value(*shape, reader, property.map(|property| &property.node), out)
                }
                Source::Skipped(shape) => self.value(*shape, reader, None, out),
                Source::Default(text) => {
                    out.extend_from_slice(text);
                    Ok(())
                }
                Source::Missing(why) => Err(Fault::unresolved(why.as_str())),
            };
            written.map_err(|fault| fault.within(&field.name))?;
            let wants_null = property.is_some_and(|property| property.required && property.node.takes_null());
            let is_unwanted = matches!(field.source, Source::Skipped(_));
            if is_unwanted || (&out[value..] == b"null" && !wants_null) {
                out.truncate(before);
            }
        }
        out.push(b'}');
        Ok(())
    }

    fn array(
        &mut self,
        items: ShapeId,
        reader: &mut Reader<'_>,
        node: Option<&Node>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let node = node.and_then(|node| match &node.array.as_ref()?.rest {
            Rest::Checked(node) => Some(&**node),
            Rest::Any | Rest::Closed(_) => None,
        });
        out.push(b'[');
        let mut at = 0_u64;
        loop {
            let count = reader.items()?;
            for _ in 0..count {
                bounded(out)?;
                if at > 0 {
                    out.push(b',');
                }
                self.value(items, reader, node, out).map_err(|fault| fault.within(&at.to_string()))?;
                at += 1;
            }
            if count == 0 {
                break;
            }
        }
        out.push(b']');
        Ok(())
    }

    fn map(&mut self, values: ShapeId, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.push(b'{');
        let begin = out.len();
        loop {
            let count = reader.items()?;
            for _ in 0..count {
                bounded(out)?;
                if out.len() > begin {
                    out.push(b',');
                }
                let key = text::utf8(reader.bytes()?)?;
                text::write_string(key, out);
                out.push(b':');
                self.value(values, reader, None, out).map_err(|fault| fault.within(key))?;
            }
            if count == 0 {
                break;
            }
        }
        out.push(b'}');
        Ok(())
    }
}

fn variant(variants: &[ShapeId], reader: &mut Reader<'_>) -> Result<ShapeId, Fault> {
    let at = reader.size()?;
    variants.get(at).copied().ok_or_else(|| {
        Fault::bad(format!("expected one of the {} branches of a union; found number {at}", variants.len()))
    })
}

fn bounded(out: &[u8]) -> Result<(), Fault> {
    if out.len() > TEXT_BYTES_MAX {
        return Err(Fault::bad(format!("the event has more than {TEXT_BYTES_MAX} bytes as JSON")));
    }
    Ok(())
}
