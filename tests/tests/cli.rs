//! The command line as people and scripts meet it.

use sensei_tests::oracle::System;
use sensei_tests::product;
use sensei_tests::servers::{self, SqliteFile};
use serde_json::Value;

const SOURCE: &str = "
    create table Customer (CustomerId int unsigned not null auto_increment primary key, FullName varchar(40) not null, Born date, key (FullName));
    create table `Order` (OrderId bigint primary key, CustomerId int unsigned not null, Total decimal(10, 2) not null default 0,
        Placed timestamp not null default current_timestamp, Notes text, State enum('open', 'paid') not null default 'open',
        foreign key (CustomerId) references Customer (CustomerId) on delete cascade);
    create view Paid as select * from `Order` where State = 'paid';
    insert into Customer (FullName, Born) values ('Ada', '1815-12-10'), ('Grace', '1906-12-09');
    insert into `Order` values (1, 1, 12.50, '2024-02-29 12:00:00', 'first', 'paid');";

/// Replaces what differs from run to run: names of this run's databases, ports, versions, sizes that servers guess.
fn redacted(value: &mut Value, names: &[(String, &str)]) {
    const GUESSED: [&str; 7] =
        ["id", "estimated_records", "estimated_rows", "estimated_bytes", "rows", "bytes", "server"];
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if GUESSED.contains(&name.as_str()) && !field.is_null() {
                    *field = "[guessed]".into();
                } else {
                    redacted(field, names);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| redacted(element, names)),
        Value::String(text) => *text = names.iter().fold(text.clone(), |text, (name, by)| text.replace(name, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_plan_is_json_and_moves_nothing() {
    let (source, target) = (servers::mariadb().fresh_database(), servers::postgres().fresh_database());
    source.sql(SOURCE);
    let outcome = product::run(["migrate", "--source", &source.url, "--target", &target.url, "--plan"]).succeeded();
    let mut plan: Value = serde_json::from_str(&outcome.stdout).expect("the plan alone is on stdout");
    let system = System::from(&target);
    assert_eq!((system.shape().len(), system.leftovers().len()), (0, 0), "a plan makes nothing");
    let migration = plan["migration"].as_str().expect("a plan names its migration").to_owned();
    redacted(
        &mut plan,
        &[
            (migration, "[migration]"),
            (source.name.clone(), "[source]"),
            (target.name.clone(), "[target]"),
            (source.port().to_string(), "[port]"),
            (target.port().to_string(), "[port]"),
        ],
    );
    insta::assert_json_snapshot!(plan);
}

#[test]
fn a_plan_names_what_is_not_moved() {
    let (source, target) = (servers::mariadb().fresh_database(), servers::postgres().fresh_database());
    source.sql(SOURCE);
    let outcome = product::migrate(&source.url, &target.url, &[]).succeeded();
    let said = outcome.stdout.to_lowercase();
    assert!(said.contains("customer") && said.contains("order"), "{said}");
    assert!(said.contains("paid"), "the view that is not moved is named: {said}");
}

#[test]
fn the_same_command_twice_does_not_move_twice() {
    let (source, target) = (servers::mariadb().fresh_database(), servers::postgres().fresh_database());
    source.sql(SOURCE);
    product::migrate(&source.url, &target.url, &[]).succeeded();
    // Done is done: now the tables exist, and are not replaced unasked.
    let error = product::migrate(&source.url, &target.url, &[]).failed();
    assert!(error.contains("--on-existing"), "{error}");
    assert_eq!(target.value("select count(*) from customer"), "2");
}

#[test]
fn connectors_on_board() {
    let outcome = product::run(["connectors"]).succeeded();
    for name in ["postgres", "mysql", "sqlite", "datagen", "blackhole"] {
        assert!(outcome.stdout.contains(name), "{}", outcome.stdout);
    }
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn the_demo_runs_to_its_end() {
    let outcome = product::run(["demo"]).succeeded();
    assert!(outcome.stdout.to_lowercase().contains("lineitem"), "{}", outcome.stdout);
}

#[test]
fn generated_tables_move_into_each_system() {
    let (postgres, mariadb, sqlite) =
        (servers::postgres().fresh_database(), servers::mariadb().fresh_database(), SqliteFile::fresh());
    for url in [&postgres.url, &mariadb.url, &sqlite.url] {
        let report = product::migrate_with_report("datagen:tpch?scale=0.01", url, &[]);
        assert_eq!(report["outcome"], "completed");
        let rows: u64 = report["tables"]
            .as_array()
            .expect("tables")
            .iter()
            .map(|table| table["target_rows"].as_u64().expect("a number"))
            .sum();
        assert!(rows > 80_000, "{report:#}");
    }
    let sum = "select sum(l_quantity) from lineitem";
    let sums: Vec<f64> =
        [postgres.value(sum), mariadb.value(sum)].iter().map(|sum| sum.parse().expect("a number")).collect();
    assert_eq!(sums[0], sums[1]);
    let count = "select count(*) from lineitem where l_shipdate < '1995-01-01'";
    assert_eq!(postgres.value(count), sqlite.value(count));
}

#[test]
fn a_blackhole_takes_everything() {
    let source = servers::mariadb().fresh_database();
    source.sql(SOURCE);
    product::migrate(&source.url, &product::nowhere(), &[]).succeeded();
}

#[test]
fn several_schemas_keep_their_names_and_one_can_be_chosen() {
    let server = servers::postgres();
    let (source, target) = (server.fresh_database(), server.fresh_database());
    source.sql(
        "create schema hr; create schema sales; create table hr.a (id int primary key); insert into hr.a values (1);
         create table sales.b (id int primary key, a int references hr.a (id)); insert into sales.b values (1, 1);",
    );
    product::migrate(&source.url, &target.url, &["--schema", "hr", "--schema", "sales"]).succeeded();
    assert_eq!([target.value("select count(*) from hr.a"), target.value("select a from sales.b")], ["1", "1"]);
    let one = server.fresh_database();
    product::migrate(&source.url, &one.url, &["--schema", "hr"]).succeeded();
    assert_eq!(one.value("select count(*) from public.a"), "1");
    let elsewhere = server.fresh_database();
    product::migrate(&source.url, &elsewhere.url, &["--schema", "hr", "--target-schema", "people"]).succeeded();
    assert_eq!(elsewhere.value("select count(*) from people.a"), "1");
}

#[test]
fn names_follow_the_policy() {
    let source = servers::mariadb().fresh_database();
    source.sql("create table OrderLine (LineId int primary key); insert into OrderLine values (1)");
    for (naming, table, column) in
        [("snake", "order_line", "line_id"), ("lower", "orderline", "lineid"), ("preserve", "OrderLine", "LineId")]
    {
        let target = servers::postgres().fresh_database();
        product::migrate(&source.url, &target.url, &["--naming", naming]).succeeded();
        assert_eq!(target.value(&format!("select \"{column}\" from \"{table}\"")), "1");
    }
}

/// Usage errors: exit code 2, stdout stays empty, and nothing secret is repeated.
#[test]
fn usage_errors() {
    let url = "postgres://me:s3cret@127.0.0.1/x";
    for arguments in [
        vec![],
        vec!["migrate"],
        vec!["migrate", "--source", url],
        vec!["migrate", "--source", url, "--target", url, "--naming", "camel"],
        vec!["migrate", "--source", url, "--target", url, "--parallelism", "0"],
        vec!["migrate", "--source", url, "--target", url],
        vec!["migrate", url, url],
        vec!["no-such-command"],
    ] {
        let outcome = product::run(&arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}{}", outcome.stdout, outcome.stderr);
        assert!(!outcome.stderr.is_empty() && outcome.stdout.is_empty(), "{arguments:?}: {}", outcome.stdout);
        assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
    }
}

/// The memory of the process stays bounded (promise P6) whatever the size of a table.
#[test]
fn memory_is_bounded() {
    const MOST: u64 = 384 << 20;
    let report = product::migrate_with_report("datagen:tpch?scale=0.2", &product::nowhere(), &[]);
    let peak = report["peak_rss_bytes"].as_u64().expect("Linux tells it");
    assert!(peak < MOST, "{} MB", peak >> 20);
}
