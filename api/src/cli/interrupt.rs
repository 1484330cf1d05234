//! Ctrl-C: the first one stops a migration at a checkpoint (within a moment), the second one at once, the third one leaves.

use std::io;
use std::thread;
use std::time::Duration;

use sensei_engine::migration::Stop;
use sensei_engine::plugin::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::failure::leave;
use super::progress::Watch;

/// How long chunks at work may take to be loaded after the first Ctrl-C. 10 s: a chunk that moves at all is nearly done by then,
/// and a person whose network is gone does not wait for ever.
const GRACE: Duration = Duration::from_secs(10);

/// Listens for signals until it is dropped.
pub(super) struct Interrupts(Handle);

impl Interrupts {
    /// From now on a signal stops the run instead of killing it.
    ///
    /// # Errors
    /// The machine has no thread or signal to give.
    pub(super) fn listen(stop: Stop, cancel: Cancel, watch: Watch) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                if cancel.is_cancelled() {
                    leave(signal);
                }
                if stop.is_asked() {
                    watch.notice("Stopping at once. The same command resumes; a third Ctrl-C leaves without waiting.");
                    cancel.cancel();
                } else {
                    watch.notice("Stopping when the chunks at work are loaded. A second Ctrl-C stops at once.");
                    stop.ask();
                    let cancel = cancel.clone();
                    thread::spawn(move || {
                        thread::sleep(GRACE);
                        cancel.cancel();
                    });
                }
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
