//! `POST /v1/connections`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use sensei_engine::lifecycle::{NewConnection, Way};
use sensei_engine::store::Scope;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ConnectionView, NAME_CHARS};
use crate::http::auth::Caller;
use crate::http::body::Json;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::http::text::text;

/// Characters of an id after `conn_`. 60: it stands in paths and logs.
const ID_CHARS: usize = 60;
/// What ids begin with.
const ID_PREFIX: &str = "conn_";
/// Characters of a URL. 8,000: as long as URLs are taken anywhere.
const URL_CHARS: usize = 8_000;

/// A connection to be: either `connector` and `config`, or `url`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionRequest {
    /// Default: a fresh one.
    #[schema(pattern = "^conn_[a-z0-9_]{1,60}$", example = "conn_legacy_prod")]
    id: Option<String>,
    /// For people.
    #[schema(min_length = 1, max_length = 200, example = "Legacy Production")]
    name: String,
    /// Which connector reaches it: see `/v1/connectors`.
    #[schema(example = "datagen")]
    connector: Option<String>,
    /// What the connector's own JSON Schema asks for, secrets among it.
    #[schema(value_type = Option<Object>, example = json!({"rows": 1000}))]
    config: Option<Map<String, Value>>,
    /// In the place of connector and configuration: `scheme://user:password@host:port/database?option=value` or `scheme:path`.
    #[schema(max_length = 8000, example = json!(null))]
    url: Option<String>,
}

impl ConnectionRequest {
    fn into_new(self) -> Result<NewConnection, ApiError> {
        let Self { id, name, connector, config, url } = self;
        let either = "Give either `connector` and `config`, or `url`.";
        let way = match (connector, config, url) {
            (Some(connector), config, None) => Way::Fields { connector, config: config.unwrap_or_default() },
            (None, None, Some(url)) => Way::Url(text("url", url, URL_CHARS)?),
            (Some(_), _, Some(_)) | (None, Some(_), Some(_)) => return Err(ApiError::invalid("url", either)),
            (None, _, None) => return Err(ApiError::invalid("connector", either)),
        };
        Ok(NewConnection { id: id.map(checked_id).transpose()?, name: text("name", name, NAME_CHARS)?, way })
    }
}

fn checked_id(id: String) -> Result<String, ApiError> {
    let good = |rest: &str| {
        (1..=ID_CHARS).contains(&rest.len())
            && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if id.strip_prefix(ID_PREFIX).is_some_and(good) {
        return Ok(id);
    }
    let message = format!("`id` must be `{ID_PREFIX}` and 1 to {ID_CHARS} of a-z, 0-9 and _, as in `conn_shop`.");
    Err(ApiError::invalid("id", message))
}

/// Create a connection
///
/// Its configuration is checked against the connector's JSON Schema; nothing is connected to. Secrets are sealed, and are in
/// no response. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/connections",
    operation_id = "create_connection",
    tag = "Connections",
    request_body = ConnectionRequest,
    responses(
        (status = 201, description = "Created.", body = ConnectionView,
            headers(("location" = String, description = "Where it is."))),
    ),
)]
pub(crate) async fn create_connection(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<ConnectionRequest>,
) -> Result<impl IntoResponse, ApiError> {
    caller.need(Scope::Write)?;
    let stored = app.service.create_connection(request.into_new()?, caller.user()).await?;
    let location = format!("/v1/connections/{}", stored.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(ConnectionView::from(stored))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn way(request: Value) -> Option<Way> {
        let request: ConnectionRequest = serde_json::from_value(request).expect("a request");
        request.into_new().ok().map(|new| new.way)
    }

    #[test]
    fn a_connection_is_said_in_one_of_two_ways() {
        let fields = way(json!({"name": "A", "connector": "net", "config": {"host": "h"}}));
        assert!(
            matches!(fields, Some(Way::Fields { connector, config }) if connector == "net" && config["host"] == "h")
        );
        let bare = way(json!({"name": "A", "connector": "net"}));
        assert!(matches!(bare, Some(Way::Fields { config, .. }) if config.is_empty()));
        assert!(matches!(way(json!({"name": "A", "url": "net://h"})), Some(Way::Url(url)) if url == "net://h"));
        for wrong in [
            json!({"name": "A"}),
            json!({"name": "A", "config": {}}),
            json!({"name": "A", "connector": "net", "url": "net://h"}),
            json!({"name": "A", "config": {}, "url": "net://h"}),
            json!({"name": " ", "url": "net://h"}),
        ] {
            assert!(way(wrong.clone()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn ids_may_be_chosen() {
        for id in ["conn_shop", "conn_1", "conn_a_b_2"] {
            assert!(checked_id(id.to_owned()).is_ok(), "{id}");
        }
        let long = format!("conn_{}", "a".repeat(61));
        for id in ["", "conn_", "shop", "conn_Shop", "conn_a-b", "conn_a/b", "conn_ä", long.as_str()] {
            assert!(checked_id(id.to_owned()).is_err(), "{id}");
        }
    }
}
