//! `sensei serve`, started as a person would start it, and a client of its API that shares nothing with it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::product::program;
use crate::servers::{PASSWORD, PASSWORD_IN_URL};

/// How long to wait for something that must come, on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(120);
/// Between looks.
const PAUSE: Duration = Duration::from_millis(50);
/// The key that every server of these tests knows, with all scopes.
pub const KEY: &str = "sk_live_of_the_tests_0123456789";

/// A server, and where its state is.
#[derive(Debug)]
pub struct Serve {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub base: String,
    state: String,
    folder: PathBuf,
    config: Value,
    stderr: Arc<Mutex<String>>,
    runtime: Runtime,
    client: reqwest::Client,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("no JSON ({e}): {} {}", self.status, self.text))
    }

    /// The body as JSON, of an answer with this status.
    ///
    /// # Panics
    /// When it has another.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The error envelope of an answer with this status and code; the error.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let error = self.is(status)["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert!(error["message"].as_str().is_some_and(|m| m.len() > 10), "{error}");
        assert!(error["request_id"].as_str().is_some_and(|r| !r.is_empty()), "{error}");
        error
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl Serve {
    /// A server with a state of its own, in this folder.
    pub fn start(folder: &Path) -> Self {
        let state = format!("sqlite:{}", folder.join("state.db").display());
        Self::start_with(folder, &state, json!({}))
    }

    /// A server with this state and configuration file; secrets are sealed with a key in the folder.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_with(folder: &Path, state: &str, config: Value) -> Self {
        let (child, base, stderr) = spawn(folder, state, &config);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        // Whoever was first has set the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { child, base, state: state.to_owned(), folder: folder.to_owned(), config, stderr, runtime, client }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, now.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }

    /// SIGTERM, and its exit code.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn terminate(&mut self) -> Option<i32> {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        let mut code = None;
        eventually("the server ends", || match self.child.try_wait().expect("a child of ours") {
            Some(status) => {
                code = status.code();
                true
            }
            None => false,
        });
        code
    }

    /// Starts it again with the same state; its port is another one.
    pub fn restart(&mut self) {
        let (child, base, stderr) = spawn(&self.folder, &self.state, &self.config);
        (self.child, self.base, self.stderr) = (child, base, stderr);
    }

    /// What it wrote to its log so far.
    ///
    /// # Panics
    /// Never.
    pub fn log(&self) -> String {
        self.stderr.lock().expect("the log").clone()
    }

    /// One request with these headers besides the key.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            request = request.header("authorization", format!("Bearer {KEY}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = self.runtime.block_on(async {
            let response = request.timeout(LIMIT).send().await?;
            let headers = response.headers().iter();
            let headers =
                headers.map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()));
            let headers = headers.collect();
            Ok::<_, reqwest::Error>(Answer {
                status: response.status().as_u16(),
                headers,
                text: response.text().await?,
            })
        });
        let answer = answer.unwrap_or_else(|e| panic!("{method} {path}: {e}\n{}", self.log()));
        for secret in [PASSWORD, PASSWORD_IN_URL] {
            assert!(!answer.text.contains(secret), "{method} {path} shows a password: {}", answer.text);
        }
        answer
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], None)
    }

    /// POST with a JSON body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, &[], Some(body))
    }

    /// POST without a body.
    #[track_caller]
    pub fn command(&self, path: &str) -> Answer {
        self.ask(Method::POST, path, &[], None)
    }

    /// DELETE.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, &[], None)
    }

    /// Stores a connection by its URL.
    #[track_caller]
    pub fn connect(&self, id: &str, name: &str, url: &str) {
        self.post("/v1/connections", &json!({"id": id, "name": name, "url": url})).is(201);
    }

    /// Creates a migration; its id.
    #[track_caller]
    pub fn create(&self, body: &Value) -> String {
        self.post("/v1/migrations", body).is(201)["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until a migration has one of these statuses; the migration.
    ///
    /// # Panics
    /// When it comes to another end, or to none in time.
    #[track_caller]
    pub fn wait_for(&self, id: &str, statuses: &[&str]) -> Value {
        const ENDS: [&str; 5] = ["completed", "failed", "cancelled", "rolled_back", "paused"];
        let begin = Instant::now();
        loop {
            let migration = self.get(&format!("/v1/migrations/{id}")).is(200);
            let status = migration["status"].as_str().expect("a status");
            if statuses.contains(&status) {
                return migration;
            }
            let stuck = ENDS.contains(&status) || begin.elapsed() > LIMIT;
            assert!(!stuck, "wanted {statuses:?}, got {migration:#}\n{}", self.log());
            thread::sleep(PAUSE);
        }
    }

    /// Reads the event stream of a migration until `enough` of the events so far, or its end.
    ///
    /// # Panics
    /// When it does not come in time.
    #[track_caller]
    pub fn follow(&self, id: &str, last_event: Option<&str>, enough: impl Fn(&[Event]) -> bool) -> Vec<Event> {
        let mut request = self
            .client
            .get(format!("{}/v1/migrations/{id}/logs?follow=true", self.base))
            .header("authorization", format!("Bearer {KEY}"))
            .header("accept", "text/event-stream");
        if let Some(last) = last_event {
            request = request.header("last-event-id", last);
        }
        self.runtime.block_on(async {
            let mut events = Vec::new();
            let reading = async {
                let mut response = request.send().await?;
                assert_eq!(response.status(), 200);
                let mut rest = String::new();
                while let Some(bytes) = response.chunk().await? {
                    rest += &String::from_utf8_lossy(&bytes);
                    while let Some((block, tail)) = rest.split_once("\n\n") {
                        events.extend(Event::read(block));
                        rest = tail.to_owned();
                    }
                    if enough(&events) {
                        break;
                    }
                }
                Ok::<_, reqwest::Error>(())
            };
            match tokio::time::timeout(LIMIT, reading).await {
                // A server that was killed ends a stream, too.
                Ok(Ok(()) | Err(_)) => events,
                Err(_) => panic!("the stream does not get on: {events:?}"),
            }
        })
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One event of a stream.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its number.
    pub id: Option<i64>,
    /// `log`, `progress`, `status`.
    pub name: String,
    /// Its data.
    pub data: Value,
}

impl Event {
    fn read(block: &str) -> Option<Self> {
        let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':').map(str::trim));
        let data = serde_json::from_str(field("data")?).expect("events are JSON");
        Some(Self { id: field("id").and_then(|i| i.parse().ok()), name: field("event")?.to_owned(), data })
    }
}

/// Looks until it is so.
///
/// # Panics
/// When it is not so in time.
#[track_caller]
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < LIMIT, "not in time: {what}");
        thread::sleep(PAUSE);
    }
}

fn spawn(folder: &Path, state: &str, config: &Value) -> (Child, String, Arc<Mutex<String>>) {
    let file = folder.join("serve.json");
    std::fs::write(&file, config.to_string()).expect("a configuration file");
    let mut child = Command::new(program())
        .args(["serve", "--listen", "127.0.0.1:0", "--state", state, "--config"])
        .arg(&file)
        .current_dir(folder)
        .env("SENSEI_API_KEY", KEY)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sensei serve starts");
    let stderr = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&stderr);
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let mut log = log.lock().expect("the log");
            log.push_str(&line);
            log.push('\n');
        }
    });
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let ready =
        lines.by_ref().map_while(Result::ok).find_map(|l| Some(l.split_once("listening on ")?.1.trim().to_owned()));
    // Whatever else it prints goes nowhere, but it must be able to print.
    thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    let base = ready.unwrap_or_else(|| panic!("sensei serve did not come up:\n{}", stderr.lock().expect("the log")));
    (child, base, stderr)
}
