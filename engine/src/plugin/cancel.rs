//! Stopping guests from outside.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One switch for all guests of a migration: unblocks those that wait on a socket at once, and ends those
/// that compute within an epoch tick. Cheap to clone; all clones are one switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Cancel {
    /// Asks every guest to stop. Cannot be taken back.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        for socket in self.sockets().drain(..) {
            // A socket that is gone already needs no shutting down.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Whether [`Self::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    pub(super) fn watch(&self, socket: &TcpStream) {
        if let Ok(twin) = socket.try_clone() {
            self.sockets().push(twin);
        }
        if self.is_cancelled() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn forget(&self, socket: &TcpStream) {
        let local = socket.local_addr().ok();
        self.sockets().retain(|s| s.local_addr().ok() != local);
    }

    fn sockets(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
