//! Who drives which migration: one server each, until its lease ends.

use jiff::Timestamp;

use super::{Store, commit, failed, get};
use crate::error::Result;

impl Store {
    /// Takes up to `limit` migrations that need a server and have none, oldest first.
    ///
    /// # Errors
    /// `store`.
    pub async fn take_work(&self, owner: &str, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT id FROM migrations WHERE deleted_at IS NULL AND lease_until < $1
             AND status IN ('pending', 'planning', 'running', 'validating', 'pausing', 'rolling_back')
             ORDER BY created_at LIMIT $2",
        )
        .bind(now.as_microsecond())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| failed("look for work", &e))?;
        let mut taken = Vec::new();
        for row in &rows {
            let id: String = get(row, "id")?;
            let done =
                sqlx::query("UPDATE migrations SET owner = $1, lease_until = $2 WHERE id = $3 AND lease_until < $4")
                    .bind(owner)
                    .bind(until.as_microsecond())
                    .bind(id.clone())
                    .bind(now.as_microsecond())
                    .execute(&self.pool)
                    .await
                    .map_err(|e| failed("take work", &e))?;
            if done.rows_affected() == 1 {
                taken.push(id);
            }
        }
        Ok(taken)
    }

    /// Keeps leases going; the migrations whose lease is lost.
    ///
    /// # Errors
    /// `store`: nobody knows whether they are kept.
    pub async fn renew(&self, owner: &str, migrations: &[String], until: Timestamp) -> Result<Vec<String>> {
        let mut lost = Vec::new();
        let mut tx = self.transaction().await?;
        for id in migrations {
            let done = sqlx::query("UPDATE migrations SET lease_until = $1 WHERE id = $2 AND owner = $3")
                .bind(until.as_microsecond())
                .bind(id.clone())
                .bind(owner)
                .execute(&mut *tx)
                .await
                .map_err(|e| failed("keep a lease", &e))?;
            if done.rows_affected() == 0 {
                lost.push(id.clone());
            }
        }
        commit(tx).await?;
        Ok(lost)
    }

    /// Lets a migration go, for whoever wants it next.
    ///
    /// # Errors
    /// `store`.
    pub async fn release(&self, owner: &str, migration: &str) -> Result<()> {
        sqlx::query("UPDATE migrations SET owner = NULL, lease_until = 0 WHERE id = $1 AND owner = $2")
            .bind(migration)
            .bind(owner)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("let a lease go", &e))?;
        Ok(())
    }

    /// Migrations whose schedule wants to be asked.
    ///
    /// # Errors
    /// `store`.
    pub async fn awake(&self, now: Timestamp) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT id FROM migrations WHERE deleted_at IS NULL AND wake_at <= $1 AND status IN ('approved', 'paused')",
        )
        .bind(now.as_microsecond())
        .fetch_all(&self.pool)
        .await
        .map_err(|e| failed("look at schedules", &e))?;
        rows.iter().map(|row| get(row, "id")).collect()
    }
}
