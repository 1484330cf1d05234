//! `sensei connections delete`.

use clap::Args;

use crate::cli::client::reply::{Output, Reply};
use crate::cli::client::server::Query;
use crate::cli::client::{Session, id};
use crate::cli::failure::Failure;

/// Which connection.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The connection's id
    #[arg(value_parser = id::parse)]
    id: String,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.delete(&["connections", &self.id], &Query::new()).await?;
        // That it was done is all that an answer could say.
        Ok(Reply::done(match session.output {
            Output::Json => answer.into_json(),
            Output::Words { .. } => format!("{} is deleted.\n", self.id),
        }))
    }
}
