//! The oracle itself: equal databases are equal, and each kind of difference is found.

use sensei_tests::oracle::{Rules, System, compare, identical};
use sensei_tests::servers::SqliteFile;
use sensei_tests::{samples, servers};

/// Chinook, loaded by the system's own client.
fn chinook_in_mariadb() -> Option<System> {
    let script = samples::script("chinook-mysql.sql")?;
    let database = servers::mariadb().fresh_database();
    database.sql(&script);
    Some(database.into())
}

fn chinook_in_postgres() -> Option<System> {
    let script = samples::script("chinook-postgresql.sql")?;
    let database = servers::postgres().fresh_database();
    database.sql(&script);
    Some(database.into())
}

#[test]
fn chinook_loaded_twice_is_identical() {
    let (Some(one), Some(other)) = (chinook_in_mariadb(), chinook_in_mariadb()) else { return };
    identical(&one, &other).assert_equal();
    let (Some(one), Some(other)) = (chinook_in_postgres(), chinook_in_postgres()) else { return };
    identical(&one, &other).assert_equal();
}

/// The oracle reads every type and every corner that the migrations of `corners.rs` are measured with.
#[test]
fn corners_loaded_twice_are_identical() {
    let postgres = || -> System {
        let database = servers::postgres().fresh_database();
        database.sql(include_str!("../corners/postgres.sql"));
        database.sql(include_str!("../corners/postgres-only.sql"));
        database.into()
    };
    identical(&postgres(), &postgres()).assert_equal();
    let mariadb = || -> System {
        let database = servers::mariadb().fresh_database();
        database.sql(include_str!("../corners/mariadb.sql"));
        database.sql(include_str!("../corners/mariadb-only.sql"));
        database.into()
    };
    identical(&mariadb(), &mariadb()).assert_equal();
    let sqlite = || {
        let file = SqliteFile::fresh();
        file.sql(include_str!("../corners/sqlite.sql"));
        file.sql(include_str!("../corners/sqlite-only.sql"));
        file
    };
    identical(&(&sqlite()).into(), &(&sqlite()).into()).assert_equal();
}

/// The publishers of Chinook give three scripts for one database. The oracle agrees across systems, and finds what
/// the scripts themselves have wrong: a blank after Edinburgh, and backslashes that MariaDB reads as escapes.
#[test]
fn chinook_of_three_systems_has_the_same_rows() {
    let (Some(mariadb), Some(postgres)) = (chinook_in_mariadb(), chinook_in_postgres()) else { return };
    let Some(file) = samples::file("chinook.sqlite") else { return };
    let slips = |source: &System| {
        let differences = compare(source, &postgres, &Rules::across());
        let slip = |found: &&String| !found.contains("\"Edinburgh \"") && !found.contains("\\\\");
        assert_eq!(differences.list().iter().find(slip), None, "{differences}");
        differences.list().len()
    };
    assert_eq!(slips(&mariadb), 12);
    assert_eq!(slips(&file.as_path().into()), 8);
}

/// Each statement changes one thing in one of two equal databases; the oracle's answer must name it.
#[test]
fn every_kind_of_difference_is_found() {
    let changes = [
        ("update b set t = 'Zwei' where id = 2", "b (\"2\"), t: \"zwei\", target \"Zwei\""),
        ("update b set n = 1.51 where id = 1", "b (\"1\"), n: \"1.5\", target \"1.51\""),
        ("update b set t = null where id = 2", "b (\"2\"), t: \"zwei\", target NULL"),
        ("update b set w = w + interval '1 microsecond' where id = 1", "b (\"1\"), w:"),
        ("delete from b where id = 2", "b (\"2\"): the target has no such row"),
        ("insert into b (id, n) values (3, 1)", "b (\"3\"): only the target has this row"),
        ("insert into c values (1)", "c: the same rows, but not as often"),
        ("delete from c where v = 2", "c (\"2\"): not in the target"),
        ("alter table b drop constraint b_a_fkey", "b: the target has no foreign key"),
        (
            "alter table b drop constraint b_a_fkey, add foreign key (a) references a (id) on delete set null",
            "b: only the target has a foreign key",
        ),
        ("drop index b_t", "b: the target has no index on [\"t\"]"),
        ("alter table b drop constraint b_n_key", "b: [\"n\"] is unique, not so in the target"),
        ("alter table b drop constraint b_pkey", "b: primary key [\"id\"], target []"),
        ("alter table b alter n drop not null", "b.n (numeric, numeric): nullable false, target true"),
        ("alter table b alter id drop identity", "b.id (integer, integer): numbers itself true, target false"),
        ("alter table b alter id restart with 2", "b.id: a new row collides: next 2, highest 2"),
        ("alter table c rename to d", "c: the target has no such table"),
        ("alter table b alter t set default 'x'", "the target's schema alone says"),
    ];
    let make = || {
        let database = servers::postgres().fresh_database();
        database.sql(
            "create table a (id int primary key);
             create table b (id int generated by default as identity primary key, t text, n numeric not null unique,
                             a int references a on delete cascade, w timestamptz);
             create index b_t on b (t);
             create table c (v int);
             insert into a values (1);
             insert into b (t, n, a, w) values ('eins', 1.50, 1, '2024-02-29 12:00:00.123456Z'), ('zwei', 2, null, null);
             insert into c values (1), (1), (2);",
        );
        database
    };
    let one = make();
    identical(&(&one).into(), &make().into()).assert_equal();
    for (change, expected) in changes {
        let other = make();
        // Two rows of c instead of one: the number of rows must not be what gives it away.
        let change = change.replace("insert into c values (1)", "update c set v = 2 where ctid = '(0,1)'");
        other.sql(&change);
        let differences = identical(&(&one).into(), &other.into());
        assert!(differences.list().iter().any(|found| found.contains(expected)), "{change}\n{differences}");
    }
}
