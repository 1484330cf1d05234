//! One attempt to bring a notification to a recipient.

use std::time::Instant;

use super::email::Mailer;
use super::http::Http;
use super::settings::SECTION;
use super::slack::Slack;
use super::{Delivered, Notification, Recipient, Settings, Undelivered, webhook};
use crate::error::Result;

/// Brings notifications. Attempts may run side by side; one never takes longer than its timeout.
pub struct Courier {
    http: Http,
    slack: Option<Slack>,
    mailer: Option<Mailer>,
}

/// Shows no setting: some are secrets.
impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

impl Courier {
    /// Checks the settings; nothing is connected to.
    ///
    /// # Errors
    /// `invalid_config` naming the setting that cannot be used; `system` when this machine's TLS cannot.
    pub fn new(settings: &Settings) -> Result<Self> {
        settings.timeouts.check()?;
        Ok(Self {
            http: Http::new(&settings.timeouts)?,
            slack: Slack::new(&settings.slack)?,
            mailer: Mailer::new(&settings.email, &settings.timeouts)?,
        })
    }

    /// One attempt. `id` names this notification to this recipient, in letters, digits, `_` and `-`; it is the same
    /// for each attempt, so that a recipient can tell that it has it already.
    ///
    /// # Errors
    /// What went wrong, and whether another attempt may help. It may have arrived nevertheless.
    pub async fn deliver(
        &self,
        id: &str,
        recipient: &Recipient,
        notification: &Notification,
    ) -> Result<Delivered, Undelivered> {
        let begun = Instant::now();
        // It stands in headers, and in front of a dot in what webhooks sign.
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            return Err(Undelivered::for_good(format!("`{}` cannot be the id of a message.", id.escape_debug())));
        }
        let status = match recipient {
            Recipient::Email { to } => {
                let settings = format!("`{SECTION}.email.smtp_url` and `{SECTION}.email.from`");
                let mailer = self.mailer.as_ref().ok_or_else(|| not_set_up("E-mail", &settings))?;
                mailer.send(id, to, notification).await?
            }
            Recipient::Slack { channel } => {
                let settings = format!("`{SECTION}.slack.bot_token` or `{SECTION}.slack.webhook_url`");
                let slack = self.slack.as_ref().ok_or_else(|| not_set_up("Slack", &settings))?;
                slack.send(&self.http, channel, notification).await?
            }
            Recipient::Webhook { id: _, url, secret } => {
                webhook::send(&self.http, id, url, secret, notification).await?
            }
        };
        Ok(Delivered { status: Some(status), seconds: begun.elapsed().as_secs_f64() })
    }
}

fn not_set_up(medium: &str, settings: &str) -> Undelivered {
    Undelivered::for_good(format!("{medium} is not set up: set {settings}."))
}
