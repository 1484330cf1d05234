//! A stream of events that outlives its connections: each new one goes on after the last event of the one before.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use sensei_engine::error::{Code, Error};
use tokio::time::{Instant, sleep, timeout_at};

use super::refusal::Refusal;
use super::server::{ATTEMPTS, EVENT_STREAM, Query, Server};
use super::sse::{Event, Parser, TooLong};
use crate::cli::failure::Failure;

/// Before coming again, unless the server says how long.
const DEFAULT_PAUSE: Duration = Duration::from_millis(500);
/// However often it failed, and whatever the server says: a person waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For a server's answer to the request for a stream.
const OPEN_WITHIN: Duration = Duration::from_secs(30);
/// Without an event for this long, the one who follows should ask how things stand.
const QUIET_AFTER: Duration = Duration::from_secs(10);
/// Without a byte for this long the connection is dead: heartbeats come several times as often.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// How long a server that was there may be away: time enough to start it again, also by hand.
const GIVE_UP_AFTER: Duration = Duration::from_secs(600);

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An event.
    Event(Event),
    /// Nothing has happened for a while, or the connection ended and will be made again: a good moment to look.
    Pause(Why),
    /// The server has nothing more to say, ever.
    Over,
}

/// Why there is a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing happens.
    Quiet,
    /// The connection is gone.
    Lost,
}

/// Follows one stream.
pub(super) struct Follow<'a> {
    server: &'a Server,
    path: &'a [&'a str],
    query: Query,
    open: Option<Open>,
    /// Read and not told yet.
    events: VecDeque<Event>,
    last_event_id: String,
    /// Between two connections, as long as they work.
    pause: Duration,
    /// Connections since the last byte.
    failures: u32,
    /// When the server was last heard of; none before the first time.
    heard: Option<Instant>,
    /// When the last event came, or the last [`Why::Quiet`] was told.
    told: Instant,
}

/// A connection that is there.
struct Open {
    response: Response,
    parser: Parser,
}

impl<'a> Follow<'a> {
    /// Follows the stream of events at this path. Nothing is asked yet.
    pub(super) fn new(server: &'a Server, path: &'a [&'a str], query: Query) -> Self {
        Self {
            server,
            path,
            query,
            open: None,
            events: VecDeque::new(),
            last_event_id: String::new(),
            pause: DEFAULT_PAUSE,
            failures: 0,
            heard: None,
            told: Instant::now(),
        }
    }

    /// Waits for what comes next.
    ///
    /// # Errors
    /// The server refuses, cannot be reached at first, stays away, or talks nonsense.
    pub(super) async fn next(&mut self) -> Result<Step, Failure> {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.told = Instant::now();
                return Ok(Step::Event(event));
            }
            let Some(open) = &mut self.open else {
                if self.connect().await? {
                    continue;
                }
                return Ok(Step::Over);
            };
            let dead_at = self.heard.unwrap_or(self.told) + DEAD_AFTER;
            let quiet_at = self.told + QUIET_AFTER;
            match timeout_at(quiet_at.min(dead_at), open.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.read(&bytes)?,
                Ok(Ok(None) | Err(_)) => return Ok(self.lost()),
                Err(_) if Instant::now() >= dead_at => return Ok(self.lost()),
                Err(_) => {
                    self.told = Instant::now();
                    return Ok(Step::Pause(Why::Quiet));
                }
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        (self.failures, self.heard) = (0, Some(Instant::now()));
        let read = open.parser.feed(bytes, |event| self.events.push_back(event));
        open.parser.last_event_id().clone_into(&mut self.last_event_id);
        self.pause = open.parser.retry().unwrap_or(self.pause).min(LONGEST_PAUSE);
        read.map_err(|TooLong| Error::new(Code::ResourceExhausted, "The server sent an event without an end.").into())
    }

    fn lost(&mut self) -> Step {
        self.open = None;
        self.failures += 1;
        Step::Pause(Why::Lost)
    }

    /// Makes a connection, again and again while the server is away; false when there is nothing more to come for.
    async fn connect(&mut self) -> Result<bool, Failure> {
        loop {
            if self.failures > 0 {
                sleep(self.pause_before(self.failures)).await;
            }
            let opening = self.server.stream(self.path, &self.query, &self.last_event_id);
            let failure = match timeout_at(Instant::now() + OPEN_WITHIN, opening).await {
                Ok(Ok(response)) if response.status() == StatusCode::OK => {
                    let parser = Parser::after(&self.last_event_id);
                    self.open = Some(Open { response: streaming(response)?, parser });
                    (self.heard, self.told) = (Some(Instant::now()), Instant::now());
                    return Ok(true);
                }
                Ok(Ok(response)) if response.status() == StatusCode::NO_CONTENT => return Ok(false),
                Ok(Ok(response)) => {
                    let status = response.status();
                    let may_mend = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                    let refusal = self.server.refusal(response).await;
                    if !may_mend {
                        return Err(refusal);
                    }
                    refusal
                }
                Ok(Err(e)) => self.server.unreachable(e),
                Err(_) => {
                    let within = OPEN_WITHIN.as_secs();
                    Error::new(Code::Timeout, format!("The server opened no stream within {within} s.")).into()
                }
            };
            self.failures += 1;
            let gives_up = match self.heard {
                None => self.failures >= ATTEMPTS,
                Some(heard) => heard.elapsed() >= GIVE_UP_AFTER,
            };
            if gives_up {
                return Err(failure);
            }
        }
    }

    /// Twice as long each time that nothing came of it.
    fn pause_before(&self, attempt: u32) -> Duration {
        self.pause.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
    }
}

/// An answer that is a stream of events.
fn streaming(response: Response) -> Result<Response, Failure> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(EVENT_STREAM)) {
        return Ok(response);
    }
    let why = "The server answered with something that is no stream of events. Is it a Sensei of another version?";
    Err(Refusal::of_this_client(why.to_owned(), "").into())
}

#[cfg(test)]
mod tests;
