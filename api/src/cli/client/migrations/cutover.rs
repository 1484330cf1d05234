//! `sensei migrations cutover`.

use clap::Args;
use serde::Deserialize;

use super::words::spaced;
use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, id};
use crate::cli::failure::Failure;

/// What is let go.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
}

/// What came of it.
#[derive(Debug, Deserialize)]
struct CuttingOver {
    id: String,
    status: String,
    message: Option<String>,
    cutover: Option<Cutover>,
}

#[derive(Debug, Deserialize)]
struct Cutover {
    state: String,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.post(&["migrations", &self.id, "cutover"], "{}".to_owned()).await?;
        session.reply(answer, text)
    }
}

fn text(cutting: &CuttingOver) -> String {
    let CuttingOver { id, status, message, cutover } = cutting;
    let cutover = cutover.as_ref().map(|c| spaced(&c.state));
    super::changed(id, message.as_deref(), [("status", Some(spaced(status))), ("cutover", cutover)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cutover_says_how_far_it_is() {
        let cutting = r#"{"id": "mig_1", "status": "running", "message": "The cutover follows at once",
            "cutover": {"mode": "manual", "state": "requested"}}"#;
        assert_eq!(
            text(&serde_json::from_str(cutting).expect("an answer")),
            "mig_1: The cutover follows at once\n  status   running\n  cutover  requested\n"
        );
    }
}
