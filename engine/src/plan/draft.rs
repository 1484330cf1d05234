//! From two sessions to a plan.

use std::collections::HashMap;

use super::{Mapping, Naming, Plan, Request, Side, Summary, TablePlan};
use crate::catalog::Table;
use crate::connection::Connection;
use crate::error::Result;
use crate::expression::{quote, sql_type};
use crate::plugin::rows::decode_schema;
use crate::plugin::{SourceSession, TargetSession};

/// The id of a migration.
#[must_use]
pub fn migration_id(source: &Connection, target: &Connection, request: &Request) -> String {
    let text = format!("{}\n{}\n{}", source.identity(), target.identity(), serde_json::to_string(request).unwrap_or_default());
    format!("m{}", &blake3::hash(text.as_bytes()).to_hex()[..12])
}

/// Draws up the plan.
///
/// # Errors
/// From the sessions.
pub fn draft(
    request: &Request,
    source: &mut SourceSession,
    target: &mut TargetSession,
    from: &Connection,
    to: &Connection,
) -> Result<Plan> {
    let catalog = source.catalog(&request.schemas)?;
    let there = target.catalog(&[])?;
    let schema = request.target_schema.clone().unwrap_or(there.default_schema.clone());
    let name = |n: &str| match request.naming {
        Naming::Snake => heck::ToSnakeCase::to_snake_case(n),
        Naming::Lower => n.to_lowercase(),
        Naming::Preserve => n.to_owned(),
    };
    let tables: Vec<Table> = catalog.tables.clone();
    let renamed: Vec<Table> = tables
        .iter()
        .cloned()
        .map(|mut t| {
            t.name.name = name(&t.name.name);
            t.name.schema = schema.clone();
            for c in &mut t.columns {
                c.name = name(&c.name);
            }
            for k in t.primary_key.iter_mut().chain(&mut t.unique_keys) {
                k.columns.iter_mut().for_each(|c| *c = name(c));
            }
            for f in &mut t.foreign_keys {
                f.columns.iter_mut().for_each(|c| *c = name(c));
                f.referenced_columns.iter_mut().for_each(|c| *c = name(c));
                f.referenced_table = name(&f.referenced_table);
                f.referenced_schema = schema.clone();
            }
            for i in &mut t.indexes {
                for p in &mut i.parts {
                    p.column = p.column.as_deref().map(name);
                }
                i.included.iter_mut().for_each(|c| *c = name(c));
            }
            t
        })
        .collect();
    let proposals = target.propose(&renamed, &catalog.dialect)?;
    let mut plans = Vec::new();
    for ((table, proposal), _) in tables.iter().zip(proposals).zip(&renamed) {
        let target_schema = decode_schema(&proposal.row_schema)?;
        let by_name: HashMap<String, &crate::catalog::Column> = table.columns.iter().map(|c| (name(&c.name), c)).collect();
        let columns: Vec<String> = target_schema.fields().iter().map(|f| by_name[f.name()].name.clone()).collect();
        let source_schema = decode_schema_of(source, table, &columns)?;
        let mappings = target_schema
            .fields()
            .iter()
            .zip(source_schema.fields())
            .map(|(t, s)| {
                let column = by_name[t.name()];
                let transformation = if t.data_type() == s.data_type() {
                    quote(&column.name)
                } else {
                    format!("CAST({} AS {})", quote(&column.name), sql_type(t.data_type()).unwrap_or_default())
                };
                Mapping {
                    id: format!("map_{}_{}", table.name.name, column.name),
                    source_column: column.name.clone(),
                    source_type: column.native_type.clone(),
                    target_column: t.name().clone(),
                    target_type: String::new(),
                    transformation,
                    confidence: 1.0,
                    evidence: vec![],
                    fidelity: super::Fidelity::Lossless,
                    note: String::new(),
                }
            })
            .collect();
        plans.push(TablePlan {
            source: table.name.clone(),
            estimated_rows: table.rows,
            estimated_bytes: table.bytes,
            target: proposal.table,
            mappings,
            row_schema: proposal.row_schema,
        });
    }
    let side = |c: &Connection, server: &str, dialect: &str| Side {
        connector: c.plugin().name().to_owned(),
        connection: c.label().to_owned(),
        server: server.to_owned(),
        dialect: dialect.to_owned(),
    };
    Ok(Plan {
        version: 1,
        migration: migration_id(from, to, request),
        source: side(from, &catalog.server, &catalog.dialect),
        target: side(to, &there.server, &there.dialect),
        request: request.clone(),
        summary: Summary::default(),
        tables: plans,
        risks: vec![],
        named_types: catalog.named_types,
        not_moved: catalog.objects,
    })
}

fn decode_schema_of(source: &mut SourceSession, table: &Table, columns: &[String]) -> Result<arrow::datatypes::SchemaRef> {
    source.row_schema(&table.name, columns)
}
