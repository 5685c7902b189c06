//! A gateway that is running, and requests to it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use ureq::http::{HeaderMap, Request};

use crate::command::{Up, terminate};

/// Long enough for any start and any request of a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header `content-type`.
    pub content_type: String,
    /// The header `allow`.
    pub allow: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Reply {
    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("read {self:?}"))
    }
}

/// `transect up` with its gateway on a free port of this machine.
pub struct Serving {
    child: Child,
    address: SocketAddr,
    agent: ureq::Agent,
}

impl Serving {
    /// Starts it, and waits until it is ready.
    pub fn start(up: &Up) -> anyhow::Result<Self> {
        let is_ready = |serving: &Self| {
            serving.request("GET", "/readyz", &[], b"").is_ok_and(|reply| reply.status == 200)
        };
        Self::start_until(up, is_ready)
    }

    /// Starts it under TLS, and waits until it listens.
    pub fn start_tls(up: &Up) -> anyhow::Result<Self> {
        Self::start_until(up, |serving| TcpStream::connect(serving.address).is_ok())
    }

    fn start_until(up: &Up, is_ready: impl Fn(&Self) -> bool) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .allow_non_standard_methods(true);
        let agent = config.build().into();
        let child = up.clone().arg("--listen").arg(&address.to_string()).start()?;
        let mut serving = Self { child, address, agent };
        let deadline = Instant::now() + PATIENCE;
        while !is_ready(&serving) {
            if let Some(status) = serving.child.try_wait()? {
                bail!("transect up ended by itself with {status}");
            }
            ensure!(Instant::now() < deadline, "the gateway was not ready within {PATIENCE:?}");
            thread::park_timeout(Duration::from_millis(5));
        }
        Ok(serving)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request with these headers.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Reply> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body)?)?;
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (content_type, allow) = (header("content-type"), header("allow"));
        let text = response.body_mut().read_to_string()?;
        let headers = response.headers().clone();
        Ok(Reply { status: response.status().as_u16(), content_type, allow, headers, text })
    }

    /// Ends it in good order.
    pub fn stop(mut self) -> anyhow::Result<()> {
        terminate(&mut self.child)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Has ended already, unless a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
