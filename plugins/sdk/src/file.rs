//! Granted files.

pub use crate::bindings::sensei::plugin::files::{File, LockKind, Mode, exists, remove};
