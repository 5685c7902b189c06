//! How many events a second come in: of a sender, and of the study. What a request was allowed, and what would be allowed
//! next, stands in its answer's headers `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::problem::{Header, Problem};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// A second's events may come at once, or those of so many seconds.
const BURST_SECONDS: u32 = 10;

/// Events a second, in bursts of ten seconds' events.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: NonZeroU32,
    burst: NonZeroU32,
    limiter: RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>,
}

/// What is left of a rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    per_second: u32,
    burst: u32,
    events: u32,
}

impl Rate {
    pub(super) fn per_second(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let limiter = RateLimiter::direct(quota).with_middleware();
        Self { per_second, burst, limiter }
    }

    /// Takes so many events from the rate, or none.
    pub(super) fn take(&self, events: usize, of: &str) -> Result<Left, Problem> {
        let (rate, burst) = (self.per_second, self.burst);
        let too_many = || {
            let detail = format!(
                "{of} may send {rate} events a second and {burst} at once, and the request has {events}; send them in several requests"
            );
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too many events", detail)
        };
        let Some(count) = u32::try_from(events).ok().and_then(NonZeroU32::new) else {
            return Err(too_many());
        };
        match self.limiter.check_n(count) {
            Err(_) => Err(too_many()),
            Ok(Ok(state)) => Ok(self.left(state.remaining_burst_capacity())),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                let detail = format!(
                    "{of} may send {rate} events a second; send this request again after the time in `Retry-After`"
                );
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many events", detail);
                Err(problem.retry_after(whole_seconds(wait)).with_headers(self.left(0).headers()))
            }
        }
    }

    fn left(&self, events: u32) -> Left {
        Left { per_second: self.per_second.get(), burst: self.burst.get(), events }
    }
}

impl Left {
    /// The smaller of two.
    pub(super) fn least(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        one.into_iter().chain(other).min_by_key(|left| left.events)
    }

    pub(super) fn headers(self) -> Vec<Header> {
        let Self { per_second, burst, events } = self;
        let full = (burst - events.min(burst)).div_ceil(per_second);
        let value = |text: String| HeaderValue::from_str(&text).ok();
        let policy = value(format!("\"events\";q={burst};w={BURST_SECONDS}"));
        let limit = value(format!("\"events\";r={events};t={full}"));
        [(POLICY, policy), (LIMIT, limit)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// At least one, and rounded up, so that who waits so long has waited long enough.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_in_then_no_more_than_the_rate() {
        let rate = Rate::per_second(NonZeroU32::new(2).unwrap());
        let left = rate.take(15, "s").unwrap();
        let headers = [(POLICY, "\"events\";q=20;w=10"), (LIMIT, "\"events\";r=5;t=8")];
        assert_eq!(left.headers(), headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
        let refused = rate.take(15, "s").unwrap_err();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(rate.take(21, "s").unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
        rate.take(5, "s").unwrap();
    }
}
