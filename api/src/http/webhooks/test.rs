//! `POST /v1/webhooks/{id}/test`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use sensei_engine::notify::Notification;
use sensei_engine::store::{NewMail, Route, Scope};

use super::Posted;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// Test a webhook
///
/// Sends a notification of type `webhook.test`, whatever the webhook listens to. Scope: `admin`.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/test",
    operation_id = "test_webhook",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook.", example = "whk_4d7f1k2m9q8s3x5z")),
    responses((status = 202, description = "On its way.", body = Posted)),
)]
pub(crate) async fn test_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<Posted>), ApiError> {
    caller.need(Scope::Admin)?;
    let store = app.service.store();
    let route = Route::Webhook { id: store.webhook(&id).await?.id };
    let mail = NewMail { migration: None, route, notification: Notification::test(Timestamp::now()) };
    let posted = Posted::new(store.post(&mail).await?);
    app.service.mail_posted();
    Ok((StatusCode::ACCEPTED, axum::Json(posted)))
}
