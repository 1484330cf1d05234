//! How notifications leave this server.

use serde::Deserialize;

use super::Secret;
use crate::error::{Code, Error, Result};

/// The section of the configuration these settings are in: errors name them by it.
pub(super) const SECTION: &str = "notifications";

/// How notifications leave this server. Everything is optional: what is not set up is refused when it is first used,
/// and webhooks need nothing. Certificates are checked against those this machine trusts (`SSL_CERT_FILE` adds to
/// them); `HTTPS_PROXY` and `NO_PROXY` are honoured for Slack and webhooks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// E-mail.
    pub email: EmailSettings,
    /// Slack.
    pub slack: SlackSettings,
    /// How long an attempt may take.
    pub timeouts: Timeouts,
}

/// E-mail, by SMTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailSettings {
    /// `smtps://user:password@host:465` (TLS), `smtp://user:password@host:587?tls=required` (STARTTLS), with user and
    /// password percent-encoded. `smtp://host:25` sends in the clear, and then takes a password for this machine's
    /// own relay alone.
    pub smtp_url: Option<Secret>,
    /// Who writes: `sensei@example.com` or `Sensei <sensei@example.com>`.
    pub from: Option<String>,
}

/// Slack, by a bot's token or by an incoming webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackSettings {
    /// `xoxb-...` of an app with the scope `chat:write`; it writes to any channel it was invited to.
    pub bot_token: Option<Secret>,
    /// An incoming webhook. Slack binds it to one channel and ignores the migration's own.
    pub webhook_url: Option<Secret>,
    /// Where the API is. Default: `https://slack.com/api`.
    pub api_url: Option<String>,
}

/// How long an attempt may take, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// To connect. Default 10: a machine that is there answers in one.
    pub connect_seconds: u64,
    /// For a whole request to Slack or a webhook. Default 20: Standard Webhooks gives receivers 15 to 30.
    pub http_seconds: u64,
    /// For a whole e-mail. Default 60: mail servers may greet a stranger late on purpose.
    pub smtp_seconds: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_seconds: 10, http_seconds: 20, smtp_seconds: 60 }
    }
}

impl Timeouts {
    pub(super) fn check(&self) -> Result<()> {
        let all = [
            ("connect_seconds", self.connect_seconds),
            ("http_seconds", self.http_seconds),
            ("smtp_seconds", self.smtp_seconds),
        ];
        match all.into_iter().find(|(_, seconds)| *seconds == 0) {
            Some((name, _)) => Err(wrong(&format!("timeouts.{name}"), "must be at least 1")),
            None => Ok(()),
        }
    }
}

/// A setting that cannot be used. `what` must not repeat its value: most of them are secrets.
pub(super) fn wrong(setting: &str, what: &str) -> Error {
    Error::new(Code::InvalidConfig, format!("`{SECTION}.{setting}` {what}."))
}
