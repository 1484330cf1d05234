//! What the target has already under the names that a plan wants.

use super::rename::{Policy, Renaming};
use super::risk::Risks;
use super::scout::{full, is_named_as_a_table, listed, name_of};
use super::{OnExisting, Request, Severity};
use crate::catalog::{Catalog, Table, TableName};
use crate::error::{Code, Error, Result, Role};

/// Tables and views that are there already under a name a table is to have; `made`: the tables that are not there already to
/// get rows.
///
/// # Errors
/// `conflict` names what has to go, or to be decided.
pub(super) fn in_the_way(
    request: &Request,
    target: &Catalog,
    renaming: &Renaming,
    made: &[bool],
    policy: &Policy,
    risks: &mut Risks,
) -> Result<()> {
    let same = |a: &TableName, b: &TableName| policy.is_same(a, b);
    let wanted = || renaming.tables.iter().zip(made).filter(|(_, made)| **made).map(|(t, _)| &t.table.name);
    let relations = target.objects.iter().filter(|o| is_named_as_a_table(o.kind));
    let relations: Vec<TableName> = relations.map(name_of).collect();
    let blocked: Vec<&TableName> = wanted().filter(|name| relations.iter().any(|r| same(r, name))).collect();
    if !blocked.is_empty() {
        let message = format!(
            "The target has views or sequences of these names already: {}. Remove them, or choose another `--target-schema`.",
            listed(blocked.into_iter().map(full))
        );
        return Err(Error::new(Code::Conflict, message).role_if(Some(Role::Target)));
    }
    partitions_in_the_way(request, target, &relations, renaming, &same)?;
    let existing: Vec<&Table> = target.tables.iter().filter(|t| wanted().any(|name| same(&t.name, name))).collect();
    match request.on_existing {
        _ if existing.is_empty() => Ok(()),
        OnExisting::Fail => {
            let message = format!(
                "The target has these tables already: {}. Use `--on-existing replace` to move them aside at the end, `--on-existing append` to add rows to them, or choose another `--target-schema`.",
                listed(existing.into_iter().map(|t| full(&t.name)))
            );
            Err(Error::new(Code::Conflict, message).role_if(Some(Role::Target)))
        }
        OnExisting::Append => {
            let message = format!(
                "The target has these tables already, and rows of others are to be added to them, or none are like them: {}. Say by `into` which rows they get, exclude the source's tables, or choose another `--target-schema`.",
                listed(existing.into_iter().map(|t| full(&t.name)))
            );
            Err(Error::new(Code::Conflict, message).role_if(Some(Role::Target)))
        }
        OnExisting::Replace => {
            for table in existing {
                risks.add(
                    Severity::High,
                    "table_replaced",
                    "Tables of these names are in the target already. At the end they are moved aside and kept.",
                    format!("{} (about {} rows)", full(&table.name), table.rows),
                    "Make sure nobody needs them under their name; remove the kept ones when you no longer need a way back.",
                );
            }
            Ok(())
        }
    }
}

/// Partitions have names of their own: those of the plan's tables, and those of the target's, which move aside with their table.
fn partitions_in_the_way(
    request: &Request,
    target: &Catalog,
    relations: &[TableName],
    renaming: &Renaming,
    same: &dyn Fn(&TableName, &TableName) -> bool,
) -> Result<()> {
    fn parts(table: &Table) -> impl Iterator<Item = &TableName> {
        table.parts().map(|part| &part.name)
    }
    let tables = || renaming.tables.iter().map(|renamed| &renamed.table);
    let is_made =
        |name: &TableName| tables().any(|table| same(&table.name, name) || parts(table).any(|p| same(p, name)));
    let goes = |table: &Table| {
        request.on_existing == OnExisting::Replace && tables().any(|made| same(&made.name, &table.name))
    };
    let there = target.tables.iter().filter(|table| !goes(table)).flat_map(parts);
    let names = target.tables.iter().map(|table| &table.name);
    let is_part = |name: &&TableName| tables().flat_map(parts).any(|part| same(part, name));
    let blocked = there.filter(|name| is_made(name)).chain(names.chain(relations).filter(is_part));
    let blocked: Vec<String> = blocked.map(full).collect();
    if blocked.is_empty() {
        return Ok(());
    }
    let message = format!(
        "The target has tables or partitions of these names already, and partitions or tables are to be made: {}. Remove them, or choose another `--target-schema`.",
        listed(blocked.into_iter())
    );
    Err(Error::new(Code::Conflict, message).role_if(Some(Role::Target)))
}
