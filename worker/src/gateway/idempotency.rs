//! Requests that come again under the same `Idempotency-Key` get the answer of the first (draft-ietf-httpapi-idempotency-key-header).
//! Answers are kept in this process only: another one stores the events again, whose repeats are then recognised.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::problem::Problem;

const HEADER: &str = "idempotency-key";
const KEY_BYTES_MAX: usize = 256;
/// How long answers are kept, and so many bytes of them.
const KEPT: Duration = Duration::from_secs(24 * 3600);
const KEPT_BYTES_MAX: u64 = 64 << 20;
/// What an entry needs besides its answer.
const ENTRY_BYTES: usize = 256;

/// A request under a key: whose, and which.
type Key = [u8; 32];

/// See the module.
#[derive(Debug)]
pub(super) struct Answers(Cache<Key, State>);

#[derive(Clone, Debug)]
struct State {
    /// Of what the request says.
    content: [u8; 32],
    /// None while the first is served.
    answer: Option<Bytes>,
}

/// What a request with a key is.
#[derive(Debug)]
pub(super) enum Turn<'a> {
    /// The first one, to be served.
    First(First<'a>),
    /// One that was answered so.
    Again(Bytes),
}

/// The first one of its key. Unless it is answered, the next one is the first.
#[derive(Debug)]
pub(super) struct First<'a> {
    answers: &'a Answers,
    key: Key,
    content: [u8; 32],
    answered: bool,
}

impl Default for Answers {
    fn default() -> Self {
        let weight = |_: &Key, state: &State| {
            let answer = state.answer.as_ref().map_or(0, Bytes::len);
            u32::try_from(answer + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(KEPT_BYTES_MAX).weigher(weight).time_to_live(KEPT).build())
    }
}

impl Answers {
    /// Where a request stands that a sender makes; None if it comes without a key.
    pub(super) fn turn(
        &self,
        headers: &HeaderMap,
        sender: &str,
        content: &[&[u8]],
    ) -> Result<Option<Turn<'_>>, Problem> {
        let Some(key) = headers.get(HEADER).map(|value| value.as_bytes()) else { return Ok(None) };
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            let detail = format!(
                "`Idempotency-Key` has {} bytes; give it 1 to {KEY_BYTES_MAX}, such as a UUID",
                key.len()
            );
            return Err(Problem::new(StatusCode::BAD_REQUEST, "unusable Idempotency-Key", detail));
        }
        let (key, content) = (digest(&[sender.as_bytes(), key]), digest(content));
        let entry = self.0.entry(key).or_insert(State { content, answer: None });
        if entry.is_fresh() {
            return Ok(Some(Turn::First(First { answers: self, key, content, answered: false })));
        }
        let State { content: first, answer } = entry.into_value();
        match answer {
            _ if first != content => {
                let detail = "another request came under this `Idempotency-Key`; give every request a key of its own, and repeat it \
                              only with the same body and parameters";
                Err(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "Idempotency-Key used again",
                    detail.to_owned(),
                ))
            }
            Some(answer) => Ok(Some(Turn::Again(answer))),
            None => {
                let detail = "the first request under this `Idempotency-Key` is still being served; send this one again later";
                let problem = Problem::new(StatusCode::CONFLICT, "still being served", detail.to_owned());
                Err(problem.retry_after(1))
            }
        }
    }
}

impl First<'_> {
    /// Keeps the answer for those to come.
    pub(super) fn answer(mut self, answer: Bytes) {
        self.answered = true;
        self.answers.0.insert(self.key, State { content: self.content, answer: Some(answer) });
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.answers.0.invalidate(&self.key);
        }
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(key: &str) -> HeaderMap {
        let value = HeaderValue::from_str(key).unwrap();
        HeaderMap::from_iter([(HeaderName::from_static(HEADER), value)])
    }

    #[test]
    fn the_first_is_served_and_those_after_it_get_its_answer() {
        let answers = Answers::default();
        let turn = |key: &str, sender: &str, body: &[u8]| answers.turn(&headers(key), sender, &[body]);
        assert!(answers.turn(&HeaderMap::new(), "a", &[b"1"]).unwrap().is_none());
        let Ok(Some(Turn::First(first))) = turn("k", "a", b"1") else { panic!("not the first") };
        assert_eq!(turn("k", "a", b"1").unwrap_err().status(), StatusCode::CONFLICT);
        drop(first);
        let Ok(Some(Turn::First(first))) = turn("k", "a", b"1") else { panic!("not the first again") };
        first.answer(Bytes::from_static(b"done"));
        assert!(matches!(turn("k", "a", b"1"), Ok(Some(Turn::Again(answer))) if answer == "done"));
        assert_eq!(turn("k", "a", b"2").unwrap_err().status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(matches!(turn("k", "b", b"2"), Ok(Some(Turn::First(_)))), "another sender's");
        assert_eq!(turn("", "a", b"1").unwrap_err().status(), StatusCode::BAD_REQUEST);
    }
}
