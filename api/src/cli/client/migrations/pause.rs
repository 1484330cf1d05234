//! `sensei migrations pause`.

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::words::spaced;
use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, id, moment};
use crate::cli::failure::Failure;

/// What to pause, and how.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
    /// Why; kept in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not finish what is on its way: it is done again when the migration resumes
    #[arg(long)]
    immediate: bool,
}

/// What came of it.
#[derive(Debug, Deserialize)]
struct Pausing {
    id: String,
    status: String,
    message: Option<String>,
    checkpoint_eta: Option<String>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let Self { id, reason, immediate } = self;
        let how = json!({"reason": reason, "immediate": immediate});
        let answer = session.server.post(&["migrations", id, "pause"], how.to_string()).await?;
        session.reply(answer, text)
    }
}

fn text(pausing: &Pausing) -> String {
    let Pausing { id, status, message, checkpoint_eta } = pausing;
    let expected = checkpoint_eta.as_deref().map(moment::shown_utc);
    super::changed(id, message.as_deref(), [("status", Some(spaced(status))), ("expected", expected)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_says_when() {
        let pausing = r#"{"id": "mig_1", "status": "pausing", "message": "Migration will pause at next checkpoint",
            "checkpoint_eta": "2026-02-02T17:15:00Z"}"#;
        assert_eq!(
            text(&serde_json::from_str(pausing).expect("an answer")),
            "mig_1: Migration will pause at next checkpoint\n  status    pausing\n  expected  2026-02-02 17:15:00 UTC\n"
        );
    }
}
