//! Listens to a run: figures for its progress, lines for its log, phases for its record.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::announce::line;
use super::machine::Usage;
use super::progress::{Board, Progress};
use crate::event::{Event, Level, Observer, Phase};
use crate::migration::{self, TableCheck};
use crate::store::NewEvent;

/// Lines that wait for the store at most. 10,000: some megabytes. What comes while a store is that far behind is counted,
/// and the count is told.
const WAITING_LINES: usize = 10_000;

/// A phase that began or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Began(Phase),
    Ended(Phase),
}

/// What a run told, in its order.
#[derive(Debug)]
pub(super) enum Told {
    /// A line of the log.
    Line(NewEvent),
    /// A phase began or ended, then.
    Step(Step, Timestamp),
}

/// What the lanes tell, until the driver fetches it. Never blocks a lane for longer than an addition takes.
#[derive(Debug)]
pub(super) struct Watch(Mutex<State>);

#[derive(Debug)]
struct State {
    board: Option<Board>,
    phase: Option<Phase>,
    told: Vec<Told>,
    /// Lines among them.
    lines: usize,
    dropped: u64,
    /// How both sides compared, once they did.
    checks: Vec<TableCheck>,
}

impl Watch {
    /// Of a run with a board, or of planning, which has none.
    pub(super) fn new(board: Option<Board>, phase: Phase) -> Self {
        let checks = Vec::new();
        Self(Mutex::new(State { board, phase: Some(phase), told: Vec::new(), lines: 0, dropped: 0, checks }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was told since last asked.
    pub(super) fn take(&self) -> Vec<Told> {
        let mut state = self.lock();
        let mut told = std::mem::take(&mut state.told);
        state.lines = 0;
        let dropped = std::mem::take(&mut state.dropped);
        if dropped > 0 {
            let message = format!("{dropped} lines of the log were dropped here: the store could not keep up.");
            told.push(Told::Line(line(Timestamp::now(), Level::Warning, &message, state.phase, &[])));
        }
        told
    }

    /// The lines of it, for a piece of work that has no phases.
    pub(super) fn take_lines(&self) -> Vec<NewEvent> {
        let line = |told| match told {
            Told::Line(line) => Some(line),
            Told::Step(..) => None,
        };
        self.take().into_iter().filter_map(line).collect()
    }

    /// How both sides compared; empty before they did.
    pub(super) fn checks(&self) -> Vec<TableCheck> {
        self.lock().checks.clone()
    }

    /// The phase it is in.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.lock().phase
    }

    pub(super) fn figures(&self, usage: Usage, network: u64, link: f64) -> Option<Progress> {
        self.lock().board.as_mut().map(|b| b.figures(Instant::now(), Timestamp::now(), usage, network, link))
    }

    /// The run is to stop at its next checkpoint; true: it has stood still for longer than it may.
    pub(super) fn stopping(&self) -> bool {
        let now = Instant::now();
        self.lock().board.as_mut().is_some_and(|board| {
            board.stopping(now);
            board.is_stalled(now)
        })
    }

    pub(super) fn stopped(&self, escalated: bool) {
        if let Some(board) = &mut self.lock().board {
            if escalated { board.escalated(Instant::now()) } else { board.stopped(Instant::now()) }
        }
    }
}

impl Observer for Watch {
    fn observe(&self, event: Event) {
        let mut state = self.lock();
        let state = &mut *state;
        if let Some(board) = &mut state.board {
            board.apply(&event, Instant::now());
        }
        match &event {
            Event::PhaseStarted { phase } => {
                state.phase = Some(*phase);
                state.told.push(Told::Step(Step::Began(*phase), Timestamp::now()));
            }
            Event::Compared { tables } => state.checks.clone_from(tables),
            Event::PhaseFinished { .. } => {}
            Event::TableStarted(_)
            | Event::ChunkStarted { .. }
            | Event::Rows { .. }
            | Event::ChunkRetried { .. }
            | Event::RunRetried { .. }
            | Event::ChunkCommitted { .. }
            | Event::TableLoaded { .. }
            | Event::StatementStarted { .. }
            | Event::StatementFinished { .. }
            | Event::RowsCompared { .. }
            | Event::Log { .. } => {}
        }
        let Some((level, message, more)) = words(&event, state.board.as_ref()) else { return };
        if state.lines >= WAITING_LINES {
            state.dropped += 1;
        } else {
            state.lines += 1;
            state.told.push(Told::Line(line(Timestamp::now(), level, &message, state.phase, &more)));
        }
        if let Event::PhaseFinished { phase, .. } = &event {
            state.told.push(Told::Step(Step::Ended(*phase), Timestamp::now()));
        }
    }
}

type Words = (Level, String, Vec<(&'static str, Value)>);

/// What the log says of an event; none: nothing.
fn words(event: &Event, board: Option<&Board>) -> Option<Words> {
    let name = |table: usize| board.map_or_else(String::new, |b| b.table_name(table).to_owned());
    let of_table = |table: usize| ("table", json!(name(table)));
    Some(match event {
        Event::PhaseStarted { phase } => (Level::Info, format!("Phase {} began.", phase.as_str()), vec![]),
        Event::PhaseFinished { phase, seconds } => {
            let message = format!("Phase {} finished in {seconds:.1} s.", phase.as_str());
            (Level::Info, message, vec![("seconds", json!(seconds))])
        }
        Event::RunRetried { attempt, reason, seconds } => {
            let message = format!("{reason} Trying again in {seconds:.0} s, from what is already durable.");
            (Level::Warning, message, vec![("attempt", json!(attempt))])
        }
        Event::TableStarted(t) => {
            let resumed = match t.chunks_done {
                0 => String::new(),
                done => format!(", {done} of {} chunks are there already", t.chunks),
            };
            let more = vec![("table", json!(name(t.table))), ("records", json!(t.rows_expected))];
            (Level::Info, format!("Processing table: {}{resumed}", name(t.table)), more)
        }
        Event::ChunkStarted { table, chunk, rows } => {
            let message = format!("Chunk {} of {} begins.", chunk + 1, name(*table));
            (Level::Debug, message, vec![of_table(*table), ("chunk", json!(chunk)), ("records", json!(rows))])
        }
        Event::ChunkCommitted { table, chunk, rows } => {
            let (done, expected) = board.map_or((0, 0), |b| b.rows_of(*table));
            let message = format!("Batch complete: {rows} rows of {}, {done} of {expected}.", name(*table));
            (Level::Info, message, vec![of_table(*table), ("chunk", json!(chunk)), ("records", json!(rows))])
        }
        Event::ChunkRetried { table, attempt, reason, .. } => {
            let message = format!("A chunk of {} is tried again (attempt {attempt}): {reason}", name(*table));
            (Level::Warning, message, vec![of_table(*table), ("attempt", json!(attempt))])
        }
        Event::TableLoaded { table } => {
            let (rows, _) = board.map_or((0, 0), |b| b.rows_of(*table));
            let message = format!("Table {} is loaded: {rows} rows.", name(*table));
            (Level::Info, message, vec![of_table(*table), ("records", json!(rows))])
        }
        Event::StatementStarted { label } => (Level::Debug, format!("Building: {label}."), vec![]),
        Event::StatementFinished { label, seconds } => {
            (Level::Info, format!("Built: {label}, in {seconds:.1} s."), vec![("seconds", json!(seconds))])
        }
        Event::Compared { tables } => {
            let agree = tables.iter().all(TableCheck::agrees);
            (if agree { Level::Info } else { Level::Warning }, migration::sentence(tables), vec![])
        }
        Event::Log { level, message } => (*level, message.clone(), vec![]),
        Event::Rows { .. } | Event::RowsCompared { .. } => return None,
    })
}
