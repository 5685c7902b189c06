//! The documents that a schema is made of: the one that events are checked against, and those of its family to which
//! references lead, directly or through others. Nothing else is looked at, and nothing is ever fetched.
//!
//! A document is found by its name, relative to whoever refers to it, and by its `$id`. One without `$schema` is of the
//! draft of the schema that events are checked against.

use std::collections::{BTreeMap, HashMap};

use jsonschema::{Draft, ReferencingError, Registry, Resource, Uri, uri};
use serde_json::Value;
use transect_config::SchemaFamily;

use super::PlanError;
use super::scan::{Reference, Scan, resolve};
use super::source::percent_decode;

/// Where documents without a URI of their own are found.
const ROOT: &str = "json-schema:///";
/// So many meta-schemas at most lead from a document to its draft.
const META_SCHEMAS_MAX: usize = 8;

/// See the module. The first document is the schema itself.
#[derive(Debug)]
pub(crate) struct Family<'s> {
    pub(crate) documents: Vec<Document<'s>>,
    /// That of documents that don't say theirs.
    draft: Draft,
    /// The documents by every URI that names one as a whole.
    by_uri: BTreeMap<String, usize>,
    /// Who calls itself what: by URI, the document and the JSON Pointer to the part of it.
    owners: HashMap<String, (usize, String)>,
    /// The documents that were found beside the one that refers to them by a URI which is nobody's.
    beside: HashMap<(usize, String), usize>,
}

/// A document of the family.
#[derive(Debug)]
pub(crate) struct Document<'s> {
    /// Its name; empty for the schema itself.
    pub(crate) name: &'s str,
    pub(crate) value: &'s Value,
    pub(crate) draft: Draft,
    /// Where it is found.
    pub(crate) found: Uri<String>,
    pub(crate) scan: Scan,
}

impl<'s> Document<'s> {
    /// A document, found at the place of that name.
    fn new(name: &'s str, place: &str, value: &'s Value, draft: Draft) -> Result<Self, PlanError> {
        let absolute = place.contains("://").then(|| place.to_owned());
        let found = uri::from_str(&absolute.unwrap_or_else(|| format!("{ROOT}{}", percent_encode(place))))
            .map_err(|error| {
                PlanError::of(name, "", format!("`{place}` can't be a document's name: {error}"))
            })?;
        let draft = draft.detect(value);
        let scan = Scan::new(value, draft, &found);
        Ok(Self { name, value, draft, found, scan })
    }
}

/// The documents that references may lead to.
struct Given<'s> {
    names: Vec<&'s str>,
    /// None for those that have been reached.
    documents: Vec<Option<Document<'s>>>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<String, Vec<usize>>,
}

impl<'s> Given<'s> {
    fn new(family: &'s SchemaFamily, draft: Draft) -> Result<Self, PlanError> {
        let names = family.documents.keys().map(String::as_str).collect();
        let (documents, by_name, by_id) = Default::default();
        let mut given = Self { names, documents, by_name, by_id };
        for (at, (name, value)) in family.documents.iter().enumerate() {
            let document = Document::new(name, name, value, draft)?;
            given.by_name.insert(document.found.to_string(), at);
            for (id, _) in &document.scan.identifiers {
                let same = given.by_id.entry(id.clone()).or_default();
                if !same.contains(&at) {
                    same.push(at);
                }
            }
            given.documents.push(Some(document));
        }
        Ok(given)
    }

    /// The documents that a URI may name: the one of that name, or else all that call themselves or a part so.
    fn called(&self, uri: &str) -> Vec<usize> {
        let named = self.by_name.get(uri).map(|named| vec![*named]);
        named.or_else(|| self.by_id.get(uri).cloned()).unwrap_or_default()
    }

    /// The draft behind a meta-schema that is among the documents; Unknown if it leads nowhere.
    fn draft_behind(&self, schema: &Value) -> Draft {
        let mut value = schema;
        for _ in 0..META_SCHEMAS_MAX {
            let draft = Draft::Draft202012.detect(value);
            if draft != Draft::Unknown {
                return draft;
            }
            let named = value.get("$schema").and_then(Value::as_str).unwrap_or_default();
            let named = uri::from_str(named.trim_end_matches('#')).ok();
            let named = named.and_then(|uri| self.called(uri.as_str()).first().copied());
            match named.and_then(|at| self.documents[at].as_ref()) {
                Some(meta) => value = meta.value,
                None => break,
            }
        }
        Draft::Unknown
    }
}

impl<'s> Family<'s> {
    /// Gathers the documents that a schema reaches.
    pub(crate) fn gather(schema: &'s Value, family: &'s SchemaFamily) -> Result<Self, PlanError> {
        let draft = Draft::Draft202012.detect(schema);
        let unsaid = if draft == Draft::Unknown { Draft::Draft202012 } else { draft };
        let mut given = Given::new(family, unsaid)?;
        if given.draft_behind(schema) == Draft::Unknown {
            return Err(unknown_draft("", &schema["$schema"]));
        }
        let (documents, by_uri, owners, beside) = Default::default();
        let mut this = Self { documents, draft: unsaid, by_uri, owners, beside };
        this.add(Document::new("", &family.name, schema, draft)?)?;
        let mut next = 0;
        while let Some(document) = this.documents.get(next) {
            for reference in document.scan.references.clone() {
                this.follow(next, &reference, &mut given)?;
            }
            next += 1;
        }
        Ok(this)
    }

    /// Adds the document that a reference names, if there is one and it isn't here yet.
    fn follow(&mut self, from: usize, reference: &Reference, given: &mut Given<'s>) -> Result<(), PlanError> {
        let Some(resource) = &reference.resource else { return Ok(()) };
        let link = (from, resource.clone());
        if self.owners.contains_key(resource) || self.beside.contains_key(&link) {
            return Ok(());
        }
        let place = &self.documents[from];
        let beside = resolve(&place.found, reference.address()).map(|uri| uri.to_string());
        let named = match *given.called(resource) {
            [] => beside.as_ref().and_then(|uri| given.by_name.get(uri).copied()),
            [named] => Some(named),
            [first, second, ..] => {
                return Err(ambiguous(place.name, reference, given.names[first], given.names[second]));
            }
        };
        if let Some(document) = named.and_then(|named| given.documents[named].take()) {
            self.add(document)?;
        }
        // A document that was here before may have been found there too.
        if !self.owners.contains_key(resource)
            && let Some(at) = beside.and_then(|uri| self.by_uri.get(&uri).copied())
        {
            self.beside.insert(link, at);
        }
        Ok(())
    }

    /// Adds a document under all its names.
    fn add(&mut self, document: Document<'s>) -> Result<(), PlanError> {
        let at = self.documents.len();
        let found = (document.found.to_string(), String::new());
        let names: Vec<_> = std::iter::once(&found).chain(&document.scan.identifiers).cloned().collect();
        self.documents.push(document);
        for (uri, pointer) in names {
            if let Some((other, there)) = self.owners.get(&uri)
                && *other != at
                && self.part(*other, there) != self.part(at, &pointer)
            {
                let message = format!(
                    "calls itself `{uri}`, and so does {}; give only one of the two along, or rename one",
                    described(self.documents[*other].name)
                );
                return Err(PlanError::of(self.documents[at].name, &pointer, message));
            }
            if pointer.is_empty() {
                self.by_uri.entry(uri.clone()).or_insert(at);
            }
            self.owners.entry(uri).or_insert((at, pointer));
        }
        Ok(())
    }

    /// A part of a document.
    fn part(&self, document: usize, pointer: &str) -> Option<&'s Value> {
        self.documents[document].value.pointer(pointer)
    }

    /// The document of the schema itself.
    pub(crate) fn schema(&self) -> &Document<'s> {
        &self.documents[0]
    }

    /// The document that is referred to from another, if the reference names a whole one.
    pub(crate) fn document(&self, from: usize, address: &str) -> Option<usize> {
        if address.is_empty() {
            return Some(from);
        }
        let link = (from, resolve(&self.documents[from].scan.base, address)?.to_string());
        self.beside.get(&link).or_else(|| self.by_uri.get(&link.1)).copied()
    }

    /// Where a reference leads, without its fragment: a document, and the JSON Pointer to a part of it.
    fn target(&self, from: usize, reference: &Reference) -> Option<(usize, &str)> {
        let link = (from, reference.resource.clone()?);
        let beside = self.beside.get(&link).map(|at| (*at, ""));
        beside.or_else(|| self.owners.get(&link.1).map(|(at, pointer)| (*at, pointer.as_str())))
    }

    /// The documents as the `jsonschema` crate takes them, in the order of [`Self::documents`]. What was found beside
    /// is referred to by where that is, since its URI would be another by the `$id`s.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        let resource = |(from, document): (usize, &Document<'_>)| {
            let mut value = document.value.clone();
            for reference in &document.scan.references {
                let link = reference.resource.clone().map(|resource| (from, resource));
                let beside = link.and_then(|link| self.beside.get(&link));
                if let (Some(at), Some(text)) = (beside, value.pointer_mut(&reference.pointer)) {
                    *text = format!("{}#{}", self.documents[*at].found, reference.fragment()).into();
                }
            }
            document.draft.create_resource(value)
        };
        self.documents.iter().enumerate().map(resource).collect()
    }

    /// All documents under all URIs that name one.
    pub(crate) fn registry<'r>(&self, resources: &'r [Resource]) -> Result<Registry<'r>, ReferencingError> {
        let named = self.by_uri.iter().map(|(uri, at)| (uri, &resources[*at]));
        Registry::new().draft(self.draft).retrieve_known_draft_meta_schemas(false).extend(named)?.prepare()
    }

    /// Says which reference leads nowhere, when the `jsonschema` crate says that one does.
    pub(crate) fn nowhere(&self, error: &ReferencingError) -> PlanError {
        if let ReferencingError::UnknownSpecification { specification } = error {
            let place = |document: &&Document<'_>| document.value["$schema"] == **specification;
            let name = self.documents.iter().find(place).map_or("", |document| document.name);
            return unknown_draft(name, &Value::from(specification.as_str()));
        }
        let all = self.documents.iter().enumerate().flat_map(|(from, document)| {
            document.scan.references.iter().map(move |reference| (from, reference))
        });
        let mut blamed: Vec<_> = all.filter(|(_, reference)| is_blamed(reference, error)).collect();
        // Of several that are written alike, the one that does lead nowhere.
        blamed.sort_by_key(|(from, reference)| self.leads_somewhere(*from, reference));
        match blamed.first() {
            Some((from, reference)) => self.leads_nowhere(*from, reference, error),
            None => PlanError::of("", "", format!("a reference leads nowhere: {error}; correct it")),
        }
    }

    /// Whether a reference leads to a place in a document by a JSON Pointer.
    fn leads_somewhere(&self, from: usize, reference: &Reference) -> bool {
        let within = percent_decode(reference.fragment());
        let place = self.target(from, reference).zip(within);
        place.is_some_and(|((at, pointer), within)| {
            self.part(at, pointer).is_some_and(|part| part.pointer(&within).is_some())
        })
    }

    fn leads_nowhere(&self, from: usize, reference: &Reference, error: &ReferencingError) -> PlanError {
        let Reference { keyword, pointer, text, .. } = reference;
        let target = self.target(from, reference);
        let message = match target {
            None => format!(
                "`{keyword}` leads to `{text}`, but no document of that name or `$id` is given; give it along, or put what \
                 it names under `$defs`"
            ),
            Some((at, _)) => {
                let other = described(self.documents[at].name);
                format!(
                    "`{keyword}` leads to `{text}`, but {other} has no such place ({error}); correct one of the two"
                )
            }
        };
        let missing = target.is_none().then(|| reference.address().to_owned());
        PlanError { missing, ..PlanError::of(self.documents[from].name, pointer, message) }
    }
}

/// Whether an error may be about a reference.
fn is_blamed(reference: &Reference, error: &ReferencingError) -> bool {
    match error {
        ReferencingError::Unretrievable { uri, .. } => {
            *uri == reference.text || reference.resource.as_ref() == Some(uri)
        }
        ReferencingError::PointerToNowhere { pointer: fragment }
        | ReferencingError::InvalidPercentEncoding { pointer: fragment, .. }
        | ReferencingError::InvalidArrayIndex { pointer: fragment, .. }
        | ReferencingError::NoSuchAnchor { anchor: fragment }
        | ReferencingError::InvalidAnchor { anchor: fragment } => reference.fragment() == fragment,
        error => error.to_string().contains(&reference.text),
    }
}

fn unknown_draft(name: &str, schema: &Value) -> PlanError {
    let message = format!(
        "`$schema` names {schema}, but only the drafts 4, 6, 7, 2019-09 and 2020-12 are known, and meta-schemas that are \
         given along; leave it out for the last"
    );
    PlanError::of(name, "/$schema", message)
}

fn ambiguous(name: &str, reference: &Reference, first: &str, second: &str) -> PlanError {
    let Reference { keyword, pointer, text, .. } = reference;
    let message = format!(
        "`{keyword}` leads to `{text}`, which both `{first}` and `{second}` call themselves; give only one of them along"
    );
    PlanError::of(name, pointer, message)
}

fn described(name: &str) -> String {
    if name.is_empty() { "the schema itself".to_owned() } else { format!("`{name}`") }
}

/// A path as it stands in a URI (RFC 3986, section 3.3).
fn percent_encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(byte.into()),
            byte if b"-._~!$&'()*+,;=:@/".contains(&byte) => out.push(byte.into()),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
