//! Whole migrations from file to file, through the same calls that the engine makes, with SQLite's own file system.

mod column_types;
mod rehearsals;

use sensei_sdk::catalog::{Catalog, Table};
use sensei_sdk::{
    Job, Kind, OnExisting, ReadRequest, Reader, Result, Source, Stage, Target, WriteRequest, Writer, rows,
};
use tempfile::TempDir;

use crate::database::{Access, Class, Database};
use crate::source::FileSource;
use crate::target::FileTarget;

const MIGRATION: &str = "m1";
/// Small, so that tables are divided.
const CHUNK_ROWS: u64 = 100;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn configuration(&self, name: &str) -> String {
        serde_json::json!({ "path": self.path(name), "busy_timeout_ms": 0 }).to_string()
    }

    fn run(&self, name: &str, sql: &str) {
        let db = Database::open(&self.path(name), Access::Create, 0).unwrap();
        db.execute("PRAGMA foreign_keys = OFF").unwrap();
        db.execute(sql).unwrap();
    }

    fn source(&self, name: &str) -> FileSource {
        FileSource::open(&self.configuration(name)).unwrap()
    }

    fn target(&self, name: &str) -> FileTarget {
        FileTarget::open(&self.configuration(name)).unwrap()
    }

    /// All rows of a query, as SQLite itself quotes values.
    fn rows(&self, name: &str, query: &str) -> Vec<String> {
        let db = Database::open(&self.path(name), Access::ReadOnly, 0).unwrap();
        let mut rows = db.prepare(query).unwrap();
        let mut all = Vec::new();
        while rows.step().unwrap() {
            all.push(rows.text(0).unwrap_or_default());
        }
        all
    }

    /// Every value of every table, with its storage class.
    fn content(&self, name: &str) -> Vec<String> {
        let db = Database::open(&self.path(name), Access::ReadOnly, 0).unwrap();
        let mut all = Vec::new();
        for table in self
            .rows(name, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1")
        {
            let mut rows = db.prepare(&format!("SELECT * FROM {}", crate::sql::identifier(&table))).unwrap();
            let columns =
                self.rows(name, &format!("SELECT name FROM pragma_table_xinfo({})", crate::sql::text(&table)));
            let mut of_table = Vec::new();
            while rows.step().unwrap() {
                let value = |at: usize| match rows.class(at) {
                    Class::Blob => format!("{:x?}", rows.bytes(at)),
                    Class::Real => format!("{:?}", rows.real(at)),
                    class => format!("{class:?} {:?}", rows.text(at)),
                };
                of_table.push(format!("{table}: {}", (0..columns.len()).map(value).collect::<Vec<_>>().join(", ")));
            }
            of_table.sort();
            all.extend(of_table);
        }
        all
    }

    fn schema(&self, name: &str) -> Vec<String> {
        let query = "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1";
        self.rows(name, query).iter().map(|s| s.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    fn is_sound(&self, name: &str) {
        assert_eq!(self.rows(name, "PRAGMA integrity_check"), ["ok"]);
        assert_eq!(self.rows(name, "PRAGMA foreign_key_check"), [""; 0]);
        assert_eq!(
            self.rows(name, "SELECT name FROM sqlite_schema WHERE name LIKE 'sensei\\_m1%' ESCAPE '\\'"),
            [""; 0]
        );
    }
}

struct Migration {
    source: FileSource,
    target: FileTarget,
    catalog: Catalog,
    job: Job,
    row_schemas: Vec<Vec<u8>>,
}

impl Migration {
    fn new(place: &Place, from: &str, to: &str, on_existing: OnExisting) -> Self {
        let (mut source, mut target) = (place.source(from), place.target(to));
        let catalog = source.catalog(vec![]).unwrap();
        let proposals = target.propose(catalog.tables.clone(), &catalog.dialect).unwrap();
        let row_schemas = proposals.iter().map(|p| p.row_schema.clone()).collect();
        let job = Job {
            migration: MIGRATION.to_owned(),
            tables: proposals.into_iter().map(|p| p.table).collect(),
            named_types: catalog.named_types.clone(),
            dialect: catalog.dialect.clone(),
            on_existing,
            additions: vec![],
            views: vec![],
            new_schemas: vec![],
        };
        Self { source, target, catalog, job, row_schemas }
    }

    fn execute(&mut self, stages: &[Stage]) -> Result<()> {
        let statements = self.target.render(self.job.clone())?;
        for stage in stages {
            let of_stage: Vec<_> = statements.iter().filter(|s| s.stage == *stage).cloned().collect();
            self.target.execute(MIGRATION, of_stage)?;
        }
        Ok(())
    }

    fn load(&mut self, place: &Place, from: &str) -> Result<()> {
        self.target.claim(MIGRATION)?;
        self.execute(&[Stage::Prepare])?;
        let snapshot = self.source.freeze()?;
        assert!(snapshot.consistent);
        let mut lane = place.source(from);
        lane.join(&snapshot.token)?;
        self.source.thaw()?;
        for (table, row_schema) in self.catalog.tables.iter().zip(self.row_schemas.clone()) {
            let mut moved = 0;
            for (number, chunk) in self.source.split(table.name.clone(), CHUNK_ROWS)?.into_iter().enumerate() {
                let columns = rows::decode_schema(&row_schema)?.fields().iter().map(|f| f.name().clone()).collect();
                let request = ReadRequest {
                    table: table.name.clone(),
                    columns,
                    range: chunk.range,
                    batch_rows: 30,
                    batch_bytes: 1 << 20,
                    limit: None,
                };
                let mut reader = lane.read(request)?;
                let mut writer = self.target.write(write_request(table, number as u32, &row_schema))?;
                while let Some(batch) = reader.next()? {
                    writer.write(batch)?;
                }
                moved += writer.commit(None)?;
            }
            assert_eq!(moved, self.source.count(table.name.clone())?);
            assert_eq!(moved, self.target.count(MIGRATION, table.name.clone(), true)?);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.execute(&[Stage::CompleteTable, Stage::CompleteAll, Stage::Cutover, Stage::Discard])
    }
}

fn write_request(table: &Table, chunk: u32, row_schema: &[u8]) -> WriteRequest {
    WriteRequest { migration: MIGRATION.to_owned(), table: table.clone(), chunk, row_schema: row_schema.to_vec() }
}

fn move_all(place: &Place, from: &str, to: &str, on_existing: OnExisting) -> Result<()> {
    let mut migration = Migration::new(place, from, to, on_existing);
    migration.load(place, from)?;
    migration.finish()
}

const CORNERS: &str = "
    CREATE TABLE keyed (id INTEGER PRIMARY KEY AUTOINCREMENT, n numeric(10,2) default 1.5, t varchar(10) collate nocase, u uuid,
        moment datetime, iso datetime, flag boolean not null default 1, any, CHECK (n <> 7), constraint pair unique (t, n)); -- said
    INSERT INTO keyed VALUES (5, 1.5, 'a', x'00112233445566778899aabbccddeeff', '2024-01-02 03:04:05', '2024-01-02T03:04:05.120Z', 0, 'x'),
        (-7, 2, 'B', NULL, NULL, '2024-01-02T03:04:05.000Z', 1, NULL);
    CREATE TABLE \"odd \"\"name\" (a TEXT, b INT GENERATED ALWAYS AS (length(a)) STORED, c REAL GENERATED ALWAYS AS (b / 2.0));
    INSERT INTO \"odd \"\"name\" (a) VALUES ('x'), (NULL);
    CREATE TABLE plain (k TEXT PRIMARY KEY, v BLOB, parent REFERENCES keyed, UNIQUE (v)) WITHOUT ROWID;
    INSERT INTO plain VALUES ('a', x'', 5), ('b', NULL, NULL);
    CREATE TABLE tight (i INT, r REAL, t TEXT) STRICT;
    WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO tight SELECT i, i / 3.0, 'row ' || i FROM n;
    DELETE FROM tight WHERE i % 7 = 0;
    CREATE TABLE tree (id INTEGER PRIMARY KEY, up REFERENCES tree (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO tree VALUES (1, NULL), (2, 1);
    CREATE INDEX by_half ON tight (r DESC) WHERE i > 5;
    CREATE UNIQUE INDEX \"by \"\"lower\" ON keyed (lower(t), n);
";

#[test]
fn from_file_to_file_nothing_differs() {
    let place = Place::new();
    place.run("a.db", CORNERS);
    move_all(&place, "a.db", "b.db", OnExisting::Fail).unwrap();
    assert_eq!(place.schema("b.db"), place.schema("a.db"));
    assert_eq!(place.content("b.db"), place.content("a.db"));
    assert_eq!(place.rows("b.db", "SELECT seq FROM sqlite_sequence"), ["5"]);
    place.is_sound("b.db");
}

/// SQLite keeps texts in the encoding that the file was made with; whoever asks gets UTF-8.
#[test]
fn texts_in_utf16_arrive_like_any_other() {
    let place = Place::new();
    let rows = "CREATE TABLE names (id INTEGER PRIMARY KEY, \"naïve\" TEXT DEFAULT 'é', CHECK (\"naïve\" <> 'ü'));
        INSERT INTO names VALUES (1, 'äöü😀'), (2, ''), (3, NULL), (4, 'a' || char(0) || 'b')";
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        place.run(encoding, &format!("PRAGMA encoding = '{encoding}'; {rows}"));
        let arrived = format!("{encoding} arrived");
        move_all(&place, encoding, &arrived, OnExisting::Fail).unwrap();
        assert_eq!(place.content(&arrived), place.content("UTF-8"), "{encoding}");
        assert_eq!(place.schema(&arrived), place.schema("UTF-8 arrived"), "{encoding}");
    }
}

#[test]
fn renamed_columns_are_described_anew() {
    let place = Place::new();
    place.run("a.db", "CREATE TABLE p (\"Id\" INTEGER PRIMARY KEY); CREATE TABLE c (x INTEGER REFERENCES p (\"Id\")) STRICT; INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)");
    let mut migration = Migration::new(&place, "a.db", "b.db", OnExisting::Fail);
    let parent = &mut migration.job.tables[0];
    parent.columns[0].name = "id".to_owned();
    parent.primary_key.as_mut().unwrap().columns[0] = "id".to_owned();
    migration.job.tables[1].foreign_keys[0].referenced_columns[0] = "id".to_owned();
    let statements = migration.target.render(migration.job.clone()).unwrap();
    let create: Vec<_> = statements.iter().filter(|s| s.stage == Stage::Prepare).map(|s| s.sql.as_str()).collect();
    insta::assert_snapshot!(create.join(";\n"));
}

#[test]
fn replaced_tables_are_kept_whole_and_references_stay_with_the_names() {
    let place = Place::new();
    place.run(
        "a.db",
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE c (p REFERENCES p (id)); CREATE INDEX i ON p (v);
        INSERT INTO p VALUES (1, 'new'); INSERT INTO c VALUES (1)",
    );
    place.run("b.db", "CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE c (p REFERENCES p (id)); CREATE INDEX i ON p (v);
        CREATE TABLE other (p REFERENCES p (id)); CREATE VIEW w AS SELECT v FROM p; INSERT INTO p VALUES (1, 'old'); INSERT INTO c VALUES (1); INSERT INTO other VALUES (1)");
    move_all(&place, "a.db", "b.db", OnExisting::Replace).unwrap();
    assert_eq!(place.rows("b.db", "SELECT v FROM w"), ["new"]);
    assert_eq!(place.rows("b.db", "SELECT v FROM sensei_old_m1__p"), ["old"]);
    for child in ["c", "other", "sensei_old_m1__c"] {
        assert_eq!(
            place.rows("b.db", &format!("SELECT \"table\" FROM pragma_foreign_key_list('{child}')")),
            ["p"],
            "{child}"
        );
    }
    let indexes =
        "SELECT name || ' ' || tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1";
    assert_eq!(place.rows("b.db", indexes), ["i p", "sensei_old_m1__i sensei_old_m1__p"]);
    place.is_sound("b.db");
    // And the catalog shows neither what was kept nor anything else of the migration.
    let tables = place.target("b.db").catalog(vec![]).unwrap().tables;
    assert_eq!(tables.iter().map(|t| t.name.name.as_str()).collect::<Vec<_>>(), ["other", "p", "c"]);
}

#[test]
fn a_chunk_arrives_once_or_not_at_all() {
    let place = Place::new();
    place.run("a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    let mut migration = Migration::new(&place, "a.db", "b.db", OnExisting::Fail);
    migration.target.claim(MIGRATION).unwrap();
    migration.execute(&[Stage::Prepare]).unwrap();
    // What is done is done: again is a success.
    migration.execute(&[Stage::Prepare]).unwrap();
    let table = migration.catalog.tables[0].clone();
    let row_schema = migration.row_schemas[0].clone();
    let request = ReadRequest {
        table: table.name.clone(),
        columns: vec!["id".into(), "v".into()],
        range: sensei_sdk::Range::Whole,
        batch_rows: 1,
        batch_bytes: 1,
        limit: None,
    };
    let mut read = || {
        let mut reader = migration.source.read(request.clone()).unwrap();
        std::iter::from_fn(move || reader.next().unwrap()).collect::<Vec<_>>()
    };
    let batches = [read(), read(), read()];
    assert_eq!(batches[0].len(), 2);
    for (round, batches) in batches.into_iter().enumerate() {
        let mut writer = migration.target.write(write_request(&table, 7, &row_schema)).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        match round {
            // Dropped: nothing is left.
            0 => {}
            1 => assert_eq!(writer.commit(None).unwrap(), 2),
            _ => assert_eq!(writer.commit(None).unwrap_err().kind, Kind::Conflict),
        }
        drop(writer);
        assert_eq!(
            migration.target.count(MIGRATION, table.name.clone(), true).unwrap(),
            if round == 0 { 0 } else { 2 }
        );
    }
    migration.target.note(MIGRATION, "plan", "1").unwrap();
    migration.target.note(MIGRATION, "plan", "2").unwrap();
    let ledger = place.target("b.db").recall(MIGRATION).unwrap().unwrap();
    assert_eq!((ledger.chunks.len(), ledger.chunks[0].chunk, ledger.chunks[0].rows), (1, 7, 2));
    assert_eq!(ledger.journal, [("plan".to_owned(), "2".to_owned())]);
    assert_eq!(place.target("b.db").claim(MIGRATION).unwrap_err().kind, Kind::Conflict);
    migration.target.reset(MIGRATION, table.name.clone()).unwrap();
    assert!(migration.target.recall(MIGRATION).unwrap().unwrap().chunks.is_empty());
    assert_eq!(migration.target.count(MIGRATION, table.name, true).unwrap(), 0);
    migration.execute(&[Stage::Discard]).unwrap();
    assert_eq!(migration.target.recall(MIGRATION).unwrap(), None);
    assert_eq!(place.schema("b.db"), [""; 0]);
}

#[test]
fn a_row_that_refers_to_nothing_stops_before_the_cutover() {
    let place = Place::new();
    place.run(
        "a.db",
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id)); INSERT INTO c VALUES (9)",
    );
    let error = move_all(&place, "a.db", "b.db", OnExisting::Fail).unwrap_err();
    assert_eq!(
        (error.kind, error.table.as_deref(), error.row.as_deref()),
        (Kind::ConstraintViolation, Some("c"), Some("9"))
    );
    assert!(place.target("b.db").catalog(vec![]).unwrap().tables.is_empty());
}

#[test]
fn a_value_that_the_sample_did_not_show_is_refused_by_name() {
    let place = Place::new();
    place.run("a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 1), (2, 2)");
    let mut source = place.source("a.db");
    let table = source.catalog(vec![]).unwrap().tables[0].name.clone();
    place.run("a.db", "UPDATE t SET n = 'two' WHERE id = 2");
    let request = ReadRequest {
        table,
        columns: vec!["n".into()],
        range: sensei_sdk::Range::Whole,
        batch_rows: 10,
        batch_bytes: 1000,
        limit: None,
    };
    let error = source.read(request).unwrap().next().unwrap_err();
    assert_eq!(error.kind, Kind::InvalidData);
    assert_eq!(
        (error.table.as_deref(), error.column.as_deref(), error.row.as_deref()),
        (Some("t"), Some("n"), Some("rowid 2"))
    );
}
