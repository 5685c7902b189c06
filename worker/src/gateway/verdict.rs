//! What is answered of each event.

use serde::Serialize;
use transect_core::events::RejectedRow;
use utoipa::ToSchema;

/// What became of a request's events. All are durable.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    /// Events that satisfy their schema and were not seen before.
    accepted: usize,
    /// Events that were seen before. As far as this gateway knows: what counts is the pipeline's own verdict.
    duplicate: usize,
    /// Events that don't satisfy their schema.
    rejected: usize,
    /// Each event, in the order of the body.
    events: Vec<Verdict>,
}

/// What became of an event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Verdict {
    /// Its place in the body, from 0.
    index: usize,
    status: Status,
    /// Why it is rejected, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Where in the event, as a JSON Pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// What of the schema or the manifest it breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Accepted,
    Duplicate,
    Rejected,
}

impl Verdict {
    fn new(index: usize, seen: bool) -> Self {
        let status = if seen { Status::Duplicate } else { Status::Accepted };
        Self { index, status, reason: None, pointer: None, keyword: None, message: None }
    }

    /// The one on a refused event.
    pub(super) fn refused(RejectedRow { event, reject, .. }: RejectedRow) -> Self {
        Self {
            index: event as usize,
            status: Status::Rejected,
            reason: Some(reject.reason.as_str()),
            pointer: Some(reject.pointer),
            keyword: (!reject.keyword.is_empty()).then_some(reject.keyword),
            message: Some(reject.message),
        }
    }
}

impl Answer {
    /// On events of which it is known whether they were seen before, but for those that are refused.
    pub(super) fn new(seen: &[bool], refused: Vec<RejectedRow>) -> Self {
        let mut events: Vec<Verdict> =
            seen.iter().enumerate().map(|(index, seen)| Verdict::new(index, *seen)).collect();
        for row in refused {
            let verdict = Verdict::refused(row);
            if let Some(event) = events.get_mut(verdict.index) {
                *event = verdict;
            }
        }
        let count = |status| events.iter().filter(|event| event.status == status).count();
        Self {
            accepted: count(Status::Accepted),
            duplicate: count(Status::Duplicate),
            rejected: count(Status::Rejected),
            events,
        }
    }
}
