//! Reading a database in WAL mode without shared memory, while others go on writing to it.
//!
//! The file format is <https://sqlite.org/walformat.html>. The log is read once, up to its last valid commit (or up to
//! the moment another session of the snapshot saw), into a map of page -> place in the log. Pages that the map does
//! not name are in the database file. What makes that one unmoving picture are three locks, held as long as it is read:
//!
//! - SHARED on the database: no other connection can close the log as the last one and delete it;
//! - the checkpoint lock's byte of the shared-memory file: nobody copies pages from the log into the database;
//! - the first read mark's byte: nobody begins the log anew from its start.
//!
//! Where there is no shared-memory file nobody has the database open; should one appear, the read fails.
//! SQLite itself is shown a database in rollback mode ([`View::patch`]).

use std::collections::HashMap;

use sensei_sdk::{Error, Kind, Result};

/// Bytes before the first frame.
const HEADER_BYTES: usize = 32;
/// Bytes before each page.
const FRAME_HEADER_BYTES: usize = 24;
/// `walMagic`; the lowest bit set means that checksums are big-endian.
const MAGIC: u32 = 0x377f_0682;
/// Place in the shared-memory file of the lock that a checkpoint needs.
pub(crate) const CHECKPOINT_LOCK: u64 = 121;
/// Place in the shared-memory file of the lock of the first read mark that is not the database alone.
pub(crate) const READ_LOCK: u64 = 124;
/// Bytes of the log asked for at a time: large enough to make calls rare, small beside a guest's memory.
const STEP_BYTES: usize = 1 << 20;

/// A moment in the life of a log; the default is that of one that holds nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Mark {
    /// Names the log: new ones each time it begins anew.
    pub(crate) salts: (u32, u32),
    /// Frames that count.
    pub(crate) frames: u32,
}

/// The database as of one moment.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) mark: Mark,
    page_bytes: u64,
    /// Pages of the database.
    pages: u64,
    /// Page number -> where its content begins in the log.
    places: HashMap<u32, u64>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// `walChecksumBytes`: over pairs of words, in the order that the magic number says.
fn checksum(big_endian: bool, bytes: &[u8], (mut a, mut b): (u32, u32)) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let (x, y) = ([pair[0], pair[1], pair[2], pair[3]], [pair[4], pair[5], pair[6], pair[7]]);
        let (x, y) = if big_endian {
            (u32::from_be_bytes(x), u32::from_be_bytes(y))
        } else {
            (u32::from_le_bytes(x), u32::from_le_bytes(y))
        };
        a = a.wrapping_add(x).wrapping_add(b);
        b = b.wrapping_add(y).wrapping_add(a);
    }
    (a, b)
}

impl View {
    /// Reads a log through `read(offset, at most)`. None: the log holds no commit, the database file is all there is.
    ///
    /// # Errors
    /// `conflict` if the log is not the one that `pinned` names or does not reach it.
    pub(crate) fn read(
        read: &mut dyn FnMut(u64, usize) -> Result<Vec<u8>>,
        pinned: Option<Mark>,
    ) -> Result<Option<Self>> {
        if pinned.is_some_and(|mark| mark.frames == 0) {
            return Ok(None);
        }
        let view = Self::scan(read, pinned)?;
        if pinned.is_some() && view.as_ref().map(|view| view.mark) != pinned { Err(moved()) } else { Ok(view) }
    }

    fn scan(read: &mut dyn FnMut(u64, usize) -> Result<Vec<u8>>, pinned: Option<Mark>) -> Result<Option<Self>> {
        let header = read(0, HEADER_BYTES)?;
        if header.len() < HEADER_BYTES || word(&header, 0) & !1 != MAGIC {
            return Ok(None);
        }
        let big_endian = word(&header, 0) & 1 == 1;
        let page_bytes = match word(&header, 8) {
            1 => 65536,
            bytes => bytes as usize,
        };
        let mut sums = checksum(big_endian, &header[..24], (0, 0));
        if sums != (word(&header, 24), word(&header, 28))
            || !page_bytes.is_power_of_two()
            || !(512..=65536).contains(&page_bytes)
        {
            return Ok(None);
        }
        let salts = (word(&header, 16), word(&header, 20));
        let last = pinned.map_or(u32::MAX, |mark| mark.frames);
        let frame_bytes = FRAME_HEADER_BYTES + page_bytes;
        let step = (STEP_BYTES / frame_bytes).max(1) * frame_bytes;
        let (mut at, mut frame) = (HEADER_BYTES as u64, 0u32);
        // Frames count once a commit follows them.
        let mut waiting: Vec<(u32, u64)> = Vec::new();
        let (mut places, mut committed) = (HashMap::new(), None);
        'log: while frame < last {
            let bytes = read(at, step)?;
            for one in bytes.chunks_exact(frame_bytes) {
                sums = checksum(big_endian, &one[..8], sums);
                sums = checksum(big_endian, &one[FRAME_HEADER_BYTES..], sums);
                if (word(one, 8), word(one, 12)) != salts || (word(one, 16), word(one, 20)) != sums {
                    break 'log;
                }
                waiting.push((word(one, 0), at + FRAME_HEADER_BYTES as u64));
                at += frame_bytes as u64;
                frame += 1;
                let pages = word(one, 4);
                if pages != 0 {
                    places.extend(waiting.drain(..));
                    committed = Some((frame, pages));
                }
                if frame == last {
                    break 'log;
                }
            }
            if bytes.len() < step {
                break;
            }
        }
        Ok(committed.map(|(frames, pages)| Self {
            mark: Mark { salts, frames },
            page_bytes: page_bytes as u64,
            pages: u64::from(pages),
            places,
        }))
    }

    /// Size of the database, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.pages * self.page_bytes
    }

    /// Where in the log the bytes at `offset` of the database are; none if they are in the database file.
    pub(crate) fn place(&self, offset: u64) -> Option<u64> {
        let page = u32::try_from(offset / self.page_bytes + 1).ok()?;
        self.places.get(&page).map(|begin| begin + offset % self.page_bytes)
    }
}

/// Shows a header (or a part of one, read at `offset`) as that of a database in rollback mode, with a change counter
/// that moves with the log, as a cache of pages needs it.
pub(crate) fn patch(mark: Option<Mark>, offset: u64, bytes: &mut [u8]) {
    let mut set = |at: u64, value: u8| {
        if let Some(byte) = at.checked_sub(offset).and_then(|i| bytes.get_mut(i as usize)) {
            *byte = value;
        }
    };
    // File format versions: 2 is WAL, 1 is a rollback journal.
    set(18, 1);
    set(19, 1);
    if let Some(mark) = mark {
        let counter =
            mark.salts.0.wrapping_mul(31).wrapping_add(mark.salts.1).wrapping_mul(31).wrapping_add(mark.frames);
        // The change counter, and the one for which the size in the header is valid.
        for (i, byte) in counter.to_be_bytes().into_iter().enumerate() {
            set(24 + i as u64, byte);
            set(92 + i as u64, byte);
        }
    }
}

/// The file is not what the snapshot saw.
pub(crate) fn moved() -> Error {
    Error::new(
        Kind::Conflict,
        "Another process changed the file's write-ahead log while it was being read. Close that process, or run \
         `PRAGMA wal_checkpoint(TRUNCATE)` in it, and start again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Access, Database};

    fn reader(bytes: &[u8]) -> impl FnMut(u64, usize) -> Result<Vec<u8>> + '_ {
        |at, most| {
            let at = (at as usize).min(bytes.len());
            Ok(bytes[at..(at + most).min(bytes.len())].to_vec())
        }
    }

    /// The database that a view shows, put together into one file.
    fn materialise(database: &[u8], log: &[u8], view: &View) -> Vec<u8> {
        let mut whole = Vec::new();
        for page in 0..view.pages {
            let offset = page * view.page_bytes;
            let (from, at) = view.place(offset).map_or((database, offset), |place| (log, place));
            whole.extend_from_slice(&from[at as usize..(at + view.page_bytes) as usize]);
        }
        patch(Some(view.mark), 0, &mut whole[..100]);
        whole
    }

    #[test]
    fn a_live_log_is_read_as_of_a_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live.db");
        let path = path.to_str().unwrap();
        let writer = Database::open(path, Access::Create, 0).unwrap();
        writer.execute("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(x)").unwrap();
        writer.execute("INSERT INTO t VALUES (1), (2)").unwrap();
        let log = std::fs::read(format!("{path}-wal")).unwrap();
        let early = View::read(&mut reader(&log), None).unwrap().unwrap();
        writer.execute("INSERT INTO t SELECT randomblob(3000) FROM t, t AS u").unwrap();
        // An open transaction, spilled into the log or not, does not count.
        writer.execute("BEGIN; INSERT INTO t VALUES (99)").unwrap();

        let (database, log) = (std::fs::read(path).unwrap(), std::fs::read(format!("{path}-wal")).unwrap());
        let late = View::read(&mut reader(&log), None).unwrap().unwrap();
        let again = View::read(&mut reader(&log), Some(early.mark)).unwrap().unwrap();
        assert_eq!(again.mark, early.mark);
        for (view, rows) in [(late, 6), (again, 2)] {
            let copy = folder.path().join(format!("copy{rows}.db"));
            std::fs::write(&copy, materialise(&database, &log, &view)).unwrap();
            let copy = Database::open(copy.to_str().unwrap(), Access::ReadOnly, 0).unwrap();
            assert_eq!(copy.integer("SELECT count(*) FROM t").unwrap(), Some(rows));
            assert_eq!(
                copy.prepare("PRAGMA integrity_check")
                    .map(|mut s| s.step().map(|_| s.text(0)))
                    .unwrap()
                    .unwrap()
                    .as_deref(),
                Some("ok")
            );
        }
    }

    #[test]
    fn another_log_than_the_pinned_one_is_a_conflict() {
        let mark = Mark { salts: (1, 2), frames: 3 };
        assert_eq!(View::read(&mut reader(&[]), Some(mark)).unwrap_err().kind, Kind::Conflict);
        assert!(View::read(&mut reader(&[0; 64]), None).unwrap().is_none());
    }
}
