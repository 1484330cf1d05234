//! Staging to live, the way back, and what goes for good.

use sensei_sdk::catalog::TableName;
use sensei_sdk::{OnExisting, Stage};

use super::render::{Rendering, parts, plain};
use crate::sql::{SCHEMA_MARK, identifier, ledger_schema, literal, qualified, replaced_schema, staging_schema};

impl Rendering<'_> {
    pub(super) fn cutover(&mut self) {
        let schemas: Vec<String> = self.schemas().into_iter().map(ToOwned::to_owned).collect();
        for schema in &schemas {
            self.add(
                Stage::Cutover,
                format!("cutover/schema/{schema}"),
                format!("schema {schema}"),
                format!("CREATE SCHEMA IF NOT EXISTS {}", identifier(schema)),
                self.job.new_schemas.contains(schema).then(|| drop_if_empty(schema)),
            );
        }
        if self.job.on_existing == OnExisting::Replace {
            self.move_aside(&schemas);
        }
        let migration = self.job.migration.clone();
        let types = self.place.types().iter().map(|t| {
            let staging = staging_schema(&migration, t.schema);
            let sql = t.move_between(&staging, t.schema, false);
            let undo = back_into(&staging, &t.move_between(t.schema, &staging, false));
            (
                format!("cutover/type/{}.{}", t.schema, t.name),
                format!("type {}.{} goes live", t.schema, t.name),
                sql,
                undo,
            )
        });
        for (id, label, sql, undo) in types.collect::<Vec<_>>() {
            self.add(Stage::Cutover, id, label, sql, Some(undo));
        }
        self.functions_live();
        let made: Vec<_> = self.job.made().collect();
        for (at, table) in made.iter().enumerate() {
            parts(table).for_each(|part| self.table_live("partition", &part.name, ""));
            let last = at + 1 == made.len() && self.job.views.is_empty();
            // The first thing to be taken back: by then all of them are in their place.
            let before = if last { format!("{}; ", self.nothing_depends()) } else { String::new() };
            self.table_live("table", &table.name, &before);
        }
        self.add_rows();
        self.views_live();
    }

    /// `before`: what is executed before it is taken back.
    fn table_live(&mut self, what: &str, name: &TableName, before: &str) {
        let staging = staging_schema(&self.job.migration, &name.schema);
        let live = qualified(&name.schema, &name.name);
        let undo = back_into(&staging, &format!("ALTER TABLE {live} SET SCHEMA {}", identifier(&staging)));
        self.add(
            Stage::Cutover,
            format!("cutover/{what}/{}", plain(name)),
            format!("{what} {} goes live", plain(name)),
            format!("ALTER TABLE {} SET SCHEMA {}", self.staged(name), identifier(&name.schema)),
            Some(format!("{before}{undo}")),
        );
    }

    /// Tables and types that are there already go to a schema that keeps them.
    fn move_aside(&mut self, schemas: &[String]) {
        let migration = self.job.migration.clone();
        for schema in schemas {
            let old = identifier(&replaced_schema(&migration, schema));
            let comment = literal(&format!("{SCHEMA_MARK}what migration {migration} replaced in schema {schema}"));
            self.add(
                Stage::Cutover,
                format!("cutover/replaced-schema/{schema}"),
                format!("a place for what is replaced in schema {schema}"),
                format!("CREATE SCHEMA IF NOT EXISTS {old}; COMMENT ON SCHEMA {old} IS {comment}"),
                Some(drop_if_empty(&replaced_schema(&migration, schema))),
            );
        }
        self.move_views_aside();
        for table in &self.job.tables {
            let live = qualified(&table.name.schema, &table.name.name);
            let old = replaced_schema(&migration, &table.name.schema);
            let kept = qualified(&old, &table.name.name);
            // Views and foreign keys follow the table they were made for, which is now the old one.
            let warn = format!(
                "DO $sensei$ DECLARE found text; BEGIN SELECT pg_catalog.string_agg(DISTINCT v.oid::regclass::text, ', ') INTO found \
                 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid \
                 JOIN pg_catalog.pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm') \
                 WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refobjid = pg_catalog.to_regclass({name}) \
                 AND v.relnamespace::regnamespace IS DISTINCT FROM pg_catalog.to_regnamespace({kept}); \
                 IF found IS NOT NULL THEN RAISE WARNING 'these views still read the replaced table {label}: %', found; END IF; \
                 END $sensei$; ",
                name = literal(&live),
                kept = literal(&identifier(&old)),
                label = plain(&table.name).replace(['\'', '%', '$'], "_")
            );
            self.add(
                Stage::Cutover,
                format!("cutover/replace/{}", plain(&table.name)),
                format!("old table {} moves aside", plain(&table.name)),
                format!(
                    "{warn}ALTER TABLE IF EXISTS {live} SET SCHEMA {}; {}",
                    identifier(&old),
                    partitions_follow(&kept, &table.name.schema, &old)
                ),
                Some(format!(
                    "ALTER TABLE IF EXISTS {kept} SET SCHEMA {}; {}",
                    identifier(&table.name.schema),
                    partitions_follow(&live, &old, &table.name.schema)
                )),
            );
        }
        let types = self.place.types().iter().map(|t| {
            let old = replaced_schema(&migration, t.schema);
            let id = format!("cutover/replace-type/{}.{}", t.schema, t.name);
            (
                id,
                format!("old type {}.{} moves aside", t.schema, t.name),
                t.move_between(t.schema, &old, true),
                t.move_between(&old, t.schema, true),
            )
        });
        for (id, label, sql, undo) in types.collect::<Vec<_>>() {
            self.add(Stage::Cutover, id, label, sql, Some(undo));
        }
        self.move_functions_aside();
    }

    /// Only what the migration made and what is not live. No schema is dropped with anything unknown in it.
    pub(super) fn discard(&mut self) {
        self.discard_views();
        let migration = self.job.migration.clone();
        for table in &self.job.tables {
            let staged = self.staged(&table.name);
            self.add(
                Stage::Discard,
                format!("discard/table/{}", plain(&table.name)),
                format!("staged table {}", plain(&table.name)),
                format!("DROP TABLE IF EXISTS {staged} CASCADE"),
                None,
            );
        }
        self.drop_functions(Stage::Discard, "discard", |schema| staging_schema(&migration, schema));
        let types = self.place.types().iter().rev().map(|t| {
            let name = qualified(&staging_schema(&migration, t.schema), t.name);
            let id = format!("discard/type/{}.{}", t.schema, t.name);
            (id, format!("staged type {}.{}", t.schema, t.name), format!("DROP {} IF EXISTS {name}", t.keyword()))
        });
        for (id, label, sql) in types.collect::<Vec<_>>() {
            self.add(Stage::Discard, id, label, sql, None);
        }
        let schemas: Vec<String> = self.schemas().into_iter().map(ToOwned::to_owned).collect();
        for schema in &schemas {
            self.add(
                Stage::Discard,
                format!("discard/schema/{schema}"),
                format!("staging for schema {schema}"),
                format!("DROP SCHEMA IF EXISTS {}", identifier(&staging_schema(&migration, schema))),
                None,
            );
        }
        let ledger = identifier(&ledger_schema(&migration));
        self.add(
            Stage::Discard,
            "discard/ledger".to_owned(),
            "ledger".to_owned(),
            format!("DROP SCHEMA IF EXISTS {ledger} CASCADE"),
            None,
        );
    }

    /// What was moved aside, and copies of what was added, for good: in one statement, since these tables refer to one another. Nothing goes that others
    /// have come to depend on.
    pub(super) fn forget(&mut self) {
        if self.job.on_existing == OnExisting::Fail {
            return;
        }
        self.forget_views();
        let migration = self.job.migration.clone();
        let kept = |name: &TableName| qualified(&replaced_schema(&migration, &name.schema), &name.name);
        let tables: Vec<String> = self.job.tables.iter().map(|table| kept(&table.name)).collect();
        let sql = format!("DROP TABLE IF EXISTS {}", tables.join(", "));
        self.add(Stage::Forget, "forget/tables".to_owned(), "replaced tables".to_owned(), sql, None);
        if self.job.on_existing == OnExisting::Replace {
            self.drop_functions(Stage::Forget, "forget", |schema| replaced_schema(&migration, schema));
        }
        let types = self.place.types().iter().rev().map(|t| {
            let name = qualified(&replaced_schema(&migration, t.schema), t.name);
            let id = format!("forget/type/{}.{}", t.schema, t.name);
            (id, format!("replaced type {}.{}", t.schema, t.name), format!("DROP {} IF EXISTS {name}", t.keyword()))
        });
        for (id, label, sql) in types.collect::<Vec<_>>() {
            self.add(Stage::Forget, id, label, sql, None);
        }
        let schemas: Vec<String> = self.schemas().into_iter().map(ToOwned::to_owned).collect();
        for schema in &schemas {
            self.add(
                Stage::Forget,
                format!("forget/schema/{schema}"),
                format!("the place of what was replaced in schema {schema}"),
                drop_if_empty(&replaced_schema(&migration, schema)),
                None,
            );
        }
    }

    /// Fails if a view, or a foreign key of another table, has come to depend on a live table or view of the job: it would go
    /// with it.
    pub(super) fn nothing_depends(&self) -> String {
        let made = self.job.made().map(|t| &t.name).chain(self.job.views.iter().map(|v| &v.name));
        let live: Vec<String> = made.map(|name| literal(&qualified(&name.schema, &name.name))).collect();
        let body = format!(
            "DECLARE found text; BEGIN \
             WITH RECURSIVE live(made) AS (SELECT pg_catalog.to_regclass(n)::oid FROM pg_catalog.unnest(ARRAY[{}]::text[]) n \
             UNION SELECT i.inhrelid FROM live l JOIN pg_catalog.pg_inherits i ON i.inhparent = l.made \
             JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition), \
             others AS (SELECT r.ev_class AS other FROM pg_catalog.pg_depend d \
             JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_catalog.pg_rewrite'::regclass \
             WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid IN (SELECT l.made FROM live l) \
             UNION SELECT c.conrelid FROM pg_catalog.pg_constraint c \
             WHERE c.contype = 'f' AND c.confrelid IN (SELECT l.made FROM live l)) \
             SELECT pg_catalog.string_agg(o.other::regclass::text, ', ') INTO found FROM others o \
             WHERE o.other NOT IN (SELECT l.made FROM live l WHERE l.made IS NOT NULL); \
             IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '2BP01', \
             MESSAGE = 'these depend on the new tables and would go with them: ' || found; END IF; END",
            live.join(", ")
        );
        format!("DO {}", literal(&body))
    }
}

/// Partitions stay where they are when their table goes elsewhere: those in the schema that it left go after it.
fn partitions_follow(table: &str, from: &str, to: &str) -> String {
    let body = format!(
        "DECLARE one oid; BEGIN FOR one IN WITH RECURSIVE tree(part) AS ( \
         SELECT pg_catalog.to_regclass({table})::oid \
         UNION SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.part \
         JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition) \
         SELECT t.part FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.part \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relispartition AND n.nspname = {from} \
         LOOP EXECUTE pg_catalog.format('ALTER TABLE %s SET SCHEMA %I', one::regclass, {to}); END LOOP; END",
        table = literal(table),
        from = literal(from),
        to = literal(to),
    );
    format!("DO {}", literal(&body))
}

/// Leaves a schema in which others have made something.
pub(super) fn drop_if_empty(schema: &str) -> String {
    let drop = format!("DROP SCHEMA IF EXISTS {}", identifier(schema));
    format!("DO {}", literal(&format!("BEGIN {drop}; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END")))
}

/// What goes back finds no staging where the migration ended: it was discarded.
pub(super) fn back_into(staging: &str, sql: &str) -> String {
    format!("CREATE SCHEMA IF NOT EXISTS {}; {sql}", identifier(staging))
}
