//! One migration from plan to cutover.

mod run;

use std::sync::Arc;

pub use run::{plan, run};

use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::event::{Observer, Phase};
use crate::plugin::{Cancel, Traffic};

/// How a transfer runs. Every figure has a default and a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Lanes: readers and writers at work at the same time. Default: the processors of this machine, 2 to 8.
    pub parallelism: usize,
    /// Rows of one batch at most. Default 10,000: large enough that a crossing vanishes, small enough to fit caches.
    pub batch_rows: u32,
    /// Bytes of one batch, about. Default 4 MiB: bounds memory where rows are wide.
    pub batch_bytes: u64,
    /// Bytes between the reader and the writer of one lane. Default 8 MiB: two full batches.
    pub queue_bytes: u64,
    /// Rows of one chunk, about. Default 250,000: what a crash or a retry repeats at most, per lane.
    pub chunk_rows: u64,
    /// How often a chunk is tried when its error may pass. Default 5: with back-off, about half a minute.
    pub attempts: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8)),
            batch_rows: 10_000,
            batch_bytes: 4 << 20,
            queue_bytes: 8 << 20,
            chunk_rows: 250_000,
            attempts: 5,
        }
    }
}

/// Everything one run needs.
#[derive(Clone)]
pub struct Job {
    /// Where from.
    pub source: Connection,
    /// Where to.
    pub target: Connection,
    /// What.
    pub request: crate::plan::Request,
    /// How.
    pub options: Options,
    /// Who listens.
    pub observer: Arc<dyn Observer>,
    /// Counts its network bytes.
    pub traffic: Arc<Traffic>,
    /// Stops it at once; what is durable stays for a later run.
    pub cancel: Cancel,
    /// Throw away what an earlier run left and begin anew.
    pub restart: bool,
}

/// How one table came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableReport {
    /// In the source.
    pub source: String,
    /// In the target.
    pub target: String,
    /// Rows the source counts.
    pub source_rows: u64,
    /// Rows the target counts.
    pub target_rows: u64,
    /// Chunks in all.
    pub chunks: u32,
    /// Of these, durable from an earlier run and not moved again.
    pub chunks_resumed: u32,
    /// Arrow bytes moved in this run.
    pub bytes: u64,
    /// From the first batch to the last commit, in this run.
    pub seconds: f64,
}

/// How a run came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Names staging and ledger.
    pub migration: String,
    /// Where from, without secrets.
    pub source: String,
    /// Where to.
    pub target: String,
    /// Whether an earlier run had begun it.
    pub resumed: bool,
    /// In the plan's order.
    pub tables: Vec<TableReport>,
    /// Seconds per phase.
    pub phases: Vec<(Phase, f64)>,
    /// Seconds in all.
    pub seconds: f64,
    /// What a person should know: weaker consistency, where replaced tables are kept.
    pub notes: Vec<String>,
}
