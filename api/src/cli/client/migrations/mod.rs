//! `sensei migrations`: a file for each command.

mod approve;
mod cancel;
mod create;
mod cutover;
mod delete;
mod get;
mod list;
mod logs;
mod metrics;
mod pause;
mod plan;
mod resume;
mod start;
mod validation;
mod words;

use clap::{Args, Subcommand};

use super::access::Access;
use super::reply::Reply;
use super::{Session, facts};
use crate::cli::failure::{Exit, Failure};
use crate::cli::progress::Style;

/// What to do with which migration.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    access: Access,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
From beginning to end:
  sensei migrations create -f migration.json       planning begins at once
  sensei migrations plan ID                        what would be done, and which mappings wait for you
  sensei migrations approve ID MAPPING             or --all of them
  sensei migrations start ID
  sensei migrations logs ID --follow               until it is over

Exit code: 0 when the server did what was asked, 1 when it did not, 2 when the command line is wrong.
SSL_CERT_FILE names the certificates to trust instead of this machine's own.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a migration from its description; planning begins at once
    Create(create::Arguments),
    /// List migrations
    List(list::Arguments),
    /// Show how a migration stands
    Get(get::Arguments),
    /// Show what would be done, and which mappings wait for a person
    Plan(plan::Arguments),
    /// Approve, reject or override what waits for a person
    Approve(approve::Arguments),
    /// Begin to move
    Start(start::Arguments),
    /// Stop at the next safe point; `resume` goes on from there
    Pause(pause::Arguments),
    /// Go on from where it was paused
    Resume(resume::Arguments),
    /// Let the cutover go of a migration that holds it (`options.cutover` `manual`)
    Cutover(cutover::Arguments),
    /// End a migration for good
    Cancel(cancel::Arguments),
    /// Show the log, or follow it until the migration is over
    Logs(logs::Arguments),
    /// Show how fast it goes, and what it takes
    Metrics(metrics::Arguments),
    /// Show whether source and target agree
    Validation(validation::Arguments),
    /// Delete a migration that is over
    Delete(delete::Arguments),
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
            Self::Plan(arguments) => arguments.run(session).await,
            Self::Approve(arguments) => arguments.run(session).await,
            Self::Start(arguments) => arguments.run(session).await,
            Self::Pause(arguments) => arguments.run(session).await,
            Self::Resume(arguments) => arguments.run(session).await,
            Self::Cutover(arguments) => arguments.run(session).await,
            Self::Cancel(arguments) => arguments.run(session).await,
            Self::Logs(arguments) => arguments.run(session).await,
            Self::Metrics(arguments) => arguments.run(session).await,
            Self::Validation(arguments) => arguments.run(session).await,
            Self::Delete(arguments) => arguments.run(session).await,
        }
    }
}

/// What a command did to a migration: the server's own words, then the facts.
fn changed<'a>(id: &str, message: Option<&str>, facts: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let message = message.map(|message| format!(": {message}")).unwrap_or_default();
    format!("{id}{message}\n{}", facts::lines(facts))
}

#[cfg(test)]
mod tests;
