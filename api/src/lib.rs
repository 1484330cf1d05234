//! Sensei: moves databases.
//!
//! This crate is what people and programs hold in their hands. Three nouns: [`registry`] fills the engine with the
//! connectors that come on board; [`cli`] is the command line, which drives the engine directly; `http` is the REST API
//! that `sensei serve` answers. What moves, and how, is the engine's business; nothing here knows a particular database.
//!
//! ```no_run
//! // The whole program.
//! std::process::exit(sensei::cli::run(std::env::args_os()));
//! ```

pub mod cli;
mod http;
pub mod registry;
