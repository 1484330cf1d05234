//! The command line as a client of the Migrations API: `sensei migrations ...` and `sensei connections ...`.
//!
//! Three nouns: a [`Session`] says which server is asked, as whom, and how the answer is shown; an [`Answer`] is what
//! the server said; a [`Reply`] is what a command prints at its end, and its exit code. A command is a file: its
//! arguments, its request, the words for the answer. With `--json` the answer is printed as it came.

mod access;
mod answer;
pub(super) mod connections;
mod document;
mod facts;
mod follow;
mod id;
pub(super) mod migrations;
mod moment;
mod outline;
mod refusal;
mod reply;
mod server;
mod sse;

#[cfg(test)]
mod scripted;

use tokio::runtime;

use access::Access;
use answer::Answer;
pub(super) use refusal::Refusal;
use reply::{Output, Reply};
use server::Server;

use super::failure::{Exit, Failure};
use super::progress::Style;
use super::{format, screen};

/// Which server is asked, as whom, and how the answer is shown.
struct Session {
    server: Server,
    output: Output,
    /// How what goes on is shown.
    style: Style,
}

impl Session {
    /// What to print of an answer: its JSON, or the words made of it.
    ///
    /// # Errors
    /// The answer is not what the contract says.
    fn reply<T: serde::de::DeserializeOwned>(
        &self,
        answer: Answer,
        words: impl FnOnce(&T) -> String,
    ) -> Result<Reply, Failure> {
        match self.output {
            Output::Json => Ok(Reply::done(answer.into_json())),
            Output::Words { .. } => Ok(Reply::done(format::printable(&words(&answer.read()?)))),
        }
    }
}

/// Runs one command against the server; all of it on this thread.
fn run(
    access: &Access,
    style: Style,
    command: impl AsyncFnOnce(&Session) -> Result<Reply, Failure>,
) -> Result<Exit, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::machine("start a client", &e))?;
    let session = access.session(style)?;
    let result = runtime.block_on(command(&session));
    if let (Err(Failure::Refused(refusal)), Output::Json) = (&result, session.output) {
        // Programs read the code from it; people read the paragraph on stderr.
        screen::say(&refusal.json());
    }
    let Reply { text, exit } = result?;
    screen::say(&text);
    Ok(exit)
}
