//! `sensei migrations approve`.

use clap::Args;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, id};
use crate::cli::failure::Failure;

/// What is decided, and how.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
    /// The mapping's id, as `plan` shows it
    #[arg(value_parser = id::parse, required_unless_present = "all", conflicts_with = "all")]
    mapping: Option<String>,
    /// Approve everything that waits
    #[arg(long, conflicts_with_all = ["reject", "override_transformation", "target_column"])]
    all: bool,
    /// Leave the column out instead
    #[arg(long)]
    reject: bool,
    /// Approve this expression over the source's row in place of the proposed one
    #[arg(long = "override", value_name = "SQL", conflicts_with = "reject")]
    override_transformation: Option<String>,
    /// Of a table that the target has already: the column that the values go to
    #[arg(long, value_name = "NAME", conflicts_with = "reject")]
    target_column: Option<String>,
    /// Why; kept with who decided and when
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let Self { id, mapping, all: _, reject, override_transformation, target_column, comment } = self;
        let plan = ["migrations", id, "plan"];
        let answer = match mapping {
            Some(mapping) => {
                let path = [plan.as_slice(), &["mappings", mapping, "approve"]].concat();
                let (approved, sql) = (!reject, override_transformation);
                let decision = json!({
                    "approved": approved,
                    "override_transformation": sql,
                    "target_column": target_column,
                    "comment": comment,
                });
                session.server.post(&path, decision.to_string()).await?
            }
            None => {
                let decision = json!({"mappings": null, "approved": true, "comment": comment});
                session.server.post(&[plan.as_slice(), &["approve"]].concat(), decision.to_string()).await?
            }
        };
        session.reply(answer, |_: &IgnoredAny| self.text())
    }

    fn text(&self) -> String {
        match (&self.mapping, self.reject, &self.override_transformation) {
            (None, _, _) => "Everything that waited is approved.\n".to_owned(),
            (Some(mapping), true, _) => format!("{mapping} is rejected: its column is left out.\n"),
            (Some(mapping), false, Some(sql)) => format!("{mapping} is approved, by {sql}.\n"),
            (Some(mapping), false, None) => match &self.target_column {
                Some(column) => format!("{mapping} is approved, into {column}.\n"),
                None => format!("{mapping} is approved.\n"),
            },
        }
    }
}
