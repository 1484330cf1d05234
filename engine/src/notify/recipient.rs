//! Who is to know.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{Secret, email, webhook};
use crate::error::{Code, Error, Result};

/// Who is to know. Written by serde with its secret: seal it before it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Recipient {
    /// Somebody's mailbox.
    Email {
        /// `team@example.com`.
        to: String,
    },
    /// A channel in Slack.
    Slack {
        /// `#data-ops`, or a channel's id.
        channel: String,
    },
    /// A program, by Standard Webhooks.
    Webhook {
        /// The webhook's own id.
        id: String,
        /// Where it listens: `http` or `https`.
        url: String,
        /// Signs what it is sent: `whsec_` and base64 of 24 to 64 bytes.
        secret: Secret,
    },
}

/// Shows a webhook by its id: its URL may be a secret too.
impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Email { to } => f.debug_struct("Email").field("to", to).finish(),
            Self::Slack { channel } => f.debug_struct("Slack").field("channel", channel).finish(),
            Self::Webhook { id, url: _, secret: _ } => {
                f.debug_struct("Webhook").field("id", id).finish_non_exhaustive()
            }
        }
    }
}

impl Recipient {
    /// Whether it can be one at all; nothing is connected to.
    ///
    /// # Errors
    /// `invalid_request` naming `field`, or its `.url` or `.secret` for a webhook.
    pub fn check(&self, field: &str) -> Result<()> {
        let wrong = |part: &str, what: String| Error::new(Code::InvalidRequest, format!("`{field}{part}` {what}."));
        match self {
            Self::Email { to } => email::mailbox(to).map(|_| ()).map_err(|what| wrong("", what)),
            Self::Slack { channel } => {
                let good = !channel.is_empty() && !channel.contains(|c: char| c.is_whitespace() || c.is_control());
                good.then_some(()).ok_or_else(|| wrong("", "must be a channel such as `#data-ops`".to_owned()))
            }
            Self::Webhook { id: _, url, secret } => {
                http_url(url).map_err(|what| wrong(".url", what))?;
                webhook::key(secret).map(|_| ()).map_err(|what| wrong(".secret", what))
            }
        }
    }
}

/// A URL that can be posted to, or what it must be.
pub(super) fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "must be a URL such as `https://example.com/hook`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::new_secret;

    fn webhook(url: &str, secret: &str) -> Recipient {
        Recipient::Webhook { id: "wh_1".to_owned(), url: url.to_owned(), secret: secret.into() }
    }

    #[test]
    fn says_which_field_is_wrong() {
        let secret = new_secret().unwrap();
        let secret = secret.reveal();
        let email = |to: &str| Recipient::Email { to: to.to_owned() };
        let slack = |channel: &str| Recipient::Slack { channel: channel.to_owned() };
        for good in [
            email("team@company.com"),
            email("The team <team@company.com>"),
            slack("#data-ops"),
            slack("C024BE91L"),
            webhook("https://example.com/hook?token=1", secret),
            webhook("http://127.0.0.1:9000", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ] {
            good.check("to").unwrap();
        }
        for (bad, field) in [
            (email(""), "`to` "),
            (email("team"), "`to` "),
            (email("a@b.c, d@e.f"), "`to` "),
            (email("team@company.com\r\nBcc: all@company.com"), "`to` "),
            (slack(""), "`to` "),
            (slack("#data ops"), "`to` "),
            (webhook("example.com", secret), "`to.url` "),
            (webhook("ftp://example.com", secret), "`to.url` "),
            (webhook("file:///etc/passwd", secret), "`to.url` "),
            (webhook("https://", secret), "`to.url` "),
            (webhook("https://example.com", ""), "`to.secret` "),
            (webhook("https://example.com", "hunter2"), "`to.secret` "),
            (webhook("https://example.com", "whsec_c2hvcnQ="), "`to.secret` "),
            (webhook("https://example.com", &secret.replacen("whsec_", "", 1)), "`to.secret` "),
        ] {
            let error = bad.check("to").unwrap_err();
            assert_eq!(error.code, Code::InvalidRequest);
            assert!(error.message.starts_with(field), "{error}");
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn shows_no_secret() {
        let recipient = webhook("https://example.com/T0/B1/xyz", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(format!("{recipient:?}"), "Webhook { id: \"wh_1\", .. }");
        let written = serde_json::to_value(&recipient).unwrap();
        assert_eq!(written["kind"], "webhook");
        assert_eq!(serde_json::from_value::<Recipient>(written).unwrap(), recipient);
    }
}
