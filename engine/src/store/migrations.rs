//! Records of migrations.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::events::{append, append_numbered};
use super::outbox::enqueue;
use super::{NewEvent, NewMail, Store, commit, failed, from_json, get, json};
use crate::error::{Code, Error, Result};
use crate::lifecycle::{Record, Status};

/// Which migrations, and in which order.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// In this status.
    pub status: Option<Status>,
    /// From this connection.
    pub source_id: Option<String>,
    /// To this connection.
    pub target_id: Option<String>,
    /// Created after this.
    pub created_after: Option<Timestamp>,
    /// Created before this.
    pub created_before: Option<Timestamp>,
    /// So many at most.
    pub limit: u32,
    /// After so many.
    pub offset: u32,
    /// By this.
    pub sort: Sort,
    /// This way.
    pub order: Order,
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// When they were created.
    CreatedAt,
    /// When they were started; those that were not come last.
    StartedAt,
    /// Their names.
    Name,
}

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The page, each with how far it is.
    pub page: Vec<(Record, Option<Value>)>,
    /// All that the filters let through.
    pub total: u64,
}

const MATCHING: &str = "deleted_at IS NULL
    AND ($1 IS NULL OR status = $1) AND ($2 IS NULL OR source_id = $2) AND ($3 IS NULL OR target_id = $3)
    AND created_at > $4 AND created_at < $5";

impl Store {
    /// Keeps a new migration with its first events.
    ///
    /// # Errors
    /// `store`.
    pub async fn create(&self, record: &mut Record, events: &[NewEvent], mail: &[NewMail]) -> Result<()> {
        let mut tx = self.transaction().await?;
        record.version = 1;
        sqlx::query(
            "INSERT INTO migrations (id, name, status, source_id, target_id, created_at, started_at, version, record, event_seq, lease_until)
             VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8, 0, 0)",
        )
        .bind(record.id.clone())
        .bind(record.spec.name.clone())
        .bind(record.status.as_str())
        .bind(record.spec.source.connection_id.clone())
        .bind(record.spec.target.connection_id.clone())
        .bind(record.created_at.as_microsecond())
        .bind(record.version)
        .bind(json(record)?)
        .execute(&mut *tx)
        .await
        .map_err(|e| failed("keep a migration", &e))?;
        append(&mut tx, &record.id, events).await?;
        enqueue(&mut tx, mail).await?;
        commit(tx).await
    }

    /// A change of state: the record, its events and its notifications, in one transaction. False: somebody else saved
    /// the record since it was read, and nothing was changed.
    ///
    /// # Errors
    /// `store`.
    pub async fn save(
        &self,
        record: &mut Record,
        wake_at: Option<Timestamp>,
        events: &[NewEvent],
        mail: &[NewMail],
    ) -> Result<bool> {
        let mut tx = self.transaction().await?;
        let row = sqlx::query(
            "UPDATE migrations SET name = $1, status = $2, started_at = $3, record = $4, wake_at = $5, version = version + 1,
                event_seq = event_seq + $6
             WHERE id = $7 AND version = $8 AND deleted_at IS NULL RETURNING event_seq",
        )
        .bind(record.spec.name.clone())
        .bind(record.status.as_str())
        .bind(record.started_at.map(Timestamp::as_microsecond))
        .bind(json(record)?)
        .bind(wake_at.map(Timestamp::as_microsecond))
        .bind(events.len() as i64)
        .bind(record.id.clone())
        .bind(record.version)
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| failed("save a migration", &e))?;
        let Some(row) = row else { return Ok(false) };
        append_numbered(&mut tx, &record.id, get::<i64>(&row, "event_seq")?, events).await?;
        enqueue(&mut tx, mail).await?;
        commit(tx).await?;
        record.version += 1;
        Ok(true)
    }

    /// One migration.
    ///
    /// # Errors
    /// `migration_not_found`.
    pub async fn record(&self, id: &str) -> Result<Record> {
        let row = sqlx::query("SELECT record, version FROM migrations WHERE id = $1 AND deleted_at IS NULL")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("read a migration", &e))?;
        read(&row.ok_or_else(|| not_found(id))?)
    }

    /// Whether a migration was ever there: its log may outlive it.
    ///
    /// # Errors
    /// `store`.
    pub async fn was_there(&self, id: &str) -> Result<bool> {
        let row = sqlx::query("SELECT 1 AS one FROM migrations WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("read a migration", &e))?;
        Ok(row.is_some())
    }

    /// A page of the list.
    ///
    /// # Errors
    /// `store`.
    pub async fn list(&self, query: &ListQuery) -> Result<Listed> {
        let order = match (query.sort, query.order) {
            (Sort::CreatedAt, Order::Ascending) => "created_at ASC, id ASC",
            (Sort::CreatedAt, Order::Descending) => "created_at DESC, id DESC",
            (Sort::StartedAt, Order::Ascending) => "started_at IS NULL ASC, started_at ASC, id ASC",
            (Sort::StartedAt, Order::Descending) => "started_at IS NULL ASC, started_at DESC, id DESC",
            (Sort::Name, Order::Ascending) => "name ASC, id ASC",
            (Sort::Name, Order::Descending) => "name DESC, id DESC",
        };
        let sql = format!(
            "SELECT record, version, data FROM migrations LEFT JOIN progress ON migration_id = id WHERE {MATCHING} ORDER BY {order} LIMIT $6 OFFSET $7"
        );
        let filtered = |sql: String| {
            sqlx::query(AssertSqlSafe(sql))
                .bind(query.status.map(|s| s.as_str().to_owned()))
                .bind(query.source_id.clone())
                .bind(query.target_id.clone())
                .bind(query.created_after.map_or(i64::MIN, Timestamp::as_microsecond))
                .bind(query.created_before.map_or(i64::MAX, Timestamp::as_microsecond))
        };
        let rows = filtered(sql)
            .bind(i64::from(query.limit))
            .bind(i64::from(query.offset))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("list migrations", &e))?;
        let total = filtered(format!("SELECT COUNT(*) AS total FROM migrations WHERE {MATCHING}"))
            .fetch_one(&self.pool)
            .await
            .map_err(|e| failed("count migrations", &e))?;
        let with_progress = |row: &AnyRow| {
            let progress = get::<Option<String>>(row, "data")?;
            Ok((read(row)?, progress.map(|p| from_json("progress", &p)).transpose()?))
        };
        Ok(Listed {
            page: rows.iter().map(with_progress).collect::<Result<_>>()?,
            total: get::<i64>(&total, "total")?.unsigned_abs(),
        })
    }

    /// Migrations, by status: for monitoring.
    ///
    /// # Errors
    /// `store`.
    pub async fn count_by_status(&self) -> Result<Vec<(Status, u64)>> {
        let rows =
            sqlx::query("SELECT status, COUNT(*) AS total FROM migrations WHERE deleted_at IS NULL GROUP BY status")
                .fetch_all(&self.pool)
                .await
                .map_err(|e| failed("count migrations", &e))?;
        let mut counts = Vec::new();
        for row in &rows {
            if let Some(status) = Status::parse(&get::<String>(row, "status")?) {
                counts.push((status, get::<i64>(row, "total")?.unsigned_abs()));
            }
        }
        Ok(counts)
    }

    /// Migrations that are not at their end and use this connection.
    ///
    /// # Errors
    /// `store`.
    pub async fn users_of_connection(&self, connection: &str) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT id FROM migrations WHERE deleted_at IS NULL AND (source_id = $1 OR target_id = $1)
             AND status NOT IN ('completed', 'failed', 'cancelled', 'rolled_back') ORDER BY id",
        )
        .bind(connection)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| failed("look who uses a connection", &e))?;
        rows.iter().map(|row| get(row, "id")).collect()
    }

    /// Forgets a migration; its log and metrics only if they are not to be kept. False: somebody else changed it.
    ///
    /// # Errors
    /// `store`.
    pub async fn delete(&self, record: &Record, now: Timestamp, keep_logs: bool, keep_metrics: bool) -> Result<bool> {
        let mut tx = self.transaction().await?;
        let done =
            sqlx::query("UPDATE migrations SET deleted_at = $1 WHERE id = $2 AND version = $3 AND deleted_at IS NULL")
                .bind(now.as_microsecond())
                .bind(record.id.clone())
                .bind(record.version)
                .execute(&mut *tx)
                .await
                .map_err(|e| failed("delete a migration", &e))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        forget(&mut tx, &record.id, "DELETE FROM plans WHERE migration_id = $1").await?;
        forget(&mut tx, &record.id, "DELETE FROM decisions WHERE migration_id = $1").await?;
        forget(&mut tx, &record.id, "DELETE FROM progress WHERE migration_id = $1").await?;
        if !keep_logs {
            forget(&mut tx, &record.id, "DELETE FROM events WHERE migration_id = $1").await?;
        }
        if !keep_metrics {
            forget(&mut tx, &record.id, "DELETE FROM metrics WHERE migration_id = $1").await?;
        }
        commit(tx).await?;
        Ok(true)
    }
}

async fn forget(tx: &mut Transaction<'static, Any>, id: &str, sql: &'static str) -> Result<()> {
    sqlx::query(sql).bind(id).execute(&mut **tx).await.map_err(|e| failed("delete a migration", &e))?;
    Ok(())
}

pub(super) fn read(row: &AnyRow) -> Result<Record> {
    let mut record: Record = from_json("record of a migration", &get::<String>(row, "record")?)?;
    record.version = get(row, "version")?;
    Ok(record)
}

fn not_found(id: &str) -> Error {
    Error::new(Code::MigrationNotFound, format!("There is no migration `{id}`. List them to see which there are."))
}
