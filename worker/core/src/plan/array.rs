//! The keywords of arrays. Where several subschemas hold, each item must satisfy what each of them says of its place.

use jsonschema::Draft;
use serde_json::Value;

use super::compile::Compiler;
use super::delegate::Delegate;
use super::node::{ArrayNode, ColumnId, Node, NodeColumn, Rest};
use super::object::tighten;
use super::source::Located;

/// One subschema's say on items.
struct Part<'s> {
    prefix: Vec<Located<'s>>,
    rest: Option<Located<'s>>,
    /// The keyword by which there may be no others, where it is not the items that are wrong but the array.
    closed: Option<&'static str>,
}

impl<'s> Compiler<'s> {
    /// Adds the keywords of arrays to a node. With `columns`, gives the items a column, if all have the same schema and
    /// that one has a column type.
    pub(crate) fn arrays(
        &mut self,
        node: &mut Node,
        schemas: &[Located<'s>],
        columns: bool,
    ) -> Option<ColumnId> {
        let mut array = ArrayNode::default();
        let mut said = false;
        for schema in schemas {
            said |= self.array_keywords(&mut array, node, schema);
        }
        if !said {
            return None;
        }
        let parts: Vec<Part<'s>> = schemas.iter().map(|schema| self.items(schema)).collect();
        let longest = parts.iter().map(|part| part.prefix.len()).max().unwrap_or_default();
        let closed_at = parts.iter().filter(|part| part.closed.is_some()).map(|part| part.prefix.len()).min();
        let prefix = closed_at.unwrap_or(longest);
        for at in 0..prefix {
            let here =
                parts.iter().filter_map(|part| part.prefix.get(at).or(part.rest.as_ref()).cloned()).collect();
            array.prefix.push(self.node(here, false));
        }
        let closed = parts.iter().find_map(|part| part.closed);
        let rest: Vec<Located<'s>> = parts.into_iter().filter_map(|part| part.rest).collect();
        let mut item = None;
        array.rest = match closed {
            Some(keyword) => Rest::Closed(keyword),
            None if rest.is_empty() => Rest::Any,
            None => {
                let (node, column) = self.item(rest, columns && prefix == 0);
                item = column;
                Rest::Checked(Box::new(node))
            }
        };
        node.array = Some(Box::new(array));
        item
    }

    /// The node of an item, and its column if it has one that is typed. An array of JSON texts is a JSON text itself.
    fn item(&mut self, schemas: Vec<Located<'s>>, columns: bool) -> (Node, Option<ColumnId>) {
        let layouts = self.layouts.len();
        let mut node = self.node(schemas, columns);
        if let NodeColumn::Json(_) = node.column {
            self.layouts.truncate(layouts);
            node.column = NodeColumn::None;
            node.whole = node.union.is_some();
        }
        let column = node.column.id();
        (node, column)
    }

    /// Adds what one subschema says of an array as a whole; whether it says anything of arrays at all.
    fn array_keywords(&mut self, array: &mut ArrayNode, node: &mut Node, schema: &Located<'s>) -> bool {
        let mut said = false;
        for (keyword, value) in schema.keywords().into_iter().flatten() {
            if !self.source.constrains(keyword) {
                continue;
            }
            let expressed = match keyword.as_str() {
                "items" | "prefixItems" | "additionalItems" => true,
                "minItems" | "maxItems" => tighten(&mut array.count, keyword, value),
                "uniqueItems" if value != &Value::Bool(true) => continue,
                "uniqueItems" => {
                    array.unique = Delegate::keyword(self.source.draft(), keyword, value);
                    array.unique.is_some()
                }
                _ => continue,
            };
            said = true;
            if !expressed {
                self.fall_back(schema, keyword);
                node.partly = true;
            }
        }
        said
    }

    /// What a subschema says of items: `prefixItems` and `items`; up to 2019-09 `items`, as a list or as a schema, and
    /// `additionalItems` after a list.
    fn items(&self, schema: &Located<'s>) -> Part<'s> {
        let schema_of = |keyword| schema.keyword(keyword).filter(|found| found.value != &Value::Bool(true));
        if self.source.since(Draft::Draft202012) {
            let prefix = schema.keyword("prefixItems").map(|found| found.list()).unwrap_or_default();
            return Part { prefix, rest: schema_of("items"), closed: None };
        }
        match schema.keyword("items") {
            Some(items) if items.value.is_array() => {
                let rest = schema_of("additionalItems");
                let closed = rest.as_ref().is_some_and(|rest| rest.value == &Value::Bool(false));
                let closed = closed.then_some("additionalItems");
                Part { prefix: items.list(), rest: rest.filter(|_| closed.is_none()), closed }
            }
            _ => Part { prefix: Vec::new(), rest: schema_of("items"), closed: None },
        }
    }
}
