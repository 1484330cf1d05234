//! What one connection's configuration lets its connector reach.

use std::path::PathBuf;

/// The whole authority of one instance. Empty by default: log, clock and randomness alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Exact endpoints, as the configuration names them.
    pub endpoints: Vec<Endpoint>,
    /// Exact files (each with its `-` siblings, see the WIT).
    pub files: Vec<FileGrant>,
}

/// A host name or address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As written in the configuration; names are compared without regard to case.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A file and whether it may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGrant {
    /// As written in the configuration.
    pub path: PathBuf,
    /// False: for reading alone.
    pub writable: bool,
}

impl Grant {
    pub(super) fn allows(&self, host: &str, port: u16) -> bool {
        self.endpoints.iter().any(|e| e.port == port && e.host.eq_ignore_ascii_case(host))
    }
}
