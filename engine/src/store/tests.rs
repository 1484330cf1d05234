//! Against a real file; what is particular to several servers is tested with a PostgreSQL in `tests/`.

use std::collections::BTreeMap;

use std::os::unix::fs::PermissionsExt;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::event::Level;
use crate::lifecycle::{NotificationsSpec, OptionsSpec, Record, SourceSpec, Spec, Status, TargetSpec};
use crate::notify::Notification;

async fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(&format!("sqlite:{}", folder.path().join("state.db").display())).await.expect("a store")
}

fn spec(name: &str) -> Spec {
    Spec {
        name: name.to_owned(),
        description: None,
        source: SourceSpec { connection_id: "conn_a".into(), schemas: vec![], exclude_tables: vec![] },
        target: TargetSpec { connection_id: "conn_b".into(), schema: None, into: BTreeMap::new() },
        options: OptionsSpec::default(),
        schedule: Default::default(),
        notifications: NotificationsSpec::default(),
    }
}

fn event(message: &str, level: Level) -> NewEvent {
    let at = Timestamp::now();
    NewEvent { at, kind: EventKind::Log, level, phase: None, data: json!({"message": message}) }
}

async fn made(store: &Store, name: &str) -> Record {
    let mut record = Record::new(fresh_id("mig").unwrap(), spec(name), "user_a".into(), Timestamp::now());
    store.create(&mut record, &[event("created", Level::Info)], &[]).await.unwrap();
    record
}

#[tokio::test]
async fn a_record_is_saved_by_whoever_read_it_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let mut one = made(&store, "a").await;
    let mut other = store.record(&one.id).await.unwrap();
    one.status = Status::Planning;
    assert!(store.save(&mut one, None, &[event("planning", Level::Info)], &[]).await.unwrap());
    other.status = Status::Cancelled;
    assert!(!store.save(&mut other, None, &[event("lost", Level::Info)], &[]).await.unwrap());
    let read = store.record(&one.id).await.unwrap();
    assert_eq!((read.status, read.version), (Status::Planning, 2));
    let events = store.events(&one.id, &EventQuery { limit: 10, ..EventQuery::default() }).await.unwrap();
    let seen: Vec<_> = events.iter().map(|e| (e.seq, e.data["message"].as_str().unwrap())).collect();
    assert_eq!(seen, [(1, "created"), (2, "planning")]);
    assert_eq!(store.record("mig_none").await.unwrap_err().code, Code::MigrationNotFound);
}

#[tokio::test]
async fn events_are_numbered_without_gaps_by_writers_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let id = made(&store, "a").await.id;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (store, id) = (store.clone(), id.clone());
        writers.spawn(async move {
            for n in 0..10 {
                let two = [event(&format!("{writer}/{n}"), Level::Debug), event("warn", Level::Warning)];
                store.append_events(&id, &two).await.unwrap();
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let all = store.events(&id, &EventQuery { limit: 1_000, ..EventQuery::default() }).await.unwrap();
    let numbers: Vec<i64> = all.iter().map(|e| e.seq).collect();
    assert_eq!(numbers, (1..=161).collect::<Vec<_>>());
    let warnings = EventQuery { level: Some(Level::Warning), limit: 1_000, after: 100, ..EventQuery::default() };
    assert!(store.events(&id, &warnings).await.unwrap().iter().all(|e| e.data["message"] == "warn" && e.seq > 100));
    assert_eq!(store.last_event(&id).await.unwrap(), 161);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    for name in ["b", "a", "c"] {
        made(&store, name).await;
    }
    let all = ListQuery {
        status: None,
        source_id: None,
        target_id: Some("conn_b".into()),
        created_after: None,
        created_before: None,
        limit: 2,
        offset: 0,
        sort: Sort::Name,
        order: Order::Ascending,
    };
    let names = |listed: &Listed| listed.page.iter().map(|(r, _)| r.spec.name.clone()).collect::<Vec<_>>();
    let page = store.list(&all).await.unwrap();
    assert_eq!((names(&page), page.total), (vec!["a".into(), "b".into()], 3));
    let rest = store.list(&ListQuery { offset: 2, ..all.clone() }).await.unwrap();
    assert_eq!((names(&rest), rest.total), (vec!["c".into()], 3));
    for (sort, order) in [(Sort::CreatedAt, Order::Descending), (Sort::StartedAt, Order::Ascending)] {
        assert_eq!(store.list(&ListQuery { sort, order, ..all.clone() }).await.unwrap().page.len(), 2);
    }
    let none = ListQuery { status: Some(Status::Running), ..all.clone() };
    assert_eq!(store.list(&none).await.unwrap().total, 0);
    let later = ListQuery { created_after: Some(Timestamp::now()), ..all };
    assert_eq!(store.list(&later).await.unwrap().total, 0);
    assert_eq!(store.count_by_status().await.unwrap(), [(Status::Pending, 3)]);
}

#[tokio::test]
async fn work_is_one_servers_until_its_lease_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let id = made(&store, "a").await.id;
    let now = Timestamp::now();
    let later = |seconds| now + SignedDuration::from_secs(seconds);
    assert_eq!(store.take_work("srv_a", now, later(10), 5).await.unwrap(), std::slice::from_ref(&id));
    assert!(store.take_work("srv_b", later(5), later(15), 5).await.unwrap().is_empty());
    assert!(store.renew("srv_a", std::slice::from_ref(&id), later(20)).await.unwrap().is_empty());
    assert!(store.take_work("srv_b", later(15), later(25), 5).await.unwrap().is_empty());
    assert_eq!(store.take_work("srv_b", later(21), later(31), 5).await.unwrap(), std::slice::from_ref(&id));
    assert_eq!(store.renew("srv_a", std::slice::from_ref(&id), later(40)).await.unwrap(), std::slice::from_ref(&id));
    store.release("srv_b", &id).await.unwrap();
    assert_eq!(store.take_work("srv_a", now, later(10), 5).await.unwrap(), [id]);
}

#[tokio::test]
async fn the_last_events_are_those_that_a_filter_lets_through() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let id = made(&store, "a").await.id;
    let event = |kind, level| NewEvent { at: Timestamp::now(), kind, level, phase: None, data: json!({}) };
    let events = [
        event(EventKind::Log, Level::Error),
        event(EventKind::Progress, Level::Info),
        event(EventKind::Log, Level::Info),
        event(EventKind::Status, Level::Info),
        event(EventKind::Log, Level::Error),
        event(EventKind::Progress, Level::Info),
    ];
    let begin = store.last_event(&id).await.unwrap();
    store.append_events(&id, &events).await.unwrap();
    let latest = async |level, limit| {
        let query = EventQuery { after: begin, level, limit, ..EventQuery::default() };
        let events = store.latest_events(&id, &query).await.unwrap();
        events.iter().map(|e| e.seq - begin).collect::<Vec<_>>()
    };
    assert_eq!(latest(None, 2).await, [5, 6]);
    assert_eq!(latest(None, 99).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(latest(Some(Level::Error), 2).await, [4, 5], "changes of status pass");
    assert_eq!(latest(Some(Level::Error), 99).await, [1, 4, 5]);
}

#[test]
fn a_state_that_is_a_file_lies_in_a_folder() {
    let folder = |url| Store::folder_of(url).map(|f| f.display().to_string());
    assert_eq!(folder(DEFAULT_URL).as_deref(), Some("."));
    assert_eq!(folder("sqlite:a/b.db?mode=rwc").as_deref(), Some("a"));
    assert_eq!(folder("sqlite:///a/b.db").as_deref(), Some("/a"));
    assert_eq!(folder("sqlite::memory:"), None);
    assert_eq!(folder("postgres://host/db"), None);
}

#[tokio::test]
async fn a_key_is_found_by_itself_alone_and_ends_when_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let now = Timestamp::now();
    let (key, secret) = store.create_key("ci", Some("user_ci"), &[Scope::Read], now).await.unwrap();
    assert!(secret.starts_with("sk_live_") && secret.starts_with(&key.hint));
    assert_eq!(store.key(&secret).await.unwrap().as_ref(), Some(&key));
    assert_eq!(store.key("sk_live_x").await.unwrap(), None);
    let file = std::fs::read(folder.path().join("state.db-wal")).unwrap();
    assert!(!file.windows(secret.len()).any(|w| w == secret.as_bytes()), "the key itself is nowhere");
    store.revoke_key(&key.id, now).await.unwrap();
    store.revoke_key(&key.id, now).await.unwrap();
    assert_eq!(store.key(&secret).await.unwrap(), None);
    assert_eq!(store.keys().await.unwrap().len(), 1);
    store.adopt_key("env", "sk_live_0123456789abcdef", &Scope::ALL, now).await.unwrap();
    store.adopt_key("env", "sk_live_0123456789abcdef", &Scope::ALL, now).await.unwrap();
    assert_eq!(store.keys().await.unwrap().len(), 2);
    assert_eq!(store.adopt_key("env", "secret", &Scope::ALL, now).await.unwrap_err().code, Code::InvalidRequest);
}

#[tokio::test]
async fn a_request_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let now = Timestamp::now();
    let claim = |key_id, print: &'static str, at: Timestamp| {
        store.claim_idempotency(key_id, "k", print, at, at + SignedDuration::from_secs(30))
    };
    let Claim::First(hold) = claim("key_a", "x", now).await.unwrap() else { panic!("nobody had it") };
    assert_eq!(claim("key_a", "x", now).await.unwrap(), Claim::AtWork);
    assert_eq!(claim("key_a", "y", now).await.unwrap(), Claim::Other);
    let answer = Answer { status: 201, body: "{}".into() };
    store.answered(&hold, &answer).await.unwrap();
    let later = now + SignedDuration::from_hours(23);
    assert_eq!(claim("key_a", "x", later).await.unwrap(), Claim::Done(answer));
    assert!(matches!(claim("key_b", "x", now).await.unwrap(), Claim::First(_)), "keys are by API key");
    let Claim::First(hold) = claim("key_a", "x", now + SignedDuration::from_hours(25)).await.unwrap() else {
        panic!("answers are forgotten")
    };
    store.release_idempotency(&hold).await.unwrap();
    assert!(matches!(claim("key_a", "y", now).await.unwrap(), Claim::First(_)));
}

#[tokio::test]
async fn an_idempotency_key_is_held_for_as_long_as_somebody_keeps_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let now = Timestamp::now();
    let after = |seconds| now + SignedDuration::from_secs(seconds);
    let claim = |at| store.claim_idempotency("key_a", "k", "x", after(at), after(at + 30));
    let Claim::First(hold) = claim(0).await.unwrap() else { panic!("nobody had it") };
    for beat in (10..=600).step_by(10) {
        assert!(store.keep_hold(&hold, after(beat + 30)).await.unwrap());
    }
    assert_eq!(claim(629).await.unwrap(), Claim::AtWork, "ten minutes of work are no death");

    let Claim::First(other) = claim(631).await.unwrap() else { panic!("nobody kept it up any more") };
    assert!(!store.keep_hold(&hold, after(700)).await.unwrap(), "who comes back from the dead finds it taken");
    store.answered(&hold, &Answer { status: 200, body: "{}".into() }).await.unwrap();
    store.release_idempotency(&hold).await.unwrap();
    assert_eq!(claim(640).await.unwrap(), Claim::AtWork);
    store.answered(&other, &Answer { status: 202, body: "{}".into() }).await.unwrap();
    assert!(!store.keep_hold(&other, after(700)).await.unwrap(), "an answer needs no holding");
    assert_eq!(claim(700).await.unwrap(), Claim::Done(Answer { status: 202, body: "{}".into() }));
}

#[tokio::test]
async fn mail_is_taken_once_and_comes_again_if_it_is_not_settled() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let now = Timestamp::now();
    let later = |seconds| now + SignedDuration::from_secs(seconds);
    let route = Route::Email { to: "a@example.com".into() };
    let mail = NewMail { migration: None, route, notification: Notification::test(now) };
    let id = store.post(&mail).await.unwrap();
    let due = store.take_mail(now, later(60), 10).await.unwrap();
    assert_eq!((due[0].id.as_str(), due[0].attempt), (id.as_str(), 1));
    assert!(store.take_mail(later(30), later(90), 10).await.unwrap().is_empty());
    assert_eq!(store.take_mail(later(61), later(121), 10).await.unwrap()[0].attempt, 2, "its server died");
    store.mail_failed(&id, Some(later(300))).await.unwrap();
    assert!(store.take_mail(later(299), later(400), 10).await.unwrap().is_empty());
    assert_eq!(store.take_mail(later(300), later(400), 10).await.unwrap()[0].attempt, 3);
    store.mail_delivered(&id).await.unwrap();
    assert!(store.take_mail(later(9_999), later(10_000), 10).await.unwrap().is_empty());
    assert!(store.send_again(&id, now).await.unwrap());
    assert_eq!(store.take_mail(now, later(60), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_what_to_write() {
    let unknown = Store::open("mongodb://x").await.unwrap_err();
    assert!(unknown.code == Code::Store && unknown.message.contains("sqlite:file.db"), "{unknown}");
    let nowhere = Store::open("sqlite:/nowhere/at/all.db").await.unwrap_err();
    assert!(nowhere.code == Code::System && nowhere.message.contains("/nowhere/at/all.db"), "{nowhere}");
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.db");
    let unmade = Store::open(&format!("sqlite:{}?mode=rw", missing.display())).await.unwrap_err();
    assert!(unmade.code == Code::Store && !missing.exists(), "{unmade}");
}

#[tokio::test]
async fn the_files_of_the_state_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["state.db", "with%20space.db"] {
        let store = Store::open(&format!("sqlite:{}", folder.path().join(name).display())).await.unwrap();
        made(&store, "a").await;
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap());
        let modes: Vec<_> =
            files.map(|f| (f.file_name(), f.metadata().unwrap().permissions().mode() & 0o777)).collect();
        assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
        for end in ["", "-wal", "-shm"] {
            let name = format!("{name}{end}").replace("%20", " ");
            assert!(modes.iter().any(|(file, _)| file.to_str() == Some(&name)), "{name}: {modes:?}");
        }
    }
}
