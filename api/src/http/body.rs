//! JSON bodies: what is wrong with one is said by the path of its field.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::state::App;

/// A body that must be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<T>(pub(crate) T);

/// A body that may be left out: everything in it has a default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, app.limits.body()).await?;
        if bytes.is_empty() {
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_request",
                "The request has no body. Send a JSON object.",
            ));
        }
        is_json(&parts.headers)?;
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<App> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, app.limits.body()).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        is_json(&parts.headers)?;
        parse(&bytes).map(Self)
    }
}

/// A whole body, of so many bytes at most.
pub(super) async fn read(body: Body, most_bytes: usize) -> Result<Bytes, ApiError> {
    to_bytes(body, most_bytes).await.map_err(|e| {
        let mut cause: Option<&dyn std::error::Error> = Some(&e);
        while let Some(e) = cause {
            if e.is::<http_body_util::LengthLimitError>() {
                let message = format!("The body has more than {most_bytes} bytes.");
                return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message);
            }
            cause = e.source();
        }
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", "The body broke off before its end.")
    })
}

/// A body that says it is something else is not meant for us. One that says nothing is taken as JSON.
fn is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "Bodies are JSON: send `Content-Type: application/json`.",
    ))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // serde would take the fields of an object from a list, in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        let message = "The body is wrong: it must be a JSON object, and is a list.";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", message));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let path = e.path().to_string();
        let (status, inner) = (StatusCode::UNPROCESSABLE_ENTITY, e.into_inner());
        let what = inner.to_string();
        match inner.classify() {
            serde_json::error::Category::Data => {}
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => return not_json(&what),
        }
        // Fields that are missing or unknown are named by the message alone; the path is that of the object around them.
        let named = ["missing field `", "unknown field `"].iter().find_map(|begin| {
            let (name, _) = what.strip_prefix(begin)?.split_once('`')?;
            Some(name.to_owned())
        });
        let field = match (path.as_str(), named) {
            (".", Some(name)) => name,
            (path, Some(name)) if !path.ends_with(&name) => format!("{path}.{name}"),
            (path, _) => path.to_owned(),
        };
        // The line and column are of a text that most clients never see.
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
        match field.as_str() {
            "." => ApiError::new(status, "invalid_request", format!("The body is wrong: {what}.")),
            field => ApiError::invalid(field, format!("`{field}`: {what}.")),
        }
    })?;
    json.end().map_err(|e| not_json(&e.to_string()))?;
    Ok(value)
}

fn not_json(what: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", format!("The body is no JSON: {what}."))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "it is read from JSON alone")]
        count: u32,
    }

    async fn wrong(json: &str) -> (u16, Value) {
        let response = match parse::<Outer>(json.as_bytes()) {
            Ok(outer) => panic!("{:?} is fine", outer.inner),
            Err(e) => e.into_response(),
        };
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_by_its_path() {
        let cases = [
            (r#"{"inner": {"count": "x"}}"#, 422, "inner.count"),
            (r#"{"inner": {"count": -1}}"#, 422, "inner.count"),
            (r#"{"inner": {}}"#, 422, "inner.count"),
            (r#"{"inner": {"count": 1, "colour": 2}}"#, 422, "inner.colour"),
            (r#"{"outer": 1}"#, 422, "outer"),
            ("{}", 422, "inner"),
        ];
        for (json, status, field) in cases {
            let (was, body) = wrong(json).await;
            assert_eq!((was, &body["error"]["details"]["field"]), (status, &Value::from(field)), "{json}: {body}");
        }
        for json in ["{", "", "{} {}", "no"] {
            assert_eq!(
                wrong(json).await.1["error"]["code"],
                if json == "{} {}" { "invalid_request" } else { "invalid_json" }
            );
        }
        for list in ["[]", r#" [{"count": 1}]"#] {
            assert_eq!(wrong(list).await.0, 422, "{list}");
        }
    }
}
