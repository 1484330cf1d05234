//! Carries what a watch saw into the store: phases, lines of the log, progress, samples of the history.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;

use super::drive::Driver;
use super::machine::Machine;
use super::progress::Progress;
use super::watch::{Told, Watch};
use crate::error::Result;
use crate::event::{Level, Phase};
use crate::migration::Job;
use crate::store::{EventKind, NewEvent, Sample};

/// How often progress is told. 1 s: what people see as live.
const TELL: Duration = Duration::from_secs(1);
/// How often a sample goes into the history of metrics. 10 s: 360 of an hour.
const SAMPLE: Duration = Duration::from_secs(10);

/// Carries what a watch saw into the store.
pub(super) struct Teller<'a> {
    driver: &'a Driver,
    watch: &'a Watch,
    job: &'a Job,
    machine: Machine,
    told: Option<Instant>,
    sampled: Option<Instant>,
    pub(super) last: Option<Progress>,
    /// Seen, and not yet stored.
    waiting: VecDeque<Told>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(driver: &'a Driver, watch: &'a Watch, job: &'a Job) -> Self {
        let machine = Machine::new();
        Self { driver, watch, job, machine, told: None, sampled: None, last: None, waiting: VecDeque::new() }
    }

    /// Once in a while, or now.
    ///
    /// # Errors
    /// What the store reports. What it did not take is told the next time.
    pub(super) async fn tell(&mut self, at_the_end: bool) -> Result<()> {
        self.waiting.extend(self.watch.take());
        self.tell_waiting().await?;
        let now = Instant::now();
        let due =
            |last: Option<Instant>, every: Duration| at_the_end || last.is_none_or(|l| now.duration_since(l) >= every);
        if due(self.told, TELL) {
            self.told = Some(now);
            let usage = self.machine.look();
            let network = self.job.traffic.received() + self.job.traffic.sent();
            if let Some(progress) = self.watch.figures(usage, network, self.machine.link_bytes) {
                let sample = Sample { at: Timestamp::now(), data: json!(progress) };
                self.driver.service.store().put_progress(&self.driver.id, &sample).await?;
                if due(self.sampled, SAMPLE) {
                    self.sampled = Some(now);
                    self.driver.service.store().add_sample(&self.driver.id, &sample).await?;
                }
                let moved = |p: &Progress| (p.records_processed, p.overall_percent.to_bits());
                if self.last.as_ref().map(moved) != Some(moved(&progress)) {
                    self.driver.append(&[progress_event(&progress, self.watch.phase(), sample.at)]).await?;
                }
                self.last = Some(progress);
            }
        }
        Ok(())
    }

    /// Lines and phases, in the order in which they came.
    async fn tell_waiting(&mut self) -> Result<()> {
        loop {
            let lines: Vec<NewEvent> = self
                .waiting
                .iter()
                .map_while(|told| match told {
                    Told::Line(line) => Some(line.clone()),
                    Told::Step(..) => None,
                })
                .collect();
            self.driver.append(&lines).await?;
            self.waiting.drain(..lines.len());
            let Some(Told::Step(step, at)) = self.waiting.front() else { return Ok(()) };
            self.driver.step(*step, *at).await?;
            self.waiting.pop_front();
        }
    }
}

fn progress_event(progress: &Progress, phase: Option<Phase>, at: Timestamp) -> NewEvent {
    let data = json!({
        "timestamp": at,
        "phase": phase,
        "percent": progress.phase_percent.round(),
        "overall_percent": progress.overall_percent.round(),
        "records_processed": progress.records_processed,
        "records_total": progress.records_total,
        "records_per_second": progress.records_per_second.round(),
        "estimated_completion": progress.estimated_completion,
    });
    NewEvent { at, kind: EventKind::Progress, level: Level::Info, phase, data }
}
