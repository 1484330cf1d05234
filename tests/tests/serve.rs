//! A server may be killed at any time: every migration reaches its rightful end, and who follows sees every event once (P1).

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use jiff::{SignedDuration, Timestamp};
use sensei_tests::api::{Event, Serve, eventually};
use sensei_tests::proxy::Proxy;
use sensei_tests::servers::{self, MariaDbDatabase, PASSWORD, PostgresDatabase};
use serde_json::{Value, json};
use tempfile::TempDir;

const ROWS: u32 = 300_000;
/// What a target that is slow takes in a second: some chunks in a test, not all.
const SLOW: u64 = 1_500_000;
/// Short, so that another server takes over while a test waits.
const LEASE_SECONDS: u32 = 3;
/// Short, so that a pause over a dead network ends while a test waits.
const STALL_SECONDS: u32 = 3;

fn source() -> &'static MariaDbDatabase {
    static DATABASE: OnceLock<MariaDbDatabase> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let database = servers::mariadb().fresh_database();
        database.sql(&format!(
            "create table orders (id bigint primary key auto_increment, note varchar(80), amount decimal(12,2));
             insert into orders select seq, concat('note ', md5(seq)), seq / 100 from seq_1_to_{ROWS};
             create table small (id int primary key); insert into small select seq from seq_1_to_100;"
        ));
        database
    })
}

/// A server whose leases are short, and a source and a target that can be slowed and held.
struct World {
    serve: Serve,
    target: PostgresDatabase,
    from: Proxy,
    to: Proxy,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(|folder| format!("sqlite:{}", folder.path().join("state.db").display()))
    }

    fn with(state: impl Fn(&TempDir) -> String) -> Self {
        Self::with_lease(LEASE_SECONDS, state)
    }

    fn with_lease(seconds: u32, state: impl Fn(&TempDir) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let target = servers::postgres().fresh_database();
        let serve = Serve::start_with(folder.path(), &state(&folder), settings(seconds));
        let (from, to) = (Proxy::to(source().port()), Proxy::to(target.port()));
        serve.connect("conn_from", "From", &source().url_through(from.port()));
        serve.connect("conn_to", "To", &target.url_through(to.port()));
        Self { serve, target, from, to, folder }
    }

    fn body(&self) -> Value {
        json!({
            "name": "a migration",
            "source": {"connection_id": "conn_from"},
            "target": {"connection_id": "conn_to"},
            "options": {"parallelism": 1, "batch_size": 1000, "auto_approve_above": 0.5}
        })
    }

    /// At work, and slowly.
    fn running(&self) -> String {
        let id = self.serve.create(&self.body());
        self.serve.wait_for(&id, &["approved"]);
        self.to.slow(SLOW);
        self.serve.command(&format!("/v1/migrations/{id}/start")).is(202);
        eventually("rows move", || self.processed(&id) > 0);
        id
    }

    fn processed(&self, id: &str) -> u64 {
        let migration = self.serve.get(&format!("/v1/migrations/{id}")).is(200);
        migration["metrics"]["records_processed"].as_u64().unwrap_or(0)
    }

    fn kill_and_restart(&mut self) {
        self.serve.kill();
        self.serve.restart();
    }

    /// Every row is there, once.
    fn assert_whole(&self) {
        let sum = u64::from(ROWS) * u64::from(ROWS + 1) / 2;
        let rows = self.target.value("select count(*) || ' ' || count(distinct id) || ' ' || sum(id) from orders");
        assert_eq!(rows, format!("{ROWS} {ROWS} {sum}"));
        self.assert_clean();
    }

    fn assert_clean(&self) {
        assert_eq!(self.target.value("select count(*) from pg_namespace where nspname like 'sensei%'"), "0");
    }
}

fn settings(lease_seconds: u32) -> Value {
    json!({
        "secret_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "migrations": {"lease_seconds": lease_seconds, "grace_seconds": 20, "stall_seconds": STALL_SECONDS}
    })
}

/// Numbers from 1 without a gap, each once.
#[track_caller]
fn assert_every_event_once(events: &[Event]) {
    let numbers: Vec<i64> = events.iter().filter_map(|e| e.id).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
}

fn statuses(events: &[Event]) -> Vec<&str> {
    events.iter().filter(|e| e.name == "status").filter_map(|e| e.data["status"].as_str()).collect()
}

#[test]
fn killed_while_it_plans() {
    let mut world = World::new();
    world.from.hold();
    let id = world.serve.create(&world.body());
    world.serve.wait_for(&id, &["planning"]);
    world.kill_and_restart();
    world.from.release();
    world.serve.wait_for(&id, &["approved"]);
    assert_every_event_once(&world.serve.follow(&id, Some("0"), |events| statuses(events).ends_with(&["approved"])));
}

#[test]
fn killed_while_rows_move_and_followed_all_the_way() {
    let mut world = World::new();
    let id = world.running();
    let before = world.serve.follow(&id, Some("0"), |events| events.iter().any(|e| e.name == "progress"));
    let last = before.iter().filter_map(|e| e.id).next_back().expect("an event").to_string();
    world.kill_and_restart();
    world.to.slow(0);
    let after = world.serve.follow(&id, Some(&last), |_| false);
    let all = [before, after].concat();
    assert_every_event_once(&all);
    assert_eq!(statuses(&all).last(), Some(&"completed"));
    world.serve.wait_for(&id, &["completed"]);
    world.assert_whole();
}

#[test]
fn killed_again_and_again() {
    let mut world = World::new();
    let id = world.running();
    for _ in 0..3 {
        let seen = world.processed(&id);
        eventually("it goes on", || world.processed(&id) != seen);
        world.kill_and_restart();
    }
    world.to.slow(0);
    world.serve.wait_for(&id, &["completed"]);
    world.assert_whole();
}

#[test]
fn killed_while_it_pauses() {
    let mut world = World::new();
    let id = world.running();
    world.to.hold();
    let pausing = world.serve.command(&format!("/v1/migrations/{id}/pause")).is(202);
    assert_eq!(pausing["status"], "pausing");
    world.kill_and_restart();
    world.to.release();
    world.serve.wait_for(&id, &["paused"]);
    world.to.slow(0);
    world.serve.command(&format!("/v1/migrations/{id}/resume")).is(202);
    world.serve.wait_for(&id, &["completed"]);
    world.assert_whole();
}

#[test]
fn a_pause_over_a_dead_network_comes_to_an_end() {
    let world = World::new();
    let id = world.running();
    world.to.hold();
    let pausing = world.serve.command(&format!("/v1/migrations/{id}/pause")).is(202);
    assert_eq!(pausing["message"], "Migration will pause at next checkpoint");
    // Nothing passes before, during and after.
    world.serve.wait_for(&id, &["paused"]);
    let lines = world.serve.get(&format!("/v1/migrations/{id}/logs?limit=1000")).is(200).to_string();
    assert!(lines.contains("Nothing has moved for 3 s"), "{lines}");
    world.to.release();
    world.to.slow(0);
    world.serve.command(&format!("/v1/migrations/{id}/resume")).is(202);
    world.serve.wait_for(&id, &["completed"]);
    world.assert_whole();
}

#[test]
fn killed_while_it_rolls_back() {
    let mut world = World::new();
    let id = world.running();
    world.to.hold();
    world.serve.post(&format!("/v1/migrations/{id}/cancel"), &json!({"rollback": true})).is(202);
    world.serve.wait_for(&id, &["rolling_back"]);
    world.kill_and_restart();
    world.to.release();
    world.to.slow(0);
    world.serve.wait_for(&id, &["rolled_back"]);
    world.assert_clean();
}

#[test]
fn asked_to_leave_it_stops_at_a_chunk_and_goes_on_later() {
    let mut world = World::new();
    let id = world.running();
    world.to.slow(0);
    assert_eq!(world.serve.terminate(), Some(0), "{}", world.serve.log());
    world.serve.restart();
    world.serve.wait_for(&id, &["completed"]);
    world.assert_whole();
}

#[test]
fn of_two_servers_one_finishes_what_the_other_began() {
    let state = servers::postgres().fresh_database();
    let mut world = World::with(|_| state.url.clone());
    let id = world.running();
    let other = Serve::start_with(world.folder.path(), &state.url, settings(LEASE_SECONDS));
    // The other server tells of what this one does.
    let seen = other.follow(&id, Some("0"), |events| events.iter().any(|e| e.name == "progress"));
    assert_every_event_once(&seen);
    world.serve.kill();
    world.to.slow(0);
    other.wait_for(&id, &["completed"]);
    world.assert_whole();
    assert_every_event_once(&other.follow(&id, Some("0"), |_| false));
}

#[test]
fn the_state_is_away_for_a_moment_and_rows_move_on() {
    let state = servers::postgres().fresh_database();
    let way = Proxy::to(state.port());
    let world = World::with_lease(30, |_| state.url_through(way.port()));
    let id = world.running();
    let moved = || world.to.from_client();
    way.refuse(true);
    way.cut();
    let seen = moved();
    eventually("the server notices", || world.serve.log().contains("the state cannot be reached"));
    eventually("rows move on", || moved() > seen + SLOW);
    way.refuse(false);
    world.to.slow(0);
    world.serve.wait_for(&id, &["completed"]);
    world.assert_whole();
    let events = world.serve.follow(&id, Some("0"), |_| false);
    assert_every_event_once(&events);
    let begun = events.iter().filter(|e| e.data.to_string().contains("Phase data_transfer began")).count();
    assert_eq!(begun, 1, "the run was not begun again");
}

#[test]
fn the_schedule_starts_pauses_and_says_why() {
    let world = World::new();
    let soon = (Timestamp::now() + SignedDuration::from_secs(4)).to_string();
    let mut body = world.body();
    body["schedule"] = json!({"start_at": soon});
    let id = world.serve.create(&body);
    world.serve.wait_for(&id, &["approved"]);
    world.serve.wait_for(&id, &["completed"]);
    let lines = world.serve.get(&format!("/v1/migrations/{id}/logs?limit=1000")).is(200);
    assert!(lines.to_string().contains("Started by schedule"), "{lines}");

    // A window that is shut now, whatever the time.
    let at = |hours: i64| (Timestamp::now() + SignedDuration::from_hours(hours)).strftime("%H:%M").to_string();
    body["name"] = json!("at night");
    body["options"]["on_existing"] = json!("replace");
    body["schedule"] = json!({"maintenance_window": {"start": at(2), "end": at(4), "timezone": "UTC"}});
    let id = world.serve.create(&body);
    world.serve.wait_for(&id, &["approved"]);
    world.serve.command(&format!("/v1/migrations/{id}/start")).is(202);
    let paused = world.serve.wait_for(&id, &["paused"]);
    assert_eq!(paused["stop"]["by"], "schedule", "{paused:#}");
    assert!(paused["stop"]["reason"].as_str().is_some_and(|r| r.contains("schedule")), "{paused:#}");
}

#[test]
fn secrets_are_in_no_answer_no_log_and_no_file() {
    let world = World::new();
    let id = world.serve.create(&world.body());
    world.serve.wait_for(&id, &["approved"]);
    let shown = world.serve.get("/v1/connections/conn_from").is(200);
    assert_eq!(shown["secrets_set"], json!(["password"]), "{shown}");
    let tested = world.serve.command("/v1/connections/conn_from/test").is(200);
    assert_eq!(tested["ok"], true, "{tested}");
    assert!(world.serve.get("/v1/connections/conn_from/catalog").is(200)["tables"].is_array());
    assert!(!world.serve.log().contains(PASSWORD));
    for entry in std::fs::read_dir(world.folder.path()).expect("the folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        let found = bytes.windows(PASSWORD.len()).any(|w| w == PASSWORD.as_bytes());
        assert!(!found, "{} holds the password", path.display());
    }
}

/// Requests that came in: their headers, their body.
type Received = Arc<Mutex<Vec<(String, Value)>>>;

/// Takes what webhooks bring, and refuses the first.
fn receiver() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    thread::spawn(move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            let mut stream = stream;
            let mut text = String::new();
            let mut bytes = [0_u8; 4096];
            let (head, body) = loop {
                let Ok(n @ 1..) = stream.read(&mut bytes) else { break (String::new(), String::new()) };
                text += &String::from_utf8_lossy(&bytes[..n]);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head
                    .lines()
                    .find_map(|l| l.to_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
                if body.len() >= length.unwrap_or(0) {
                    break (head.to_owned(), body.to_owned());
                }
            };
            let answer = if n == 0 { "503 Service Unavailable" } else { "204 No Content" };
            drop(write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
            if n > 0 && !body.is_empty() {
                kept.lock().expect("the list").push((head.to_lowercase(), serde_json::from_str(&body).expect("JSON")));
            }
        }
    });
    (url, received)
}

#[test]
fn webhooks_are_told_at_least_once_and_signed() {
    let world = World::new();
    let (url, received) = receiver();
    let made =
        world.serve.post("/v1/webhooks", &json!({"url": url, "events": ["completed", "approval_required"]})).is(201);
    assert!(made["secret"].as_str().is_some_and(|s| s.starts_with("whsec_")));
    let hook = made["id"].as_str().expect("an id").to_owned();
    assert!(!world.serve.get(&format!("/v1/webhooks/{hook}")).is(200).to_string().contains("whsec_"));
    let id = world.serve.create(&world.body());
    world.serve.wait_for(&id, &["approved"]);
    world.serve.command(&format!("/v1/migrations/{id}/start")).is(202);
    world.serve.wait_for(&id, &["completed"]);
    // The first attempt is refused; the second comes after some seconds.
    eventually("the webhook arrives", || !received.lock().expect("the list").is_empty());
    let (head, body) = received.lock().expect("the list")[0].clone();
    assert!(["webhook-id:", "webhook-timestamp:", "webhook-signature: v1,"].iter().all(|h| head.contains(h)), "{head}");
    assert_eq!((&body["type"], &body["data"]["migration_id"]), (&json!("migration.completed"), &json!(id)));
    let list = || {
        world.serve.get(&format!("/v1/webhooks/{hook}/deliveries")).is(200)["data"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    eventually("both attempts are listed", || list().len() == 2);
    let delivery = list()[0]["id"].as_str().expect("an id").to_owned();
    world.serve.command(&format!("/v1/webhooks/{hook}/deliveries/{delivery}/redeliver")).is(202);
    eventually("it comes again", || received.lock().expect("the list").len() == 2);
    world.serve.command(&format!("/v1/webhooks/{hook}/test")).is(202);
    eventually("the test comes", || {
        received.lock().expect("the list").iter().any(|(_, b)| b["type"] == "webhook.test")
    });
    world.serve.delete(&format!("/v1/webhooks/{hook}"));
    assert_eq!(world.serve.get("/v1/webhooks").is(200)["data"], json!([]));
}
