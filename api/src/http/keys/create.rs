//! `POST /v1/keys`.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use sensei_engine::store::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{KeyView, ScopeWord};
use crate::http::auth::Caller;
use crate::http::body::Json;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::http::text::text;

/// Characters of a name, or of a user's. 200: both stand in lists.
const NAME_CHARS: usize = 200;

/// A key to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    /// For people.
    #[schema(min_length = 1, max_length = 200, example = "Nightly builds")]
    name: String,
    /// Whose deeds the key's are. Default: a fresh one.
    #[schema(min_length = 1, max_length = 200, example = "user_xyz789")]
    user: Option<String>,
    /// What it may be used for. Default: `read`.
    #[schema(example = json!(["read", "write"]))]
    scopes: Option<Vec<ScopeWord>>,
}

/// A new key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewKey {
    #[serde(flatten)]
    view: KeyView,
    /// The key itself. Shown here, and nowhere else.
    #[schema(example = "sk_live_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6")]
    key: String,
}

/// Create a key
///
/// It is shown in the answer and never again, so an `Idempotency-Key` keeps two from being made at once, but not one after
/// the other. Scope: `admin`.
#[utoipa::path(
    post,
    path = "/v1/keys",
    operation_id = "create_key",
    tag = "Keys",
    request_body = KeyRequest,
    responses((status = 201, description = "Created; the key is shown here alone.", body = NewKey)),
)]
pub(crate) async fn create_key(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<KeyRequest>,
) -> Result<(StatusCode, axum::Json<NewKey>), ApiError> {
    caller.need(Scope::Admin)?;
    let name = text("name", request.name, NAME_CHARS)?;
    let user = request.user.map(|user| text("user", user, NAME_CHARS)).transpose()?;
    let mut scopes: Vec<Scope> =
        request.scopes.unwrap_or_else(|| vec![ScopeWord::Read]).into_iter().map(Scope::from).collect();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(ApiError::invalid(
            "scopes",
            "`scopes` must have one at least: a key without any is good for nothing.",
        ));
    }
    let (key, secret) = app.service.store().create_key(&name, user.as_deref(), &scopes, Timestamp::now()).await?;
    Ok((StatusCode::CREATED, axum::Json(NewKey { view: key.into(), key: secret })))
}
