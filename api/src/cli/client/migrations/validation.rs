//! `sensei migrations validation`.

use clap::Args;
use serde_json::json;

use crate::cli::client::reply::Reply;
use crate::cli::client::server::Query;
use crate::cli::client::{Session, id, outline};
use crate::cli::failure::Failure;

/// What was checked, or is to be checked again.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
    /// Count again, on both sides
    #[arg(long)]
    again: bool,
    /// Make live rows that differ equal to the source's, also those that were changed in the target since
    #[arg(long, conflicts_with = "again")]
    resync: bool,
    /// With `--resync`: rows of a table that may differ at most; the server's default is 10,000
    #[arg(long, value_name = "ROWS", requires = "resync")]
    most_rows: Option<u64>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let path = ["migrations", self.id.as_str(), "validation"];
        let answer = if self.resync {
            let [first, second, third] = path;
            let limit = self.most_rows.map_or_else(|| json!({}), |rows| json!({"most_rows": rows}));
            session.server.post(&[first, second, third, "resync"], limit.to_string()).await?
        } else if self.again {
            session.server.post(&path, "{}".to_owned()).await?
        } else {
            session.server.get(&path, &Query::new()).await?
        };
        session.reply(answer, |result| outline::text(result, session.output.width()))
    }
}
