//! What a Sensei plugin depends on.
//!
//! Three nouns: a **connector** says what it is ([`Connector::describe`]); a **source** ([`Source`]) reads
//! a system's catalog and hands out **readers** of chunks; a **target** ([`Target`]) renders and executes
//! statements and hands out **writers** of chunks. The contract of each call is written in `wit/`;
//! the traits here are the same calls with `&mut self` and Rust names.
//!
//! ```ignore
//! struct Echo;
//! impl sensei_sdk::Connector for Echo {
//!     type Source = EchoSource;
//!     type Target = sensei_sdk::NoTarget;
//!     fn describe() -> sensei_sdk::Description { .. }
//! }
//! sensei_sdk::export!(Echo);
//! ```
//!
//! A guest is built for `wasm32-unknown-unknown`: there is no clock, no file, no socket and no randomness
//! but what the modules [`net`], [`file`], [`host`] take from the host. A panic is a trap: the host
//! drops the instance.

mod addition;
mod arrow_type;
mod error;
mod export;
pub mod figures;
pub mod file;
pub mod host;
#[cfg(not(target_arch = "wasm32"))]
mod native;
pub mod net;
pub mod rights;
pub mod rows;
pub mod staged;
pub mod text;
mod view;

/// What `wit/` generates. Plugins use the names re-exported below.
#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin",
        pub_export_macro: true,
        default_bindings_module: "sensei_sdk::bindings",
        additional_derives: [PartialEq],
        generate_all,
    });
}

pub use addition::row_key;
pub use arrow_type::{EXTENSION_NAME, NATIVE_TYPE, arrow_field, arrow_type};
pub use bindings::exports::sensei::plugin::connector::{Description, Roles, SqlWords};
pub use bindings::exports::sensei::plugin::source::{
    Chunk, Ends, Figures, KeyRange, Measure, Question, Range, ReadRequest, Snapshot,
};
pub use bindings::exports::sensei::plugin::target::{
    Addition, ColumnNote, Fidelity, Job, Ledger, OnExisting, Proposal, Receipt, Repair, Repaired, Specials, Stage,
    Statement, TableNote, View, ViewPart, WriteRequest,
};
pub use bindings::sensei::plugin::catalog;
pub use bindings::sensei::plugin::errors::{Error, Kind};
pub use bindings::sensei::plugin::rows::Batch;
pub use export::{Connector, Exports, NoReader, NoSource, NoTarget, NoWriter, Reader, Source, Target, Writer};

/// The result of every call across the boundary.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Makes the component's exports of a [`Connector`].
///
/// Outside wasm (a guest's own unit tests) there are none: a component's export names are no names for a native linker.
#[macro_export]
macro_rules! export {
    ($connector:ty) => {
        #[cfg(target_arch = "wasm32")]
        type SenseiExports = $crate::Exports<$connector>;
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export!(SenseiExports with_types_in $crate::bindings);
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> $crate::Description = <$connector as $crate::Connector>::describe;
    };
}

/// A column that may be NULL and has nothing but a name and a type: what another column is made from.
#[must_use]
pub fn plain_column(name: &str, native_type: &str, data_type: catalog::DataType) -> catalog::Column {
    catalog::Column {
        name: name.to_owned(),
        native_type: native_type.to_owned(),
        data_type,
        nullable: true,
        default: None,
        identity: None,
        generated: None,
        touched_on_update: false,
        declared: None,
        flag: false,
        character_set: None,
        collation: None,
        comment: None,
    }
}

/// Reads a configuration that the host has already checked against the connector's schema.
///
/// # Errors
/// `invalid-config`, with serde's own words for what does not fit.
pub fn configuration<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json)
        .map_err(|e| Error::new(Kind::InvalidConfig, format!("The configuration does not fit: {e}.")))
}
