//! `/v1/migrations`: one file for each thing that can be asked for.

pub(crate) mod approve;
mod asked;
pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod cutover;
pub(crate) mod delete;
mod figures;
pub(crate) mod get;
pub(crate) mod list;
mod mapping;
pub(crate) mod metrics;
mod moved;
pub(super) mod outcome;
pub(crate) mod pause;
pub(crate) mod plan;
mod progress;
pub(super) mod request;
pub(crate) mod resume;
pub(crate) mod start;

#[cfg(test)]
mod contract_tests;
