//! The order of things in one run.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use super::agreement::agree;
use super::attempts::Attempts;
use super::journal::{self, BEGUN, CUTOVER, Earlier, PLAN};
use super::staging::{self, of_stage};
use super::stop::stopped;
use super::{Job, Report, TableReport, full_name, read_back};
use crate::catalog::TableName;
use crate::error::{Code, Error, Result, Role};
use crate::event::{Event, Level, Phase};
use crate::plan::{OnExisting, Plan, Sampling};
use crate::plugin::{Cancel, Environment, Ledger, SourceSession, Stage, Statement, TargetSession};
use crate::transfer::{self, Control, TableTally, Transfer};
use crate::validate;

/// Makes the plan. Where an interrupted run's plan is found in the target, that one is returned, since
/// the rows already loaded were loaded by it.
///
/// # Errors
/// Whatever connecting, reading the catalogs or proposing reports; `plan_stale` when the source's tables are no longer those of
/// an interrupted run; `invalid_request` when `job.name` is no name.
pub fn plan(job: &Job) -> Result<Plan> {
    let name = job.name.as_deref();
    let id = crate::plan::migration_id(&job.source, &job.target, &job.request, name)?;
    let environment = job.environment(&job.cancel);
    let mut source = SourceSession::open(&job.source, environment.clone())?;
    let mut target = TargetSession::open(&job.target, environment.clone())?;
    let earlier = target.recall(&id)?.map_or(Ok(Earlier::Nothing), |ledger| Earlier::of(&ledger))?;
    let mut draft = |sampling: Option<Sampling<'_>>| {
        crate::plan::draft(&job.request, &mut source, &mut target, &job.source, &job.target, name, sampling)
    };
    match earlier {
        Earlier::CutoverBegun(plan) => Ok(*plan),
        Earlier::Begun(stored) if !job.restart => {
            // To compare with: what the values are does not matter.
            if journal::same_work(&stored, &draft(None)?) {
                Ok(*stored)
            } else {
                Err(Error::new(
                    Code::PlanStale,
                    "The source's tables, or the policies that were asked for, changed since the interrupted run began. Begin anew with `--restart`: what was loaded is thrown away.",
                )
                .role_if(Some(Role::Source)))
            }
        }
        Earlier::Begun(_) | Earlier::Nothing | Earlier::Discarding => {
            draft(Some(Sampling { environment: &environment, observer: &*job.observer }))
        }
    }
}

/// Executes a plan, going on where an interrupted run of it stopped.
///
/// What breaks and may mend (a lost connection, a lost snapshot) is tried again up to `options.attempts` times, from the ledger.
/// Until the cutover begins, `job.stop` ends it at the next safe point.
///
/// # Errors
/// The first that does not mend; `cancelled` after a stop or a cancel; `plan_stale` if rows were loaded by another plan than this.
/// What is durably in staging stays there for the next run; the target's own tables are as they were (P4).
pub fn run(job: &Job, plan: &Plan) -> Result<Report> {
    let began = Instant::now();
    let course = Course::default();
    let asked = || {
        if job.cancel.is_cancelled() {
            return Some(Error::new(
                Code::Cancelled,
                "The migration was stopped. What is loaded stays in staging: the same command goes on from there.",
            ));
        }
        course.go_on(job).err()
    };
    let report = Attempts::of(job).persist(asked, |cancel| {
        let environment = job.environment(&cancel);
        Run { job, plan, course: &course, environment, cancel, phases: Vec::new(), notes: Vec::new() }.run()
    })?;
    Ok(Report { seconds: began.elapsed().as_secs_f64(), ..report })
}

fn log(job: &Job, level: Level, message: String) {
    job.observer.observe(Event::Log { level, message });
}

/// How far a run came, whatever the number of its attempts.
#[derive(Debug, Default)]
struct Course {
    /// What an earlier run left was thrown away, as `job.restart` wants it: what is there now is this run's.
    restarted: Cell<bool>,
    /// Set once the cutover may be journalled: a stop would leave the target in its middle.
    cutover: RefCell<Option<Moved>>,
}

/// What is in the target when the cutover begins.
#[derive(Debug, Clone)]
struct Moved {
    tables: Vec<TableTally>,
    /// Whether an earlier run had begun it.
    resumed: bool,
}

impl Course {
    /// To be called at a safe point.
    ///
    /// # Errors
    /// `cancelled` once a stop was asked for.
    fn go_on(&self, job: &Job) -> Result<()> {
        if job.stop.is_asked() && self.cutover.borrow().is_none() { Err(stopped()) } else { Ok(()) }
    }
}

/// One attempt.
struct Run<'a> {
    job: &'a Job,
    plan: &'a Plan,
    course: &'a Course,
    cancel: Cancel,
    environment: Environment,
    phases: Vec<(Phase, f64)>,
    notes: Vec<String>,
}

impl Run<'_> {
    fn run(mut self) -> Result<Report> {
        self.go_on()?;
        let (mut target, mut ledger) = self.claim()?;
        let statements = staging::render(&mut target, self.plan)?;
        let restart = self.job.restart && !self.course.restarted.get() && !ledger.journal.is_empty();
        if restart || matches!(Earlier::of(&ledger)?, Earlier::Discarding) {
            staging::throw_away(&mut target, &*self.job.observer, self.plan, &statements)?;
            // The claim went with the ledger: take it anew.
            drop(target);
            (target, ledger) = self.claim()?;
        }
        self.course.restarted.set(true);
        let resumed = match Earlier::of(&ledger)? {
            Earlier::CutoverBegun(_) => return self.finish(&mut target, &ledger, &statements),
            Earlier::Begun(stored) => {
                self.is_of_this_plan(&stored)?;
                // The mark that the last attempt tried to make did not become durable.
                self.course.cutover.replace(None);
                self.note(
                    Level::Info,
                    format!("Going on with an interrupted run: {} chunks are already there.", ledger.chunks.len()),
                );
                true
            }
            Earlier::Nothing | Earlier::Discarding => {
                let finished = self.course.cutover.take();
                if let Some(moved) = finished {
                    // The last attempt did everything, and only the answer to its last statement was lost.
                    self.remove(&mut target, &statements)?;
                    return self.report(moved, &mut target);
                }
                let json = serde_json::to_string(self.plan).map_err(|e| transfer::journal_damaged(PLAN, &e))?;
                target.note(&self.plan.migration, PLAN, &json)?;
                false
            }
        };
        self.phase(Phase::SchemaMigration, |run| {
            let prepare = of_stage(&statements, Stage::Prepare);
            run.execute_all(&mut target, &prepare)
        })?;
        let mut tables =
            self.phase(Phase::DataTransfer, |run| run.transfer(&mut target, &ledger, &statements, resumed))?;
        self.phase(Phase::Validation, |run| agree(run.job, run.plan, &run.environment, &mut target, &mut tables))?;
        let moved = Moved { tables, resumed };
        self.phase(Phase::Cutover, |run| {
            run.execute_all(&mut target, &of_stage(&statements, Stage::CompleteAll))?;
            read_back::agree(run.job, run.plan, &mut target)?;
            run.job.gate.pass(&run.job.stop, &run.cancel)?;
            // From here there is only forward. Before the mark is made: it may be there although its answer is lost.
            run.course.cutover.replace(Some(moved.clone()));
            target.note(&run.plan.migration, CUTOVER, BEGUN)?;
            run.cut_over(&mut target, &statements)
        })?;
        self.report(moved, &mut target)
    }

    /// The cutover of an earlier run, or of an earlier attempt.
    fn finish(mut self, target: &mut TargetSession, ledger: &Ledger, statements: &[Statement]) -> Result<Report> {
        self.note(
            Level::Info,
            "An interrupted run had moved and compared everything; only its cutover is left.".into(),
        );
        let earlier = || Moved { tables: self.tallies_of(ledger), resumed: true };
        let moved = self.course.cutover.borrow_mut().get_or_insert_with(earlier).clone();
        self.phase(Phase::Cutover, |run| run.cut_over(target, statements))?;
        self.report(moved, target)
    }

    /// Rows that another plan loaded would be mixed with this one's.
    fn is_of_this_plan(&self, stored: &Plan) -> Result<()> {
        if journal::same_work(stored, self.plan) {
            return Ok(());
        }
        Err(Error::new(
            Code::PlanStale,
            "The plan changed since the interrupted run began, and its rows were loaded by the plan of then. Begin anew with `--restart`: what was loaded is thrown away.",
        ))
    }

    fn go_on(&self) -> Result<()> {
        self.course.go_on(self.job)
    }

    fn note(&mut self, level: Level, message: String) {
        self.notes.push(message.clone());
        log(self.job, level, message);
    }

    fn phase<T>(&mut self, phase: Phase, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.go_on()?;
        self.job.observer.observe(Event::PhaseStarted { phase });
        let began = Instant::now();
        let result = work(self)?;
        let seconds = began.elapsed().as_secs_f64();
        self.job.observer.observe(Event::PhaseFinished { phase, seconds });
        self.phases.push((phase, seconds));
        Ok(result)
    }

    fn claim(&self) -> Result<(TargetSession, Ledger)> {
        staging::claim(self.job, &self.plan.migration, &self.environment, || self.go_on())
    }

    fn execute_all(&self, target: &mut TargetSession, statements: &[Statement]) -> Result<()> {
        for statement in statements {
            self.go_on()?;
            let one = std::slice::from_ref(statement);
            transfer::execute(target, &*self.job.observer, &self.plan.migration, one, &statement.label)?;
        }
        Ok(())
    }

    /// Staging to live in one step, then staging and ledger away, unless the caller does that. Doing it again is a success.
    fn cut_over(&self, target: &mut TargetSession, statements: &[Statement]) -> Result<()> {
        let cutover = of_stage(statements, Stage::Cutover);
        transfer::execute(target, &*self.job.observer, &self.plan.migration, &cutover, "cutover")?;
        if self.job.keep_ledger { Ok(()) } else { self.remove(target, statements) }
    }

    fn remove(&self, target: &mut TargetSession, statements: &[Statement]) -> Result<()> {
        staging::remove(target, &*self.job.observer, self.plan, statements, "removing staging and ledger")
    }

    /// What an earlier run moved, from its receipts.
    fn tallies_of(&self, ledger: &Ledger) -> Vec<TableTally> {
        let receipts = |t: &crate::plan::TablePlan| {
            let of_table = ledger.chunks.iter().filter(|r| r.table == t.target.name);
            of_table.fold((0, 0), |(chunks, rows), r| (chunks + 1, rows + r.rows))
        };
        self.plan.tables.iter().map(receipts).map(|(chunks, rows)| TableTally::earlier(chunks, rows)).collect()
    }

    fn transfer(
        &mut self,
        target: &mut TargetSession,
        ledger: &Ledger,
        statements: &[Statement],
        resumed: bool,
    ) -> Result<Vec<TableTally>> {
        let mut source = SourceSession::open(&self.job.source, self.environment.clone())?;
        let snapshot = source.freeze()?;
        if !snapshot.consistent {
            let why = snapshot.note.clone().unwrap_or_default();
            self.note(
                Level::Warning,
                format!("The source is not read at one moment: rows that change meanwhile may be mixed. {why}"),
            );
        }
        if resumed && !ledger.chunks.is_empty() {
            self.note(
                Level::Warning,
                "Chunks of the interrupted run come from an earlier snapshot of the source; if it changed in between, begin anew with `--restart`.".into(),
            );
        }
        let transfer = Transfer {
            source: &self.job.source,
            target: &self.job.target,
            plan: self.plan,
            options: &self.job.options,
            statements,
            observer: &*self.job.observer,
            environment: self.environment.clone(),
            cancel: self.cancel.clone(),
            stop: &self.job.stop,
            snapshot: snapshot.token,
            digested: self
                .job
                .options
                .validation
                .percent()
                .filter(|_| validate::unreadable(&self.job.target).is_none()),
        };
        let lanes = (0..transfer.lanes())
            .map(|_| {
                self.go_on()?;
                let mut session = SourceSession::open(&self.job.source, self.environment.clone())?;
                session.join(&transfer.snapshot)?;
                Ok(session)
            })
            .collect::<Result<Vec<_>>>()?;
        source.thaw()?;
        transfer::run(&transfer, Control { source: &mut source, target, ledger }, lanes)
    }

    fn report(self, moved: Moved, target: &mut TargetSession) -> Result<Report> {
        let mut notes = self.notes;
        let mut replaced = Vec::new();
        if let Some(kept) = staging::kept(self.plan) {
            let names: Vec<TableName> = self.plan.tables.iter().map(|table| table.target.name.clone()).collect();
            replaced = target.kept(&self.plan.migration, &names)?;
            if !replaced.is_empty() {
                let what = match self.plan.request.on_existing {
                    OnExisting::Append => "Copies of the rows that were added",
                    OnExisting::Fail | OnExisting::Replace => "Tables that were replaced",
                };
                notes.push(format!("{what} are kept under `{kept}`; drop them when you need no way back any more."));
            }
        }
        let tables = self
            .plan
            .tables
            .iter()
            .zip(moved.tables)
            .map(|(plan, tally)| TableReport {
                source: full_name(&plan.source),
                target: full_name(&plan.target.name),
                source_rows: tally.source_rows.unwrap_or(tally.rows_durable),
                target_rows: tally.target_rows.unwrap_or(tally.rows_durable),
                chunks: tally.chunks,
                chunks_resumed: tally.chunks_resumed,
                bytes: tally.bytes,
                seconds: tally.seconds(),
                content: tally.content,
                witness: tally.witness,
            })
            .collect();
        Ok(Report {
            migration: self.plan.migration.clone(),
            source: self.job.source.label().to_owned(),
            target: self.job.target.label().to_owned(),
            resumed: moved.resumed,
            tables,
            phases: self.phases,
            seconds: 0.0,
            replaced,
            notes,
        })
    }
}
