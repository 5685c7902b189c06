//! A schema and the documents given along, from files. Each has its path as its name, relative to the folder that holds
//! them all, so that relative references mean what they do on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use transect_config::SchemaFamily;
use transect_core::plan::PlanError;
use transect_crds::yaml;

/// No schema is longer; longer files are data.
const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Folders nest no deeper than this, so that a link to a parent ends.
const DEPTH_MAX: u32 = 16;

/// See the module.
pub(super) struct SchemaFiles {
    pub(super) schema: Value,
    pub(super) family: SchemaFamily,
    /// The file of the schema, as it was named.
    path: PathBuf,
    /// The files of the family as they were named or found, by their documents' names.
    paths: BTreeMap<String, PathBuf>,
    /// Files in folders that hold no schema, and why; only of interest if one is referred to.
    unreadable: BTreeMap<String, String>,
}

impl SchemaFiles {
    /// Reads a schema, and what `--with` names.
    pub(super) fn read(schema: &Path, with: &[PathBuf]) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        for path in with {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => in_folder(path, 0, &mut files)?,
                Ok(_) => files.push(Given { path: path.clone(), named: true }),
                Err(error) => bail!("{} can't be read: {error}; check what --with names", path.display()),
            }
        }
        let place = place(schema)?;
        let mut places = BTreeMap::new();
        for file in files {
            places.entry(self::place(&file.path)?).or_insert(file);
        }
        places.remove(&place);
        let root = places.keys().fold(folder(&place), |root, other| common(root, folder(other)));
        let mut this = Self {
            schema: document(schema).with_context(|| format!("the schema {}", schema.display()))?,
            family: SchemaFamily { name: name(&place, root)?, documents: BTreeMap::new() },
            path: schema.to_owned(),
            paths: BTreeMap::new(),
            unreadable: BTreeMap::new(),
        };
        for (place, file) in &places {
            let name = name(place, root)?;
            match document(&file.path) {
                Ok(value) => drop(this.family.documents.insert(name.clone(), value)),
                Err(error) if file.named => return Err(error.context(file.path.display().to_string())),
                Err(error) => drop(this.unreadable.insert(name.clone(), format!("{error:#}"))),
            }
            this.paths.insert(name, file.path.clone());
        }
        Ok(this)
    }

    /// An error of the schema, with the file that it is in.
    pub(super) fn error(&self, error: &PlanError) -> anyhow::Error {
        let path = self.paths.get(&error.document).unwrap_or(&self.path).display();
        let at = if error.pointer.is_empty() { String::new() } else { format!(" at {}:", error.pointer) };
        let said = match (&error.missing, error.message.split_once("; ")) {
            (Some(missing), Some((message, _))) => match self.unreadable_at(&error.document, missing) {
                Some((file, why)) => format!("{message}: {} {why}", file.display()),
                None => format!("{message}; give it along with --with FILE"),
            },
            _ => error.message.clone(),
        };
        anyhow!("{path}:{at} {said}")
    }

    /// The file that a reference names and that holds no schema, and why.
    fn unreadable_at(&self, document: &str, reference: &str) -> Option<(&Path, &str)> {
        let document = if document.is_empty() { &self.family.name } else { document };
        let beside = Path::new("/").join(document).parent()?.join(reference);
        let name = name(&normal(&beside), Path::new("/")).ok()?;
        Some((self.paths.get(&name)?, self.unreadable.get(&name)?))
    }
}

/// A file that `--with` names, or that was found in a folder.
struct Given {
    path: PathBuf,
    named: bool,
}

/// The `*.json`, `*.yaml`, `*.yml` and `*.avsc` in a folder and below, hidden ones left out.
fn in_folder(folder: &Path, depth: u32, files: &mut Vec<Given>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, io::Error>>);
    let entries = entries.with_context(|| format!("read the folder {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden && depth < DEPTH_MAX {
            in_folder(&path, depth + 1, files)?;
        } else if path.is_file() && !hidden && path.extension().is_some_and(is_document) {
            files.push(Given { path, named: false });
        }
    }
    Ok(())
}

fn is_document(extension: &std::ffi::OsStr) -> bool {
    ["json", "yaml", "yml", "avsc"].iter().any(|known| extension == *known)
}

/// The object that a file holds, as JSON or YAML.
fn document(path: &Path) -> anyhow::Result<Value> {
    let length = fs::metadata(path).context("can't be read")?.len();
    if length > BYTES_MAX {
        bail!("has {length} bytes, more than a schema can have ({BYTES_MAX})");
    }
    let text = fs::read_to_string(path).context("can't be read")?;
    let schema = |message| anyhow!("{message}; write a JSON Schema there, as JSON or YAML");
    yaml::read_object(&text).map_err(schema)
}

/// A path from the root of the file system, without dots.
fn place(path: &Path) -> anyhow::Result<PathBuf> {
    let absolute = std::path::absolute(path).with_context(|| format!("find {}", path.display()))?;
    Ok(normal(&absolute))
}

/// A path without dots.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// The folder that holds both of two folders.
fn common<'p>(a: &'p Path, b: &Path) -> &'p Path {
    a.ancestors().find(|ancestor| b.starts_with(ancestor)).unwrap_or(a)
}

/// The name of a document: its path from a folder, with slashes.
fn name(place: &Path, root: &Path) -> anyhow::Result<String> {
    let relative = place.strip_prefix(root).unwrap_or(place);
    let steps = relative.components().map(|component| component.as_os_str().to_str());
    let steps: Option<Vec<&str>> = steps.collect();
    Ok(steps.with_context(|| format!("the path {} is not UTF-8; rename it", place.display()))?.join("/"))
}
