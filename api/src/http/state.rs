//! What every request needs.

use std::sync::Arc;

use sensei_engine::lifecycle::Service;
use tokio::sync::{Semaphore, watch};

use super::limits::Limits;
use super::measures::Measures;
use super::rate::Rates;
use super::webhooks::hosts::WebhookHosts;

/// What every request needs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) service: Arc<Service>,
    pub(crate) webhook_hosts: Arc<WebhookHosts>,
    pub(super) limits: Arc<Limits>,
    pub(super) rates: Arc<Rates>,
    /// One permit a stream.
    pub(super) followers: Arc<Semaphore>,
    pub(super) measures: Arc<Measures>,
    /// True: the server leaves, and streams end.
    pub(super) shutdown: watch::Receiver<bool>,
}

impl App {
    /// Over a service. Streams end when `shutdown` becomes true.
    pub(crate) fn new(
        service: Arc<Service>,
        webhook_hosts: WebhookHosts,
        limits: Limits,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let followers = Arc::new(Semaphore::new(limits.followers as usize));
        let measures = Arc::new(Measures::new());
        Self {
            service,
            webhook_hosts: Arc::new(webhook_hosts),
            rates: Arc::new(Rates::new(&limits)),
            limits: Arc::new(limits),
            followers,
            measures,
            shutdown,
        }
    }
}
