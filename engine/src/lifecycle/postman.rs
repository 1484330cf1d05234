//! The postman: sends what is in the outbox, at least once, and never in the way of a migration.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::service::Service;
use crate::error::{Code, Result};
use crate::notify::{Courier, Recipient, Secret, Undelivered, backoff};
use crate::store::{Delivery, Due, Route, fresh_id};

/// How often the outbox is looked at when nobody says that there is mail.
const LOOK: Duration = Duration::from_secs(1);
/// Notifications on their way at the same time. 16: a recipient that hangs holds up one.
const AT_ONCE: u32 = 16;
/// How long a notification is one server's. 2 min: longer than any delivery takes; one whose server dies is sent again then.
const TAKEN: SignedDuration = SignedDuration::from_mins(2);

/// What a webhook's secret is sealed under, so that it opens for this webhook alone.
#[must_use]
pub fn webhook_context(id: &str) -> String {
    format!("webhook/{id}")
}

/// Empties the outbox.
#[derive(Debug)]
pub struct Postman {
    service: Arc<Service>,
    courier: Arc<Courier>,
}

impl Postman {
    /// With this courier.
    #[must_use]
    pub fn new(service: Arc<Service>, courier: Courier) -> Self {
        Self { service, courier: Arc::new(courier) }
    }

    /// Works until `shutdown` is true. What is on its way then is sent again by whoever comes next, if it did not arrive.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK);
        let mut rounds = JoinSet::new();
        while !*shutdown.borrow() {
            let free = AT_ONCE.saturating_sub(u32::try_from(rounds.len()).unwrap_or(AT_ONCE));
            match self.take(free).await {
                Ok(due) => {
                    for mail in due {
                        let (service, courier) = (Arc::clone(&self.service), Arc::clone(&self.courier));
                        rounds.spawn(async move {
                            if let Err(e) = deliver(&service, &courier, &mail).await {
                                tracing::error!(mail = %mail.id, error = %e, "a delivery could not be noted; it will be made again");
                            }
                        });
                    }
                }
                Err(e) => tracing::error!(error = %e, "the outbox cannot be read"),
            }
            tokio::select! {
                _ = look.tick() => {}
                () = self.service.posted.notified() => {}
                Some(_) = rounds.join_next() => {}
                _ = shutdown.changed() => {}
            }
        }
    }

    async fn take(&self, free: u32) -> Result<Vec<Due>> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let now = Timestamp::now();
        let until = now.checked_add(TAKEN).unwrap_or(Timestamp::MAX);
        self.service.store().take_mail(now, until, free).await
    }
}

async fn deliver(service: &Service, courier: &Courier, due: &Due) -> Result<()> {
    let began = std::time::Instant::now();
    let outcome = match recipient(service, &due.route).await {
        Ok(Some(recipient)) => courier.deliver(&due.id, &recipient, &due.notification).await,
        Ok(None) => return service.store().mail_failed(&due.id, None).await,
        Err(e) => Err(Undelivered { reason: e.to_string(), status: None, again: e.code == Code::Store, wait: None }),
    };
    let now = Timestamp::now();
    let webhook = match &due.route {
        Route::Webhook { id } => Some(id.clone()),
        Route::Email { .. } | Route::Slack { .. } => None,
    };
    let (status, error) = match &outcome {
        Ok(delivered) => (delivered.status, None),
        Err(undelivered) => (undelivered.status, Some(undelivered.reason.clone())),
    };
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (mail, attempt) = (due.id.clone(), due.attempt);
    let delivery = Delivery { id: fresh_id("dlv")?, mail, webhook, at: now, attempt, status, milliseconds, error };
    service.store().note_delivery(&delivery).await?;
    match outcome {
        Ok(_) => service.store().mail_delivered(&due.id).await,
        Err(undelivered) => {
            tracing::warn!(mail = %due.id, attempt = due.attempt, reason = %undelivered.reason, "a notification did not arrive");
            let wait =
                backoff(due.attempt).filter(|_| undelivered.again).map(|b| b.max(undelivered.wait.unwrap_or_default()));
            let again = wait.and_then(|w| now.checked_add(SignedDuration::try_from(w).ok()?).ok());
            service.store().mail_failed(&due.id, again).await
        }
    }
}

/// Whom a route leads to; none: it is gone.
async fn recipient(service: &Service, route: &Route) -> Result<Option<Recipient>> {
    Ok(Some(match route {
        Route::Email { to } => Recipient::Email { to: to.clone() },
        Route::Slack { channel } => Recipient::Slack { channel: channel.clone() },
        Route::Webhook { id } => {
            let webhook = match service.store().webhook(id).await {
                Ok(webhook) => webhook,
                Err(e) if e.code == Code::NotFound => return Ok(None),
                Err(e) => return Err(e),
            };
            let secret = service.seal().open(&webhook_context(id), &webhook.secret)?;
            let secret = Secret::from(String::from_utf8_lossy(&secret).into_owned());
            Recipient::Webhook { id: id.clone(), url: webhook.url, secret }
        }
    }))
}
