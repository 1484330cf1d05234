//! `sensei migrations validation`.

use clap::Args;

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
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let path = ["migrations", self.id.as_str(), "validation"];
        let answer = if self.again {
            session.server.post(&path, "{}".to_owned()).await?
        } else {
            session.server.get(&path, &Query::new()).await?
        };
        session.reply(answer, |result| outline::text(result, session.output.width()))
    }
}
