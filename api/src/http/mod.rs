//! The REST API: every route on one screen, and what stands around them.
//!
//! From outside to inside: [`observe`] names, logs and counts a request; a panic becomes an answer; [`auth`] finds the key and
//! holds it to its rate; a request that takes too long is given up; [`idempotency`] answers what was asked before. Then the
//! handler: one file for each thing that can be asked for. Whatever goes wrong is an [`error::ApiError`].

mod auth;
mod body;
mod connections;
#[cfg(test)]
mod contract;
mod docs;
mod error;
mod health;
mod idempotency;
mod keys;
mod limits;
mod logs;
mod measures;
mod migrations;
mod moment;
mod observe;
mod openapi;
mod query;
mod rate;
mod request_id;
mod resync;
mod server;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod units;
mod validation;
mod webhooks;
mod words;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use limits::Limits;
pub(crate) use server::Server;
pub(crate) use state::App;
pub(crate) use webhooks::hosts::{HostPattern, WebhookHosts};

use connections::{catalog, connectors};
use webhooks::deliveries;

/// What needs a key.
fn guarded() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(migrations::list::list, migrations::create::create))
        .routes(routes!(migrations::get::get, migrations::delete::delete))
        .routes(routes!(migrations::start::start))
        .routes(routes!(migrations::pause::pause))
        .routes(routes!(migrations::resume::resume))
        .routes(routes!(migrations::cancel::cancel))
        .routes(routes!(migrations::cutover::cut_over))
        .routes(routes!(migrations::plan::get_plan))
        .routes(routes!(migrations::approve::approve))
        .routes(routes!(migrations::approve::approve_all))
        .routes(routes!(migrations::approve::regenerate))
        .routes(routes!(migrations::metrics::metrics))
        .routes(routes!(logs::get_logs))
        .routes(routes!(validation::get_validation, validation::validate))
        .routes(routes!(resync::resync))
        .routes(routes!(connections::list::list_connections, connections::create::create_connection))
        .routes(routes!(
            connections::get::get_connection,
            connections::patch::change_connection,
            connections::delete::delete_connection
        ))
        .routes(routes!(connections::test::test_connection))
        .routes(routes!(catalog::get_catalog))
        .routes(routes!(connectors::list_connectors))
        .routes(routes!(webhooks::list::list_webhooks, webhooks::create::create_webhook))
        .routes(routes!(webhooks::get::get_webhook, webhooks::delete::delete_webhook))
        .routes(routes!(webhooks::test::test_webhook))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::redeliver))
        .routes(routes!(keys::list::list_keys, keys::create::create_key))
        .routes(routes!(keys::revoke::revoke_key))
}

/// What anybody may ask.
fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(measures::measure))
        .routes(routes!(openapi::get_document))
        .routes(routes!(docs::get_page))
}

/// All routes, and what stands around them.
pub(crate) fn router(app: App) -> Router {
    let guarded = Router::from(guarded())
        .route_layer(from_fn_with_state(app.clone(), idempotency::once))
        .route_layer(from_fn_with_state(app.clone(), observe::patience))
        .route_layer(from_fn_with_state(app.clone(), auth::authenticate));
    Router::from(open())
        .merge(guarded)
        .fallback(observe::no_such_path)
        .method_not_allowed_fallback(observe::no_such_method)
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}
