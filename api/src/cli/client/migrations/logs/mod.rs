//! `sensei migrations logs`: a page of the log, or all that happens until the migration is over.

mod display;
mod entry;
mod news;
mod watch;

use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use serde::Deserialize;

use super::words::{LEVELS, PHASES};
use crate::cli::client::reply::{Output, Reply};
use crate::cli::client::server::Query;
use crate::cli::client::{Session, id, moment};
use crate::cli::failure::Failure;
use crate::cli::screen;
use entry::Entry;

/// Which part of which log.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
    /// Only lines of this level
    #[arg(long, value_name = "LEVEL", value_parser = PossibleValuesParser::new(LEVELS))]
    level: Option<String>,
    /// Only lines of this phase
    #[arg(long, value_name = "PHASE", value_parser = PossibleValuesParser::new(PHASES))]
    phase: Option<String>,
    /// Only lines after this time, as 2026-02-15T02:00:00Z or how long ago, as 90m
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<Timestamp>,
    /// How many lines at most [default: 100]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR", conflicts_with = "follow")]
    cursor: Option<String>,
    /// Show what happens until the migration is over
    #[arg(long, short)]
    follow: bool,
}

const AFTER_HELP: &str = "\
With --follow the exit code is 0 when the migration is completed, and 1 when it failed, was cancelled or rolled
back. A server that restarts is waited for; no line is lost or shown twice.";

/// A page of a log.
#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<Entry>,
    next_cursor: Option<String>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let path = ["migrations", self.id.as_str(), "logs"];
        if self.follow {
            let mut display = display::fitting(session.output, session.style);
            let exit = watch::until_over(&session.server, &self.id, &path, self.query(), &mut *display).await;
            display.finish();
            return Ok(Reply::done(String::new()).ending(exit?));
        }
        let answer = session.server.get(&path, &self.query()).await?;
        if session.output != Output::Json {
            let page: Page = answer.read()?;
            if let Some(cursor) = page.next_cursor {
                screen::tell(&format!("There is more: --cursor {cursor}\n"));
            }
        }
        session.reply(answer, text)
    }

    fn query(&self) -> Query {
        let Self { id: _, level, phase, since, limit, cursor, follow } = self;
        let parameters = [
            ("level", level.clone()),
            ("phase", phase.clone()),
            ("since", since.map(|time| time.to_string())),
            ("limit", limit.map(|limit| limit.to_string())),
            ("cursor", cursor.clone()),
            ("follow", follow.then(|| "true".to_owned())),
        ];
        parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn text(page: &Page) -> String {
    page.data.iter().map(Entry::line).collect()
}

#[cfg(test)]
mod tests;
