//! The statements of a migration, in order, each beside what takes it back.
//!
//! SQLite cannot add a key, a check or a foreign key to a table, so all of them stand in its CREATE TABLE. Foreign keys
//! name the *live* tables from the beginning: the session that renames has `legacy_alter_table` on and `foreign_keys`
//! off, and then a rename leaves every other reference as it is written.

use sensei_sdk::catalog::{Action, Column, ForeignKey, Index, Table, TableName};
use sensei_sdk::{Job, OnExisting, Stage, Statement};

use crate::catalog::DIALECT;
use crate::propose::{default_sql, identity_key};
use crate::sql::{identifier, identifiers, text};
use crate::staging::{LedgerNames, aside, staged};
use crate::verbatim::Verbatim;

/// What a statement does beyond its SQL; the beginning of its id. [`crate::ledger`] acts on it.
pub(crate) mod action {
    /// The query must give no row: a row is one that violates a foreign key.
    pub(crate) const FOREIGN: &str = "foreign:";
    /// Rows are added to a live table.
    pub(crate) const ADD: &str = "add:";
    /// The query must give no row: a row is one that is there already.
    pub(crate) const CLASH: &str = "clash:";
    /// Only if there is such a table; its indexes go aside with it.
    pub(crate) const ASIDE: &str = "aside:";
    /// Gives an index its live name.
    pub(crate) const INDEX_LIVE: &str = "index-live:";
    /// Puts a table into its place. Taken back, it takes its indexes along.
    pub(crate) const LIVE: &str = "live:";
    /// Before the id of a statement of the cutover that is taken back.
    pub(crate) const UNDO: &str = "undo/";
}

pub(crate) struct Script<'a> {
    pub(crate) job: &'a Job,
    /// The source's own texts, of the tables that need no others; in the order of the job's.
    verbatim: Vec<Option<Verbatim>>,
    statements: Vec<Statement>,
}

/// Renders a job.
pub(crate) fn render(job: &Job) -> Vec<Statement> {
    // The text of a table that is there is its own.
    let text = |table: &Table| if job.adds_to(&table.name) { None } else { Verbatim::of(job, table) };
    let verbatim = job.tables.iter().map(text).collect();
    let mut script = Script { job, verbatim, statements: Vec::new() };
    (0..job.tables.len()).for_each(|at| script.prepare(at));
    job.added().for_each(|table| script.probe(table));
    script.stage_views();
    (0..job.tables.len()).for_each(|at| script.complete_table(at));
    job.tables.iter().for_each(|table| script.complete_all(table));
    job.added().for_each(|table| script.no_clash(table));
    script.cutover();
    script.views_live();
    script.restore_texts();
    script.session();
    script.discard();
    script.forget();
    script.statements
}

impl Script<'_> {
    pub(crate) fn staged(&self, name: &str) -> String {
        identifier(&staged(&self.job.migration, name))
    }

    pub(crate) fn add(&mut self, stage: Stage, id: String, sql: String, undo: Option<String>, label: String) {
        self.statements.push(Statement { id, stage, sql, undo, table: None, label });
    }

    fn prepare(&mut self, at: usize) {
        let table = &self.job.tables[at];
        let name = &table.name.name;
        let staged = self.staged(name);
        let sql = match &self.verbatim[at] {
            Some(verbatim) => verbatim.create_table(&staged),
            None => create_table(table, &staged, self.job.dialect == DIALECT),
        };
        let undo = format!("DROP TABLE IF EXISTS {staged}");
        self.add(Stage::Prepare, format!("create:{name}"), sql, Some(undo), format!("table {name}"));
    }

    fn complete_table(&mut self, at: usize) {
        let table = &self.job.tables[at];
        let name = &table.name.name;
        for index in &table.indexes {
            let staged_index = self.staged(&index.name);
            let sql = match self.verbatim[at]
                .as_ref()
                .and_then(|v| v.create_index(&index.name, &staged_index, &self.staged(name)))
            {
                Some(verbatim) => verbatim,
                None => create_index(index, &staged_index, &self.staged(name)),
            };
            self.statements.push(Statement {
                id: format!("index:{}", index.name),
                stage: Stage::CompleteTable,
                sql,
                undo: Some(format!("DROP INDEX IF EXISTS {staged_index}")),
                table: Some(TableName { schema: table.name.schema.clone(), name: name.clone() }),
                label: format!("index {} of {name}", index.name),
            });
        }
    }

    fn complete_all(&mut self, table: &Table) {
        let name = &table.name.name;
        for (number, key) in table.foreign_keys.iter().enumerate() {
            if self.gets_rows(&key.referenced_table) {
                continue;
            }
            let sql = self.orphans(name, key);
            let label = format!("rows of {name} refer to rows of {}", key.referenced_table);
            self.add(Stage::CompleteAll, format!("{}{name}:{number}", action::FOREIGN), sql, None, label);
        }
        let next = table.columns.iter().find_map(|c| c.identity.as_ref()).and_then(|i| i.next);
        if let (Some(next), true) = (next, numbered(table, self.job.dialect == DIALECT)) {
            let staged = text(&staged(&self.job.migration, name));
            let last = next.saturating_sub(1);
            let sql = format!(
                "INSERT INTO sqlite_sequence(name, seq) SELECT {staged}, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {staged}); \
                 UPDATE sqlite_sequence SET seq = max(seq, {last}) WHERE name = {staged}"
            );
            self.add(Stage::CompleteAll, format!("identity:{name}"), sql, None, format!("next number of {name}"));
        }
    }

    /// Whether the rows of a table of this name are added to a live one.
    pub(crate) fn gets_rows(&self, name: &str) -> bool {
        self.job.additions.iter().any(|addition| addition.table.name.eq_ignore_ascii_case(name))
    }

    /// A query for one row whose foreign key names no row. Tables that the job makes are looked up in staging.
    pub(crate) fn orphans(&self, name: &str, key: &ForeignKey) -> String {
        let parent = match self.job.made().find(|t| t.name.name.eq_ignore_ascii_case(&key.referenced_table)) {
            Some(table) => self.staged(&table.name.name),
            None => identifier(&key.referenced_table),
        };
        let pairs = key.columns.iter().zip(&key.referenced_columns);
        let same: Vec<_> = pairs.map(|(c, r)| format!("p.{} = c.{}", identifier(r), identifier(c))).collect();
        let given: Vec<_> = key.columns.iter().map(|c| format!("c.{} IS NOT NULL", identifier(c))).collect();
        let shown: Vec<_> = key.columns.iter().map(|c| format!("c.{}", identifier(c))).collect();
        format!(
            "SELECT {} FROM {} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {}) LIMIT 1",
            shown.join(", "),
            self.staged(name),
            given.join(" AND "),
            same.join(" AND ")
        )
    }

    fn cutover(&mut self) {
        if self.job.on_existing == OnExisting::Replace {
            for table in &self.job.tables {
                let name = &table.name.name;
                let (live, kept) = (identifier(name), identifier(&aside(&self.job.migration, name)));
                self.add(
                    Stage::Cutover,
                    format!("{}{name}", action::ASIDE),
                    format!("ALTER TABLE {live} RENAME TO {kept}"),
                    Some(format!("ALTER TABLE {kept} RENAME TO {live}")),
                    format!("old table {name} aside, if there is one"),
                );
            }
        }
        self.add_rows();
        for table in self.job.made() {
            let name = &table.name.name;
            let (live, staged) = (identifier(name), self.staged(name));
            self.add(
                Stage::Cutover,
                format!("{}{name}", action::LIVE),
                format!("ALTER TABLE {staged} RENAME TO {live}"),
                Some(format!("ALTER TABLE {live} RENAME TO {staged}")),
                format!("table {name} into place"),
            );
        }
        for table in self.job.made() {
            for index in &table.indexes {
                let name = &index.name;
                let staged_name = staged(&self.job.migration, name);
                let live = create_index(index, &identifier(name), &identifier(&table.name.name));
                let old = create_index(index, &identifier(&staged_name), &identifier(&table.name.name));
                self.add(
                    Stage::Cutover,
                    format!("{}{name}", action::INDEX_LIVE),
                    rename_index(&staged_name, name, &live),
                    Some(rename_index(name, &staged_name, &old)),
                    format!("index {name} into place"),
                );
            }
        }
    }

    /// A rename writes names in quotes; where the source's own text stands for the table, it is put back as it was.
    fn restore_texts(&mut self) {
        for (table, verbatim) in self.job.tables.iter().zip(&self.verbatim) {
            let Some(verbatim) = verbatim else { continue };
            let name = &table.name.name;
            let sql = verbatim.restore(name);
            self.statements.push(Statement {
                id: format!("text:{name}"),
                stage: Stage::Cutover,
                sql,
                // Names in quotes mean the same.
                undo: None,
                table: None,
                label: format!("text of {name}"),
            });
        }
    }

    /// The session that a cutover runs in is set up already; a person's who takes it back by hand is not, and would have
    /// references follow the renames and rows guarded that are about to be dropped. Stands last: its undo is the first.
    fn session(&mut self) {
        let sql = "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON".to_owned();
        let label = "references stay as they are written".to_owned();
        self.add(Stage::Cutover, "session".to_owned(), sql.clone(), Some(sql), label);
    }

    fn discard(&mut self) {
        self.discard_views();
        for table in &self.job.tables {
            let name = &table.name.name;
            let sql = format!("DROP TABLE IF EXISTS {}", self.staged(name));
            self.add(
                Stage::Discard,
                format!("discard:{name}"),
                sql,
                None,
                format!("staged table {name}, if it is still there"),
            );
        }
        let ledger = LedgerNames::of(&self.job.migration);
        let sql = [ledger.chunks, ledger.statements, ledger.journal].map(|name| format!("DROP TABLE IF EXISTS {name}"));
        self.add(Stage::Discard, "discard:".to_owned(), sql.join("; "), None, "ledger".to_owned());
    }

    /// What was moved aside goes, for good, and copies of what was added.
    fn forget(&mut self) {
        if self.job.on_existing != OnExisting::Fail {
            for table in &self.job.tables {
                let name = &table.name.name;
                let sql = format!("DROP TABLE IF EXISTS {}", identifier(&aside(&self.job.migration, name)));
                self.add(Stage::Forget, format!("forget:{name}"), sql, None, format!("replaced table {name}"));
            }
        }
    }
}

/// SQLite has no statement that renames an index; this is the documented way to change what a schema says
/// (<https://sqlite.org/lang_altertable.html#otheralter>).
pub(crate) fn rename_index(from: &str, to: &str, definition: &str) -> String {
    format!(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = {}, sql = {} WHERE type = 'index' AND name = {}; PRAGMA writable_schema = RESET",
        text(to),
        text(definition),
        text(from)
    )
}

/// Whether the table's numbers must never come again: AUTOINCREMENT. Between files, as it was; from systems whose
/// counters never go back, always.
fn numbered(table: &Table, same: bool) -> bool {
    let key = identity_key(table);
    table
        .columns
        .iter()
        .any(|c| Some(&c.name) == key.as_ref() && (!same || c.identity.as_ref().is_some_and(|i| i.next.is_some())))
}

pub(crate) fn create_table(table: &Table, name: &str, same: bool) -> String {
    let key = identity_key(table);
    let mut lines: Vec<String> = Vec::new();
    for column in &table.columns {
        let mut line = column_sql(column);
        if Some(&column.name) == key.as_ref() {
            line.push(' ');
            line.push_str(&constraint(table.primary_key.as_ref().and_then(|k| k.name.as_deref())));
            line.push_str("PRIMARY KEY");
            line.push_str(if numbered(table, same) { " AUTOINCREMENT" } else { "" });
        }
        lines.push(line);
    }
    if let (Some(primary), None) = (&table.primary_key, &key) {
        lines.push(format!("{}PRIMARY KEY ({})", constraint(primary.name.as_deref()), identifiers(&primary.columns)));
    }
    for unique in &table.unique_keys {
        lines.push(format!("{}UNIQUE ({})", constraint(unique.name.as_deref()), identifiers(&unique.columns)));
    }
    for check in &table.checks {
        lines.push(format!("{}CHECK ({})", constraint(check.name.as_deref()), check.expression));
    }
    lines.extend(table.foreign_keys.iter().map(foreign_sql));
    format!("CREATE TABLE {name} (\n  {}\n)", lines.join(",\n  "))
}

fn constraint(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("CONSTRAINT {} ", identifier(name)))
}

fn column_sql(column: &Column) -> String {
    let mut sql = identifier(&column.name);
    if !column.native_type.is_empty() {
        sql.push(' ');
        sql.push_str(&column.native_type);
    }
    if !column.nullable {
        sql.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        sql.push_str(" DEFAULT ");
        sql.push_str(&default_sql(default, &column.data_type));
    }
    if let Some(collation) = &column.collation {
        sql.push_str(" COLLATE ");
        sql.push_str(&identifier(collation));
    }
    if let Some(generated) = &column.generated {
        let kept = if generated.stored { "STORED" } else { "VIRTUAL" };
        sql.push_str(&format!(" GENERATED ALWAYS AS ({}) {kept}", generated.expression));
    }
    sql
}

fn action_sql(action: Action) -> Option<&'static str> {
    match action {
        Action::NoAction => None,
        Action::Restrict => Some("RESTRICT"),
        Action::Cascade => Some("CASCADE"),
        Action::SetNull => Some("SET NULL"),
        Action::SetDefault => Some("SET DEFAULT"),
    }
}

fn foreign_sql(key: &ForeignKey) -> String {
    let mut sql = format!(
        "{}FOREIGN KEY ({}) REFERENCES {} ({})",
        constraint(key.name.as_deref()),
        identifiers(&key.columns),
        identifier(&key.referenced_table),
        identifiers(&key.referenced_columns)
    );
    for (event, action) in [("UPDATE", key.on_update), ("DELETE", key.on_delete)] {
        if let Some(words) = action_sql(action) {
            sql.push_str(&format!(" ON {event} {words}"));
        }
    }
    if key.deferrable {
        sql.push_str(if key.initially_deferred {
            " DEFERRABLE INITIALLY DEFERRED"
        } else {
            " DEFERRABLE INITIALLY IMMEDIATE"
        });
    }
    sql
}

/// `name` and `table` as identifiers.
pub(crate) fn create_index(index: &Index, name: &str, table: &str) -> String {
    let parts: Vec<_> = index
        .parts
        .iter()
        .map(|part| {
            let mut sql = match (&part.column, &part.expression) {
                (Some(column), _) => identifier(column),
                (None, expression) => expression.clone().unwrap_or_default(),
            };
            if let Some(collation) = &part.operator_class {
                sql.push_str(" COLLATE ");
                sql.push_str(&identifier(collation));
            }
            if part.descending {
                sql.push_str(" DESC");
            }
            sql
        })
        .collect();
    let unique = if index.unique { "UNIQUE " } else { "" };
    let condition = index.predicate.as_ref().map_or_else(String::new, |p| format!(" WHERE {p}"));
    format!("CREATE {unique}INDEX {name} ON {table} ({}){condition}", parts.join(", "))
}
