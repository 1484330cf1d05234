//! Every type and every corner of a schema, within each system and across.
//!
//! Within one system nothing may differ at all. Across systems each value is equal as far as the target has a type
//! for it; what the target cannot hold is refused by name, never changed (promise P2).

use sensei_tests::oracle::{Rules, System, compare, identical};
use sensei_tests::product;
use sensei_tests::servers::{self, MariaDbDatabase, PostgresDatabase, SqliteFile};

const POSTGRES: &str = include_str!("../corners/postgres.sql");
const POSTGRES_ONLY: &str = include_str!("../corners/postgres-only.sql");
const MARIADB: &str = include_str!("../corners/mariadb.sql");
const MARIADB_ONLY: &str = include_str!("../corners/mariadb-only.sql");
const SQLITE: &str = include_str!("../corners/sqlite.sql");
const SQLITE_ONLY: &str = include_str!("../corners/sqlite-only.sql");

/// Names stay as they are, so that the corners of naming are there too.
const SAME_NAMES: [&str; 2] = ["--naming", "preserve"];
/// And tables that only one system can hold stay where they are.
const ACROSS: [&str; 4] = ["--naming", "preserve", "--exclude-table", "only_*"];

fn postgres(scripts: &[&str]) -> PostgresDatabase {
    let database = servers::postgres().fresh_database();
    scripts.iter().for_each(|script| database.sql(script));
    database
}

fn mariadb(scripts: &[&str]) -> MariaDbDatabase {
    let database = servers::mariadb().fresh_database();
    scripts.iter().for_each(|script| database.sql(script));
    database
}

fn sqlite(scripts: &[&str]) -> SqliteFile {
    let file = SqliteFile::fresh();
    scripts.iter().for_each(|script| file.sql(script));
    file
}

fn moves_across(source: &str, target: &str, one: System, other: System, rules: &Rules) {
    product::migrate(source, target, &ACROSS).succeeded();
    compare(&one, &other, &rules.clone().without_tables("only_")).assert_equal();
    assert_eq!(other.leftovers(), [""; 0]);
}

#[test]
fn postgres_to_postgres_is_identical() {
    let (source, target) = (postgres(&[POSTGRES, POSTGRES_ONLY]), postgres(&[]));
    product::migrate(&source.url, &target.url, &SAME_NAMES).succeeded();
    let target = target.into();
    identical(&source.into(), &target).assert_equal();
    assert_eq!(target.leftovers(), [""; 0]);
}

#[test]
fn mariadb_to_mariadb_is_identical() {
    let (source, target) = (mariadb(&[MARIADB, MARIADB_ONLY]), mariadb(&[]));
    product::migrate(&source.url, &target.url, &SAME_NAMES).succeeded();
    identical(&source.into(), &target.into()).assert_equal();
}

#[test]
fn sqlite_to_sqlite_is_identical() {
    let (source, target) = (sqlite(&[SQLITE, SQLITE_ONLY]), sqlite(&[]));
    product::migrate(&source.url, &target.url, &SAME_NAMES).succeeded();
    let target = (&target).into();
    identical(&(&source).into(), &target).assert_equal();
    assert_eq!(target.leftovers(), [""; 0]);
}

#[test]
fn postgres_to_mariadb() {
    let (source, target) = (postgres(&[POSTGRES]), mariadb(&[]));
    moves_across(&source.url, &target.url, (&source).into(), (&target).into(), &Rules::same_names());
}

#[test]
fn postgres_to_sqlite() {
    let (source, target) = (postgres(&[POSTGRES]), sqlite(&[]));
    moves_across(&source.url, &target.url, (&source).into(), (&target).into(), &Rules::same_names());
}

#[test]
fn mariadb_to_postgres() {
    let (source, target) = (mariadb(&[MARIADB]), postgres(&[]));
    let rules = Rules::same_names().without_index("shapes", &["spot"]);
    moves_across(&source.url, &target.url, (&source).into(), (&target).into(), &rules);
}

#[test]
fn mariadb_to_sqlite() {
    let (source, target) = (mariadb(&[MARIADB]), sqlite(&[]));
    let rules = Rules::same_names().without_index("shapes", &["spot"]);
    moves_across(&source.url, &target.url, (&source).into(), (&target).into(), &rules);
}

#[test]
fn sqlite_to_postgres() {
    let (source, target) = (sqlite(&[SQLITE]), postgres(&[]));
    moves_across(&source.url, &target.url, (&source).into(), (&target).into(), &Rules::same_names());
}

#[test]
fn sqlite_to_mariadb() {
    let (source, target) = (sqlite(&[SQLITE]), mariadb(&[]));
    moves_across(&source.url, &target.url, (&source).into(), (&target).into(), &Rules::same_names());
}

/// A serial column is an identity column afterwards, and goes on where it was.
#[test]
fn serial_columns_go_on_counting() {
    let source = postgres(&["create table t (id serial primary key, v text);
                             insert into t (v) values ('a'), ('b'), ('c'); delete from t where id = 3;"]);
    let target = postgres(&[]);
    product::migrate(&source.url, &target.url, &[]).succeeded();
    compare(&(&source).into(), &(&target).into(), &Rules::across()).assert_equal();
    let next = postgres(&[]);
    product::migrate(&source.url, &next.url, &[]).succeeded();
    next.sql("insert into t (v) values ('d')");
    assert_eq!(next.value("select id from t where v = 'd'"), "4");
}

/// A refusal: the error names the table and the column, and the target's own schema stays empty.
#[track_caller]
fn is_refused(source: &str, target: &str, system: &System, table: &str, column: &str) {
    let error = product::migrate(source, target, &SAME_NAMES).failed();
    assert!(error.contains(table) && error.contains(column), "the error does not name {table}.{column}: {error}");
    assert_eq!(system.shape().len(), 0, "something half-made is left");
}

#[test]
fn zero_dates_are_refused_by_name() {
    for (column, kind) in [("day", "date"), ("moment", "datetime"), ("instant", "timestamp null")] {
        let script = format!(
            "set sql_mode = ''; create table zero (id int primary key, {column} {kind}); insert into zero values (7, 0);"
        );
        let (source, target) = (mariadb(&[&script]), postgres(&[]));
        is_refused(&source.url, &target.url, &(&target).into(), "zero", column);
    }
}

#[test]
fn what_mariadb_cannot_hold_is_refused_by_name() {
    for (column, kind, value) in [
        ("day", "date", "'infinity'"),
        ("moment", "timestamp", "'-infinity'"),
        ("instant", "timestamptz", "'20000-01-01Z'"),
        ("past", "date", "'0044-03-15 BC'"),
        ("number", "double precision", "'NaN'"),
    ] {
        let script =
            format!("create table odd (id int primary key, {column} {kind}); insert into odd values (7, {value});");
        let (source, target) = (postgres(&[&script]), mariadb(&[]));
        is_refused(&source.url, &target.url, &(&target).into(), "odd", column);
    }
}

#[test]
fn a_nul_in_text_is_refused_by_name() {
    let (source, target) = (
        sqlite(&[
            "create table t (id integer primary key, words text); insert into t values (7, 'a' || char(0) || 'b');",
        ]),
        postgres(&[]),
    );
    is_refused(&source.url, &target.url, &(&target).into(), "t", "words");
}

/// SQLite lets any value stand in any column. It arrives as it is, or is refused by name: it never becomes another.
#[test]
fn a_text_in_an_integer_column_never_becomes_a_number() {
    for value in ["'twelve'", "'12x'", "x'3132'", "1.5", "9e99"] {
        let script = format!(
            "create table loose (id integer primary key, amount integer); insert into loose values (1, 2), (7, {value});"
        );
        let (source, target) = (sqlite(&[&script]), postgres(&[]));
        let outcome = product::migrate(&source.url, &target.url, &SAME_NAMES);
        if outcome.code == Some(0) {
            compare(&(&source).into(), &(&target).into(), &Rules::same_names()).assert_equal();
        } else {
            let error = outcome.failed();
            assert!(error.contains("loose") && error.contains("amount"), "{value}: {error}");
            assert_eq!(System::from(&target).shape().len(), 0, "{value}: something half-made is left");
        }
    }
}

/// 64 MB in one value, through every connector, both ways.
#[test]
fn a_value_of_64_megabytes_moves() {
    let source = mariadb(&["create table large (id int primary key, octets longblob, words longtext);
                            insert into large values (1, repeat(unhex('00ff27'), 22369622), null), (2, null, repeat('äöü😀', 6710886)), (3, 'x', 'x');"]);
    let (postgres, sqlite, back) = (postgres(&[]), sqlite(&[]), mariadb(&[]));
    for (from, to) in [(&source.url, &postgres.url), (&postgres.url, &sqlite.url), (&sqlite.url, &back.url)] {
        product::migrate(from, to, &[]).succeeded();
    }
    compare(&source.into(), &back.into(), &Rules::across()).assert_equal();
}
