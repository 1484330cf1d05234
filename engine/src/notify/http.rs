//! One request to Slack or a webhook.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use super::notification::shortened;
use super::{Timeouts, Undelivered};
use crate::error::{Code, Error, Result};

/// Bytes read of an answer. Default 16 KiB: an error fits; what goes on is nothing we asked for.
const ANSWER_BYTES: usize = 16 << 10;

/// Characters of an answer that a reason quotes: its first sentence or two.
const QUOTED_CHARS: usize = 200;

/// The longest `Retry-After` that is believed. Default one day: what asks for more is asked again tomorrow.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Makes requests. Follows no redirect: what was signed for one place is not for another.
pub(super) struct Http {
    client: Client,
    timeouts: Timeouts,
}

/// What came back, whatever it means.
pub(super) struct Answer {
    pub(super) status: u16,
    /// As text, up to a limit.
    pub(super) body: String,
    /// `Retry-After`.
    pub(super) wait: Option<Duration>,
}

impl Http {
    pub(super) fn new(timeouts: &Timeouts) -> Result<Self> {
        let impossible = |e: &dyn std::fmt::Display| {
            Error::new(Code::System, format!("Sensei could not set up HTTP for notifications: {e}."))
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| impossible(&e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("Sensei/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(timeouts.connect_seconds))
            .timeout(Duration::from_secs(timeouts.http_seconds))
            .build()
            .map_err(|e| impossible(&e))?;
        Ok(Self { client, timeouts: timeouts.clone() })
    }

    /// Posts JSON. Any answer is a success of this; `Err` means there was none.
    pub(super) async fn post(&self, url: Url, headers: HeaderMap, json: String) -> Result<Answer, Undelivered> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let json_type = HeaderValue::from_static("application/json");
        let request = self.client.post(url).headers(headers).header(CONTENT_TYPE, json_type).body(json);
        let response = request.send().await.map_err(|e| self.no_answer(&host, &e))?;
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| {
            let seconds = value.to_str().ok()?.trim().parse().ok()?;
            Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
        });
        Ok(Answer { status: response.status().as_u16(), body: read(response).await, wait })
    }

    fn no_answer(&self, host: &str, e: &reqwest::Error) -> Undelivered {
        let Timeouts { connect_seconds, http_seconds, smtp_seconds: _ } = self.timeouts;
        Undelivered::for_now(match (e.is_connect(), e.is_timeout()) {
            (true, true) => format!("{host} could not be connected to within {connect_seconds} seconds."),
            (true, false) => format!("{host} could not be connected to: {}.", deepest_cause(e)),
            (false, true) => format!("{host} did not answer within {http_seconds} seconds."),
            (false, false) => format!("The connection to {host} broke before an answer came: {}.", deepest_cause(e)),
        })
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A refusal, with what it said.
    pub(super) fn refused(self, by: &str, again: bool) -> Undelivered {
        let quoted: String = self.body.split_whitespace().collect::<Vec<_>>().join(" ");
        let quoted: String = shortened(&quoted, QUOTED_CHARS).chars().filter(|c| !c.is_control()).collect();
        let said = if quoted.is_empty() { String::new() } else { format!(": {quoted}") };
        let reason = format!("{by} answered with status {}{said}", self.status);
        Undelivered { reason, status: Some(self.status), again, wait: self.wait.filter(|_| again) }
    }
}

/// The answer's text as far as it came: its status has decided already, so a body that breaks off changes nothing.
async fn read(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        let room = ANSWER_BYTES - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if body.len() == ANSWER_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The cause of all: the outer ones repeat the URL, whose path may be a secret, and say little else.
fn deepest_cause(e: &reqwest::Error) -> String {
    let mut cause = e.source();
    while let Some(deeper) = cause.and_then(|c| c.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "for an unknown reason".to_owned(), ToString::to_string)
}
