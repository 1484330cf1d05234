//! Follows a migration until it is over.

use serde::Deserialize;

use super::display::Display;
use super::news::News;
use crate::cli::client::follow::{Follow, Step, Why};
use crate::cli::client::migrations::words::{end_of, spaced};
use crate::cli::client::refusal::Refusal;
use crate::cli::client::server::{Query, Server};
use crate::cli::failure::{Exit, Failure};

/// How a migration stands.
#[derive(Debug, Deserialize)]
struct Migration {
    status: String,
}

/// Shows what happens until the migration is over, and says how it ended.
///
/// An event may tell of an earlier end that the migration was started again from, and a filter may keep the last one
/// from coming: so an end, and a silence, are looked up.
///
/// # Errors
/// As [`Follow::next`]; or an event is not understood.
pub(super) async fn until_over(
    server: &Server,
    id: &str,
    path: &[&str],
    query: Query,
    display: &mut dyn Display,
) -> Result<Exit, Failure> {
    let mut follow = Follow::new(server, path, query);
    // Whether this connection, or the one that was lost last, brought something.
    let mut brings = false;
    loop {
        match follow.next().await? {
            Step::Event(event) => {
                brings = true;
                let news = News::of(&event)?;
                display.show(&event, &news);
                let News::Change(change) = news else { continue };
                let Some(exit) = end_of(&change.status) else { continue };
                // Where nobody can be asked, the event is all that is known.
                let Ok(status) = status(server, id).await else { return Ok(exit) };
                if let Some(exit) = end_of(&status) {
                    return Ok(exit);
                }
            }
            // The next connection brings what this one could not.
            Step::Pause(Why::Lost) if brings => {
                brings = false;
                display.note("The connection is gone; it is made again.\n");
            }
            Step::Pause(Why::Lost | Why::Quiet) => {
                // What cannot be looked up now can be later.
                let Ok(status) = status(server, id).await else { continue };
                if let Some(exit) = end_of(&status) {
                    display.note(&format!("The migration is {}.\n", spaced(&status)));
                    return Ok(exit);
                }
            }
            Step::Over => {
                let status = status(server, id).await?;
                let why = || format!("The server ended the log of a migration that is {}.", spaced(&status));
                return end_of(&status).ok_or_else(|| Refusal::of_this_client(why(), "").into());
            }
        }
    }
}

async fn status(server: &Server, id: &str) -> Result<String, Failure> {
    let migration: Migration = server.get(&["migrations", id], &Query::new()).await?.read()?;
    Ok(migration.status)
}
