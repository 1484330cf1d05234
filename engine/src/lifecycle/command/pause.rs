//! Pause: stop at the next checkpoint, or now, to go on later.

use jiff::Timestamp;

use super::super::announce::Line;
use super::super::record::{Record, Stop};
use super::super::service::{Change, Service};
use super::super::state::{Input, Intent, Status};
use crate::error::Result;

/// How to pause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pause {
    /// For the log.
    pub reason: Option<String>,
    /// Not at the next checkpoint but now: rows of unfinished chunks are moved again later.
    pub immediate: bool,
}

/// A migration on its way to a pause.
#[derive(Debug, Clone)]
pub struct Pausing {
    /// As it stands.
    pub record: Record,
    /// When its lanes are expected to stand still: at a checkpoint, or because nothing moves and they are cut; none: they do, or
    /// nobody knows.
    pub checkpoint_eta: Option<Timestamp>,
}

impl Service {
    /// Pauses a migration. Asking again is a success; asking for it at once makes a pause that is under way immediate.
    ///
    /// # Errors
    /// `invalid_state`.
    pub async fn pause(&self, id: &str, how: Pause, user: &str) -> Result<Pausing> {
        let (record, ()) = self
            .change(id, |record, now| {
                let changed = record.apply(Input::Pause, now)?;
                let hastened = record.status == Status::Pausing
                    && how.immediate
                    && record.stop.as_ref().is_some_and(|s| !s.immediate);
                if let Some(stop) = record.stop.as_mut().filter(|_| hastened) {
                    stop.immediate = true;
                } else if changed {
                    record.stop = Some(Stop {
                        intent: Intent::Pause,
                        by: user.to_owned(),
                        reason: how.reason.clone(),
                        immediate: how.immediate,
                        at: now,
                    });
                } else {
                    return Ok(Change::Leave(()));
                }
                let when = if how.immediate { "at once" } else { "at the next checkpoint" };
                let reason = how.reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
                Ok(Change::Save((), vec![Line::info(format!("{user} asked to pause {when}{reason}."))]))
            })
            .await?;
        let now = Timestamp::now();
        let eta = match &record.stop {
            Some(stop) if record.status == Status::Pausing && stop.immediate => Some(now),
            Some(_) if record.status == Status::Pausing => self.progress(id).await?.and_then(|p| p.checkpoint_eta),
            Some(_) | None => None,
        };
        Ok(Pausing { checkpoint_eta: eta.map(|eta| eta.max(now)), record })
    }
}
