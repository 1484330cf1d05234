//! What a plan knows of real rows, what a person decides about it, and the way back that it holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use sensei_engine::connection::Connection;
use sensei_engine::error::Code;
use sensei_engine::event::{Event, Observer};
use sensei_engine::migration::{self, Job, Options, Stop};
use sensei_engine::plan::{Decision, LooksLike, Mapping, Naming, OnExisting, Plan, Policies, Request, TablePlan};
use sensei_engine::plugin::{Cancel, Registry, Traffic};
use sensei_tests::oracle::System;
use sensei_tests::servers::{self, SqliteFile};

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| sensei::registry::on_board().expect("a registry"))
}

/// Keeps what is said.
#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

impl Observer for Listener {
    fn observe(&self, event: Event) {
        if let Event::Log { message, .. } = event {
            self.0.lock().expect("no panic beside it").push(message);
        }
    }
}

fn job(source: &str, target: &str, on_existing: OnExisting, observer: Arc<dyn Observer>) -> Job {
    let connection = |url| Connection::from_url(registry(), url).expect("a connection");
    Job {
        source: connection(source),
        target: connection(target),
        request: Request {
            schemas: Vec::new(),
            exclude_tables: Vec::new(),
            target_schema: None,
            naming: Naming::Snake,
            on_existing,
            into: BTreeMap::new(),
            generate_rollback: true,
            bare: false,
            policies: Policies::default(),
        },
        options: Options::default(),
        observer,
        traffic: Arc::new(Traffic::default()),
        cancel: Cancel::default(),
        stop: Stop::default(),
        gate: Arc::new(()),
        name: None,
        keep_ledger: false,
        restart: false,
    }
}

fn table<'a>(plan: &'a Plan, name: &str) -> &'a TablePlan {
    plan.tables.iter().find(|t| t.target.name.name == name).unwrap_or_else(|| panic!("no table {name}"))
}

fn mapping<'a>(plan: &'a Plan, of: &str, column: &str) -> &'a Mapping {
    let mappings = &table(plan, of).mappings;
    mappings.iter().find(|m| m.target_column == column).unwrap_or_else(|| panic!("no column {column}"))
}

const PEOPLE: &str = "
    create table employees (emp_id int primary key, mail text not null, phone text, amount numeric, born date, secret text);
    insert into employees values (1, 'ada@example.org', '  555 ', 12.5, '1815-12-10', 'x'),
        (2, 'grace@example.org', '  ', 'NaN', '1906-12-09', 'y'), (3, 'alan@example.org', null, 7, null, 'z');
    create table nothing (id int primary key);
    create table many (id int primary key);
    insert into many select generate_series(1, 50000);";

#[test]
fn a_plan_knows_what_the_first_rows_are() {
    let (source, target) = (servers::postgres().fresh_database(), servers::mariadb().fresh_database());
    source.sql(PEOPLE);
    let said = Arc::new(Listener::default());
    let plan = migration::plan(&job(&source.url, &target.url, OnExisting::Fail, said.clone())).expect("a plan");

    let profile = &table(&plan, "employees").profile;
    let of = |column: &str| profile.iter().find(|p| p.column == column).expect("a profile");
    assert_eq!((of("emp_id").min.as_deref(), of("emp_id").max.as_deref()), (Some("1"), Some("3")));
    assert_eq!(
        (of("mail").looks_like, of("mail").longest, of("mail").max.as_deref()),
        (Some(LooksLike::Email), Some(17), None)
    );
    assert_eq!((of("phone").nulls, of("phone").sampled), (1, 3));
    assert_eq!((of("born").min.as_deref(), of("born").max.as_deref()), (Some("1815-12-10"), Some("1906-12-09")));
    assert_eq!(table(&plan, "nothing").profile[0].sampled, 0);
    assert_eq!(table(&plan, "many").profile[0].sampled, 1000, "left half way, and the next table is read all the same");

    let amount = mapping(&plan, "employees", "amount");
    let sampled = amount.evidence.iter().find(|e| e.kind == "sample_cast").expect("evidence");
    assert!(sampled.detail.starts_with("2 of 3 sampled values convert"), "{}", sampled.detail);
    let rejects = plan.risks.iter().find(|r| r.kind == "sample_rejects").expect("a risk");
    assert_eq!(rejects.affected, ["public.employees.amount"]);
    assert!(plan.awaiting(0.95).iter().any(|m| m.id == amount.id));

    let said = said.0.lock().expect("no panic beside it");
    let mut profiling: Vec<&String> = said.iter().filter(|line| line.starts_with("Profiling table")).collect();
    profiling.sort_unstable();
    assert_eq!(profiling.len(), 3, "{said:?}");
    assert!(said.iter().any(|line| line == "Profiling table public.employees (1 of 3)"), "{said:?}");
}

#[test]
fn what_a_person_decided_is_what_moves() {
    let (source, target) = (servers::postgres().fresh_database(), servers::mariadb().fresh_database());
    source.sql(PEOPLE);
    let job = job(&source.url, &target.url, OnExisting::Fail, Arc::new(()));
    let plan = migration::plan(&job).expect("a plan");
    let decide = |column: &str, transformation: Option<&str>| Decision {
        mapping: mapping(&plan, "employees", column).id.clone(),
        approved: transformation.is_some(),
        transformation: transformation.map(str::to_owned),
        target_column: None,
    };
    let decided = plan
        .decided(&[
            decide("phone", Some("COALESCE(NULLIF(TRIM(PHONE), ''), 'n/a')")),
            decide("mail", Some("mail || ':' || secret")),
            decide("amount", Some("CASE WHEN amount = 'NaN' THEN NULL ELSE amount END")),
            decide("secret", None),
        ])
        .expect("decisions that fit");
    migration::run(&job, &decided).expect("a migration");
    let rows =
        target.query("select concat_ws('|', emp_id, mail, phone, amount + 0, born) from employees order by emp_id");
    let rows: Vec<String> = rows.into_iter().flatten().flatten().collect();
    let wanted = ["1|ada@example.org:x|555|12.5", "2|grace@example.org:y|n/a|1906-12-09", "3|alan@example.org:z|n/a|7"];
    assert_eq!(rows.len(), 3);
    for (row, wanted) in rows.iter().zip(wanted) {
        assert!(row.starts_with(wanted), "{row}");
    }
    let secret =
        "select count(*) from information_schema.columns where table_schema = database() and column_name = 'secret'";
    assert_eq!(target.value(secret), "0");

    let rejected = plan.decided(&[decide("emp_id", None)]).expect_err("the key");
    assert_eq!((rejected.code, rejected.column.as_deref()), (Code::Conflict, Some("emp_id")));
    let wrong =
        plan.check_transformation(&mapping(&plan, "employees", "phone").id, "upper(fone)").expect_err("no column");
    assert_eq!((wrong.code, wrong.position), (Code::InvalidExpression, Some(7)));
}

const SHOP: &str = "
    create table customer (id int primary key, name varchar(40) not null);
    create table orders (id int primary key, customer int not null references customer (id), note text);
    create index by_note on orders (id, customer);
    insert into customer values (1, 'Ada'); insert into orders values (7, 1, 'first');";

/// Runs a migration that replaces a table to its end, then the plan's way back; what the old table holds then.
fn there_and_back(source: &str, target: &str, sql: impl Fn(&str), value: impl Fn(&str) -> String) -> Vec<String> {
    sql("create table customer (id int primary key, old int); insert into customer values (1, 42);
         create table orders (id int primary key); insert into orders values (1)");
    let job = job(source, target, OnExisting::Replace, Arc::new(()));
    let plan = migration::plan(&job).expect("a plan");
    assert!(!plan.rollback.is_empty() && !plan.rollback.iter().any(|line| line.contains(servers::PASSWORD)));
    migration::run(&job, &plan).expect("a migration");
    assert_eq!(value("select name from customer"), "Ada");
    sql(&plan.rollback.join(";\n"));
    vec![value("select old from customer"), value("select count(*) from orders")]
}

#[test]
fn the_way_back_leaves_the_target_as_it_was() {
    let source = servers::postgres().fresh_database();
    source.sql(SHOP);

    let target = servers::postgres().fresh_database();
    let found = there_and_back(&source.url, &target.url, |sql| target.sql(sql), |select| target.value(select));
    assert_eq!((found, System::from(&target).leftovers()), (vec!["42".to_owned(), "1".to_owned()], vec![]));

    let target = servers::mariadb().fresh_database();
    let found = there_and_back(&source.url, &target.url, |sql| target.sql(sql), |select| target.value(select));
    let left = System::from(&target).leftovers();
    assert_eq!(found, ["42", "1"]);
    // The place where old tables were kept stays, and is empty: the server has no way to drop only what is empty.
    assert!(left.iter().all(|name| name.starts_with("sensei_old_")), "{left:?}");

    let target = SqliteFile::fresh();
    let found = there_and_back(&source.url, &target.url, |sql| target.sql(sql), |select| target.value(select));
    assert_eq!((found, System::from(&target).leftovers()), (vec!["42".to_owned(), "1".to_owned()], vec![]));
}
