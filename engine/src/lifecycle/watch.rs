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

/// What the lanes tell, until the driver fetches it. Never blocks a lane for longer than an addition takes.
#[derive(Debug)]
pub(super) struct Watch(Mutex<State>);

#[derive(Debug)]
struct State {
    board: Option<Board>,
    phase: Option<Phase>,
    lines: Vec<NewEvent>,
    dropped: u64,
    steps: Vec<Step>,
    /// How both sides compared, once they did.
    checks: Vec<TableCheck>,
}

impl Watch {
    /// Of a run with a board, or of planning, which has none.
    pub(super) fn new(board: Option<Board>, phase: Phase) -> Self {
        Self(Mutex::new(State {
            board,
            phase: Some(phase),
            lines: Vec::new(),
            dropped: 0,
            steps: Vec::new(),
            checks: Vec::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines since last asked.
    pub(super) fn take_lines(&self) -> Vec<NewEvent> {
        let mut state = self.lock();
        let mut lines = std::mem::take(&mut state.lines);
        let dropped = std::mem::take(&mut state.dropped);
        if dropped > 0 {
            let message = format!("{dropped} lines of the log were dropped here: the store could not keep up.");
            lines.push(line(Timestamp::now(), Level::Warning, &message, state.phase, &[]));
        }
        lines
    }

    /// Phases since last asked, in order.
    pub(super) fn take_steps(&self) -> Vec<Step> {
        std::mem::take(&mut self.lock().steps)
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
                state.steps.push(Step::Began(*phase));
            }
            Event::PhaseFinished { phase, .. } => state.steps.push(Step::Ended(*phase)),
            Event::Compared { tables } => state.checks.clone_from(tables),
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
        if state.lines.len() >= WAITING_LINES {
            state.dropped += 1;
            return;
        }
        let new = line(Timestamp::now(), level, &message, state.phase, &more);
        state.lines.push(new);
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
