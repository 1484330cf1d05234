//! `sensei migrations delete`.

use clap::Args;
use serde::Deserialize;

use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, facts, id};
use crate::cli::failure::Failure;

/// What to delete, and what to keep of it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
    /// Delete its log, too
    #[arg(long)]
    drop_logs: bool,
    /// Delete the history of its metrics, too
    #[arg(long)]
    drop_metrics: bool,
    /// Leave the tables that it replaced in the target
    #[arg(long)]
    keep_replaced: bool,
}

/// What came of it.
#[derive(Debug, Deserialize)]
struct Deleted {
    id: String,
    #[serde(default)]
    logs_retained: bool,
    #[serde(default)]
    metrics_retained: bool,
    #[serde(default)]
    replaced_removed: usize,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let Self { id, drop_logs, drop_metrics, keep_replaced } = self;
        let mut keep = vec![("keep_logs", (!drop_logs).to_string()), ("keep_metrics", (!drop_metrics).to_string())];
        keep.extend(keep_replaced.then(|| ("keep_replaced", true.to_string())));
        let answer = session.server.delete(&["migrations", id], &keep).await?;
        session.reply(answer, text)
    }
}

fn text(deleted: &Deleted) -> String {
    let Deleted { id, logs_retained, metrics_retained, replaced_removed } = deleted;
    let kept = [(*logs_retained, "its log"), (*metrics_retained, "its metrics")];
    let kept = facts::joined(kept.map(|(kept, what)| kept.then(|| what.to_owned())));
    let gone = match replaced_removed {
        0 => String::new(),
        n => format!(" {n} tables that it had replaced are removed."),
    };
    format!("{id} is deleted; kept: {}.{gone}\n", kept.unwrap_or_else(|| "nothing".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_says_what_is_kept() {
        let shown = |json: &str| text(&serde_json::from_str(json).expect("an answer"));
        let kept = r#"{"id": "mig_1", "deleted": true, "logs_retained": true, "metrics_retained": true}"#;
        assert_eq!(shown(kept), "mig_1 is deleted; kept: its log, its metrics.\n");
        assert_eq!(
            shown(r#"{"id": "mig_1", "deleted": true, "replaced_removed": 2}"#),
            "mig_1 is deleted; kept: nothing. 2 tables that it had replaced are removed.\n"
        );
    }
}
