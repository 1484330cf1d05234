//! SQLite's C interface: the amalgamation built for a guest, or the ordinary one where unit tests run.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use libsqlite3_sys::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use sqlite_wasm_rs::*;
