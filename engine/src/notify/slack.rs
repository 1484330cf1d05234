//! Slack: a bot's `chat.postMessage`, or an incoming webhook.

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::json;

use super::http::{Answer, Http};
use super::recipient::http_url;
use super::settings::{SlackSettings, wrong};
use super::{Notification, Secret, Undelivered};
use crate::error::Result;

const API: &str = "https://slack.com/api";

/// Errors of the API that pass by themselves; the others wait for a person.
const PASSING: &[&str] =
    &["fatal_error", "internal_error", "rate_limited", "ratelimited", "request_timeout", "service_unavailable"];

/// What a person can do about an error of the API.
const REMEDIES: &[(&str, &str)] = &[
    ("channel_not_found", "Check the channel's name; a private channel must invite the bot first"),
    ("is_archived", "Choose another channel: this one is archived"),
    ("not_in_channel", "Invite the bot to the channel"),
    ("missing_scope", "Give the app the scope `chat:write`"),
    ("invalid_auth", "Check `notifications.slack.bot_token`"),
    ("not_authed", "Check `notifications.slack.bot_token`"),
    ("account_inactive", "Make a new token for `notifications.slack.bot_token`"),
    ("token_revoked", "Make a new token for `notifications.slack.bot_token`"),
    ("token_expired", "Make a new token for `notifications.slack.bot_token`"),
];

/// The way into one workspace.
pub(super) enum Slack {
    Bot { post_message: Url, authorization: HeaderValue },
    Hook { url: Url },
}

/// What the API answers, with status 200 even where it refuses.
#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    error: Option<String>,
}

impl Slack {
    /// `None` where Slack is not set up.
    pub(super) fn new(settings: &SlackSettings) -> Result<Option<Self>> {
        match (&settings.bot_token, &settings.webhook_url) {
            (None, None) => Ok(None),
            (Some(token), None) => Self::bot(token, settings.api_url.as_deref().unwrap_or(API)).map(Some),
            (None, Some(url)) => {
                let url = http_url(url.reveal()).map_err(|what| wrong("slack.webhook_url", &what))?;
                Ok(Some(Self::Hook { url }))
            }
            (Some(_), Some(_)) => {
                Err(wrong("slack", "has both a `bot_token` and a `webhook_url`: leave one of them out"))
            }
        }
    }

    fn bot(token: &Secret, api: &str) -> Result<Self> {
        let post_message = http_url(&format!("{}/chat.postMessage", api.trim_end_matches('/')))
            .map_err(|what| wrong("slack.api_url", &what))?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.reveal().trim()))
            .map_err(|_| wrong("slack.bot_token", "is no token: it holds characters that no token has"))?;
        authorization.set_sensitive(true);
        Ok(Self::Bot { post_message, authorization })
    }

    /// One attempt.
    pub(super) async fn send(
        &self,
        http: &Http,
        channel: &str,
        notification: &Notification,
    ) -> Result<u16, Undelivered> {
        // A hook of Slack ignores the channel; those of programs that speak the same honour it.
        let message = json!({"channel": channel, "text": notification.slack_text()}).to_string();
        match self {
            Self::Bot { post_message, authorization } => {
                let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization.clone())]);
                judged(accepted(http.post(post_message.clone(), headers, message).await?)?)
            }
            Self::Hook { url } => Ok(accepted(http.post(url.clone(), HeaderMap::new(), message).await?)?.status),
        }
    }
}

/// An answer with a good status.
fn accepted(answer: Answer) -> Result<Answer, Undelivered> {
    if answer.is_success() {
        return Ok(answer);
    }
    let again = matches!(answer.status, 408 | 429 | 500..);
    Err(answer.refused("Slack", again))
}

fn judged(answer: Answer) -> Result<u16, Undelivered> {
    let error = match serde_json::from_str(&answer.body) {
        Ok(Verdict { ok: true, .. }) => return Ok(answer.status),
        Ok(Verdict { ok: false, error }) => error.unwrap_or_else(|| "no reason".to_owned()),
        // Not Slack, but something between: a proxy's page.
        Err(_) => return Err(answer.refused("Something that is not Slack's API", true)),
    };
    let remedy = REMEDIES.iter().find(|(known, _)| *known == error).map(|(_, remedy)| format!(". {remedy}"));
    let again = PASSING.contains(&error.as_str());
    Err(Undelivered {
        reason: format!("Slack refused the message: `{}`{}.", error.escape_debug(), remedy.unwrap_or_default()),
        status: Some(answer.status),
        again,
        wait: answer.wait.filter(|_| again),
    })
}
