//! Sensei's engine: moves a database from one system to another.
//!
//! The nouns: a [`connection`] names one system by its connector and configuration; connectors are
//! sandboxed [`plugin`]s; the [`catalog`] is the neutral description of what a system holds; a [`plan`]
//! says what will be moved and how; a [`migration`] executes it and tells [`event`]s; an [`error`] says
//! what to do next. On a server, a migration has a [`lifecycle`], the [`store`] remembers it, and people get to know of it
//! by [`notify`].
//!
//! Nothing here knows a particular database or HTTP.

mod base64;
pub mod catalog;
pub mod connection;
pub mod error;
pub mod event;
pub mod expression;
pub mod lifecycle;
pub mod migration;
pub mod notify;
pub mod plan;
pub mod plugin;
pub mod seal;
pub mod store;
mod transfer;
pub mod validate;
