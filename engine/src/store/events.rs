//! The numbered stream of a migration's events: what its log is, and what followers replay.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::{Any, Transaction};

use super::{Store, commit, failed, from_json, get, instant, json};
use crate::error::Result;
use crate::event::{Level, Phase};

/// What an event is, as streams name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A line of the log.
    Log,
    /// How far it is.
    Progress,
    /// A change of status.
    Status,
}

impl EventKind {
    /// As streams write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Progress => "progress",
            Self::Status => "status",
        }
    }
}

/// An event on its way into the store.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// How serious.
    pub level: Level,
    /// In which phase.
    pub phase: Option<Phase>,
    /// What clients get, a JSON object.
    pub data: Value,
}

/// An event in the store.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its number: from 1, without gaps, within its migration.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// `log`, `progress` or `status`.
    pub kind: String,
    /// What clients get, a JSON object.
    pub data: Value,
    /// The same as it was stored: hundreds of streams write it without making it again.
    pub text: String,
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// After this number.
    pub after: i64,
    /// Log lines alone.
    pub logs_only: bool,
    /// Log lines exactly this serious, and changes of status.
    pub level: Option<Level>,
    /// In this phase.
    pub phase: Option<Phase>,
    /// After this instant.
    pub since: Option<Timestamp>,
    /// So many at most.
    pub limit: u32,
}

const fn rank(level: Level) -> i64 {
    match level {
        Level::Debug => 0,
        Level::Info => 1,
        Level::Warning => 2,
        Level::Error => 3,
    }
}

impl Store {
    /// Numbers and keeps events; the number of the last one.
    ///
    /// # Errors
    /// `store`.
    pub async fn append_events(&self, migration: &str, events: &[NewEvent]) -> Result<()> {
        let mut tx = self.transaction().await?;
        append(&mut tx, migration, events).await?;
        commit(tx).await
    }

    /// Events of a migration, in order, from the first that is meant.
    ///
    /// # Errors
    /// `store`.
    pub async fn events(&self, migration: &str, query: &EventQuery) -> Result<Vec<StoredEvent>> {
        self.select(
            "SELECT seq, at, kind, data FROM events
             WHERE migration_id = $1 AND seq > $2 AND ($3 = 0 OR kind = 'log')
               AND ($4 < 0 OR kind = 'status' OR (kind = 'log' AND level = $4)) AND ($5 = '' OR phase = $5) AND at > $6
             ORDER BY seq LIMIT $7",
            migration,
            query,
        )
        .await
    }

    /// The last events of a migration that are meant, in order.
    ///
    /// # Errors
    /// `store`.
    pub async fn latest_events(&self, migration: &str, query: &EventQuery) -> Result<Vec<StoredEvent>> {
        let mut events = self
            .select(
                "SELECT seq, at, kind, data FROM events
                 WHERE migration_id = $1 AND seq > $2 AND ($3 = 0 OR kind = 'log')
                   AND ($4 < 0 OR kind = 'status' OR (kind = 'log' AND level = $4)) AND ($5 = '' OR phase = $5) AND at > $6
                 ORDER BY seq DESC LIMIT $7",
                migration,
                query,
            )
            .await?;
        events.reverse();
        Ok(events)
    }

    async fn select(&self, sql: &'static str, migration: &str, query: &EventQuery) -> Result<Vec<StoredEvent>> {
        let rows = sqlx::query(sql)
            .bind(migration)
            .bind(query.after)
            .bind(i64::from(query.logs_only))
            .bind(query.level.map_or(-1, rank))
            .bind(query.phase.map_or("", Phase::as_str))
            .bind(query.since.map_or(i64::MIN, Timestamp::as_microsecond))
            .bind(i64::from(query.limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("read events", &e))?;
        rows.iter()
            .map(|row| {
                let text: String = get(row, "data")?;
                Ok(StoredEvent {
                    seq: get(row, "seq")?,
                    at: instant(row, "at")?,
                    kind: get(row, "kind")?,
                    data: from_json("event", &text)?,
                    text,
                })
            })
            .collect()
    }

    /// The number of a migration's last event; 0 if it has none.
    ///
    /// # Errors
    /// `store`.
    pub async fn last_event(&self, migration: &str) -> Result<i64> {
        let row = sqlx::query("SELECT event_seq FROM migrations WHERE id = $1")
            .bind(migration)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("read events", &e))?;
        row.map_or(Ok(0), |row| get(&row, "event_seq"))
    }
}

/// Numbers and keeps events. The update of the counter makes writers of one migration wait for each other: numbers become
/// visible in their order, so that a reader who has seen one has seen all before it.
pub(super) async fn append(tx: &mut Transaction<'static, Any>, migration: &str, events: &[NewEvent]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let row = sqlx::query("UPDATE migrations SET event_seq = event_seq + $1 WHERE id = $2 RETURNING event_seq")
        .bind(events.len() as i64)
        .bind(migration)
        .fetch_optional(&mut **tx)
        .await
        .map_err(|e| failed("number events", &e))?;
    match row {
        Some(row) => append_numbered(tx, migration, get::<i64>(&row, "event_seq")?, events).await,
        None => Ok(()),
    }
}

/// Keeps events of which the last has this number.
pub(super) async fn append_numbered(
    tx: &mut Transaction<'static, Any>,
    migration: &str,
    last: i64,
    events: &[NewEvent],
) -> Result<()> {
    for (seq, event) in (last + 1 - events.len() as i64..).zip(events) {
        sqlx::query(
            "INSERT INTO events (migration_id, seq, at, kind, level, phase, data) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(migration)
        .bind(seq)
        .bind(event.at.as_microsecond())
        .bind(event.kind.as_str())
        .bind(rank(event.level))
        .bind(event.phase.map(|p| p.as_str().to_owned()))
        .bind(json(&event.data)?)
        .execute(&mut **tx)
        .await
        .map_err(|e| failed("keep an event", &e))?;
    }
    Ok(())
}
