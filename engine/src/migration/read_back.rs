//! Whether what is staged became what the plan says, before it goes live (P2).

use serde_json::json;

use super::{Job, full_name};
use crate::catalog::{ForeignKey, Table, TableName};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Level};
use crate::plan::{Existing, Plan, outline};
use crate::plugin::TargetSession;
use crate::validate::unreadable;

/// Tables that the error's paragraph names; all are in its details. 3: an error is a paragraph.
const TABLES_SHOWN: usize = 3;

/// Asks the target how it describes the staged tables, everything of which is made by now, and compares that with the plan.
/// A target that cannot be read is not asked.
///
/// # Errors
/// `schema_mismatch` names tables and what is not as planned; whatever reading back reports.
pub(super) fn agree(job: &Job, plan: &Plan, target: &mut TargetSession) -> Result<()> {
    if unreadable(&job.target).is_some() {
        return Ok(());
    }
    let names: Vec<TableName> = plan.tables.iter().map(|table| table.target.name.clone()).collect();
    let found = target.read_back(&plan.migration, &names)?;
    let differing: Vec<(String, Vec<String>)> = (plan.tables.iter().zip(&found))
        .map(|(table, found)| {
            let [planned, found] = [&table.target, found].map(|side| match &table.existing {
                // A copy of rows: what gives values by itself matters in the live table alone.
                Some(_) => Existing::writable(side),
                None => by_now(plan, side),
            });
            (full_name(&table.target.name), outline::differences(&planned, &found))
        })
        .filter(|(_, differences)| !differences.is_empty())
        .collect();
    if differing.is_empty() {
        let message = format!("The target describes {} tables as they were planned.", found.len());
        job.observer.observe(Event::Log { level: Level::Info, message });
        return Ok(());
    }
    let details = json!({"tables": differing
        .iter()
        .map(|(table, differences)| json!({"table": table, "differences": differences}))
        .collect::<Vec<_>>()});
    Err(Error::new(Code::SchemaMismatch, in_words(&differing)).with_details(details))
}

fn in_words(differing: &[(String, Vec<String>)]) -> String {
    let mut tables: Vec<String> =
        differing.iter().take(TABLES_SHOWN).map(|(table, what)| format!("{table}: {}", what.join(", "))).collect();
    match differing.len().saturating_sub(TABLES_SHOWN) {
        0 => {}
        more => tables.push(format!("and {more} more tables")),
    }
    format!(
        "The target made something else than was planned ({}). Nothing was switched over. If a person or program changed the target's staging, begin anew with `--restart`; otherwise this is a bug of Sensei or of a connector: please report it.",
        tables.join("; ")
    )
}

/// A table without what the cutover makes last: foreign keys to tables that get their rows only then.
fn by_now(plan: &Plan, table: &Table) -> Table {
    let gets_rows = |key: &ForeignKey| {
        let is_parent =
            |name: &TableName| (&name.schema, &name.name) == (&key.referenced_schema, &key.referenced_table);
        plan.tables.iter().any(|t| t.existing.is_some() && is_parent(&t.target.name))
    };
    let mut table = table.clone();
    table.foreign_keys.retain(|key| !gets_rows(key));
    table
}
