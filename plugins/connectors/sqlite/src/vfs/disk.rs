//! One open file: buffers, SQLite's locks, and the view of a write-ahead log.

use sensei_sdk::file::{self, File, LockKind, Mode};
use sensei_sdk::{Kind, Result};

use super::wal::{self, Mark, View};
use super::with_moment;

/// Bytes read at once while a file is read from front to back: makes a page cost a copy and not a host call.
const READ_AHEAD_BYTES: usize = 256 * 1024;
/// Bytes of adjoining pages gathered before they cross to the host.
const GATHER_BYTES: usize = 256 * 1024;

/// Where SQLite keeps its locks (<https://sqlite.org/lockingv3.html>, `os.h`): bytes that no page uses.
const PENDING_BYTE: u64 = 0x4000_0000;
const RESERVED_BYTE: u64 = PENDING_BYTE + 1;
const SHARED_FIRST: u64 = PENDING_BYTE + 2;
const SHARED_BYTES: u64 = 510;

/// SQLite's lock levels, in its own order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

/// Locks in the shared-memory file that keep a view as it is; let go when the file handle is dropped.
#[derive(Debug)]
enum Guard {
    Held {
        _shared_memory: File,
    },
    /// Nobody had the database open: this path must not appear.
    Absent(String),
}

#[derive(Debug)]
struct Overlay {
    /// The log, where it holds something.
    log: Option<(File, View)>,
    guard: Guard,
}

#[derive(Debug)]
pub(super) struct Disk {
    file: File,
    path: String,
    /// A database that is only read: it may be in WAL mode.
    viewable: bool,
    level: Level,
    overlay: Option<Overlay>,
    ahead: Vec<u8>,
    ahead_at: u64,
    /// Where the last read ended: the next one there begins reading ahead.
    read_end: u64,
    gathered: Vec<u8>,
    gathered_at: u64,
}

impl Disk {
    pub(super) fn open(path: &str, mode: Mode, viewable: bool) -> Result<Self> {
        Ok(Self {
            file: File::open(path, mode)?,
            path: path.to_owned(),
            viewable,
            level: Level::None,
            overlay: None,
            ahead: Vec::new(),
            ahead_at: 0,
            read_end: u64::MAX,
            gathered: Vec::new(),
            gathered_at: 0,
        })
    }

    /// Fills `out`; false (and zeros behind it) where the file ends first.
    pub(super) fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<bool> {
        let mut whole = true;
        let from_log = self
            .overlay
            .as_ref()
            .and_then(|o| o.log.as_ref())
            .and_then(|(log, view)| view.place(offset).map(|place| log.read_at(place, out.len() as u32)));
        if let Some(bytes) = from_log {
            whole = fill(out, &bytes?);
        } else {
            let begin = offset.wrapping_sub(self.ahead_at) as usize;
            if let Some(bytes) = self.still_gathered(offset, out.len())? {
                out.copy_from_slice(bytes);
            } else if offset >= self.ahead_at && begin + out.len() <= self.ahead.len() {
                out.copy_from_slice(&self.ahead[begin..begin + out.len()]);
            } else {
                let ask = if offset == self.read_end { READ_AHEAD_BYTES.max(out.len()) } else { out.len() };
                let bytes = self.file.read_at(offset, ask as u32)?;
                whole = fill(out, &bytes);
                self.ahead = bytes;
                self.ahead_at = offset;
            }
            self.read_end = offset + out.len() as u64;
        }
        if let Some(overlay) = &self.overlay {
            if let Guard::Absent(path) = &overlay.guard
                && file::exists(path)?
            {
                return Err(wal::moved());
            }
            wal::patch(overlay.log.as_ref().map(|(_, view)| view.mark), offset, out);
        }
        Ok(whole)
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.ahead.clear();
        let adjoins = offset == self.gathered_at + self.gathered.len() as u64;
        if !self.gathered.is_empty() && (!adjoins || self.gathered.len() + bytes.len() > GATHER_BYTES) {
            self.flush()?;
        }
        if self.gathered.is_empty() {
            self.gathered_at = offset;
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    /// Bytes that have not crossed to the host yet. A read must not make them cross: a rollback after the disk was full
    /// reads, and would meet the full disk again.
    fn still_gathered(&mut self, offset: u64, length: usize) -> Result<Option<&[u8]>> {
        let (end, gathered_end) = (offset + length as u64, self.gathered_at + self.gathered.len() as u64);
        if self.gathered.is_empty() || end <= self.gathered_at || gathered_end <= offset {
            return Ok(None);
        }
        if self.gathered_at <= offset && end <= gathered_end {
            let begin = (offset - self.gathered_at) as usize;
            return Ok(Some(&self.gathered[begin..begin + length]));
        }
        // Only a part of it: the file must put it together.
        self.flush().map(|()| None)
    }

    fn flush(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        // What was read ahead may lie under it.
        self.ahead.clear();
        let done = self.file.write_at(self.gathered_at, &self.gathered);
        // Kept on failure, it would be written later, when SQLite believes it never was.
        self.gathered.clear();
        done
    }

    pub(super) fn truncate(&mut self, size: u64) -> Result<()> {
        if size <= self.gathered_at {
            self.gathered.clear();
        }
        self.flush()?;
        self.ahead.clear();
        self.file.set_size(size)
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        self.flush()?;
        self.file.sync()
    }

    pub(super) fn size(&self) -> Result<u64> {
        match self.overlay.as_ref().and_then(|o| o.log.as_ref()) {
            Some((_, view)) => Ok(view.bytes()),
            None if self.gathered.is_empty() => self.file.size(),
            None => Ok(self.file.size()?.max(self.gathered_at + self.gathered.len() as u64)),
        }
    }

    /// Raises the lock as `unixLock` of SQLite does; false: somebody else is in the way.
    pub(super) fn lock(&mut self, level: Level) -> Result<bool> {
        if self.level >= level {
            return Ok(true);
        }
        let kind = if level == Level::Shared { LockKind::Shared } else { LockKind::Exclusive };
        if level == Level::Shared || (level == Level::Exclusive && self.level < Level::Pending) {
            if !self.file.lock(PENDING_BYTE, 1, kind)? {
                return Ok(false);
            }
            if level == Level::Exclusive {
                self.level = Level::Pending;
            }
        }
        let done = match level {
            Level::None | Level::Pending => true,
            Level::Shared => {
                let done = self.file.lock(SHARED_FIRST, SHARED_BYTES, kind);
                self.file.unlock(PENDING_BYTE, 1)?;
                done?
            }
            Level::Reserved => self.file.lock(RESERVED_BYTE, 1, kind)?,
            Level::Exclusive => self.file.lock(SHARED_FIRST, SHARED_BYTES, kind)?,
        };
        if !done {
            return Ok(false);
        }
        if level == Level::Shared {
            // What was read before the lock may be old.
            self.ahead.clear();
            if self.viewable && !self.begin_view()? {
                self.file.unlock(SHARED_FIRST, SHARED_BYTES)?;
                return Ok(false);
            }
        }
        self.level = level;
        Ok(true)
    }

    pub(super) fn unlock(&mut self, level: Level) -> Result<()> {
        if self.level <= level {
            return Ok(());
        }
        self.flush()?;
        self.ahead.clear();
        if self.level > Level::Shared && level == Level::Shared {
            self.file.lock(SHARED_FIRST, SHARED_BYTES, LockKind::Shared)?;
            self.file.unlock(PENDING_BYTE, 2)?;
        }
        if level == Level::None {
            self.overlay = None;
            self.file.unlock(PENDING_BYTE, SHARED_FIRST + SHARED_BYTES - PENDING_BYTE)?;
        }
        self.level = level;
        Ok(())
    }

    /// True if some process has reserved the file for writing.
    pub(super) fn reserved(&self) -> Result<bool> {
        if self.level >= Level::Reserved {
            return Ok(true);
        }
        // A file that is open for reading can only be locked shared, and that is enough to meet a writer's lock.
        let free = self.file.lock(RESERVED_BYTE, 1, LockKind::Shared)?;
        if free {
            self.file.unlock(RESERVED_BYTE, 1)?;
        }
        Ok(!free)
    }

    /// Takes the view of a database in WAL mode; false while somebody is in the way.
    fn begin_view(&mut self) -> Result<bool> {
        let header = self.file.read_at(18, 2)?;
        if header.len() < 2 || header == [1, 1] {
            return Ok(true);
        }
        let shared_memory = format!("{}-shm", self.path);
        let guard = if file::exists(&shared_memory)? {
            let shared_memory = File::open(&shared_memory, Mode::Read)?;
            for byte in [wal::CHECKPOINT_LOCK, wal::READ_LOCK] {
                if !shared_memory.lock(byte, 1, LockKind::Shared)? {
                    return Ok(false);
                }
            }
            Guard::Held { _shared_memory: shared_memory }
        } else {
            Guard::Absent(shared_memory)
        };
        let path = format!("{}-wal", self.path);
        let required = with_moment(&self.path, |moment| moment.required);
        let log = match file::exists(&path)?.then(|| File::open(&path, Mode::Read)).transpose()? {
            Some(log) => View::read(&mut |at, most| log.read_at(at, most as u32), required)?.map(|view| (log, view)),
            None => View::read(&mut |_, _| Ok(Vec::new()), required)?.and(None),
        };
        let seen = log.as_ref().map_or_else(Mark::default, |(_, view)| view.mark);
        with_moment(&self.path, |moment| moment.seen = Some(seen));
        self.overlay = Some(Overlay { log, guard });
        Ok(true)
    }
}

/// Copies what there is and puts zeros behind it, as SQLite wants a read past the end; true if it was all there.
fn fill(out: &mut [u8], bytes: &[u8]) -> bool {
    let there = bytes.len().min(out.len());
    out[..there].copy_from_slice(&bytes[..there]);
    out[there..].fill(0);
    there == out.len()
}

/// Result code for a host's refusal: a full disk has one of its own.
pub(super) fn is_full(kind: Kind) -> bool {
    kind == Kind::ResourceExhausted
}
