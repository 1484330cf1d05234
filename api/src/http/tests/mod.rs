//! The API as its router answers, over a state of its own: no socket, no migration at work.

mod access;
mod follow;
mod logs;
mod once;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use jiff::Timestamp;
use sensei_engine::event::{Level, Phase};
use sensei_engine::lifecycle::Service;
use sensei_engine::seal::SealingKey;
use sensei_engine::store::{DEFAULT_URL, EventKind, NewEvent, Scope, Store, StoredConnection};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

use super::{App, Limits, WebhookHosts, router};
use crate::registry;

/// A server without a socket.
pub(super) struct World {
    pub(super) app: App,
    router: Router,
    /// With all scopes.
    pub(super) key: String,
    leave: watch::Sender<bool>,
    _folder: TempDir,
}

/// What came back, whole.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("no JSON ({e}): {} {}", self.status, self.text))
    }

    #[track_caller]
    fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// The error, which has this status and code.
    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> Value {
        let error = self.is(status)["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(error["request_id"].as_str(), self.header("x-request-id"), "{error}");
        error
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::within(Limits::default()).await
    }

    pub(super) async fn within(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (scheme, _) = DEFAULT_URL.split_once(':').expect("a scheme");
        let url = format!("{scheme}:{}", folder.path().join("state.db").display());
        let store = Store::open(&url).await.expect("a state");
        let now = Timestamp::now();
        let (_, key) = store.create_key("tests", Some("user_tests"), &Scope::ALL, now).await.expect("a key");
        for id in ["conn_a", "conn_b"] {
            let (config, secrets) = (Map::new(), Map::new());
            let (id, name) = (id.to_owned(), id.to_owned());
            let (connector, created_by) = ("none".to_owned(), "user_tests".to_owned());
            let connection =
                StoredConnection { id, name, connector, config, secrets, created_at: now, created_by, updated_at: now };
            store.create_connection(&connection).await.expect("a connection");
        }
        let seal = SealingKey::load_or_create(&folder.path().join("key")).expect("a sealing key");
        let registry = Arc::new(registry::on_board().expect("a registry"));
        let service = Arc::new(Service::new(store, registry, seal, None));
        let (leave, leaving) = watch::channel(false);
        let app = App::new(service, WebhookHosts::default(), limits, leaving);
        Self { router: router(app.clone()), app, key, leave, _folder: folder }
    }

    fn store(&self) -> &Store {
        self.app.service.store()
    }

    /// A request with the key of all scopes, unless there is another `authorization` among the headers.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let text = to_bytes(body, usize::MAX).await.expect("a body");
        let text = String::from_utf8(text.to_vec()).expect("text");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, &[], Some(body)).await
    }

    /// A migration that nobody plans; its id. Its log has one line and one change of status.
    async fn migration(&self) -> String {
        let created = self.post("/v1/migrations", new_migration("A")).await.is(201);
        created["id"].as_str().expect("an id").to_owned()
    }

    async fn tell(&self, migration: &str, events: &[NewEvent]) {
        self.store().append_events(migration, events).await.expect("events");
    }
}

fn new_migration(name: &str) -> Value {
    json!({"name": name, "source": {"connection_id": "conn_a"}, "target": {"connection_id": "conn_b"}})
}

fn line(level: Level, phase: Phase, message: &str) -> NewEvent {
    let at = Timestamp::now();
    let data = json!({"timestamp": at, "level": level, "message": message, "phase": phase});
    NewEvent { at, kind: EventKind::Log, level, phase: Some(phase), data }
}

fn progress(percent: u32) -> NewEvent {
    let phase = Phase::DataTransfer;
    let data = json!({"phase": phase, "percent": percent});
    NewEvent { at: Timestamp::now(), kind: EventKind::Progress, level: Level::Info, phase: Some(phase), data }
}
