//! Stopping guests from outside.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// One switch for all guests of a migration: unblocks those that wait on a socket at once, and ends those
/// that compute within an epoch tick. Cheap to clone; all clones are one switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
    children: Mutex<Vec<Weak<Inner>>>,
}

impl Cancel {
    /// Asks every guest to stop. Cannot be taken back.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        for socket in self.sockets().drain(..) {
            // A socket that is gone already needs no shutting down.
            let _ = socket.shutdown(Shutdown::Both);
        }
        let children = std::mem::take(&mut *lock(&self.0.children));
        for child in children.iter().filter_map(Weak::upgrade) {
            Self(child).cancel();
        }
    }

    /// A switch that this one throws too, and that can be thrown without this one: for one attempt of a migration.
    #[must_use]
    pub fn child(&self) -> Self {
        let child = Self::default();
        {
            let mut children = lock(&self.0.children);
            children.retain(|c| c.strong_count() > 0);
            children.push(Arc::downgrade(&child.0));
        }
        if self.is_cancelled() {
            child.cancel();
        }
        child
    }

    /// Whether [`Self::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Shuts the socket down too when the switch is thrown, for as long as the returned value lives.
    pub(super) fn watch(&self, socket: &TcpStream) -> Watched {
        if let Ok(twin) = socket.try_clone() {
            self.sockets().push(twin);
        }
        if self.is_cancelled() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        Watched { cancel: self.clone(), local: socket.local_addr().ok() }
    }

    fn sockets(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        lock(&self.0.sockets)
    }
}

/// A socket that a [`Cancel`] knows. It goes with its guest, however that ends: a twin left behind would keep the
/// connection open, and what the peer has locked for it.
#[derive(Debug)]
pub(super) struct Watched {
    cancel: Cancel,
    local: Option<SocketAddr>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.cancel.sockets().retain(|socket| socket.local_addr().ok() != self.local);
    }
}

/// A list is whole at every instant: a thread that panicked beside it spoiled nothing.
fn lock<T>(list: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}
