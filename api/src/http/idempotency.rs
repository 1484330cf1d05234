//! `Idempotency-Key`: a POST that may have arrived is sent again, and done once.
//!
//! The first request with a key claims it, and holds it for as long as it is at work on a live server, however long that is;
//! the same again gets the same answer. An answer of 500 or more is not kept: what was
//! asked may be tried again. Nor is one that shows a secret ([`SHOWS_SECRET`]): the store must not be able to tell it.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use sensei_engine::error::{Code, Error};
use sensei_engine::store::{Answer, Claim, Hold, Store};
use tokio::time::MissedTickBehavior;
use tracing::Instrument;

use super::auth::Caller;
use super::body;
use super::error::ApiError;
use super::request_id::{self, REQUEST_ID};
use super::state::App;

/// What clients send.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// What says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters of a key. 255: a UUID has 36, and nobody needs more than a hash.
const MOST_CHARS: usize = 255;
/// Routes whose answers show a secret once: they are done one at a time, and not answered again.
const SHOWS_SECRET: [&str; 2] = ["/v1/keys", "/v1/webhooks"];

/// A hold is kept up so many times while it lasts: one time may fail, and another.
const BEATS: u32 = 3;

/// The key of one API key's request.
struct Claimed {
    app: App,
    hold: Hold,
    shows_secret: bool,
}

/// Does a request with an idempotency key once.
pub(super) async fn once(
    State(app): State<App>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(key) = key_of(request.method(), request.headers())? else { return Ok(next.run(request).await) };
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let shows_secret = SHOWS_SECRET.contains(&route);
    let path = request.uri().path().to_owned();
    let (parts, content) = request.into_parts();
    let content = body::read(content, app.limits.body()).await?;
    let asked = parts.uri.path_and_query().map_or("", |p| p.as_str());
    let fingerprint = fingerprint(&parts.method, asked, &content);
    let (now, until) = (Timestamp::now(), held_until(app.limits.idempotency_hold()));
    let hold = match app.service.store().claim_idempotency(caller.key_id(), &key, &fingerprint, now, until).await? {
        Claim::First(hold) => hold,
        Claim::Done(answer) => return replay(answer, &path),
        Claim::AtWork => {
            let message = "The first request with this `Idempotency-Key` is still at work. Try again in a moment.";
            return Err(ApiError::new(StatusCode::CONFLICT, "idempotency_conflict", message));
        }
        Claim::Other => {
            let message = "This `Idempotency-Key` was used for another request. Use a fresh one.";
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", message));
        }
    };
    let claimed = Claimed { app, hold, shows_secret };
    let request = Request::from_parts(parts, Body::from(content));
    // A task of its own: it comes to its end, and its answer is kept, although the client went away.
    let work = async move { claimed.answer(next.run(request)).await }.in_current_span();
    let id = request_id::current().unwrap_or_default();
    tokio::spawn(REQUEST_ID.scope(id, work)).await.map_err(|_| {
        ApiError::from(Error::new(Code::System, "Something broke in Sensei; this is a bug. Look whether it was done."))
    })
}

impl Claimed {
    /// Holds the key until there is an answer.
    async fn answer(self, work: impl Future<Output = Response>) -> Response {
        let response = tokio::select! {
            response = work => response,
            never = keep_up(self.app.service.store(), &self.hold, self.app.limits.idempotency_hold()) => match never {},
        };
        self.settle(response).await
    }

    /// Keeps the answer, or lets the key go.
    async fn settle(self, response: Response) -> Response {
        let Self { app, hold, shows_secret } = self;
        let store = app.service.store();
        let (parts, body) = response.into_parts();
        // Answers are made by handlers, which hold them in memory anyway.
        let kept = body::read(body, usize::MAX).await;
        let content = kept.unwrap_or_else(|_| Bytes::new());
        let settled = if parts.status.is_server_error() || shows_secret {
            store.release_idempotency(&hold).await
        } else {
            let body = String::from_utf8_lossy(&content).into_owned();
            store.answered(&hold, &Answer { status: parts.status.as_u16(), body }).await
        };
        if let Err(e) = settled {
            // What was asked is done: to say anything else would be wrong. The claim ends by itself.
            tracing::error!(error = %e, "an answer could not be kept");
        }
        Response::from_parts(parts, Body::from(content))
    }
}

/// Says again and again that the request is at work; does not come back.
async fn keep_up(store: &Store, hold: &Hold, lasts: Duration) -> Infallible {
    let mut beat = tokio::time::interval(lasts / BEATS);
    // After a standstill one beat is as good as many.
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.reset();
    loop {
        beat.tick().await;
        match store.keep_hold(hold, held_until(lasts)).await {
            Ok(true) => {}
            Ok(false) => {
                // This server stood still for longer than a hold lasts. What is half done cannot be taken back.
                tracing::error!("an idempotency key was lost: the same request may be done again");
                return std::future::pending().await;
            }
            Err(e) => tracing::warn!(error = %e, "an idempotency key could not be held; trying again"),
        }
    }
}

fn held_until(lasts: Duration) -> Timestamp {
    let lasts = SignedDuration::try_from(lasts).unwrap_or(SignedDuration::MAX);
    Timestamp::now().checked_add(lasts).unwrap_or(Timestamp::MAX)
}

fn key_of(method: &Method, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(HEADER).filter(|_| method == Method::POST) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    if (1..=MOST_CHARS).contains(&key.len()) {
        return Ok(Some(key.to_owned()));
    }
    let message = format!("`Idempotency-Key` must have 1 to {MOST_CHARS} visible ASCII characters.");
    Err(ApiError::invalid("Idempotency-Key", message))
}

/// Tells one request from another; the lengths keep their parts apart.
fn fingerprint(method: &Method, path: &str, content: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [method.as_str().as_bytes(), path.as_bytes(), content] {
        hasher.update(&part.len().to_le_bytes()).update(part);
    }
    hasher.finalize().to_hex().to_string()
}

/// The answer that was given.
fn replay(answer: Answer, path: &str) -> Result<Response, ApiError> {
    let status = StatusCode::from_u16(answer.status)
        .map_err(|e| Error::new(Code::Store, format!("A kept answer has no status that HTTP knows: {e}.")))?;
    let created = (status == StatusCode::CREATED).then(|| location(path, &answer.body)).flatten();
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response();
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    if let Some(location) = created {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Where what was created is: under the collection that it was posted to.
fn location(path: &str, body: &str) -> Option<HeaderValue> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    HeaderValue::try_from(format!("{path}/{}", body.get("id")?.as_str()?)).ok()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::header::AUTHORIZATION;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;
    use crate::http::Limits;
    use crate::http::auth::authenticate;
    use crate::http::tests::World;

    #[tokio::test]
    async fn what_broke_may_be_tried_again() {
        let world = World::new().await;
        let (app, now) = (&world.app, Timestamp::now());
        let until = held_until(app.limits.idempotency_hold());
        let claim =
            async || app.service.store().claim_idempotency("key_a", "k", "print", now, until).await.expect("a state");
        for (status, kept) in [(StatusCode::SERVICE_UNAVAILABLE, false), (StatusCode::CONFLICT, true)] {
            let Claim::First(hold) = claim().await else { panic!("nobody holds it") };
            let claimed = Claimed { app: app.clone(), hold, shows_secret: false };
            claimed.settle((status, "{}").into_response()).await;
            match claim().await {
                Claim::First(hold) if !kept => {
                    app.service.store().release_idempotency(&hold).await.expect("a state");
                }
                Claim::Done(answer) if kept => assert_eq!(answer, Answer { status: 409, body: "{}".into() }),
                other => panic!("{status}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_request_holds_its_key_for_as_long_as_it_is_at_work() {
        let world = World::within(Limits { idempotency_hold_seconds: 1, ..Limits::default() }).await;
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(2_600)).await;
            "done"
        };
        let router = Router::new()
            .route("/slow", post(slow))
            .route_layer(from_fn_with_state(world.app.clone(), once))
            .route_layer(from_fn_with_state(world.app.clone(), authenticate));
        let ask = async |after| {
            tokio::time::sleep(Duration::from_millis(after)).await;
            let request =
                Request::post("/slow").header(HEADER, "k").header(AUTHORIZATION, format!("Bearer {}", world.key));
            router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer").status()
        };
        let answers = tokio::join!(ask(0), ask(1_300), ask(2_300));
        assert_eq!(answers, (StatusCode::OK, StatusCode::CONFLICT, StatusCode::CONFLICT));
        assert_eq!(ask(0).await, StatusCode::OK);
    }

    #[test]
    fn requests_are_told_apart() {
        let prints = [
            fingerprint(&Method::POST, "/a", b"b"),
            fingerprint(&Method::POST, "/ab", b""),
            fingerprint(&Method::POST, "/a", b""),
        ];
        assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2]);
    }
}
