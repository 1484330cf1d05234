//! How much one server does, and for how long.

use std::time::Duration;

use sensei_engine::error::{Code, Error, Result};
use serde::Deserialize;

/// Bounds on what clients can make a server do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Bytes of a request's body. Default 1 MiB: decisions about 10,000 mappings fit.
    pub(crate) body_bytes: u32,
    /// Seconds until a request that only asks the state is given up. Default 30: it takes milliseconds.
    pub(crate) request_seconds: u32,
    /// Seconds until a request that asks source or target is given up: dry run, validation, catalog, test, removal.
    /// Default 600: rows of large tables are counted meanwhile.
    pub(crate) long_request_seconds: u32,
    /// Requests a second of one key, on average. Default 50: a script that polls a hundred migrations.
    pub(crate) requests_per_second: u32,
    /// Requests of one key at once, after a pause. Default 200: a page of the list, and each migration on it, twice.
    pub(crate) request_burst: u32,
    /// Connections at the same time; more wait in the kernel's queue until one is closed. Default 2,048: as many for requests as
    /// there may be streams, some 20 kilobytes each.
    pub(crate) connections: u32,
    /// Seconds until the head of a request must be there, and that a connection may be kept for a next one. Default 30: a head
    /// comes at once, and whoever sends none must not hold a place for long. Balancers should let go of theirs sooner.
    pub(crate) head_seconds: u32,
    /// Streams at the same time. Default 1,000: each is a connection and some kilobytes.
    pub(crate) followers: u32,
    /// Seconds between signs of life of a stream in which nothing happens. Default 15: proxies cut what is silent for 30 or
    /// 60.
    pub(crate) heartbeat_seconds: u32,
    /// Milliseconds in which events are gathered for a stream. Default 250: nobody reads faster, and hundreds of streams must
    /// not take a busy migration's processors. What happens after a pause is told at once.
    pub(crate) gather_milliseconds: u32,
    /// Seconds until what was sent must be acknowledged, or the connection is cut (`TCP_USER_TIMEOUT`). Default 30: a client
    /// that vanished must not hold a stream for as long as the kernel would have it, a quarter of an hour.
    pub(crate) acknowledge_seconds: u32,
    /// Bytes that the kernel takes for a client that does not read them yet (`SO_SNDBUF`, which it doubles). Default 128 KiB: it
    /// would take megabytes, and a thousand streams that stall would hold gigabytes.
    pub(crate) send_buffer_bytes: u32,
    /// Seconds until the `Idempotency-Key` of a request that is at work is free again when its server died. Default 30: a live
    /// server says that it lives three times meanwhile, and a client that was cut off does not wait for long.
    pub(crate) idempotency_hold_seconds: u32,
    /// Seconds that requests get to end when the server is asked to leave. Default 10: as long as balancers wait.
    pub(crate) drain_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            request_seconds: 30,
            long_request_seconds: 600,
            requests_per_second: 50,
            request_burst: 200,
            connections: 2_048,
            head_seconds: 30,
            followers: 1_000,
            heartbeat_seconds: 15,
            gather_milliseconds: 250,
            acknowledge_seconds: 30,
            send_buffer_bytes: 128 << 10,
            idempotency_hold_seconds: 30,
            drain_seconds: 10,
        }
    }
}

impl Limits {
    /// Whether a server can work with them.
    ///
    /// # Errors
    /// `invalid_config` names the one that is 0.
    pub(crate) fn check(&self) -> Result<()> {
        let all = [
            ("body_bytes", self.body_bytes),
            ("request_seconds", self.request_seconds),
            ("long_request_seconds", self.long_request_seconds),
            ("requests_per_second", self.requests_per_second),
            ("request_burst", self.request_burst),
            ("connections", self.connections),
            ("head_seconds", self.head_seconds),
            ("followers", self.followers),
            ("heartbeat_seconds", self.heartbeat_seconds),
            ("gather_milliseconds", self.gather_milliseconds),
            ("acknowledge_seconds", self.acknowledge_seconds),
            ("send_buffer_bytes", self.send_buffer_bytes),
            ("idempotency_hold_seconds", self.idempotency_hold_seconds),
            ("drain_seconds", self.drain_seconds),
        ];
        match all.into_iter().find(|(_, limit)| *limit == 0) {
            Some((name, _)) => Err(Error::new(Code::InvalidConfig, format!("`limits.{name}` must be at least 1."))),
            None => Ok(()),
        }
    }

    pub(super) const fn body(&self) -> usize {
        self.body_bytes as usize
    }

    pub(super) const fn idempotency_hold(&self) -> Duration {
        Duration::from_secs(self.idempotency_hold_seconds as u64)
    }

    pub(super) const fn gather(&self) -> Duration {
        Duration::from_millis(self.gather_milliseconds as u64)
    }

    pub(super) const fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds as u64)
    }
}
