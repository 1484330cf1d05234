//! SQLite's file system: the host's granted files.
//!
//! A guest has no files of its own, so it brings a VFS (<https://sqlite.org/vfs.html>) whose files are those the host
//! granted: the database and its side files (`p-journal`, `p-wal`). Locks are SQLite's own five levels on its own byte
//! ranges, so that other processes that use the same file see them. There is no shared memory: a database
//! in WAL mode is read through [`wal`], and is refused as a target.
//!
//! Outside a guest (unit tests) SQLite's ordinary VFS is used and this one is not registered.

pub(crate) mod wal;

#[cfg(target_arch = "wasm32")]
mod disk;
#[cfg(target_arch = "wasm32")]
mod host_services;
#[cfg(target_arch = "wasm32")]
mod register;

use std::cell::RefCell;
use std::ffi::c_char;

use sensei_sdk::{Error, Kind, Result};

thread_local! {
    /// Why the last file operation failed: SQLite itself passes on a number alone.
    static HOST_ERROR: RefCell<Option<Error>> = const { RefCell::new(None) };
    /// By path: the moment of a write-ahead log that reads must see, and the one that the last read saw.
    static MOMENTS: RefCell<Vec<Moment>> = const { RefCell::new(Vec::new()) };
}

/// The VFS to open files with; registered on first use.
#[cfg(target_arch = "wasm32")]
pub(crate) fn name() -> *const c_char {
    register::name()
}

/// The VFS to open files with: SQLite's own.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn name() -> *const c_char {
    std::ptr::null()
}

/// What the host said about the last failure, if it was asked anything.
pub(crate) fn take_host_error() -> Option<Error> {
    HOST_ERROR.take()
}

/// Keeps the host's words until SQLite's code comes out at the other end.
fn keep_host_error(error: Error) {
    HOST_ERROR.set(Some(error));
}

#[derive(Debug, Clone, Default)]
struct Moment {
    path: String,
    required: Option<wal::Mark>,
    seen: Option<wal::Mark>,
}

fn with_moment<T>(path: &str, work: impl FnOnce(&mut Moment) -> T) -> T {
    MOMENTS.with_borrow_mut(|moments| {
        let at = moments.iter().position(|m| m.path == path).unwrap_or_else(|| {
            moments.push(Moment { path: path.to_owned(), ..Moment::default() });
            moments.len() - 1
        });
        work(&mut moments[at])
    })
}

/// From here on the file is read as it was at `mark` of its write-ahead log.
pub(crate) fn require_moment(path: &str, mark: Option<wal::Mark>) {
    with_moment(path, |moment| moment.required = mark);
}

/// The moment of the write-ahead log that the last read saw; none if the file has no such log.
pub(crate) fn moment_seen(path: &str) -> Option<wal::Mark> {
    with_moment(path, |moment| moment.seen)
}

/// Bytes of a file's header that tell how it is kept.
const HEADER_BYTES: u32 = 100;

#[cfg(target_arch = "wasm32")]
fn header(path: &str) -> Result<Vec<u8>> {
    use sensei_sdk::file::{File, Mode, exists};
    if exists(path)? { File::open(path, Mode::Read)?.read_at(0, HEADER_BYTES) } else { Ok(Vec::new()) }
}

#[cfg(not(target_arch = "wasm32"))]
fn header(path: &str) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap_or_default();
    Ok(bytes[..bytes.len().min(HEADER_BYTES as usize)].to_vec())
}

/// The file's change counter: another after each commit of a file in rollback mode.
pub(crate) fn change_counter(path: &str) -> Result<u32> {
    let header = header(path)?;
    Ok(header.get(24..28).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
}

/// A file in WAL mode cannot be written without memory that is shared with its other users.
pub(crate) fn refuse_wal(path: &str) -> Result<()> {
    if header(path)?.get(18).is_some_and(|version| *version == 2) {
        let message = "The target file is in WAL mode, which this connector reads and does not write. Run `PRAGMA \
                       journal_mode=DELETE` on it, and `PRAGMA journal_mode=WAL` again after the migration.";
        return Err(Error::new(Kind::Unsupported, message));
    }
    Ok(())
}
