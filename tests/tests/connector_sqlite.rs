//! SQLite files shared with other programs: their locks, their logs, their unfinished transactions.
//!
//! The other program is SQLite's own library, in this process; the connector's locks are its guest's, through the host.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use sensei_tests::product;
use sensei_tests::servers::SqliteFile;

/// Longer than any transaction of these tests.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows at the beginning: enough for several chunks.
const ROWS: u32 = 300_000;

fn open(file: &SqliteFile) -> Connection {
    let connection = Connection::open(&file.path).expect("a file");
    connection.busy_timeout(PATIENCE).expect("a timeout");
    connection
}

/// A file whose `total` says at every moment how many rows `t` has.
fn counted(journal_mode: &str) -> SqliteFile {
    let file = SqliteFile::fresh();
    file.sql(&format!(
        "pragma journal_mode = {journal_mode}; create table t (id integer primary key, v text);
         create table counts (total integer);
         begin;
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS}) insert into t select i, 'row ' || i from n;
         insert into counts values ({ROWS});
         commit"
    ));
    file
}

/// Migrates while another program adds two rows at a time; the number of its transactions.
fn moved_while_written(source: &SqliteFile, target: &SqliteFile) -> u32 {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let connection = open(source);
            let mut written = 0;
            while !stop.load(Ordering::SeqCst) {
                let transaction = "begin immediate; insert into t (v) values ('new'), ('new'); update counts set total = total + 2; commit";
                connection.execute_batch(transaction).expect("a transaction of the other program");
                written += 1;
                thread::sleep(Duration::from_millis(2));
            }
            written
        });
        let outcome = product::migrate(&source.url, &target.url, &[]);
        stop.store(true, Ordering::SeqCst);
        outcome.succeeded();
        writer.join().expect("the writer")
    })
}

fn is_one_moment(target: &SqliteFile) {
    assert_eq!(target.value("select (select count(*) from t) = (select total from counts)"), "1");
    assert_eq!(target.value("select integrity_check from pragma_integrity_check"), "ok");
}

#[test]
fn a_log_is_read_as_of_one_moment_while_others_write() {
    let (source, target) = (counted("wal"), SqliteFile::fresh());
    // Open all the time: the log is never checkpointed whole and removed.
    let other = open(&source);
    other.execute_batch("pragma wal_autocheckpoint = 20; select count(*) from counts").expect("a look");
    assert!(moved_while_written(&source, &target) > 0);
    is_one_moment(&target);
    other.execute_batch("pragma wal_checkpoint(truncate)").expect("nobody holds the log any more");
    assert_eq!(source.value("select integrity_check from pragma_integrity_check"), "ok");
}

#[test]
fn a_file_without_a_log_is_read_as_of_one_moment() {
    let (source, target) = (counted("delete"), SqliteFile::fresh());
    assert!(moved_while_written(&source, &target) > 0);
    is_one_moment(&target);
}

#[test]
fn nothing_is_left_beside_the_target() {
    let (source, target) = (counted("delete"), SqliteFile::fresh());
    product::migrate(&source.url, &target.url, &[]).succeeded();
    let folder = target.path.parent().expect("a directory");
    let names: Vec<_> = fs::read_dir(folder).expect("a directory").map(|e| e.expect("an entry").file_name()).collect();
    let kept: Vec<_> = names.iter().filter(|name| fs::metadata(folder.join(name)).is_ok_and(|m| m.len() > 0)).collect();
    assert_eq!(kept, [target.path.file_name().expect("a name")]);
}

#[test]
fn a_target_with_a_log_is_refused() {
    let (source, target) = (counted("delete"), SqliteFile::fresh());
    target.sql("pragma journal_mode = wal; create table mine (x)");
    let error = product::migrate(&source.url, &target.url, &[]).failed();
    assert!(error.contains("WAL") && error.contains("journal_mode=DELETE"), "{error}");
    assert_eq!(target.value("select group_concat(name) from sqlite_master"), "mine");
}

#[test]
fn a_lock_of_another_program_is_named() {
    let (source, target) = (counted("delete"), SqliteFile::fresh());
    let other = open(&source);
    other.execute_batch("begin exclusive").expect("a lock");
    let error = product::migrate(&format!("{}?busy_timeout_ms=50", source.url), &target.url, &[]).failed();
    assert!(error.contains("busy_timeout_ms"), "{error}");
    other.execute_batch("rollback").expect("no lock");
    product::migrate(&source.url, &target.url, &[]).succeeded();
}

/// A copy of a file and its journal, taken in the middle of a transaction: what a crash leaves.
fn crashed(to: &SqliteFile) {
    let file = counted("delete");
    let other = open(&file);
    other.execute_batch("pragma cache_size = 2; begin; update t set v = v || ' half done'").expect("a transaction");
    let beside = |path: &Path| path.with_file_name(format!("{}-journal", path.file_name().unwrap().display()));
    fs::copy(&file.path, &to.path).expect("a copy");
    fs::copy(beside(&file.path), beside(&to.path)).expect("a copy of the journal");
}

#[test]
fn an_unfinished_transaction_is_never_read() {
    let (source, target) = (SqliteFile::fresh(), SqliteFile::fresh());
    crashed(&source);
    let error = product::migrate(&source.url, &target.url, &[]).failed();
    assert!(error.contains("unfinished transaction"), "{error}");
    // As the error says: once a program that may write has opened it, it is sound.
    assert_eq!(source.value("select count(*) from t where v like '%half%'"), "0");
    product::migrate(&source.url, &target.url, &[]).succeeded();
    is_one_moment(&target);
}

#[test]
fn an_unfinished_transaction_of_a_target_is_rolled_back() {
    let (source, target) = (SqliteFile::fresh(), SqliteFile::fresh());
    source.sql("create table other (x); insert into other values (1)");
    crashed(&target);
    product::migrate(&source.url, &target.url, &[]).succeeded();
    assert_eq!(target.value("select count(*) from t where v like '%half%'"), "0");
    assert_eq!(target.value("select x from other"), "1");
    is_one_moment(&target);
}

#[test]
fn a_value_behind_the_sample_is_refused_by_name() {
    let (source, target) = (counted("delete"), SqliteFile::fresh());
    source.sql("create table late (id integer primary key, n integer); insert into late select id, id from t; update late set n = 'no number' where id = 299999");
    let url = format!("{}?profile_rows=1000", source.url);
    let error = product::migrate(&url, &target.url, &[]).failed();
    assert!(["late", "rowid 299999", "TEXT"].iter().all(|part| error.contains(part)), "{error}");
    assert_eq!(
        target.value("select count(*) from sqlite_master where name not like 'sensei%' and name not like 'sqlite%'"),
        "0"
    );
}
