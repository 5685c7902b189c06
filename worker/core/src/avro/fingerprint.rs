//! The fingerprint of a schema: CRC-64-AVRO of its parsing canonical form.
//! <https://avro.apache.org/docs/1.12.0/specification/#schema-fingerprints>
//!
//! The form is made here: the crate's own leaves out what other documents of the family define, and the namespace that types
//! within a record have from it.

use std::collections::BTreeSet;

use apache_avro::schema::{Name, Schema};

use super::{Parsed, Shape};

/// The fingerprint of nothing, and the polynomial.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (EMPTY & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

/// The fingerprint of a schema with all types that it names.
pub(super) fn of(parsed: &Parsed) -> u64 {
    let mut form = Form { parsed, defined: BTreeSet::new(), text: String::new() };
    form.write(&parsed.root);
    crc(form.text.as_bytes())
}

fn crc(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |crc, byte| (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)])
}

/// The parsing canonical form in the making.
struct Form<'s> {
    parsed: &'s Parsed,
    /// Types that stand before, and are only named from then on.
    defined: BTreeSet<String>,
    text: String,
}

impl<'s> Form<'s> {
    fn write(&mut self, schema: &'s Schema) {
        let parsed = self.parsed;
        let shape = Shape::of(parsed.resolve(schema));
        if let Some(name) = shape.name()
            && !self.define(name)
        {
            return self.quoted(&name.fullname(None));
        }
        match shape {
            Shape::Primitive(primitive) => self.quoted(primitive.name()),
            Shape::Unknown => {}
            Shape::Fixed(fixed) => {
                self.text.push_str(&format!(",\"type\":\"fixed\",\"size\":{}}}", fixed.size));
            }
            Shape::Enum(schema) => {
                self.text.push_str(",\"type\":\"enum\",\"symbols\":[");
                self.list(&schema.symbols, |this, symbol| this.quoted(symbol));
                self.text.push_str("]}");
            }
            Shape::Record(record) => {
                self.text.push_str(",\"type\":\"record\",\"fields\":[");
                self.list(&record.fields, |this, field| {
                    this.text.push_str("{\"name\":");
                    this.quoted(&field.name);
                    this.text.push_str(",\"type\":");
                    this.write(&field.schema);
                    this.text.push('}');
                });
                self.text.push_str("]}");
            }
            Shape::Array(items) => self.collection("array", "items", items),
            Shape::Map(values) => self.collection("map", "values", values),
            Shape::Union(branches) => {
                self.text.push('[');
                self.list(branches, |this, branch| this.write(branch));
                self.text.push(']');
            }
        }
    }

    /// Begins a named type; false if it stands before.
    fn define(&mut self, name: &Name) -> bool {
        let full = name.fullname(None);
        if !self.defined.insert(full.clone()) {
            return false;
        }
        self.text.push_str("{\"name\":");
        self.quoted(&full);
        true
    }

    fn collection(&mut self, kind: &str, of: &str, inner: &'s Schema) {
        self.text.push_str(&format!("{{\"type\":\"{kind}\",\"{of}\":"));
        self.write(inner);
        self.text.push('}');
    }

    fn list<T>(&mut self, all: &'s [T], write: impl Fn(&mut Self, &'s T)) {
        for (at, one) in all.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            write(self, one);
        }
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        self.text.push_str(text);
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fingerprints_are_those_of_the_specification() {
        // From schema-tests.txt of Apache Avro.
        for (schema, expected) in [
            (json!("null"), 7_195_948_357_588_979_594_i64),
            (json!("boolean"), -6_970_731_678_124_411_036),
            (json!({"type": "fixed", "name": "foo", "size": 15}), 1_756_455_273_707_447_556),
        ] {
            let parsed = Parsed::read(&schema, &Default::default()).unwrap();
            assert_eq!(of(&parsed) as i64, expected, "{schema}");
        }
    }
}
