//! `sensei migrations start`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Deserialize;
use serde_json::{Value, json};

use super::words::{PHASES, spaced};
use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, facts, id, moment, outline};
use crate::cli::failure::Failure;

/// What to start, and how.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
    /// Start although mappings wait for a person: they are taken as they are proposed
    #[arg(long)]
    skip_approval: bool,
    /// Begin with this phase; what is before it has been done already
    #[arg(long = "from-phase", value_name = "PHASE", value_parser = PossibleValuesParser::new(PHASES))]
    from_phase: Option<String>,
    /// Try everything that can be tried without a change, and report what would go wrong
    #[arg(long)]
    dry_run: bool,
}

/// What came of it.
#[derive(Debug, Deserialize)]
struct Started {
    id: String,
    status: String,
    phase: Option<String>,
    started_at: Option<String>,
    message: Option<String>,
    /// What a dry run found.
    dry_run: Option<Value>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let Self { id, skip_approval, from_phase, dry_run } = self;
        let how = json!({"skip_approval": skip_approval, "start_from_phase": from_phase, "dry_run": dry_run});
        let answer = session.server.post(&["migrations", id, "start"], how.to_string()).await?;
        session.reply(answer, |started| text(started, session.output.width()))
    }
}

fn text(started: &Started, width: u16) -> String {
    let Started { id, status, phase, started_at, message, dry_run } = started;
    let mut text = super::changed(
        id,
        message.as_deref(),
        [
            ("status", facts::joined([Some(spaced(status)), phase.as_deref().map(spaced)])),
            ("started", started_at.as_deref().map(moment::shown_utc)),
        ],
    );
    if let Some(found) = dry_run.as_ref().and_then(Value::as_object) {
        text += &format!("\n{}", outline::text(found, width));
    } else {
        text += &format!("\nTo watch it: sensei migrations logs {id} --follow\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        text(&serde_json::from_str(json).expect("an answer"), 100)
    }

    #[test]
    fn a_start_says_how_to_watch() {
        insta::assert_snapshot!(shown(
            r#"{"id": "mig_abc123def456", "status": "running", "phase": "schema_migration",
                "started_at": "2026-02-02T16:00:00Z", "message": "Migration started successfully"}"#
        ));
    }

    #[test]
    fn a_dry_run_says_what_it_found() {
        insta::assert_snapshot!(shown(
            r#"{"id": "mig_1", "status": "approved", "phase": null, "started_at": null,
                "message": "Dry run finished: nothing was written",
                "dry_run": {"statements": 12, "tables": [{"table": "orders", "rows_sampled": 100, "rejects": 2}]}}"#
        ));
    }
}
