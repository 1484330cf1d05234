//! `sensei migrations get`.

use clap::Args;
use serde::Deserialize;

use super::words::spaced;
use crate::cli::client::reply::Reply;
use crate::cli::client::server::Query;
use crate::cli::client::{Session, facts, id, moment};
use crate::cli::failure::Failure;
use crate::cli::format::{count, seconds};
use crate::cli::screen::{Column, table};

/// Which migration.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
}

/// How a migration stands.
#[derive(Debug, Deserialize)]
struct Migration {
    id: String,
    name: String,
    status: String,
    phase: Option<String>,
    progress: Option<Progress>,
    metrics: Option<Metrics>,
    timing: Option<Timing>,
    /// How far its cutover is.
    cutover: Option<Cutover>,
    /// Why it failed.
    error: Option<Trouble>,
}

#[derive(Debug, Deserialize)]
struct Cutover {
    /// Why it waits.
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Progress {
    overall_percent: Option<f64>,
    #[serde(default)]
    phases: Vec<Phase>,
}

#[derive(Debug, Deserialize)]
struct Phase {
    name: String,
    status: String,
    duration_seconds: Option<f64>,
    progress_percent: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Metrics {
    records_processed: Option<u64>,
    records_total: Option<u64>,
    bytes_transferred: Option<String>,
    throughput_records_per_second: Option<f64>,
    errors_recovered: Option<u64>,
    errors_escalated: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Timing {
    created_at: Option<String>,
    started_at: Option<String>,
    estimated_completion: Option<String>,
    elapsed_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Trouble {
    code: Option<String>,
    message: String,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.get(&["migrations", &self.id], &Query::new()).await?;
        session.reply(answer, |migration| text(migration, session.output.width()))
    }
}

fn text(migration: &Migration, width: u16) -> String {
    let Migration { id, name, status, phase, progress, metrics, timing, cutover, error } = migration;
    let percent = progress.as_ref().and_then(|p| p.overall_percent).map(|percent| format!("{percent:.0} %"));
    let mut facts = vec![("status", facts::joined([Some(spaced(status)), phase.as_deref().map(spaced), percent]))];
    facts.push(("cutover", cutover.as_ref().and_then(|c| c.reason.clone())));
    facts.push(("error", error.as_ref().map(Trouble::text)));
    if let Some(metrics) = metrics {
        facts.extend([("rows", metrics.rows()), ("errors", metrics.errors())]);
    }
    if let Some(timing) = timing {
        let elapsed = timing.elapsed_seconds.map(|time| format!("at work for {}", seconds(time)));
        let utc = |moment: &Option<String>| moment.as_deref().map(moment::shown_utc);
        facts.extend([
            ("created", utc(&timing.created_at)),
            ("started", utc(&timing.started_at).and_then(|started| facts::joined([Some(started), elapsed]))),
            ("expected", utc(&timing.estimated_completion)),
        ]);
    }
    let mut text = format!("{name} ({id})\n{}", facts::lines(facts));
    let phases = progress.as_ref().map(|p| p.phases.as_slice()).unwrap_or_default();
    if !phases.is_empty() {
        text += &format!("\n{}", table(&PHASE_COLUMNS, phases.iter().map(Phase::row), width));
    }
    text
}

const PHASE_COLUMNS: [Column<'_>; 3] = [Column::Left("phase"), Column::Left("status"), Column::Right("time or part")];

impl Phase {
    fn row(&self) -> Vec<String> {
        let part = self.progress_percent.map(|percent| format!("{percent:.0} %"));
        let part = self.duration_seconds.map(seconds).or(part);
        vec![spaced(&self.name), spaced(&self.status), part.unwrap_or_default()]
    }
}

impl Metrics {
    fn rows(&self) -> Option<String> {
        let done = self.records_processed?;
        let of = self.records_total.map(|total| format!(" of {}", count(total))).unwrap_or_default();
        let rate = self.throughput_records_per_second.map(|rate| format!("{} rows/s", whole(rate)));
        facts::joined([Some(format!("{}{of}", count(done))), self.bytes_transferred.clone(), rate])
    }

    fn errors(&self) -> Option<String> {
        let recovered = self.errors_recovered.map(|errors| format!("{} recovered", count(errors)));
        facts::joined([recovered, self.errors_escalated.map(|errors| format!("{} escalated", count(errors)))])
    }
}

impl Trouble {
    fn text(&self) -> String {
        let code = self.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
        format!("{}{code}", self.message)
    }
}

/// A number without its fraction.
pub(super) fn whole(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
    count(number.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_migration() {
        let migration = r#"{
            "id": "mig_abc123def456", "name": "Q1 Database Modernization", "status": "running",
            "phase": "data_transfer",
            "progress": {
                "overall_percent": 67, "current_phase": "data_transfer",
                "phases": [
                    {"name": "planning", "status": "completed", "duration_seconds": 847},
                    {"name": "schema_migration", "status": "completed", "duration_seconds": 124},
                    {"name": "data_transfer", "status": "running", "progress_percent": 78},
                    {"name": "validation", "status": "pending"},
                    {"name": "cutover", "status": "pending"}
                ]
            },
            "metrics": {
                "records_processed": 12453891, "records_total": 18500000, "bytes_transferred": "47.2 GB",
                "throughput_records_per_second": 8234, "errors_recovered": 127, "errors_escalated": 0
            },
            "timing": {
                "created_at": "2026-02-02T15:30:00Z", "started_at": "2026-02-02T16:00:00Z",
                "estimated_completion": "2026-02-02T18:30:00Z", "elapsed_seconds": 5400
            }
        }"#;
        insta::assert_snapshot!(text(&serde_json::from_str(migration).expect("a migration"), 100));
    }

    #[test]
    fn a_migration_that_failed_at_once() {
        let migration = r#"{
            "id": "mig_1", "name": "a", "status": "failed", "phase": null, "progress": null, "metrics": null,
            "timing": {"created_at": "2026-02-02T15:30:00Z", "started_at": null},
            "error": {"code": "source_unreachable", "message": "Nobody listens at host:1234."}
        }"#;
        insta::assert_snapshot!(text(&serde_json::from_str(migration).expect("a migration"), 100));
    }
}
