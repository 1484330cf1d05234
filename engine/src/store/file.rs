//! The file that the state of one server lies in.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, Result};

/// Its owner may read and write it, and nobody else, whatever the process's umask.
const MODE: u32 = 0o600;

/// Makes it, empty, where nothing is. What SQLite puts beside it (`-wal`, `-shm`) gets its mode. A file that is there stays as
/// it is, and is not opened either: closing it would let go of the locks that this process has on it.
///
/// # Errors
/// `system` when it cannot be made.
pub(super) fn make(path: &Path) -> Result<()> {
    let failed = |e: io::Error| Error::system(&format!("make the state file {}", path.display()), &e);
    if path.try_exists().map_err(failed)? {
        return Ok(());
    }
    OpenOptions::new().append(true).create(true).mode(MODE).open(path).map_err(failed)?;
    Ok(())
}
