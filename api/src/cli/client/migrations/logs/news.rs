//! What the events of a migration say.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::entry::Entry;
use crate::cli::client::answer::Answer;
use crate::cli::client::migrations::words::spaced;
use crate::cli::client::sse::Event;
use crate::cli::failure::{Failure, one_paragraph};
use crate::cli::format::count;

/// One event, understood.
#[derive(Debug)]
pub(super) enum News {
    /// A line of the log.
    Entry(Entry),
    /// How far it is.
    Progress(Progress),
    /// Another status.
    Change(Change),
    /// Something that this client has no use for.
    Other,
}

/// How far a phase is.
#[derive(Debug, Deserialize)]
pub(super) struct Progress {
    phase: Option<String>,
    percent: Option<f64>,
    records_processed: Option<u64>,
}

/// Another status.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    pub(super) status: String,
    phase: Option<String>,
    message: Option<String>,
}

impl News {
    /// # Errors
    /// The event is not what the contract says.
    pub(super) fn of(event: &Event) -> Result<Self, Failure> {
        match event.name.as_str() {
            "log" => read(event).map(Self::Entry),
            "progress" => read(event).map(Self::Progress),
            "status" => read(event).map(Self::Change),
            _ => Ok(Self::Other),
        }
    }
}

fn read<T: DeserializeOwned>(event: &Event) -> Result<T, Failure> {
    Answer::new(event.data.clone()).read()
}

impl Progress {
    /// Of the phase, 0 to 100.
    pub(super) fn percent(&self) -> f64 {
        self.percent.unwrap_or_default().clamp(0.0, 100.0)
    }

    /// `data transfer: 45 %, 4,500,000 rows`.
    pub(super) fn text(&self) -> String {
        let phase = self.phase.as_deref().map(|phase| format!("{}: ", spaced(phase))).unwrap_or_default();
        let rows = self.records_processed.map(|rows| format!(", {} rows", count(rows))).unwrap_or_default();
        format!("{phase}{:.0} %{rows}", self.percent().floor())
    }
}

impl Change {
    /// One line, ended: `running (data transfer): The maintenance window is open.`
    pub(super) fn line(&self) -> String {
        let phase = self.phase.as_deref().map(|phase| format!(" ({})", spaced(phase))).unwrap_or_default();
        let message = self.message.as_deref().filter(|message| !message.is_empty());
        let message = message.map(|message| format!(": {}", one_paragraph(message))).unwrap_or_default();
        format!("{}{phase}{message}\n", spaced(&self.status))
    }
}
