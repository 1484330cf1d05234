//! What a client writes to create a migration, and whether it can be meant.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sensei_engine::lifecycle::window::{MaintenanceWindow, Schedule};
use sensei_engine::lifecycle::{
    AUTO_APPROVE_ABOVE, CutoverMode, MOST_BATCH_ROWS, MOST_LANES, NotificationsSpec, OptionsSpec, SourceSpec, Spec,
    TargetSpec,
};
use sensei_engine::notify::{EventType, Recipient};
use sensei_engine::plan::{self, Naming, OnExisting, Policies};
use sensei_engine::validate::Depth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::text::{short, text};

/// Characters of a name. 200: it stands in subject lines and lists.
const NAME_CHARS: usize = 200;
/// Characters of a description. 4,000: a page.
const DESCRIPTION_CHARS: usize = 4_000;
/// Schemas, globs or addresses in one list. 1,000: more is a mistake, and each is looked at.
const LIST_ENTRIES: usize = 1_000;
/// Characters of a schema's name, a glob or an address. 1,000: no system has longer ones.
const ENTRY_CHARS: usize = 1_000;
/// Tables and columns that `target.into` can name. 10,000: the columns of a large database.
const MOST_INTO: usize = 10_000;
/// The one mode there is.
pub(super) const MODE: &str = "full";

/// A migration to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMigration {
    /// For people.
    #[schema(min_length = 1, max_length = 200, example = "Q1 Database Modernization")]
    name: String,
    /// For people.
    #[schema(max_length = 4000, example = "Migrate the legacy database to the cloud")]
    description: Option<String>,
    source: NewSource,
    target: NewTarget,
    options: Option<NewOptions>,
    schedule: Option<NewSchedule>,
    notifications: Option<NewNotifications>,
}

/// Where from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSource {
    /// A stored connection.
    #[schema(example = "conn_legacy_prod")]
    connection_id: String,
    /// Its schemas; none: the connection's own.
    #[schema(example = json!(["HR", "FINANCE"]))]
    schemas: Option<Vec<String>>,
    /// Tables to leave out: names or globs such as `TEMP_*` or `HR.TEMP_*`, in any case.
    #[schema(example = json!(["AUDIT_LOG", "TEMP_*"]))]
    exclude_tables: Option<Vec<String>>,
}

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTarget {
    /// A stored connection.
    #[schema(example = "conn_cloud")]
    connection_id: String,
    /// Where tables land; none: the connection's own schema, or the source's schemas where there are several.
    #[schema(example = "public")]
    schema: Option<String>,
    /// With `on_existing` `append`: source tables (`table` or `schema.table`) and the target's own tables that their rows are
    /// added to, source columns (`table.column`) and the target's columns; null leaves a column out. For those that names and
    /// types do not tell.
    #[schema(example = json!({"EMP": "employees", "EMP.MGR": "manager_id"}))]
    into: Option<BTreeMap<String, Option<String>>>,
}

/// How.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOptions {
    /// `full`: schema and all rows, once. The only mode there is.
    #[schema(example = "full", pattern = "^full$")]
    mode: Option<String>,
    /// Readers and writers at work at the same time. Default: as many as fit the server's processors.
    #[schema(minimum = 1, maximum = 64, example = 8)]
    parallelism: Option<u32>,
    /// Rows of one batch at most. Default: 10,000.
    #[schema(minimum = 1, maximum = 1_000_000, example = 10_000)]
    batch_size: Option<u32>,
    /// Mappings at least this sure need no person. Default: 0.95.
    #[schema(minimum = 0, maximum = 1, example = 0.95)]
    auto_approve_above: Option<f64>,
    /// The plan holds the script that takes the migration back, and a cancellation takes it back unless it says otherwise.
    /// Default: false.
    #[schema(example = true)]
    generate_rollback: Option<bool>,
    /// Tables alone: keys, indexes, checks and foreign keys are left out. Default: false.
    #[schema(example = false)]
    bare: Option<bool>,
    /// What happens to a table that the target has already. Default: `fail`.
    on_existing: Option<NewOnExisting>,
    /// How names are made in the target. Default: `snake`.
    naming: Option<NewNaming>,
    /// Whether the cutover waits for `POST /v1/migrations/{id}/cutover`. Default: `auto`.
    cutover: Option<CutoverWord>,
    /// How closely both sides are compared before the cutover. Default: `full`.
    validation: Option<NewValidation>,
    /// What takes the place of values that the target does not hold, by kind. `nul_bytes`: `strip`, `replace`; `zero_dates`:
    /// `null` or a date; `far_dates` (infinite, or outside the years 0 to 9999): `null`, `clamp`; `nan`, `infinity`: `null`.
    /// Default: `reject`, which stops the migration at the first of them. And what values are meant as, where sampled rows agree:
    /// `flags`: `boolean`; `uuids`: `uuid`; `json_texts`: `json`. Default: `keep`. And what becomes of values that a narrower type
    /// would not hold: `long_texts`, `large_numbers`: `reject`. Default: `widen`. For one column alone, before what is chosen for
    /// all: `uuids:orders.id`.
    #[schema(example = json!({"zero_dates": "null", "nul_bytes": "strip"}))]
    policies: Option<BTreeMap<String, String>>,
}

/// How closely both sides are compared.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields, expecting = "`full`, `counts` or a sample such as `{\"sample\": 10}`")]
pub(crate) enum NewValidation {
    /// `full`: every value. `counts`: rows are counted. `sample(10)`: as below.
    #[schema(example = "full")]
    Word(String),
    /// Every value of a share of the rows, in percent; all rows are counted.
    Sample {
        #[schema(minimum = 1, maximum = 99, example = 10)]
        sample: u8,
    },
}

impl NewValidation {
    fn into_depth(self) -> Result<Depth, ApiError> {
        let depth = match &self {
            Self::Word(word) => Depth::named(word),
            Self::Sample { sample } => Depth::sample(*sample),
        };
        let field = "options.validation";
        depth.ok_or_else(|| {
            let words = "`full`, `counts` or a sample such as `{\"sample\": 10}`, in percent from 1 to 99";
            ApiError::invalid(field, format!("`{field}` must be {words}."))
        })
    }
}

/// What happens to a table that the target has already.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NewOnExisting {
    /// The migration stops before anything is made.
    Fail,
    /// It is moved aside at cutover, and kept.
    Replace,
    /// Rows are added to it at cutover, once tables and columns are matched by name, type and keys; a table that is not there
    /// is made.
    Append,
}

/// Whether the cutover waits for a person.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CutoverWord {
    /// It follows once everything is loaded and agrees.
    Auto,
    /// It is held then, until somebody asks for it.
    Manual,
}

impl From<CutoverMode> for CutoverWord {
    fn from(mode: CutoverMode) -> Self {
        match mode {
            CutoverMode::Auto => Self::Auto,
            CutoverMode::Manual => Self::Manual,
        }
    }
}

/// How names are made in the target.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NewNaming {
    /// `CustomerId` becomes `customer_id`.
    Snake,
    /// Lower case, nothing else.
    Lower,
    /// As in the source.
    Preserve,
}

/// When.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSchedule {
    /// Not before this: starts by itself then, once it is approved.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-02-15T02:00:00Z")]
    start_at: Option<String>,
    /// Only while it is open.
    maintenance_window: Option<NewWindow>,
}

/// A time of each day in which the migration may run; over midnight where `end` is before `start`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWindow {
    /// When it opens.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "02:00")]
    start: String,
    /// When it closes.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "06:00")]
    end: String,
    /// IANA name of the zone whose clocks are meant.
    #[schema(example = "America/New_York")]
    timezone: String,
}

/// Who wants to know.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNotifications {
    /// Addresses.
    #[schema(example = json!(["team@company.com"]))]
    email: Option<Vec<String>>,
    /// A channel in Slack.
    #[schema(example = "#data-ops")]
    slack_channel: Option<String>,
    /// Statuses, and `approval_required`. Default: all of them.
    #[schema(example = json!(["completed", "failed", "approval_required"]))]
    on_events: Option<Vec<String>>,
}

impl NewMigration {
    /// What was asked for, once nothing is wrong with it. Whether the connections exist is not looked at.
    pub(super) fn into_spec(self) -> Result<Spec, ApiError> {
        Ok(Spec {
            name: text("name", self.name, NAME_CHARS)?,
            description: self.description.map(|d| short("description", d, DESCRIPTION_CHARS)).transpose()?,
            source: self.source.into_spec()?,
            target: self.target.into_spec()?,
            options: self.options.unwrap_or_default().into_spec()?,
            schedule: self.schedule.map_or_else(|| Ok(Schedule::default()), NewSchedule::into_spec)?,
            notifications: self
                .notifications
                .map_or_else(|| Ok(NotificationsSpec::default()), NewNotifications::into_spec)?,
        })
    }
}

impl NewSource {
    fn into_spec(self) -> Result<SourceSpec, ApiError> {
        let exclude_tables = list("source.exclude_tables", self.exclude_tables)?;
        for (at, glob) in exclude_tables.iter().enumerate() {
            let field = format!("source.exclude_tables[{at}]");
            plan::check_exclusion(glob).map_err(|e| ApiError::invalid(&field, e.message))?;
        }
        Ok(SourceSpec {
            connection_id: text("source.connection_id", self.connection_id, ENTRY_CHARS)?,
            schemas: list("source.schemas", self.schemas)?,
            exclude_tables,
        })
    }
}

impl NewTarget {
    fn into_spec(self) -> Result<TargetSpec, ApiError> {
        Ok(TargetSpec {
            connection_id: text("target.connection_id", self.connection_id, ENTRY_CHARS)?,
            schema: self.schema.map(|schema| text("target.schema", schema, ENTRY_CHARS)).transpose()?,
            into: into(self.into.unwrap_or_default())?,
        })
    }
}

impl NewOptions {
    fn into_spec(self) -> Result<OptionsSpec, ApiError> {
        if let Some(mode) = self.mode.filter(|mode| mode != MODE) {
            let shown = mode.escape_debug();
            let message = format!("`options.mode`: `{MODE}` is the only mode offered, not `{shown}`.");
            return Err(ApiError::invalid("options.mode", message));
        }
        let auto_approve_above = self.auto_approve_above.unwrap_or(AUTO_APPROVE_ABOVE);
        if !(0.0..=1.0).contains(&auto_approve_above) {
            let field = "options.auto_approve_above";
            return Err(ApiError::invalid(field, format!("`{field}` must be a number from 0 to 1.")));
        }
        Ok(OptionsSpec {
            parallelism: within("options.parallelism", self.parallelism, MOST_LANES)?,
            batch_size: within("options.batch_size", self.batch_size, MOST_BATCH_ROWS)?,
            auto_approve_above,
            generate_rollback: self.generate_rollback.unwrap_or(false),
            bare: self.bare.unwrap_or(false),
            on_existing: match self.on_existing {
                None | Some(NewOnExisting::Fail) => OnExisting::Fail,
                Some(NewOnExisting::Replace) => OnExisting::Replace,
                Some(NewOnExisting::Append) => OnExisting::Append,
            },
            naming: match self.naming {
                None => Naming::default(),
                Some(NewNaming::Snake) => Naming::Snake,
                Some(NewNaming::Lower) => Naming::Lower,
                Some(NewNaming::Preserve) => Naming::Preserve,
            },
            cutover: match self.cutover {
                None | Some(CutoverWord::Auto) => CutoverMode::Auto,
                Some(CutoverWord::Manual) => CutoverMode::Manual,
            },
            validation: self.validation.map_or_else(|| Ok(Depth::default()), NewValidation::into_depth)?,
            policies: policies(self.policies.unwrap_or_default())?,
        })
    }
}

/// What a person says of tables and columns that are there; nothing, of one that is left out.
fn into(chosen: BTreeMap<String, Option<String>>) -> Result<BTreeMap<String, String>, ApiError> {
    let field = "target.into";
    if chosen.len() > MOST_INTO {
        return Err(ApiError::invalid(field, format!("`{field}` must have {MOST_INTO} entries at most.")));
    }
    let of = |(from, to): (String, Option<String>)| {
        let to = to.map_or_else(|| Ok(String::new()), |to| text(field, to, ENTRY_CHARS))?;
        Ok((text(field, from, ENTRY_CHARS)?, to))
    };
    chosen.into_iter().map(of).collect()
}

fn policies(chosen: BTreeMap<String, String>) -> Result<Policies, ApiError> {
    let mut policies = Policies::default();
    for (kind, word) in chosen {
        let field = if Policies::kinds().any(|known| known == Policies::kind(&kind)) {
            format!("options.policies.{kind}")
        } else {
            "options.policies".to_owned()
        };
        policies.choose(&kind, &word).map_err(|e| ApiError::invalid(&field, format!("`{field}`: {}.", e.message)))?;
    }
    Ok(policies)
}

impl NewSchedule {
    fn into_spec(self) -> Result<Schedule, ApiError> {
        let read = |text: String| {
            let field = "schedule.start_at";
            let what = "must be a time with its offset from UTC, such as `2026-02-15T02:00:00Z`";
            text.parse::<Timestamp>().map_err(|_| ApiError::invalid(field, format!("`{field}` {what}.")))
        };
        let window = |w: NewWindow| MaintenanceWindow::new(&w.start, &w.end, &w.timezone);
        Ok(Schedule {
            start_at: self.start_at.map(read).transpose()?,
            maintenance_window: self.maintenance_window.map(window).transpose()?,
        })
    }
}

impl NewNotifications {
    fn into_spec(self) -> Result<NotificationsSpec, ApiError> {
        let email = list("notifications.email", self.email)?;
        for (at, to) in email.iter().enumerate() {
            Recipient::Email { to: to.clone() }.check(&format!("notifications.email[{at}]"))?;
        }
        if let Some(channel) = &self.slack_channel {
            Recipient::Slack { channel: channel.clone() }.check("notifications.slack_channel")?;
        }
        let named = list("notifications.on_events", self.on_events)?;
        let on_events = events("notifications.on_events", &named)?;
        Ok(NotificationsSpec { email, slack_channel: self.slack_channel, on_events })
    }
}

/// Events by the short names the contract has for them.
pub(in crate::http) fn events(field: &str, named: &[String]) -> Result<Vec<String>, ApiError> {
    let mut events: Vec<String> = Vec::with_capacity(named.len());
    for (at, name) in named.iter().enumerate() {
        let field = format!("{field}[{at}]");
        let event = EventType::named(name).ok_or_else(|| {
            let known = EventType::ALL.map(EventType::short).join(", ");
            ApiError::invalid(
                &field,
                format!("`{field}`: there is no event `{}`. Events: {known}.", name.escape_debug()),
            )
        })?;
        if !events.iter().any(|known| known == event.short()) {
            events.push(event.short().to_owned());
        }
    }
    Ok(events)
}

fn list(field: &str, entries: Option<Vec<String>>) -> Result<Vec<String>, ApiError> {
    let entries = entries.unwrap_or_default();
    if entries.len() > LIST_ENTRIES {
        return Err(ApiError::invalid(field, format!("`{field}` must have {LIST_ENTRIES} entries at most.")));
    }
    let checked = |(at, entry)| text(&format!("{field}[{at}]"), entry, ENTRY_CHARS);
    entries.into_iter().enumerate().map(checked).collect()
}

fn within(field: &str, number: Option<u32>, most: u32) -> Result<Option<u32>, ApiError> {
    match number {
        Some(number) if !(1..=most).contains(&number) => {
            Err(ApiError::invalid(field, format!("`{field}` must be a whole number from 1 to {most}.")))
        }
        Some(_) | None => Ok(number),
    }
}
