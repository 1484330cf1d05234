//! `/v1/webhooks`: who is told of what happens to migrations, by Standard Webhooks.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod deliveries;
pub(crate) mod get;
pub(crate) mod hosts;
pub(crate) mod list;
pub(crate) mod test;

use sensei_engine::store::Webhook;
use serde::Serialize;
use utoipa::ToSchema;

use super::moment::Moment;

/// A webhook, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    #[schema(example = "whk_4d7f1k2m9q8s3x5z")]
    id: String,
    #[schema(example = "https://example.com/hooks/sensei")]
    url: String,
    /// Of which events; empty: all.
    #[schema(example = json!(["completed", "failed", "approval_required"]))]
    events: Vec<String>,
    description: Option<String>,
    created_at: Moment,
    #[schema(example = "user_xyz789")]
    created_by: String,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let Webhook { id, url, events, description, secret: _, created_at, created_by } = webhook;
        Self { id, url, events, description, created_at: created_at.into(), created_by }
    }
}

/// A notification on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Posted {
    /// The `webhook-id` that the receiver sees, the same for all attempts.
    #[schema(example = "msg_2k9d8f7s6a5p4o3i")]
    message_id: String,
    #[schema(example = "The notification is on its way; see the deliveries")]
    message: String,
}

impl Posted {
    fn new(message_id: String) -> Self {
        Self { message_id, message: "The notification is on its way; see the deliveries".to_owned() }
    }
}
