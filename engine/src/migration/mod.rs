//! One migration from plan to cutover, and what may be done about it before: rehearse it, stop it, count again, take it back.
//!
//! Every function takes a [`Job`], works on the calling thread (and threads of its own that end with it) and returns when it
//! is done.

mod agreement;
mod attempts;
mod discard;
mod gate;
mod journal;
mod read_back;
mod recheck;
mod rehearse;
mod repair;
mod run;
mod staging;
mod stop;
mod take_back;
mod tidy;

use std::sync::Arc;

pub(crate) use agreement::sentence;
pub use discard::discard;
pub use gate::Gate;
pub use recheck::{TableCheck, recheck};
pub use rehearse::{Rehearsal, Reject, SchemaRehearsal, TableRehearsal, rehearse};
pub use repair::{TableRepair, clear, repair};
pub use run::{plan, run};
pub use stop::Stop;
pub use take_back::{forget, take_back};
pub use tidy::tidy;

use serde::{Deserialize, Serialize};

use crate::catalog::TableName;
use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::event::{Event, Level, Observer, Phase};
use crate::plugin::{Cancel, Environment, Traffic};
use crate::validate::{Content, Depth, Witness};

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
    /// How closely both sides are compared. Default: every value.
    #[serde(default)]
    pub validation: Depth,
    /// Rows of a table about which both systems are asked for their own figures, about; of a larger one those at both ends
    /// of its key. Default 250,000: aggregates over every column of a large table take a server longer than moving it.
    #[serde(default = "default_witness_rows")]
    pub witness_rows: u64,
}

const fn default_witness_rows() -> u64 {
    250_000
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
            validation: Depth::Full,
            witness_rows: default_witness_rows(),
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
    /// Stops a run at its next safe point.
    pub stop: Stop,
    /// Holds a run before its cutover; `()` does not.
    pub gate: Arc<dyn Gate>,
    /// Throw away what an earlier run left and begin anew.
    pub restart: bool,
    /// Names staging and ledger (`plan.migration`) when the plan is made, so that two migrations of the same pair have each
    /// their own: `[a-z0-9_]+`, at most 40 bytes. None: a name that follows from source, target and request.
    ///
    /// Names in one target must not begin with one another (names of equal length do not): a target makes further names
    /// by adding to them.
    pub name: Option<String>,
    /// The ledger outlives the cutover, until [`tidy`]: a caller with a memory of its own first writes down that the cutover
    /// happened, so that a crash in between never runs a finished migration again.
    pub keep_ledger: bool,
}

impl Job {
    /// What surrounds the guests of one piece of work; `cancel` stops them.
    fn environment(&self, cancel: &Cancel) -> Environment {
        let observer = Arc::clone(&self.observer);
        Environment {
            cancel: cancel.clone(),
            traffic: Arc::clone(&self.traffic),
            log: Arc::new(move |level, message| {
                let level = match level {
                    tracing::Level::ERROR => Level::Error,
                    tracing::Level::WARN => Level::Warning,
                    tracing::Level::INFO => Level::Info,
                    _ => Level::Debug,
                };
                observer.observe(Event::Log { level, message: message.to_owned() });
            }),
        }
    }

    /// An error of a job that was cancelled is what cancelling looks like from inside: `message` says what it was.
    fn unless_cancelled<T>(&self, result: Result<T>, message: &str) -> Result<T> {
        result.map_err(|e| if self.cancel.is_cancelled() { Error::new(Code::Cancelled, message) } else { e })
    }
}

/// A table's name for people.
fn full_name(name: &TableName) -> String {
    if name.schema.is_empty() { name.name.clone() } else { format!("{}.{}", name.schema, name.name) }
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
    /// How the content of both sides compared.
    pub content: Content,
    /// What both systems themselves say of it; none where they were not asked, or one has nothing to say.
    pub witness: Option<Witness>,
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
    /// Tables that were there before: their predecessors are kept until somebody removes them.
    pub replaced: Vec<TableName>,
    /// What a person should know: weaker consistency, where replaced tables are kept.
    pub notes: Vec<String>,
}
