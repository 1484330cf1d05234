//! The course of one migration, the same for every command that makes one: plan, then run, shown all the way.

use std::io;
use std::sync::Arc;

use sensei_engine::connection::Connection;
use sensei_engine::error::Error;
use sensei_engine::migration::{self, Job, Options, Report, Stop};
use sensei_engine::plan::{Plan, Request};
use sensei_engine::plugin::{Cancel, Traffic};

use super::failure::{Failure, Staging};
use super::interrupt::Interrupts;
use super::progress::{Show, Style, Watch};

/// One migration on its way.
pub(super) struct Course {
    job: Job,
    watch: Watch,
    style: Style,
}

impl Course {
    pub(super) fn new(
        source: Connection,
        target: Connection,
        request: Request,
        options: Options,
        style: Style,
    ) -> Self {
        let watch = Watch::new();
        let (observer, cancel) = (watch.observer(), Cancel::default());
        let traffic = Arc::new(Traffic::default());
        let (stop, gate, restart, name, keep_ledger) = (Stop::default(), Arc::new(()), false, None, false);
        let job =
            Job { source, target, request, options, observer, traffic, cancel, stop, gate, restart, name, keep_ledger };
        Self { job, watch, style }
    }

    /// Throws away what an earlier run left.
    pub(super) fn restarting(mut self, restart: bool) -> Self {
        self.job.restart = restart;
        self
    }

    /// Reads both catalogs and says what would be done.
    pub(super) fn plan(&self) -> Result<Plan, Failure> {
        let show = self.show()?;
        let plan = migration::plan(&self.job);
        drop(show);
        Ok(plan?)
    }

    /// Does it. Ctrl-C stops it in good order.
    pub(super) fn run(&self, plan: &Plan) -> Result<Report, Failure> {
        self.watch.expect(plan);
        let interrupts = Interrupts::listen(self.job.stop.clone(), self.job.cancel.clone(), self.watch.clone())
            .map_err(|e| Failure::machine("listen for Ctrl-C", &e))?;
        let show = self.show()?;
        let report = migration::run(&self.job, plan);
        drop(show);
        drop(interrupts);
        report.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: Error) -> Failure {
        let staging = if self.watch.has_staging() { Staging::Kept } else { Staging::None };
        Failure::Engine(Box::new(error), staging)
    }

    fn show(&self) -> Result<Show, Failure> {
        self.watch.show(self.style).map_err(|e: io::Error| Failure::machine("start a thread", &e))
    }
}
