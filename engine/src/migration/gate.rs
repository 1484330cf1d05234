//! The gate before the cutover: the last moment at which a run can be held, or ended with nothing switched over.

use super::stop::Stop;
use crate::error::Result;
use crate::plugin::Cancel;

/// Holds a run before its cutover until whoever drives it agrees.
///
/// Everything is loaded and compared by then, and the target's own tables are as they were (P4).
pub trait Gate: Send + Sync {
    /// Returns once the cutover may begin. Called on the run's own thread, again with each of its attempts.
    ///
    /// # Errors
    /// `cancelled` when the run is to end here: it was asked to stop, or cancelled.
    fn pass(&self, stop: &Stop, cancel: &Cancel) -> Result<()>;
}

/// A gate that stands open: the cutover follows at once.
impl Gate for () {
    fn pass(&self, stop: &Stop, _: &Cancel) -> Result<()> {
        stop.check()
    }
}
