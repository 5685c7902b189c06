//! Listening: HTTP/1.1 and 2, in plain or under TLS, until it is told to stop.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use transect_config::ServerTls;

use crate::role::RoleError;
use crate::runner::Flag;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long requests that have begun may take once it stops.
const GRACE: Duration = Duration::from_secs(4);
/// How often it looks whether to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How often files are read again.
pub(super) const REFRESH: Duration = Duration::from_secs(5);

/// A listener and what it needs for TLS.
pub(super) struct Server {
    listener: TcpListener,
    tls: Option<(ServerTls, RustlsConfig)>,
}

/// Makes ready to serve.
pub(super) fn open(listener: TcpListener, tls: Option<ServerTls>) -> Result<Server, RoleError> {
    listener.set_nonblocking(true)?;
    let with_config = |tls: ServerTls| -> Result<_, RoleError> {
        let config = RustlsConfig::from_config(Arc::new(tls_of(&tls)?));
        Ok((tls, config))
    };
    Ok(Server { listener, tls: tls.map(with_config).transpose()? })
}

impl Server {
    /// Serves until the flag is up and the last requests are answered.
    pub(super) async fn run(self, router: Router, stop: Flag) -> Result<(), RoleError> {
        let handle = Handle::new();
        tokio::spawn(end(handle.clone(), stop));
        let mut server = axum_server::from_tcp(self.listener)?.handle(handle).first_request_timeout(HEAD);
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
        let service = router.into_make_service();
        match self.tls {
            None => server.serve(service).await?,
            Some((tls, config)) => {
                tokio::spawn(refresh(tls, config.clone()));
                server.acceptor(RustlsAcceptor::new(config)).serve(service).await?;
            }
        }
        Ok(())
    }
}

/// Lets what has begun end once the flag is up.
async fn end(handle: Handle<SocketAddr>, stop: Flag) {
    while !stop.is_raised() {
        tokio::time::sleep(LOOK).await;
    }
    handle.graceful_shutdown(Some(GRACE));
}

/// Takes certificates that have changed for the connections to come.
async fn refresh(tls: ServerTls, config: RustlsConfig) {
    let mut known = contents(&tls).ok();
    loop {
        tokio::time::sleep(REFRESH).await;
        let now = contents(&tls).ok();
        if now == known {
            continue;
        }
        match tls_of(&tls) {
            Ok(changed) => {
                config.reload_from_config(Arc::new(changed));
                tracing::info!(certificate = %tls.certificate.display(), "read the certificate again");
                known = now;
            }
            // Written in part, perhaps.
            Err(error) => tracing::warn!(%error, "the certificate stays as it was"),
        }
    }
}

fn contents(tls: &ServerTls) -> io::Result<Vec<Vec<u8>>> {
    let paths = [Some(&tls.certificate), Some(&tls.key), tls.client_authorities.as_ref()];
    paths.into_iter().flatten().map(fs::read).collect()
}

fn tls_of(tls: &ServerTls) -> Result<ServerConfig, RoleError> {
    let chain = certificates(&tls.certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| unusable("private key", &tls.key, error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = match &tls.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path)? {
                roots.add(authority).map_err(|error| unusable("authority", path, error))?;
            }
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unusable("authority", path, error))?)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| unusable("certificate, with its key,", &tls.certificate, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, RoleError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|error| unusable("certificate", path, error))?;
    if chain.is_empty() {
        return Err(unusable("certificate", path, "there is none in it"));
    }
    Ok(chain)
}

fn unusable(what: &str, path: &Path, problem: impl std::fmt::Display) -> RoleError {
    format!("the {what} in {} can't be used: {problem}; give a file in PEM", path.display()).into()
}
