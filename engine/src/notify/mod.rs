//! Tells people and programs what became of a migration: by e-mail, in Slack, to webhooks.
//!
//! A [`Notification`] says what happened, a [`Recipient`] who is to know, and the [`Courier`] makes one attempt to
//! bring it. Nothing is kept here: who calls [`Courier::deliver`] holds the outbox, writes down how each attempt came
//! out, and tries again after [`backoff`] where [`Undelivered::again`] says so. An attempt may arrive although its
//! answer was lost, so what is delivered is delivered at least once; its id stays the same for all attempts.

mod courier;
mod email;
mod http;
mod notification;
mod recipient;
mod secret;
mod settings;
mod slack;
mod webhook;

#[cfg(test)]
mod courier_tests;
#[cfg(test)]
mod listeners;

use std::time::Duration;

pub use courier::Courier;
pub use notification::{EventType, Notification, Subject};
pub use recipient::Recipient;
pub use secret::{Secret, new_secret};
pub use settings::{EmailSettings, Settings, SlackSettings, Timeouts};

/// An attempt that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// Of HTTP, or the reply code of SMTP.
    pub status: Option<u16>,
    /// How long the attempt took.
    pub seconds: f64,
}

/// An attempt that did not arrive, as far as can be known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undelivered {
    /// For a person. Never holds a secret, nor the path of a URL, which often is one.
    pub reason: String,
    /// Of HTTP, or the reply code of SMTP, where there was an answer.
    pub status: Option<u16>,
    /// Whether trying again, unchanged, may help.
    pub again: bool,
    /// How long the recipient asked to be left alone (`Retry-After`); [`backoff`] may say longer.
    pub wait: Option<Duration>,
}

impl Undelivered {
    /// Nothing changes until a person changes something.
    fn for_good(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), status: None, again: false, wait: None }
    }

    /// It may have been a bad moment.
    fn for_now(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), status: None, again: true, wait: None }
    }
}

/// Seconds to wait after each attempt that failed. The first are short, for a recipient that restarts; together they
/// outlast a weekend (2 days and 20 hours), for one that nobody looks after until Monday.
const SCHEDULE: [u64; 9] = [5, 60, 5 * 60, 30 * 60, 2 * HOUR, 5 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR];
const HOUR: u64 = 3600;

/// How long to wait once `attempts` attempts failed (1: the first). `None`: it is time to give up.
#[must_use]
pub fn backoff(attempts: u32) -> Option<Duration> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    SCHEDULE.get(index).copied().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_and_gives_up_after_a_weekend() {
        let waits: Vec<Duration> = (1..).map_while(backoff).collect();
        assert_eq!(waits.len(), 9, "ten attempts in all");
        assert_eq!(waits[..3], [5, 60, 300].map(Duration::from_secs));
        assert!(waits.is_sorted());
        let weekend = Duration::from_secs(60 * HOUR);
        assert!(waits.iter().sum::<Duration>() > weekend);
        assert_eq!(backoff(10), None);
        assert_eq!(backoff(u32::MAX), None);
        assert_eq!(backoff(0), backoff(1));
    }
}
