//! The state machine: every status, everything that can happen, and one pure function that says what follows.

use serde::{Deserialize, Serialize};

/// Where a migration stands. The thirteen statuses of the API's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Created; its plan is not begun.
    Pending,
    /// The plan is being made.
    Planning,
    /// The plan is there and mappings of it await a person.
    PlanReady,
    /// Nothing awaits a person: it may start.
    Approved,
    /// At work.
    Running,
    /// Asked to stop; lanes finish the chunks they are at.
    Pausing,
    /// Stopped at a checkpoint; can go on.
    Paused,
    /// Rows are compared.
    Validating,
    /// Done, checked and live.
    Completed,
    /// Stopped by an error that does not mend by itself.
    Failed,
    /// Stopped by a person for good; what was loaded stays in staging.
    Cancelled,
    /// What it made is being taken back.
    RollingBack,
    /// What it made is taken back.
    RolledBack,
}

impl Status {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 13] = [
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
    ];

    /// As the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Planning => "planning",
            Self::PlanReady => "plan_ready",
            Self::Approved => "approved",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Validating => "validating",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// What a server that finds a migration in this status, driven by nobody, does with it. This is also what happens
    /// after a crash: the match is exhaustive so that no status can be forgotten.
    #[must_use]
    pub const fn recovery(self) -> Recovery {
        match self {
            Self::Pending | Self::Planning => Recovery::Plan,
            Self::Running | Self::Validating => Recovery::Run,
            Self::Pausing => Recovery::Settle,
            Self::RollingBack => Recovery::RollBack,
            Self::PlanReady
            | Self::Approved
            | Self::Paused
            | Self::Completed
            | Self::Failed
            | Self::Cancelled
            | Self::RolledBack => Recovery::Nothing,
        }
    }

    /// Whether the migration can be deleted: nothing works on it and nothing will.
    #[must_use]
    pub const fn can_be_deleted(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled | Self::RolledBack => true,
            Self::Pending
            | Self::Planning
            | Self::PlanReady
            | Self::Approved
            | Self::Running
            | Self::Pausing
            | Self::Paused
            | Self::Validating
            | Self::RollingBack => false,
        }
    }
}

/// What a migration that nobody drives needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Make its plan, from the beginning.
    Plan,
    /// Run it: it goes on from its ledger.
    Run,
    /// No lane is at work any more: do what the stop was asked for.
    Settle,
    /// Take back what it made: doing so again is a success.
    RollBack,
    /// Wait for a person, or for its schedule.
    Nothing,
}

/// Why a run was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// To go on later.
    Pause,
    /// For good.
    Cancel,
}

/// Everything that can happen to a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    // Commands: people, through the API, and the schedule.
    /// Begin, with nothing awaiting a person.
    Start,
    /// Begin although mappings await a person.
    StartUnreviewed,
    /// Stop at the next checkpoint, to go on later.
    Pause,
    /// Go on.
    Resume,
    /// Stop for good; what was loaded stays.
    Cancel,
    /// Stop for good and take back what was made.
    CancelAndRollBack,
    /// Make the plan anew.
    Replan,

    // Outcomes: what the supervisor reports.
    /// The plan is being made.
    PlanningBegan,
    /// The plan is there, or a decision changed it: mappings await a person.
    Awaiting,
    /// The plan is there, or a decision changed it: nothing awaits a person.
    Reviewed,
    /// Rows are being compared.
    ValidationBegan,
    /// The new tables are being switched in.
    CutoverBegan,
    /// Everything is done.
    Completed,
    /// An error that does not mend by itself.
    Failed,
    /// The lanes stand still.
    Stopped(Intent),
    /// What was made is taken back.
    RolledBack,
}

impl Input {
    /// What people can ask for.
    pub const COMMANDS: [Self; 7] = [
        Self::Start,
        Self::StartUnreviewed,
        Self::Pause,
        Self::Resume,
        Self::Cancel,
        Self::CancelAndRollBack,
        Self::Replan,
    ];
    /// What the supervisor reports.
    pub const OUTCOMES: [Self; 10] = [
        Self::PlanningBegan,
        Self::Awaiting,
        Self::Reviewed,
        Self::ValidationBegan,
        Self::CutoverBegan,
        Self::Completed,
        Self::Failed,
        Self::Stopped(Intent::Pause),
        Self::Stopped(Intent::Cancel),
        Self::RolledBack,
    ];

    /// A word for tables, diagrams and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::StartUnreviewed => "start with skip_approval",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::CancelAndRollBack => "cancel with rollback",
            Self::Replan => "replan",
            Self::PlanningBegan => "planning began",
            Self::Awaiting => "mappings await",
            Self::Reviewed => "nothing awaits",
            Self::ValidationBegan => "validation began",
            Self::CutoverBegan => "cutover began",
            Self::Completed => "done",
            Self::Failed => "error",
            Self::Stopped(Intent::Pause) => "stopped to pause",
            Self::Stopped(Intent::Cancel) => "stopped for good",
            Self::RolledBack => "taken back",
        }
    }
}

/// What follows from an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This status.
    To(Status),
    /// It is so already: a success that changes nothing.
    Already,
    /// It makes no sense now.
    Refused,
}

/// The one place that knows what follows what. Pure.
#[must_use]
pub const fn next(status: Status, input: Input) -> Next {
    use Next::{Already, Refused, To};
    use Status as S;
    match (input, status) {
        (Input::Start, S::Approved | S::Failed) => To(S::Running),
        (Input::StartUnreviewed, S::PlanReady | S::Approved | S::Failed) => To(S::Running),
        (Input::Start | Input::StartUnreviewed | Input::Resume, S::Running | S::Validating) => Already,

        (Input::Pause, S::Running | S::Validating) => To(S::Pausing),
        (Input::Pause, S::Pausing | S::Paused) => Already,
        (Input::Resume, S::Paused) => To(S::Running),

        (Input::Cancel | Input::CancelAndRollBack, S::Pending | S::Planning | S::PlanReady | S::Approved) => {
            To(S::Cancelled)
        }
        (Input::Cancel, S::Running | S::Validating) => To(S::Pausing),
        // The stop that is under way becomes one for good: its intent is on the record.
        (Input::Cancel, S::Pausing) => Already,
        (Input::Cancel, S::Paused | S::Failed) => To(S::Cancelled),
        (Input::Cancel, S::Cancelled | S::RollingBack | S::RolledBack) => Already,
        // What is completed is taken back while what it replaced is kept.
        (
            Input::CancelAndRollBack,
            S::Running | S::Validating | S::Pausing | S::Paused | S::Failed | S::Cancelled | S::Completed,
        ) => To(S::RollingBack),
        (Input::CancelAndRollBack, S::RollingBack | S::RolledBack) => Already,

        (Input::Replan, S::PlanReady | S::Approved | S::Failed) => To(S::Pending),
        (Input::Replan, S::Pending | S::Planning) => Already,

        (Input::PlanningBegan, S::Pending) => To(S::Planning),
        (Input::PlanningBegan, S::Planning) => Already,
        (Input::Awaiting, S::Planning | S::Approved) => To(S::PlanReady),
        (Input::Awaiting, S::PlanReady) => Already,
        (Input::Reviewed, S::Planning | S::PlanReady) => To(S::Approved),
        (Input::Reviewed, S::Approved) => Already,

        (Input::ValidationBegan, S::Running) => To(S::Validating),
        (Input::ValidationBegan, S::Validating | S::Pausing) => Already,
        (Input::CutoverBegan, S::Validating) => To(S::Running),
        (Input::CutoverBegan, S::Running | S::Pausing) => Already,

        // A run may be past its point of no return when it is asked to stop: what is done is done.
        (Input::Completed, S::Running | S::Validating | S::Pausing) => To(S::Completed),
        (Input::Failed, S::Planning | S::Running | S::Validating | S::Pausing | S::RollingBack) => To(S::Failed),
        (Input::Stopped(Intent::Pause), S::Pausing) => To(S::Paused),
        (Input::Stopped(Intent::Cancel), S::Pausing) => To(S::Cancelled),
        (Input::RolledBack, S::RollingBack) => To(S::RolledBack),

        (
            Input::Start
            | Input::StartUnreviewed
            | Input::Pause
            | Input::Resume
            | Input::Cancel
            | Input::Replan
            | Input::PlanningBegan
            | Input::Awaiting
            | Input::Reviewed
            | Input::ValidationBegan
            | Input::CutoverBegan
            | Input::Completed
            | Input::Failed
            | Input::Stopped(_)
            | Input::RolledBack,
            _,
        ) => Refused,
    }
}

/// What a person may ask of a migration in this status, for an error that says so.
#[must_use]
pub fn allowed(status: Status) -> Vec<&'static str> {
    let makes_sense = |input: &Input| !matches!(next(status, *input), Next::Refused);
    let mut words: Vec<&str> = Input::COMMANDS.into_iter().filter(makes_sense).map(Input::as_str).collect();
    if status.can_be_deleted() {
        words.push("delete");
    }
    words
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn matrix() -> String {
        let mut text = String::new();
        for status in Status::ALL {
            writeln!(text, "{}", status.as_str()).expect("text");
            for input in Input::COMMANDS.into_iter().chain(Input::OUTCOMES) {
                let follows = match next(status, input) {
                    Next::To(to) => to.as_str(),
                    Next::Already => "(already so)",
                    Next::Refused => continue,
                };
                writeln!(text, "    {:<26} {follows}", input.as_str()).expect("text");
            }
        }
        text
    }

    /// The diagram of ARCHITECTURE.md, drawn from the function.
    fn diagram() -> String {
        let mut edges: Vec<(Status, Status, Vec<&str>)> = Vec::new();
        for from in Status::ALL {
            for input in Input::COMMANDS.into_iter().chain(Input::OUTCOMES) {
                if let Next::To(to) = next(from, input) {
                    match edges.iter_mut().find(|(f, t, _)| (*f, *t) == (from, to)) {
                        Some((.., words)) => words.push(input.as_str()),
                        None => edges.push((from, to, vec![input.as_str()])),
                    }
                }
            }
        }
        let line = |(from, to, words): &(Status, Status, Vec<&str>)| {
            format!("    {:<12} --> {:<12} {}\n", from.as_str(), to.as_str(), words.join(", "))
        };
        edges.iter().map(line).collect()
    }

    #[test]
    fn the_matrix_is_what_it_was() {
        insta::assert_snapshot!(matrix());
    }

    #[test]
    fn the_diagram_in_the_architecture_page_is_this_machine() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md"));
        let page = page.expect("ARCHITECTURE.md");
        assert!(page.contains(&diagram()), "put this into ARCHITECTURE.md:\n{}", diagram());
    }

    #[test]
    fn every_status_can_be_reached_and_words_read_back() {
        let reached = |to: Status| {
            to == Status::Pending
                || Status::ALL.iter().any(|from| {
                    let inputs = Input::COMMANDS.into_iter().chain(Input::OUTCOMES);
                    *from != to && inputs.map(|i| next(*from, i)).any(|n| n == Next::To(to))
                })
        };
        for status in Status::ALL {
            assert!(reached(status), "{status:?}");
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("cancelling"), None);
    }

    #[test]
    fn nothing_ends_without_somebody_who_goes_on() {
        // A status that no server drives must be one that a person can leave, or an end.
        for status in Status::ALL {
            let left = Input::COMMANDS.into_iter().any(|c| matches!(next(status, c), Next::To(_)));
            let end = status.can_be_deleted();
            assert!(status.recovery() != Recovery::Nothing || left || end, "{status:?}");
        }
    }
}
