//! `POST /v1/webhooks`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use jiff::Timestamp;
use sensei_engine::lifecycle::webhook_context;
use sensei_engine::notify::new_secret;
use sensei_engine::store::{Scope, Webhook, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::WebhookView;
use crate::http::auth::Caller;
use crate::http::body::Json;
use crate::http::error::ApiError;
use crate::http::migrations::request::events;
use crate::http::state::App;
use crate::http::text::{short, text};

/// Characters of a URL. 2,000: receivers take no longer ones.
const URL_CHARS: usize = 2_000;
/// Characters of a description. 1,000: a paragraph.
const DESCRIPTION_CHARS: usize = 1_000;
/// Events in one list. 100: each of them, several times over.
const MOST_EVENTS: usize = 100;

/// A webhook to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookRequest {
    /// `http` or `https`.
    #[schema(max_length = 2000, example = "https://example.com/hooks/sensei")]
    url: String,
    /// Statuses of migrations, and `approval_required`. Default: all of them.
    #[schema(max_items = 100, example = json!(["completed", "failed", "approval_required"]))]
    events: Option<Vec<String>>,
    /// For people.
    #[schema(max_length = 1000, example = "Data operations")]
    description: Option<String>,
}

/// A new webhook, with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewWebhook {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Signs what is sent. Shown here, and nowhere else.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Create a webhook
///
/// What is sent is signed as Standard Webhooks 1.0 has it. Scope: `admin`.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    operation_id = "create_webhook",
    tag = "Webhooks",
    request_body = WebhookRequest,
    responses(
        (status = 201, description = "Created; its secret is shown here alone.", body = NewWebhook,
            headers(("location" = String, description = "Where it is."))),
    ),
)]
pub(crate) async fn create_webhook(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<WebhookRequest>,
) -> Result<impl IntoResponse, ApiError> {
    caller.need(Scope::Admin)?;
    let url = text("url", request.url, URL_CHARS)?;
    app.webhook_hosts.check(&url)?;
    let named = request.events.unwrap_or_default();
    if named.len() > MOST_EVENTS {
        return Err(ApiError::invalid("events", format!("`events` must have {MOST_EVENTS} entries at most.")));
    }
    let events = events("events", &named)?;
    let description = request.description.map(|d| short("description", d, DESCRIPTION_CHARS)).transpose()?;
    let (id, secret) = (fresh_id("whk")?, new_secret()?);
    let webhook = Webhook {
        secret: app.service.seal().seal(&webhook_context(&id), secret.reveal().as_bytes())?,
        id,
        url,
        events,
        description,
        created_at: Timestamp::now(),
        created_by: caller.user().to_owned(),
    };
    app.service.store().create_webhook(&webhook).await?;
    let location = format!("/v1/webhooks/{}", webhook.id);
    let created = NewWebhook { webhook: webhook.into(), secret: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(created)))
}
