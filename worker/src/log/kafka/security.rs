//! How clients connect and log in, from files that may change: a client is told what they hold when it is made, and is made
//! anew when that is something else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use sha2::{Digest, Sha256};
use transect_config::{ClientTls, KafkaLogin, KafkaSecurity, ScramMechanism};

use crate::log::LogError;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(5);
const USER_NAME: &str = "username";
const PASSWORD: &str = "password";

/// Tells a client how to connect.
pub(super) fn apply(security: &KafkaSecurity, config: &mut ClientConfig) -> Result<(), LogError> {
    let protocol = match (&security.tls, &security.login) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(ClientTls { authorities, certificate, key }) = &security.tls {
        // As text rather than by name: what is read here is what `Watched` knows of.
        for (name, path) in
            [("ssl.ca.pem", authorities), ("ssl.certificate.pem", certificate), ("ssl.key.pem", key)]
        {
            if let Some(path) = path {
                config.set(name, read(path)?);
            }
        }
    }
    if let Some(KafkaLogin::Scram { folder, mechanism }) = &security.login {
        let mechanism = match mechanism {
            ScramMechanism::Sha256 => "SCRAM-SHA-256",
            ScramMechanism::Sha512 => "SCRAM-SHA-512",
        };
        config.set("sasl.mechanism", mechanism);
        config.set("sasl.username", read(&folder.join(USER_NAME))?.trim_end());
        config.set("sasl.password", read(&folder.join(PASSWORD))?.trim_end());
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, LogError> {
    let failed = |source| LogError::Io { doing: "read", path: path.display().to_string(), source };
    fs::read_to_string(path).map_err(failed)
}

/// Knows whether the files hold something else than when it was made.
#[derive(Debug)]
pub(crate) struct Watched {
    paths: Vec<PathBuf>,
    /// Of their content; None while one can't be read.
    digest: Option<[u8; 32]>,
    looked: Instant,
}

impl Watched {
    pub(crate) fn begin(security: &KafkaSecurity) -> Self {
        let tls = security.tls.iter().flat_map(|tls| [&tls.authorities, &tls.certificate, &tls.key]);
        let mut paths: Vec<PathBuf> = tls.flatten().cloned().collect();
        if let Some(KafkaLogin::Scram { folder, .. }) = &security.login {
            paths.extend([folder.join(USER_NAME), folder.join(PASSWORD)]);
        }
        Self { digest: digest(&paths).ok(), paths, looked: Instant::now() }
    }

    /// As of a few seconds ago. While a file can't be read, none has changed.
    pub(crate) fn has_changed(&mut self) -> bool {
        if self.paths.is_empty() || self.looked.elapsed() < LOOK {
            return false;
        }
        self.looked = Instant::now();
        digest(&self.paths).is_ok_and(|now| self.digest != Some(now))
    }
}

fn digest(paths: &[PathBuf]) -> io::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    for path in paths {
        let content = fs::read(path)?;
        digest.update((content.len() as u64).to_le_bytes());
        digest.update(content);
    }
    Ok(digest.finalize().into())
}
