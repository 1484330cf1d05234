//! `sensei migrations resume`.

use clap::Args;
use serde::Deserialize;

use super::words::spaced;
use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, id, moment};
use crate::cli::failure::Failure;

/// What goes on.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
}

/// What came of it.
#[derive(Debug, Deserialize)]
struct Resumed {
    id: String,
    status: String,
    message: Option<String>,
    resumed_at: Option<String>,
    resumed_from_checkpoint: Option<String>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.post(&["migrations", &self.id, "resume"], "{}".to_owned()).await?;
        session.reply(answer, text)
    }
}

fn text(resumed: &Resumed) -> String {
    let Resumed { id, status, message, resumed_at, resumed_from_checkpoint } = resumed;
    super::changed(
        id,
        message.as_deref(),
        [
            ("status", Some(spaced(status))),
            ("resumed", resumed_at.as_deref().map(moment::shown_utc)),
            ("from", resumed_from_checkpoint.clone()),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumption_says_from_where() {
        let resumed = r#"{"id": "mig_1", "status": "running", "resumed_at": "2026-02-02T18:00:00Z",
            "resumed_from_checkpoint": "ckpt_789xyz"}"#;
        assert_eq!(
            text(&serde_json::from_str(resumed).expect("an answer")),
            "mig_1\n  status   running\n  resumed  2026-02-02 18:00:00 UTC\n  from     ckpt_789xyz\n"
        );
    }
}
