//! Building errors.

use crate::{Error, Kind};

impl Error {
    /// An error with a kind and a message of one or two sentences.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), native_code: None, table: None, column: None, row: None }
    }

    /// Adds the system's own code.
    #[must_use]
    pub fn native_code(mut self, code: impl Into<String>) -> Self {
        self.native_code = Some(code.into());
        self
    }

    /// Adds the table it happened in.
    #[must_use]
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.table = Some(table.into());
        self
    }

    /// Adds the column it happened in.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    /// Adds what identifies the row.
    #[must_use]
    pub fn row(mut self, row: impl Into<String>) -> Self {
        self.row = Some(row.into());
        self
    }

    /// A bug of the plugin, or an answer it does not understand.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(e: arrow_schema::ArrowError) -> Self {
        Self::internal(format!("Arrow: {e}"))
    }
}

/// A stream's error keeps its kind on the way through `std::io`.
impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        match e.downcast::<Error>() {
            Ok(inner) => inner,
            Err(e) => Self::new(Kind::Unreachable, format!("The connection broke: {e}.")),
        }
    }
}
