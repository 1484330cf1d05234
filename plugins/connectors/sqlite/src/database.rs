//! A thin, safe layer over SQLite's C interface: one connection, its statements, and the raw column access that the
//! hot loops need.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::rc::Rc;

use sensei_sdk::{Error, Kind, Result};

use crate::{error, ffi, vfs};

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// A source: nothing is ever written, not even a recovery.
    ReadOnly,
    /// A target: made when absent.
    Create,
}

/// One connection to one file.
#[derive(Debug)]
pub(crate) struct Database {
    handle: *mut ffi::sqlite3,
}

/// The storage class of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

impl Class {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer => "an INTEGER",
            Self::Real => "a REAL",
            Self::Text => "a TEXT",
            Self::Blob => "a BLOB",
        }
    }
}

impl Database {
    /// Opens a file and sets the busy timeout. Nothing is read yet.
    pub(crate) fn open(path: &str, access: Access, busy_timeout_ms: u32) -> Result<Rc<Self>> {
        let name = CString::new(path)
            .map_err(|_| Error::new(Kind::InvalidConfig, "`path` contains a zero byte; give the file's real path."))?;
        let flags = match access {
            Access::ReadOnly => ffi::SQLITE_OPEN_READONLY,
            Access::Create => ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE,
        } | ffi::SQLITE_OPEN_EXRESCODE;
        let mut handle = ptr::null_mut();
        // SAFETY: `name` lives through the call; the handle is closed by `drop` even when opening failed.
        let code = unsafe { ffi::sqlite3_open_v2(name.as_ptr(), &raw mut handle, flags, vfs::name()) };
        let database = Rc::new(Self { handle });
        database.check(code)?;
        // SAFETY: the handle is open.
        database.check(unsafe { ffi::sqlite3_busy_timeout(handle, busy_timeout_ms.min(i32::MAX as u32) as c_int) })?;
        Ok(database)
    }

    /// Turns a result code into an error with this connection's own words.
    pub(crate) fn check(&self, code: c_int) -> Result<()> {
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(self.error(code)) }
    }

    fn error(&self, code: c_int) -> Error {
        let words = if self.handle.is_null() {
            String::new()
        } else {
            // SAFETY: the handle is open; the text lives until the next call on it and is copied at once.
            unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(self.handle)) }.to_string_lossy().into_owned()
        };
        let error = error::from_code(code, &words);
        match (code & 0xff, vfs::take_host_error()) {
            // The host knows better than SQLite why a file could not be opened, read or written.
            (ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN | ffi::SQLITE_FULL, Some(host)) => {
                Error { native_code: error.native_code, ..host }
            }
            _ => error,
        }
    }

    /// Compiles one statement.
    pub(crate) fn prepare(self: &Rc<Self>, sql: &str) -> Result<Statement> {
        self.prepare_first(sql)?.0.ok_or_else(|| Error::internal("The connector made an empty statement."))
    }

    /// Compiles the first statement of `sql`; says where the next begins.
    fn prepare_first(self: &Rc<Self>, sql: &str) -> Result<(Option<Statement>, usize)> {
        let mut stmt = ptr::null_mut();
        let mut tail: *const c_char = ptr::null();
        let begin: *const c_char = sql.as_ptr().cast();
        let length = c_int::try_from(sql.len())
            .map_err(|_| Error::new(Kind::ResourceExhausted, "A statement is longer than SQLite takes."))?;
        // SAFETY: the text and its length belong together; SQLite does not keep either.
        let code = unsafe { ffi::sqlite3_prepare_v2(self.handle, begin, length, &raw mut stmt, &raw mut tail) };
        self.check(code)?;
        // SAFETY: the tail points into `sql`.
        let used = unsafe { tail.offset_from(begin) } as usize;
        Ok(((!stmt.is_null()).then(|| Statement { database: Rc::clone(self), stmt }), used))
    }

    /// Executes any number of statements; rows they give are dropped.
    pub(crate) fn execute(self: &Rc<Self>, sql: &str) -> Result<()> {
        let mut rest = sql;
        while !rest.is_empty() {
            let (statement, used) = self.prepare_first(rest)?;
            if let Some(mut statement) = statement {
                while statement.step()? {}
            }
            rest = &rest[used..];
        }
        Ok(())
    }

    /// The first column of the first row as an integer.
    pub(crate) fn integer(self: &Rc<Self>, sql: &str) -> Result<Option<i64>> {
        let mut statement = self.prepare(sql)?;
        Ok((statement.step()? && statement.class(0) != Class::Null).then(|| statement.integer(0)))
    }

    /// True while a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        // SAFETY: the handle is open.
        unsafe { ffi::sqlite3_get_autocommit(self.handle) == 0 }
    }

    /// Runs `work` in one write transaction: committed when it succeeds, rolled back when it does not.
    pub(crate) fn transaction<T>(self: &Rc<Self>, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.execute("BEGIN IMMEDIATE")?;
        let done = work().and_then(|value| self.execute("COMMIT").map(|()| value));
        if done.is_err() {
            self.take_back();
        }
        done
    }

    /// Rolls back after something went wrong, and leaves no journal that another program would have to roll back: after a
    /// failed write SQLite puts the file right when it is read next, so it is read.
    pub(crate) fn take_back(self: &Rc<Self>) {
        self.roll_back();
        drop(self.integer("SELECT count(*) FROM sqlite_schema"));
    }

    /// Takes an open transaction back. What goes wrong here goes wrong again, louder, in the next statement.
    pub(crate) fn roll_back(self: &Rc<Self>) {
        if self.in_transaction() {
            drop(self.execute("ROLLBACK"));
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: statements hold an `Rc` of this, so none is left.
        unsafe { ffi::sqlite3_close(self.handle) };
    }
}

/// One compiled statement. Parameters and columns count from 0 here.
#[derive(Debug)]
pub(crate) struct Statement {
    database: Rc<Database>,
    stmt: *mut ffi::sqlite3_stmt,
}

impl Statement {
    /// Goes on to the next row; false after the last.
    pub(crate) fn step(&mut self) -> Result<bool> {
        // SAFETY: the statement lives.
        match unsafe { ffi::sqlite3_step(self.stmt) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            code => Err(self.database.error(code)),
        }
    }

    /// Executes a statement that gives no rows and makes it ready to be executed again.
    pub(crate) fn run(&mut self) -> Result<()> {
        while self.step()? {}
        self.reset();
        Ok(())
    }

    /// Back to before the first row; parameters stay.
    pub(crate) fn reset(&mut self) {
        // SAFETY: the statement lives. The code repeats the last step's, which was handled there.
        unsafe { ffi::sqlite3_reset(self.stmt) };
    }

    /// Forgets all parameters: none points into a buffer any more.
    pub(crate) fn unbind(&mut self) {
        // SAFETY: the statement lives.
        unsafe { ffi::sqlite3_clear_bindings(self.stmt) };
    }

    /// Binds an integer.
    pub(crate) fn bind_integer(&mut self, at: usize, value: i64) -> Result<()> {
        // SAFETY: the statement lives; a wrong index is an error code.
        self.database.check(unsafe { ffi::sqlite3_bind_int64(self.stmt, at as c_int + 1, value) })
    }

    /// Binds a number that is not NaN (which SQLite would store as NULL).
    pub(crate) fn bind_real(&mut self, at: usize, value: f64) -> Result<()> {
        debug_assert!(!value.is_nan(), "NaN is refused before it comes here");
        // SAFETY: as above.
        self.database.check(unsafe { ffi::sqlite3_bind_double(self.stmt, at as c_int + 1, value) })
    }

    /// Binds NULL.
    pub(crate) fn bind_null(&mut self, at: usize) -> Result<()> {
        // SAFETY: as above.
        self.database.check(unsafe { ffi::sqlite3_bind_null(self.stmt, at as c_int + 1) })
    }

    /// Binds a text that SQLite copies.
    pub(crate) fn bind_text(&mut self, at: usize, value: &str) -> Result<()> {
        // SAFETY: SQLITE_TRANSIENT copies within the call.
        self.database.check(unsafe {
            ffi::sqlite3_bind_text64(
                self.stmt,
                at as c_int + 1,
                value.as_ptr().cast(),
                value.len() as u64,
                ffi::SQLITE_TRANSIENT(),
                ffi::SQLITE_UTF8 as u8,
            )
        })
    }

    /// Binds a text without copying it.
    ///
    /// # Safety
    /// The bytes must be UTF-8, live, and stay where they are until the statement was stepped and bound anew.
    pub(crate) unsafe fn bind_text_in_place(&mut self, at: usize, value: &[u8]) -> Result<()> {
        // SAFETY: the caller's promise; a null destructor is SQLITE_STATIC.
        self.database.check(unsafe {
            ffi::sqlite3_bind_text64(
                self.stmt,
                at as c_int + 1,
                value.as_ptr().cast(),
                value.len() as u64,
                None,
                ffi::SQLITE_UTF8 as u8,
            )
        })
    }

    /// Binds bytes without copying them.
    ///
    /// # Safety
    /// As for [`Self::bind_text_in_place`], UTF-8 aside.
    pub(crate) unsafe fn bind_bytes_in_place(&mut self, at: usize, value: &[u8]) -> Result<()> {
        // An empty slice must not become a null pointer: that would bind NULL.
        let begin = if value.is_empty() { c"".as_ptr().cast() } else { value.as_ptr() };
        // SAFETY: the caller's promise; a null destructor is SQLITE_STATIC.
        self.database.check(unsafe {
            ffi::sqlite3_bind_blob64(self.stmt, at as c_int + 1, begin.cast(), value.len() as u64, None)
        })
    }

    /// The storage class of a column of the present row.
    #[inline]
    pub(crate) fn class(&self, at: usize) -> Class {
        // SAFETY: the statement lives; a wrong index reads as NULL.
        match unsafe { ffi::sqlite3_column_type(self.stmt, at as c_int) } {
            ffi::SQLITE_INTEGER => Class::Integer,
            ffi::SQLITE_FLOAT => Class::Real,
            ffi::SQLITE3_TEXT => Class::Text,
            ffi::SQLITE_BLOB => Class::Blob,
            _ => Class::Null,
        }
    }

    /// An INTEGER.
    #[inline]
    pub(crate) fn integer(&self, at: usize) -> i64 {
        // SAFETY: as above.
        unsafe { ffi::sqlite3_column_int64(self.stmt, at as c_int) }
    }

    /// A REAL.
    #[inline]
    pub(crate) fn real(&self, at: usize) -> f64 {
        // SAFETY: as above.
        unsafe { ffi::sqlite3_column_double(self.stmt, at as c_int) }
    }

    /// The bytes of a TEXT or BLOB; do not ask for another class, which SQLite would convert. Valid until the next
    /// step (the borrow sees to it).
    #[inline]
    pub(crate) fn bytes(&self, at: usize) -> &[u8] {
        // SAFETY: the pointer and the length describe one value that lives until the statement moves on; `step`
        // needs `&mut self`. A length of zero may come with a null pointer.
        unsafe {
            // The length first: it makes UTF-8 of a text that the file keeps in UTF-16.
            let length = ffi::sqlite3_column_bytes(self.stmt, at as c_int);
            let begin: *const u8 = ffi::sqlite3_column_blob(self.stmt, at as c_int).cast();
            if begin.is_null() || length <= 0 { &[] } else { std::slice::from_raw_parts(begin, length as usize) }
        }
    }

    /// A value as text, whatever its class; none for NULL. For catalogs, not for rows.
    pub(crate) fn text(&self, at: usize) -> Option<String> {
        match self.class(at) {
            Class::Null => None,
            Class::Integer => Some(self.integer(at).to_string()),
            Class::Real => Some(self.real(at).to_string()),
            Class::Text | Class::Blob => Some(String::from_utf8_lossy(self.bytes(at)).into_owned()),
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: the statement lives and is not used again.
        unsafe { ffi::sqlite3_finalize(self.stmt) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Rc<Database> {
        Database::open(":memory:", Access::Create, 0).unwrap()
    }

    #[test]
    fn values_come_back_as_they_went_in() {
        let db = memory();
        let mut s = db.prepare("SELECT ?1, ?2, ?3, ?4, ?5").unwrap();
        s.bind_integer(0, i64::MIN).unwrap();
        s.bind_real(1, 0.1).unwrap();
        s.bind_text(2, "a\0b").unwrap();
        s.bind_null(3).unwrap();
        // SAFETY: a static.
        unsafe { s.bind_bytes_in_place(4, &[]).unwrap() };
        assert!(s.step().unwrap());
        assert_eq!((s.integer(0), s.real(1), s.bytes(2)), (i64::MIN, 0.1, &b"a\0b"[..]));
        assert_eq!((s.class(3), s.class(4)), (Class::Null, Class::Blob));
        assert!(!s.step().unwrap());
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let db = memory();
        db.execute("CREATE TABLE t(x UNIQUE); INSERT INTO t VALUES (1);").unwrap();
        let error = db.transaction(|| db.execute("INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)")).unwrap_err();
        assert_eq!(error.kind, Kind::ConstraintViolation);
        assert_eq!(db.integer("SELECT count(*) FROM t").unwrap(), Some(1));
        assert!(!db.in_transaction());
    }
}
