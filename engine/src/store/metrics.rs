//! How far a migration is, and how fast it was: figures of which the last, or a history, is kept.

use jiff::Timestamp;
use serde_json::Value;

use super::{Store, failed, from_json, get, instant, json};
use crate::error::Result;

/// Figures of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// The figures.
    pub data: Value,
}

impl Store {
    /// Replaces what is known of how far a migration is.
    ///
    /// # Errors
    /// `store`.
    pub async fn put_progress(&self, migration: &str, sample: &Sample) -> Result<()> {
        sqlx::query(
            "INSERT INTO progress (migration_id, at, data) VALUES ($1, $2, $3)
             ON CONFLICT (migration_id) DO UPDATE SET at = excluded.at, data = excluded.data",
        )
        .bind(migration)
        .bind(sample.at.as_microsecond())
        .bind(json(&sample.data)?)
        .execute(&self.pool)
        .await
        .map_err(|e| failed("keep progress", &e))?;
        Ok(())
    }

    /// How far a migration is, as last told.
    ///
    /// # Errors
    /// `store`.
    pub async fn progress(&self, migration: &str) -> Result<Option<Sample>> {
        let row = sqlx::query("SELECT at, data FROM progress WHERE migration_id = $1")
            .bind(migration)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("read progress", &e))?;
        row.map(|row| {
            Ok(Sample { at: instant(&row, "at")?, data: from_json("progress", &get::<String>(&row, "data")?)? })
        })
        .transpose()
    }

    /// Adds a sample to the history.
    ///
    /// # Errors
    /// `store`.
    pub async fn add_sample(&self, migration: &str, sample: &Sample) -> Result<()> {
        sqlx::query(
            "INSERT INTO metrics (migration_id, at, data) VALUES ($1, $2, $3)
             ON CONFLICT (migration_id, at) DO UPDATE SET data = excluded.data",
        )
        .bind(migration)
        .bind(sample.at.as_microsecond())
        .bind(json(&sample.data)?)
        .execute(&self.pool)
        .await
        .map_err(|e| failed("keep metrics", &e))?;
        Ok(())
    }

    /// The newest `limit` samples of the history, oldest first.
    ///
    /// # Errors
    /// `store`.
    pub async fn samples(&self, migration: &str, limit: u32) -> Result<Vec<Sample>> {
        let rows = sqlx::query("SELECT at, data FROM metrics WHERE migration_id = $1 ORDER BY at DESC LIMIT $2")
            .bind(migration)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("read metrics", &e))?;
        rows.iter()
            .rev()
            .map(|row| {
                Ok(Sample { at: instant(row, "at")?, data: from_json("metrics", &get::<String>(row, "data")?)? })
            })
            .collect()
    }
}
