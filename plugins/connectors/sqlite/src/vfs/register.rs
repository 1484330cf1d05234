//! The C side of the VFS: SQLite's function tables over [`Disk`].

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Once;
use std::time::Duration;

use sensei_sdk::file::{self, Mode};
use sensei_sdk::{Error, Kind, Result, host};

use super::disk::{Disk, Level, is_full};
use super::{host_services, keep_host_error};
use crate::ffi;

/// Name under which SQLite knows this VFS.
const NAME: &CStr = c"sensei";
/// Longest path, in bytes: what POSIX calls PATH_MAX.
const PATH_BYTES: c_int = 4096;
/// Bytes that a write is believed to damage at worst when power fails; SQLite's own default.
const SECTOR_BYTES: c_int = 4096;
/// Days from the Julian epoch to 1970-01-01, in milliseconds.
const JULIAN_1970_MILLIS: i64 = 210_866_760_000_000;

/// What SQLite sees of an open file: its own header first.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    disk: *mut Disk,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// Registers the VFS once and gives its name.
pub(super) fn name() -> *const c_char {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let vfs = Box::new(ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: size_of::<OpenFile>() as c_int,
            mxPathname: PATH_BYTES,
            pNext: ptr::null_mut(),
            zName: NAME.as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: None,
            xGetLastError: None,
            xCurrentTimeInt64: Some(current_time),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: the table is leaked, so it lives as long as SQLite may use it.
        unsafe { ffi::sqlite3_vfs_register(Box::leak(vfs), 1) };
    });
    NAME.as_ptr()
}

/// Keeps the host's words and gives SQLite a number for them.
fn code(result: Result<()>, otherwise: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) => refuse(error, otherwise),
    }
}

fn refuse(error: Error, otherwise: c_int) -> c_int {
    let full = is_full(error.kind);
    keep_host_error(error);
    if full { ffi::SQLITE_FULL } else { otherwise }
}

/// The file behind SQLite's pointer.
///
/// # Safety
/// `file` must be one that `open` filled and `close` did not yet see.
unsafe fn disk<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Disk {
    // SAFETY: the caller's promise. SQLite uses a file from one thread, one call at a time.
    unsafe { &mut *(*file.cast::<OpenFile>()).disk }
}

/// # Safety
/// `name` must be null or a C string.
unsafe fn path<'a>(name: *const c_char) -> Option<&'a str> {
    // SAFETY: the caller's promise.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_str().ok()).flatten()
}

thread_local! {
    /// The database opened last: temporary files are its side files, for no other place is granted.
    static DATABASE: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let file = file.cast::<OpenFile>();
    // SAFETY: SQLite passes room for `szOsFile` bytes. No methods: `close` is not called for a file that did not open.
    unsafe { (*file).base.pMethods = ptr::null() };
    let readable = flags & ffi::SQLITE_OPEN_READONLY != 0;
    // SAFETY: SQLite passes a C string or null.
    let opened = match unsafe { path(name) } {
        Some(path) => {
            let database = flags & ffi::SQLITE_OPEN_MAIN_DB != 0;
            if database {
                DATABASE.replace(path.to_owned());
            }
            let mode = match (readable, flags & ffi::SQLITE_OPEN_CREATE != 0) {
                (true, _) => Mode::Read,
                (false, true) => Mode::Create,
                (false, false) => Mode::Write,
            };
            Disk::open(path, mode, database && readable)
        }
        None => open_temporary(),
    };
    match opened {
        Ok(disk) => {
            // SAFETY: as above; `close` takes the box back.
            unsafe {
                (*file).disk = Box::into_raw(Box::new(disk));
                (*file).base.pMethods = &raw const METHODS;
                if !out_flags.is_null() {
                    *out_flags = flags;
                }
            }
            ffi::SQLITE_OK
        }
        Err(error) => refuse(error, ffi::SQLITE_CANTOPEN),
    }
}

/// A file without a name: removed from its directory at once, it is gone when it is closed, or the process dies.
fn open_temporary() -> Result<Disk> {
    let random: String = host::random_bytes(8).iter().map(|b| format!("{b:02x}")).collect();
    let path = DATABASE.with_borrow(|database| format!("{database}-sensei-temporary-{random}"));
    let disk = Disk::open(&path, Mode::Create, false)?;
    file::remove(&path)?;
    Ok(disk)
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` made the box; SQLite closes a file once.
    let mut disk = unsafe { Box::from_raw((*file.cast::<OpenFile>()).disk) };
    code(disk.unlock(Level::None), ffi::SQLITE_IOERR_CLOSE)
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, out: *mut c_void, amount: c_int, offset: i64) -> c_int {
    // SAFETY: SQLite passes an open file and room for `amount` bytes.
    let (disk, out) = unsafe { (disk(file), std::slice::from_raw_parts_mut(out.cast(), amount as usize)) };
    match disk.read(offset as u64, out) {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(error) => refuse(error, ffi::SQLITE_IOERR_READ),
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, bytes: *const c_void, amount: c_int, offset: i64) -> c_int {
    // SAFETY: SQLite passes an open file and `amount` bytes.
    let (disk, bytes) = unsafe { (disk(file), std::slice::from_raw_parts(bytes.cast(), amount as usize)) };
    code(disk.write(offset as u64, bytes), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: SQLite passes an open file.
    code(unsafe { disk(file) }.truncate(size as u64), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    code(unsafe { disk(file) }.sync(), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: SQLite passes an open file and a place for the answer.
    match unsafe { disk(file) }.size() {
        Ok(size) => {
            // SAFETY: the same.
            unsafe { out.write(size as i64) };
            ffi::SQLITE_OK
        }
        Err(error) => refuse(error, ffi::SQLITE_IOERR_FSTAT),
    }
}

fn level(number: c_int) -> Level {
    match number {
        ffi::SQLITE_LOCK_NONE => Level::None,
        ffi::SQLITE_LOCK_SHARED => Level::Shared,
        ffi::SQLITE_LOCK_RESERVED => Level::Reserved,
        ffi::SQLITE_LOCK_PENDING => Level::Pending,
        _ => Level::Exclusive,
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    match unsafe { disk(file) }.lock(level(wanted)) {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_BUSY,
        Err(error) => refuse(error, ffi::SQLITE_IOERR_LOCK),
    }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    code(unsafe { disk(file) }.unlock(level(wanted)), ffi::SQLITE_IOERR_UNLOCK)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite passes an open file and a place for the answer.
    match unsafe { disk(file) }.reserved() {
        Ok(reserved) => {
            // SAFETY: the same.
            unsafe { out.write(c_int::from(reserved)) };
            ffi::SQLITE_OK
        }
        Err(error) => refuse(error, ffi::SQLITE_IOERR_CHECKRESERVEDLOCK),
    }
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_BYTES
}

/// What can be said of any disk behind the host: nothing but that a write leaves its neighbours alone.
unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int) -> c_int {
    // SAFETY: SQLite passes a C string.
    let Some(path) = (unsafe { path(name) }) else { return ffi::SQLITE_IOERR_DELETE };
    match file::remove(path) {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) if error.kind == Kind::NotFound => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(error) => refuse(error, ffi::SQLITE_IOERR_DELETE),
    }
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    // SAFETY: SQLite passes a C string and a place for the answer.
    let Some(path) = (unsafe { path(name) }) else { return ffi::SQLITE_IOERR_ACCESS };
    // A database that is read through a view has no log as far as SQLite may know.
    let hidden = DATABASE.with_borrow(|database| path.strip_prefix(database.as_str()) == Some("-wal"))
        && super::moment_seen(path.trim_end_matches("-wal")).is_some();
    match file::exists(path) {
        Ok(exists) => {
            // SAFETY: the same.
            unsafe { out.write(c_int::from(exists && !hidden)) };
            ffi::SQLITE_OK
        }
        Err(error) => refuse(error, ffi::SQLITE_IOERR_ACCESS),
    }
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a C string.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > room as usize {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: there is room, as just seen; the host resolves paths, so this one is passed on as it is.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast(), bytes.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, length: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite passes room for `length` bytes.
    let out = unsafe { std::slice::from_raw_parts_mut(out.cast::<u8>(), length as usize) };
    out.copy_from_slice(&host::random_bytes(length as u32));
    length
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    host_services::sleep(Duration::from_micros(micros.max(0) as u64));
    micros
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut i64) -> c_int {
    // SAFETY: SQLite passes a place for the answer.
    unsafe { out.write(host_services::now_millis() + JULIAN_1970_MILLIS) };
    ffi::SQLITE_OK
}
