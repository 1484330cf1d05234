//! What lanes and counters add up, by table.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::validate::{Content, Digest, Testimony, Witness};

/// One table's figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableTally {
    pub(crate) chunks: u32,
    pub(crate) chunks_resumed: u32,
    /// Rows whose chunks are durable, earlier runs included.
    pub(crate) rows_durable: u64,
    pub(crate) source_rows: Option<u64>,
    pub(crate) target_rows: Option<u64>,
    pub(crate) bytes: u64,
    /// Of the durable rows; none where some chunk of an earlier run has none that can be used.
    pub(crate) digest: Option<Digest>,
    /// How it compared with what the target has.
    pub(crate) content: Content,
    /// What the source said of its columns.
    pub(crate) testimony: Option<Testimony>,
    /// What both systems themselves said.
    pub(crate) witness: Option<Witness>,
    began: Option<Instant>,
    ended: Option<Instant>,
}

impl TableTally {
    /// A table that an earlier run moved whole.
    pub(crate) fn earlier(chunks: u32, rows: u64) -> Self {
        Self { chunks, chunks_resumed: chunks, rows_durable: rows, ..Self::default() }
    }

    /// From the first batch to the last commit of this run.
    pub(crate) fn seconds(&self) -> f64 {
        match (self.began, self.ended) {
            (Some(began), Some(ended)) => (ended - began).as_secs_f64(),
            _ => 0.0,
        }
    }
}

/// All tables' figures, shared by the lanes.
#[derive(Debug)]
pub(crate) struct Tally(Mutex<Vec<TableTally>>);

impl Tally {
    pub(super) fn new(tables: usize) -> Self {
        Self(Mutex::new(vec![TableTally::default(); tables]))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<TableTally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn resumed(&self, table: usize, chunks: u32, chunks_done: u32, rows_done: u64, digest: Option<Digest>) {
        let tables = &mut self.lock()[table];
        (tables.chunks, tables.chunks_resumed, tables.rows_durable) = (chunks, chunks_done, rows_done);
        tables.digest = digest;
    }

    pub(super) fn began(&self, table: usize) {
        self.lock()[table].began.get_or_insert_with(Instant::now);
    }

    pub(super) fn moved(&self, table: usize, bytes: u64) {
        self.lock()[table].bytes += bytes;
    }

    pub(super) fn committed(&self, table: usize, rows: u64, digest: Option<Digest>) {
        let tables = &mut self.lock()[table];
        tables.rows_durable += rows;
        tables.digest = sum(tables.digest, digest);
        tables.ended = Some(Instant::now());
    }

    pub(super) fn counted_source(&self, table: usize, rows: u64) {
        self.lock()[table].source_rows = Some(rows);
    }

    pub(super) fn asked_source(&self, table: usize, testimony: Option<Testimony>) {
        self.lock()[table].testimony = testimony;
    }

    pub(super) fn counted_target(&self, table: usize, rows: u64) {
        self.lock()[table].target_rows = Some(rows);
    }

    pub(crate) fn into_tables(self) -> Vec<TableTally> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of rows of which some have no digest, there is none.
pub(super) fn sum(one: Option<Digest>, other: Option<Digest>) -> Option<Digest> {
    let (mut one, other) = one.zip(other)?;
    one.add(other);
    Some(one)
}
