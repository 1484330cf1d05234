//! Bytes between a lane's reader and its writer (P6).

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Counts bytes in flight; a reader that is ahead waits here.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self(Arc::new(Inner { limit, used: Mutex::new(0), freed: Condvar::new() }))
    }

    /// Waits until `bytes` fit, or nothing else is in flight: a single value larger than the whole budget must pass.
    pub(super) fn take(&self, bytes: u64) -> Permit {
        let used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self
            .0
            .freed
            .wait_while(used, |used| *used > 0 && *used + bytes > self.0.limit)
            .unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Permit { budget: self.clone(), bytes }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.budget.0.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_oversized_share_passes_when_nothing_is_in_flight() {
        let budget = Budget::new(10);
        drop(budget.take(100));
        drop(budget.take(100));
    }

    #[test]
    fn a_reader_ahead_waits_until_the_writer_gives_back() {
        let budget = Budget::new(10);
        let first = budget.take(6);
        let (told, heard) = std::sync::mpsc::channel();
        let ahead = std::thread::spawn({
            let budget = budget.clone();
            move || {
                let share = budget.take(6);
                told.send(()).unwrap();
                drop(share);
            }
        });
        assert!(heard.recv_timeout(std::time::Duration::from_millis(50)).is_err(), "12 bytes went into a budget of 10");
        drop(first);
        heard.recv().unwrap();
        ahead.join().unwrap();
    }
}
