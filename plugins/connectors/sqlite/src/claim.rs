//! One live session a migration: a lock on a byte of the database file that SQLite itself never locks.
//!
//! It goes with the session, or with the process, and needs no file of its own. The host's locks belong to the open
//! file, so that two sessions of one process meet as well.

use sensei_sdk::{Error, Kind, Result};

/// Where these locks begin: far behind any page a file can have (SQLite's largest file is 2^48 bytes).
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
const FIRST_BYTE: u64 = 1 << 60;
/// How many places there are: migrations whose ids hash to one place would wait for each other, no more.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
const PLACES: u64 = 1 << 40;

/// FNV-1a: any even spread will do.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
fn place(migration: &str) -> u64 {
    let hash =
        migration.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    FIRST_BYTE + hash % PLACES
}

fn taken(migration: &str) -> Error {
    let message = format!(
        "Another session is at work on the migration `{migration}` in this file. Wait until it has ended, or end it, and try again."
    );
    Error::new(Kind::Conflict, message)
}

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) migration: String,
    #[cfg(target_arch = "wasm32")]
    _locked: sensei_sdk::file::File,
    #[cfg(not(target_arch = "wasm32"))]
    key: (String, String),
}

#[cfg(target_arch = "wasm32")]
impl Claim {
    /// Takes a migration.
    pub(crate) fn take(path: &str, migration: &str) -> Result<Self> {
        use sensei_sdk::file::{File, LockKind, Mode};
        let file = File::open(path, Mode::Write)?;
        if !file.lock(place(migration), 1, LockKind::Exclusive)? {
            return Err(taken(migration));
        }
        Ok(Self { migration: migration.to_owned(), _locked: file })
    }
}

/// Outside a guest there is one process: a set does.
#[cfg(not(target_arch = "wasm32"))]
static CLAIMED: std::sync::Mutex<std::collections::BTreeSet<(String, String)>> =
    std::sync::Mutex::new(std::collections::BTreeSet::new());

#[cfg(not(target_arch = "wasm32"))]
fn claimed() -> std::sync::MutexGuard<'static, std::collections::BTreeSet<(String, String)>> {
    CLAIMED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(not(target_arch = "wasm32"))]
impl Claim {
    /// Takes a migration.
    pub(crate) fn take(path: &str, migration: &str) -> Result<Self> {
        let key = (path.to_owned(), migration.to_owned());
        if !claimed().insert(key.clone()) {
            return Err(taken(migration));
        }
        Ok(Self { migration: migration.to_owned(), key })
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Drop for Claim {
    fn drop(&mut self) {
        claimed().remove(&self.key);
    }
}
