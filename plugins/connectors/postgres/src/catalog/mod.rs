//! The neutral catalog of a PostgreSQL database.

mod default;
mod queries;
mod read;
pub(crate) mod type_rules;

use std::collections::HashMap;

use sensei_sdk::catalog::{Column, TableName};
use sensei_sdk::{Error, Kind, Result};
use serde::Deserialize;

pub(crate) use read::{catalog, columns_of, money_digits, planned_rows, staged_tables};
use type_rules::Reading;

use crate::connection::Connection;
use crate::sql::{SCHEMA_MARK, literal, text_array};

/// Name of this system's dialect.
pub(crate) const DIALECT: &str = "postgresql";

/// A column and how it is read.
#[derive(Debug, Clone)]
pub(crate) struct ReadableColumn {
    pub(crate) column: Column,
    pub(crate) reading: Reading,
    /// The type orders values by operators of `pg_catalog`, which an empty `search_path` still finds.
    pub(crate) built_in: bool,
}

/// The kind of relation behind a table name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Relation {
    #[serde(rename = "r")]
    Ordinary,
    #[serde(rename = "p")]
    Partitioned,
    #[serde(rename = "f")]
    Foreign,
}

/// Which relations a query is about.
struct Filter {
    tables: String,
    schemas: String,
}

impl Filter {
    fn schemas(schemas: &[String]) -> Self {
        let condition = format!("n.nspname = ANY ({})", text_array(schemas));
        Self { tables: condition.clone(), schemas: condition }
    }

    fn table(table: &TableName) -> Self {
        Self {
            tables: format!("n.nspname = {} AND c.relname = {}", literal(&table.schema), literal(&table.name)),
            schemas: "false".to_owned(),
        }
    }

    fn fill(&self, sql: &str, connection: &Connection) -> String {
        queries::versioned(sql, connection.version())
            .replace("{tables}", &self.tables)
            .replace("{schemas}", &self.schemas)
            .replace("{mark}", SCHEMA_MARK)
    }
}

/// The schemas that a catalog may be asked for.
pub(crate) fn all_schemas(connection: &mut Connection) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Name {
        name: String,
    }
    let sql = queries::SCHEMAS.replace("{mark}", SCHEMA_MARK);
    Ok(connection.records::<Name>(&sql)?.into_iter().map(|n| n.name).collect())
}

/// The schemas of `schemas`, all of which must be `known`; `default_schema` when none is named.
pub(crate) fn asked_for(
    schemas: Vec<String>,
    known: &[String],
    default_schema: &str,
    peer: &str,
) -> Result<Vec<String>> {
    if let Some(missing) = schemas.iter().find(|s| !known.contains(s)) {
        return Err(Error::new(
            Kind::NotFound,
            format!("{peer}: there is no schema {missing:?}, or this user may not see it. Check its name."),
        ));
    }
    Ok(if schemas.is_empty() { vec![default_schema.to_owned()] } else { schemas })
}

/// Enum labels by type.
fn labels(connection: &mut Connection) -> Result<HashMap<i64, Vec<String>>> {
    #[derive(Deserialize)]
    struct Labels {
        #[serde(rename = "type")]
        type_id: i64,
        labels: Vec<String>,
    }
    Ok(connection.records::<Labels>(queries::LABELS)?.into_iter().map(|l| (l.type_id, l.labels)).collect())
}
