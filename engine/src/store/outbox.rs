//! Notifications on their way: put in by the transaction that changes a state, sent at least once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Any, Transaction};

use super::{Store, commit, failed, fresh_id, from_json, get, json};
use crate::error::Result;
use crate::notify::Notification;

/// Where a notification goes. Secrets are looked up when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Route {
    /// By e-mail.
    Email {
        /// Address.
        to: String,
    },
    /// Into a Slack channel.
    Slack {
        /// Its name.
        channel: String,
    },
    /// To a registered webhook.
    Webhook {
        /// Its id.
        id: String,
    },
}

/// A notification on its way into the outbox.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Whose news it is; none: a test.
    pub migration: Option<String>,
    /// Where to.
    pub route: Route,
    /// What.
    pub notification: Notification,
}

/// A notification that is to be sent now.
#[derive(Debug, Clone)]
pub struct Due {
    /// `msg_...`: the same for every attempt.
    pub id: String,
    /// Whose news it is.
    pub migration: Option<String>,
    /// Where to.
    pub route: Route,
    /// What.
    pub notification: Notification,
    /// This attempt, from 1.
    pub attempt: u32,
}

impl Store {
    /// Puts a notification into the outbox by itself; its id.
    ///
    /// # Errors
    /// `store`.
    pub async fn post(&self, mail: &NewMail) -> Result<String> {
        let mut tx = self.transaction().await?;
        let ids = enqueue(&mut tx, std::slice::from_ref(mail)).await?;
        commit(tx).await?;
        Ok(ids.into_iter().next().unwrap_or_default())
    }

    /// Takes up to `limit` notifications whose time has come. Each is this server's until `until`: one that dies meanwhile
    /// leaves it to be sent again.
    ///
    /// # Errors
    /// `store`.
    pub async fn take_mail(&self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<Due>> {
        let rows = sqlx::query(
            "SELECT id, migration_id, route, notification, attempts, next_at FROM outbox
             WHERE state = 'pending' AND next_at <= $1 ORDER BY next_at LIMIT $2",
        )
        .bind(now.as_microsecond())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| failed("look for mail", &e))?;
        let mut due = Vec::new();
        for row in &rows {
            let id: String = get(row, "id")?;
            let attempts: i64 = get(row, "attempts")?;
            let taken = sqlx::query(
                "UPDATE outbox SET attempts = attempts + 1, next_at = $1 WHERE id = $2 AND attempts = $3 AND next_at = $4 AND state = 'pending'",
            )
            .bind(until.as_microsecond())
            .bind(id.clone())
            .bind(attempts)
            .bind(get::<i64>(row, "next_at")?)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("take mail", &e))?;
            if taken.rows_affected() == 1 {
                due.push(Due {
                    id,
                    migration: get(row, "migration_id")?,
                    route: from_json("route of a notification", &get::<String>(row, "route")?)?,
                    notification: from_json("notification", &get::<String>(row, "notification")?)?,
                    attempt: u32::try_from(attempts + 1).unwrap_or(u32::MAX),
                });
            }
        }
        Ok(due)
    }

    /// A notification arrived.
    ///
    /// # Errors
    /// `store`.
    pub async fn mail_delivered(&self, id: &str) -> Result<()> {
        self.settle(id, "delivered", None).await
    }

    /// A notification did not arrive: to be tried again then, or never.
    ///
    /// # Errors
    /// `store`.
    pub async fn mail_failed(&self, id: &str, again: Option<Timestamp>) -> Result<()> {
        self.settle(id, if again.is_some() { "pending" } else { "given_up" }, again).await
    }

    async fn settle(&self, id: &str, state: &'static str, next_at: Option<Timestamp>) -> Result<()> {
        sqlx::query("UPDATE outbox SET state = $1, next_at = $2 WHERE id = $3 AND state = 'pending'")
            .bind(state)
            .bind(next_at.map_or(0, Timestamp::as_microsecond))
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("settle mail", &e))?;
        Ok(())
    }

    /// Sends a notification once more, now.
    ///
    /// # Errors
    /// `store`.
    pub async fn send_again(&self, id: &str, now: Timestamp) -> Result<bool> {
        let done = sqlx::query("UPDATE outbox SET state = 'pending', attempts = 0, next_at = $1 WHERE id = $2")
            .bind(now.as_microsecond())
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("send mail again", &e))?;
        Ok(done.rows_affected() == 1)
    }
}

/// Puts notifications into the outbox, in the transaction of what they tell about.
pub(super) async fn enqueue(tx: &mut Transaction<'static, Any>, mail: &[NewMail]) -> Result<Vec<String>> {
    let mut ids = Vec::with_capacity(mail.len());
    for one in mail {
        let id = fresh_id("msg")?;
        let webhook = match &one.route {
            Route::Webhook { id } => Some(id.clone()),
            Route::Email { .. } | Route::Slack { .. } => None,
        };
        let now = one.notification.timestamp.as_microsecond();
        sqlx::query(
            "INSERT INTO outbox (id, migration_id, webhook_id, route, notification, created_at, state, attempts, next_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'pending', 0, $7)",
        )
        .bind(id.clone())
        .bind(one.migration.clone())
        .bind(webhook)
        .bind(json(&one.route)?)
        .bind(json(&one.notification)?)
        .bind(now)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map_err(|e| failed("keep a notification", &e))?;
        ids.push(id);
    }
    Ok(ids)
}
