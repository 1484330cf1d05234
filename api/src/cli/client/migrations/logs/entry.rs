//! One line of a log.

use serde::Deserialize;

use crate::cli::client::migrations::words::spaced;
use crate::cli::client::moment;
use crate::cli::failure::one_paragraph;

/// What was logged.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    timestamp: String,
    level: String,
    message: String,
    phase: Option<String>,
    table: Option<String>,
}

impl Entry {
    /// One line, ended: time in UTC, level, phase, and the message with its table.
    pub(super) fn line(&self) -> String {
        let Self { timestamp, level, message, phase, table } = self;
        let phase = phase.as_deref().map(spaced).unwrap_or_default();
        // Most messages name the table that they are about.
        let table = table.as_deref().filter(|table| !message.contains(table)).map(|table| format!("{table}: "));
        let words = one_paragraph(&format!("{}{message}", table.unwrap_or_default()));
        format!("{}  {level:<7}  {phase:<16}  {words}\n", moment::shown(timestamp))
    }
}
