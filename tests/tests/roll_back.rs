//! The way back, from every phase: the target's catalog and content are as they were before, also where the server is killed on
//! the way. Compared by dumps, which know nothing of Sensei.

use std::thread;
use std::time::Duration;

use sensei_tests::api::{Serve, eventually};
use sensei_tests::proxy::Proxy;
use sensei_tests::servers::{self, MariaDbDatabase, Target};
use serde_json::{Value, json};
use tempfile::TempDir;

const ROWS: u32 = 60_000;
/// Bytes a second that a slow source gives: some chunks in a test, not all.
const SLOW: u64 = 700_000;

/// What was there before, and is to be replaced: the key, the index and the sequence have the names of the new ones.
const BEFORE: &str = "create table parents (id int primary key, name varchar(20) not null);
    create table children (id int primary key, parent_id int not null references parents (id), note varchar(40));
    create index by_parent on children (parent_id);
    insert into parents values (1, 'old'), (2, 'older');
    insert into children values (1, 1, 'a'), (2, 2, null);
    create view seen as select p.name, c.note from parents p join children c on c.parent_id = p.id;
    create table others (id int primary key); insert into others values (7);";

fn all() -> [Target; 3] {
    let all = Target::one_of_each();
    all.iter().for_each(|target| match target {
        // Whose partitions are tables, and have names that are in the way, too.
        Target::Postgres(_) => target.sql(&BEFORE.replace(
            "note varchar(40));",
            "note varchar(40)) partition by range (id); create table children_1 partition of children for values from (1) to (2);
             create table children_2 partition of children default;",
        )),
        Target::MariaDb(_) | Target::Sqlite(_) => target.sql(BEFORE),
    });
    all
}

/// Everything in it, and everything that a migration may have put beside it.
fn dump(target: &Target, migration: &str) -> String {
    match target {
        Target::Postgres(database) => {
            let dump = database.dump(&["--inserts"]);
            dump.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
        }
        Target::MariaDb(database) => {
            let name = database.value("select database()");
            let tables = database.query(&format!(
                "select concat('`', table_schema, '`.`', table_name, '`'), table_type from information_schema.tables
                   where table_schema = '{name}' or table_schema like '%{migration}%' order by 1"
            ));
            let mut dump = database.value(&format!(
                "select group_concat(schema_name) from information_schema.schemata
                  where schema_name = '{name}' or schema_name like '%{migration}%'"
            ));
            for row in tables {
                let table = row[0].as_deref().expect("a name");
                dump += &format!("\n{:?}", database.query(&format!("show create table {table}")));
                // A view's rows may be alike in what they could be ordered by.
                let mut rows = database.query(&format!("select * from {table}"));
                rows.sort();
                dump += &format!("\n{rows:?}");
            }
            dump
        }
        Target::Sqlite(file) => {
            // A name may be written in quotes after it was changed and changed back; and SQLite's own table of counters, once
            // made, cannot be dropped.
            let schema = file.value("select group_concat(type || ' ' || name || ' ' || tbl_name || ' ' || replace(coalesce(sql, ''), '\"', ''), char(10)) from (select * from sqlite_schema where name <> 'sqlite_sequence' order by type, name)");
            let rows = ["parents", "children", "others", "seen"].map(|table| {
                file.value(&format!(
                    "select json_group_array(json(r)) from (select json_object({}) as r from {table} order by 1)",
                    columns(table)
                ))
            });
            format!("{schema}\n{}", rows.join("\n"))
        }
    }
}

fn columns(table: &str) -> &str {
    match table {
        "parents" => "'id', id, 'name', name",
        "children" => "'id', id, 'parent', parent_id, 'note', note",
        "seen" => "'name', name, 'note', note",
        _ => "'id', id",
    }
}

fn source() -> MariaDbDatabase {
    let database = servers::mariadb().fresh_database();
    database.sql(&format!(
        "create table parents (id int primary key auto_increment, name varchar(20) not null);
         create table children (id int primary key auto_increment, parent_id int not null, note varchar(40),
                                constraint of_parent foreign key (parent_id) references parents (id));
         create index by_parent on children (parent_id);
         create table stamps (id int primary key, at datetime default current_timestamp on update current_timestamp);
         create view seen as select name from parents;
         create view busy as select s.name, count(*) as children from seen s cross join children c where c.id = 1 group by s.name;
         insert into parents select seq, concat('new ', seq) from seq_1_to_100;
         insert into children select seq, 1 + seq % 100, md5(seq) from seq_1_to_{ROWS};
         analyze table parents, children"
    ));
    database
}

struct World {
    serve: Serve,
    from: Proxy,
    _source: MariaDbDatabase,
    _folder: TempDir,
}

impl World {
    fn new(target: &Target) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = format!("sqlite:{}", folder.path().join("state.db").display());
        let settings = json!({
            "secret_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "migrations": {"lease_seconds": 2, "grace_seconds": 20}
        });
        let serve = Serve::start_with(folder.path(), &state, settings);
        let source = source();
        let from = Proxy::to(source.port());
        serve.connect("conn_from", "From", &source.url_through(from.port()));
        serve.connect("conn_to", "To", target.url());
        Self { serve, from, _source: source, _folder: folder }
    }

    fn create(&self, options: Value, schema: Option<&str>) -> String {
        let id = self.serve.create(&json!({
            "name": "Back", "source": {"connection_id": "conn_from"}, "target": {"connection_id": "conn_to", "schema": schema},
            "options": options,
        }));
        self.serve.wait_for(&id, &["approved"]);
        id
    }

    fn command(&self, id: &str, word: &str) {
        self.serve.command(&format!("/v1/migrations/{id}/{word}")).is(202);
    }

    fn complete(&self, options: Value, schema: Option<&str>) -> String {
        let id = self.create(options, schema);
        self.command(&id, "start");
        self.serve.wait_for(&id, &["completed"]);
        id
    }

    fn roll_back(&self, id: &str) {
        self.serve.post(&format!("/v1/migrations/{id}/cancel"), &json!({"rollback": true})).is(202);
    }

    fn kill_and_restart(&mut self) {
        self.serve.kill();
        self.serve.restart();
    }

    fn migration(&self, id: &str) -> Value {
        self.serve.get(&format!("/v1/migrations/{id}")).is(200)
    }
}

const REPLACE: &str = r#"{"on_existing": "replace", "auto_approve_above": 0.0, "parallelism": 1, "batch_size": 1000}"#;

fn replace() -> Value {
    serde_json::from_str(REPLACE).expect("options")
}

fn append() -> Value {
    let mut options = replace();
    options["on_existing"] = json!("append");
    options
}

fn held(mut options: Value) -> Value {
    options["cutover"] = json!("manual");
    options
}

/// Where a migration is when it is taken back.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Loading,
    Paused,
    Held,
    Completed,
}

fn from_every_phase(target: &Target) {
    from_phases(target, &replace(), &[Phase::Loading, Phase::Paused, Phase::Held, Phase::Completed], ROWS);
}

/// `rows`: of the children, once a migration is completed.
fn from_phases(target: &Target, options: &Value, phases: &[Phase], rows: u32) {
    let mut world = World::new(target);
    let before = dump(target, "nobody");
    for &phase in phases {
        for killed in [false, true] {
            let options = options.clone();
            let id = world.create(if phase == Phase::Held { held(options) } else { options }, None);
            if matches!(phase, Phase::Loading | Phase::Paused) {
                world.from.slow(SLOW);
            }
            world.command(&id, "start");
            match phase {
                Phase::Loading | Phase::Paused => {
                    let moved = || world.migration(&id)["metrics"]["records_processed"].as_u64().unwrap_or(0);
                    eventually("rows move", || moved() > 0);
                }
                Phase::Held => {
                    eventually("it is held", || world.migration(&id)["cutover"]["state"] == "waiting");
                }
                Phase::Completed => {
                    world.serve.wait_for(&id, &["completed"]);
                    assert_eq!(target.value("select count(*) from children"), rows.to_string(), "{target:?}");
                }
            }
            if phase == Phase::Paused {
                world.command(&id, "pause");
                world.serve.wait_for(&id, &["paused"]);
            }
            world.roll_back(&id);
            if killed {
                world.kill_and_restart();
            }
            world.serve.wait_for(&id, &["rolled_back"]);
            world.from.slow(0);
            assert_eq!(dump(target, &id), before, "{phase:?}, killed: {killed}");
        }
    }
}

#[test]
fn postgres_is_as_it_was() {
    let [target, _, _] = all();
    from_every_phase(&target);
}

#[test]
fn mariadb_is_as_it_was() {
    let [_, target, _] = all();
    from_every_phase(&target);
}

#[test]
fn a_file_is_as_it_was() {
    let [_, _, target] = all();
    from_every_phase(&target);
}

/// The rows that were there stay, whatever becomes of those that are added to them.
#[test]
fn rows_that_were_added_go_out_again() {
    for target in all() {
        target.sql(
            "delete from children; delete from parents; insert into parents values (1000001, 'old');
             insert into children values (1000001, 1000001, 'a'), (1000002, 1000001, null)",
        );
        from_phases(&target, &append(), &[Phase::Held, Phase::Completed], ROWS + 2);
    }
}

/// The way back waits for a reader of the new tables; the server that goes it is killed meanwhile.
#[test]
fn killed_in_the_middle_of_the_way_back() {
    let [postgres, mariadb, _] = all();
    for target in [&postgres, &mariadb] {
        let before = dump(target, "nobody");
        let mut world = World::new(target);
        let id = world.complete(replace(), None);
        thread::scope(|scope| {
            let (read, waits) = match target {
                Target::Postgres(_) => (
                    "begin; lock table children in access share mode; select pg_sleep(5); commit",
                    "select count(*) from pg_locks where not granted",
                ),
                _ => (
                    "start transaction; select count(*) from children; select sleep(5); commit",
                    "select count(*) from information_schema.processlist where state like 'Waiting for table metadata lock'",
                ),
            };
            let reader = scope.spawn(|| target.sql(read));
            thread::sleep(Duration::from_millis(500));
            world.roll_back(&id);
            eventually("the way back waits", || target.value(waits) != "0");
            world.kill_and_restart();
            reader.join().expect("a reader");
        });
        world.serve.wait_for(&id, &["rolled_back"]);
        assert_eq!(dump(target, &id), before, "{target:?}");
        assert_eq!(target.value("select count(*) from children"), "2");
    }
}

#[test]
fn a_schema_that_the_cutover_made_goes_with_it() {
    let [postgres, mariadb, _] = all();
    let postgres_schemas = || postgres.value("select string_agg(nspname, ',' order by 1) from pg_namespace");
    let before = postgres_schemas();
    let world = World::new(&postgres);
    let id = world.complete(json!({"auto_approve_above": 0.0}), Some("fresh"));
    assert_eq!(postgres.value("select count(*) from fresh.children"), ROWS.to_string());
    world.roll_back(&id);
    world.serve.wait_for(&id, &["rolled_back"]);
    assert_eq!(postgres_schemas(), before);

    let fresh = format!("{}_fresh", mariadb.value("select database()"));
    let world = World::new(&mariadb);
    let id = world.complete(json!({"auto_approve_above": 0.0}), Some(&fresh));
    assert_eq!(mariadb.value(&format!("select count(*) from {fresh}.children")), ROWS.to_string());
    // Something of somebody else's: it stays, and its schema with it.
    mariadb.sql(&format!("create table {fresh}.theirs (id int)"));
    world.roll_back(&id);
    world.serve.wait_for(&id, &["rolled_back"]);
    let left = mariadb.value(&format!(
        "select group_concat(table_name) from information_schema.tables where table_schema = '{fresh}'"
    ));
    assert_eq!(left, "theirs");
    mariadb.sql(&format!("drop database {fresh}"));
}

/// Nothing is taken back that would leave a hole, or take what is others' along; what is mended is gone on with.
#[test]
fn what_stands_in_the_way_is_told_and_nothing_is_lost() {
    for target in all() {
        let world = World::new(&target);
        let id = world.complete(replace(), None);
        let path = format!("/v1/migrations/{id}");
        world.serve.post(&format!("{path}/cancel"), &json!({})).refused(409, "invalid_state");
        let (make, remove, name) = match &target {
            Target::Postgres(_) => ("create view mine as select * from parents", "drop view mine", "mine"),
            Target::MariaDb(_) => {
                ("create table mine (id int, foreign key (id) references parents (id))", "drop table mine", "mine")
            }
            // Nothing in a file depends on a table but by its name.
            Target::Sqlite(_) => continue,
        };
        target.sql(make);
        world.roll_back(&id);
        let failed = world.serve.wait_for(&id, &["failed"]);
        assert_eq!(failed["error"]["code"], "rollback_failed", "{failed:#}");
        assert!(failed["error"]["message"].as_str().is_some_and(|m| m.contains(name)), "{failed:#}");
        assert_eq!(target.value("select count(*) from children"), ROWS.to_string(), "still live");
        world.serve.command(&format!("{path}/start")).refused(409, "invalid_state");
        target.sql(remove);
        world.roll_back(&id);
        world.serve.wait_for(&id, &["rolled_back"]);
        assert_eq!(target.value("select count(*) from children"), "2");
    }
}

#[test]
fn what_was_replaced_is_kept_until_the_migration_is_deleted() {
    for target in all() {
        let world = World::new(&target);
        if let Target::Postgres(_) = target {
            target.sql("create view mine as select name from parents");
        }
        let [first, second] = [(); 2].map(|()| world.complete(replace(), None));
        let kept = |id: &str| {
            match &target {
            Target::Postgres(_) => target.value(&format!(
                "select count(*) from pg_class where relkind in ('r', 'p') and not relispartition and relnamespace::regnamespace::text like 'sensei_old_{id}%'"
            )),
            Target::MariaDb(_) => target.value(&format!(
                "select count(*) from information_schema.tables where table_schema like 'sensei_old_{id}%'"
            )),
            Target::Sqlite(_) => target.value(&format!(
                "select count(*) from sqlite_schema where type = 'table' and name like 'sensei_old_{id}%'"
            )),
        }
        };
        // The first made a table that was not there; the second replaced it, too.
        assert_eq!((kept(&first), kept(&second)), ("2".to_owned(), "3".to_owned()), "{target:?}");
        if let Target::Postgres(_) = target {
            // The view still reads the table that it was made for: it would go with it.
            let refused = world.serve.delete(&format!("/v1/migrations/{first}")).refused(409, "conflict");
            assert!(refused["message"].as_str().is_some_and(|m| m.contains("keep_replaced=true")), "{refused}");
            assert_eq!(kept(&first), "2");
            target.sql("drop view mine");
        }
        let gone = world.serve.delete(&format!("/v1/migrations/{first}")).is(200);
        assert_eq!(gone["replaced_removed"], 2, "{gone}");
        assert_eq!(kept(&first), "0");
        // What the second replaced is removed by somebody: there is no way back any more, and nothing is touched.
        match &target {
            Target::Postgres(_) => target.sql(&format!("drop table sensei_old_{second}_public.children cascade")),
            Target::MariaDb(_) => {
                let name = target.value("select database()");
                target.sql(&format!("drop table sensei_old_{second}_{name}.children"));
            }
            Target::Sqlite(_) => target.sql(&format!("drop table sensei_old_{second}__children")),
        }
        world.roll_back(&second);
        let failed = world.serve.wait_for(&second, &["failed"]);
        assert!(
            failed["error"]["message"].as_str().is_some_and(|m| m.contains("children") && m.contains("not kept")),
            "{failed:#}"
        );
        assert_eq!(target.value("select count(*) from children"), ROWS.to_string(), "still live");
        let gone = world.serve.delete(&format!("/v1/migrations/{second}?keep_replaced=true")).is(200);
        assert_eq!((&gone["replaced_removed"], kept(&second).as_str()), (&json!(0), "2"), "{gone}");
    }
}
