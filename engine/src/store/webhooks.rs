//! Webhooks that clients registered, and how deliveries to them went.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::{Store, failed, from_json, get, instant, json};
use crate::error::{Code, Error, Result};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `whk_...`.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// Of which events; empty: all.
    pub events: Vec<String>,
    /// For people.
    pub description: Option<String>,
    /// Sealed.
    pub secret: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The user of the key that created it.
    pub created_by: String,
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `dlv_...`.
    pub id: String,
    /// What was to be delivered: the same for all attempts, and the `webhook-id` receivers see.
    pub mail: String,
    /// To which webhook; none: e-mail or Slack.
    pub webhook: Option<String>,
    /// When.
    pub at: Timestamp,
    /// From 1.
    pub attempt: u32,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// How long it took.
    pub milliseconds: u64,
    /// Why it failed; none: it arrived.
    pub error: Option<String>,
}

impl Store {
    /// Keeps a new webhook.
    ///
    /// # Errors
    /// `store`.
    pub async fn create_webhook(&self, webhook: &Webhook) -> Result<()> {
        sqlx::query(
            "INSERT INTO webhooks (id, url, events, description, secret, created_at, created_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(webhook.id.clone())
        .bind(webhook.url.clone())
        .bind(json(&webhook.events)?)
        .bind(webhook.description.clone())
        .bind(webhook.secret.clone())
        .bind(webhook.created_at.as_microsecond())
        .bind(webhook.created_by.clone())
        .execute(&self.pool)
        .await
        .map_err(|e| failed("keep a webhook", &e))?;
        Ok(())
    }

    /// All webhooks, oldest first.
    ///
    /// # Errors
    /// `store`.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>> {
        let rows = sqlx::query("SELECT * FROM webhooks ORDER BY created_at, id")
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("list webhooks", &e))?;
        rows.iter().map(read).collect()
    }

    /// One webhook.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn webhook(&self, id: &str) -> Result<Webhook> {
        let row = sqlx::query("SELECT * FROM webhooks WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("read a webhook", &e))?;
        read(&row.ok_or_else(|| not_found(id))?)
    }

    /// Forgets a webhook; what was on its way to it is given up.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_webhook(&self, id: &str) -> Result<()> {
        let done = sqlx::query("DELETE FROM webhooks WHERE id = $1")
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("delete a webhook", &e))?;
        if done.rows_affected() == 0 {
            return Err(not_found(id));
        }
        sqlx::query("UPDATE outbox SET state = 'given_up' WHERE webhook_id = $1 AND state = 'pending'")
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("give deliveries up", &e))?;
        Ok(())
    }

    /// Notes how an attempt went.
    ///
    /// # Errors
    /// `store`.
    pub async fn note_delivery(&self, delivery: &Delivery) -> Result<()> {
        sqlx::query(
            "INSERT INTO deliveries (id, outbox_id, webhook_id, at, attempt, status, milliseconds, error)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(delivery.id.clone())
        .bind(delivery.mail.clone())
        .bind(delivery.webhook.clone())
        .bind(delivery.at.as_microsecond())
        .bind(i64::from(delivery.attempt))
        .bind(delivery.status.map(i64::from))
        .bind(i64::try_from(delivery.milliseconds).unwrap_or(i64::MAX))
        .bind(delivery.error.clone())
        .execute(&self.pool)
        .await
        .map_err(|e| failed("note a delivery", &e))?;
        Ok(())
    }

    /// Attempts to deliver to a webhook, newest first.
    ///
    /// # Errors
    /// `store`.
    pub async fn deliveries(&self, webhook: &str, limit: u32) -> Result<Vec<Delivery>> {
        let rows = sqlx::query("SELECT * FROM deliveries WHERE webhook_id = $1 ORDER BY at DESC, id LIMIT $2")
            .bind(webhook)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("list deliveries", &e))?;
        rows.iter().map(read_delivery).collect()
    }

    /// One attempt.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delivery(&self, webhook: &str, id: &str) -> Result<Delivery> {
        let row = sqlx::query("SELECT * FROM deliveries WHERE webhook_id = $1 AND id = $2")
            .bind(webhook)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("read a delivery", &e))?;
        let missing = || Error::new(Code::NotFound, format!("There is no delivery `{id}` to this webhook."));
        read_delivery(&row.ok_or_else(missing)?)
    }
}

fn read(row: &AnyRow) -> Result<Webhook> {
    Ok(Webhook {
        id: get(row, "id")?,
        url: get(row, "url")?,
        events: from_json("events of a webhook", &get::<String>(row, "events")?)?,
        description: get(row, "description")?,
        secret: get(row, "secret")?,
        created_at: instant(row, "created_at")?,
        created_by: get(row, "created_by")?,
    })
}

fn read_delivery(row: &AnyRow) -> Result<Delivery> {
    Ok(Delivery {
        id: get(row, "id")?,
        mail: get(row, "outbox_id")?,
        webhook: get(row, "webhook_id")?,
        at: instant(row, "at")?,
        attempt: u32::try_from(get::<i64>(row, "attempt")?).unwrap_or(0),
        status: get::<Option<i64>>(row, "status")?.and_then(|s| u16::try_from(s).ok()),
        milliseconds: get::<i64>(row, "milliseconds")?.unsigned_abs(),
        error: get(row, "error")?,
    })
}

fn not_found(id: &str) -> Error {
    Error::new(Code::NotFound, format!("There is no webhook `{id}`. List the webhooks to see which there are."))
}
