//! Ctrl-C: the first one stops a migration in good order, the second one leaves at once.

use std::io;
use std::thread;

use sensei_engine::plugin::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::failure::leave;
use super::progress::Watch;

/// Listens for signals until it is dropped.
pub(super) struct Interrupts(Handle);

impl Interrupts {
    /// From now on a signal cancels instead of killing.
    ///
    /// # Errors
    /// The machine has no thread or signal to give.
    pub(super) fn listen(cancel: Cancel, watch: Watch) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                if cancel.is_cancelled() {
                    leave(signal);
                }
                watch.notice("Stopping. The same command resumes; a second Ctrl-C leaves at once.");
                cancel.cancel();
            }
        })?;
        Ok(Self(handle))
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.0.close();
    }
}
