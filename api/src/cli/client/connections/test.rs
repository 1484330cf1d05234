//! `sensei connections test`.

use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, id, outline};
use crate::cli::failure::{Exit, Failure};

/// Which connection.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The connection's id
    #[arg(value_parser = id::parse)]
    id: String,
}

/// What came of it.
#[derive(Debug, Deserialize)]
struct Tested {
    /// Whether somebody answered who let us in.
    ok: bool,
    /// Who answers, how fast, which rights are missing.
    #[serde(flatten)]
    found: Map<String, Value>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.post(&["connections", &self.id, "test"], "{}".to_owned()).await?;
        let exit = if answer.read::<Tested>()?.ok { Exit::Done } else { Exit::Failed };
        let reply = session.reply(answer, |tested| text(&self.id, tested, session.output.width()))?;
        Ok(reply.ending(exit))
    }
}

fn text(id: &str, tested: &Tested, width: u16) -> String {
    let works = if tested.ok { "works" } else { "does not work" };
    format!("{id} {works}\n{}", outline::text(&tested.found, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_says_what_is_missing() {
        let tested =
            r#"{"ok": true, "server": "Example 1.2", "latency_ms": 12, "missing_rights": ["CREATE on public"]}"#;
        assert_eq!(
            text("conn_1", &serde_json::from_str(tested).expect("an answer"), 80),
            "conn_1 works\n  server          Example 1.2\n  latency ms      12\n  missing rights  CREATE on public\n"
        );
        let failed = r#"{"ok": false, "server": null, "error": {"code": "unauthorized", "message": "No."}}"#;
        assert_eq!(
            text("conn_1", &serde_json::from_str(failed).expect("an answer"), 80),
            "conn_1 does not work\n  error: code     unauthorized\n  error: message  No.\n"
        );
    }
}
