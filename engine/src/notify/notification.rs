//! What happened, and how it reads in each medium.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::event::Phase;

/// What kind of thing happened: a migration came to a status, or waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// It was created.
    #[serde(rename = "migration.pending")]
    Pending,
    /// Its plan is being made.
    #[serde(rename = "migration.planning")]
    Planning,
    /// Its plan is there.
    #[serde(rename = "migration.plan_ready")]
    PlanReady,
    /// It may start.
    #[serde(rename = "migration.approved")]
    Approved,
    /// It is at work.
    #[serde(rename = "migration.running")]
    Running,
    /// It will stop at the next checkpoint.
    #[serde(rename = "migration.pausing")]
    Pausing,
    /// It stopped and can go on.
    #[serde(rename = "migration.paused")]
    Paused,
    /// Rows are compared.
    #[serde(rename = "migration.validating")]
    Validating,
    /// It is done.
    #[serde(rename = "migration.completed")]
    Completed,
    /// It cannot go on.
    #[serde(rename = "migration.failed")]
    Failed,
    /// A person stopped it.
    #[serde(rename = "migration.cancelled")]
    Cancelled,
    /// It is being taken back.
    #[serde(rename = "migration.rolling_back")]
    RollingBack,
    /// It was taken back.
    #[serde(rename = "migration.rolled_back")]
    RolledBack,
    /// Mappings wait for a person.
    #[serde(rename = "migration.approval_required")]
    ApprovalRequired,
    /// Everything is loaded and agrees, and the cutover waits for a person.
    #[serde(rename = "migration.cutover_waiting")]
    CutoverWaiting,
    /// Nothing: somebody tries whether a recipient can be reached. Always sent, whatever it listens to.
    #[serde(rename = "webhook.test")]
    Test,
}

impl EventType {
    /// All that can be listened to.
    pub const ALL: [Self; 15] = [
        Self::Pending,
        Self::Planning,
        Self::PlanReady,
        Self::Approved,
        Self::Running,
        Self::Pausing,
        Self::Paused,
        Self::Validating,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::RollingBack,
        Self::RolledBack,
        Self::ApprovalRequired,
        Self::CutoverWaiting,
    ];

    /// As webhooks have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "migration.pending",
            Self::Planning => "migration.planning",
            Self::PlanReady => "migration.plan_ready",
            Self::Approved => "migration.approved",
            Self::Running => "migration.running",
            Self::Pausing => "migration.pausing",
            Self::Paused => "migration.paused",
            Self::Validating => "migration.validating",
            Self::Completed => "migration.completed",
            Self::Failed => "migration.failed",
            Self::Cancelled => "migration.cancelled",
            Self::RollingBack => "migration.rolling_back",
            Self::RolledBack => "migration.rolled_back",
            Self::ApprovalRequired => "migration.approval_required",
            Self::CutoverWaiting => "migration.cutover_waiting",
            Self::Test => "webhook.test",
        }
    }

    /// As `on_events` has it: a status, or `approval_required`.
    #[must_use]
    pub fn short(self) -> &'static str {
        self.as_str().split_once('.').map_or(self.as_str(), |(_, short)| short)
    }

    /// One that can be listened to, by either of its names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name || event.short() == name)
    }

    fn words(self) -> String {
        self.short().replace('_', " ")
    }
}

/// The migration it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `mig_...`.
    pub migration_id: String,
    /// For people.
    pub name: String,
    /// As the API writes it.
    pub status: String,
    /// The phase it is in, or was in when it stopped.
    pub phase: Option<Phase>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// What kind of thing.
    #[serde(rename = "type")]
    pub event: EventType,
    /// When it happened; attempts to tell of it come later.
    pub timestamp: Timestamp,
    /// Which migration; none for a test.
    pub subject: Option<Subject>,
    /// One or two sentences for a person.
    pub message: String,
    /// Figures and errors for a program. No secrets.
    pub details: Value,
    /// Where to look: a URL.
    pub link: Option<String>,
}

/// Characters of the message in Slack, which asks for 4,000 in all at most; the rest is behind the link.
const SLACK_MESSAGE_CHARS: usize = 3_000;

/// Characters of a subject line. 150: most mail programs show fewer.
const SUBJECT_CHARS: usize = 150;

impl Notification {
    /// To try whether a recipient can be reached.
    #[must_use]
    pub fn test(timestamp: Timestamp) -> Self {
        Self {
            event: EventType::Test,
            timestamp,
            subject: None,
            message: "This is a test from Sensei: notifications of migrations will arrive here.".to_owned(),
            details: Value::Null,
            link: None,
        }
    }

    /// The body a webhook is sent. A type of event always has the same fields.
    #[must_use]
    pub fn webhook_body(&self) -> String {
        let mut data = Map::new();
        if let Some(Subject { migration_id, name, status, phase }) = &self.subject {
            data.insert("migration_id".to_owned(), json!(migration_id));
            data.insert("name".to_owned(), json!(name));
            data.insert("status".to_owned(), json!(status));
            data.insert("phase".to_owned(), json!(phase));
        }
        data.insert("message".to_owned(), json!(self.message));
        data.insert("details".to_owned(), self.details.clone());
        data.insert("link".to_owned(), json!(self.link));
        json!({"type": self.event.as_str(), "timestamp": self.timestamp, "data": data}).to_string()
    }

    /// A message in Slack's own markup.
    #[must_use]
    pub fn slack_text(&self) -> String {
        let mut lines = vec![match &self.subject {
            Some(subject) => format!("*{}*: {}", escape(&one_line(&subject.name)), self.event.words()),
            None => "*Sensei*".to_owned(),
        }];
        lines.push(escape(&shortened(&self.message, SLACK_MESSAGE_CHARS)));
        if let Some(Subject { migration_id, phase, .. }) = &self.subject {
            let phase = phase.map(|phase| format!(", phase {}", phase.as_str())).unwrap_or_default();
            lines.push(format!("`{}`{phase}", escape(migration_id)));
        }
        lines.extend(self.link.as_deref().map(escape));
        lines.join("\n")
    }

    /// The subject line of an e-mail.
    #[must_use]
    pub fn email_subject(&self) -> String {
        let subject = match &self.subject {
            Some(subject) => format!("[Sensei] {}: {}", one_line(&subject.name), self.event.words()),
            None => "[Sensei] Test".to_owned(),
        };
        shortened(&subject, SUBJECT_CHARS)
    }

    /// The text of an e-mail.
    #[must_use]
    pub fn email_body(&self) -> String {
        let mut facts = Vec::new();
        if let Some(Subject { migration_id, name, status, phase }) = &self.subject {
            facts.push(("Migration", format!("{} ({migration_id})", one_line(name))));
            facts.push(("Status", status.clone()));
            facts.extend(phase.map(|phase| ("Phase", phase.as_str().to_owned())));
        }
        facts.push(("Time", self.timestamp.to_string()));
        let mut details = String::new();
        if let Value::Object(fields) = &self.details {
            for (name, value) in fields {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                details += &format!("{name}: {value}\n");
            }
        }

        let facts = facts.iter().map(|(name, value)| format!("{:<11}{value}\n", format!("{name}:"))).collect();
        let link = self.link.as_ref().map(|link| format!("{link}\n")).unwrap_or_default();
        let parts: [String; 4] = [format!("{}\n", self.message), facts, details, link];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

/// Three characters mean something to Slack: `<!channel>` in a name must not wake everybody up.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Without line breaks, which would end a heading or a header.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// At most `limit` characters, with a sign where it was cut.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(3)).chain("...".chars()).collect(),
    }
}

#[cfg(test)]
#[path = "notification_tests.rs"]
mod tests;
