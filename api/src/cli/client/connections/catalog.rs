//! `sensei connections catalog`.

use clap::Args;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cli::client::reply::Reply;
use crate::cli::client::server::Query;
use crate::cli::client::{Session, id};
use crate::cli::failure::Failure;
use crate::cli::format::{count, counted, size};
use crate::cli::screen::{Column, table};

/// Which connection.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The connection's id
    #[arg(value_parser = id::parse)]
    id: String,
}

/// What is seen through a connection; the whole of it is in the JSON.
#[derive(Debug, Deserialize)]
struct Catalog {
    server: Option<String>,
    tables: Vec<Table>,
}

#[derive(Debug, Deserialize)]
struct Table {
    name: Name,
    columns: Vec<IgnoredAny>,
    /// As the system estimates them.
    rows: u64,
    bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Name {
    schema: String,
    name: String,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.get(&["connections", &self.id, "catalog"], &Query::new()).await?;
        session.reply(answer, |catalog| text(catalog, session.output.width()))
    }
}

const COLUMNS: [Column<'_>; 5] = [
    Column::Left("schema"),
    Column::Left("table"),
    Column::Right("columns"),
    Column::Right("about rows"),
    Column::Right("size"),
];

fn text(catalog: &Catalog, width: u16) -> String {
    let Catalog { server, tables } = catalog;
    let row = |Table { name: Name { schema, name }, columns, rows, bytes }: &Table| {
        vec![schema.clone(), name.clone(), count(columns.len() as u64), count(*rows), size(*bytes)]
    };
    let head = server.as_deref().map(|server| format!("{server}: ")).unwrap_or_default();
    let mut text = format!("{head}{}\n", counted(tables.len() as u64, "table"));
    if !tables.is_empty() {
        text += &format!("\n{}", table(&COLUMNS, tables.iter().map(row), width));
    }
    text
}

#[cfg(test)]
mod tests {
    use sensei_engine::catalog as engine;

    use super::*;

    #[test]
    fn a_catalog_is_a_table_of_tables() {
        // The engine's own, so that what the server sends is understood.
        let table = |name: &str, rows| engine::Table {
            name: engine::TableName { schema: "shop".into(), name: name.into() },
            columns: vec![],
            primary_key: None,
            unique_keys: vec![],
            foreign_keys: vec![],
            checks: vec![],
            indexes: vec![],
            partitioning: None,
            comment: None,
            rows,
            bytes: rows * 100,
        };
        let catalog = engine::Catalog {
            server: "Example 1.2".into(),
            dialect: "example".into(),
            default_schema: "shop".into(),
            schemas: vec!["shop".into()],
            tables: vec![table("orders", 1_500_000), table("nation", 25)],
            named_types: vec![],
            objects: vec![],
        };
        let json = serde_json::to_string(&catalog).expect("JSON");
        insta::assert_snapshot!(text(&serde_json::from_str(&json).expect("a catalog"), 100));
    }
}
