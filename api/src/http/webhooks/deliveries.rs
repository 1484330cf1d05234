//! `GET /v1/webhooks/{id}/deliveries` and `POST /v1/webhooks/{id}/deliveries/{delivery_id}/redeliver`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use sensei_engine::error::{Code, Error};
use sensei_engine::store::{Delivery, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::Posted;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::query::Parameters;
use crate::http::state::App;

/// Deliveries of a page where nobody asks for another number.
const PAGE: u32 = 20;
/// Deliveries of a page at most.
const LARGEST_PAGE: u32 = 100;

/// Attempts to deliver, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryList {
    data: Vec<DeliveryView>,
}

/// One attempt to deliver.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    #[schema(example = "dlv_9s8d7f6g5h4j3k2l")]
    id: String,
    /// The `webhook-id` that the receiver sees, the same for all attempts.
    #[schema(example = "msg_2k9d8f7s6a5p4o3i")]
    message_id: String,
    at: Moment,
    /// From 1.
    #[schema(example = 1)]
    attempt: u32,
    delivered: bool,
    /// HTTP status of the answer, where there was one.
    #[schema(example = 200)]
    status: Option<u16>,
    #[schema(example = 120)]
    duration_ms: u64,
    /// Why it did not arrive.
    error: Option<String>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let Delivery { id, mail, webhook: _, at, attempt, status, milliseconds, error } = delivery;
        Self {
            id,
            message_id: mail,
            at: at.into(),
            attempt,
            delivered: error.is_none(),
            status,
            duration_ms: milliseconds,
            error,
        }
    }
}

/// List a webhook's deliveries
///
/// Attempts, newest first. Scope: `admin`.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/deliveries",
    operation_id = "list_deliveries",
    tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The webhook.", example = "whk_4d7f1k2m9q8s3x5z"),
        ("limit" = Option<u32>, Query, description = "So many at most. Default: 20.", minimum = 1, maximum = 100, example = 20),
    ),
    responses((status = 200, description = "The newest.", body = DeliveryList)),
)]
pub(crate) async fn list_deliveries(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    mut query: Parameters,
) -> Result<axum::Json<DeliveryList>, ApiError> {
    caller.need(Scope::Admin)?;
    let limit = query.number("limit", 1..=LARGEST_PAGE, PAGE)?;
    query.end(&["limit"])?;
    let store = app.service.store();
    let webhook = store.webhook(&id).await?;
    let deliveries = store.deliveries(&webhook.id, limit).await?;
    Ok(axum::Json(DeliveryList { data: deliveries.into_iter().map(DeliveryView::from).collect() }))
}

/// Deliver once more
///
/// The same notification, under the same id, whether it arrived or not. Scope: `admin`.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver",
    operation_id = "redeliver",
    tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The webhook.", example = "whk_4d7f1k2m9q8s3x5z"),
        ("delivery_id" = String, Path, description = "A delivery to it.", example = "dlv_9s8d7f6g5h4j3k2l"),
    ),
    responses((status = 202, description = "On its way.", body = Posted)),
)]
pub(crate) async fn redeliver(
    State(app): State<App>,
    caller: Caller,
    Path((id, delivery_id)): Path<(String, String)>,
) -> Result<(StatusCode, axum::Json<Posted>), ApiError> {
    caller.need(Scope::Admin)?;
    let store = app.service.store();
    let webhook = store.webhook(&id).await?;
    let delivery = store.delivery(&webhook.id, &delivery_id).await?;
    if !store.send_again(&delivery.mail, Timestamp::now()).await? {
        return Err(Error::new(Code::NotFound, "The notification is kept no longer.").into());
    }
    app.service.mail_posted();
    Ok((StatusCode::ACCEPTED, axum::Json(Posted::new(delivery.mail))))
}
