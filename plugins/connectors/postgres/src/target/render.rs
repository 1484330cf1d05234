//! The statements of a job, each with what takes it back.

use std::collections::HashSet;

use sensei_sdk::catalog::{
    Action, Column, DataType, DefaultValue, ForeignKey, Generation, Identity, Index, IndexPart, NamedType,
    NamedTypeKind, Partition, Table, TableName,
};
use sensei_sdk::{Job, OnExisting, Stage, Statement};

use super::place::Place;
use crate::catalog::DIALECT;
use crate::sql::{SCHEMA_MARK, columns, identifier, literal, qualified, shorten, staging_schema};

/// Memory for sorting one index: four tables at once then stay within 1 GB, and a sort of 10 M short keys within one
/// pass.
const SORT_MEMORY: &str = "256MB";

/// Types that an identity column may have; others get a sequence and a default.
const IDENTITY_TYPES: &[&str] = &["smallint", "integer", "bigint"];

/// All statements of the job, in order. A pure function.
pub(super) fn render(job: &Job) -> Vec<Statement> {
    let place = Place::new(job);
    let mut out = Rendering { job, place, statements: Vec::new() };
    out.prepare();
    for table in &job.tables {
        out.complete_table(table);
    }
    out.complete_all();
    out.cutover();
    out.discard();
    out.forget();
    out.statements
}

pub(super) struct Rendering<'a> {
    pub(super) job: &'a Job,
    pub(super) place: Place<'a>,
    statements: Vec<Statement>,
}

/// `schema.name`, for ids and labels.
pub(super) fn plain(name: &TableName) -> String {
    format!("{}.{}", name.schema, name.name)
}

/// Partitions of a table, parents first.
pub(super) fn parts(table: &Table) -> impl Iterator<Item = &Partition> {
    table.partitioning.iter().flat_map(|partitioning| &partitioning.parts)
}

impl Rendering<'_> {
    pub(super) fn add(&mut self, stage: Stage, id: String, label: String, sql: String, undo: Option<String>) {
        self.statements.push(Statement { id, stage, sql, undo, table: None, label });
    }

    /// Schemas of the job's tables, types and views, in order of appearance.
    pub(super) fn schemas(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let tables = self.job.tables.iter().flat_map(|t| {
            std::iter::once(t.name.schema.as_str()).chain(parts(t).map(|part| part.name.schema.as_str()))
        });
        let types = self.place.types().iter().map(|t| t.schema);
        let views = self.job.views.iter().map(|v| v.name.schema.as_str());
        tables.chain(types).chain(views).filter(|s| seen.insert(*s)).collect()
    }

    pub(super) fn staged(&self, name: &TableName) -> String {
        qualified(&staging_schema(&self.job.migration, &name.schema), &name.name)
    }

    fn prepare(&mut self) {
        let migration = self.job.migration.clone();
        let schemas: Vec<String> = self.schemas().into_iter().map(ToOwned::to_owned).collect();
        for schema in &schemas {
            let staging = identifier(&staging_schema(&migration, schema));
            let comment = literal(&format!("{SCHEMA_MARK}staging of migration {migration} for schema {schema}"));
            self.add(
                Stage::Prepare,
                format!("prepare/schema/{schema}"),
                format!("staging for schema {schema}"),
                format!("CREATE SCHEMA IF NOT EXISTS {staging}; COMMENT ON SCHEMA {staging} IS {comment}"),
                Some(format!("DROP SCHEMA IF EXISTS {staging}")),
            );
        }
        let live: Vec<String> = self.place.types().iter().map(|t| literal(&qualified(t.schema, t.name))).collect();
        if !live.is_empty() && self.job.on_existing != OnExisting::Replace {
            self.add(
                Stage::Prepare,
                "prepare/no-such-types".to_owned(),
                "check that no type is there already".to_owned(),
                format!(
                    "DO $sensei$ DECLARE found text; BEGIN \
                     SELECT pg_catalog.string_agg(n, ', ') INTO found FROM pg_catalog.unnest(ARRAY[{}]::text[]) n \
                     WHERE pg_catalog.to_regtype(n) IS NOT NULL; \
                     IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '42710', \
                     MESSAGE = 'types that are to be made exist already: ' || found; END IF; END $sensei$",
                    live.join(", ")
                ),
                None,
            );
        }
        self.no_such_functions();
        let types = self.place.types().iter().map(|t| {
            let staging = identifier(&staging_schema(&migration, t.schema));
            let name = format!("{staging}.{}", identifier(t.name));
            // A definition has the bare name; where it lands is the search path's business.
            let sql = format!("SET LOCAL search_path = {staging}; {}; SET LOCAL search_path = ''", t.definition);
            let id = format!("prepare/type/{}.{}", t.schema, t.name);
            (id, format!("type {}.{}", t.schema, t.name), sql, format!("DROP {} IF EXISTS {name}", t.keyword()))
        });
        for (id, label, sql, undo) in types.collect::<Vec<_>>() {
            self.add(Stage::Prepare, id, label, sql, Some(undo));
        }
        for table in &self.job.tables {
            let staged = self.staged(&table.name);
            let columns: Vec<String> = table.columns.iter().map(|c| self.column(c)).collect();
            let by = table.partitioning.as_ref().map(|p| format!(" {}", self.place.rewrite(&p.by))).unwrap_or_default();
            self.add(
                Stage::Prepare,
                format!("prepare/table/{}", plain(&table.name)),
                format!("table {}", plain(&table.name)),
                format!("CREATE TABLE {staged} (\n    {}\n){by}", columns.join(",\n    ")),
                Some(format!("DROP TABLE IF EXISTS {staged}")),
            );
            parts(table).for_each(|part| self.partition(part));
        }
        self.job.added().for_each(|table| self.probe(table));
    }

    fn partition(&mut self, part: &Partition) {
        let (staged, parent) = (self.staged(&part.name), self.staged(&part.parent));
        let by = part.by.as_ref().map(|by| format!(" {}", self.place.rewrite(by))).unwrap_or_default();
        self.add(
            Stage::Prepare,
            format!("prepare/partition/{}", plain(&part.name)),
            format!("partition {}", plain(&part.name)),
            format!("CREATE TABLE {staged} PARTITION OF {parent} {}{by}", part.bounds),
            Some(format!("DROP TABLE IF EXISTS {staged}")),
        );
    }

    fn column(&self, column: &Column) -> String {
        let mut text = format!("{} {}", identifier(&column.name), self.place.rewrite(&column.native_type));
        if let Some(collation) = &column.collation {
            text.push_str(&format!(" COLLATE {collation}"));
        }
        match (&column.generated, &column.identity, &column.default) {
            (Some(generated), ..) => {
                let kind = if generated.stored { "STORED" } else { "VIRTUAL" };
                text.push_str(&format!(" GENERATED ALWAYS AS ({}) {kind}", self.place.rewrite(&generated.expression)));
            }
            (None, Some(identity), _) if has_identity_type(column) => {
                let kind = match identity.generation {
                    Generation::Always => "ALWAYS",
                    Generation::ByDefault => "BY DEFAULT",
                };
                let step = if identity.increment == 1 {
                    String::new()
                } else {
                    format!(" (INCREMENT BY {})", identity.increment)
                };
                text.push_str(&format!(" GENERATED {kind} AS IDENTITY{step}"));
            }
            (None, _, Some(default)) => text.push_str(&format!(" DEFAULT {}", self.default(default, column))),
            (None, _, None) => {}
        }
        if !column.nullable {
            text.push_str(" NOT NULL");
        }
        text
    }

    fn default(&self, default: &DefaultValue, column: &Column) -> String {
        match (default, &column.data_type) {
            (DefaultValue::Literal(text), kind) if spelled_bare(text, kind) => text.clone(),
            (DefaultValue::Literal(text), _) => literal(text),
            (DefaultValue::CurrentDate, _) => "CURRENT_DATE".to_owned(),
            (DefaultValue::CurrentTime, _) => "LOCALTIME".to_owned(),
            // The column itself keeps no more digits than the default was to have.
            (DefaultValue::CurrentTimestamp(digits), DataType::Timestamp(t)) if *digits >= t.precision => {
                "now()".to_owned()
            }
            (DefaultValue::CurrentTimestamp(digits), DataType::Timestamp(t)) if !t.zoned => {
                format!("LOCALTIMESTAMP({digits})")
            }
            (DefaultValue::CurrentTimestamp(digits), _) => format!("CURRENT_TIMESTAMP({})", digits.min(&6)),
            (DefaultValue::RandomUuid, _) => "gen_random_uuid()".to_owned(),
            (DefaultValue::Expression(text), _) => self.place.rewrite(text),
        }
    }

    fn add_for_table(&mut self, table: &Table, what: &str, label: &str, sql: &str, undo: String) {
        self.statements.push(Statement {
            id: format!("table/{}/{what}", plain(&table.name)),
            stage: Stage::CompleteTable,
            sql: format!("SET LOCAL maintenance_work_mem = '{SORT_MEMORY}'; {sql}"),
            undo: Some(undo),
            table: Some(table.name.clone()),
            label: format!("{label} of {}", plain(&table.name)),
        });
    }

    fn complete_table(&mut self, table: &Table) {
        let staged = self.staged(&table.name);
        let staging = staging_schema(&self.job.migration, &table.name.schema);
        let drop =
            |name: &str| format!("ALTER TABLE IF EXISTS {staged} DROP CONSTRAINT IF EXISTS {}", identifier(name));
        if let Some(key) = &table.primary_key {
            let name = key.name.clone().unwrap_or_else(|| shorten(&format!("{}_pkey", table.name.name)));
            let sql = format!(
                "ALTER TABLE {staged} ADD CONSTRAINT {} PRIMARY KEY {}",
                identifier(&name),
                columns(&key.columns)
            );
            self.add_for_table(table, "primary-key", "primary key", &sql, drop(&name));
        }
        for key in &table.unique_keys {
            let name = key
                .name
                .clone()
                .unwrap_or_else(|| shorten(&format!("{}_{}_key", table.name.name, key.columns.join("_"))));
            let sql =
                format!("ALTER TABLE {staged} ADD CONSTRAINT {} UNIQUE {}", identifier(&name), columns(&key.columns));
            self.add_for_table(table, &format!("unique/{name}"), &format!("unique key {name}"), &sql, drop(&name));
        }
        for index in &table.indexes {
            let sql = self.index(index, &staged);
            let undo = format!("DROP INDEX IF EXISTS {}", qualified(&staging, &index.name));
            self.add_for_table(table, &format!("index/{}", index.name), &format!("index {}", index.name), &sql, undo);
        }
        for (at, check) in table.checks.iter().enumerate() {
            let name = check.name.clone().unwrap_or_else(|| shorten(&format!("{}_check_{}", table.name.name, at + 1)));
            let sql = format!(
                "ALTER TABLE {staged} ADD CONSTRAINT {} CHECK ({})",
                identifier(&name),
                self.place.rewrite(&check.expression)
            );
            self.add_for_table(table, &format!("check/{name}"), &format!("check {name}"), &sql, drop(&name));
        }
        // Last, for statistics of expressions in indexes; here, so that it is done while other tables still load.
        self.statements.push(Statement {
            id: format!("table/{}/analyze", plain(&table.name)),
            stage: Stage::CompleteTable,
            sql: format!("ANALYZE {staged}"),
            undo: None,
            table: Some(table.name.clone()),
            label: format!("statistics of {}", plain(&table.name)),
        });
    }

    fn index(&self, index: &Index, staged: &str) -> String {
        let parts: Vec<String> = index.parts.iter().map(|p| self.part(p, &index.method)).collect();
        let unique = if index.unique { "UNIQUE " } else { "" };
        let mut sql = format!(
            "CREATE {unique}INDEX {} ON {staged} USING {} ({})",
            identifier(&index.name),
            identifier(&index.method),
            parts.join(", ")
        );
        if !index.included.is_empty() {
            sql.push_str(&format!(" INCLUDE {}", columns(&index.included)));
        }
        if let Some(predicate) = &index.predicate {
            sql.push_str(&format!(" WHERE {}", self.place.rewrite(predicate)));
        }
        sql
    }

    fn part(&self, part: &IndexPart, method: &str) -> String {
        let mut text = match (&part.column, &part.expression) {
            (Some(column), _) => identifier(column),
            (None, Some(expression)) => format!("({})", self.place.rewrite(expression)),
            (None, None) => String::new(),
        };
        if let Some(class) = &part.operator_class {
            text.push_str(&format!(" {class}"));
        }
        if method == "btree" {
            if part.descending {
                text.push_str(" DESC");
            }
            match part.nulls_first {
                Some(true) => text.push_str(" NULLS FIRST"),
                Some(false) => text.push_str(" NULLS LAST"),
                None => {}
            }
        }
        text
    }

    fn complete_all(&mut self) {
        for table in &self.job.tables {
            for key in &table.foreign_keys {
                let parent = TableName { schema: key.referenced_schema.clone(), name: key.referenced_table.clone() };
                if !self.job.adds_to(&parent) {
                    self.foreign_key(table, key, false);
                }
            }
        }
        self.job.added().for_each(|table| self.no_clash(table));
        for table in &self.job.tables {
            for column in &table.columns {
                if let Some(identity) = &column.identity {
                    self.position(table, column, identity);
                }
            }
        }
        for table in &self.job.tables {
            self.comments(table);
        }
        self.touch();
        self.stage_views();
    }

    /// In staging, or of a live table.
    pub(super) fn foreign_key(&mut self, table: &Table, key: &ForeignKey, live: bool) {
        let staged = if live { qualified(&table.name.schema, &table.name.name) } else { self.staged(&table.name) };
        let referenced = TableName { schema: key.referenced_schema.clone(), name: key.referenced_table.clone() };
        let inside = !live && self.job.tables.iter().any(|t| t.name == referenced);
        let references =
            if inside { self.staged(&referenced) } else { qualified(&referenced.schema, &referenced.name) };
        let name =
            key.name.clone().unwrap_or_else(|| shorten(&format!("{}_{}_fkey", table.name.name, key.columns.join("_"))));
        let mut sql = format!(
            "ALTER TABLE {staged} ADD CONSTRAINT {} FOREIGN KEY {} REFERENCES {references} {} ON UPDATE {} ON DELETE {}",
            identifier(&name),
            columns(&key.columns),
            columns(&key.referenced_columns),
            action(key.on_update),
            action(key.on_delete)
        );
        if key.deferrable {
            sql.push_str(if key.initially_deferred { " DEFERRABLE INITIALLY DEFERRED" } else { " DEFERRABLE" });
        }
        let (stage, beginning) = if live { (Stage::Cutover, "cutover") } else { (Stage::CompleteAll, "all") };
        self.add(
            stage,
            format!("{beginning}/foreign-key/{}/{name}", plain(&table.name)),
            format!("foreign key {name} of {}", plain(&table.name)),
            sql,
            Some(format!("ALTER TABLE IF EXISTS {staged} DROP CONSTRAINT IF EXISTS {}", identifier(&name))),
        );
    }

    /// The next number: what the source would give, or beyond what is there, whichever is further. A sequence that has
    /// reached its end stays there.
    fn position(&mut self, table: &Table, column: &Column, identity: &Identity) {
        let staged = self.staged(&table.name);
        let name = identifier(&column.name);
        let step = identity.increment;
        let (further, extreme) = if step < 0 { ("LEAST", "min") } else { ("GREATEST", "max") };
        let after = format!("(SELECT pg_catalog.{extreme}({name})::numeric + ({step}) FROM {staged})");
        let next = identity.next.map_or_else(|| after.clone(), |n| format!("{further}({n}::numeric, {after})"));
        let mut sql = String::new();
        if !has_identity_type(column) {
            let sequence = shorten(&format!("{}_{}_seq", table.name.name, column.name));
            let sequence = qualified(&staging_schema(&self.job.migration, &table.name.schema), &sequence);
            sql.push_str(&format!(
                "CREATE SEQUENCE {sequence} INCREMENT BY {step} OWNED BY {staged}.{name}; \
                 ALTER TABLE {staged} ALTER COLUMN {name} SET DEFAULT pg_catalog.nextval({}::regclass); ",
                literal(&sequence)
            ));
        }
        sql.push_str(&format!(
            "SELECT pg_catalog.setval(s.seqrelid::regclass, \
             GREATEST(s.seqmin, LEAST(s.seqmax, coalesce(n.next, s.seqstart)))::bigint, \
             coalesce(n.next NOT BETWEEN s.seqmin AND s.seqmax, false)) \
             FROM pg_catalog.pg_sequence s, (SELECT {next} AS next) n \
             WHERE s.seqrelid = pg_catalog.pg_get_serial_sequence({}, {})::regclass",
            literal(&staged),
            literal(&column.name)
        ));
        self.add(
            Stage::CompleteAll,
            format!("all/position/{}/{}", plain(&table.name), column.name),
            format!("next number of {}.{}", plain(&table.name), column.name),
            sql,
            None,
        );
    }

    fn comments(&mut self, table: &Table) {
        let staged = self.staged(&table.name);
        let staging = staging_schema(&self.job.migration, &table.name.schema);
        let mut comments: Vec<(String, &str)> = Vec::new();
        comments.extend(table.comment.as_deref().map(|c| (format!("TABLE {staged}"), c)));
        for column in &table.columns {
            let on = format!("COLUMN {staged}.{}", identifier(&column.name));
            comments.extend(column.comment.as_deref().map(|c| (on, c)));
        }
        for index in &table.indexes {
            let on = format!("INDEX {}", qualified(&staging, &index.name));
            comments.extend(index.comment.as_deref().map(|c| (on, c)));
        }
        let comments: Vec<String> = comments
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(on, text)| format!("COMMENT ON {on} IS {}", literal(text)))
            .collect();
        if !comments.is_empty() {
            self.add(
                Stage::CompleteAll,
                format!("all/comments/{}", plain(&table.name)),
                format!("comments of {}", plain(&table.name)),
                comments.join("; "),
                None,
            );
        }
    }
}

/// Numbers and booleans are spelled without quotes, as the server itself does.
fn spelled_bare(text: &str, data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean => matches!(text, "true" | "false"),
        DataType::Integer(_) | DataType::Decimal(_) | DataType::Number => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            digits.starts_with(|c: char| c.is_ascii_digit())
                && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                && digits.bytes().filter(|b| *b == b'.').count() <= 1
        }
        _ => false,
    }
}

fn has_identity_type(column: &Column) -> bool {
    IDENTITY_TYPES.contains(&column.native_type.as_str())
}

fn action(action: Action) -> &'static str {
    match action {
        Action::NoAction => "NO ACTION",
        Action::Restrict => "RESTRICT",
        Action::Cascade => "CASCADE",
        Action::SetNull => "SET NULL",
        Action::SetDefault => "SET DEFAULT",
    }
}

/// Whether named types of this dialect can be made here.
pub(super) fn speaks(dialect: &str) -> bool {
    dialect == DIALECT
}

/// `TYPE` or `DOMAIN`.
pub(super) fn keyword(named: &NamedType) -> &'static str {
    match named.kind {
        NamedTypeKind::Domain => "DOMAIN",
        NamedTypeKind::Enumeration | NamedTypeKind::Other => "TYPE",
    }
}
