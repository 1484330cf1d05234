//! Applying an input to a record: the status, and what changes with it.

use jiff::Timestamp;
use serde_json::json;

use super::record::{PhaseOutcome, Record, SCHEDULE};
use super::state::{Input, Intent, Next, Status, allowed, next};
use crate::error::{Code, Error, Result};

impl Record {
    /// Applies an input. False: it is so already, and nothing changed.
    ///
    /// # Errors
    /// `invalid_state` names the status and what is allowed in it.
    pub(super) fn apply(&mut self, input: Input, now: Timestamp) -> Result<bool> {
        if self.taking_back && matches!(input, Input::Start | Input::StartUnreviewed | Input::Replan) {
            let message = "Its cutover is being taken back, and that was interrupted: cancel with `rollback` again, it goes on with what is left.";
            return Err(Error::new(Code::InvalidState, message).with_details(json!({"status": self.status})));
        }
        match next(self.status, input) {
            Next::To(status) => {
                self.enter(status, now);
                Ok(true)
            }
            Next::Already => Ok(false),
            Next::Refused => Err(refused(self.status, input)),
        }
    }

    fn enter(&mut self, status: Status, now: Timestamp) {
        self.status = status;
        let working = match status {
            Status::Running | Status::Validating | Status::Pausing | Status::RollingBack => true,
            Status::Pending
            | Status::Planning
            | Status::PlanReady
            | Status::Approved
            | Status::Paused
            | Status::Completed
            | Status::Failed
            | Status::Cancelled
            | Status::RolledBack => false,
        };
        self.set_working(working, now);
        let ended = match status {
            Status::Paused | Status::Cancelled | Status::RolledBack => Some(PhaseOutcome::Stopped),
            Status::Failed => Some(PhaseOutcome::Failed),
            Status::Completed => Some(PhaseOutcome::Completed),
            Status::Pending
            | Status::Planning
            | Status::PlanReady
            | Status::Approved
            | Status::Running
            | Status::Validating
            | Status::Pausing
            | Status::RollingBack => None,
        };
        if let Some(outcome) = ended {
            self.phase_ended(outcome, now);
        }
        self.finished_at = status.can_be_deleted().then_some(now);
        if status == Status::Running {
            self.started_at.get_or_insert(now);
            (self.stop, self.error) = (None, None);
        }
        if status == Status::Completed {
            self.stop = None;
        }
    }

    /// Why a stop is under way; a stop whose record is lost was a pause.
    pub(super) fn intent(&self) -> Intent {
        self.stop.as_ref().map_or(Intent::Pause, |stop| stop.intent)
    }

    /// When its schedule wants to be asked; none: it waits for nothing but people.
    pub(super) fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let schedule = &self.spec.schedule;
        let waits = match self.status {
            Status::Approved => schedule.start_at.is_some(),
            Status::Paused => self.stop.as_ref().is_some_and(|stop| stop.by == SCHEDULE),
            Status::Pending
            | Status::Planning
            | Status::PlanReady
            | Status::Running
            | Status::Pausing
            | Status::Validating
            | Status::Completed
            | Status::Failed
            | Status::Cancelled
            | Status::RollingBack
            | Status::RolledBack => false,
        };
        waits.then(|| schedule.opens_at(now))
    }
}

fn refused(status: Status, input: Input) -> Error {
    let allowed = allowed(status);
    let possible = match allowed.as_slice() {
        [] => "nothing can be asked of it".to_owned(),
        words => format!("possible now: {}", words.join(", ")),
    };
    let message =
        format!("The migration is `{}`: `{}` makes no sense now; {possible}.", status.as_str(), input.as_str());
    let code = match (status, input) {
        (Status::Pending | Status::Planning, Input::Start | Input::StartUnreviewed) => Code::PlanNotReady,
        _ => Code::InvalidState,
    };
    Error::new(code, message).with_details(json!({"status": status, "allowed": allowed}))
}
