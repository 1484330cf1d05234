//! What a command prints at its end.

use crate::cli::failure::Exit;

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// As the server wrote it.
    Json,
    /// For people.
    Words {
        /// Columns there are.
        width: u16,
    },
}

impl Output {
    /// Columns to lay words out in; JSON is not laid out.
    pub(super) fn width(self) -> u16 {
        match self {
            Self::Json => u16::MAX,
            Self::Words { width } => width,
        }
    }
}

/// Text for stdout, and how the program ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) exit: Exit,
}

impl Reply {
    /// What was asked is done.
    pub(super) fn done(text: String) -> Self {
        Self { text, exit: Exit::Done }
    }

    /// The same words, and another end.
    pub(super) fn ending(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}
