//! Adding staged rows to tables that are live already, and taking them out again.

use sensei_sdk::catalog::{Key, Table, TableName};
use sensei_sdk::{Stage, row_key};

use super::cutover::{back_into, drop_if_empty};
use super::render::{Rendering, plain};
use crate::sql::{SCHEMA_MARK, columns, identifier, literal, qualified, replaced_schema, staging_schema};

impl Rendering<'_> {
    /// Adds nothing: fails before the load where the cutover would, for want of a right or of a column.
    pub(super) fn probe(&mut self, table: &Table) {
        let sql = format!("{} WHERE false", self.insert(table));
        let label = format!("rows can be added to {}", plain(&table.name));
        self.add(Stage::Prepare, format!("prepare/probe/{}", plain(&table.name)), label, sql, None);
    }

    /// Fails once all is loaded where the cutover would, because a row is there already.
    pub(super) fn no_clash(&mut self, table: &Table) {
        for (at, key) in table.primary_key.iter().chain(&table.unique_keys).enumerate() {
            let sql = clash(&self.staged(&table.name), &live(&table.name), key);
            let label = format!("no row of {} is there already ({})", plain(&table.name), key.columns.join(", "));
            self.add(Stage::CompleteAll, format!("all/clash/{}/{at}", plain(&table.name)), label, sql, None);
        }
    }

    /// Rows first, then what they were copied from goes to the schema that keeps it.
    pub(super) fn add_rows(&mut self) {
        let migration = self.job.migration.clone();
        let added: Vec<&Table> = self.job.added().collect();
        let mut schemas: Vec<&str> = added.iter().map(|t| t.name.schema.as_str()).collect();
        schemas.sort_unstable();
        schemas.dedup();
        for schema in schemas {
            let kept = replaced_schema(&migration, schema);
            let comment = literal(&format!("{SCHEMA_MARK}rows that migration {migration} added in schema {schema}"));
            let old = identifier(&kept);
            self.add(
                Stage::Cutover,
                format!("cutover/replaced-schema/{schema}"),
                format!("a place for copies of what is added in schema {schema}"),
                format!("CREATE SCHEMA IF NOT EXISTS {old}; COMMENT ON SCHEMA {old} IS {comment}"),
                Some(drop_if_empty(&kept)),
            );
        }
        for table in added {
            let name = plain(&table.name);
            let staging = staging_schema(&migration, &table.name.schema);
            let kept = replaced_schema(&migration, &table.name.schema);
            self.add(
                Stage::Cutover,
                format!("cutover/add/{name}"),
                format!("rows are added to {name}"),
                // Tables may refer to one another in a circle, where their keys can wait for the last of them.
                format!("SET CONSTRAINTS ALL DEFERRED; {}; {}", self.insert(table), positions(&table.name)),
                Some(self.take_out(table)),
            );
            let copy = qualified(&kept, &table.name.name);
            let back = format!("ALTER TABLE {copy} SET SCHEMA {}", identifier(&staging));
            self.add(
                Stage::Cutover,
                format!("cutover/keep/{name}"),
                format!("copies of what was added to {name} are kept"),
                format!("ALTER TABLE {} SET SCHEMA {}", self.staged(&table.name), identifier(&kept)),
                Some(back_into(&staging, &back)),
            );
        }
        if !self.job.additions.is_empty() {
            let label = "what was added refers to rows that are there".to_owned();
            let sql = "SET CONSTRAINTS ALL IMMEDIATE".to_owned();
            self.add(Stage::Cutover, "cutover/added".to_owned(), label, sql, None);
        }
        // A new table can refer to rows only once they are there.
        for table in self.job.made() {
            for key in &table.foreign_keys {
                let parent = TableName { schema: key.referenced_schema.clone(), name: key.referenced_table.clone() };
                if self.job.adds_to(&parent) {
                    self.foreign_key(table, key, true);
                }
            }
        }
    }

    fn insert(&self, table: &Table) -> String {
        let names: Vec<String> = table.columns.iter().map(|c| identifier(&c.name)).collect();
        let names = names.join(", ");
        format!(
            "INSERT INTO {} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {}",
            live(&table.name),
            self.staged(&table.name)
        )
    }

    fn take_out(&self, table: &Table) -> String {
        match row_key(table) {
            Some(key) => format!(
                "SET CONSTRAINTS ALL DEFERRED; DELETE FROM {} l USING {} r WHERE {}",
                live(&table.name),
                self.staged(&table.name),
                same(&key.columns)
            ),
            None => {
                let message = format!(
                    "the rows that were added to {} have no key of their own: nothing tells them from the others, and they stay",
                    plain(&table.name)
                );
                let body =
                    format!("BEGIN RAISE EXCEPTION USING ERRCODE = '55000', MESSAGE = {}; END", literal(&message));
                format!("DO {}", literal(&body))
            }
        }
    }
}

fn live(name: &TableName) -> String {
    qualified(&name.schema, &name.name)
}

/// Whether `l` and `r` are rows of the same key.
fn same(key: &[String]) -> String {
    let pairs: Vec<String> = key.iter().map(|c| identifier(c)).map(|c| format!("l.{c} = r.{c}")).collect();
    pairs.join(" AND ")
}

fn clash(staged: &str, live: &str, key: &Key) -> String {
    let values: Vec<String> = key.columns.iter().map(|c| format!("r.{}", identifier(c))).collect();
    let body = format!(
        "DECLARE found text; BEGIN SELECT ROW({})::text INTO found FROM {staged} r JOIN {live} l ON {} LIMIT 1; \
         IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '23505', MESSAGE = {} || found || {}; END IF; END",
        values.join(", "),
        same(&key.columns),
        literal(&format!("the target has a row with the key {} = ", columns(&key.columns))),
        literal(" already: leave it out of the source's rows, or of the target's"),
    );
    format!("DO {}", literal(&body))
}

/// Sequences go on behind the numbers that came; one that runs down goes on below them.
fn positions(name: &TableName) -> String {
    let body = format!(
        "DECLARE c record; BEGIN \
         FOR c IN SELECT a.attname, s.seqrelid::regclass AS seq, s.seqincrement AS step, s.seqmin AS low, s.seqmax AS high \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_sequence s \
         ON s.seqrelid = pg_catalog.pg_get_serial_sequence({table}, a.attname)::regclass \
         WHERE a.attrelid = {table}::regclass AND a.attnum > 0 AND NOT a.attisdropped LOOP \
         EXECUTE pg_catalog.format('SELECT pg_catalog.setval(%L::regclass, n.last) FROM (SELECT CASE WHEN %s > 0 THEN max(%I) ELSE min(%I) END::bigint \
         AS last FROM {quoted}) n, %s q WHERE n.last BETWEEN %s AND %s AND (n.last - q.last_value) * %s >= 0', \
         c.seq::text, c.step, c.attname, c.attname, c.seq::text, c.low, c.high, pg_catalog.sign(c.step::numeric)); \
         END LOOP; END",
        table = literal(&live(name)),
        quoted = live(name).replace('%', "%%").replace('\'', "''"),
    );
    format!("DO {}", literal(&body))
}
