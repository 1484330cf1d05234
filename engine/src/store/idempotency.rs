//! Answers to requests that may come twice.

use jiff::{SignedDuration, Timestamp};

use super::{Store, failed, fresh_id, get};
use crate::error::Result;

/// How long an answer is kept. A day: longer than any client retries.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

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
    /// It is the first: do it, keep the hold up meanwhile ([`Store::keep_hold`]), then [`Store::answered`].
    First(Hold),
    /// It was done: this was the answer.
    Done(Answer),
    /// The first is still at work.
    AtWork,
    /// The key was used for another request.
    Other,
}

/// One request's hold on an idempotency key. It ends by itself where nobody keeps it up: its server died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    key_id: String,
    key: String,
    /// Tells it from that of a request which has the key since: a hold that ran out must not touch another's.
    holder: String,
}

impl Store {
    /// Claims an idempotency key of an API key for one request, until `until`.
    ///
    /// # Errors
    /// `store`; `system` if the machine has no randomness.
    pub async fn claim_idempotency(
        &self,
        key_id: &str,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim> {
        let oldest = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN).as_microsecond();
        sqlx::query(
            "DELETE FROM idempotency WHERE (status IS NOT NULL AND created_at < $1) OR (status IS NULL AND held_until < $2)",
        )
        .bind(oldest)
        .bind(now.as_microsecond())
        .execute(&self.pool)
        .await
        .map_err(|e| failed("forget old answers", &e))?;
        let hold = Hold { key_id: key_id.to_owned(), key: key.to_owned(), holder: fresh_id("hold")? };
        let made = sqlx::query(
            "INSERT INTO idempotency (key_id, idempotency_key, fingerprint, created_at, holder, held_until)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key_id, idempotency_key) DO NOTHING",
        )
        .bind(key_id)
        .bind(key)
        .bind(fingerprint)
        .bind(now.as_microsecond())
        .bind(hold.holder.clone())
        .bind(until.as_microsecond())
        .execute(&self.pool)
        .await
        .map_err(|e| failed("keep an idempotency key", &e))?;
        if made.rows_affected() == 1 {
            return Ok(Claim::First(hold));
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

    /// Keeps a hold up until `until`; false: it had run out, and another request may have the key.
    ///
    /// # Errors
    /// `store`: nobody knows whether it is kept up.
    pub async fn keep_hold(&self, hold: &Hold, until: Timestamp) -> Result<bool> {
        let sql = "UPDATE idempotency SET held_until = $4
                   WHERE key_id = $1 AND idempotency_key = $2 AND holder = $3 AND status IS NULL";
        let kept = held(sql, hold).bind(until.as_microsecond()).execute(&self.pool).await;
        Ok(kept.map_err(|e| failed("keep an idempotency key", &e))?.rows_affected() == 1)
    }

    /// Keeps the answer of a claimed key. One whose hold had run out is not kept: another request may have the key.
    ///
    /// # Errors
    /// `store`.
    pub async fn answered(&self, hold: &Hold, answer: &Answer) -> Result<()> {
        let sql = "UPDATE idempotency SET status = $4, body = $5
                   WHERE key_id = $1 AND idempotency_key = $2 AND holder = $3";
        held(sql, hold)
            .bind(i64::from(answer.status))
            .bind(answer.body.clone())
            .execute(&self.pool)
            .await
            .map_err(|e| failed("keep an answer", &e))?;
        Ok(())
    }

    /// Lets a claimed key go: what was asked was not done, and may be tried again.
    ///
    /// # Errors
    /// `store`.
    pub async fn release_idempotency(&self, hold: &Hold) -> Result<()> {
        held("DELETE FROM idempotency WHERE key_id = $1 AND idempotency_key = $2 AND holder = $3", hold)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("let an idempotency key go", &e))?;
        Ok(())
    }
}

/// A statement about what is held: its first three parameters say which row.
fn held<'q>(sql: &'static str, hold: &Hold) -> sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments> {
    sqlx::query(sql).bind(hold.key_id.clone()).bind(hold.key.clone()).bind(hold.holder.clone())
}
