//! The way back, as SQL beside the plan.

use std::collections::HashSet;

use super::Plan;
use crate::catalog::ForeignKey;
use crate::plugin::{Addition, Job, Stage, Statement};

impl Plan {
    /// What the target's connector makes statements of.
    pub(crate) fn job(&self) -> Job {
        Job {
            migration: self.migration.clone(),
            tables: self.tables.iter().map(|t| t.target.clone()).collect(),
            named_types: self.named_types.clone(),
            dialect: self.source.dialect.clone(),
            on_existing: self.request.on_existing,
            additions: self.additions(),
            views: self.views.iter().map(|view| view.view.clone()).collect(),
            new_schemas: self.new_schemas.clone(),
        }
    }

    /// Tables whose rows are added to what is there, those that others refer to first.
    fn additions(&self) -> Vec<Addition> {
        let keys = |at: usize| self.tables[at].existing.as_ref().map_or(&[][..], |live| &live.foreign_keys);
        let added: Vec<usize> = (0..self.tables.len()).filter(|&at| self.tables[at].existing.is_some()).collect();
        let of = |at: usize| Addition { table: self.tables[at].target.name.clone(), foreign_keys: keys(at).to_vec() };
        self.parents_first(&added, keys).into_iter().map(of).collect()
    }

    /// Of these tables (indexes into the plan's) those first that others of them refer to by `keys`; where they refer in a
    /// circle, in the order given.
    pub(crate) fn parents_first<'a>(&self, among: &[usize], keys: impl Fn(usize) -> &'a [ForeignKey]) -> Vec<usize> {
        let is_parent = |key: &ForeignKey, at: usize| {
            let name = &self.tables[at].target.name;
            (&name.schema, &name.name) == (&key.referenced_schema, &key.referenced_table)
        };
        let mut order: Vec<usize> = Vec::with_capacity(among.len());
        let mut begun: HashSet<usize> = HashSet::new();
        for &first in among {
            // Tables on the way to the parents, each with the number of its keys that were followed.
            let mut way = Vec::new();
            if begun.insert(first) {
                way.push((first, 0));
            }
            while let Some((at, followed)) = way.last_mut() {
                let Some(key) = keys(*at).get(*followed) else {
                    order.push(*at);
                    way.pop();
                    continue;
                };
                *followed += 1;
                if let Some(&parent) = among.iter().find(|&&other| is_parent(key, other))
                    && begun.insert(parent)
                {
                    way.push((parent, 0));
                }
            }
        }
        order
    }
}

/// What takes these statements of a cutover back, last first, to be executed in one call.
pub(crate) fn undo<'a>(statements: impl DoubleEndedIterator<Item = &'a Statement>) -> Vec<Statement> {
    let cutover = statements.rev().filter(|s| s.stage == Stage::Cutover);
    let back = cutover.filter_map(|s| {
        Some(Statement {
            id: format!("undo/{}", s.id),
            stage: Stage::TakeBack,
            sql: s.undo.clone()?,
            undo: None,
            table: s.table.clone(),
            label: format!("taking back that {}", s.label),
        })
    });
    back.collect()
}

/// What takes a migration back whose statements these are: what went live goes back into staging, last first, what it
/// replaced comes back, then staging goes. Before the cutover only the last part has something to do.
pub(super) fn script(statements: &[Statement]) -> Vec<String> {
    let discard = statements.iter().filter(|s| s.stage == Stage::Discard);
    undo(statements.iter()).into_iter().map(|s| s.sql).chain(discard.map(|s| s.sql.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thing_done_is_the_first_taken_back() {
        let statement = |stage, sql: &str, undo: Option<&str>| Statement {
            id: sql.to_owned(),
            stage,
            sql: sql.to_owned(),
            undo: undo.map(str::to_owned),
            table: None,
            label: String::new(),
        };
        let statements = [
            statement(Stage::Prepare, "make a", Some("unmake a")),
            statement(Stage::CompleteTable, "index a", Some("no index a")),
            statement(Stage::Cutover, "schema", None),
            statement(Stage::Cutover, "old a aside", Some("old a back")),
            statement(Stage::Cutover, "a live", Some("a back")),
            statement(Stage::Discard, "drop a", None),
            statement(Stage::Discard, "drop ledger", None),
        ];
        assert_eq!(script(&statements), ["a back", "old a back", "drop a", "drop ledger"]);
    }
}
