//! Random families: documents that refer to one another by relative name and by `$id`, most of one draft.

use std::collections::HashMap;

use jsonschema::{Draft, Registry, Resource, ValidationOptions, Validator, uri};
use serde_json::Value;
use transect_config::SchemaFamily;

use crate::random::Random;
use crate::schemas::{Schemas, below, draft};

/// Paths, so that relative references lead up and down.
const PLACES: [&str; 5] =
    ["unit.json", "common/unit.json", "common/deep/x y.json", "été/a+b@c.json", "z.yaml"];

/// The draft of schemas that don't say theirs.
const LATEST: &str = "https://json-schema.org/draft/2020-12/schema";

/// A document to which others may refer.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) definitions: usize,
    pub(crate) below: &'static str,
}

/// The documents so far, and who refers to whom.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) documents: SchemaFamily,
    others: Vec<Other>,
    /// The document that is being made.
    here: String,
    /// Where an address leads to from a document: by both, the other's name.
    links: HashMap<(String, String), String>,
}

/// A schema and its family.
pub(crate) struct Made {
    pub(crate) schema: Value,
    pub(crate) family: Family,
}

impl Made {
    /// Makes a schema, in a third of all cases with a family.
    pub(crate) fn new(random: &mut Random) -> Self {
        let (uri, year) = draft(random);
        let mut family = Family::default();
        let count = if random.percent(33) { 1 + random.below(3) } else { 0 };
        let start = random.below(PLACES.len());
        for at in 0..count {
            family.here = PLACES[(start + at) % PLACES.len()].to_owned();
            // A document that doesn't say its draft is of the schema's.
            let (other, other_year) = draft(random);
            if random.percent(6) && other_year != year {
                family.add(random, other.or(Some(LATEST)), other_year, at);
            } else {
                let said = uri.filter(|_| random.percent(70));
                family.add(random, said, year, at);
            }
        }
        let name = random.pick(&["main.json", "common/main.json", "a/b/c/main.json"]);
        family.here = name.to_owned();
        family.documents.name = name.to_owned();
        let mut schema = Schemas::document(random, (uri, year), &mut family);
        if random.percent(30) {
            schema[id_keyword(year)] = "https://main.example.org/deep/schema".into();
        }
        Self { schema, family }
    }

    /// All documents, for messages.
    pub(crate) fn text(&self) -> String {
        format!("{} and {}", self.schema, serde_json::to_string(&self.family.documents).unwrap())
    }

    /// The value to which a reference in a document leads, and the document that holds it.
    pub(crate) fn target(&self, from: &str, reference: &str) -> Option<(&str, &Value)> {
        let (address, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let link = (from.to_owned(), address.to_owned());
        let name = if address.is_empty() { from } else { self.family.links.get(&link)? };
        let documents = &self.family.documents;
        let (name, value) = match documents.documents.get_key_value(name) {
            Some((name, value)) => (name, value),
            None => (&documents.name, &self.schema),
        };
        Some((name, value.pointer(pointer)?))
    }
}

impl Family {
    fn add(&mut self, random: &mut Random, uri: Option<&str>, year: u32, at: usize) {
        let (mut document, definitions) = Schemas::member(random, year, self);
        // A host of its own, so that no two relative references mean the same.
        let id = random.percent(40).then(|| format!("https://d{at}.example.org/a/b/c/d/document"));
        if let Some(id) = &id {
            document.insert(id_keyword(year).to_owned(), id.as_str().into());
        }
        if let Some(uri) = uri {
            document.insert("$schema".to_owned(), uri.into());
        }
        if random.percent(4)
            && let Some(part) = document.get_mut(below(year)).and_then(|defined| defined.get_mut("d0"))
            && part.is_object()
        {
            part[id_keyword(year)] = "part".into();
        }
        let name = self.here.clone();
        self.documents.documents.insert(name.clone(), document.into());
        self.others.push(Other { name, id, definitions, below: below(year) });
    }

    /// Whether there is a document to refer to.
    pub(crate) fn is_around(&self) -> bool {
        !self.others.is_empty()
    }

    /// How the document that is being made calls another one.
    pub(crate) fn address(&mut self, random: &mut Random) -> (String, Other) {
        let other = self.others[random.below(self.others.len())].clone();
        let address = match &other.id {
            Some(id) if random.percent(50) => id.clone(),
            _ => relative(&self.here, &other.name),
        };
        self.links.insert((self.here.clone(), address.clone()), other.name.clone());
        (address, other)
    }
}

fn id_keyword(year: u32) -> &'static str {
    if year == 4 { "id" } else { "$id" }
}

/// The reference from one path to another.
fn relative(from: &str, to: &str) -> String {
    let to = to.replace(' ', "%20").replace('é', "%C3%A9");
    format!("{}{to}", "../".repeat(from.matches('/').count()))
}

/// The schema as the `jsonschema` crate has it, with every document under every URI that a reference may come to.
pub(crate) fn validator(schema: &Value, family: &SchemaFamily) -> Result<Validator, String> {
    fn said(error: impl ToString) -> String {
        error.to_string()
    }
    let usual = Draft::Draft202012.detect(schema);
    let mut documents: Vec<(&str, &Value)> = vec![(&family.name, schema)];
    documents.extend(family.documents.iter().map(|(name, value)| (name.as_str(), value)));
    let resource = |value: &Value| usual.detect(value).create_resource(value.clone());
    let resources: Vec<Resource> = documents.iter().map(|(_, value)| resource(value)).collect();
    let mut pairs: Vec<(String, &Resource)> = Vec::new();
    for ((name, _), resource) in documents.iter().zip(&resources) {
        pairs.push((found(name), resource));
        // A name counts from where the referring document was found, also where its `$id` has moved the base.
        for (from, referring) in &documents {
            let id = ["$id", "id"].iter().find_map(|keyword| referring.get(keyword)?.as_str());
            if let Some(base) = id.and_then(|id| uri::from_str(id).ok()) {
                let address = uri::resolve_against(&base.borrow(), &relative(from, name)).map_err(said)?;
                pairs.push((address.to_string(), resource));
            }
        }
    }
    let registry = Registry::new()
        .retrieve_known_draft_meta_schemas(false)
        .extend(pairs)
        .map_err(said)?
        .prepare()
        .map_err(said)?;
    let options = ValidationOptions::default().should_validate_formats(true).offline();
    let options = options.with_draft(usual).with_registry(&registry).with_base_uri(found(&family.name));
    options.build(schema).map_err(said)
}

fn found(name: &str) -> String {
    format!("json-schema:///{}", relative("", name))
}
