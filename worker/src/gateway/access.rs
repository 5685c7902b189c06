//! Lets a request in if its sender is known and may send to the study of its path.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::Gateway;
use super::drain::drain;
use super::problem::Problem;
use super::senders::{Sender, Senders, SendersError};

/// Who may send, as the files say now; None if whoever reaches the gateway may.
#[derive(Debug)]
pub(super) struct Access(Option<(PathBuf, RwLock<Arc<Senders>>)>);

impl Access {
    pub(super) fn open(folder: Option<PathBuf>) -> Result<Self, SendersError> {
        let read = |folder: PathBuf| {
            let senders = Senders::read(&folder)?;
            Ok((folder, RwLock::new(Arc::new(senders))))
        };
        folder.map(read).transpose().map(Self)
    }

    /// Reads the files again. While something is wrong with them, what was read before holds.
    pub(super) fn refresh(&self) {
        let Some((folder, senders)) = &self.0 else { return };
        let current = Arc::clone(&senders.read().unwrap_or_else(PoisonError::into_inner));
        match current.reread(folder) {
            Ok(None) => {}
            Ok(Some(changed)) => {
                *senders.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(changed);
                tracing::info!(folder = %folder.display(), "read the API keys again");
            }
            Err(error) => tracing::warn!(%error, "the API keys stay as they were"),
        }
    }

    /// Who sends, if that one may send to the study of the path.
    fn admit(
        &self,
        headers: &HeaderMap,
        parameters: Result<RawPathParams, RawPathParamsRejection>,
    ) -> Result<From, Problem> {
        let sender = self.sender(headers)?;
        let parameters = parameters?;
        let study = parameters.iter().find_map(|(name, value)| (name == "study").then_some(value));
        match (&sender, study) {
            (Some(sender), Some(study)) if !sender.may_send_to(study) => {
                let detail = format!("the API key of {} is not for the study of this path", sender.name());
                Err(Problem::new(StatusCode::FORBIDDEN, "not for this study", detail))
            }
            _ => Ok(sender),
        }
    }

    /// Who sends; an error if nobody knows.
    fn sender(&self, headers: &HeaderMap) -> Result<Option<Arc<Sender>>, Problem> {
        let Some((_, senders)) = &self.0 else { return Ok(None) };
        let senders = Arc::clone(&senders.read().unwrap_or_else(PoisonError::into_inner));
        senders.identify(headers).map(Some).ok_or_else(|| {
            let detail = "give a valid API key, as `Authorization: Bearer KEY` or `X-API-Key: KEY`";
            let challenge = (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            Problem::new(StatusCode::UNAUTHORIZED, "no valid API key", detail.to_owned())
                .with_headers([challenge])
        })
    }
}

/// Who sends a request, where that matters.
pub(super) type From = Option<Arc<Sender>>;

/// See the module.
pub(super) async fn check(
    State(gateway): State<Arc<Gateway>>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match gateway.access.admit(request.headers(), parameters) {
        Ok(sender) => {
            request.extensions_mut().insert::<From>(sender);
            Ok(next.run(request).await)
        }
        Err(problem) => {
            drain(&gateway, request.into_body()).await;
            Err(problem)
        }
    }
}
