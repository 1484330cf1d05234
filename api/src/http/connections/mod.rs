//! `/v1/connections`: stored ways to reach systems. Secrets go in and never come out.

pub(crate) mod catalog;
pub(crate) mod connectors;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod test;

use sensei_engine::store::StoredConnection;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::moment::Moment;

/// Characters of a name. 200: it stands in lists.
const NAME_CHARS: usize = 200;

/// The error's word where migrations keep a connection as it is.
const IN_USE: &str = "connection_in_use";

/// A stored connection, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionView {
    #[schema(example = "conn_legacy_prod")]
    id: String,
    #[schema(example = "Legacy Production")]
    name: String,
    /// Which connector reaches it: see `/v1/connectors`.
    #[schema(example = "datagen")]
    connector: String,
    /// Its configuration, as far as it is no secret.
    #[schema(value_type = Object, example = json!({"rows": 1000}))]
    config: Map<String, Value>,
    /// Fields of the configuration that are secrets, and have a value.
    #[schema(example = json!([]))]
    secrets_set: Vec<String>,
    created_at: Moment,
    #[schema(example = "user_xyz789")]
    created_by: String,
    updated_at: Moment,
}

impl From<StoredConnection> for ConnectionView {
    fn from(stored: StoredConnection) -> Self {
        let StoredConnection { id, name, connector, config, secrets, created_at, created_by, updated_at } = stored;
        Self {
            id,
            name,
            connector,
            config,
            secrets_set: secrets.keys().cloned().collect(),
            created_at: created_at.into(),
            created_by,
            updated_at: updated_at.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_named_and_not_shown() {
        let map = |value| serde_json::from_value::<Map<String, Value>>(value).expect("an object");
        let stored = StoredConnection {
            id: "conn_a".into(),
            name: "A".into(),
            connector: "net".into(),
            config: map(json!({"host": "h"})),
            secrets: map(json!({"password": "sealed:v1:k:abc"})),
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "user_1".into(),
            updated_at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(
            serde_json::to_value(ConnectionView::from(stored)).expect("JSON"),
            json!({"id": "conn_a", "name": "A", "connector": "net", "config": {"host": "h"}, "secrets_set": ["password"],
                "created_at": "1970-01-01T00:00:00Z", "created_by": "user_1", "updated_at": "1970-01-01T00:00:00Z"})
        );
    }
}
