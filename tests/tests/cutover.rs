//! The cutover: it can be held, seen, let go and given up; it is one step for whoever reads the target; once it has begun, it is
//! not cancelled by the way.

use std::thread;
use std::time::Duration;

use sensei_tests::api::{Serve, eventually};
use sensei_tests::servers::{self, PostgresDatabase};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Two tables that belong together: readers must see both old or both new.
const TABLES: &str =
    "create table a (id int primary key, v int not null); create table b (id int primary key, v int not null);";

struct World {
    serve: Serve,
    target: PostgresDatabase,
    _folder: TempDir,
}

impl World {
    /// A server, and a source with version 2 of both tables.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let serve = Serve::start(folder.path());
        let source = servers::postgres().fresh_database();
        source.sql(&format!(
            "{TABLES} insert into a select n, 2 from generate_series(1, 5000) n; insert into b select * from a"
        ));
        let target = servers::postgres().fresh_database();
        serve.connect("conn_from", "From", &source.url);
        serve.connect("conn_to", "To", &target.url);
        Self { serve, target, _folder: folder }
    }

    fn create(&self, to: &str, options: Value) -> String {
        let id = self.serve.create(&json!({
            "name": "Cutover", "source": {"connection_id": "conn_from"}, "target": {"connection_id": to}, "options": options,
        }));
        self.serve.wait_for(&id, &["approved"]);
        id
    }

    fn start(&self, id: &str) {
        self.serve.command(&format!("/v1/migrations/{id}/start")).is(202);
    }

    fn migration(&self, id: &str) -> Value {
        self.serve.get(&format!("/v1/migrations/{id}")).is(200)
    }

    fn wait_for_cutover(&self, id: &str, state: &str) -> Value {
        eventually(&format!("the cutover is {state}"), || self.migration(id)["cutover"]["state"] == state);
        self.migration(id)
    }
}

/// What a reader of the target finds of both tables.
const READ: &str = "select a.v, b.v from a join b on a.id = b.id where a.id = 1";

#[test]
fn a_held_cutover_waits_through_a_crash_and_a_pause() {
    let mut world = World::new();
    let id = world.create("conn_to", json!({"cutover": "manual"}));
    let cut_over = format!("/v1/migrations/{id}/cutover");
    world.serve.command(&cut_over).refused(409, "invalid_state");
    world.start(&id);
    let held = world.wait_for_cutover(&id, "waiting");
    assert_eq!((&held["status"], &held["phase"]), (&json!("running"), &json!("cutover")), "{held}");
    assert!(held["cutover"]["reason"].as_str().is_some_and(|r| r.contains(&cut_over)), "{held}");
    let mut since = held["cutover"]["waiting_since"].clone();
    let live = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(world.target.value(live), "0", "nothing is live before the cutover");

    world.serve.kill();
    world.serve.restart();
    // It does not wait for the new server at once: everything is compared again first.
    eventually("the new server has it", || {
        let lines = world.serve.get(&format!("/v1/migrations/{id}/logs?limit=1000")).text;
        lines.contains("Going on with an interrupted run")
    });
    let held = world.wait_for_cutover(&id, "waiting");
    assert_eq!(held["cutover"]["waiting_since"], since);
    eventually("it knows what is there", || world.migration(&id)["metrics"]["records_processed"] == 10_000);
    let log = world.serve.get(&format!("/v1/migrations/{id}/logs?limit=1000")).text;
    assert_eq!(log.matches("Table a is loaded").count(), 1, "its rows are moved once: {log}");

    thread::sleep(Duration::from_millis(500));
    world.serve.command(&format!("/v1/migrations/{id}/pause")).is(202);
    world.serve.wait_for(&id, &["paused"]);
    world.serve.command(&cut_over).refused(409, "invalid_state");
    world.serve.command(&format!("/v1/migrations/{id}/resume")).is(202);
    since = world.wait_for_cutover(&id, "waiting")["cutover"]["waiting_since"].clone();
    assert!(since.is_string());

    let going = world.serve.command(&cut_over).is(202);
    assert_eq!(going["cutover"]["state"], "requested", "{going}");
    assert!(going["cutover"]["requested_by"].as_str().is_some_and(|u| u.starts_with("user_")), "{going}");
    let done = world.serve.wait_for(&id, &["completed"]);
    assert_eq!(done["cutover"]["state"], "done");
    assert_eq!(world.target.query(READ), [[Some("2".to_owned()), Some("2".to_owned())]]);
    world.serve.command(&cut_over).refused(409, "invalid_state");
}

#[test]
fn a_held_cutover_can_be_given_up() {
    let world = World::new();
    let before = world.target.dump(&["--schema-only"]).lines().filter(|l| !l.contains("restrict ")).count();
    let id = world.create("conn_to", json!({"cutover": "manual"}));
    world.start(&id);
    world.wait_for_cutover(&id, "waiting");
    world.serve.post(&format!("/v1/migrations/{id}/cancel"), &json!({"rollback": true})).is(202);
    let gone = world.serve.wait_for(&id, &["rolled_back"]);
    assert_eq!(gone["cutover"]["state"], "pending", "{gone}");
    let after = world.target.dump(&["--schema-only"]).lines().filter(|l| !l.contains("restrict ")).count();
    assert_eq!(after, before, "something is left");

    let auto = world.create("conn_to", json!({}));
    world.start(&auto);
    world.serve.wait_for(&auto, &["completed"]);
    let refused = world.serve.command(&format!("/v1/migrations/{auto}/cutover")).refused(409, "invalid_state");
    assert!(refused["message"].as_str().is_some_and(|m| m.contains("options.cutover")), "{refused}");
}

#[test]
fn a_cutover_that_has_begun_is_not_cancelled_by_the_way() {
    let world = World::new();
    world.target.sql(&format!("{TABLES} insert into a values (1, 1); insert into b values (1, 1)"));
    let id = world.create("conn_to", json!({"cutover": "manual", "on_existing": "replace"}));
    world.start(&id);
    world.wait_for_cutover(&id, "waiting");
    thread::scope(|scope| {
        // Somebody reads a table that is to be replaced, and takes his time.
        let reader =
            scope.spawn(|| world.target.sql("begin; lock table a in access share mode; select pg_sleep(4); commit"));
        eventually("it is locked", || {
            world.target.value("select count(*) from pg_locks where relation = 'a'::regclass and mode = 'AccessShareLock' and pid <> pg_backend_pid()") != "0"
        });
        world.serve.command(&format!("/v1/migrations/{id}/cutover")).is(202);
        world.wait_for_cutover(&id, "begun");
        let cancel = format!("/v1/migrations/{id}/cancel");
        let refused = world.serve.post(&cancel, &json!({"rollback": true})).refused(409, "invalid_state");
        assert!(refused["message"].as_str().is_some_and(|m| m.contains("force")), "{refused}");
        reader.join().expect("a reader");
    });
    world.serve.wait_for(&id, &["completed"]);
    assert_eq!(world.target.query(READ), [[Some("2".to_owned()), Some("2".to_owned())]]);
}

/// Looks at both tables all the time while they are replaced; each answer is all old or all new, and there are both.
fn all_old_or_all_new(world: &World, to: &str, watch: impl Fn(usize) -> Vec<Vec<Option<String>>> + Sync) {
    let id = world.create(to, json!({"cutover": "manual", "on_existing": "replace"}));
    world.start(&id);
    world.wait_for_cutover(&id, "waiting");
    assert_eq!(watch(1), [[Some("1".to_owned()), Some("1".to_owned())]], "nothing is new before the cutover");
    let mut seen = Vec::new();
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = watch(200);
            // On and on until what is new is there.
            while seen.last().is_some_and(|row| row[0].as_deref() == Some("1")) {
                seen.extend(watch(200));
            }
            seen
        });
        thread::sleep(Duration::from_millis(100));
        world.serve.command(&format!("/v1/migrations/{id}/cutover")).is(202);
        seen = reader.join().expect("every look finds both tables");
    });
    world.serve.wait_for(&id, &["completed"]);
    let versions: Vec<String> = seen.into_iter().map(|row| row.into_iter().flatten().collect()).collect();
    let turn = versions.iter().position(|v| v == "22").expect("the new ones come");
    assert!(turn > 0 && versions[..turn].iter().all(|v| v == "11"), "{versions:?}");
    assert!(versions[turn..].iter().all(|v| v == "22"), "{versions:?}");
}

#[test]
fn readers_of_postgres_see_all_old_or_all_new() {
    let world = World::new();
    world.target.sql(&format!("{TABLES} insert into a values (1, 1); insert into b values (1, 1)"));
    all_old_or_all_new(&world, "conn_to", |times| world.target.watch(READ, times));
}

#[test]
fn readers_of_mariadb_see_all_old_or_all_new() {
    let world = World::new();
    let target = servers::mariadb().fresh_database();
    target.sql(&format!("{TABLES} insert into a values (1, 1); insert into b values (1, 1)"));
    world.serve.connect("conn_maria", "Maria", &target.url);
    all_old_or_all_new(&world, "conn_maria", |times| target.watch(READ, times));
}
