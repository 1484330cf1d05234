//! How often a key may ask.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::ApiError;
use super::limits::Limits;

/// After so many requests, keys that were silent are forgotten. 10,000: keys are few, and looking through them is quick.
const SWEEP: u32 = 10_000;

/// The rate of each key.
#[derive(Debug)]
pub(super) struct Rates {
    limiter: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    asked: AtomicU32,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        let at_least_one = |limit| NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(limits.requests_per_second));
        let quota = quota.allow_burst(at_least_one(limits.request_burst));
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default(), asked: AtomicU32::new(0) }
    }

    /// Counts one request of a key.
    ///
    /// # Errors
    /// `rate_limited`, with the seconds to wait.
    pub(super) fn check(&self, key: &String) -> Result<(), ApiError> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|early| {
            let wait = early.wait_time_from(self.clock.now());
            // Rounded up: who comes back earlier is sent away again.
            let seconds = wait.as_secs() + 1;
            ApiError::too_many("rate_limited", "This key asks too often. Wait, then try again.", seconds)
        })
    }
}
