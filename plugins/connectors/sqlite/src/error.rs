//! SQLite result codes -> kinds of errors.

use sensei_sdk::{Error, Kind};

use crate::ffi;

/// What a result code means to a client. Looked up by the extended code first, then by its primary part
/// (the low byte). Codes: <https://sqlite.org/rescode.html>.
pub(crate) const CODES: &[(i32, &str, Kind, &str)] = &[
    // Extended codes that mean something else than their primary code.
    (
        261,
        "SQLITE_BUSY_RECOVERY",
        Kind::Timeout,
        "Another process is recovering the file's write-ahead log. Try again.",
    ),
    (517, "SQLITE_BUSY_SNAPSHOT", Kind::Conflict, "Another process changed the file in the meantime."),
    (
        264,
        "SQLITE_READONLY_RECOVERY",
        Kind::Conflict,
        "The file's write-ahead log needs recovery. Open the file once with a program that may write to it, close it, and try again.",
    ),
    (
        776,
        "SQLITE_READONLY_ROLLBACK",
        Kind::Conflict,
        "The file has a journal of an unfinished transaction beside it. Open the file once with a program that may write to it, so that the transaction is rolled back, and try again.",
    ),
    (522, "SQLITE_IOERR_SHORT_READ", Kind::InvalidData, "The file is shorter than it says."),
    (3082, "SQLITE_IOERR_NOMEM", Kind::ResourceExhausted, "The connector ran out of memory."),
    (1555, "SQLITE_CONSTRAINT_PRIMARYKEY", Kind::ConstraintViolation, "Two rows have the same primary key."),
    (2067, "SQLITE_CONSTRAINT_UNIQUE", Kind::ConstraintViolation, "Two rows have the same unique key."),
    (2579, "SQLITE_CONSTRAINT_ROWID", Kind::ConstraintViolation, "Two rows have the same rowid."),
    (1299, "SQLITE_CONSTRAINT_NOTNULL", Kind::ConstraintViolation, "A column that must have a value got none."),
    (275, "SQLITE_CONSTRAINT_CHECK", Kind::ConstraintViolation, "A row does not satisfy a check."),
    (3091, "SQLITE_CONSTRAINT_DATATYPE", Kind::InvalidData, "A STRICT table refused a value of another type."),
    // Primary codes.
    (1, "SQLITE_ERROR", Kind::Internal, "SQLite refused a statement."),
    (2, "SQLITE_INTERNAL", Kind::Internal, "SQLite found a bug in itself."),
    (3, "SQLITE_PERM", Kind::PermissionDenied, "The file may not be opened that way."),
    (4, "SQLITE_ABORT", Kind::Cancelled, "The statement was stopped."),
    (
        5,
        "SQLITE_BUSY",
        Kind::Timeout,
        "Another process holds a lock on the file for longer than busy_timeout_ms. Close it, or raise that setting.",
    ),
    (6, "SQLITE_LOCKED", Kind::Timeout, "A table is locked by another statement of the same connection."),
    (7, "SQLITE_NOMEM", Kind::ResourceExhausted, "The connector ran out of memory."),
    (8, "SQLITE_READONLY", Kind::PermissionDenied, "The file, or its directory, may not be written."),
    (9, "SQLITE_INTERRUPT", Kind::Cancelled, "The statement was stopped."),
    (10, "SQLITE_IOERR", Kind::Unreachable, "Reading or writing the file failed."),
    (11, "SQLITE_CORRUPT", Kind::InvalidData, "The file is damaged. `PRAGMA integrity_check` says more."),
    (
        13,
        "SQLITE_FULL",
        Kind::ResourceExhausted,
        "The disk, or the file's page limit, is full. Make room and run the migration again: it goes on where it stopped.",
    ),
    (14, "SQLITE_CANTOPEN", Kind::NotFound, "The file cannot be opened. Check the path and the directory."),
    (15, "SQLITE_PROTOCOL", Kind::Timeout, "The file's locks could not be had. Try again."),
    (17, "SQLITE_SCHEMA", Kind::Conflict, "Another process changed the tables in the meantime."),
    (
        18,
        "SQLITE_TOOBIG",
        Kind::ResourceExhausted,
        "A value is longer than the longest SQLite holds (1,000,000,000 bytes).",
    ),
    (19, "SQLITE_CONSTRAINT", Kind::ConstraintViolation, "A row violates a constraint."),
    (20, "SQLITE_MISMATCH", Kind::InvalidData, "An INTEGER PRIMARY KEY got a value that is no integer."),
    (21, "SQLITE_MISUSE", Kind::Internal, "The connector called SQLite wrongly."),
    (22, "SQLITE_NOLFS", Kind::ResourceExhausted, "The file system cannot hold so large a file."),
    (23, "SQLITE_AUTH", Kind::PermissionDenied, "SQLite was told not to do this."),
    (25, "SQLITE_RANGE", Kind::Internal, "The connector called SQLite wrongly."),
    (26, "SQLITE_NOTADB", Kind::InvalidData, "The file is not an SQLite database (or it is encrypted)."),
];

/// What SQLITE_ERROR means where SQLite's words, which have no code of their own, say more. (The library is part of the
/// connector: its words change with a new version of it alone, and a test asks it for them.)
const WORDS: &[(&str, Kind, &str)] = &[
    ("no such table", Kind::NotFound, "A table is not there."),
    ("already exists", Kind::Conflict, "Something of this name is already there; rename or remove it."),
    ("there is already", Kind::Conflict, "Something of this name is already there; rename or remove it."),
];

/// The row of [`CODES`] for an extended result code.
pub(crate) fn classify(code: i32) -> (&'static str, Kind, &'static str) {
    let row = CODES.iter().find(|row| row.0 == code).or_else(|| CODES.iter().find(|row| row.0 == code & 0xff));
    row.map_or(("SQLITE_UNKNOWN", Kind::Internal, "SQLite gave a result code that is not known."), |r| (r.1, r.2, r.3))
}

/// An error out of a result code and SQLite's own words.
pub(crate) fn from_code(code: i32, words: &str) -> Error {
    let (name, mut kind, mut meaning) = classify(code);
    if code == ffi::SQLITE_ERROR
        && let Some(row) = WORDS.iter().find(|row| words.contains(row.0))
    {
        (kind, meaning) = (row.1, row.2);
    }
    let words = words.trim_end_matches('.');
    let message = if words.is_empty() || words == "not an error" {
        meaning.to_owned()
    } else {
        format!("{meaning} SQLite says: {words}.")
    };
    let named = if code > 0xff && !CODES.iter().any(|row| row.0 == code) {
        format!("{name} ({code})")
    } else {
        name.to_owned()
    };
    Error::new(kind, message).native_code(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Access, Database};
    use std::fmt::Write;

    #[test]
    fn codes_are_a_golden_table() {
        let mut table = String::new();
        for (code, name, kind, _) in CODES {
            writeln!(table, "{code:>5} {name:<30} {kind:?}").unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn words_say_what_their_code_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let db = Database::open(path.to_str().unwrap(), Access::Create, 0).unwrap();
        db.execute("CREATE TABLE t (a); CREATE TABLE u (a); CREATE INDEX i ON t (a)").unwrap();
        let kind = |sql: &str| db.execute(sql).unwrap_err().kind;
        assert_eq!(kind("SELECT * FROM gone"), Kind::NotFound);
        for sql in
            ["CREATE TABLE t (b)", "ALTER TABLE u RENAME TO t", "ALTER TABLE u RENAME TO i", "CREATE INDEX i ON u (a)"]
        {
            assert_eq!(kind(sql), Kind::Conflict, "{sql}");
        }
        assert_eq!(kind("SELECT b FROM t"), Kind::Internal);
        assert_eq!(kind("SELEC"), Kind::Internal);
    }

    #[test]
    fn an_unlisted_extended_code_falls_back_to_its_primary_code() {
        let e = from_code(778, "disk I/O error");
        assert_eq!((e.kind, e.native_code.as_deref()), (Kind::Unreachable, Some("SQLITE_IOERR (778)")));
        assert_eq!(from_code(99, "").kind, Kind::Internal);
    }
}
