//! The life of a migration: when it may run.

pub mod window;
