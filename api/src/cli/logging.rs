//! The log: off unless `SENSEI_LOG` asks for it or a command has it on, on stderr.

use std::env;
use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use super::failure::Failure;

/// A filter in `tracing-subscriber`'s words: `info`, `sensei_engine=debug`.
pub(super) const VARIABLE: &str = "SENSEI_LOG";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Starts logging where the environment asks for it, or by the filter `unasked`; says whether it did.
///
/// # Errors
/// Usage: the filter cannot be read.
pub(super) fn start(format: LogFormat, unasked: Option<&str>) -> Result<bool, Failure> {
    let asked = env::var(VARIABLE).ok().filter(|f| !f.is_empty());
    let Some(filter) = asked.as_deref().or(unasked) else { return Ok(false) };
    let filter = EnvFilter::try_new(filter)
        .map_err(|e| Failure::Usage(format!("{VARIABLE} is no log filter ({e}). Try {VARIABLE}=info.")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match format {
        LogFormat::Pretty => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // Already started by whoever embeds this command line: their log is the one to write to.
    Ok(started.is_ok())
}
