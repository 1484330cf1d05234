//! `sensei migrations plan`.

mod page;

use clap::Args;
use serde::Deserialize;

use crate::cli::client::reply::Reply;
use crate::cli::client::server::Query;
use crate::cli::client::{Session, id};
use crate::cli::failure::Failure;

/// Whose plan.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
}

/// A plan as the server tells it.
#[derive(Debug, Deserialize)]
struct Plan {
    migration_id: String,
    status: String,
    generated_at: Option<String>,
    summary: Option<Summary>,
    #[serde(default)]
    mappings: Vec<Mapping>,
    #[serde(default)]
    phases: Vec<Phase>,
    #[serde(default)]
    risks: Vec<Risk>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    tables: u64,
    columns: u64,
    relationships: u64,
    transformations: u64,
    estimated_duration_seconds: Option<f64>,
    estimated_records: Option<u64>,
}

/// One column to another.
#[derive(Debug, Deserialize)]
struct Mapping {
    id: String,
    source: Place,
    target: Place,
    transformation: Option<String>,
    confidence: f64,
    #[serde(default)]
    evidence: Vec<Evidence>,
    status: String,
}

#[derive(Debug, Deserialize)]
struct Place {
    schema: Option<String>,
    table: String,
    /// None where the target's table is there and a person has to say which of its columns is meant.
    column: Option<String>,
}

/// Why the confidence is what it is: 1 for no doubt.
#[derive(Debug, Deserialize)]
struct Evidence {
    kind: String,
    weight: f64,
    detail: String,
}

#[derive(Debug, Deserialize)]
struct Phase {
    name: String,
    #[serde(default)]
    tables: Vec<String>,
    estimated_duration_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Risk {
    severity: String,
    description: String,
    #[serde(default)]
    affected: Vec<String>,
    mitigation: Option<String>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.get(&["migrations", &self.id, "plan"], &Query::new()).await?;
        session.reply(answer, |plan| page::text(plan, session.output.width()))
    }
}

#[cfg(test)]
mod tests;
