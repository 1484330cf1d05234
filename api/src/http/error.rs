//! Errors as clients get them: `{"error": {"code", "message", "details", "request_id"}}`.
//!
//! The engine's error becomes one here, last and in one place: [`wire`] is the whole table.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sensei_engine::error::{Code, Error, Role};
use sensei_engine::store::Scope;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::request_id;

/// An error on its way to the client.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Map<String, Value>,
    /// Seconds after which trying again makes sense.
    retry_after: Option<u64>,
}

/// What every error looks like.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorEnvelope {
    error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// A word to act on.
    #[schema(example = "invalid_state")]
    code: &'static str,
    /// For people: what happened, and what to do.
    #[schema(example = "The migration is `running`. Cancel it, then delete it.")]
    message: String,
    /// For programs: which field, which mappings, what is allowed.
    #[schema(value_type = Object, example = json!({"status": "running", "allowed": ["pause", "cancel"]}))]
    details: Map<String, Value>,
    /// The same as the header `x-request-id`; the server's log has it too.
    #[schema(example = "req_8f2k4m6n8p0q2r4s")]
    request_id: Option<String>,
}

/// The HTTP status and the word of an engine's error. A system that does not do its part is a bad gateway's error; what a
/// person must change first is the request's.
const fn wire(code: Code, role: Option<Role>) -> (StatusCode, &'static str) {
    match code {
        Code::Unreachable => match role {
            Some(Role::Source) => (StatusCode::BAD_GATEWAY, "source_unreachable"),
            Some(Role::Target) => (StatusCode::BAD_GATEWAY, "target_unreachable"),
            None => (StatusCode::BAD_GATEWAY, "unreachable"),
        },
        // `unauthorized` is about the API key; this is about the user of a connection.
        Code::Unauthorized => (StatusCode::UNPROCESSABLE_ENTITY, "connection_unauthorized"),
        Code::PermissionDenied => (StatusCode::UNPROCESSABLE_ENTITY, "permission_denied"),
        Code::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Code::InvalidConfig => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_config"),
        Code::InvalidRequest => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"),
        Code::Unsupported => (StatusCode::UNPROCESSABLE_ENTITY, "unsupported"),
        Code::InvalidData => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_data"),
        Code::ConstraintViolation => (StatusCode::UNPROCESSABLE_ENTITY, "constraint_violation"),
        Code::Conflict => (StatusCode::CONFLICT, "conflict"),
        Code::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
        Code::Cancelled => (StatusCode::CONFLICT, "cancelled"),
        Code::ResourceExhausted => (StatusCode::SERVICE_UNAVAILABLE, "resource_exhausted"),
        Code::ConnectorInternal => (StatusCode::BAD_GATEWAY, "connector_internal"),
        Code::PluginLimit => (StatusCode::BAD_GATEWAY, "plugin_limit"),
        Code::PluginTrapped => (StatusCode::BAD_GATEWAY, "plugin_trapped"),
        Code::PluginLied => (StatusCode::BAD_GATEWAY, "plugin_lied"),
        Code::PluginInvalid => (StatusCode::BAD_GATEWAY, "plugin_invalid"),
        Code::InvalidExpression => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_expression"),
        Code::CountMismatch => (StatusCode::CONFLICT, "count_mismatch"),
        Code::ContentMismatch => (StatusCode::CONFLICT, "content_mismatch"),
        Code::SchemaMismatch => (StatusCode::CONFLICT, "schema_mismatch"),
        Code::PlanStale => (StatusCode::CONFLICT, "plan_stale"),
        Code::MigrationNotFound => (StatusCode::NOT_FOUND, "migration_not_found"),
        Code::InvalidState => (StatusCode::CONFLICT, "invalid_state"),
        Code::PlanNotReady => (StatusCode::CONFLICT, "plan_not_ready"),
        Code::ApprovalRequired => (StatusCode::CONFLICT, "approval_required"),
        Code::RollbackFailed => (StatusCode::BAD_GATEWAY, "rollback_failed"),
        Code::Store => (StatusCode::SERVICE_UNAVAILABLE, "store"),
        Code::System => (StatusCode::INTERNAL_SERVER_ERROR, "system"),
    }
}

/// The word of an engine's error.
pub(crate) const fn wire_code(error: &Error) -> &'static str {
    wire(error.code, error.role).1
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (status, code) = wire(error.code, error.role);
        let message = error.to_string();
        let mut details = match error.details.map(|details| *details) {
            Some(Value::Object(details)) => details,
            None | Some(Value::Null) => Map::new(),
            Some(other) => Map::from_iter([("details".to_owned(), other)]),
        };
        // What is wrong with a request is said by messages that begin with the field's name.
        if let (Code::InvalidRequest, Some(field)) = (error.code, named_first(&error.message)) {
            details.entry("field").or_insert_with(|| field.into());
        }
        let places = [
            ("role", error.role.map(|role| json!(role))),
            ("table", error.table.map(Value::from)),
            ("column", error.column.map(Value::from)),
            ("row", error.row.map(Value::from)),
            ("position", error.position.map(Value::from)),
            ("native_code", error.native_code.map(Value::from)),
        ];
        for (name, value) in places {
            if let Some(value) = value {
                details.entry(name).or_insert(value);
            }
        }
        Self { status, code, message, details, retry_after: None }
    }
}

/// The field with whose name a message begins: `schedule.maintenance_window.start`, `scopes[0]`.
fn named_first(message: &str) -> Option<&str> {
    let (field, _) = message.strip_prefix('`')?.split_once('`')?;
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']');
    (!field.is_empty() && field.chars().all(of_a_name)).then_some(field)
}

impl ApiError {
    /// An error of the API's own.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Map::new(), retry_after: None }
    }

    /// A field or parameter that cannot be meant.
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", message).with("field", field)
    }

    /// No key, or none that is known.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// A key without the scope that this needs.
    pub(super) fn forbidden(scope: Scope) -> Self {
        let word = scope.as_str();
        let message = format!("This needs a key with the scope `{word}`.");
        Self::new(StatusCode::FORBIDDEN, "forbidden", message).with("scope", word)
    }

    /// Too much at a time.
    pub(super) fn too_many(code: &'static str, message: impl Into<String>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
    }

    /// The engine's error, under a word that says more where it is of this code.
    pub(super) fn named(error: Error, code: Code, word: &'static str) -> Self {
        let is_meant = error.code == code;
        let error = Self::from(error);
        if is_meant { Self { code: word, ..error } } else { error }
    }

    /// The field it is about.
    #[cfg(test)]
    pub(super) fn field(&self) -> Option<&str> {
        self.details.get("field").and_then(Value::as_str)
    }

    /// Adds what programs want to know.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, code, message, details, retry_after } = self;
        if status.is_server_error() {
            tracing::error!(code, %status, "{message}");
        }
        let body = ErrorBody { code, message, details, request_id: request_id::current() };
        let mut response = (status, axum::Json(ErrorEnvelope { error: body })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_s_words_are_there() {
        let of = |code, role| wire_code(&Error::new(code, "").role_if(role));
        assert_eq!(of(Code::Unreachable, Some(Role::Source)), "source_unreachable");
        assert_eq!(of(Code::Unreachable, Some(Role::Target)), "target_unreachable");
        let same = [
            (Code::MigrationNotFound, "migration_not_found"),
            (Code::InvalidState, "invalid_state"),
            (Code::PlanNotReady, "plan_not_ready"),
            (Code::ApprovalRequired, "approval_required"),
            (Code::RollbackFailed, "rollback_failed"),
        ];
        for (code, word) in same {
            assert_eq!(of(code, None), word);
        }
    }

    #[test]
    fn details_say_where() {
        let error =
            Error::new(Code::InvalidExpression, "No.").at_character(Some(7)).with_details(json!({"field": "x"}));
        let error = ApiError::from(error);
        assert_eq!(Value::from(error.details), json!({"field": "x", "position": 7}));
        let error = ApiError::from(Error::new(Code::InvalidRequest, "`schedule.start_at` has passed."));
        assert_eq!(error.field(), Some("schedule.start_at"));
        let error = ApiError::from(Error::new(Code::InvalidRequest, "`a b` is no schema."));
        assert_eq!(error.field(), None);
        let taken = ApiError::named(Error::new(Code::Conflict, "Used."), Code::Conflict, "connection_in_use");
        assert_eq!((taken.status, taken.code), (StatusCode::CONFLICT, "connection_in_use"));
    }
}
