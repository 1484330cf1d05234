//! The life of a migration on a server: its status, the commands people give, and who carries them out.
//!
//! The nouns: a [`Record`] is what the store keeps of one migration; [`state`] says what follows from what; a [`Service`]
//! takes commands, one file each; the [`Supervisor`] drives migrations that need a server, each under a lease; the
//! [`Postman`] empties the outbox; a [`Feed`] hands events to whoever follows.
//!
//! The API can make commands alone, and only the supervisor reports outcomes. A change of state is one transaction of the
//! store, so a server may be killed at any instant: whoever finds the record next does what
//! [`Status::recovery`] says (P1).

mod announce;
mod command;
mod connections;
mod drive;
mod feed;
mod gate;
mod machine;
mod postman;
mod progress;
mod record;
mod review;
mod roll_back;
mod service;
mod spec;
mod state;
mod supervisor;
mod teller;
mod transition;
mod watch;
pub mod window;

pub use command::{Cancel, Decide, Deleted, Keep, Pause, Pausing, Resync, Start};
pub use connections::{ConnectionChange, ConnectionTest, NewConnection, Way};
pub use feed::Feed;
pub use postman::{Postman, webhook_context};
pub use progress::{Progress, TableFigures};
pub use record::{
    Checkpoint, Cutover, CutoverRequest, DryRun, PhaseOutcome, PhaseRecord, Record, SCHEDULE, Started, Stop,
    Validation, seconds_between,
};
pub use review::{MappingStatus, Review, ReviewedMapping};
pub use service::Service;
pub use spec::{
    AUTO_APPROVE_ABOVE, CutoverMode, MOST_BATCH_ROWS, MOST_LANES, NotificationsSpec, OptionsSpec, SourceSpec, Spec,
    TargetSpec,
};
pub use state::{Input, Intent, Next, Recovery, Status, allowed, next};
pub use supervisor::{Supervisor, SupervisorSettings};
