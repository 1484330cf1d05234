//! `/docs`: the OpenAPI document for people, one page that loads nothing from elsewhere.

use axum::http::header;
use axum::response::{Html, IntoResponse};

const PAGE: &str = include_str!("docs.html");
/// The page's own script and style, and requests to this server: nothing else.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The API, for people
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "get_docs",
    tag = "Server",
    security(()),
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
pub(crate) async fn get_page() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE))
}
