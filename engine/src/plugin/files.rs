//! Files for guests: granted paths and their `-` siblings, random access, record locks.
//!
//! A path is resolved by its directory: the directory is canonicalised, the last name must be exactly the granted
//! one (or `name-...`) and must not be a symbolic link, so nothing a guest says leads anywhere else.
//! Locks are Linux's *open file description* locks (`fcntl(2)`, F_OFD_SETLK): other processes' POSIX locks meet
//! them, two files of this process do not share them, and closing one file does not drop another's.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use wasmtime::component::Resource;

use super::bindings::sensei::plugin::errors::{Error, Kind};
use super::bindings::sensei::plugin::files::{self, LockKind, Mode};
use super::grant::FileGrant;
use super::guest::Guest;
use super::outcome::to_guest;

/// One open file of a guest.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct OpenFile {
    file: File,
    path: PathBuf,
    /// Made by this open: its directory must be synced with it, or the name may not survive a power cut.
    fresh: bool,
}

/// A granted path, resolved.
struct Resolved {
    path: PathBuf,
    writable: bool,
}

/// The operating system's refusals that a person can act on; everything else means that the file cannot be reached now.
const REFUSALS: &[(i32, Kind, &str)] = &[
    (libc::ENOENT, Kind::NotFound, "does not exist. Check the path"),
    (libc::ENOTDIR, Kind::NotFound, "does not exist: a part of its path is no directory. Check the path"),
    (
        libc::EACCES,
        Kind::PermissionDenied,
        "may not be opened by this process. Check its permissions and its directory's",
    ),
    (
        libc::EPERM,
        Kind::PermissionDenied,
        "may not be changed by this process. Check its permissions and its directory's",
    ),
    (libc::EROFS, Kind::PermissionDenied, "is on a file system that is mounted read-only"),
    (libc::ELOOP, Kind::PermissionDenied, "is a symbolic link. Name the file it points to"),
    (libc::EISDIR, Kind::InvalidConfig, "is a directory. Name a file"),
    (libc::ENAMETOOLONG, Kind::InvalidConfig, "has too long a name"),
    (libc::ENOSPC, Kind::ResourceExhausted, "cannot grow: the disk is full. Make room and run the migration again"),
    (
        libc::EDQUOT,
        Kind::ResourceExhausted,
        "cannot grow: the disk quota is used up. Make room and run the migration again",
    ),
    (
        libc::EFBIG,
        Kind::ResourceExhausted,
        "cannot grow: the file system, or a limit of the process, allows no larger file",
    ),
    (libc::EMFILE, Kind::ResourceExhausted, "cannot be opened: the process has too many files open"),
    (libc::ENFILE, Kind::ResourceExhausted, "cannot be opened: the machine has too many files open"),
    (libc::ENOLCK, Kind::ResourceExhausted, "cannot be locked: the system has no more locks"),
];

fn refusal(path: &Path, e: &io::Error) -> Error {
    let number = e.raw_os_error();
    let known = REFUSALS.iter().find(|(errno, ..)| Some(*errno) == number);
    let (kind, words) = match known {
        Some((_, kind, words)) => (*kind, (*words).to_owned()),
        None => (Kind::Unreachable, format!("could not be used: {e}")),
    };
    let mut error = to_guest(kind, format!("The file {} {words}.", path.display()));
    error.native_code =
        number.map(|n| Errno::from_raw(n).to_string()).map(|s| s.split(':').next().unwrap_or("").to_owned());
    error
}

/// The directory a path's last name is in.
fn directory(path: &Path) -> io::Result<PathBuf> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize(),
        _ => Path::new(".").canonicalize(),
    }
}

/// The grant that covers `asked`, and the place it means.
fn resolve(grants: &[FileGrant], asked: &str) -> Result<Resolved, Error> {
    let asked = Path::new(asked);
    let denied = || {
        let message = format!(
            "This connection's configuration does not name {}; its connector may not touch it.",
            asked.display()
        );
        to_guest(Kind::PermissionDenied, message)
    };
    let name = asked.file_name().ok_or_else(denied)?;
    for grant in grants {
        let Some(granted) = grant.path.file_name() else { continue };
        let covered = name == granted
            || name
                .as_encoded_bytes()
                .strip_prefix(granted.as_encoded_bytes())
                .is_some_and(|rest| rest.len() > 1 && rest[0] == b'-');
        if !covered {
            continue;
        }
        // The grant's directory comes first: a guest learns nothing about any other.
        let here = directory(&grant.path).map_err(|e| refusal(&grant.path, &e))?;
        if directory(asked).is_ok_and(|there| there == here) {
            return Ok(Resolved { path: here.join(name), writable: grant.writable });
        }
    }
    Err(denied())
}

fn open(grants: &[FileGrant], asked: &str, mode: Mode) -> Result<OpenFile, Error> {
    let Resolved { path, writable } = resolve(grants, asked)?;
    let (write, create) = match mode {
        Mode::Read => (false, false),
        Mode::Write => (true, false),
        Mode::Create => (true, true),
    };
    if write && !writable {
        return Err(read_only(&path));
    }
    // Not to follow a link, and not to wait for the other end of a pipe.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let options =
        |new: bool| OpenOptions::new().read(true).write(write).create_new(new).custom_flags(flags).open(&path);
    let (opened, fresh) = match options(false) {
        Err(e) if create && e.kind() == io::ErrorKind::NotFound => (options(true), true),
        other => (other, false),
    };
    let opened = match opened {
        // Somebody else made it in between.
        Err(e) if fresh && e.kind() == io::ErrorKind::AlreadyExists => options(false),
        other => other,
    };
    let file = opened.map_err(|e| refusal(&path, &e))?;
    let plain = file.metadata().map_err(|e| refusal(&path, &e))?.is_file();
    if !plain {
        return Err(to_guest(Kind::InvalidConfig, format!("{} is not a plain file. Name a file.", path.display())));
    }
    Ok(OpenFile { file, path, fresh })
}

fn read_only(path: &Path) -> Error {
    to_guest(Kind::PermissionDenied, format!("The file {} was granted for reading alone.", path.display()))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path)?)?.sync_all()
}

impl OpenFile {
    fn refusal(&self, e: &io::Error) -> Error {
        refusal(&self.path, e)
    }

    fn read(&self, offset: u64, max: usize) -> io::Result<Vec<u8>> {
        // Not more than there is: a guest that asks for much of a small file costs little.
        let there = self.file.metadata()?.len().saturating_sub(offset);
        let mut bytes = vec![0; max.min(usize::try_from(there).unwrap_or(usize::MAX))];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        if std::mem::take(&mut self.fresh) { sync_directory(&self.path) } else { Ok(()) }
    }

    /// Sets or clears a lock; false if somebody else's is in the way.
    fn lock(&self, offset: u64, length: u64, kind: libc::c_int) -> Result<bool, Error> {
        let (Ok(l_start), Ok(l_len)) = (i64::try_from(offset), i64::try_from(length)) else {
            return Err(to_guest(Kind::Internal, "A lock was asked for beyond the largest offset of a file."));
        };
        let range = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start,
            l_len,
            l_pid: 0,
        };
        loop {
            match fcntl(&self.file, FcntlArg::F_OFD_SETLK(&range)) {
                Ok(_) => return Ok(true),
                Err(Errno::EAGAIN | Errno::EACCES) => return Ok(false),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(self.refusal(&io::Error::from(e))),
            }
        }
    }
}

impl files::Host for Guest {
    fn exists(&mut self, path: String) -> wasmtime::Result<Result<bool, Error>> {
        self.progressed();
        Ok(resolve(&self.grant.files, &path).and_then(|r| match std::fs::symlink_metadata(&r.path) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(refusal(&r.path, &e)),
        }))
    }

    fn remove(&mut self, path: String) -> wasmtime::Result<Result<(), Error>> {
        self.progressed();
        Ok(resolve(&self.grant.files, &path).and_then(|r| {
            if !r.writable {
                return Err(read_only(&r.path));
            }
            std::fs::remove_file(&r.path).and_then(|()| sync_directory(&r.path)).map_err(|e| refusal(&r.path, &e))
        }))
    }
}

impl Guest {
    /// Asked at every use of a file: a guest that only ever touches files must hear a cancellation too.
    fn with_file<T>(
        &mut self,
        this: &Resource<OpenFile>,
        work: impl FnOnce(&mut OpenFile) -> Result<T, Error>,
    ) -> wasmtime::Result<Result<T, Error>> {
        self.progressed();
        if self.environment.cancel.is_cancelled() {
            return Ok(Err(to_guest(Kind::Cancelled, "The migration was asked to stop.")));
        }
        Ok(work(self.table.get_mut(this)?))
    }
}

impl files::HostFile for Guest {
    fn open(&mut self, path: String, mode: Mode) -> wasmtime::Result<Result<Resource<OpenFile>, Error>> {
        self.take_handle()?;
        self.progressed();
        match open(&self.grant.files, &path, mode) {
            Ok(file) => Ok(Ok(self.table.push(file)?)),
            Err(e) => {
                self.handles -= 1;
                Ok(Err(e))
            }
        }
    }

    fn read_at(&mut self, this: Resource<OpenFile>, offset: u64, max: u32) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let max = max.min(self.limits.read_bytes) as usize;
        self.with_file(&this, |f| f.read(offset, max).map_err(|e| f.refusal(&e)))
    }

    fn write_at(
        &mut self,
        this: Resource<OpenFile>,
        offset: u64,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.with_file(&this, |f| f.file.write_all_at(&bytes, offset).map_err(|e| f.refusal(&e)))
    }

    fn size(&mut self, this: Resource<OpenFile>) -> wasmtime::Result<Result<u64, Error>> {
        self.with_file(&this, |f| f.file.metadata().map(|m| m.len()).map_err(|e| f.refusal(&e)))
    }

    fn set_size(&mut self, this: Resource<OpenFile>, size: u64) -> wasmtime::Result<Result<(), Error>> {
        self.with_file(&this, |f| f.file.set_len(size).map_err(|e| f.refusal(&e)))
    }

    fn sync(&mut self, this: Resource<OpenFile>) -> wasmtime::Result<Result<(), Error>> {
        self.with_file(&this, |f| f.sync().map_err(|e| f.refusal(&e)))
    }

    fn lock(
        &mut self,
        this: Resource<OpenFile>,
        offset: u64,
        length: u64,
        kind: LockKind,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let kind = match kind {
            LockKind::Shared => libc::F_RDLCK,
            LockKind::Exclusive => libc::F_WRLCK,
        };
        self.with_file(&this, |f| f.lock(offset, length, kind))
    }

    fn unlock(&mut self, this: Resource<OpenFile>, offset: u64, length: u64) -> wasmtime::Result<Result<(), Error>> {
        // Also after a cancellation: letting go is how a guest stops.
        self.progressed();
        let file: &OpenFile = self.table.get(&this)?;
        Ok(file.lock(offset, length, libc::F_UNLCK).map(|_| ()))
    }

    fn drop(&mut self, this: Resource<OpenFile>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        self.handles -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        grants: Vec<FileGrant>,
    }

    impl Place {
        fn new(writable: bool) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let grants = vec![FileGrant { path: folder.path().join("shop.db"), writable }];
            Self { folder, grants }
        }

        fn open(&self, name: &str, mode: Mode) -> Result<OpenFile, Error> {
            open(&self.grants, self.folder.path().join(name).to_str().unwrap(), mode)
        }

        fn kind(&self, name: &str, mode: Mode) -> Kind {
            self.open(name, mode).err().unwrap().kind
        }
    }

    #[test]
    fn a_grant_covers_the_file_and_its_dash_siblings_and_nothing_else() {
        let place = Place::new(true);
        for name in ["shop.db", "shop.db-journal", "./shop.db-wal"] {
            assert!(place.open(name, Mode::Create).is_ok(), "{name}");
        }
        std::fs::create_dir(place.folder.path().join("shop.db-dir")).unwrap();
        for name in ["shop.db2", "shop.db-", "other", "..", "shop.db-dir/x", "shop.db-x/../../etc"] {
            assert_eq!(place.kind(name, Mode::Create), Kind::PermissionDenied, "{name}");
        }
        assert_eq!(place.kind("shop.db-dir", Mode::Read), Kind::InvalidConfig);
    }

    #[test]
    fn a_symbolic_link_is_refused() {
        let place = Place::new(true);
        std::fs::write(place.folder.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink("secret", place.folder.path().join("shop.db-wal")).unwrap();
        let error = place.open("shop.db-wal", Mode::Read).err().unwrap();
        assert_eq!((error.kind, error.native_code.as_deref()), (Kind::PermissionDenied, Some("ELOOP")));
    }

    #[test]
    fn a_reading_grant_neither_writes_nor_makes() {
        let place = Place::new(false);
        assert_eq!(place.kind("shop.db", Mode::Create), Kind::PermissionDenied);
        assert_eq!(place.kind("shop.db", Mode::Read), Kind::NotFound);
        assert!(!place.folder.path().join("shop.db").exists());
    }

    #[test]
    fn two_files_of_one_process_do_not_share_locks() {
        let place = Place::new(true);
        let one = place.open("shop.db", Mode::Create).unwrap();
        let two = place.open("shop.db", Mode::Write).unwrap();
        assert!(one.lock(100, 10, libc::F_WRLCK).unwrap());
        assert!(!two.lock(109, 1, libc::F_RDLCK).unwrap());
        assert!(two.lock(110, 1, libc::F_WRLCK).unwrap());
        assert!(one.lock(100, 10, libc::F_RDLCK).unwrap());
        assert!(two.lock(100, 10, libc::F_RDLCK).unwrap());
        drop(one);
        assert!(two.lock(100, 10, libc::F_WRLCK).unwrap());
    }

    #[test]
    fn reads_end_with_the_file() {
        let place = Place::new(true);
        let file = place.open("shop.db", Mode::Create).unwrap();
        file.file.write_all_at(b"abcdef", 0).unwrap();
        assert_eq!(file.read(4, 100).unwrap(), b"ef");
        assert!(file.read(100, 100).unwrap().is_empty());
    }
}
