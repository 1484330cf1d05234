//! The gate before a cutover, and the driver who opens it: a cutover begins once the record says so, and from then on a
//! migration cannot be cancelled as if nothing had happened.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::error::{Code, Error, Result};
use crate::migration::{Gate, Stop};
use crate::plugin::Cancel;

/// How often a held run looks whether it is to end instead. 100 ms: nobody notices, and it costs nothing.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No run has come yet.
    Closed,
    /// A run waits.
    Asked,
    /// It may go on.
    Open,
}

/// Between one run and its driver.
#[derive(Debug)]
pub(super) struct CutoverGate {
    state: Mutex<State>,
    opened: Condvar,
    asked: Notify,
}

impl CutoverGate {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::Closed), opened: Condvar::new(), asked: Notify::new() }
    }

    /// Returns when a run has come to the gate. One call for each time it is `asked`.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Whether a run waits.
    pub(super) fn is_asked(&self) -> bool {
        *self.lock() == State::Asked
    }

    /// The run may go on.
    pub(super) fn open(&self) {
        *self.lock() = State::Open;
        self.opened.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate for CutoverGate {
    fn pass(&self, stop: &Stop, cancel: &Cancel) -> Result<()> {
        let mut state = self.lock();
        if *state == State::Closed {
            *state = State::Asked;
            self.asked.notify_one();
        }
        while *state != State::Open {
            stop.check()?;
            if cancel.is_cancelled() {
                return Err(Error::new(Code::Cancelled, "The migration was cancelled before its cutover."));
            }
            state = self.opened.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_run_waits_until_it_may_go_on_or_is_to_end() {
        let gate = Arc::new(CutoverGate::new());
        let run = |stop: &Stop, cancel: &Cancel| {
            let (gate, stop, cancel) = (Arc::clone(&gate), stop.clone(), cancel.clone());
            std::thread::spawn(move || gate.pass(&stop, &cancel))
        };
        let (stop, cancel) = (Stop::default(), Cancel::default());
        let (stopped, cancelled) = (run(&stop, &Cancel::default()), run(&Stop::default(), &cancel));
        while !gate.is_asked() {
            std::thread::yield_now();
        }
        stop.ask();
        cancel.cancel();
        for ended in [stopped, cancelled] {
            assert!(ended.join().unwrap().is_err_and(|e| e.code == Code::Cancelled));
        }
        assert!(gate.is_asked(), "the next attempt asks no second time");
        let held = run(&Stop::default(), &Cancel::default());
        gate.open();
        assert!(held.join().unwrap().is_ok());
        assert!(run(&Stop::default(), &Cancel::default()).join().unwrap().is_ok(), "open for every later attempt");
    }
}
