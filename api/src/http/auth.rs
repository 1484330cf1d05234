//! Who asks: a bearer key, and what it may be used for.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use sensei_engine::store::{ApiKey, Scope};

use super::error::ApiError;
use super::state::App;

/// Whose request it is.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    key: ApiKey,
}

impl Caller {
    /// Refuses a key without this scope.
    pub(crate) fn need(&self, scope: Scope) -> Result<(), ApiError> {
        if self.key.scopes.contains(&scope) { Ok(()) } else { Err(ApiError::forbidden(scope)) }
    }

    /// The user whose deeds these are.
    pub(crate) fn user(&self) -> &str {
        &self.key.user
    }

    /// The key's id.
    pub(super) fn key_id(&self) -> &str {
        &self.key.id
    }
}

/// Finds the key of a request to `/v1`, and holds it to its rate; handlers get it as a [`Caller`].
pub(super) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let secret = bearer(request.headers())?;
    let unknown = || ApiError::unauthorized("The API key is not known, or was revoked.");
    let key = app.service.store().key(secret).await?.ok_or_else(unknown)?;
    app.rates.check(&key.id)?;
    app.service.store().key_used(&key, Timestamp::now()).await?;
    tracing::Span::current().record("key", key.id.as_str());
    request.extensions_mut().insert(Caller { key });
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let how = "Send the header `Authorization: Bearer sk_live_...`.";
    let value =
        headers.get(AUTHORIZATION).ok_or_else(|| ApiError::unauthorized(format!("There is no API key. {how}")))?;
    let (scheme, secret) = value.to_str().ok().and_then(|v| v.split_once(' ')).unwrap_or_default();
    let secret = secret.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty() {
        return Ok(secret);
    }
    Err(ApiError::unauthorized(format!("The header `Authorization` holds no bearer key. {how}")))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // A route that was left out of the authenticated ones must not let anybody in.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "system",
                "This route knows no keys; this is a bug of Sensei.",
            )
        })
    }
}
