//! Columns that each update of their row sets to the present time: a trigger of the table, and a function that goes where the
//! table goes.

use sensei_sdk::catalog::{Column, DataType, Table};
use sensei_sdk::{Job, OnExisting, Stage};

use super::cutover::back_into;
use super::render::{Rendering, plain};
use crate::sql::{AS_IT_IS, SCHEMA_MARK, identifier, literal, qualified, replaced_schema, shorten, staging_schema};

/// Whether a column of this type can be set so.
pub(super) fn can_be_touched(column: &Column) -> bool {
    matches!(column.data_type, DataType::Timestamp(_))
}

fn touched(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| column.touched_on_update && can_be_touched(column))
}

/// The function's bare name, which is the trigger's, too.
fn name(table: &Table) -> String {
    shorten(&format!("{}_touched", table.name.name))
}

/// The function in a schema, as ALTER and DROP call it.
fn function(schema: &str, table: &Table) -> String {
    format!("{}()", qualified(schema, &name(table)))
}

/// Moves the function between schemas, if it is there.
fn move_if_there(table: &Table, from: &str, to: &str) -> String {
    let moved = function(from, table);
    let body = format!(
        "BEGIN IF pg_catalog.to_regprocedure({}) IS NOT NULL THEN ALTER FUNCTION {moved} SET SCHEMA {}; END IF; END",
        literal(&moved),
        identifier(to)
    );
    format!("DO {}", literal(&body))
}

/// Tables with such columns.
fn with_touch(job: &Job) -> impl Iterator<Item = &Table> {
    job.made().filter(|table| touched(table).next().is_some())
}

impl Rendering<'_> {
    /// Fails where something of somebody else's has the name.
    pub(super) fn no_such_functions(&mut self) {
        let names: Vec<String> =
            with_touch(self.job).map(|table| literal(&function(&table.name.schema, table))).collect();
        if names.is_empty() || self.job.on_existing == OnExisting::Replace {
            return;
        }
        let body = format!(
            "DECLARE found text; BEGIN SELECT pg_catalog.string_agg(n, ', ') INTO found FROM pg_catalog.unnest(ARRAY[{}]::text[]) n \
             WHERE pg_catalog.to_regprocedure(n) IS NOT NULL; IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '42723', \
             MESSAGE = 'functions that are to be made exist already: ' || found; END IF; END",
            names.join(", ")
        );
        let label = "check that no function is there already".to_owned();
        self.add(Stage::Prepare, "prepare/no-such-functions".to_owned(), label, format!("DO {}", literal(&body)), None);
    }

    /// In staging. Rows that are only loaded are not updated. A column that the update itself sets keeps what it was given; one
    /// that is set to what it was cannot be told from one that is not set.
    pub(super) fn touch(&mut self) {
        for table in with_touch(self.job) {
            let staging = staging_schema(&self.job.migration, &table.name.schema);
            let function = function(&staging, table);
            let set = touched(table).map(|column| {
                let (name, now) = (identifier(&column.name), now(column));
                format!("IF NEW.{name} IS NOT DISTINCT FROM OLD.{name} THEN NEW.{name} := {now}; END IF; ")
            });
            let body = format!(
                "BEGIN IF NEW *<> OLD AND coalesce(pg_catalog.current_setting('{AS_IT_IS}', true), '') <> 'on' THEN {}END IF; RETURN NEW; END",
                set.collect::<String>()
            );
            let names: Vec<String> = touched(table).map(|column| identifier(&column.name)).collect();
            let comment = literal(&format!("{SCHEMA_MARK}sets {} at each update", names.join(", ")));
            let sql = format!(
                "CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS {}; COMMENT ON FUNCTION {function} IS {comment}; \
                 CREATE TRIGGER {} BEFORE UPDATE ON {} FOR EACH ROW EXECUTE PROCEDURE {function}",
                literal(&body),
                identifier(&name(table)),
                self.staged(&table.name)
            );
            self.add(
                Stage::CompleteAll,
                format!("all/touch/{}", plain(&table.name)),
                format!("time of update in {}", plain(&table.name)),
                sql,
                Some(format!("DROP FUNCTION IF EXISTS {function} CASCADE")),
            );
        }
    }

    /// What has the function's name goes to the schema that keeps it.
    pub(super) fn move_functions_aside(&mut self) {
        for table in with_touch(self.job) {
            let (live, old) = (&table.name.schema, replaced_schema(&self.job.migration, &table.name.schema));
            self.add(
                Stage::Cutover,
                format!("cutover/replace-touch/{}", plain(&table.name)),
                format!("old time of update in {} moves aside", plain(&table.name)),
                move_if_there(table, live, &old),
                Some(move_if_there(table, &old, live)),
            );
        }
    }

    pub(super) fn functions_live(&mut self) {
        for table in with_touch(self.job) {
            let (live, staging) = (&table.name.schema, staging_schema(&self.job.migration, &table.name.schema));
            let [there, back] = [(&staging, live), (live, &staging)]
                .map(|(from, to)| format!("ALTER FUNCTION {} SET SCHEMA {}", function(from, table), identifier(to)));
            self.add(
                Stage::Cutover,
                format!("cutover/touch/{}", plain(&table.name)),
                format!("time of update in {} goes live", plain(&table.name)),
                there,
                Some(back_into(&staging, &back)),
            );
        }
    }

    /// Drops the functions in staging, or those that were moved aside, after their tables.
    pub(super) fn drop_functions(&mut self, stage: Stage, beginning: &str, schema: impl Fn(&str) -> String) {
        for table in with_touch(self.job) {
            let function = function(&schema(&table.name.schema), table);
            self.add(
                stage,
                format!("{beginning}/touch/{}", plain(&table.name)),
                format!("time of update in {}", plain(&table.name)),
                format!("DROP FUNCTION IF EXISTS {function}"),
                None,
            );
        }
    }
}

fn now(column: &Column) -> String {
    match column.data_type {
        DataType::Timestamp(t) if t.zoned => format!("CURRENT_TIMESTAMP({})", t.precision.min(6)),
        DataType::Timestamp(t) => format!("LOCALTIMESTAMP({})", t.precision.min(6)),
        _ => "LOCALTIMESTAMP".to_owned(),
    }
}
