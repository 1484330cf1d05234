//! `GET /v1/connectors`.

use std::sync::Arc;

use axum::extract::State;
use sensei_engine::error::{Code, Error, Result};
use sensei_engine::plugin::{Description, Registry, Roles};
use sensei_engine::store::Scope;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// Connectors on board, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectorList {
    data: Vec<ConnectorView>,
}

/// What reaches one kind of system.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectorView {
    /// What a connection names.
    #[schema(example = "datagen")]
    name: String,
    #[schema(example = "0.1.0")]
    version: String,
    #[schema(example = "Makes rows up.")]
    summary: String,
    /// `source`, `target` or both.
    #[schema(example = json!(["source"]))]
    roles: Vec<&'static str>,
    /// URL schemes that mean it.
    #[schema(example = json!(["datagen"]))]
    schemes: Vec<String>,
    /// JSON Schema of a connection's `config`. Secrets are marked `x-sensei-secret`, and `writeOnly`.
    #[schema(value_type = Object, example = json!({"type": "object", "properties": {}}))]
    configuration: Value,
}

impl From<&Description> for ConnectorView {
    fn from(description: &Description) -> Self {
        let Description { name, version, summary, roles, schemes, configuration, .. } = description;
        let words = [(Roles::SOURCE, "source"), (Roles::TARGET, "target")];
        Self {
            name: name.clone(),
            version: version.clone(),
            summary: summary.clone(),
            roles: words.into_iter().filter(|(role, _)| roles.contains(*role)).map(|(_, word)| word).collect(),
            schemes: schemes.clone(),
            configuration: marked(configuration),
        }
    }
}

/// With the mark that every reader of JSON Schema understands beside our own.
fn marked(configuration: &str) -> Value {
    let mut schema: Value = serde_json::from_str(configuration).unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, property) in properties {
        if let (Some(true), Some(property)) =
            (property.get("x-sensei-secret").and_then(Value::as_bool), property.as_object_mut())
        {
            property.insert("writeOnly".to_owned(), Value::Bool(true));
        }
    }
    schema
}

fn on_board(registry: &Registry) -> Result<Vec<ConnectorView>> {
    Ok(registry.plugins()?.iter().map(|plugin| ConnectorView::from(plugin.description())).collect())
}

/// List connectors
///
/// With the JSON Schema of what each needs to know. Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/connectors",
    operation_id = "list_connectors",
    tag = "Connections",
    responses((status = 200, description = "All of them.", body = ConnectorList)),
)]
pub(crate) async fn list_connectors(
    State(app): State<App>,
    caller: Caller,
) -> Result<axum::Json<ConnectorList>, ApiError> {
    caller.need(Scope::Read)?;
    let registry = Arc::clone(app.service.registry());
    let broke = |_| Err(Error::new(Code::System, "Looking at connectors broke down; this is a bug of Sensei."));
    // A connector is compiled when it is first asked for.
    let data = tokio::task::spawn_blocking(move || on_board(&registry)).await.unwrap_or_else(broke)?;
    Ok(axum::Json(ConnectorList { data }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_marked_for_every_reader() {
        let schema = json!({"properties": {"host": {"type": "string"}, "key": {"x-sensei-secret": true}}});
        let shown = marked(&schema.to_string());
        assert_eq!(shown["properties"]["key"]["writeOnly"], true);
        assert_eq!(shown["properties"]["host"], schema["properties"]["host"]);
    }
}
