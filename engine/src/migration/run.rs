//! The order of things in one run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Job, Report, TableReport};
use crate::error::{Code, Error, Result, Retry, Role};
use crate::event::{Event, Level, Phase};
use crate::plan::{OnExisting, Plan, Sampling};
use crate::plugin::{Cancel, Environment, Ledger, SourceSession, Stage, Statement, TargetSession};
use crate::transfer::{self, Control, TableTally, Transfer};

/// Journal entry that holds the plan.
const PLAN: &str = "plan";
/// Journal entry that is there once the cutover may have happened: everything before it is done and agreed, and staging
/// may be empty already.
const CUTOVER: &str = "cutover";
/// How long a claim that another session holds is waited for: a killed run's session needs a moment to be noticed by
/// its server.
const CLAIM_PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two tries to claim.
const CLAIM_PAUSE: Duration = Duration::from_millis(500);
/// Pause before a whole run is begun again from its ledger; doubled each time.
const RUN_PAUSE: Duration = Duration::from_secs(1);

/// Makes the plan. Where an interrupted run's plan is found in the target, that one is returned, since
/// the rows already loaded were loaded by it.
///
/// # Errors
/// Whatever connecting, reading the catalogs or proposing reports; `plan_stale` when the source's tables are no longer those of
/// an interrupted run.
pub fn plan(job: &Job) -> Result<Plan> {
    let environment = environment(job, &job.cancel);
    let mut source = SourceSession::open(&job.source, environment.clone())?;
    let mut target = TargetSession::open(&job.target, environment.clone())?;
    let id = crate::plan::migration_id(&job.source, &job.target, &job.request);
    let earlier = target.recall(&id)?.map(|ledger| stored_plan(&ledger)).transpose()?.flatten();
    match earlier {
        Some((plan, true)) => Ok(plan),
        Some((stored, false)) if !job.restart => {
            // To compare with: what the values are does not matter.
            let fresh = crate::plan::draft(&job.request, &mut source, &mut target, &job.source, &job.target, None)?;
            if same_work(&stored, &fresh) {
                Ok(stored)
            } else {
                Err(Error::new(
                    Code::PlanStale,
                    "The source's tables changed since the interrupted run began. Begin anew with `--restart`: what was loaded is thrown away.",
                )
                .role_if(Some(Role::Source)))
            }
        }
        Some(_) | None => {
            let sampling = Some(Sampling { environment: &environment, observer: &*job.observer });
            crate::plan::draft(&job.request, &mut source, &mut target, &job.source, &job.target, sampling)
        }
    }
}

/// Whether an interrupted run can go on under the fresh plan: estimates may differ, the work may not.
fn same_work(stored: &Plan, fresh: &Plan) -> bool {
    let work = |plan: &Plan| {
        plan.tables
            .iter()
            .map(|t| {
                let mut target = t.target.clone();
                (target.rows, target.bytes) = (0, 0);
                target.columns.iter_mut().filter_map(|c| c.identity.as_mut()).for_each(|i| i.next = None);
                let mappings: Vec<_> =
                    t.mappings.iter().map(|m| (m.source_column.clone(), m.transformation.clone())).collect();
                (t.source.clone(), target, mappings, t.row_schema.clone())
            })
            .collect::<Vec<_>>()
    };
    work(stored) == work(fresh)
}

/// The plan in a ledger's journal, and whether its cutover had begun.
fn stored_plan(ledger: &Ledger) -> Result<Option<(Plan, bool)>> {
    let Some((_, json)) = ledger.journal.iter().find(|(key, _)| key == PLAN) else { return Ok(None) };
    let plan: Plan = serde_json::from_str(json).map_err(|e| transfer::journal_damaged(PLAN, &e))?;
    Ok(Some((plan, ledger.journal.iter().any(|(key, _)| key == CUTOVER))))
}

/// Executes a plan, going on where an interrupted run of it stopped.
///
/// What breaks and may mend (a lost connection, a lost snapshot) is tried again up to `options.attempts` times, from the ledger.
///
/// # Errors
/// The first that does not mend. What is durably in staging stays there for the next run; the target's
/// own tables are as they were (P4).
pub fn run(job: &Job, plan: &Plan) -> Result<Report> {
    let began = Instant::now();
    let mut attempt = 1;
    loop {
        // Each attempt has a switch of its own: a failing lane stops its fellows with it, not the job.
        let cancel = job.cancel.child();
        match (Run { job, plan, environment: environment(job, &cancel), cancel, phases: Vec::new(), notes: Vec::new() })
            .run()
        {
            Ok(report) => return Ok(Report { seconds: began.elapsed().as_secs_f64(), ..report }),
            Err(_) if job.cancel.is_cancelled() => {
                return Err(Error::new(
                    Code::Cancelled,
                    "The migration was stopped. What is loaded stays in staging: the same command goes on from there.",
                ));
            }
            Err(e) if e.code.retry() == Retry::Later && attempt < job.options.attempts => {
                let pause = RUN_PAUSE * (1 << (attempt - 1).min(5));
                log(
                    job,
                    Level::Warning,
                    format!("{e} Trying again in {} s, from what is already durable.", pause.as_secs()),
                );
                sleep(pause, &job.cancel);
                attempt += 1;
            }
            Err(e) => return Err(e),
        }
    }
}

fn log(job: &Job, level: Level, message: String) {
    job.observer.observe(Event::Log { level, message });
}

fn sleep(pause: Duration, cancel: &Cancel) {
    let until = Instant::now() + pause;
    while Instant::now() < until && !cancel.is_cancelled() {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn environment(job: &Job, cancel: &Cancel) -> Environment {
    let observer = Arc::clone(&job.observer);
    Environment {
        cancel: cancel.clone(),
        traffic: Arc::clone(&job.traffic),
        log: Arc::new(move |level, message| {
            let level = match level {
                tracing::Level::ERROR => Level::Error,
                tracing::Level::WARN => Level::Warning,
                tracing::Level::INFO => Level::Info,
                _ => Level::Debug,
            };
            observer.observe(Event::Log { level, message: message.to_owned() });
        }),
    }
}

/// One attempt.
struct Run<'a> {
    job: &'a Job,
    plan: &'a Plan,
    cancel: Cancel,
    environment: Environment,
    phases: Vec<(Phase, f64)>,
    notes: Vec<String>,
}

impl Run<'_> {
    fn run(mut self) -> Result<Report> {
        let mut target = TargetSession::open(&self.job.target, self.environment.clone())?;
        let mut ledger = self.claim(&mut target)?;
        let statements = self.render(&mut target)?;
        if self.job.restart && !ledger.journal.is_empty() {
            let discard: Vec<Statement> = of_stage(&statements, Stage::Discard);
            transfer::execute(
                &mut target,
                &*self.job.observer,
                &self.plan.migration,
                &discard,
                "throwing away the interrupted run",
            )?;
            // The claim went with the ledger: take it anew.
            drop(target);
            target = TargetSession::open(&self.job.target, self.environment.clone())?;
            ledger = self.claim(&mut target)?;
        }
        let stored = stored_plan(&ledger)?;
        let resumed = stored.is_some();
        if let Some((_, true)) = stored {
            self.note(
                Level::Info,
                "An interrupted run had moved and compared everything; only its cutover is left.".into(),
            );
            self.phase(Phase::Cutover, |run| run.cut_over(&mut target, &statements))?;
            let tables = self.tallies_of(&ledger);
            return Ok(self.report(tables, true));
        }
        if resumed {
            self.note(
                Level::Info,
                format!("Going on with an interrupted run: {} chunks are already there.", ledger.chunks.len()),
            );
        } else {
            let json = serde_json::to_string(self.plan).map_err(|e| transfer::journal_damaged(PLAN, &e))?;
            target.note(&self.plan.migration, PLAN, &json)?;
        }
        self.phase(Phase::SchemaMigration, |run| {
            let prepare = of_stage(&statements, Stage::Prepare);
            run.execute_all(&mut target, &prepare)
        })?;
        let tables = self.phase(Phase::DataTransfer, |run| run.transfer(&mut target, &ledger, &statements, resumed))?;
        self.phase(Phase::Validation, |run| run.compare_counts(&tables))?;
        self.phase(Phase::Cutover, |run| {
            run.execute_all(&mut target, &of_stage(&statements, Stage::CompleteAll))?;
            target.note(&run.plan.migration, CUTOVER, "begun")?;
            run.cut_over(&mut target, &statements)
        })?;
        Ok(self.report(tables, resumed))
    }

    fn note(&mut self, level: Level, message: String) {
        self.notes.push(message.clone());
        log(self.job, level, message);
    }

    fn phase<T>(&mut self, phase: Phase, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.job.observer.observe(Event::PhaseStarted { phase });
        let began = Instant::now();
        let result = work(self)?;
        let seconds = began.elapsed().as_secs_f64();
        self.job.observer.observe(Event::PhaseFinished { phase, seconds });
        self.phases.push((phase, seconds));
        Ok(result)
    }

    fn claim(&self, target: &mut TargetSession) -> Result<Ledger> {
        let deadline = Instant::now() + CLAIM_PATIENCE;
        loop {
            match target.claim(&self.plan.migration) {
                Err(e) if e.code == Code::Conflict && Instant::now() < deadline && !self.cancel.is_cancelled() => {
                    sleep(CLAIM_PAUSE, &self.cancel);
                    // A session whose call failed is not used again.
                    *target = TargetSession::open(&self.job.target, self.environment.clone())?;
                }
                other => return other,
            }
        }
    }

    fn render(&self, target: &mut TargetSession) -> Result<Vec<Statement>> {
        target.render(&self.plan.job())
    }

    fn execute_all(&self, target: &mut TargetSession, statements: &[Statement]) -> Result<()> {
        for statement in statements {
            let one = std::slice::from_ref(statement);
            transfer::execute(target, &*self.job.observer, &self.plan.migration, one, &statement.label)?;
        }
        Ok(())
    }

    /// Staging to live in one step, then staging and ledger away. Doing it again is a success.
    fn cut_over(&self, target: &mut TargetSession, statements: &[Statement]) -> Result<()> {
        let cutover = of_stage(statements, Stage::Cutover);
        transfer::execute(target, &*self.job.observer, &self.plan.migration, &cutover, "cutover")?;
        self.discard(target, statements)
    }

    /// What an earlier run moved, from its receipts.
    fn tallies_of(&self, ledger: &Ledger) -> Vec<TableTally> {
        let receipts = |t: &crate::plan::TablePlan| {
            let of_table = ledger.chunks.iter().filter(|r| r.table == t.target.name);
            of_table.fold((0, 0), |(chunks, rows), r| (chunks + 1, rows + r.rows))
        };
        self.plan.tables.iter().map(receipts).map(|(chunks, rows)| TableTally::earlier(chunks, rows)).collect()
    }

    fn discard(&self, target: &mut TargetSession, statements: &[Statement]) -> Result<()> {
        let discard = of_stage(statements, Stage::Discard);
        transfer::execute(target, &*self.job.observer, &self.plan.migration, &discard, "removing staging and ledger")
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
            snapshot: snapshot.token,
        };
        let lanes = (0..transfer.lanes())
            .map(|_| {
                let mut session = SourceSession::open(&self.job.source, self.environment.clone())?;
                session.join(&transfer.snapshot)?;
                Ok(session)
            })
            .collect::<Result<Vec<_>>>()?;
        source.thaw()?;
        transfer::run(&transfer, Control { source: &mut source, target, ledger }, lanes)
    }

    /// Rows of the source, rows the ledger has, rows of the target: all three must agree (P3).
    fn compare_counts(&self, tallies: &[TableTally]) -> Result<()> {
        let mut wrong = Vec::new();
        for (table, tally) in self.plan.tables.iter().zip(tallies) {
            let (source, target) = (tally.source_rows, tally.target_rows);
            if source != target || source != Some(tally.rows_durable) {
                let figure = |n: Option<u64>| n.map_or_else(|| "uncounted".to_owned(), |n| n.to_string());
                wrong.push(format!(
                    "{}: source {}, moved {}, target {}",
                    table.target.name.name,
                    figure(source),
                    tally.rows_durable,
                    figure(target)
                ));
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            Code::CountMismatch,
            format!(
                "Rows do not agree ({}). Nothing was switched over. If the source changed while it was read, stop its writers and begin anew with `--restart`.",
                wrong.join("; ")
            ),
        ))
    }

    fn report(self, tallies: Vec<TableTally>, resumed: bool) -> Report {
        let replaced = self.plan.request.on_existing == OnExisting::Replace;
        let mut notes = self.notes;
        if replaced {
            notes.push(format!(
                "Tables that were replaced are kept under `sensei_old_{}`; drop them when you no longer need them.",
                self.plan.migration
            ));
        }
        let tables = self
            .plan
            .tables
            .iter()
            .zip(tallies)
            .map(|(plan, tally)| TableReport {
                source: qualified(&plan.source),
                target: qualified(&plan.target.name),
                source_rows: tally.source_rows.unwrap_or(tally.rows_durable),
                target_rows: tally.target_rows.unwrap_or(tally.rows_durable),
                chunks: tally.chunks,
                chunks_resumed: tally.chunks_resumed,
                bytes: tally.bytes,
                seconds: tally.seconds(),
            })
            .collect();
        Report {
            migration: self.plan.migration.clone(),
            source: self.job.source.label().to_owned(),
            target: self.job.target.label().to_owned(),
            resumed,
            tables,
            phases: self.phases,
            seconds: 0.0,
            notes,
        }
    }
}

fn of_stage(statements: &[Statement], stage: Stage) -> Vec<Statement> {
    statements.iter().filter(|s| s.stage == stage).cloned().collect()
}

fn qualified(name: &crate::catalog::TableName) -> String {
    if name.schema.is_empty() { name.name.clone() } else { format!("{}.{}", name.schema, name.name) }
}
