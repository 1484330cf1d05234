//! The server at the other end: requests, what is tried again, and what comes back.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use rustls::crypto::ring;
use sensei_engine::error::{Code, Error};
use tokio::time::sleep;

use super::answer::Answer;
use super::refusal::Refusal;
use crate::cli::failure::Failure;

/// Sends of one request in all. A server that restarts is back after the pauses between them (1.75 s); one that is
/// down is told to be so before anybody wonders.
pub(super) const ATTEMPTS: u32 = 4;
/// Before the second attempt; each further pause is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// A server that asks for a longer pause than this is told to be busy instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For TCP and TLS: a server that is there takes part of a second.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// For a whole answer. Testing a connection or reading a catalog asks a database, which may think for a while.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// Bytes of an answer. The largest is a plan with its evidence: about 1 kB a column.
const MOST_ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// Bytes of randomness in an `Idempotency-Key`: nobody meets another one's.
const KEY_BYTES: usize = 16;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The media type of Server-Sent Events.
pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// Parameters of a request, as the contract names them.
pub(super) type Query = Vec<(&'static str, String)>;

/// A server of the Migrations API.
pub(super) struct Server {
    base: Url,
    has_key: bool,
    http: Client,
}

impl Server {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// Usage: the key has characters that no key has. `system`: this machine has no certificates to verify a server by.
    pub(super) fn new(base: Url, key: Option<&str>) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| Failure::Usage("The API key has characters that no key has.".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        // Another part of the program may have chosen it before.
        drop(ring::default_provider().install_default());
        let builder = Client::builder()
            .user_agent(concat!("sensei/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_WITHIN)
            // A POST that is sent elsewhere would arrive as a GET, and the key is for this server alone.
            .redirect(redirect::Policy::none());
        // Without TLS no certificates are read: there may be none on this machine.
        let builder = if base.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
        let http = builder.build().map_err(|e| {
            Error::new(Code::System, format!("This machine cannot verify servers: {}.", cause(&e.without_url())))
        })?;
        Ok(Self { base, has_key: key.is_some(), http })
    }

    /// Asks for a resource.
    ///
    /// # Errors
    /// The server refused, or it cannot be reached.
    pub(super) async fn get(&self, path: &[&str], query: &Query) -> Result<Answer, Failure> {
        self.ask(self.request(Method::GET, path, query)).await
    }

    /// Asks the server to do something: once, however often this has to be sent.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(super) async fn post(&self, path: &[&str], json: String) -> Result<Answer, Failure> {
        let request = self.request(Method::POST, path, &Query::new()).header(IDEMPOTENCY_KEY, idempotency_key()?);
        self.ask(request.header(CONTENT_TYPE, "application/json").body(json)).await
    }

    /// Has a resource deleted.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(super) async fn delete(&self, path: &[&str], query: &Query) -> Result<Answer, Failure> {
        self.ask(self.request(Method::DELETE, path, query)).await
    }

    /// Opens a stream of events, once; what it means when that fails is the caller's to say.
    pub(super) async fn stream(&self, path: &[&str], query: &Query, last_event_id: &str) -> reqwest::Result<Response> {
        let mut request = self.http.get(self.url(path, query)).header(ACCEPT, EVENT_STREAM);
        // An id with a control character cannot be a header; from the start is better than not at all.
        if let Ok(id) = HeaderValue::from_bytes(last_event_id.as_bytes())
            && !last_event_id.is_empty()
        {
            request = request.header(LAST_EVENT_ID, id);
        }
        request.send().await
    }

    fn request(&self, method: Method, path: &[&str], query: &Query) -> RequestBuilder {
        self.http.request(method, self.url(path, query)).header(ACCEPT, "application/json").timeout(ANSWER_WITHIN)
    }

    fn url(&self, path: &[&str], query: &Query) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = self.send(request).await?;
        if response.status().is_success() {
            return self.body(response).await.map(Answer::new);
        }
        Err(self.refusal(response).await)
    }

    /// Sends, and sends again while nobody answers or who answers asks for a moment.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            let Some(copy) = request.try_clone() else { break };
            match copy.send().await {
                Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                    let asked = retry_after(response.headers()).unwrap_or(pause);
                    if asked > LONGEST_PAUSE {
                        return Ok(response);
                    }
                    sleep(asked).await;
                }
                Err(e) if e.is_connect() => sleep(pause).await,
                outcome => return outcome.map_err(|e| self.unreachable(e)),
            }
            pause *= 2;
        }
        request.send().await.map_err(|e| self.unreachable(e))
    }

    async fn body(&self, mut response: Response) -> Result<String, Failure> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|e| self.unreachable(e))? {
            if body.len() + part.len() > MOST_ANSWER_BYTES {
                let message = format!("The server's answer is longer than {MOST_ANSWER_BYTES} bytes.");
                return Err(Error::new(Code::ResourceExhausted, message).into());
            }
            body.extend_from_slice(&part);
        }
        Ok(String::from_utf8(body).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    /// What an answer that is no success says.
    pub(super) async fn refusal(&self, response: Response) -> Failure {
        let status = response.status();
        if let Some(elsewhere) = response.headers().get(LOCATION).filter(|_| status.is_redirection()) {
            let elsewhere = String::from_utf8_lossy(elsewhere.as_bytes());
            let why = format!("The server sends to {elsewhere}. Give the address of the server itself with --server.");
            return Refusal::of_this_client(why, "").into();
        }
        match self.body(response).await {
            Ok(body) => Refusal::read(status, body, self.has_key).into(),
            Err(failure) => failure,
        }
    }

    /// No answer, or only a part of one.
    pub(super) fn unreachable(&self, e: reqwest::Error) -> Failure {
        let (base, e) = (&self.base, e.without_url());
        let error = if e.is_connect() {
            let hint = "Is `sensei serve` running? --server (or SENSEI_URL) says where.";
            Error::new(Code::Unreachable, format!("{base} cannot be reached: {}. {hint}", cause(&e)))
        } else if e.is_timeout() {
            let within = ANSWER_WITHIN.as_secs();
            Error::new(Code::Timeout, format!("{base} did not answer within {within} s. {UNKNOWN}"))
        } else {
            Error::new(Code::Unreachable, format!("The connection to {base} broke: {}. {UNKNOWN}", cause(&e)))
        };
        error.into()
    }
}

/// After a request that was sent and not answered.
const UNKNOWN: &str = "Whether it did what was asked is unknown: look before you ask again.";

/// What lies at the bottom of an error, in its own words.
fn cause(e: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = e;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Random: the server does once what comes twice with the same key.
fn idempotency_key() -> Result<String, Failure> {
    let mut bytes = [0; KEY_BYTES];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| Error::new(Code::System, "This machine has no random numbers to give."))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
