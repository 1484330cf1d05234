//! What a running migration tells: one stream of events for bars, logs and, later, clients.

use serde::{Deserialize, Serialize};

use crate::migration::TableCheck;

/// The phases of a migration, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Catalog, mappings, risks.
    Planning,
    /// Staging, types, bare tables.
    SchemaMigration,
    /// Rows, then each table's keys and indexes.
    DataTransfer,
    /// Counts and content of both sides.
    Validation,
    /// Foreign keys, sequences, staging to live.
    Cutover,
}

impl Phase {
    /// As the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::SchemaMigration => "schema_migration",
            Self::DataTransfer => "data_transfer",
            Self::Validation => "validation",
            Self::Cutover => "cutover",
        }
    }
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For authors of Sensei and of plugins.
    Debug,
    /// What happens.
    Info,
    /// What a person should know: weaker consistency, a retry.
    Warning,
    /// What went wrong.
    Error,
}

/// How far a table is when its transfer begins (or goes on).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableProgress {
    /// Index into the plan's tables.
    pub table: usize,
    /// Name in the target, with its schema where the target has schemas.
    pub name: String,
    /// Rows expected: exact where counted, otherwise the source's estimate.
    pub rows_expected: u64,
    /// Rows already durable from an earlier run.
    pub rows_done: u64,
    /// Chunks in all.
    pub chunks: u32,
    /// Chunks already durable from an earlier run.
    pub chunks_done: u32,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A phase began.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A phase ended well.
    PhaseFinished {
        /// Which.
        phase: Phase,
        /// How long it took.
        seconds: f64,
    },
    /// What broke may mend: a run (or a discarding) is begun again after a pause, from what is already durable. Rows that were
    /// not durable do not count: each table starts again.
    RunRetried {
        /// Which attempt comes next, from 2.
        attempt: u32,
        /// What went wrong.
        reason: String,
        /// The pause before it.
        seconds: f64,
    },
    /// A table was split into chunks; its transfer begins or goes on.
    TableStarted(TableProgress),
    /// A lane begins to write a chunk, for the first time or again.
    ChunkStarted {
        /// Index into the plan's tables.
        table: usize,
        /// Its number.
        chunk: u32,
        /// Rows expected, by the source's estimate.
        rows: u64,
    },
    /// Rows were accepted by the target (durable when their chunk is).
    Rows {
        /// Index into the plan's tables.
        table: usize,
        /// Rows in this batch.
        rows: u64,
        /// Bytes of this batch as Arrow.
        bytes: u64,
    },
    /// A chunk failed and will be tried again (by the next run, where this one was asked to stop): its rows so far do not count.
    ChunkRetried {
        /// Index into the plan's tables.
        table: usize,
        /// Rows to take back from the progress.
        rows: u64,
        /// Which attempt comes next, from 2.
        attempt: u32,
        /// What went wrong.
        reason: String,
    },
    /// A chunk is durable.
    ChunkCommitted {
        /// Index into the plan's tables.
        table: usize,
        /// Its number.
        chunk: u32,
        /// Its rows.
        rows: u64,
    },
    /// All chunks of a table are durable.
    TableLoaded {
        /// Index into the plan's tables.
        table: usize,
    },
    /// A statement of the target begins: an index, a key, a rename.
    StatementStarted {
        /// For people: `primary key of orders`.
        label: String,
    },
    /// It is done.
    StatementFinished {
        /// For people.
        label: String,
        /// How long it took.
        seconds: f64,
    },
    /// Rows of the target were read back, to be compared.
    RowsCompared {
        /// Rows in this batch.
        rows: u64,
    },
    /// Both sides were compared.
    Compared {
        /// In the plan's order.
        tables: Vec<TableCheck>,
    },
    /// A line for the log.
    Log {
        /// How serious.
        level: Level,
        /// The line.
        message: String,
    },
}

/// Takes events. Called from many threads; must be quick and never block for long.
pub trait Observer: Send + Sync {
    /// One event.
    fn observe(&self, event: Event);
}

/// For those who do not listen.
impl Observer for () {
    fn observe(&self, _: Event) {}
}
