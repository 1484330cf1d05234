//! How far a migration is and how fast, from the events of its run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
/// Nothing moved for this long: what is expected of the chunks at work counts no more. 5 s: longer than a commit takes.
const STILL: Duration = Duration::from_secs(5);
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
    /// When the chunks at work are expected to be durable; where nothing moves, when a pause would end them at the latest;
    /// none: nobody knows.
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
    /// Statements at work, by label.
    statements: BTreeSet<String>,
    stall: Stall,
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

/// Whether anything moves while the run is to stop.
#[derive(Debug)]
struct Stall {
    /// A run that is to stop may stand still for this long.
    limit: Duration,
    /// When something last moved.
    moved: Instant,
    /// Bytes of the network then.
    network: u64,
    /// Since when it is to stop.
    stopping: Option<Instant>,
}

impl Stall {
    /// How much longer it may stand still; of a run that is not to stop: from now on, if it were.
    fn left(&self, now: Instant) -> Duration {
        let since = self.stopping.map_or(now, |stopping| stopping.max(self.moved));
        self.limit.saturating_sub(now.duration_since(since))
    }
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
    /// For a run of this plan; `earlier` is where an earlier run of it stopped, `stall` how long it may stand still while it
    /// is to stop.
    pub(super) fn new(plan: &Plan, workers: u32, earlier: Option<&Progress>, stall: Duration) -> Self {
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
            statements: BTreeSet::new(),
            stall: Stall { limit: stall, moved: Instant::now(), network: 0, stopping: None },
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
        self.stall.moved = now;
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
                self.statements.clear();
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
            Event::StatementStarted { label } => {
                self.statements.insert(label.clone());
            }
            Event::StatementFinished { label, .. } => {
                self.statements.remove(label);
            }
            Event::RowsCompared { rows } => self.compared += rows,
            Event::Compared { .. } | Event::Log { .. } => {}
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
        self.statements.clear();
    }

    /// It is to stop at its next checkpoint.
    pub(super) fn stopping(&mut self, now: Instant) {
        self.stall.stopping.get_or_insert(now);
    }

    /// Whether it was to stop, and has stood still for longer than it may. A statement of the target says nothing until it is
    /// done, so where statements alone are at work nobody can tell, and an index that took hours is not thrown away.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        let in_a_statement = self.at_work.is_empty() && !self.statements.is_empty();
        self.stall.stopping.is_some() && !in_a_statement && self.stall.left(now).is_zero()
    }

    /// Seconds until the chunks at work are durable, or cut off; none: nobody knows, or nothing is at work.
    fn seconds_to_checkpoint(&self, now: Instant, seconds_per_row: Option<f64>) -> Option<f64> {
        let left = self.at_work.values().map(|(began, rows)| {
            let left = seconds_per_row? * *rows as f64 - now.duration_since(*began).as_secs_f64();
            // One that takes longer than others took may take any time.
            (left >= 0.0).then_some(left)
        });
        let left = left.reduce(|worst, left| Some(worst?.max(left?)))?;
        let still = now.duration_since(self.stall.moved) >= STILL;
        if still { Some(self.stall.left(now).as_secs_f64()) } else { left }
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
        if network != self.stall.network {
            (self.stall.network, self.stall.moved) = (network, now);
        }
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
        let processed: u64 = self.tables.iter().map(|t| t.done).sum();
        let total: u64 = self.tables.iter().map(|t| t.expected).sum::<u64>().max(processed);
        let transfer_seconds =
            self.transfer_before + self.transfer_began.map_or(0.0, |began| now.duration_since(began).as_secs_f64());
        let average = if transfer_seconds > 0.0 { processed as f64 / transfer_seconds } else { 0.0 };
        // Looks may be further apart than a whole transfer takes; none is faster on average than at its fastest.
        self.peak = self.peak.max(if self.transfer_began.is_none() { rows_rate.max(average) } else { rows_rate });
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
        let seconds_per_row =
            self.chunk_seconds_per_row.or((average > 0.0).then(|| f64::from(self.workers.max(1)) / average));
        let checkpoint = self.seconds_to_checkpoint(now, seconds_per_row);
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
    use crate::plan::fixtures;

    const SECOND: Duration = Duration::from_secs(1);

    /// A board whose one chunk of 1,000 rows is at work, after one that took ten seconds.
    fn board(began: Instant) -> Board {
        let shop = fixtures::shop();
        let nothing = fixtures::catalog("there", Vec::new());
        let plan = fixtures::plan(&fixtures::request(), &shop, &nothing).unwrap();
        let mut board = Board::new(&plan, 2, None, 60 * SECOND);
        for chunk in 0..2 {
            board.apply(&Event::ChunkStarted { table: 0, chunk, rows: 1_000 }, began);
        }
        board.apply(&Event::ChunkCommitted { table: 0, chunk: 0, rows: 1_000 }, began + 10 * SECOND);
        board.apply(&Event::ChunkCommitted { table: 0, chunk: 1, rows: 1_000 }, began + 10 * SECOND);
        board.apply(&Event::ChunkStarted { table: 0, chunk: 2, rows: 1_000 }, began + 10 * SECOND);
        board
    }

    /// Seconds until the checkpoint, as told when the network has carried so many bytes.
    fn told(board: &mut Board, now: Instant, network: u64) -> Option<f64> {
        let usage = Usage { cpu_percent: 0.0, memory_bytes: 0, memory_percent: 0.0 };
        let clock = Timestamp::UNIX_EPOCH;
        let eta = board.figures(now, clock, usage, network, 1.0).checkpoint_eta?;
        Some(eta.duration_since(clock).as_secs_f64())
    }

    #[test]
    fn a_checkpoint_is_expected_while_bytes_move_and_a_cut_where_none_do() {
        let began = Instant::now();
        let mut board = board(began);
        assert_eq!(told(&mut board, began + 13 * SECOND, 1), Some(7.0));
        assert_eq!(told(&mut board, began + 22 * SECOND, 2), None, "it takes longer than the others took");
        assert_eq!(told(&mut board, began + 30 * SECOND, 2), Some(60.0), "a pause would be at an end after so long");
        board.stopping(began + 40 * SECOND);
        assert_eq!(told(&mut board, began + 50 * SECOND, 2), Some(50.0));
        assert_eq!(told(&mut board, began + 51 * SECOND, 3), None, "it moves again");
        assert_eq!(told(&mut board, began + 61 * SECOND, 3), Some(50.0));
        assert!(!board.is_stalled(began + 110 * SECOND));
        assert!(board.is_stalled(began + 111 * SECOND));
        board.stopped(began + 112 * SECOND);
        assert_eq!(told(&mut board, began + 113 * SECOND, 3), None);
    }

    #[test]
    fn a_run_that_is_not_to_stop_may_stand_still_and_so_may_a_statement() {
        let began = Instant::now();
        let mut board = board(began);
        assert!(!board.is_stalled(began + 999 * SECOND));
        board.stopping(began + 999 * SECOND);
        assert!(!board.is_stalled(began + 1_058 * SECOND));
        board.apply(&Event::StatementStarted { label: "index of a".into() }, began + 1_058 * SECOND);
        assert!(board.is_stalled(began + 1_118 * SECOND), "a chunk is at work beside it");
        board.apply(&Event::ChunkCommitted { table: 0, chunk: 2, rows: 1_000 }, began + 1_200 * SECOND);
        assert!(!board.is_stalled(began + 9_999 * SECOND));
        board.apply(&Event::StatementFinished { label: "index of a".into(), seconds: 1.0 }, began + 10_000 * SECOND);
        assert!(!board.is_stalled(began + 10_059 * SECOND));
        assert!(board.is_stalled(began + 10_060 * SECOND));
    }

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
