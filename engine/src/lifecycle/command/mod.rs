//! What people can ask for, one file a command.

mod cancel;
mod cutover;
mod decide;
mod delete;
mod pause;
mod rehearse;
mod replan;
mod resume;
mod resync;
mod start;
mod validate;

pub use cancel::Cancel;
pub use decide::Decide;
pub use delete::{Deleted, Keep};
pub use pause::{Pause, Pausing};
pub use resync::Resync;
pub use start::Start;
