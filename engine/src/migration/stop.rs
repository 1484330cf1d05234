//! Asking a run to end in good order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Code, Error, Result};

/// Asks a run to end at its next safe point. Cheap to clone; all clones are one. Cannot be taken back.
///
/// Lanes finish the chunk or statement they are at and commit it; no chunk, statement or phase begins after that. A cutover
/// that has begun is finished: there is no safe point in its middle. [`crate::plugin::Cancel`] is the immediate way.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for it. Returns at once; the run ends when it can.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether [`Self::ask`] was called.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// To be called at a safe point.
    ///
    /// # Errors
    /// `cancelled` once a stop was asked for.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_asked() { Err(stopped()) } else { Ok(()) }
    }
}

/// What a run ends with that was asked to stop.
pub(super) fn stopped() -> Error {
    Error::new(
        Code::Cancelled,
        "The migration stopped at a checkpoint, as it was asked to. What is loaded stays in staging: running it again resumes there.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_one_and_the_end_says_that_it_was_at_a_checkpoint() {
        let stop = Stop::default();
        let twin = stop.clone();
        assert!(twin.check().is_ok());
        stop.ask();
        let error = twin.check().unwrap_err();
        assert_eq!(error.code, Code::Cancelled);
        assert!(error.message.contains("checkpoint"), "{error}");
    }
}
