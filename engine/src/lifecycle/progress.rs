//! How far a migration is and how fast, from the events of its run.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::machine::Usage;
use super::service::Service;
use crate::error::{Code, Error, Result};
use crate::event::{Event, Phase};
use crate::plan::Plan;

/// Rates are of the last this long: steady, yet they follow a change.
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// What each phase is of the whole, in percent: where time goes in migrations that were measured, every value compared.
const SHARES: [(Phase, f64); 4] =
    [(Phase::SchemaMigration, 2.0), (Phase::DataTransfer, 68.0), (Phase::Validation, 20.0), (Phase::Cutover, 10.0)];

/// Figures of one moment; also the shape of the metrics' history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Rows in the target.
    pub records_processed: u64,
    /// Rows expected.
    pub records_total: u64,
    /// Bytes of them, as Arrow.
    pub bytes_transferred: u64,
    /// Lately.
    pub records_per_second: f64,
    /// Since the transfer began, pauses left out.
    pub average_records_per_second: f64,
    /// The fastest moment.
    pub peak_records_per_second: f64,
    /// Lately.
    pub bytes_per_second: f64,
    /// Errors after which a chunk, or the run, went on.
    pub errors_recovered: u64,
    /// Errors that ended the run.
    pub errors_escalated: u64,
    /// Times that something was tried again.
    pub retries: u64,
    /// Lanes at work.
    pub active_workers: u32,
    /// Lanes there are.
    pub workers: u32,
    /// Of the whole.
    pub overall_percent: f64,
    /// Of the phase.
    pub phase_percent: f64,
    /// When it is expected to be done; none: nobody knows yet.
    pub estimated_completion: Option<Timestamp>,
    /// When the chunks at work are expected to be durable.
    pub checkpoint_eta: Option<Timestamp>,
    /// Of all processors of the server's machine, by the server.
    pub cpu_percent: f64,
    /// Of the machine's memory, by the server.
    pub memory_percent: f64,
    /// By the server.
    pub memory_bytes: u64,
    /// Of the machine's fastest link, by this migration.
    pub network_percent: f64,
    /// By this migration, both ways.
    pub network_bytes_per_second: f64,
    /// Chunks that are durable.
    pub chunks: u64,
    /// Seconds of transfer so far.
    pub transfer_seconds: f64,
    /// By table, in the plan's order.
    pub tables: Vec<TableFigures>,
}

/// One table's figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableFigures {
    /// In the target.
    pub table: String,
    /// Rows expected.
    pub records_total: u64,
    /// Rows in the target.
    pub records_processed: u64,
    /// Lately; of a loaded table: on average.
    pub records_per_second: f64,
    /// Attempts of its chunks that failed.
    pub errors: u64,
    /// All its rows are there.
    pub loaded: bool,
}

impl Service {
    /// How far a migration is, as last told; none before it ran.
    ///
    /// # Errors
    /// `store`.
    pub async fn progress(&self, id: &str) -> Result<Option<Progress>> {
        let Some(sample) = self.store().progress(id).await? else { return Ok(None) };
        serde_json::from_value(sample.data).map(Some).map_err(|e| {
            Error::new(
                Code::Store,
                format!(
                    "The progress in the state cannot be read: {e}. Another version of Sensei may have written it."
                ),
            )
        })
    }
}

/// Adds events up.
#[derive(Debug)]
pub(super) struct Board {
    tables: Vec<Table>,
    /// Chunks at work: when they began and the rows expected of each.
    at_work: BTreeMap<(usize, u32), (Instant, u64)>,
    chunk_seconds_per_row: Option<f64>,
    phase: Option<(Phase, Instant)>,
    transfer_began: Option<Instant>,
    transfer_before: f64,
    /// Rows and bytes this run moved.
    moved: (u64, u64),
    bytes_before: u64,
    samples: VecDeque<(Instant, u64, u64, u64)>,
    peak: f64,
    recovered: u64,
    escalated: u64,
    retries: u64,
    workers: u32,
    chunks: u64,
    /// Rows of the target that were read back in this phase.
    compared: u64,
    /// Seconds that phases after the transfer are expected to take.
    after_transfer: f64,
}

#[derive(Debug, Default)]
struct Table {
    name: String,
    expected: u64,
    done: u64,
    errors: u64,
    loaded: bool,
    began: Option<(Instant, u64)>,
    seconds: f64,
}

impl Board {
    /// For a run of this plan; `earlier` is where an earlier run of it stopped.
    pub(super) fn new(plan: &Plan, workers: u32, earlier: Option<&Progress>) -> Self {
        let tables = plan.tables.iter().map(|t| Table {
            name: t.target.name.name.clone(),
            expected: t.estimated_rows,
            ..Table::default()
        });
        let late = plan.estimate(crate::plan::Rate::default()).into_iter();
        let after_transfer =
            late.filter(|p| matches!(p.name, Phase::Validation | Phase::Cutover)).map(|p| p.seconds as f64);
        Self {
            tables: tables.collect(),
            at_work: BTreeMap::new(),
            chunk_seconds_per_row: None,
            phase: None,
            transfer_began: None,
            transfer_before: earlier.map_or(0.0, |p| p.transfer_seconds),
            moved: (0, 0),
            bytes_before: earlier.map_or(0, |p| p.bytes_transferred),
            samples: VecDeque::new(),
            peak: earlier.map_or(0.0, |p| p.peak_records_per_second),
            recovered: earlier.map_or(0, |p| p.errors_recovered),
            escalated: earlier.map_or(0, |p| p.errors_escalated),
            retries: earlier.map_or(0, |p| p.retries),
            workers,
            chunks: 0,
            compared: 0,
            after_transfer: after_transfer.sum(),
        }
    }

    pub(super) fn table_name(&self, table: usize) -> &str {
        self.tables.get(table).map_or("", |t| t.name.as_str())
    }

    pub(super) fn rows_of(&self, table: usize) -> (u64, u64) {
        self.tables.get(table).map_or((0, 0), |t| (t.done, t.expected))
    }

    pub(super) fn apply(&mut self, event: &Event, now: Instant) {
        match event {
            Event::PhaseStarted { phase } => {
                self.phase = Some((*phase, now));
                if *phase == Phase::DataTransfer {
                    self.transfer_began = Some(now);
                }
                self.compared = 0;
            }
            Event::PhaseFinished { phase, .. } => {
                if *phase == Phase::DataTransfer {
                    self.end_transfer(now);
                }
            }
            Event::RunRetried { .. } => {
                self.retries += 1;
                self.recovered += 1;
                self.at_work.clear();
                self.end_transfer(now);
            }
            Event::TableStarted(progress) => {
                if let Some(table) = self.tables.get_mut(progress.table) {
                    (table.expected, table.done) = (progress.rows_expected, progress.rows_done);
                    table.loaded = progress.chunks == progress.chunks_done;
                    self.chunks += u64::from(progress.chunks_done);
                }
            }
            Event::ChunkStarted { table, chunk, rows } => {
                self.at_work.insert((*table, *chunk), (now, *rows));
                if let Some(state) = self.tables.get_mut(*table) {
                    state.began.get_or_insert((now, state.done));
                }
            }
            Event::Rows { table, rows, bytes } => {
                if let Some(state) = self.tables.get_mut(*table) {
                    state.done += rows;
                    state.expected = state.expected.max(state.done);
                }
                self.moved.0 += rows;
                self.moved.1 += bytes;
            }
            Event::ChunkRetried { table, rows, .. } => {
                self.retries += 1;
                self.recovered += 1;
                if let Some(state) = self.tables.get_mut(*table) {
                    state.done = state.done.saturating_sub(*rows);
                    state.errors += 1;
                }
                self.moved.0 = self.moved.0.saturating_sub(*rows);
                self.at_work.retain(|(t, _), _| t != table);
            }
            Event::ChunkCommitted { table, chunk, rows } => {
                self.chunks += 1;
                if let Some((began, _)) = self.at_work.remove(&(*table, *chunk))
                    && *rows > 0
                {
                    self.chunk_seconds_per_row = Some(now.duration_since(began).as_secs_f64() / *rows as f64);
                }
            }
            Event::TableLoaded { table } => {
                if let Some(state) = self.tables.get_mut(*table) {
                    state.loaded = true;
                    state.expected = state.done;
                    state.seconds = state.began.map_or(0.0, |(began, _)| now.duration_since(began).as_secs_f64());
                }
            }
            Event::RowsCompared { rows } => self.compared += rows,
            Event::StatementStarted { .. }
            | Event::StatementFinished { .. }
            | Event::Compared { .. }
            | Event::Log { .. } => {}
        }
    }

    /// The run ended with an error.
    pub(super) fn escalated(&mut self, now: Instant) {
        self.escalated += 1;
        self.stopped(now);
    }

    /// The run stands still.
    pub(super) fn stopped(&mut self, now: Instant) {
        self.end_transfer(now);
        self.at_work.clear();
    }

    fn end_transfer(&mut self, now: Instant) {
        if let Some(began) = self.transfer_began.take() {
            self.transfer_before += now.duration_since(began).as_secs_f64();
        }
    }

    /// The figures now. `network` counts this migration's bytes, `link` is what the machine's link carries in a second.
    pub(super) fn figures(
        &mut self,
        now: Instant,
        clock: Timestamp,
        usage: Usage,
        network: u64,
        link: f64,
    ) -> Progress {
        self.samples.push_back((now, self.moved.0, self.moved.1, network));
        while self.samples.len() > 2 && self.samples.get(1).is_some_and(|s| now.duration_since(s.0) >= RATE_WINDOW) {
            self.samples.pop_front();
        }
        let (rows_rate, bytes_rate, network_rate) = match self.samples.front() {
            Some((at, rows, bytes, sent)) if now > *at => {
                let seconds = now.duration_since(*at).as_secs_f64();
                let rate = |new: u64, old: u64| new.saturating_sub(old) as f64 / seconds;
                (rate(self.moved.0, *rows), rate(self.moved.1, *bytes), rate(network, *sent))
            }
            _ => (0.0, 0.0, 0.0),
        };
        self.peak = self.peak.max(rows_rate);
        let processed: u64 = self.tables.iter().map(|t| t.done).sum();
        let total: u64 = self.tables.iter().map(|t| t.expected).sum::<u64>().max(processed);
        let transfer_seconds =
            self.transfer_before + self.transfer_began.map_or(0.0, |began| now.duration_since(began).as_secs_f64());
        let average = if transfer_seconds > 0.0 { processed as f64 / transfer_seconds } else { 0.0 };
        let transferred = if total == 0 { 1.0 } else { processed as f64 / total as f64 };
        let phase = self.phase.map(|(phase, _)| phase);
        let phase_share = match phase {
            Some(Phase::DataTransfer) => transferred,
            Some(Phase::Validation) if total > 0 => (self.compared as f64 / total as f64).min(1.0),
            Some(Phase::Planning | Phase::SchemaMigration | Phase::Validation | Phase::Cutover) | None => 0.0,
        };
        let later = |seconds: f64| clock.checked_add(SignedDuration::from_millis((seconds * 1000.0) as i64)).ok();
        let left = match phase {
            Some(Phase::DataTransfer) if average > 0.0 => {
                Some((total - processed) as f64 / average + self.after_transfer)
            }
            Some(Phase::Validation | Phase::Cutover) => Some(self.after_transfer),
            Some(Phase::Planning | Phase::SchemaMigration | Phase::DataTransfer) | None => None,
        };
        let chunk_left =
            self.chunk_seconds_per_row.or((average > 0.0).then(|| f64::from(self.workers.max(1)) / average));
        let checkpoint = self.at_work.values().map(|(began, rows)| {
            let whole = chunk_left.unwrap_or(0.0) * *rows as f64;
            (whole - now.duration_since(*began).as_secs_f64()).max(0.0)
        });
        let checkpoint = checkpoint.fold(None, |worst: Option<f64>, s| Some(worst.map_or(s, |w| w.max(s))));
        Progress {
            records_processed: processed,
            records_total: total,
            bytes_transferred: self.bytes_before + self.moved.1,
            records_per_second: rows_rate,
            average_records_per_second: average,
            peak_records_per_second: self.peak,
            bytes_per_second: bytes_rate,
            errors_recovered: self.recovered,
            errors_escalated: self.escalated,
            retries: self.retries,
            active_workers: u32::try_from(self.at_work.len()).unwrap_or(u32::MAX).min(self.workers),
            workers: self.workers,
            overall_percent: overall(phase, phase_share),
            phase_percent: phase_share * 100.0,
            estimated_completion: left.and_then(later),
            checkpoint_eta: checkpoint.and_then(later),
            cpu_percent: usage.cpu_percent,
            memory_percent: usage.memory_percent,
            memory_bytes: usage.memory_bytes,
            network_percent: (network_rate / link * 100.0).min(100.0),
            network_bytes_per_second: network_rate,
            chunks: self.chunks,
            transfer_seconds,
            tables: self.tables.iter().map(|t| t.figures(now)).collect(),
        }
    }
}

impl Table {
    fn figures(&self, now: Instant) -> TableFigures {
        let seconds = match self.began {
            Some((began, _)) if !self.loaded => now.duration_since(began).as_secs_f64(),
            Some(_) | None => self.seconds,
        };
        let of_this_run = self.done.saturating_sub(self.began.map_or(self.done, |(_, before)| before));
        TableFigures {
            table: self.name.clone(),
            records_total: self.expected,
            records_processed: self.done,
            records_per_second: if seconds > 0.0 { of_this_run as f64 / seconds } else { 0.0 },
            errors: self.errors,
            loaded: self.loaded,
        }
    }
}

/// Percent of the whole at a share (0 to 1) of a phase.
fn overall(phase: Option<Phase>, share: f64) -> f64 {
    let Some(phase) = phase else { return 0.0 };
    let before: f64 = SHARES.iter().take_while(|(p, _)| *p != phase).map(|(_, s)| s).sum();
    let own = SHARES.iter().find(|(p, _)| *p == phase).map_or(0.0, |(_, s)| *s);
    match phase {
        Phase::Planning => 0.0,
        Phase::SchemaMigration | Phase::DataTransfer | Phase::Validation | Phase::Cutover => before + own * share,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_grows_with_each_phase() {
        assert_eq!(overall(None, 0.0), 0.0);
        assert_eq!(overall(Some(Phase::Planning), 0.5), 0.0);
        assert_eq!(overall(Some(Phase::DataTransfer), 0.0), 2.0);
        assert_eq!(overall(Some(Phase::DataTransfer), 1.0), 70.0);
        assert_eq!(overall(Some(Phase::Cutover), 1.0), 100.0);
        assert_eq!(SHARES.iter().map(|(_, s)| s).sum::<f64>(), 100.0);
    }
}
