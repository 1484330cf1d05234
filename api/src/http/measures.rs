//! `/metrics`: figures of the server for Prometheus. It asks for no key, and holds no name of anything: let those reach it
//! who may know how busy the server is.

use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, header};
use axum::response::IntoResponse;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use sensei_engine::error::{Code, Error};
use sensei_engine::lifecycle::Status;

use super::error::ApiError;
use super::state::App;

/// Seconds: from a look at the state to a dry run.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 600.0];
/// Ticks of a processor's clock in a second: what `/proc/self/stat` counts in, on every Linux (USER_HZ).
const TICKS: f64 = 100.0;
/// The media type of what `encode` writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Methods that are told apart. Others are one: clients must not be able to make series.
const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    route: String,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Took {
    route: String,
    method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: String,
}

/// What is measured.
#[derive(Debug)]
pub(crate) struct Measures {
    registry: Registry,
    requests: Family<Asked, Counter>,
    durations: Family<Took, Histogram, fn() -> Histogram>,
    migrations: Family<ByStatus, Gauge>,
    followers: Gauge,
    memory: Gauge,
    cpu: Gauge<f64, AtomicU64>,
}

impl Measures {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("sensei");
        let requests = Family::default();
        registry.register("http_requests", "Requests that were answered", requests.clone());
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let durations = Family::new_with_constructor(histogram);
        let help = "Until the answer began; a stream goes on after that";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, durations.clone());
        let migrations = Family::default();
        registry.register("migrations", "Migrations, by status", migrations.clone());
        let followers = Gauge::default();
        registry.register("followers", "Streams at present", followers.clone());
        let memory = Gauge::default();
        registry.register_with_unit("process_resident_memory", "Memory in use", Unit::Bytes, memory.clone());
        let cpu = Gauge::default();
        registry.register_with_unit("process_cpu", "Processor time so far", Unit::Seconds, cpu.clone());
        Self { registry, requests, durations, migrations, followers, memory, cpu }
    }

    /// Counts a request. `route` is that of the router, so that clients cannot make series.
    pub(super) fn answered(&self, route: &str, method: &Method, status: u16, took: Duration) {
        let method = if METHODS.contains(method) { method.as_str() } else { "other" };
        let (route, method) = (route.to_owned(), method.to_owned());
        self.durations
            .get_or_create(&Took { route: route.clone(), method: method.clone() })
            .observe(took.as_secs_f64());
        self.requests.get_or_create(&Asked { route, method, status }).inc();
    }
}

/// Figures of the server, for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "measure",
    tag = "Server",
    security(()),
    responses((status = 200, description = "OpenMetrics text.", body = String, content_type = "application/openmetrics-text")),
)]
pub(crate) async fn measure(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    let measures = &app.measures;
    let counts = app.service.store().count_by_status().await?;
    for status in Status::ALL {
        let count = counts.iter().find(|(of, _)| *of == status).map_or(0, |(_, count)| *count);
        let series = ByStatus { status: status.as_str().to_owned() };
        measures.migrations.get_or_create(&series).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let free = app.followers.available_permits();
    measures.followers.set((app.limits.followers as usize).saturating_sub(free) as i64);
    measures.memory.set(i64::try_from(memory_bytes().unwrap_or(0)).unwrap_or(i64::MAX));
    measures.cpu.set(cpu_seconds().unwrap_or(0.0));
    let mut text = String::new();
    encode(&mut text, &measures.registry)
        .map_err(|_| Error::new(Code::System, "The figures could not be written; this is a bug of Sensei."))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}

fn memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    Some((ticks(11)? + ticks(12)?) / TICKS)
}
