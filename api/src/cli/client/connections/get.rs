//! `sensei connections get`.

use clap::Args;

use super::stored::Stored;
use crate::cli::client::reply::Reply;
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
        let answer = session.server.get(&["connections", &self.id], &Query::new()).await?;
        session.reply(answer, Stored::text)
    }
}
