//! Answers to requests that may come twice.

use jiff::{SignedDuration, Timestamp};

use super::{Store, failed, get};
use crate::error::Result;

/// How long an answer is kept. A day: longer than any client retries.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// After this long, a first request without an answer is taken for dead: its server was killed.
const ABANDONED: SignedDuration = SignedDuration::from_mins(2);

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body, JSON text.
    pub body: String,
}

/// What a request with an idempotency key finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is the first: do it, then [`Store::answered`].
    First,
    /// It was done: this was the answer.
    Done(Answer),
    /// The first is still at work.
    AtWork,
    /// The key was used for another request.
    Other,
}

impl Store {
    /// Claims an idempotency key of an API key for one request.
    ///
    /// # Errors
    /// `store`.
    pub async fn claim_idempotency(&self, key_id: &str, key: &str, fingerprint: &str, now: Timestamp) -> Result<Claim> {
        let oldest = |age: SignedDuration| now.checked_sub(age).unwrap_or(Timestamp::MIN).as_microsecond();
        sqlx::query("DELETE FROM idempotency WHERE created_at < $1 OR (status IS NULL AND created_at < $2)")
            .bind(oldest(KEPT))
            .bind(oldest(ABANDONED))
            .execute(&self.pool)
            .await
            .map_err(|e| failed("forget old answers", &e))?;
        let made = sqlx::query(
            "INSERT INTO idempotency (key_id, idempotency_key, fingerprint, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (key_id, idempotency_key) DO NOTHING",
        )
        .bind(key_id)
        .bind(key)
        .bind(fingerprint)
        .bind(now.as_microsecond())
        .execute(&self.pool)
        .await
        .map_err(|e| failed("keep an idempotency key", &e))?;
        if made.rows_affected() == 1 {
            return Ok(Claim::First);
        }
        let row =
            sqlx::query("SELECT fingerprint, status, body FROM idempotency WHERE key_id = $1 AND idempotency_key = $2")
                .bind(key_id)
                .bind(key)
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| failed("read an idempotency key", &e))?;
        // Released in between: whoever holds it again answers.
        let Some(row) = row else { return Ok(Claim::AtWork) };
        if get::<String>(&row, "fingerprint")? != fingerprint {
            return Ok(Claim::Other);
        }
        match (get::<Option<i64>>(&row, "status")?, get::<Option<String>>(&row, "body")?) {
            (Some(status), Some(body)) => {
                Ok(Claim::Done(Answer { status: u16::try_from(status).unwrap_or(500), body }))
            }
            _ => Ok(Claim::AtWork),
        }
    }

    /// Keeps the answer of a claimed key.
    ///
    /// # Errors
    /// `store`.
    pub async fn answered(&self, key_id: &str, key: &str, answer: &Answer) -> Result<()> {
        sqlx::query("UPDATE idempotency SET status = $1, body = $2 WHERE key_id = $3 AND idempotency_key = $4")
            .bind(i64::from(answer.status))
            .bind(answer.body.clone())
            .bind(key_id)
            .bind(key)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("keep an answer", &e))?;
        Ok(())
    }

    /// Lets a claimed key go: what was asked was not done, and may be tried again.
    ///
    /// # Errors
    /// `store`.
    pub async fn release_idempotency(&self, key_id: &str, key: &str) -> Result<()> {
        sqlx::query("DELETE FROM idempotency WHERE key_id = $1 AND idempotency_key = $2")
            .bind(key_id)
            .bind(key)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("let an idempotency key go", &e))?;
        Ok(())
    }
}
