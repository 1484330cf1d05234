//! What a client asked for when it created a migration. Never changes afterwards.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::window::Schedule;
use crate::migration::Options;
use crate::plan::{Naming, OnExisting, Policies, Request};
use crate::validate::Depth;

/// What to move, how, when, and who wants to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Where from.
    pub source: SourceSpec,
    /// Where to.
    pub target: TargetSpec,
    /// How.
    pub options: OptionsSpec,
    /// When.
    pub schedule: Schedule,
    /// Who wants to know.
    pub notifications: NotificationsSpec,
}

/// Where from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSpec {
    /// A stored connection.
    pub connection_id: String,
    /// Its schemas; empty: the connection's own.
    pub schemas: Vec<String>,
    /// Globs of tables to leave out.
    pub exclude_tables: Vec<String>,
}

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// A stored connection.
    pub connection_id: String,
    /// Its schema; none: the connection's own.
    pub schema: Option<String>,
    /// Source tables and columns, and the target's own tables and columns that are meant by them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub into: BTreeMap<String, String>,
}

/// How.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionsSpec {
    /// Lanes; none: as many as the engine thinks fit.
    pub parallelism: Option<u32>,
    /// Rows of one batch; none: the engine's own.
    pub batch_size: Option<u32>,
    /// Mappings at least this sure need no person, 0 to 1.
    pub auto_approve_above: f64,
    /// The plan holds the script that takes the migration back.
    pub generate_rollback: bool,
    /// Tables alone, without keys and indexes.
    pub bare: bool,
    /// What takes the place of values that the target does not hold.
    #[serde(default)]
    pub policies: Policies,
    /// What happens to a table that the target has already.
    pub on_existing: OnExisting,
    /// How names are made.
    pub naming: Naming,
    /// Whether the cutover waits for a person.
    #[serde(default)]
    pub cutover: CutoverMode,
    /// How closely both sides are compared.
    #[serde(default)]
    pub validation: Depth,
}

/// Whether the cutover waits for a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutoverMode {
    /// It follows once everything is loaded and agrees.
    #[default]
    Auto,
    /// It is held then, until somebody asks for it.
    Manual,
}

/// Mappings at least this sure are approved by themselves where nothing else is asked for: an exact type under a
/// derived name reaches it, anything that may refuse a value does not.
pub const AUTO_APPROVE_ABOVE: f64 = 0.95;
/// More lanes than this only wait for each other, on any machine this is meant for.
pub const MOST_LANES: u32 = 64;
/// More rows than this in a batch gain nothing and hold memory: `batch_bytes` ends them long before.
pub const MOST_BATCH_ROWS: u32 = 1_000_000;

impl Default for OptionsSpec {
    fn default() -> Self {
        Self {
            parallelism: None,
            batch_size: None,
            auto_approve_above: AUTO_APPROVE_ABOVE,
            generate_rollback: false,
            bare: false,
            policies: Policies::default(),
            on_existing: OnExisting::Fail,
            naming: Naming::default(),
            cutover: CutoverMode::Auto,
            validation: Depth::default(),
        }
    }
}

/// Who wants to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationsSpec {
    /// E-mail addresses.
    pub email: Vec<String>,
    /// A Slack channel.
    pub slack_channel: Option<String>,
    /// Statuses, and `approval_required`; empty: all of them.
    pub on_events: Vec<String>,
}

impl Spec {
    /// What the plan is made from.
    #[must_use]
    pub fn request(&self) -> Request {
        Request {
            schemas: self.source.schemas.clone(),
            exclude_tables: self.source.exclude_tables.clone(),
            target_schema: self.target.schema.clone(),
            naming: self.options.naming,
            on_existing: self.options.on_existing,
            into: self.target.into.clone(),
            generate_rollback: self.options.generate_rollback,
            bare: self.options.bare,
            policies: self.options.policies.clone(),
        }
    }

    /// How the transfer runs.
    #[must_use]
    pub fn run_options(&self) -> Options {
        let mut options = Options::default();
        if let Some(lanes) = self.options.parallelism {
            options.parallelism = lanes as usize;
        }
        options.validation = self.options.validation;
        if let Some(rows) = self.options.batch_size {
            options.batch_rows = rows;
        }
        options
    }

    /// Whether its schedule lets it run now.
    #[must_use]
    pub fn may_run(&self, now: Timestamp) -> bool {
        self.schedule.may_run(now)
    }
}
