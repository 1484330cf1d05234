//! Driving one migration: doing what its record needs, until nothing is to be done for it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use super::announce::Line;
use super::gate::CutoverGate;
use super::progress::{Board, Progress};
use super::record::{Checkpoint, PhaseOutcome, Record, SCHEDULE, Stop, Validation};
use super::service::{Change, Service};
use super::state::{Input, Intent, Next, Recovery, Status, next};
use super::teller::Teller;
use super::watch::{Step, Watch};
use crate::error::{Code, Error, Result};
use crate::event::Phase;
use crate::migration::{self, Job, Report, TableCheck};
use crate::store::{NewEvent, Sample, fresh_id};

/// How often a driver looks at its migration.
pub(super) const LOOK: Duration = Duration::from_millis(250);
/// A pause before the maintenance window ends begins at least so long before. 10 s: committing a chunk takes seconds.
const WINDOW_MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// What the log says of a cutover that a person is to ask for.
const HELD: &str = "Everything is loaded and agrees. The cutover is held until somebody asks for it.";

/// What a driver is told from outside.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    /// The server is shutting down: stop at a chunk.
    pub(super) leaving: Receiver<bool>,
    /// The lease is lost, or time is up: stop at once, and change nothing any more.
    pub(super) lost: Receiver<bool>,
}

impl Signals {
    pub(super) fn leaving(&self) -> bool {
        *self.leaving.borrow() || self.lost()
    }

    fn lost(&self) -> bool {
        *self.lost.borrow()
    }
}

/// Drives one migration under a lease.
pub(super) struct Driver {
    pub(super) service: Arc<Service>,
    pub(super) id: String,
    pub(super) signals: Signals,
    /// How long a run that is to pause may stand still.
    pub(super) stall: Duration,
}

impl Driver {
    /// Until nothing is to be done.
    pub(super) async fn drive(&self) -> Result<()> {
        while !self.signals.leaving() {
            let record = self.service.store().record(&self.id).await?;
            match record.status.recovery() {
                Recovery::Plan => self.plan(&record).await?,
                Recovery::Run => self.run(record).await?,
                Recovery::Settle => self.settle(None).await?,
                Recovery::RollBack => self.roll_back(&record).await?,
                Recovery::Nothing => return Ok(()),
            }
        }
        Ok(())
    }

    async fn plan(&self, record: &Record) -> Result<()> {
        self.service
            .change(&self.id, |record, now| {
                if next(record.status, Input::PlanningBegan) == Next::Refused {
                    return Ok(Change::Leave(()));
                }
                record.apply(Input::PlanningBegan, now)?;
                record.phase_began(Phase::Planning, now);
                Ok(Change::Save((), vec![Line::info("Looking at the source and the target.")]))
            })
            .await?;
        let watch = Arc::new(Watch::new(None, Phase::Planning));
        let planned = match self.service.job(record).await {
            Err(e) => Err(e),
            Ok(job) => {
                let job = Job { observer: Arc::clone(&watch) as _, ..job };
                let at_work = job.clone();
                let work = tokio::task::spawn_blocking(move || migration::plan(&at_work));
                self.attend(work, &job, &watch, &CutoverGate::new(), None).await
            }
        };
        if self.signals.leaving() {
            return Ok(());
        }
        let version = record.plan_version + 1;
        let line = record.spec.options.auto_approve_above;
        let planned = match planned {
            Ok(plan) => {
                self.service.store().keep_plan(&self.id, version, &plan).await?;
                let awaiting = plan.awaiting(line).len();
                Ok((plan.summary.tables, plan.summary.estimated_records, awaiting))
            }
            Err(e) => Err(e),
        };
        self.service
            .change(&self.id, |record, now| {
                if record.status != Status::Planning {
                    return Ok(Change::Leave(()));
                }
                match &planned {
                    Ok((tables, rows, awaiting)) => {
                        record.phase_ended(PhaseOutcome::Completed, now);
                        (record.plan_version, record.plan_generated_at) = (version, Some(now));
                        record.tables_count = Some(*tables);
                        let wait = match awaiting {
                            0 => "nothing awaits a person".to_owned(),
                            n => format!("{n} mappings await a person"),
                        };
                        record.apply(if *awaiting == 0 { Input::Reviewed } else { Input::Awaiting }, now)?;
                        Ok(Change::Save(
                            (),
                            vec![Line::info(format!("The plan is there: {tables} tables, about {rows} rows; {wait}."))],
                        ))
                    }
                    Err(e) => fail(record, e, now),
                }
            })
            .await?;
        Ok(())
    }

    async fn run(&self, record: Record) -> Result<()> {
        if record.switched {
            return self.complete().await;
        }
        if !record.spec.may_run(Timestamp::now()) {
            return self.pause_by_schedule(false).await;
        }
        let plan = match self.service.decided_plan(&record).await {
            Ok(plan) => plan,
            Err(e) => return self.failed(&e).await,
        };
        let earlier = self.service.progress(&self.id).await?.filter(|_| !record.restart);
        let job = match self.service.job(&record).await {
            Ok(job) => job,
            Err(e) => return self.failed(&e).await,
        };
        let lanes = u32::try_from(job.options.parallelism).unwrap_or(u32::MAX);
        let board = Board::new(&plan, lanes, earlier.as_ref(), self.stall);
        let watch = Arc::new(Watch::new(Some(board), Phase::SchemaMigration));
        let gate = Arc::new(CutoverGate::new());
        let job = Job { observer: Arc::clone(&watch) as _, gate: Arc::clone(&gate) as _, ..job };
        self.service
            .change(&self.id, |record, _| {
                (record.staged, record.cutover.began_at) = (true, None);
                Ok(Change::Save((), vec![]))
            })
            .await?;
        let at_work = job.clone();
        let work = tokio::task::spawn_blocking(move || migration::run(&at_work, &plan));
        let report = self.attend(work, &job, &watch, &gate, Some(record.spec.schedule.clone())).await;
        if self.signals.lost() {
            return Ok(());
        }
        if let Err(e) = &report
            && matches!(e.code, Code::CountMismatch | Code::ContentMismatch)
        {
            let validation = Validation::of(watch.checks(), true);
            self.service
                .change(&self.id, |record, _| {
                    record.validation = Some(Validation { passed: false, ..validation.clone() });
                    Ok(Change::Save((), vec![]))
                })
                .await?;
        }
        match report {
            Ok(report) => self.switched(&report).await,
            Err(_) if self.signals.leaving() => Ok(()),
            Err(e) => {
                let now = self.service.store().record(&self.id).await?;
                match now.status {
                    Status::Pausing => self.settle((e.code != Code::Cancelled).then_some(e)).await,
                    Status::RollingBack => Ok(()),
                    Status::Pending
                    | Status::Planning
                    | Status::PlanReady
                    | Status::Approved
                    | Status::Running
                    | Status::Paused
                    | Status::Validating
                    | Status::Completed
                    | Status::Failed
                    | Status::Cancelled
                    | Status::RolledBack => self.failed(&e).await,
                }
            }
        }
    }

    /// Waits for a piece of work, and meanwhile tells how it goes and passes on what people and the schedule ask for.
    async fn attend<T>(
        &self,
        mut work: JoinHandle<Result<T>>,
        job: &Job,
        watch: &Watch,
        gate: &CutoverGate,
        schedule: Option<super::window::Schedule>,
    ) -> Result<T> {
        let mut teller = Teller::new(self, watch, job);
        let mut look = tokio::time::interval(LOOK);
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                _ = look.tick() => {}
                () = gate.asked() => {}
            }
            if self.signals.lost() {
                job.cancel.cancel();
            } else if self.signals.leaving() {
                job.stop.ask();
                if schedule.is_none() {
                    // A plan has no checkpoint.
                    job.cancel.cancel();
                }
            }
            let seen = match teller.tell(false).await {
                Ok(()) => self.service.store().record(&self.id).await,
                Err(e) => Err(e),
            };
            let record = match seen {
                Ok(record) => record,
                Err(e) => {
                    // Nothing is lost by waiting: a store that stays away takes the lease with it, and that ends the work.
                    tracing::warn!(migration = %self.id, error = %e, "the state cannot be reached; the work goes on meanwhile");
                    continue;
                }
            };
            match record.status {
                Status::Pausing if record.stop.as_ref().is_some_and(|s| s.immediate) => job.cancel.cancel(),
                Status::Pausing => {
                    job.stop.ask();
                    if watch.stopping()
                        && let Err(e) = self.hasten().await
                    {
                        tracing::warn!(migration = %self.id, error = %e, "a pause that stalls could not be hastened; trying again");
                    }
                }
                Status::RollingBack | Status::Cancelled => job.cancel.cancel(),
                Status::Running | Status::Validating => {
                    if let Some(closes) = schedule.as_ref().and_then(|s| s.closes_at(Timestamp::now()))
                        && let Err(e) = self.heed_window(closes, teller.last.as_ref()).await
                    {
                        tracing::warn!(migration = %self.id, error = %e, "the end of the window could not be heeded; trying again");
                    }
                    if gate.is_asked()
                        && let Err(e) = self.let_through(gate).await
                    {
                        tracing::warn!(migration = %self.id, error = %e, "the cutover waits for the state; trying again");
                    }
                }
                Status::Pending
                | Status::Planning
                | Status::PlanReady
                | Status::Approved
                | Status::Paused
                | Status::Completed
                | Status::Failed
                | Status::RolledBack => {}
            }
        };
        let result = result.unwrap_or_else(|_| {
            Err(Error::new(
                Code::System,
                "The migration broke down; this is a bug of Sensei. Start it again: it goes on from its ledger.",
            ))
        });
        let escalated = result.as_ref().is_err_and(|e| e.code != Code::Cancelled);
        watch.stopped(escalated);
        if !self.signals.lost() {
            teller.tell(true).await?;
        }
        result
    }

    /// Opens the gate to the cutover once the record says that it begins: whoever asked for a pause or an end before that
    /// gets it, and one that is to wait for a person waits.
    async fn let_through(&self, gate: &CutoverGate) -> Result<()> {
        let (_, begins) = self
            .service
            .change(&self.id, |record, now| match record.status {
                Status::Running | Status::Validating if record.awaits_cutover() => {
                    if record.cutover.waiting_since.is_some() {
                        return Ok(Change::Leave(false));
                    }
                    record.cutover.waiting_since = Some(now);
                    Ok(Change::Save(false, vec![Line::info(HELD)]))
                }
                Status::Running | Status::Validating => {
                    record.cutover.began_at = Some(now);
                    Ok(Change::Save(true, vec![]))
                }
                Status::Pending
                | Status::Planning
                | Status::PlanReady
                | Status::Approved
                | Status::Pausing
                | Status::Paused
                | Status::Completed
                | Status::Failed
                | Status::Cancelled
                | Status::RollingBack
                | Status::RolledBack => Ok(Change::Leave(false)),
            })
            .await?;
        if begins {
            gate.open();
        }
        Ok(())
    }

    /// Pauses before the maintenance window ends, early enough for the chunks at work.
    async fn heed_window(&self, closes: Timestamp, progress: Option<&Progress>) -> Result<()> {
        let now = Timestamp::now();
        let chunk = progress.and_then(|p| p.checkpoint_eta).map_or(SignedDuration::ZERO, |eta| eta.duration_since(now));
        let margin = WINDOW_MARGIN.max(chunk + chunk / 2);
        if now + margin >= closes { self.pause_by_schedule(true).await } else { Ok(()) }
    }

    async fn pause_by_schedule(&self, open: bool) -> Result<()> {
        self.service
            .change(&self.id, |record, now| {
                if next(record.status, Input::Pause) != Next::To(Status::Pausing) {
                    return Ok(Change::Leave(()));
                }
                let opens = record.spec.schedule.opens_at(now);
                let reason = if open {
                    "The maintenance window is about to end.".to_owned()
                } else {
                    format!("The schedule lets it run from {opens} on.")
                };
                record.apply(Input::Pause, now)?;
                record.stop = Some(Stop {
                    intent: Intent::Pause,
                    by: SCHEDULE.to_owned(),
                    reason: Some(reason.clone()),
                    immediate: false,
                    at: now,
                });
                Ok(Change::Save((), vec![Line::info(reason)]))
            })
            .await?;
        Ok(())
    }

    /// A stop at the next checkpoint becomes one at once: where nothing moves, there will be no checkpoint.
    async fn hasten(&self) -> Result<()> {
        self.service
            .change(&self.id, |record, _| {
                let Some(stop) = record.stop.as_mut().filter(|stop| record.status == Status::Pausing && !stop.immediate)
                else {
                    return Ok(Change::Leave(()));
                };
                stop.immediate = true;
                let message = format!(
                    "Nothing has moved for {} s: the connections are cut, and rows of unfinished chunks are moved again later.",
                    self.stall.as_secs()
                );
                Ok(Change::Save((), vec![Line::warning(message)]))
            })
            .await?;
        Ok(())
    }

    /// The lanes stand still: do what the stop was asked for.
    async fn settle(&self, error: Option<Error>) -> Result<()> {
        let progress = self.service.progress(&self.id).await?;
        let checkpoint = fresh_id("ckpt")?;
        self.service
            .change(&self.id, |record, now| {
                let intent = record.intent();
                if next(record.status, Input::Stopped(intent)) == Next::Refused {
                    return Ok(Change::Leave(()));
                }
                record.checkpoint = Some(Checkpoint {
                    id: checkpoint.clone(),
                    at: now,
                    records: progress.as_ref().map_or(0, |p| p.records_processed),
                    chunks: progress.as_ref().map_or(0, |p| p.chunks),
                });
                record.apply(Input::Stopped(intent), now)?;
                let mut lines: Vec<Line> = error.iter().map(|e| Line::warning(e.to_string())).collect();
                lines.push(Line::info(match intent {
                    Intent::Pause => format!("Paused at {checkpoint}."),
                    Intent::Cancel => {
                        "Cancelled. What was loaded stays in staging until the migration is deleted or rolled back."
                            .to_owned()
                    }
                }));
                Ok(Change::Save((), lines))
            })
            .await?;
        Ok(())
    }

    /// The new tables are live.
    async fn switched(&self, report: &Report) -> Result<()> {
        let tables = report.tables.iter().map(|t| TableCheck {
            source: t.source.clone(),
            target: t.target.clone(),
            source_rows: t.source_rows,
            target_rows: t.target_rows,
            content: t.content.clone(),
            witness: t.witness.clone(),
        });
        let validation = Validation::of(tables.collect(), true);
        self.service
            .change(&self.id, |record, _| {
                record.switched = true;
                record.replaced.clone_from(&report.replaced);
                record.validation = Some(validation.clone());
                Ok(Change::Save((), report.notes.iter().map(Line::info).collect()))
            })
            .await?;
        self.complete().await
    }

    /// What is left of staging goes, then the migration is completed. In this order: a server that is killed between
    /// the two does it again, and a completed migration leaves nothing behind.
    async fn complete(&self) -> Result<()> {
        let record = self.service.store().record(&self.id).await?;
        if record.status == Status::RollingBack {
            return Ok(());
        }
        let (job, plan) = (self.service.job(&record).await?, self.service.decided_plan(&record).await?);
        let tidied = tokio::task::spawn_blocking(move || migration::tidy(&job, &plan)).await;
        let tidied = tidied
            .unwrap_or_else(|_| Err(Error::new(Code::System, "Removing staging broke down; this is a bug of Sensei.")));
        self.service
            .change(&self.id, |record, now| {
                if record.status == Status::RollingBack {
                    return Ok(Change::Leave(()));
                }
                let mut lines = Vec::new();
                match &tidied {
                    Ok(()) => record.staged = false,
                    Err(e) => {
                        lines.push(Line::warning(format!("The ledger could not be removed from the target: {e}")))
                    }
                }
                record.apply(Input::Completed, now)?;
                lines.push(Line::info("Completed: every table agrees, and the new tables are live."));
                Ok(Change::Save((), lines))
            })
            .await?;
        let Some(mut progress) = self.service.progress(&self.id).await? else { return Ok(()) };
        (progress.overall_percent, progress.phase_percent) = (100.0, 100.0);
        (progress.estimated_completion, progress.checkpoint_eta) = (None, None);
        let sample = Sample { at: Timestamp::now(), data: json!(progress) };
        self.service.store().put_progress(&self.id, &sample).await?;
        self.service.store().add_sample(&self.id, &sample).await
    }

    async fn failed(&self, error: &Error) -> Result<()> {
        self.service.change(&self.id, |record, now| fail(record, error, now)).await?;
        Ok(())
    }

    pub(super) async fn append(&self, events: &[NewEvent]) -> Result<()> {
        if !events.is_empty() {
            self.service.store().append_events(&self.id, events).await?;
            self.service.feed().touch(&self.id);
        }
        Ok(())
    }

    /// A phase of the run began or ended, then.
    pub(super) async fn step(&self, step: Step, at: Timestamp) -> Result<()> {
        self.service
            .change_at(Some(at), &self.id, |record, now| {
                match step {
                    Step::Began(phase) => {
                        record.phase_began(phase, now);
                        let input = match phase {
                            Phase::Validation => Some(Input::ValidationBegan),
                            Phase::Cutover => Some(Input::CutoverBegan),
                            Phase::Planning | Phase::SchemaMigration | Phase::DataTransfer => None,
                        };
                        if let Some(input) = input.filter(|i| matches!(next(record.status, *i), Next::To(_))) {
                            record.apply(input, now)?;
                        }
                        // What an earlier run left is gone once the schema is being made.
                        record.restart &= phase != Phase::SchemaMigration;
                    }
                    Step::Ended(_) => record.phase_ended(PhaseOutcome::Completed, now),
                }
                Ok(Change::Save((), vec![]))
            })
            .await?;
        Ok(())
    }
}

pub(super) fn fail(record: &mut Record, error: &Error, now: Timestamp) -> Result<Change<()>> {
    record.apply(Input::Failed, now)?;
    record.error = Some(error.clone());
    Ok(Change::Save((), vec![Line::error(error.to_string())]))
}
