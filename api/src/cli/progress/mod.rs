//! What a run shows while it is at work.
//!
//! Three parts, so that a slow terminal never slows a migration: the engine's threads only add to a [`Progress`]
//! under a lock; a thread of its own takes a [`View`] from it (plain data) a few times a second; a painter, [`bars`] on
//! a terminal or [`lines`] elsewhere, draws the view.

mod bars;
mod lines;
mod view;

use std::io::{self, IsTerminal};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sensei_engine::event::{Event, Level, Observer, TableProgress};
use sensei_engine::plan::Plan;

pub(super) use bars::style as bar_style;
use view::Progress;
pub(super) use view::View;

/// Between two looks at the progress. Smooth for the eye, nothing for the processor.
const TICK: Duration = Duration::from_millis(100);

/// Draws views.
trait Painter: Send {
    /// Shows this state; its notices are new since the last call.
    fn paint(&mut self, view: &View);
    /// Nothing more will come: takes away what should not stay.
    fn finish(&mut self);
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Bars that move, on a terminal.
    Bars,
    /// Lines, for logs.
    Lines,
}

impl Style {
    /// Bars where somebody looks and no log would be torn by them.
    pub(super) fn fitting(logging: bool) -> Self {
        if io::stderr().is_terminal() && !logging { Self::Bars } else { Self::Lines }
    }

    fn painter(self) -> Box<dyn Painter> {
        match self {
            Self::Bars => Box::new(bars::Bars::new()),
            Self::Lines => Box::new(lines::Lines::new()),
        }
    }
}

/// Collects a run's events. Clones are one.
#[derive(Clone)]
pub(super) struct Watch(Arc<Shared>);

struct Shared {
    began: Instant,
    progress: Mutex<Progress>,
}

impl Watch {
    /// Nothing has happened yet.
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared { began: Instant::now(), progress: Mutex::default() }))
    }

    /// What to hand to the engine.
    pub(super) fn observer(&self) -> Arc<dyn Observer> {
        self.0.clone()
    }

    /// What the plan expects of each table, for a total before all tables have begun.
    pub(super) fn expect(&self, plan: &Plan) {
        self.0.lock().expect_rows(plan.tables.iter().map(|t| t.estimated_rows));
    }

    /// Says something between the bars.
    pub(super) fn notice(&self, text: impl Into<String>) {
        self.0.lock().notice(text.into());
    }

    /// Whether something was made in the target, so that the same command would resume.
    pub(super) fn has_staging(&self) -> bool {
        self.0.lock().has_staging()
    }

    /// Shows what happens until the returned value is dropped.
    ///
    /// # Errors
    /// The machine has no thread left.
    pub(super) fn show(&self, style: Style) -> io::Result<Show> {
        let ended = Arc::new((Mutex::new(false), Condvar::new()));
        let (shared, until) = (self.0.clone(), ended.clone());
        let mut painter = style.painter();
        let painting = thread::Builder::new().name("progress".into()).spawn(move || {
            loop {
                let over = wait(&until);
                let view = shared.lock().view(shared.began.elapsed());
                painter.paint(&view);
                if over {
                    return painter.finish();
                }
            }
        })?;
        Ok(Show { ended, painting: Some(painting) })
    }
}

/// Waits for a tick; true once it is over.
fn wait(ended: &(Mutex<bool>, Condvar)) -> bool {
    let (over, changed) = ended;
    let over = over.lock().unwrap_or_else(PoisonError::into_inner);
    let (over, _) = changed.wait_timeout_while(over, TICK, |over| !*over).unwrap_or_else(PoisonError::into_inner);
    *over
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Shared {
    fn observe(&self, event: Event) {
        log(&event);
        let at = self.began.elapsed();
        self.lock().apply(event, at);
    }
}

/// The log has every event that is not one of thousands.
fn log(event: &Event) {
    match event {
        Event::PhaseStarted { phase } => tracing::info!(phase = phase.as_str(), "phase started"),
        Event::PhaseFinished { phase, seconds } => tracing::info!(phase = phase.as_str(), seconds, "phase finished"),
        Event::TableStarted(TableProgress { name, rows_expected, rows_done, chunks, chunks_done, .. }) => {
            tracing::info!(table = name, rows_expected, rows_done, chunks, chunks_done, "table started");
        }
        Event::RunRetried { attempt, reason, seconds } => {
            tracing::warn!(attempt, reason, seconds, "run is begun again from what is durable");
        }
        Event::ChunkStarted { table, chunk, rows } => tracing::debug!(table, chunk, rows, "chunk started"),
        Event::Rows { .. } | Event::RowsCompared { .. } => {}
        Event::ChunkRetried { table, rows, attempt, reason } => {
            tracing::warn!(table, rows, attempt, reason, "chunk is tried again");
        }
        Event::ChunkCommitted { table, chunk, rows } => tracing::debug!(table, chunk, rows, "chunk committed"),
        Event::TableLoaded { table } => tracing::info!(table, "table loaded"),
        Event::StatementStarted { label } => tracing::debug!(label, "statement started"),
        Event::StatementFinished { label, seconds } => tracing::info!(label, seconds, "statement finished"),
        Event::Compared { tables } => {
            let differ = tables.iter().filter(|table| !table.agrees()).count();
            tracing::info!(tables = tables.len(), differ, "both sides compared");
        }
        Event::Log { level, message } => match level {
            Level::Debug => tracing::debug!("{message}"),
            Level::Info => tracing::info!("{message}"),
            Level::Warning => tracing::warn!("{message}"),
            Level::Error => tracing::error!("{message}"),
        },
    }
}

/// Drawing goes on until this is dropped; then everything that happened has been shown.
pub(super) struct Show {
    ended: Arc<(Mutex<bool>, Condvar)>,
    painting: Option<JoinHandle<()>>,
}

impl Drop for Show {
    fn drop(&mut self) {
        *self.ended.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.1.notify_all();
        if let Some(painting) = self.painting.take() {
            // A painter that panicked has said so; the migration does not depend on it.
            drop(painting.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_says_is_in_the_next_view() {
        let watch = Watch::new();
        watch.observer().observe(Event::StatementStarted { label: "primary key of nation".into() });
        watch.notice("hello");
        let view = watch.0.lock().view(Duration::ZERO);
        assert_eq!(view.statements.len(), 1);
        assert_eq!(view.notices, ["hello"]);
        assert!(watch.0.lock().view(Duration::ZERO).notices.is_empty(), "a notice is shown once");
    }

    #[test]
    fn a_show_ends_when_it_is_dropped() {
        let show = Watch::new().show(Style::Lines).expect("a thread");
        drop(show);
    }
}
