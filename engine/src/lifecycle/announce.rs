//! What is told of a change: events for the log and its followers, notifications for whoever asked for them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::Record;
use super::state::Status;
use crate::event::{Level, Phase};
use crate::notify::{EventType, Notification, Subject};
use crate::store::{EventKind, NewEvent, NewMail, Route, Webhook};

/// A line that a change leaves in the log.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) message: String,
}

impl Line {
    pub(super) fn info(message: impl Into<String>) -> Self {
        Self { level: Level::Info, message: message.into() }
    }
    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self { level: Level::Warning, message: message.into() }
    }
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self { level: Level::Error, message: message.into() }
    }
}

/// A log line as an event.
pub(super) fn line(
    at: Timestamp,
    level: Level,
    message: &str,
    phase: Option<Phase>,
    more: &[(&str, Value)],
) -> NewEvent {
    let mut data = json!({"timestamp": at, "level": level, "message": message, "phase": phase});
    for (name, value) in more {
        data[*name] = value.clone();
    }
    NewEvent { at, kind: EventKind::Log, level, phase, data }
}

/// The events of a change from one status to that of the record, with lines of its own.
pub(super) fn events(record: &Record, before: Option<Before>, lines: &[Line], now: Timestamp) -> Vec<NewEvent> {
    let mut events: Vec<NewEvent> = lines.iter().map(|l| line(now, l.level, &l.message, record.phase, &[])).collect();
    let before = before.map(|b| b.status);
    if before != Some(record.status) {
        let message = lines.last().map(|l| l.message.clone());
        let data = json!({
            "timestamp": now,
            "status": record.status,
            "previous": before,
            "phase": record.phase,
            "message": message,
        });
        events.push(NewEvent { at: now, kind: EventKind::Status, level: Level::Info, phase: record.phase, data });
    }
    events
}

/// What a status is called among notifications.
const fn event_of(status: Status) -> EventType {
    match status {
        Status::Pending => EventType::Pending,
        Status::Planning => EventType::Planning,
        Status::PlanReady => EventType::PlanReady,
        Status::Approved => EventType::Approved,
        Status::Running => EventType::Running,
        Status::Pausing => EventType::Pausing,
        Status::Paused => EventType::Paused,
        Status::Validating => EventType::Validating,
        Status::Completed => EventType::Completed,
        Status::Failed => EventType::Failed,
        Status::Cancelled => EventType::Cancelled,
        Status::RollingBack => EventType::RollingBack,
        Status::RolledBack => EventType::RolledBack,
    }
}

/// What a change is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    status: Status,
    held: bool,
}

impl Before {
    pub(super) fn of(record: &Record) -> Self {
        Self { status: record.status, held: record.cutover.waiting_since.is_some() }
    }

    /// What is told of a change from this; of a record that is new: from nothing.
    pub(super) fn tells(before: Option<Self>, record: &Record) -> Vec<EventType> {
        let mut kinds = Vec::new();
        if before.is_none_or(|b| b.status != record.status) {
            kinds.push(event_of(record.status));
            if record.status == Status::PlanReady {
                kinds.push(EventType::ApprovalRequired);
            }
        }
        if record.cutover.waiting_since.is_some() && before.is_some_and(|b| !b.held) {
            kinds.push(EventType::CutoverWaiting);
        }
        kinds
    }
}

/// The notifications of a change. `base` is where people find the API.
pub(super) fn mail(
    record: &Record,
    kinds: &[EventType],
    lines: &[Line],
    webhooks: &[Webhook],
    base: Option<&str>,
    now: Timestamp,
) -> Vec<NewMail> {
    kinds.iter().flat_map(|kind| mail_of(*kind, record, lines, webhooks, base, now)).collect()
}

fn mail_of(
    kind: EventType,
    record: &Record,
    lines: &[Line],
    webhooks: &[Webhook],
    base: Option<&str>,
    now: Timestamp,
) -> Vec<NewMail> {
    let wanted = |events: &[String]| events.is_empty() || events.iter().any(|e| EventType::named(e) == Some(kind));
    let mut routes = Vec::new();
    let asked = &record.spec.notifications;
    if wanted(&asked.on_events) {
        routes.extend(asked.email.iter().map(|to| Route::Email { to: to.clone() }));
        routes.extend(asked.slack_channel.iter().map(|channel| Route::Slack { channel: channel.clone() }));
    }
    let listening = webhooks.iter().filter(|w| wanted(&w.events));
    routes.extend(listening.map(|w| Route::Webhook { id: w.id.clone() }));
    let status = record.status.as_str();
    let said = lines.iter().map(|l| l.message.as_str()).collect::<Vec<_>>().join(" ");
    let message = if said.is_empty() { format!("The migration is now `{status}`.") } else { said };
    let notification = Notification {
        event: kind,
        timestamp: now,
        subject: Some(Subject {
            migration_id: record.id.clone(),
            name: record.spec.name.clone(),
            status: status.to_owned(),
            phase: record.phase,
        }),
        message,
        details: json!({
            "elapsed_seconds": record.elapsed_seconds(now).round(),
            "error": record.error,
        }),
        link: base.map(|base| format!("{}/v1/migrations/{}", base.trim_end_matches('/'), record.id)),
    };
    let migration = Some(record.id.clone());
    routes
        .into_iter()
        .map(|route| NewMail { migration: migration.clone(), route, notification: notification.clone() })
        .collect()
}
