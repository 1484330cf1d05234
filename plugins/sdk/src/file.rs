//! Granted files.

pub use crate::bindings::sensei::plugin::files::{exists, remove, File, LockKind, Mode};
