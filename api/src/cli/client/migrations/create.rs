//! `sensei migrations create`.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::words::spaced;
use crate::cli::client::reply::Reply;
use crate::cli::client::{Session, document, facts};
use crate::cli::failure::Failure;
use crate::cli::format::counted;

/// What to create.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The description: JSON as POST /v1/migrations takes it; `-` is stdin
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
}

/// A migration that was created.
#[derive(Debug, Deserialize)]
struct Created {
    id: String,
    name: String,
    status: String,
    #[serde(default)]
    source: Side,
    #[serde(default)]
    target: Side,
    #[serde(default)]
    plan: Planning,
}

#[derive(Debug, Default, Deserialize)]
struct Side {
    connection_id: Option<String>,
    connection_name: Option<String>,
    #[serde(default)]
    schemas: Vec<String>,
    /// None until the source has been read.
    tables_count: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Planning {
    status: Option<String>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.post(&["migrations"], document::read(&self.file)?).await?;
        session.reply(answer, text)
    }
}

fn text(created: &Created) -> String {
    let Created { id, name, status, source, target, plan } = created;
    let planning = plan.status.as_deref().map(|status| format!("plan {}", spaced(status)));
    let facts = facts::lines([
        ("status", facts::joined([Some(spaced(status)), planning])),
        ("source", source.text()),
        ("target", target.text()),
    ]);
    format!("{name} ({id})\n{facts}\nNext: sensei migrations plan {id}\n")
}

impl Side {
    fn text(&self) -> Option<String> {
        let name = self.connection_name.clone().or(self.connection_id.clone());
        let schemas = self.schemas.iter().cloned().map(Some);
        let tables = self.tables_count.map(|tables| counted(tables, "table"));
        facts::joined(std::iter::once(name).chain(schemas).chain([tables]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_created_migration_says_what_comes_next() {
        let created = r#"{
            "id": "mig_abc123def456", "name": "Q1 Database Modernization", "status": "pending",
            "created_at": "2026-02-02T15:30:00Z", "created_by": "user_xyz789",
            "source": {"connection_id": "conn_prod", "connection_name": "Production", "schemas": ["HR", "FINANCE"],
                       "tables_count": 47},
            "target": {"connection_id": "conn_cloud", "connection_name": "Cloud"},
            "plan": {"status": "generating", "estimated_completion": "2026-02-02T15:45:00Z"},
            "links": {"self": "/v1/migrations/mig_abc123def456"}
        }"#;
        insta::assert_snapshot!(text(&serde_json::from_str(created).expect("an answer")));
    }

    #[test]
    fn what_is_not_known_yet_is_left_out() {
        let created = r#"{"id": "mig_1", "name": "a", "status": "pending", "target": {"connection_id": "conn_1"}}"#;
        let text = text(&serde_json::from_str(created).expect("an answer"));
        assert_eq!(text, "a (mig_1)\n  status  pending\n  target  conn_1\n\nNext: sensei migrations plan mig_1\n");
    }
}
