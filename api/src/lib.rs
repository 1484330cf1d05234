//! Sensei: moves databases.
//!
//! This crate is what people and programs hold in their hands. Two nouns: [`registry`] fills the engine with the
//! connectors that come on board; [`cli`] is the command line, which drives the engine directly. What moves, and
//! how, is the engine's business; nothing here knows a particular database.
//!
//! ```no_run
//! // The whole program.
//! std::process::exit(sensei::cli::run(std::env::args_os()));
//! ```

pub mod cli;
pub mod registry;
