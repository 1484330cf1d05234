//! How a call into a guest can end, other than well: the guest said so (an error of its own), it went
//! past a limit, or it trapped. The three are kept apart because they mean different things to a
//! person: the database said no; the plugin is greedy; the plugin is broken.

use wasmtime::Trap;

use super::bindings::sensei::plugin::errors as guest;
use crate::error::{Code, Error, Role};

/// A limit that ended an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Limit {
    #[error("it asked for more memory than `memory_bytes` allows")]
    Memory,
    #[error("its tables grew beyond `table_elements`")]
    Table,
    #[error("it computed for longer than `compute` without returning to the host")]
    Compute,
    #[error("it asked for more random bytes at once than `random_bytes` allows")]
    Random,
    #[error("it holds as many sockets and files as `handles` allows and asked for another")]
    Handles,
}

/// The host stopped the guest because the migration was asked to stop.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("cancelled")]
pub(super) struct Cancelled;

/// What wasmtime reports, in the engine's words.
pub(super) fn from_wasmtime(plugin: &str, role: Option<Role>, e: &wasmtime::Error) -> Error {
    let limit = |what: &dyn std::fmt::Display| {
        Error::new(
            Code::PluginLimit,
            format!(
                "The plugin `{plugin}` was stopped: {what}. Raise the limit if the plugin is trusted, or report this to its author."
            ),
        )
    };
    let error = if let Some(l) = e.downcast_ref::<Limit>() {
        limit(l)
    } else if e.downcast_ref::<Cancelled>().is_some() {
        Error::new(Code::Cancelled, "The migration was asked to stop.")
    } else {
        match e.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => limit(&"its stack grew beyond `stack_bytes`"),
            Some(Trap::Interrupt) => limit(&Limit::Compute),
            Some(trap) => Error::new(
                Code::PluginTrapped,
                format!(
                    "The plugin `{plugin}` crashed ({trap}). This is a bug of the plugin; the migration's data is safe, report it to the plugin's author."
                ),
            ),
            None => Error::new(Code::PluginTrapped, format!("The plugin `{plugin}` broke its contract: {e:#}.")),
        }
    };
    tracing::debug!(plugin, error = ?e, "guest call ended badly");
    error.role_if(role)
}

/// An error of the guest's own.
pub(super) fn from_guest(role: Role, e: guest::Error) -> Error {
    let guest::Error { kind, message, native_code, table, column, row } = e;
    Error { native_code, table, column, row, ..Error::new(code(kind), message) }.role_if(Some(role))
}

fn code(kind: guest::Kind) -> Code {
    match kind {
        guest::Kind::Unreachable => Code::Unreachable,
        guest::Kind::Unauthorized => Code::Unauthorized,
        guest::Kind::PermissionDenied => Code::PermissionDenied,
        guest::Kind::NotFound => Code::NotFound,
        guest::Kind::InvalidConfig => Code::InvalidConfig,
        guest::Kind::Unsupported => Code::Unsupported,
        guest::Kind::InvalidData => Code::InvalidData,
        guest::Kind::ConstraintViolation => Code::ConstraintViolation,
        guest::Kind::Conflict => Code::Conflict,
        guest::Kind::Timeout => Code::Timeout,
        guest::Kind::Cancelled => Code::Cancelled,
        guest::Kind::ResourceExhausted => Code::ResourceExhausted,
        guest::Kind::Internal => Code::ConnectorInternal,
    }
}

/// An error the host gives to a guest.
pub(super) fn to_guest(kind: guest::Kind, message: impl Into<String>) -> guest::Error {
    guest::Error { kind, message: message.into(), native_code: None, table: None, column: None, row: None }
}
