//! Around every request: its name, its span in the log, its figures, and an envelope for whatever went wrong before a handler
//! had it.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::error::ApiError;
use super::limits::Limits;
use super::request_id::{self, REQUEST_ID};
use super::state::App;

/// Routes that ask source or target before they answer, or may.
const LONG: [(Method, &str); 7] = [
    // With `dry_run`.
    (Method::POST, "/v1/migrations/{id}/start"),
    (Method::POST, "/v1/migrations/{id}/validation"),
    (Method::POST, "/v1/migrations/{id}/validation/resync"),
    // Removes staging.
    (Method::DELETE, "/v1/migrations/{id}"),
    (Method::POST, "/v1/connections/{id}/test"),
    (Method::GET, "/v1/connections/{id}/catalog"),
    // Compiles connectors that nobody used yet.
    (Method::GET, "/v1/connectors"),
];

/// Names the request, logs and counts it.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id::of(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    // The query is left out: nobody knows what people write there.
    let path = request.uri().path().to_owned();
    let key = tracing::field::Empty;
    let span = tracing::info_span!("request", id, %method, path, key);
    let answer = async {
        let mut response = enveloped(next.run(request).await);
        let (status, took) = (response.status().as_u16(), began.elapsed());
        app.measures.answered(&route, &method, status, took);
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if is_watching(&path) {
            tracing::debug!(status, milliseconds, "answered");
        } else {
            tracing::info!(status, milliseconds, "answered");
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(request_id::HEADER, value);
        }
        response
    };
    REQUEST_ID.scope(id.clone(), answer.instrument(span)).await
}

/// Asked every few seconds by machines: no news.
fn is_watching(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// What the router or an extractor of the framework's refused with a line of text gets an envelope.
fn enveloped(response: Response) -> Response {
    let status = response.status();
    let content = response.headers().get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    if !(status.is_client_error() || status.is_server_error()) || content.starts_with("application/json") {
        return response;
    }
    let reason = status.canonical_reason().unwrap_or("an error without a name");
    ApiError::new(status, "invalid_request", format!("The request cannot be understood: {reason}.")).into_response()
}

/// Gives a request up that takes too long. Streams have answered when they begin.
pub(super) async fn patience(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let patience = patience_of(&app.limits, request.method(), route);
    tokio::time::timeout(patience, next.run(request)).await.map_err(|_| {
        let message = format!("This took longer than {} seconds and was given up.", patience.as_secs());
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message)
    })
}

fn patience_of(limits: &Limits, method: &Method, route: &str) -> Duration {
    let long = LONG.iter().any(|(of, path)| of == method && *path == route);
    Duration::from_secs(if long { limits.long_request_seconds } else { limits.request_seconds }.into())
}

/// The answer where a handler panicked.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said =
        panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    tracing::error!(panic = said.unwrap_or_default(), "a handler panicked; this is a bug of Sensei");
    let message = "Something broke in Sensei; this is a bug. The log has more under the request's id.";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message).into_response()
}

/// Nothing is at this path.
pub(super) async fn no_such_path(request: Request) -> ApiError {
    let message = format!("There is nothing at `{}`. `/docs` shows what there is.", request.uri().path());
    ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
}

/// Something is at this path, but not for this method.
pub(super) async fn no_such_method(request: Request) -> ApiError {
    let message = format!("`{}` cannot be used with `{}`.", request.method(), request.uri().path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
