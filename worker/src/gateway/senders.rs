//! Who may send events: a folder with a file a sender, as a Secret is mounted. Its name is the sender's; it holds the SHA-256
//! of the sender's API key in hex, alone or with what the sender may do:
//!
//! ```yaml
//! sha256: 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8
//! studies: [air]             # default: every study whose gateway has this file
//! sources: [clinic-a]        # default: all
//! eventsPerSecond: 500       # default: no limit but the study's
//! ```
//!
//! Keys are random and long, so that one round of a fast hash keeps them.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::limits::Rate;

/// The other header a key may come in.
const API_KEY: &str = "x-api-key";
/// What keys begin with, so that they are recognised where they should not be.
const KEY_PREFIX: &str = "transect_";
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// One that may send.
#[derive(Debug)]
pub(super) struct Sender {
    name: String,
    studies: Option<Vec<String>>,
    sources: Option<Vec<String>>,
    rate: Option<Rate>,
}

impl Sender {
    /// Its name, for logs and metrics.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn may_send_to(&self, study: &str) -> bool {
        allows(self.studies.as_deref(), study)
    }

    pub(super) fn may_send_as(&self, source: &str) -> bool {
        allows(self.sources.as_deref(), source)
    }

    pub(super) fn rate(&self) -> Option<&Rate> {
        self.rate.as_ref()
    }
}

fn allows(named: Option<&[String]>, name: &str) -> bool {
    named.is_none_or(|named| named.iter().any(|one| one == name))
}

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SendersError {
    /// The system refused.
    #[error("the API keys in {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no sender's.
    #[error("the API key in {}: {problem}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// What a file holds.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    studies: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_per_second: Option<NonZeroU32>,
}

/// A sender that is to get a key.
#[derive(Clone, Debug)]
pub struct NewSender {
    /// Its name: letters, digits, `-`, `_` and `.`, as the keys of a Secret are.
    pub name: String,
    /// Studies that it may send to; empty for all.
    pub studies: Vec<String>,
    /// Sources that it may send as; empty for all.
    pub sources: Vec<String>,
    /// Events that it may send a second, to each gateway.
    pub events_per_second: Option<NonZeroU32>,
}

impl NewSender {
    /// Makes its key, and its file in a folder; the key, which is not kept, and the file.
    ///
    /// # Errors
    ///
    /// `Entry` if the name is none or is taken, `Io` if the file can't be written.
    pub fn create(self, folder: &Path) -> Result<(String, PathBuf), SendersError> {
        let path = folder.join(&self.name);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.bytes().all(allowed) {
            let problem =
                "its name has to be of letters, digits, `-`, `_` and `.`, and not begin with `.`".to_owned();
            return Err(SendersError::Entry { path, problem });
        }
        let failed = |source| SendersError::Io { path: path.clone(), source };
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| failed(io::Error::other(error)))?;
        let key = format!("{KEY_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random));
        let some = |names: Vec<String>| Some(names).filter(|names| !names.is_empty());
        let entry = Entry {
            sha256: hex::encode(Sha256::digest(&key)),
            studies: some(self.studies),
            sources: some(self.sources),
            events_per_second: self.events_per_second,
        };
        // Which YAML is, too.
        let text = serde_json::to_vec_pretty(&entry).map_err(|error| failed(error.into()))?;
        fs::create_dir_all(folder).map_err(failed)?;
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let problem =
                    "there is one already; remove the file first, and the old key is refused".to_owned();
                return Err(SendersError::Entry { path, problem });
            }
            opened => opened.map_err(failed)?,
        };
        file.write_all(&text).map_err(failed)?;
        Ok((key, path))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Senders {
    /// By what their keys hash to: a look-up tells no more of a key than its hash.
    by_hash: HashMap<[u8; 32], Arc<Sender>>,
    /// What was read, by file.
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Senders {
    /// Reads the folder. Files whose names begin with a dot are not senders: a mounted Secret keeps its versions so.
    pub(super) fn read(folder: &Path) -> Result<Self, SendersError> {
        let files = read_files(folder)?;
        let mut by_hash = HashMap::new();
        for (path, content) in &files {
            let broken = |problem| SendersError::Entry { path: path.clone(), problem };
            let (hash, sender) = parse(path, content).map_err(broken)?;
            let name = sender.name.clone();
            if let Some(other) = by_hash.insert(hash, Arc::new(sender)) {
                return Err(broken(format!(
                    "{name} and {} have the same key; give each its own",
                    other.name
                )));
            }
        }
        Ok(Self { by_hash, files })
    }

    /// As the folder is now; None if that is as it was.
    pub(super) fn reread(&self, folder: &Path) -> Result<Option<Self>, SendersError> {
        if read_files(folder)? == self.files {
            return Ok(None);
        }
        Self::read(folder).map(Some)
    }

    /// Who sends a request, by the key in its headers.
    pub(super) fn identify(&self, headers: &HeaderMap) -> Option<Arc<Sender>> {
        self.by_hash.get(&<[u8; 32]>::from(Sha256::digest(key_of(headers)?))).cloned()
    }
}

/// The key that a request comes with: `Authorization: Bearer KEY`, or `X-API-Key: KEY`.
fn key_of(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then_some(key.trim().as_bytes());
    }
    headers.get(API_KEY).map(|value| value.as_bytes())
}

fn read_files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, SendersError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SendersError::Io { path, source }
    };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let metadata = fs::metadata(&path).map_err(failed(&path))?;
        if hidden || !metadata.is_file() {
            continue;
        }
        if metadata.len() > FILE_BYTES_MAX {
            return Err(SendersError::Entry { path, problem: "it has more than 64 KiB".to_owned() });
        }
        let content = fs::read(&path).map_err(failed(&path))?;
        files.insert(path, content);
    }
    Ok(files)
}

fn parse(path: &Path, content: &[u8]) -> Result<([u8; 32], Sender), String> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("its name is not UTF-8")?.to_owned();
    let text = std::str::from_utf8(content).map_err(|_| "it is not UTF-8")?.trim();
    let Entry { sha256, studies, sources, events_per_second } = match hash(text) {
        Some(_) => Entry { sha256: text.to_owned(), studies: None, sources: None, events_per_second: None },
        // Never the text itself in a message: it may be the key, put here by mistake.
        None => serde_saphyr::from_str(text).map_err(|_| {
            "it is neither the SHA-256 of a key in 64 hex digits, nor a mapping with `sha256`, and if wanted `studies`, \
             `sources`, `eventsPerSecond`"
        })?,
    };
    let hash = hash(&sha256).ok_or("`sha256` has to be 64 hex digits")?;
    Ok((hash, Sender { name, studies, sources, rate: events_per_second.map(Rate::per_second) }))
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn digest(key: &str) -> String {
        hex::encode(Sha256::digest(key))
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let name = axum::http::HeaderName::from_static(name);
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_sender_is_known_by_its_key_and_may_do_what_its_file_says() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("any"), digest("k1") + "\n").unwrap();
        let some = format!(
            "sha256: {}\nstudies: [air]\nsources: [a, b]\neventsPerSecond: 5\n",
            digest("k2").to_uppercase()
        );
        fs::write(folder.path().join("some"), some).unwrap();
        fs::write(folder.path().join("..data"), "not a sender").unwrap();
        let senders = Senders::read(folder.path()).unwrap();
        let any = senders.identify(&headers("authorization", "Bearer k1")).unwrap();
        assert_eq!(any.name(), "any");
        assert!(any.may_send_to("water") && any.may_send_as("c") && any.rate().is_none());
        let some = senders.identify(&headers("x-api-key", "k2")).unwrap();
        assert!(some.may_send_to("air") && !some.may_send_to("water"));
        assert!(some.may_send_as("b") && !some.may_send_as("c") && some.rate().is_some());
        for (name, value) in
            [("authorization", "Bearer k3"), ("authorization", "Basic k1"), ("x-api-key", "")]
        {
            assert!(senders.identify(&headers(name, value)).is_none(), "{name} {value}");
        }
        assert!(senders.identify(&HeaderMap::new()).is_none());
        assert!(senders.reread(folder.path()).unwrap().is_none());
        fs::write(folder.path().join("any"), digest("k3")).unwrap();
        let changed = senders.reread(folder.path()).unwrap().unwrap();
        assert!(changed.identify(&headers("x-api-key", "k1")).is_none());
    }

    #[test]
    fn what_is_no_entry_is_named_but_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        for content in ["secret-key", "sha256: secret-key", "sha256: 12\nmore: secret-key", "\u{1}"] {
            fs::write(&path, content).unwrap();
            let error = Senders::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("one") && !error.contains("secret-key"), "{error}");
        }
        fs::write(&path, digest("k")).unwrap();
        fs::write(folder.path().join("two"), digest("k")).unwrap();
        assert!(Senders::read(folder.path()).unwrap_err().to_string().contains("the same key"));
    }
}
