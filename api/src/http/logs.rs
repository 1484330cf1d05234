//! `GET /v1/migrations/{id}/logs`: a page of the log, or the events as they happen.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sensei_engine::error::Code;
use sensei_engine::event::{Level, Phase};
use sensei_engine::store::{EventQuery, Scope, StoredEvent};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::auth::Caller;
use super::error::ApiError;
use super::query::Parameters;
use super::state::App;
use super::stream;
use super::words::PhaseWord;

/// Lines of a page where nobody asks for another number: the contract's.
const PAGE: u32 = 100;
/// Lines of a page at most. 1,000: some hundred kilobytes.
const LARGEST_PAGE: u32 = 1_000;
const PARAMETERS: [&str; 7] = ["level", "phase", "since", "follow", "limit", "cursor", "last_event_id"];
const LEVELS: [(&str, Level); 4] =
    [("debug", Level::Debug), ("info", Level::Info), ("warning", Level::Warning), ("error", Level::Error)];
const LAST_EVENT_ID: &str = "last-event-id";

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogPage {
    data: Vec<LogLine>,
    /// For `cursor`, where there is more; null where this is the end.
    #[schema(example = "128")]
    next_cursor: Option<String>,
}

/// A line of the log. More fields may follow, such as `table` or `records`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogLine {
    /// Its number within the migration; for `cursor` and `Last-Event-ID`.
    #[schema(example = "127")]
    id: String,
    /// `timestamp`, `level`, `message`, `phase` and what belongs to them.
    #[serde(flatten)]
    #[schema(value_type = Object, example = json!({"timestamp": "2026-02-02T16:30:00Z", "level": "info",
        "message": "Processing table: employees", "phase": "data_transfer", "table": "employees"}))]
    data: Map<String, Value>,
}

/// Which events somebody wants.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) level: Option<Level>,
    pub(super) phase: Option<Phase>,
    pub(super) since: Option<Timestamp>,
}

/// What was asked for.
#[derive(Debug)]
struct Asked {
    filter: Filter,
    follow: bool,
    limit: u32,
    cursor: Option<i64>,
    last_event: Option<i64>,
}

impl Asked {
    fn read(mut query: Parameters, headers: &HeaderMap) -> Result<Self, ApiError> {
        let levels = "one of debug, info, warning, error";
        let phases = format!("one of {}", PhaseWord::ALL.map(Phase::as_str).join(", "));
        let level = |word: &str| LEVELS.into_iter().find(|(of, _)| *of == word).map(|(_, level)| level);
        let phase = |word: &str| PhaseWord::ALL.into_iter().find(|phase| phase.as_str() == word);
        let number = |text: &str| text.parse().ok().filter(|number: &i64| *number >= 0);
        let id = "the id of an event: a whole number";
        let filter = Filter {
            level: query.read_as("level", levels, level)?,
            phase: query.read_as("phase", &phases, phase)?,
            since: query.moment("since")?,
        };
        let asked_by_query = query.read_as("last_event_id", id, number)?;
        let asked = Self {
            filter,
            follow: query.flag("follow", false)? || wants_stream(headers),
            limit: query.number("limit", 1..=LARGEST_PAGE, PAGE)?,
            cursor: query.read_as("cursor", id, number)?,
            // The header is newer: a browser sends it with the URL it first connected to.
            last_event: match headers.get(LAST_EVENT_ID) {
                None => asked_by_query,
                Some(header) => {
                    let read = header.to_str().ok().and_then(|text| number(text.trim()));
                    let wrong = || ApiError::invalid("Last-Event-ID", format!("`Last-Event-ID` must be {id}."));
                    Some(read.ok_or_else(wrong)?)
                }
            },
        };
        query.end(&PARAMETERS)?;
        Ok(asked)
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepts = |value: &axum::http::HeaderValue| value.to_str().is_ok_and(|v| v.contains("text/event-stream"));
    headers.get_all(header::ACCEPT).iter().any(accepts)
}

impl LogPage {
    fn new(mut events: Vec<StoredEvent>, limit: u32) -> Self {
        let more = events.len() > limit as usize;
        events.truncate(limit as usize);
        let next_cursor = events.last().filter(|_| more).map(|last| last.seq.to_string());
        let line = |event: StoredEvent| LogLine {
            id: event.seq.to_string(),
            data: match event.data {
                Value::Object(data) => data,
                other => Map::from_iter([("message".to_owned(), other)]),
            },
        };
        Self { data: events.into_iter().map(line).collect(), next_cursor }
    }
}

/// Get or follow the log
///
/// A page of log lines, oldest first. With `follow=true`, or `Accept: text/event-stream`, a stream (Server-Sent Events) of
/// `log`, `progress` and `status` events, each with its number as `id`: first the last `limit` of them, then those that
/// happen, until the migration is at its end. `Last-Event-ID` (a header, or `last_event_id`) goes on after that event, without
/// a gap and nothing twice. `level` is about log lines; with it a stream has no `progress`. The log of a deleted migration
/// stays readable where it was kept. Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/migrations/{id}/logs",
    operation_id = "get_migration_logs",
    tag = "Monitoring",
    params(
        ("id" = String, Path, description = "The migration.", example = "mig_abc123def456"),
        ("level" = Option<String>, Query, description = "Exactly this level: `debug`, `info`, `warning`, `error`."),
        ("phase" = Option<PhaseWord>, Query, description = "In this phase."),
        ("since" = Option<String>, Query, description = "After this time, such as `2026-02-02T16:30:00Z`."),
        ("follow" = Option<bool>, Query, description = "Stream them as they happen. Default: false."),
        ("limit" = Option<u32>, Query, description = "Lines at most, 1 to 1000. Default: 100."),
        ("cursor" = Option<String>, Query, description = "Of a page: after this line, by `next_cursor`."),
        ("last_event_id" = Option<String>, Query, description = "Of a stream: after this event."),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it."),
    ),
    responses(
        (status = 200, description = "A page, or a stream.", content(
            (LogPage = "application/json"),
            (String = "text/event-stream"),
        )),
    ),
)]
pub(crate) async fn get_logs(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.need(Scope::Read)?;
    let Asked { filter, follow, limit, cursor, last_event } = Asked::read(query, &headers)?;
    must_be_there(&app, &id).await?;
    let store = app.service.store();
    let Filter { level, phase, since } = filter;
    let events = EventQuery { after: cursor.unwrap_or(0), logs_only: true, level, phase, since, limit: limit + 1 };
    if !follow {
        return Ok(axum::Json(LogPage::new(store.events(&id, &events).await?, limit)).into_response());
    }
    // A follower that was told where to begin gets all that is after it; `cursor` says so as well.
    let begin = match last_event.or(cursor) {
        Some(last) => stream::Begin::After(last),
        None => stream::Begin::With(limit),
    };
    stream::follow(app, id, filter, begin).await
}

/// There is such a migration, or there was and its log was kept.
async fn must_be_there(app: &App, id: &str) -> Result<(), ApiError> {
    let store = app.service.store();
    let gone = match store.record(id).await {
        Ok(_) => return Ok(()),
        Err(e) if e.code == Code::MigrationNotFound => e,
        Err(e) => return Err(e.into()),
    };
    let first = EventQuery { limit: 1, ..EventQuery::default() };
    if store.was_there(id).await? && !store.events(id, &first).await?.is_empty() {
        return Ok(());
    }
    Err(gone.into())
}
