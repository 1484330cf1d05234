//! `sensei connections`: a file for each command.

mod catalog;
mod create;
mod delete;
mod get;
mod list;
mod stored;
mod test;

use clap::{Args, Subcommand};

use super::Session;
use super::access::Access;
use super::reply::Reply;
use crate::cli::failure::{Exit, Failure};
use crate::cli::progress::Style;

/// What to do with which connection.
#[derive(Debug, Args)]
// Here `--url` is where a database is.
#[command(after_help = AFTER_HELP, mut_arg("server", |server| server.visible_alias(None::<&'static str>)))]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    access: Access,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
A connection is a named way to reach one system, kept by the server; secrets go in and never come out again.
`sensei connectors` shows what each connector takes.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Store a connection
    Create(create::Arguments),
    /// List the connections
    List(list::Arguments),
    /// Show a connection, without its secrets
    Get(get::Arguments),
    /// Delete a connection that no migration uses
    Delete(delete::Arguments),
    /// Connect, and say who answers, how fast, and which rights are missing
    Test(test::Arguments),
    /// List the tables that a connection sees
    Catalog(catalog::Arguments),
}

pub(in crate::cli) fn run(arguments: &Arguments, style: Style) -> Result<Exit, Failure> {
    super::run(&arguments.access, style, async |session| arguments.command.run(session).await)
}

impl Command {
    async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        match self {
            Self::Create(arguments) => arguments.run(session).await,
            Self::List(arguments) => arguments.run(session).await,
            Self::Get(arguments) => arguments.run(session).await,
            Self::Delete(arguments) => arguments.run(session).await,
            Self::Test(arguments) => arguments.run(session).await,
            Self::Catalog(arguments) => arguments.run(session).await,
        }
    }
}

#[cfg(test)]
mod tests;
