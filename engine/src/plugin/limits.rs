//! What one guest instance may use.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::outcome::Limit;

/// Limits of one instance. A lane has two instances (reader and writer), so memory counts twice per lane.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of linear memory. Default 1 GiB, which no batch comes near: a value of 64 MiB must pass, and a guest holds it
    /// up to five times (wire, builder, message) in a memory that grows and fragments but never shrinks.
    pub memory_bytes: usize,
    /// Elements in all tables. Default 100,000: the largest connector on board needs about 3,000.
    pub table_elements: usize,
    /// Time a guest may compute between two uses of a socket or file, or in a whole call that uses none.
    /// Default 60 s: no honest connector computes that long without touching its data.
    pub compute: Duration,
    /// Bytes of the guest's stack. Default 1 MiB: a recursive parser needs some tens of kB.
    pub stack_bytes: usize,
    /// Sockets and files open at once. Default 16: a session needs one socket, or a database and its side files.
    pub handles: usize,
    /// Log lines per second; what is more is dropped and counted. Default 200.
    pub log_lines_per_second: u32,
    /// Bytes of one log line; what is more is cut. Default 4 KiB.
    pub log_line_bytes: usize,
    /// Bytes one `random.bytes` call may ask for. Default 64 KiB: keys and nonces are tiny.
    pub random_bytes: u32,
    /// Bytes one `read` or `read-at` call returns at most, whatever the guest asks for. Default 64 MiB.
    pub read_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            table_elements: 100_000,
            compute: Duration::from_secs(60),
            stack_bytes: 1 << 20,
            handles: 16,
            log_lines_per_second: 200,
            log_line_bytes: 4 << 10,
            random_bytes: 64 << 10,
            read_bytes: 64 << 20,
        }
    }
}

/// Enforces [`Limits`] on memories and tables. Exceeding one ends the instance: a guest that is refused
/// memory cannot go on, and a plain refusal would look like a trap of its own.
#[derive(Debug)]
pub(super) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { memory_bytes: limits.memory_bytes, table_elements: limits.table_elements }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.memory_bytes { Err(Limit::Memory.into()) } else { Ok(true) }
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.table_elements { Err(Limit::Table.into()) } else { Ok(true) }
    }

    fn instances(&self) -> usize {
        // A component is a handful of core instances; more is not a connector.
        64
    }

    fn memories(&self) -> usize {
        8
    }

    fn tables(&self) -> usize {
        64
    }
}
