//! Server-Sent Events of one migration.
//!
//! The stream pulls: an event is read when the client took the one before, so a slow client holds nothing up but itself.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use futures_util::stream::unfold;
use sensei_engine::error::{Code, Result};
use sensei_engine::event::Phase;
use sensei_engine::lifecycle::Status;
use sensei_engine::store::{EventKind, EventQuery, StoredEvent};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use super::error::ApiError;
use super::logs::Filter;
use super::server::asked_to_leave;
use super::state::App;

/// How long a client waits before it connects again. 2 s: a restarted server is back by then.
const RETRY: Duration = Duration::from_secs(2);
/// Seconds until a client that found no place asks again. 5: streams end now and then.
const NO_PLACE: u64 = 5;
/// How long the feed is asked to wait. After that the migration is looked at: one that another server deleted tells nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tells proxies not to hold events back.
const NO_BUFFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Where a stream begins.
pub(super) enum Begin {
    /// After this event.
    After(i64),
    /// With so many of those that are there, the last ones.
    With(u32),
}

struct Follower {
    app: App,
    migration: String,
    filter: Filter,
    /// The number of the last event that was looked at.
    seen: i64,
    page: VecDeque<Arc<StoredEvent>>,
    /// When the last events were taken from the feed.
    taken: Option<Instant>,
    /// Whether the migration may be at its end: it is looked at before anybody waits.
    ending: bool,
    /// The client was told how soon to come again.
    greeted: bool,
    _place: OwnedSemaphorePermit,
}

/// The stream as a response.
///
/// # Errors
/// `too_many_followers`; `store`.
pub(super) async fn follow(app: App, migration: String, filter: Filter, begin: Begin) -> Result<Response, ApiError> {
    let place = Arc::clone(&app.followers).try_acquire_owned().map_err(|_| {
        let message = "This server has no place for another stream. Try again in a moment, or read pages.";
        ApiError::too_many("too_many_followers", message, NO_PLACE)
    })?;
    let (seen, page) = match begin {
        Begin::After(seen) => (seen, VecDeque::new()),
        Begin::With(limit) => {
            let store = app.service.store();
            // What is told after this question comes by the feed.
            let last = store.last_event(&migration).await?;
            let Filter { level, phase, since } = filter;
            let latest = EventQuery { after: 0, logs_only: false, level, phase, since, limit };
            let page = store.latest_events(&migration, &latest).await?;
            let seen = page.last().map_or(last, |e| e.seq.max(last));
            (seen, page.into_iter().map(Arc::new).collect())
        }
    };
    let keep_alive = KeepAlive::new().interval(app.limits.heartbeat()).text("heartbeat");
    let leave = Box::pin(asked_to_leave(app.shutdown.clone()));
    let follower =
        Follower { app, migration, filter, seen, page, taken: None, ending: true, greeted: false, _place: place };
    let events = unfold((follower, leave), |(mut follower, mut leave)| async move {
        let event = tokio::select! {
            biased;
            () = &mut leave => None,
            event = follower.next() => event,
        };
        event.map(|event| (Ok::<Event, Infallible>(event), (follower, leave)))
    });
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store")), NO_BUFFER];
    Ok((StatusCode::OK, headers, Sse::new(events).keep_alive(keep_alive)).into_response())
}

impl Follower {
    /// The next event that passes the filter; none: the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(event) = self.page.pop_front() {
                self.seen = self.seen.max(event.seq);
                self.ending |= ends(&event);
                if passes(&self.filter, &event) {
                    return Some(self.written(&event));
                }
            }
            match self.more().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(e) => {
                    // The client comes again and goes on from its last event.
                    tracing::warn!(migration = %self.migration, error = %e, "a stream broke off");
                    return None;
                }
            }
        }
    }

    /// Reads on. False: nothing will come any more.
    async fn more(&mut self) -> Result<bool> {
        let feed = self.app.service.feed();
        if self.ending {
            let over = self.is_over().await?;
            // Asked after that, so that nothing that was told before the end is missed.
            self.page = feed.next(&self.migration, self.seen, Duration::ZERO).await?.into();
            if over && self.page.is_empty() {
                return Ok(false);
            }
            self.ending = over;
            if over || !self.page.is_empty() {
                return Ok(true);
            }
        }
        // Hundreds of clients that are woken for each event of a busy migration take its processors from it: what happens soon
        // after is written with it.
        if let Some(taken) = self.taken {
            sleep_until(taken + self.app.limits.gather()).await;
        }
        self.page = feed.next(&self.migration, self.seen, PATIENCE).await?.into();
        self.taken = Some(Instant::now());
        self.ending |= self.page.is_empty();
        Ok(true)
    }

    async fn is_over(&self) -> Result<bool> {
        match self.app.service.store().record(&self.migration).await {
            Ok(record) => Ok(record.status.can_be_deleted()),
            Err(e) if e.code == Code::MigrationNotFound => Ok(true),
            Err(e) => Err(e),
        }
    }

    fn written(&mut self, event: &StoredEvent) -> Event {
        let written = Event::default().event(&event.kind).id(event.seq.to_string()).data(&event.text);
        if std::mem::replace(&mut self.greeted, true) { written } else { written.retry(RETRY) }
    }
}

/// Whether an event may be the last one.
fn ends(event: &StoredEvent) -> bool {
    let status = event.data.get("status").and_then(Value::as_str).filter(|_| event.kind == EventKind::Status.as_str());
    status.and_then(Status::parse).is_some_and(Status::can_be_deleted)
}

/// As the store filters, for events that come by the feed.
fn passes(filter: &Filter, event: &StoredEvent) -> bool {
    let word = |name: &str| event.data.get(name).and_then(Value::as_str);
    let level = filter.level.is_none_or(|level| {
        let wanted = serde_json::to_value(level).ok();
        (event.kind == EventKind::Log.as_str() && event.data.get("level") == wanted.as_ref())
            || event.kind == EventKind::Status.as_str()
    });
    let phase = filter.phase.map(Phase::as_str).is_none_or(|phase| word("phase") == Some(phase));
    let since = filter.since.is_none_or(|since| event.at > since);
    level && phase && since
}
