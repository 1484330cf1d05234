//! The state behind one instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use wasmtime::component::ResourceTable;

use super::ambient::LogBudget;
use super::cancel::Cancel;
use super::grant::Grant;
use super::limits::{Limiter, Limits};

/// Where a guest's log lines go.
pub type LogSink = Arc<dyn Fn(tracing::Level, &str) + Send + Sync>;

/// What surrounds the guests of one migration.
#[derive(Clone)]
pub struct Environment {
    /// Stops them.
    pub cancel: Cancel,
    /// Takes their log lines.
    pub log: LogSink,
    /// Counts their network bytes.
    pub traffic: Arc<Traffic>,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            cancel: Cancel::default(),
            log: Arc::new(|level, message| tracing::debug!(%level, "{message}")),
            traffic: Arc::default(),
        }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}

/// Bytes through all sockets, before TLS.
#[derive(Debug, Default)]
pub struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    /// Bytes that came in.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes that went out.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// The state behind one instance: handles, authority, limits.
pub(crate) struct Guest {
    pub(super) table: ResourceTable,
    /// Sockets and files in `table`.
    pub(super) handles: usize,
    pub(super) limiter: Limiter,
    pub(super) limits: Limits,
    pub(super) grant: Grant,
    pub(super) environment: Environment,
    pub(super) log_budget: LogBudget,
    pub(super) born: Instant,
    /// See [`Self::progressed`].
    running_since: Instant,
}

impl Guest {
    pub(super) fn new(limits: &Limits, grant: Grant, environment: Environment) -> Self {
        Self {
            table: ResourceTable::new(),
            handles: 0,
            limiter: Limiter::new(limits),
            limits: limits.clone(),
            grant,
            environment,
            log_budget: LogBudget::new(),
            born: Instant::now(),
            running_since: Instant::now(),
        }
    }

    /// The guest begins a call, or a socket or file gave it something to do: its compute limit counts from here.
    /// Log, clock and randomness do not count as such, so a loop around them is a loop.
    pub(super) fn progressed(&mut self) {
        self.running_since = Instant::now();
    }

    pub(super) fn overdue(&self) -> bool {
        self.running_since.elapsed() > self.limits.compute
    }
}
