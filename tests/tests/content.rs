//! What is not the same on both sides is found, and located by its key.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use sensei_engine::connection::Connection;
use sensei_engine::error::{Code, Error};
use sensei_engine::migration::{self, Job, Options, Report, Stop, TableCheck};
use sensei_engine::plan::{Naming, OnExisting, Plan, Policies, Request};
use sensei_engine::plugin::{Cancel, Registry, Traffic};
use sensei_engine::validate::{Content, Depth, DifferenceKind, Figure};
use sensei_tests::servers::{self, MariaDbDatabase, SqliteFile};
use sensei_tests::{product, samples};

/// Rows of the table that is damaged.
const ROWS: u64 = 200_000;
/// Of a chunk: many chunks, so that a difference lies in one of them.
const CHUNK_ROWS: u64 = 10_000;

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| sensei::registry::on_board().expect("a registry"))
}

/// Two keys, an index for the search of none, and a table that stays as it is.
fn origin() -> &'static MariaDbDatabase {
    static DATABASE: OnceLock<MariaDbDatabase> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let database = servers::mariadb().fresh_database();
        database.sql(&format!(
            "create table many (part varchar(20) not null, id int not null, v varchar(60), price decimal(12,2), at datetime(6),
                                primary key (part, id));
             insert into many select concat('Part ', seq % 7), seq, if(seq % 10 = 0, null, md5(seq)), seq / 100, '2024-02-29 12:00:00.5'
               from seq_1_to_{ROWS};
             create table still (id int primary key, v varchar(10)); insert into still values (1, 'a'), (2, '');
             create table unkeyed (a int, b varchar(10)); insert into unkeyed values (1, 'x'), (1, 'x'), (2, null);
             analyze table many"
        ));
        database
    })
}

fn job(target: &str, name: &str, validation: Depth) -> Job {
    let connection = |url| Connection::from_url(registry(), url).expect("a connection");
    Job {
        source: connection(&origin().url),
        target: connection(target),
        request: Request {
            schemas: Vec::new(),
            exclude_tables: Vec::new(),
            target_schema: None,
            naming: Naming::Snake,
            on_existing: OnExisting::Fail,
            into: BTreeMap::new(),
            generate_rollback: false,
            bare: false,
            policies: Policies::default(),
        },
        options: Options { parallelism: 2, chunk_rows: CHUNK_ROWS, validation, ..Options::default() },
        observer: Arc::new(()),
        traffic: Arc::new(Traffic::default()),
        cancel: Cancel::default(),
        stop: Stop::default(),
        restart: false,
        name: Some(name.to_owned()),
        keep_ledger: false,
        gate: Arc::new(()),
    }
}

fn run(job: &Job) -> (Plan, Result<Report, Error>) {
    let plan = migration::plan(job).expect("a plan");
    let report = migration::run(job, &plan);
    (plan, report)
}

fn check<'a>(checks: &'a [TableCheck], table: &str) -> &'a TableCheck {
    checks.iter().find(|c| c.target.rsplit('.').next() == Some(table)).unwrap_or_else(|| panic!("no {table}"))
}

/// `different Part 3 10 v`: kind, key, columns.
fn told(check: &TableCheck) -> Vec<String> {
    let mut told: Vec<String> = (check.content.differences().iter())
        .map(|d| {
            let kind = match d.kind {
                DifferenceKind::Missing => "missing",
                DifferenceKind::Extra => "extra",
                DifferenceKind::Different => "different",
            };
            let key: Vec<&str> = d.key.iter().map(|(_, value)| value.as_str()).collect();
            format!("{kind} {} {}", key.join(" "), d.columns.join(",")).trim_end().to_owned()
        })
        .collect();
    told.sort();
    told
}

/// Columns of a table of which both systems say the same, and figures of which they do not: `price total`.
fn heard(check: &TableCheck) -> (String, Vec<String>) {
    let witness = check.witness.as_ref().unwrap_or_else(|| panic!("nobody was asked about {}", check.target));
    let word = |figure: Figure| format!("{figure:?}").to_lowercase();
    let against = witness.contradictions.iter().map(|c| format!("{} {}", c.column, word(c.figure))).collect();
    (witness.agreed.join(" "), against)
}

/// `double` makes one row twice; none where the target's key forbids it.
fn finds_the_damage(url: &str, name: &str, sql: &dyn Fn(&str), double: Option<&str>) {
    let job = job(url, name, Depth::Full);
    let (plan, report) = run(&job);
    let report = report.expect("a migration");
    let told_before = report.tables.iter().find(|t| t.target.ends_with("many")).and_then(|t| t.witness.clone());
    let told_before = told_before.expect("both systems' words");
    assert_eq!((told_before.rows, told_before.agreed.join(" ").as_str()), (ROWS, "part id v price at"));
    let checks = migration::recheck(&job, &plan, false).expect("both sides");
    assert!(checks.iter().all(TableCheck::agrees), "{checks:#?}");
    for (table, columns) in [("many", "part id v price at"), ("still", "id v"), ("unkeyed", "a b")] {
        assert_eq!(heard(check(&checks, table)), (columns.to_owned(), Vec::new()));
    }
    // Of a table that is larger than what is asked about, both ends.
    let mut some = job.clone();
    some.options.witness_rows = 10_000;
    let ends = migration::recheck(&some, &plan, false).expect("both sides");
    // `part` leads the key of `many`, and no integer.
    assert!(ends.iter().all(TableCheck::agrees) && check(&ends, "many").witness.is_none(), "{ends:#?}");
    assert!(checks.iter().all(|c| matches!(&c.content, Content::Compared(c) if c.not_compared.is_empty())));

    sql("update many set price = price + 0.01, v = 'damaged' where id = 123456");
    sql("update many set v = null where id = 7");
    sql("delete from many where id = 199999");
    sql("insert into unkeyed values (2, null)");
    sql("delete from still where id = 2; insert into still values (2, ' ')");
    double.into_iter().for_each(sql);
    let checks = migration::recheck(&job, &plan, false).expect("both sides");
    let mut expected = vec![
        "different 'Part 0' '7' v".to_owned(),
        "different 'Part 4' '123456' v,price".to_owned(),
        "missing 'Part 2' '199999'".to_owned(),
    ];
    if double.is_some() {
        expected.push("extra 'Part 1' '54321'".into());
    }
    expected.sort();
    let many = check(&checks, "many");
    assert_eq!(told(many), expected, "{many:#?}");
    assert!(matches!(&many.content, Content::Compared(compared) if !compared.more));
    let (_, against) = heard(many);
    assert!(against.contains(&"v present".to_owned()), "{against:?}");
    // SQLite's decimals are texts here: it only counts them.
    assert!(against.contains(&"price total".to_owned()) || url.starts_with("sqlite"), "{against:?}");
    assert_eq!(told(check(&checks, "unkeyed")), ["extra '2' NULL"]);
    assert_eq!(heard(check(&checks, "unkeyed")).1, ["a present", "a total"]);
    assert_eq!(told(check(&checks, "still")), ["different '2' v"]);
}

#[test]
fn damage_in_postgres_is_found() {
    let target = servers::postgres().fresh_database();
    let double = "alter table many drop constraint many_pkey; insert into many select * from many where id = 54321";
    finds_the_damage(&target.url, "damagep", &|sql| target.sql(sql), Some(double));
}

#[test]
fn damage_in_mariadb_is_found() {
    let target = servers::mariadb().fresh_database();
    let double = "alter table many drop primary key; insert into many select * from many where id = 54321";
    finds_the_damage(&target.url, "damagem", &|sql| target.sql(sql), Some(double));
}

#[test]
fn damage_in_sqlite_is_found() {
    let target = SqliteFile::fresh();
    finds_the_damage(&target.url, "damages", &|sql| target.sql(sql), None);
}

/// A trigger of the target's own changes a value on its way into staging: nothing is switched over.
#[test]
fn what_the_target_changes_itself_stops_the_run_before_the_cutover() {
    let target = servers::postgres().fresh_database();
    servers::postgres().sql(
        &target.name,
        "create function public.damage() returns trigger language plpgsql as
           $$ begin if new.id = 777 then new.v := upper(new.v); end if; return new; end $$;
         create function public.watch() returns event_trigger language plpgsql as $$
           declare made record;
           begin
             for made in select * from pg_event_trigger_ddl_commands() where object_identity like '%.many' loop
               execute format('create trigger damage before insert on %s for each row execute function public.damage()', made.object_identity);
             end loop;
           end $$;
         create event trigger watch on ddl_command_end when tag in ('CREATE TABLE') execute function public.watch()",
    );
    let damaged = |depth| {
        let job = job(&target.url, "trigger", depth);
        let (_, report) = run(&job);
        report
    };
    let error = damaged(Depth::Full).expect_err("a value differs");
    assert_eq!(error.code, Code::ContentMismatch, "{error}");
    assert!(error.message.contains("id '777' differs in v"), "{error}");
    assert_eq!(target.value("select count(*) from pg_tables where schemaname = 'public'"), "0");
    // The rows are in staging, and their digests in the ledger: the next run finds the same without moving them again.
    let error = damaged(Depth::Full).expect_err("a value differs");
    assert!(error.code == Code::ContentMismatch && error.message.contains("'777'"), "{error}");
    // Another depth cannot use the digests of this one: the source is read instead.
    let error = damaged(Depth::Sample(99)).expect_err("a value differs, and the key is in the sample");
    assert!(error.code == Code::ContentMismatch && error.message.contains("'777'"), "{error}");
    // Who asks for counts gets counts.
    assert!(damaged(Depth::Counts).expect("counts agree").tables.iter().all(|t| t.content == Content::NotAsked));
}

#[test]
fn a_sample_compares_part_of_the_rows() {
    let target = SqliteFile::fresh();
    let job = job(&target.url, "sample", Depth::Sample(10));
    let (plan, report) = run(&job);
    let report = report.expect("a migration");
    assert!(report.tables.iter().all(|t| matches!(&t.content, Content::Compared(c) if c.percent == 10)));
    target.sql("update many set v = 'x' where id <= 2000");
    let checks = migration::recheck(&job, &plan, false).expect("both sides");
    let many = check(&checks, "many");
    assert!(!many.agrees() && matches!(&many.content, Content::Compared(compared) if compared.more), "{many:#?}");
    assert_eq!(many.content.differences().len(), 20);
}

#[test]
fn a_target_that_cannot_be_read_says_so() {
    let report = product::migrate_with_report(&origin().url, &product::nowhere(), &[]);
    for table in report["tables"].as_array().expect("tables") {
        assert_eq!(table["content"]["outcome"], "not_possible", "{table}");
        assert!(table["content"]["why"].as_str().is_some_and(|why| why.contains("only counted")), "{table}");
    }
}

#[test]
fn every_sample_database_moves_value_by_value() {
    let Some(file) = samples::file("chinook.sqlite") else { return };
    let (source, target) = (SqliteFile::fresh(), servers::mariadb().fresh_database());
    std::fs::copy(file, &source.path).expect("a copy");
    product::migrate_value_by_value(&source.url, &target.url, &[]);
    let back = SqliteFile::fresh();
    product::migrate_value_by_value(&target.url, &back.url, &[]);
}
