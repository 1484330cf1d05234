//! `/v1/openapi.json`: the API as OpenAPI 3.1, made from the handlers.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::error::ErrorEnvelope;

/// What no handler can say.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Sensei",
        description = "Moves databases: schema and rows, in parallel, checked, resumable.\n\nEvery error has the same \
            envelope, with a `code` to act on. Every response has `x-request-id`. A POST with an `Idempotency-Key` is done \
            once: the same request again gets the same answer, with `Idempotency-Replayed: true`.",
    ),
    tags(
        (name = "Migrations", description = "Create, control and look at migrations."),
        (name = "Plan", description = "What will be moved and how, and what people decide about it."),
        (name = "Monitoring", description = "What a migration does, and how fast."),
        (name = "Validation", description = "Whether both sides agree."),
        (name = "Connections", description = "Stored ways to reach systems."),
        (name = "Webhooks", description = "Who is told of what happens."),
        (name = "Keys", description = "Who may use the API."),
        (name = "Server", description = "The server itself; no key is needed."),
    ),
    components(schemas(ErrorEnvelope)),
)]
struct Frame;

/// Errors that operations have in common: status, when, whether of this operation.
type Shared = (&'static str, &'static str, fn(&Operation<'_>) -> bool);

const SHARED: [Shared; 10] = [
    ("400", "The body is no JSON.", |o| o.has_body),
    ("401", "There is no key, or it is not known.", |_| true),
    ("403", "The key has not the scope that this needs.", |_| true),
    ("404", "There is no such thing.", |o| o.path.contains('{')),
    ("409", "Not in this state, or somebody else is at it.", |o| o.method != "get"),
    ("413", "The body is too large.", |o| o.has_body),
    ("422", "A field or parameter cannot be meant; `details.field` names it.", |_| true),
    ("429", "The key asks too often; `Retry-After` says how long to wait.", |_| true),
    ("500", "Something broke in Sensei.", |_| true),
    ("503", "The state of the server cannot be reached.", |_| true),
];

struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    has_body: bool,
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let document =
        Frame::openapi().merge_from(super::guarded().into_openapi()).merge_from(super::open().into_openapi());
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({"key": {"type": "http", "scheme": "bearer",
        "description": "An API key, `sk_live_...`. `sensei keys create` makes one."}});
    document["security"] = json!([{"key": []}]);
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if path.starts_with("/v1/") && operation.get("security").is_none() {
                complete(path, method, operation);
            }
        }
    }
    document
});

/// Adds what the layers around a handler do.
fn complete(path: &str, method: &str, operation: &mut Value) {
    let of = Operation { path, method, has_body: operation.get("requestBody").is_some() };
    let error = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}});
    if let Some(responses) = operation["responses"].as_object_mut() {
        for (status, when, applies) in SHARED {
            if applies(&of) {
                responses.entry(status).or_insert_with(|| json!({"description": when, "content": error}));
            }
        }
        let mut sorted: Vec<(String, Value)> = std::mem::take(responses).into_iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        *responses = Map::from_iter(sorted);
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["in"] == "query" {
            never_null(&mut parameter["schema"]);
        }
    }
    if method == "post" {
        let key = json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Any text; the same request with the same text is done once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255}});
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(key),
            None => operation["parameters"] = json!([key]),
        }
    }
}

/// A parameter may be left out, which is not to say that it may be null; and text that is given is not empty.
fn never_null(schema: &mut Value) {
    let null = json!({"type": "null"});
    if let Some(either) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        either.retain(|one| *one != null);
        if let [only] = either.as_mut_slice() {
            *schema = only.take();
        }
    }
    if let Some(types) = schema.get_mut("type").filter(|types| types.is_array()) {
        let rest: Vec<Value> = types.as_array().into_iter().flatten().filter(|t| *t != "null").cloned().collect();
        *types = if let [only] = rest.as_slice() { only.clone() } else { Value::Array(rest) };
    }
    if schema["type"] == "string" && schema.get("enum").is_none() {
        schema["minLength"] = json!(1);
    }
}

/// This document
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "get_openapi",
    tag = "Server",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
)]
pub(crate) async fn get_document() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_what_it_was() {
        insta::assert_json_snapshot!(*DOCUMENT);
    }

    /// Every operation of the document: path, method, operation.
    fn operations() -> impl Iterator<Item = (&'static String, &'static String, &'static Value)> {
        let paths = DOCUMENT["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            item.as_object().expect("operations").iter().map(move |(method, operation)| (path, method, operation))
        })
    }

    #[test]
    fn operations_can_be_told_apart_and_are_told_about() {
        let tags: Vec<&Value> = DOCUMENT["tags"].as_array().expect("tags").iter().map(|t| &t["name"]).collect();
        let mut ids = Vec::new();
        for (path, method, operation) in operations() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(tags.contains(&&operation["tags"][0]), "{method} {path}");
            let open = operation.get("security").is_some();
            assert_eq!(open, operation["tags"][0] == "Server", "{method} {path}");
            assert!(open || operation["responses"]["401"].is_object(), "{method} {path}");
            ids.push(operation["operationId"].as_str().expect("an id"));
        }
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert_eq!(DOCUMENT["openapi"], "3.1.0");
    }

    #[test]
    fn what_is_referred_to_is_there() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(fields) => {
                    for (name, value) in fields {
                        match (name.as_str(), value) {
                            ("$ref", Value::String(to)) => found.push(to),
                            (_, value) => references(value, found),
                        }
                    }
                }
                Value::Array(values) => values.iter().for_each(|v| references(v, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let mut found = Vec::new();
        references(&DOCUMENT, &mut found);
        for to in found {
            let at = to.strip_prefix('#').expect("within the document");
            assert!(DOCUMENT.pointer(at).is_some(), "{to}");
        }
    }
}
