//! A server for tests on loopback: it answers each connection with what the script says next, and remembers what it
//! was asked. One request a connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::Session;
use super::reply::Output;
use super::server::Server;
use crate::cli::progress::Style;

/// What happens on one connection after the request has come.
pub(super) type Act = Vec<Do>;

pub(super) enum Do {
    /// Sends these bytes.
    Send(String),
    /// Waits.
    Wait(Duration),
    /// Stays there and says nothing more, until the test ends.
    Stay,
}

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    /// `GET /v1/migrations`.
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The server; it ends with this value.
pub(super) struct Scripted {
    /// Where it is.
    pub(super) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    at_work: JoinHandle<()>,
}

impl Scripted {
    /// Plays these acts in order, then hangs up on whoever comes.
    pub(super) async fn play(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::play_at(0, acts).await
    }

    /// The same at a certain port; 0 is any.
    pub(super) async fn play_at(port: u16, acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let mut acts: Vec<Act> = acts.into_iter().collect();
        acts.reverse();
        let notes = received.clone();
        let at_work = tokio::spawn(async move {
            // They end with the task that holds them.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(act) = acts.pop() {
                    connections.spawn(perform(act, stream, notes.clone()));
                }
            }
        });
        Self { port, received, at_work }
    }

    /// What was asked so far.
    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines of the requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.received().into_iter().map(|request| request.line).collect()
    }

    /// A client of it.
    pub(super) fn session(&self, output: Output) -> Session {
        Session { server: server_at(self.port, Some("sk_live_test")), output, style: Style::Lines }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.at_work.abort();
    }
}

/// A client of whoever listens at this port.
pub(super) fn server_at(port: u16, key: Option<&str>) -> Server {
    let base = Url::parse(&format!("http://127.0.0.1:{port}/v1")).expect("an address");
    Server::new(base, key).expect("a client")
}

async fn perform(act: Act, mut stream: TcpStream, notes: Arc<Mutex<Vec<Received>>>) {
    let request = read(&mut stream).await;
    notes.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    for step in act {
        match step {
            // A client that went away is what some tests are about.
            Do::Send(text) => drop(stream.write_all(text.as_bytes()).await),
            Do::Wait(time) => sleep(time).await,
            Do::Stay => std::future::pending().await,
        }
    }
}

async fn read(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = whole(&String::from_utf8_lossy(&bytes)) {
            return request;
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
            return Received::default();
        }
    }
}

fn whole(text: &str) -> Option<Received> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
    let request = Received { line, headers, body: body.to_owned() };
    let length = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
    (body.len() >= length).then_some(request)
}

/// An answer as a whole.
pub(super) fn answer(status: &str, json: &str) -> Act {
    answer_with(status, "", json)
}

/// An answer with more headers, each ended by CR LF.
pub(super) fn answer_with(status: &str, headers: &str, json: &str) -> Act {
    let length = json.len();
    vec![Do::Send(format!(
        "HTTP/1.1 {status}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{json}"
    ))]
}

/// A stream of events that ends after these steps, without an end of its own.
pub(super) fn stream(steps: impl IntoIterator<Item = Do>) -> Act {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n";
    std::iter::once(Do::Send(head.to_owned())).chain(steps).collect()
}

/// Sends these events.
pub(super) fn send(text: &str) -> Do {
    Do::Send(text.to_owned())
}
