//! The state of a run, from its events, and how it looks at one moment.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sensei_engine::event::{Event, Level, Phase, TableProgress};

use crate::cli::format;

/// Rates are of the last this long: steady, yet they follow a change.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Everything the events said so far. Times count from the start of the program's run.
#[derive(Default)]
pub(super) struct Progress {
    phase: Option<Phase>,
    phase_began: Duration,
    tables: BTreeMap<usize, Table>,
    /// Statements at work, oldest first.
    statements: Vec<(String, Duration)>,
    notices: Vec<String>,
    staging: bool,
    /// Rows and bytes that this run moved.
    moved: (u64, u64),
    /// Rows of the target that were read back in this phase.
    compared: u64,
    /// Earlier values of `moved`.
    samples: VecDeque<(Duration, (u64, u64))>,
}

#[derive(Default)]
struct Table {
    name: String,
    expected: u64,
    done: u64,
    /// Of `done`, from an earlier run.
    resumed: u64,
    /// When its first rows of this run came.
    began: Option<Duration>,
    loaded: bool,
}

/// How a run looks at one moment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::cli) struct View {
    /// What goes on.
    pub(super) activity: &'static str,
    /// Since the program began.
    pub(super) elapsed: Duration,
    /// All tables together; none before there are rows to move.
    pub(super) total: Option<Total>,
    /// Tables at work.
    pub(super) tables: Vec<TableView>,
    /// Statements at work and how long each has been.
    pub(super) statements: Vec<(String, Duration)>,
    /// News since the last view.
    pub(super) notices: Vec<String>,
}

/// All tables together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Total {
    /// Rows in the target.
    pub(super) done: u64,
    /// Rows expected.
    pub(super) expected: u64,
    /// Rows a second, lately.
    pub(super) rows_per_second: Option<u64>,
    /// Bytes a second, lately.
    pub(super) bytes_per_second: Option<u64>,
    /// Time left for the rows at that rate.
    pub(super) left: Option<Duration>,
}

/// One table at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableView {
    /// Its place in the plan.
    pub(super) table: usize,
    /// Name in the target.
    pub(super) name: String,
    /// Rows in the target.
    pub(super) done: u64,
    /// Rows expected.
    pub(super) expected: u64,
}

impl Progress {
    /// Rows that each table of the plan is expected to have.
    pub(super) fn expect_rows(&mut self, rows: impl Iterator<Item = u64>) {
        for (table, expected) in rows.enumerate() {
            self.tables.entry(table).or_default().expected = expected;
        }
    }

    pub(super) fn notice(&mut self, text: String) {
        self.notices.push(text);
    }

    pub(super) fn has_staging(&self) -> bool {
        self.staging
    }

    pub(super) fn apply(&mut self, event: Event, at: Duration) {
        match event {
            Event::PhaseStarted { phase } => {
                self.phase = Some(phase);
                self.phase_began = at;
                self.compared = 0;
                self.staging |= phase != Phase::Planning;
                if phase == Phase::DataTransfer {
                    self.samples.push_back((at, self.moved));
                }
            }
            Event::PhaseFinished { .. } | Event::ChunkStarted { .. } | Event::Compared { .. } => {}
            Event::RunRetried { reason, seconds, .. } => {
                self.statements.clear();
                self.notices.push(format!(
                    "warning: {reason} Trying again in {}, from what is already durable.",
                    format::seconds(seconds)
                ));
            }
            Event::TableStarted(progress) => self.table_started(progress),
            Event::Rows { table, rows, bytes } => {
                let state = self.tables.entry(table).or_default();
                state.began.get_or_insert(at);
                state.done += rows;
                self.moved.0 += rows;
                self.moved.1 += bytes;
            }
            Event::ChunkRetried { table, rows, attempt, reason } => {
                let state = self.tables.entry(table).or_default();
                state.done = state.done.saturating_sub(rows);
                self.moved.0 = self.moved.0.saturating_sub(rows);
                let name = &state.name;
                self.notices.push(format!("{name}: a chunk is tried again (attempt {attempt}): {reason}"));
            }
            Event::ChunkCommitted { .. } => {}
            Event::RowsCompared { rows } => self.compared += rows,
            Event::TableLoaded { table } => self.table_loaded(table, at),
            Event::StatementStarted { label } => self.statements.push((label, at)),
            Event::StatementFinished { label, .. } => {
                if let Some(place) = self.statements.iter().position(|(other, _)| *other == label) {
                    self.statements.remove(place);
                }
            }
            Event::Log { level, message } => match level {
                Level::Debug | Level::Info => {}
                Level::Warning => self.notices.push(format!("warning: {message}")),
                // The end of the run tells errors, with what to do about them.
                Level::Error => {}
            },
        }
    }

    fn table_started(&mut self, progress: TableProgress) {
        let TableProgress { table, name, rows_expected, rows_done, chunks, chunks_done } = progress;
        if chunks_done > 0 {
            let (done, rows) = (format::count(chunks_done.into()), format::counted(rows_done, "row"));
            let chunks = format::counted(chunks.into(), "chunk");
            self.notices.push(format!("{name}: resumes, {done} of {chunks} ({rows}) are there already"));
        }
        let table = self.tables.entry(table).or_default();
        *table = Table {
            name,
            expected: rows_expected,
            done: rows_done,
            resumed: rows_done,
            loaded: chunks_done == chunks,
            ..Table::default()
        };
    }

    fn table_loaded(&mut self, table: usize, at: Duration) {
        let state = self.tables.entry(table).or_default();
        state.loaded = true;
        state.expected = state.done;
        let time = at.saturating_sub(state.began.unwrap_or(at));
        let moved = state.done.saturating_sub(state.resumed);
        // What an earlier run had loaded was told when the table began.
        if moved > 0 || state.resumed == 0 {
            let rate = format::per_second(moved, time).filter(|_| moved > 0);
            let rate = rate.map(|r| format!(", {} rows/s", format::count(r))).unwrap_or_default();
            let (rows, time) = (format::counted(state.done, "row"), format::duration(time));
            self.notices.push(format!("{}: {rows} in {time}{rate}", state.name));
        }
    }

    /// How it looks now. Notices go with the view.
    pub(super) fn view(&mut self, at: Duration) -> View {
        View {
            activity: self.activity(),
            elapsed: at,
            total: self.total(at),
            tables: self.tables.iter().filter_map(|(table, state)| state.view(*table)).collect(),
            statements: self
                .statements
                .iter()
                .map(|(label, began)| (label.clone(), at.saturating_sub(*began)))
                .collect(),
            notices: std::mem::take(&mut self.notices),
        }
    }

    fn activity(&self) -> &'static str {
        match self.phase {
            None | Some(Phase::Planning) => "Reading the catalogs",
            Some(Phase::SchemaMigration) => "Making tables",
            Some(Phase::DataTransfer) if !self.tables.is_empty() && self.tables.values().all(|t| t.loaded) => {
                "Building keys and indexes"
            }
            Some(Phase::DataTransfer) => "Moving rows",
            Some(Phase::Validation) => "Comparing rows",
            Some(Phase::Cutover) => "Switching over",
        }
    }

    fn total(&mut self, at: Duration) -> Option<Total> {
        if !matches!(self.phase, Some(Phase::DataTransfer | Phase::Validation | Phase::Cutover)) {
            return None;
        }
        let done: u64 = self.tables.values().map(|t| t.done).sum();
        let expected: u64 = self.tables.values().map(|t| t.expected.max(t.done)).sum();
        if self.phase == Some(Phase::Validation) && self.compared > 0 {
            let done = self.compared.min(expected);
            return Some(Total { done, expected, rows_per_second: None, bytes_per_second: None, left: None });
        }
        let rate = self.rate(at).filter(|_| done < expected);
        let left =
            rate.filter(|(rows, _)| *rows > 0).map(|(rows, _)| Duration::from_secs((expected - done).div_ceil(rows)));
        let (rows_per_second, bytes_per_second) = rate.unzip();
        Some(Total { done, expected, rows_per_second, bytes_per_second, left })
    }

    /// Rows and bytes a second over the last [`RATE_WINDOW`].
    fn rate(&mut self, at: Duration) -> Option<(u64, u64)> {
        self.samples.push_back((at, self.moved));
        // The oldest sample that stays is the last one at or before the window.
        while self.samples.get(1).is_some_and(|(time, _)| *time + RATE_WINDOW <= at) {
            self.samples.pop_front();
        }
        let (since, (rows, bytes)) = *self.samples.front()?;
        let time = at.saturating_sub(since);
        let rows = format::per_second(self.moved.0.saturating_sub(rows), time)?;
        let bytes = format::per_second(self.moved.1.saturating_sub(bytes), time)?;
        Some((rows, bytes))
    }
}

impl Table {
    fn view(&self, table: usize) -> Option<TableView> {
        let at_work = self.began.is_some() && !self.loaded;
        let expected = self.expected.max(self.done);
        at_work.then(|| TableView { table, name: self.name.clone(), done: self.done, expected })
    }
}

impl View {
    /// One line about everything: `42 %, 3,654,321 of 8,661,245 rows, 512,345 rows/s, 61.2 MB/s, 10.0 s left`.
    pub(super) fn summary(&self) -> String {
        let Some(total) = &self.total else { return self.activity.to_owned() };
        let rows = format!("{} of {} rows", format::count(total.done), format::count(total.expected));
        let mut text = format!("{}: {} %, {rows}", self.activity, format::percent(total.done, total.expected));
        if let Some(rate) = total.rows_per_second {
            text += &format!(", {} rows/s", format::count(rate));
        }
        if let Some(rate) = total.bytes_per_second {
            text += &format!(", {}/s", format::size(rate));
        }
        if let Some(left) = total.left {
            text += &format!(", {} left", format::duration(left));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn started(table: usize, name: &str, rows: u64, resumed: (u64, u32)) -> Event {
        Event::TableStarted(TableProgress {
            table,
            name: name.into(),
            rows_expected: rows,
            rows_done: resumed.0,
            chunks: 4,
            chunks_done: resumed.1,
        })
    }

    fn moving() -> Progress {
        let mut progress = Progress::default();
        progress.expect_rows([1000, 500].into_iter());
        progress.apply(Event::PhaseStarted { phase: Phase::DataTransfer }, Duration::ZERO);
        progress.apply(started(0, "public.orders", 1200, (0, 0)), Duration::ZERO);
        progress.apply(Event::Rows { table: 0, rows: 400, bytes: 80_000 }, SECOND);
        progress
    }

    #[test]
    fn rows_rates_and_time_left() {
        let view = moving().view(2 * SECOND);
        assert_eq!(view.summary(), "Moving rows: 23 %, 400 of 1,700 rows, 200 rows/s, 40.0 kB/s, 7.0 s left");
        let orders = TableView { table: 0, name: "public.orders".into(), done: 400, expected: 1200 };
        assert_eq!(view.tables, [orders]);
        assert!(view.notices.is_empty());
    }

    #[test]
    fn rates_forget_what_is_long_past() {
        let mut progress = moving();
        for second in 2..40 {
            progress.apply(Event::Rows { table: 0, rows: 1, bytes: 10 }, second * SECOND);
            progress.view(second * SECOND);
        }
        let total = progress.view(40 * SECOND).total.expect("rows move");
        assert_eq!(total.rows_per_second, Some(0), "the last ten seconds had nine rows");
        assert_eq!(total.left, None);
    }

    #[test]
    fn a_retry_takes_rows_back() {
        let mut progress = moving();
        let retried = Event::ChunkRetried { table: 0, rows: 300, attempt: 2, reason: "The connection broke.".into() };
        progress.apply(retried, SECOND);
        let view = progress.view(SECOND);
        assert_eq!(view.total.expect("rows move").done, 100);
        assert_eq!(view.notices, ["public.orders: a chunk is tried again (attempt 2): The connection broke."]);
    }

    #[test]
    fn a_run_that_begins_again_says_why_and_when() {
        let mut progress = moving();
        progress.apply(Event::StatementStarted { label: "primary key of orders".into() }, SECOND);
        progress.apply(Event::RunRetried { attempt: 2, reason: "The server went away.".into(), seconds: 4.0 }, SECOND);
        let view = progress.view(SECOND);
        assert_eq!(
            view.notices,
            ["warning: The server went away. Trying again in 4.0 s, from what is already durable."]
        );
        assert!(view.statements.is_empty(), "what broke is not at work any more");
    }

    #[test]
    fn a_loaded_table_leaves_a_line_and_counts_as_it_is() {
        let mut progress = moving();
        progress.apply(Event::TableLoaded { table: 0 }, 3 * SECOND);
        let view = progress.view(3 * SECOND);
        assert_eq!(view.notices, ["public.orders: 400 rows in 2.0 s, 200 rows/s"]);
        assert_eq!(view.total.expect("rows move").expected, 900, "an estimate gives way to the truth");
        assert!(view.tables.is_empty());
    }

    #[test]
    fn what_is_there_already_is_told_and_does_not_count_as_speed() {
        let mut progress = Progress::default();
        progress.apply(Event::PhaseStarted { phase: Phase::DataTransfer }, Duration::ZERO);
        progress.apply(started(0, "a", 100, (75, 3)), Duration::ZERO);
        progress.apply(started(1, "b", 100, (100, 4)), Duration::ZERO);
        progress.apply(Event::TableLoaded { table: 1 }, Duration::ZERO);
        let view = progress.view(SECOND);
        assert_eq!(view.summary(), "Moving rows: 87 %, 175 of 200 rows, 0 rows/s, 0 B/s");
        assert_eq!(
            view.notices,
            [
                "a: resumes, 3 of 4 chunks (75 rows) are there already",
                "b: resumes, 4 of 4 chunks (100 rows) are there already"
            ]
        );
    }

    #[test]
    fn phases_and_statements_are_seen() {
        let mut progress = moving();
        progress.apply(Event::TableLoaded { table: 0 }, SECOND);
        progress.apply(Event::TableLoaded { table: 1 }, SECOND);
        progress.apply(Event::StatementStarted { label: "primary key of orders".into() }, SECOND);
        progress.apply(Event::StatementStarted { label: "index of orders".into() }, 2 * SECOND);
        let view = progress.view(3 * SECOND);
        assert_eq!(view.activity, "Building keys and indexes");
        let at_work = [("primary key of orders".to_owned(), 2 * SECOND), ("index of orders".to_owned(), SECOND)];
        assert_eq!(view.statements, at_work);
        progress.apply(Event::StatementFinished { label: "primary key of orders".into(), seconds: 2.0 }, 3 * SECOND);
        assert_eq!(progress.view(3 * SECOND).statements.len(), 1);
    }

    #[test]
    fn staging_exists_once_planning_is_over() {
        let mut progress = Progress::default();
        progress.apply(Event::PhaseStarted { phase: Phase::Planning }, Duration::ZERO);
        assert!(!progress.has_staging());
        assert_eq!(progress.view(Duration::ZERO).summary(), "Reading the catalogs");
        progress.apply(Event::PhaseStarted { phase: Phase::SchemaMigration }, Duration::ZERO);
        assert!(progress.has_staging());
    }
}
