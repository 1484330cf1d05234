//! The engine's one error type.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The result of everything in the engine that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Which side of a migration an error came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The system that is read.
    Source,
    /// The system that is written.
    Target,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// What went wrong, as a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No connection, or it broke.
    Unreachable,
    /// The system refused user, password or certificate.
    Unauthorized,
    /// The system knows the user and does not allow this.
    PermissionDenied,
    /// A schema, table, column or file does not exist.
    NotFound,
    /// A connection's configuration is wrong; the message names the field.
    InvalidConfig,
    /// What was asked of a migration is wrong; the message names the field.
    InvalidRequest,
    /// The connector or system cannot do this.
    Unsupported,
    /// A value cannot be moved exactly.
    InvalidData,
    /// A key, foreign key, check or NOT NULL does not hold.
    ConstraintViolation,
    /// Something is already there.
    Conflict,
    /// The system gave up waiting.
    Timeout,
    /// The migration was asked to stop.
    Cancelled,
    /// Disk, memory or connections of a system are used up.
    ResourceExhausted,
    /// A connector reports a bug of its own, or an answer it does not understand.
    ConnectorInternal,
    /// A plugin went past a limit and was stopped.
    PluginLimit,
    /// A plugin crashed or broke its contract.
    PluginTrapped,
    /// A plugin handed over rows that are not what it said.
    PluginLied,
    /// A plugin cannot be loaded: not a component, another contract version, an import that was not granted.
    PluginInvalid,
    /// An expression does not parse, or does not fit the columns it names.
    InvalidExpression,
    /// Rows of source and target do not agree.
    CountMismatch,
    /// As many rows on both sides, with different values.
    ContentMismatch,
    /// Tables in the target are not what the plan says.
    SchemaMismatch,
    /// The source changed since the plan was made.
    PlanStale,
    /// There is no such migration.
    MigrationNotFound,
    /// A command makes no sense in the migration's status.
    InvalidState,
    /// A migration has no plan yet.
    PlanNotReady,
    /// Mappings await a person.
    ApprovalRequired,
    /// What a migration made could not be taken back.
    RollbackFailed,
    /// Sensei's own state cannot be reached, or read.
    Store,
    /// The machine Sensei runs on: a file or thread.
    System,
}

/// Whether trying again, unchanged, may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After a pause.
    Later,
    /// Only once a person changed something.
    Never,
}

impl Code {
    /// Exhaustive on purpose: a new code must be thought about.
    #[must_use]
    pub const fn retry(self) -> Retry {
        match self {
            Self::Unreachable | Self::Timeout => Retry::Later,
            Self::Unauthorized
            | Self::PermissionDenied
            | Self::NotFound
            | Self::InvalidConfig
            | Self::InvalidRequest
            | Self::Unsupported
            | Self::InvalidData
            | Self::ConstraintViolation
            | Self::Conflict
            | Self::Cancelled
            | Self::ResourceExhausted
            | Self::ConnectorInternal
            | Self::PluginLimit
            | Self::PluginTrapped
            | Self::PluginLied
            | Self::PluginInvalid
            | Self::InvalidExpression
            | Self::CountMismatch
            | Self::ContentMismatch
            | Self::SchemaMismatch
            | Self::PlanStale
            | Self::MigrationNotFound
            | Self::InvalidState
            | Self::PlanNotReady
            | Self::ApprovalRequired
            | Self::RollbackFailed
            | Self::Store
            | Self::System => Retry::Never,
        }
    }
}

/// One error: what happened, where, and what to do next. Never holds a secret.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[error("{}{message}", self.place())]
pub struct Error {
    /// Stable; clients act on it.
    pub code: Code,
    /// Which side, where it is one side's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// One or two sentences for a person.
    pub message: String,
    /// The system's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_code: Option<String>,
    /// The table it happened in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The column it happened in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What identifies the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// Where in an expression: its character, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// For programs: which mappings, which field, what is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Value>>,
}

impl Error {
    /// An error of no particular side.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            role: None,
            message: message.into(),
            native_code: None,
            table: None,
            column: None,
            row: None,
            position: None,
            details: None,
        }
    }

    /// Sets the side, unless it is known already.
    #[must_use]
    pub fn role_if(mut self, role: Option<Role>) -> Self {
        self.role = self.role.or(role);
        self
    }

    /// Sets the table, unless it is known already.
    #[must_use]
    pub fn table_if(mut self, table: impl Into<String>) -> Self {
        self.table.get_or_insert_with(|| table.into());
        self
    }

    /// Sets the character of the expression, where it is known.
    #[must_use]
    pub fn at_character(mut self, position: Option<u64>) -> Self {
        self.position = position.or(self.position);
        self
    }

    /// Adds what programs want to know.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// The machine Sensei runs on refused something.
    #[must_use]
    pub fn system(doing: &str, e: &std::io::Error) -> Self {
        Self::new(Code::System, format!("Sensei could not {doing}: {e}."))
    }

    fn place(&self) -> String {
        let mut place = self.role.map(|r| format!("{r}: ")).unwrap_or_default();
        let parts: Vec<&str> = [&self.table, &self.column].into_iter().flatten().map(String::as_str).collect();
        if !parts.is_empty() {
            place += &parts.join(".");
            if let Some(row) = &self.row {
                place += &format!(", row {}", row.strip_prefix("row ").unwrap_or(row));
            }
            place += ": ";
        }
        place
    }
}
