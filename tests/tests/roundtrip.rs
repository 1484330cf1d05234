//! Real databases, to another system and back to the first: every table, every row, keys, indexes, numbering.

use sensei_tests::oracle::{Rules, System, compare};
use sensei_tests::servers::{self, SqliteFile};
use sensei_tests::{product, samples};

/// Moves, and compares what arrived with what was there.
#[track_caller]
fn moves(source: (&str, &System), target: (&str, &System), rules: &Rules) {
    product::migrate_value_by_value(source.0, target.0, &[]);
    compare(source.1, target.1, rules).assert_equal();
    assert_eq!(target.1.leftovers(), [""; 0]);
}

#[test]
fn sakila_from_mariadb_to_postgres_and_back() {
    let (Some(schema), Some(data)) =
        (samples::script("sakila-mysql-schema.sql"), samples::script("sakila-mysql-data.sql"))
    else {
        return;
    };
    let (source, middle, back) = (
        servers::mariadb().fresh_database(),
        servers::postgres().fresh_database(),
        servers::mariadb().fresh_database(),
    );
    source.sql(&schema);
    source.sql(&data);
    let rules = Rules::across().without_index("film_text", &["title", "description"]);
    let (one, two, three) = ((&source).into(), (&middle).into(), (&back).into());
    moves((&source.url, &one), (&middle.url, &two), &rules);
    moves((&middle.url, &two), (&back.url, &three), &Rules::across());
    compare(&one, &three, &rules).assert_equal();

    // Numbering goes on: a row that does not name its key gets the next one.
    let highest: u32 = source.value("select max(actor_id) from actor").parse().expect("a number");
    let insert = "insert into actor (first_name, last_name) values ('NEW', 'ACTOR')";
    middle.sql(insert);
    back.sql(insert);
    let select = "select actor_id from actor where first_name = 'NEW'";
    assert_eq!([middle.value(select), back.value(select)], [(highest + 1).to_string(), (highest + 1).to_string()]);
    // Keys hold: an address of no city is refused.
    let orphans = "select count(*) from address a left join city c on c.city_id = a.city_id where c.city_id is null";
    assert_eq!([middle.value(orphans), back.value(orphans)], ["0", "0"]);
}

#[test]
fn chinook_from_mariadb_to_postgres_and_back() {
    let Some(script) = samples::script("chinook-mysql.sql") else { return };
    let (source, middle, back) = (
        servers::mariadb().fresh_database(),
        servers::postgres().fresh_database(),
        servers::mariadb().fresh_database(),
    );
    source.sql(&script);
    let (one, two, three) = (source.clone().into(), middle.clone().into(), back.clone().into());
    moves((&source.url, &one), (&middle.url, &two), &Rules::across());
    moves((&middle.url, &two), (&back.url, &three), &Rules::across());
    compare(&one, &three, &Rules::across()).assert_equal();
}

#[test]
fn chinook_from_sqlite_to_postgres_and_back() {
    let Some(file) = samples::file("chinook.sqlite") else { return };
    let (source, middle, back) = (SqliteFile::fresh(), servers::postgres().fresh_database(), SqliteFile::fresh());
    std::fs::copy(file, &source.path).expect("a copy");
    let (one, two, three) = ((&source).into(), (&middle).into(), (&back).into());
    moves((&source.url, &one), (&middle.url, &two), &Rules::across());
    moves((&middle.url, &two), (&back.url, &three), &Rules::across());
    compare(&one, &three, &Rules::across()).assert_equal();
}

#[test]
fn chinook_from_postgres_to_mariadb_and_back() {
    let Some(script) = samples::script("chinook-postgresql.sql") else { return };
    let (source, middle, back) = (
        servers::postgres().fresh_database(),
        servers::mariadb().fresh_database(),
        servers::postgres().fresh_database(),
    );
    source.sql(&script);
    let (one, two, three) = ((&source).into(), (&middle).into(), (&back).into());
    moves((&source.url, &one), (&middle.url, &two), &Rules::across());
    moves((&middle.url, &two), (&back.url, &three), &Rules::across());
    compare(&one, &three, &Rules::across()).assert_equal();
}

#[test]
fn chinook_from_postgres_to_sqlite_and_back() {
    let Some(script) = samples::script("chinook-postgresql.sql") else { return };
    let (source, middle, back) =
        (servers::postgres().fresh_database(), SqliteFile::fresh(), servers::postgres().fresh_database());
    source.sql(&script);
    let (one, two, three) = ((&source).into(), (&middle).into(), (&back).into());
    moves((&source.url, &one), (&middle.url, &two), &Rules::across());
    moves((&middle.url, &two), (&back.url, &three), &Rules::across());
    compare(&one, &three, &Rules::across()).assert_equal();
}
