//! The plugin host: the only place that names wasmtime.
//!
//! A [`Registry`] holds [`Plugin`]s; a [`crate::connection::Connection`] says which plugin and with what
//! configuration; a [`SourceSession`] or [`TargetSession`] is one instance that can reach exactly what the
//! connection's [`Grant`] says (P5). Rows come in through one checked door, [`rows::check`].

mod ambient;
mod bindings;
mod cancel;
mod files;
mod grant;
mod guest;
mod host;
mod limits;
mod network;
mod outcome;
mod registry;
pub mod rows;
mod session;
mod tls;

pub use bindings::exports::sensei::plugin::connector::{Description, Roles, SqlWords};
pub use bindings::exports::sensei::plugin::source::{
    Chunk, Ends, Figures, KeyRange, Measure, Question, Range, Snapshot,
};
pub use bindings::exports::sensei::plugin::target::{
    Addition, ColumnNote, Fidelity, Job, Ledger, OnExisting, Proposal, Receipt, Repair, Repaired, Specials, Stage,
    Statement, TableNote, View, ViewPart,
};
pub(crate) use bindings::sensei::plugin::catalog as contract_catalog;
pub use cancel::Cancel;
pub use grant::{Endpoint, FileGrant, Grant};
pub use guest::{Environment, LogSink, Traffic};
pub use host::Host;
pub use limits::Limits;
pub use registry::{Plugin, Registry};
pub use session::{Reader, Reading, SourceSession, TargetSession, Writer};
