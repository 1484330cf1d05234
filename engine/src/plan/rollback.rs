//! The way back, as SQL beside the plan.

use super::{Plan, TablePlan};
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
            new_schemas: self.new_schemas.clone(),
        }
    }

    /// Tables whose rows are added to what is there, those that others refer to first; where they refer in a circle, in the
    /// plan's order.
    fn additions(&self) -> Vec<Addition> {
        fn visit(plan: &Plan, at: usize, order: &mut Vec<usize>, seen: &mut Vec<usize>) {
            let Some(existing) = plan.tables[at].existing.as_ref().filter(|_| !seen.contains(&at)) else { return };
            seen.push(at);
            for key in &existing.foreign_keys {
                let is_parent = |t: &TablePlan| {
                    (&t.target.name.schema, &t.target.name.name) == (&key.referenced_schema, &key.referenced_table)
                };
                if let Some(parent) = plan.tables.iter().position(is_parent) {
                    visit(plan, parent, order, seen);
                }
            }
            order.push(at);
        }
        let (mut order, mut seen) = (Vec::new(), Vec::new());
        (0..self.tables.len()).for_each(|at| visit(self, at, &mut order, &mut seen));
        let of = |at: usize| {
            let table = &self.tables[at];
            let foreign_keys = table.existing.iter().flat_map(|e| e.foreign_keys.clone()).collect();
            Addition { table: table.target.name.clone(), foreign_keys }
        };
        order.into_iter().map(of).collect()
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
