//! What every guest gets: log, clock, randomness.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::bindings::sensei::plugin::{catalog, clock, errors, log, random, rows};
use super::guest::Guest;
use super::outcome::Limit;

/// Counts log lines in the current second.
#[derive(Debug)]
pub(super) struct LogBudget {
    second: Instant,
    lines: u32,
    dropped: u64,
}

impl LogBudget {
    pub(super) fn new() -> Self {
        Self { second: Instant::now(), lines: 0, dropped: 0 }
    }

    /// Whether one more line fits; the number dropped before, to be told once.
    fn take(&mut self, per_second: u32) -> Option<u64> {
        if self.second.elapsed().as_secs() >= 1 {
            (self.second, self.lines) = (Instant::now(), 0);
        }
        if self.lines >= per_second {
            self.dropped += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.dropped))
    }
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, mut message: String) -> wasmtime::Result<()> {
        if let Some(dropped) = self.log_budget.take(self.limits.log_lines_per_second) {
            if dropped > 0 {
                message += &format!(" ({dropped} lines before this one were too many and are dropped)");
            }
            if message.len() > self.limits.log_line_bytes {
                message.truncate(message.floor_char_boundary(self.limits.log_line_bytes));
            }
            (self.environment.log)(level.into(), &message);
        }
        Ok(())
    }
}

impl From<log::Level> for tracing::Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Debug => Self::DEBUG,
            log::Level::Info => Self::INFO,
            log::Level::Warning => Self::WARN,
            log::Level::Error => Self::ERROR,
        }
    }
}

impl clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos().try_into()?)
    }

    fn monotonic(&mut self) -> wasmtime::Result<u64> {
        Ok(self.born.elapsed().as_nanos().try_into()?)
    }
}

impl random::Host for Guest {
    fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        if length > self.limits.random_bytes {
            return Err(Limit::Random.into());
        }
        let mut bytes = vec![0; length as usize];
        rustls::crypto::ring::default_provider()
            .secure_random
            .fill(&mut bytes)
            .map_err(|_| wasmtime::Error::msg("the operating system gave no randomness"))?;
        Ok(bytes)
    }
}

// Interfaces of types alone.
impl errors::Host for Guest {}
impl catalog::Host for Guest {}
impl rows::Host for Guest {}
