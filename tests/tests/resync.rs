//! Rows that differ after the cutover are repaired, and nothing else is touched.

use sensei_tests::api::Serve;
use sensei_tests::servers::{self, MariaDbDatabase, SqliteFile, Target};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Rows of the table that is damaged.
const ROWS: u32 = 1_000_000;

/// A large table, tables that refer to one another, and one without a key.
fn source() -> MariaDbDatabase {
    let database = servers::mariadb().fresh_database();
    database.sql(&format!(
        "create table many (id int not null primary key, v varchar(60), price decimal(12,2), at datetime(6));
         insert into many select seq, if(seq % 10 = 0, null, md5(seq)), seq / 100, '2024-02-29 12:00:00.5' from seq_1_to_{ROWS};
         create table parents (id int primary key auto_increment, kind enum('a','b') not null, flag tinyint(1) not null);
         insert into parents select seq, if(seq % 2, 'a', 'b'), seq % 2 from seq_1_to_50;
         create table children (id int primary key, parent int not null, up int, note text,
                                foreign key (parent) references parents (id), foreign key (up) references children (id));
         insert into children select seq, seq, if(seq = 1, null, seq - 1), concat('Note ', seq) from seq_1_to_50;
         create table unkeyed (a int, b varchar(10)); insert into unkeyed values (1, 'x'), (1, 'x'), (2, null), (3, 'y');
         analyze table many, parents, children"
    ));
    database
}

/// Damage is done without asking.
fn damage(target: &Target, text: &str) {
    match target {
        Target::MariaDb(database) => database.sql(&format!("set foreign_key_checks = 0; {text}")),
        Target::Postgres(_) | Target::Sqlite(_) => target.sql(text),
    }
}

struct World {
    serve: Serve,
    id: String,
    _source: MariaDbDatabase,
    _folder: TempDir,
}

impl World {
    fn completed(target: &Target) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let serve = Serve::start(folder.path());
        let source = source();
        serve.connect("conn_from", "From", &source.url);
        serve.connect("conn_to", "To", target.url());
        let id = serve.create(&json!({
            "name": "Repaired", "source": {"connection_id": "conn_from"}, "target": {"connection_id": "conn_to"},
            "options": {"auto_approve_above": 0.0, "parallelism": 2},
        }));
        serve.wait_for(&id, &["approved"]);
        serve.command(&format!("/v1/migrations/{id}/start")).is(202);
        serve.wait_for(&id, &["completed"]);
        Self { serve, id, _source: source, _folder: folder }
    }

    fn resync(&self) -> Value {
        self.serve.command(&format!("/v1/migrations/{}/validation/resync", self.id)).is(200)
    }

    fn validate(&self) -> Value {
        self.serve.command(&format!("/v1/migrations/{}/validation", self.id)).is(200)
    }
}

/// `table updated inserted deleted`, sorted.
fn told(answer: &Value) -> Vec<String> {
    let mut told: Vec<String> = (answer["repaired"].as_array().expect("a list").iter())
        .map(|t| {
            let table = t["table"].as_str().expect("a name").rsplit('.').next().unwrap_or_default();
            format!("{table} {} {} {}", t["updated"], t["inserted"], t["deleted"])
        })
        .collect();
    told.sort();
    told
}

fn is_repaired(target: &Target, double: &str, doubled: bool) {
    let world = World::completed(target);
    let nothing = world.resync();
    assert_eq!((&nothing["repaired"], &nothing["validation"]["status"]), (&json!([]), &json!("passed")), "{nothing}");

    // One row changed, one removed, one doubled where the target's key can be taken away, one that is not the source's.
    damage(
        target,
        &format!(
            "update many set price = price + 1, v = 'damaged' where id = 123456; delete from many where id = 999999;
         insert into many (id, v) values (2000000, 'nobody''s'); {double}"
        ),
    );
    // A parent that somebody refers to is changed, another is gone with its child, and there are a child and a parent too many.
    damage(
        target,
        "update parents set kind = 'b' where id = 1; update children set note = null, up = null where id = 3;
         update children set up = null where id = 51 or up = 50; delete from children where id = 50; delete from parents where id = 50;
         insert into parents (id, kind, flag) select 60, kind, flag from parents where id = 1;
         insert into children (id, parent) values (60, 60);
         delete from unkeyed where a = 3; insert into unkeyed values (1, 'x'), (2, null), (7, 'z')",
    );
    let damaged = world.validate();
    assert_eq!(damaged["status"], "failed", "{damaged}");
    let many = damaged["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .find(|t| t["source_table"].as_str().is_some_and(|n| n.ends_with("many")));
    let found = many.expect("many")["content"]["differences"].to_string();
    let located = ["123456", "999999", "2000000"].iter().all(|id| found.contains(id));
    assert!(located && (!doubled || found.contains("54321")), "{found}");

    let answer = world.resync();
    assert_eq!(answer["validation"]["status"], "passed", "{answer:#}");
    let many = if doubled { "many 1 2 3" } else { "many 1 1 1" };
    assert_eq!(told(&answer), ["children 1 1 1", many, "parents 1 1 1", "unkeyed 0 4 6"]);
    assert_eq!(world.validate()["status"], "passed");
    assert_eq!(target.value("select count(*) from many"), ROWS.to_string());
    assert_eq!(target.value("select count(*) from many where v = 'damaged'"), "0");
    assert_eq!(target.value("select sum(up) from children"), (1..50).sum::<i32>().to_string());
    let log = world.serve.get(&format!("/v1/migrations/{}/logs?limit=1000", world.id)).text;
    assert!(log.contains("Repaired "), "{log}");

    // Where more differs than may be repaired, nothing is.
    damage(target, "update many set v = 'all of them' where id <= 100");
    let path = format!("/v1/migrations/{}/validation/resync", world.id);
    world.serve.post(&path, &json!({"most_rows": 0})).refused(422, "invalid_request");
    let refused = world.serve.post(&path, &json!({"most_rows": 99})).refused(409, "conflict");
    assert!(refused["message"].as_str().is_some_and(|m| m.contains("most_rows")), "{refused}");
    assert_eq!(target.value("select count(*) from many where v = 'all of them'"), "100");
    assert_eq!(told(&world.serve.post(&path, &json!({"most_rows": 100})).is(200)), ["many 100 0 0"]);
    world.serve.post(&format!("/v1/migrations/{}/cancel", world.id), &json!({"rollback": true})).is(202);
    world.serve.wait_for(&world.id, &["rolled_back"]);
    world.serve.command(&path).refused(409, "invalid_state");
}

#[test]
fn damage_in_postgres_is_repaired() {
    let target = Target::Postgres(servers::postgres().fresh_database());
    is_repaired(
        &target,
        "alter table many drop constraint many_pkey; insert into many select * from many where id = 54321",
        true,
    );
    assert_eq!(target.value("select count(*) from pg_namespace where nspname like 'sensei%'"), "0");
}

#[test]
fn damage_in_mariadb_is_repaired() {
    let target = Target::MariaDb(servers::mariadb().fresh_database());
    is_repaired(
        &target,
        "alter table many drop primary key; insert into many select * from many where id = 54321",
        true,
    );
}

#[test]
fn damage_in_a_file_is_repaired() {
    // The key of a file's table cannot be taken away.
    is_repaired(&Target::Sqlite(SqliteFile::fresh()), "", false);
}
