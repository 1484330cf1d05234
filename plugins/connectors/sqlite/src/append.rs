//! Adding staged rows to tables that are in the file already, and taking them out again.

use sensei_sdk::catalog::Table;
use sensei_sdk::{Stage, row_key};

use crate::render::{Script, action};
use crate::sql::{identifier, identifiers};
use crate::staging::aside;

impl Script<'_> {
    /// Adds nothing: fails before the load where the cutover would, for want of a column.
    pub(crate) fn probe(&mut self, table: &Table) {
        let name = &table.name.name;
        let sql = format!("{} WHERE 0", self.insert(table));
        self.add(Stage::Prepare, format!("probe:{name}"), sql, None, format!("probe of {name}: rows can be added"));
    }

    /// Fails once all is loaded where the cutover would, because a row is there already.
    pub(crate) fn no_clash(&mut self, table: &Table) {
        let name = &table.name.name;
        for (number, key) in table.primary_key.iter().chain(&table.unique_keys).enumerate() {
            let shown: Vec<_> = key.columns.iter().map(|c| format!("r.{}", identifier(c))).collect();
            let sql = format!(
                "SELECT {} FROM {} AS r JOIN {} AS l ON {} LIMIT 1",
                shown.join(" || ', ' || "),
                self.staged(name),
                identifier(name),
                same(&key.columns)
            );
            let label = format!("key ({}) of {name}", key.columns.join(", "));
            self.add(Stage::CompleteAll, format!("{}{name}:{number}", action::CLASH), sql, None, label);
        }
    }

    /// Rows first, and that all they refer to is there; then what they were copied from goes aside.
    pub(crate) fn add_rows(&mut self) {
        for table in self.job.added() {
            let name = &table.name.name;
            let live = identifier(name);
            let back = row_key(table).map(|key| {
                let key = identifiers(&key.columns);
                format!("DELETE FROM {live} WHERE ({key}) IN (SELECT {key} FROM {})", self.staged(name))
            });
            // A person who takes it back by hand is told, and so is the migration.
            let back = back.unwrap_or_else(|| format!("SELECT * FROM \"rows added to {name} have no key: they stay\""));
            let sql = self.insert(table);
            self.add(Stage::Cutover, format!("{}{name}", action::ADD), sql, Some(back), format!("rows of {name}"));
        }
        for (number, (table, key)) in self.job.added_references().enumerate() {
            let name = &table.name.name;
            // By then its parents are live, or in staging still.
            let sql = self.orphans(name, key);
            let label = format!("rows that are added to {name} refer to rows of {}", key.referenced_table);
            self.add(Stage::Cutover, format!("{}{name}:added-{number}", action::FOREIGN), sql, None, label);
        }
        for table in self.job.made() {
            let name = &table.name.name;
            let to_live =
                table.foreign_keys.iter().enumerate().filter(|(_, key)| self.gets_rows(&key.referenced_table));
            for (number, key) in to_live.collect::<Vec<_>>() {
                let sql = self.orphans(name, key);
                let label = format!("rows of {name} refer to rows of {}", key.referenced_table);
                self.add(Stage::Cutover, format!("{}{name}:{number}", action::FOREIGN), sql, None, label);
            }
        }
        for table in self.job.added() {
            let name = &table.name.name;
            let (staged, kept) = (self.staged(name), identifier(&aside(&self.job.migration, name)));
            self.add(
                Stage::Cutover,
                format!("keep:{name}"),
                format!("ALTER TABLE {staged} RENAME TO {kept}"),
                Some(format!("ALTER TABLE {kept} RENAME TO {staged}")),
                format!("copy of what was added to {name}"),
            );
        }
    }

    fn insert(&self, table: &Table) -> String {
        let names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        let names = identifiers(&names);
        let name = &table.name.name;
        format!("INSERT INTO {} ({names}) SELECT {names} FROM {}", identifier(name), self.staged(name))
    }
}

/// Whether `l` and `r` are rows of the same key.
fn same(key: &[String]) -> String {
    let pairs: Vec<String> = key.iter().map(|c| identifier(c)).map(|c| format!("l.{c} = r.{c}")).collect();
    pairs.join(" AND ")
}
