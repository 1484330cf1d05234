//! `sensei migrations cancel`.

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::words::spaced;
use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, id};
use crate::cli::failure::Failure;

/// What ends, and how.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
    /// Why; kept in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Undo what was done in the target
    #[arg(long)]
    rollback: bool,
    /// Wait for nothing that is on its way
    #[arg(long)]
    force: bool,
}

/// What came of it.
#[derive(Debug, Deserialize)]
struct Cancelling {
    id: String,
    status: String,
    rollback_status: Option<String>,
    message: Option<String>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let Self { id, reason, rollback, force } = self;
        let how = json!({"reason": reason, "rollback": rollback, "force": force});
        let answer = session.server.post(&["migrations", id, "cancel"], how.to_string()).await?;
        session.reply(answer, text)
    }
}

fn text(cancelling: &Cancelling) -> String {
    let Cancelling { id, status, rollback_status, message } = cancelling;
    let rollback = rollback_status.as_deref().map(spaced);
    super::changed(id, message.as_deref(), [("status", Some(spaced(status))), ("rollback", rollback)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancellation_says_what_is_undone() {
        let cancelling = r#"{"id": "mig_1", "status": "cancelling", "rollback_status": "initiated",
            "message": "Migration cancellation in progress"}"#;
        assert_eq!(
            text(&serde_json::from_str(cancelling).expect("an answer")),
            "mig_1: Migration cancellation in progress\n  status    cancelling\n  rollback  initiated\n"
        );
    }
}
