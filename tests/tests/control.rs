//! What may be asked of a migration besides running it: stop, go on, take back, count again, rehearse, tidy up.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex, OnceLock};

use sensei_engine::connection::Connection;
use sensei_engine::error::Code;
use sensei_engine::event::{Event, Observer, Phase};
use sensei_engine::migration::{self, Job, Options, Report, SchemaRehearsal, Stop, TableCheck};
use sensei_engine::plan::{Decision, Naming, OnExisting, Plan, Policies, Request};
use sensei_engine::plugin::{Cancel, Environment, Ledger, Registry, TargetSession, Traffic};
use sensei_tests::api::eventually;
use sensei_tests::oracle::{Rules, System, compare};
use sensei_tests::servers::{self, MariaDbDatabase, Postgres, SqliteFile, Target};

/// Rows of the large table, and of a chunk: twenty chunks, give or take how well a source knows its keys.
const ROWS: u64 = 20_000;
const CHUNK_ROWS: u64 = 1_000;
/// Rows of the small table.
const FEW: u64 = 10;
/// Enough to have chunks under way when a stop is asked for, and few enough for it to leave most of them.
const LANES: usize = 2;
/// A table that the target has of its own.
const OWN: &str = "create table own (id int primary key); insert into own values (42)";

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| sensei::registry::on_board().expect("a registry"))
}

/// A table of many chunks, and one that refers to it.
fn from_mariadb() -> &'static MariaDbDatabase {
    static DATABASE: OnceLock<MariaDbDatabase> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let database = servers::mariadb().fresh_database();
        database.sql(&format!(
            "create table many (id int primary key, v varchar(60) not null, key by_v (v));
             insert into many select seq, concat('value ', md5(seq)) from seq_1_to_{ROWS};
             create table few (id int primary key, many int not null references many (id));
             insert into few select seq, seq from seq_1_to_{FEW}; analyze table many, few"
        ));
        database
    })
}

/// The same in a file.
fn from_sqlite() -> SqliteFile {
    let file = SqliteFile::fresh();
    file.sql(&format!(
        "begin; create table many (id integer primary key, v text not null); create index by_v on many (v);
         create table few (id integer primary key, many integer not null references many (id));
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS}) insert into many select i, 'value ' || i from n;
         insert into few select id, id from many where id <= {FEW}; commit"
    ));
    file
}

/// What is in a target.
trait Look {
    fn system(&self) -> System;
    /// All there is, as another program tells it: definitions, rows of `own`, and whatever bears the migration's name.
    fn everything(&self, migration: &str) -> String;
    /// What the target says is durably done of a migration.
    fn ledger(&self, migration: &str) -> Option<Ledger>;
}

impl Look for Target {
    fn system(&self) -> System {
        match self {
            Target::Postgres(database) => database.into(),
            Target::MariaDb(database) => database.into(),
            Target::Sqlite(file) => file.into(),
        }
    }

    fn everything(&self, migration: &str) -> String {
        match self {
            Target::Postgres(database) => {
                // Newer dumps carry a random word against injection.
                let dump = database.dump(&[]);
                dump.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
            }
            Target::MariaDb(database) => {
                // A server has databases of other tests, too.
                let all = database.query(&format!(
                    "select concat('schema ', schema_name) a from information_schema.schemata where locate('{migration}', schema_name) > 0
                     union all select concat(table_name, '.', column_name, ' ', column_type, ' ', column_key)
                     from information_schema.columns where table_schema = database()
                     union all select concat('row ', id) from own order by a"
                ));
                format!("{all:?}")
            }
            Target::Sqlite(file) => file.value(
                "select group_concat(a, '; ') from (select type || ' ' || name || ' ' || coalesce(sql, '') a from sqlite_master
                 union all select 'row ' || id from own order by a)",
            ),
        }
    }

    fn ledger(&self, migration: &str) -> Option<Ledger> {
        let connection = Connection::from_url(registry(), self.url()).expect("a connection");
        let mut session = TargetSession::open(&connection, Environment::default()).expect("a target");
        session.recall(migration).expect("an answer")
    }
}

/// Keeps what happens, and asks for a stop after so many durable chunks.
struct Watch {
    stop: Stop,
    stop_after: Option<usize>,
    seen: Mutex<Vec<Event>>,
}

impl Observer for Watch {
    fn observe(&self, event: Event) {
        self.seen.lock().expect("no panic beside it").push(event);
        if self.stop_after.is_some_and(|chunks| self.committed().len() >= chunks) {
            self.stop.ask();
        }
    }
}

impl Watch {
    fn new(stop_after: Option<usize>) -> Arc<Self> {
        Arc::new(Self { stop: Stop::default(), stop_after, seen: Mutex::default() })
    }

    fn pick<T>(&self, of: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.seen.lock().expect("no panic beside it").iter().filter_map(of).collect()
    }

    /// Table, number and rows of the chunks that became durable.
    fn committed(&self) -> Vec<(usize, u32, u64)> {
        self.pick(|event| match event {
            Event::ChunkCommitted { table, chunk, rows } => Some((*table, *chunk, *rows)),
            _ => None,
        })
    }

    fn began(&self, phase: Phase) -> bool {
        !self.pick(|event| (*event == Event::PhaseStarted { phase }).then_some(())).is_empty()
    }
}

fn job(source: &str, target: &str, name: &str, watch: &Arc<Watch>) -> Job {
    let connection = |url| Connection::from_url(registry(), url).expect("a connection");
    Job {
        source: connection(source),
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
        options: Options { parallelism: LANES, chunk_rows: CHUNK_ROWS, ..Options::default() },
        observer: watch.clone(),
        traffic: Arc::new(Traffic::default()),
        cancel: Cancel::default(),
        stop: watch.stop.clone(),
        gate: Arc::new(()),
        restart: false,
        name: Some(name.to_owned()),
        keep_ledger: false,
    }
}

/// Plans and runs until `chunks` are durable; what was seen.
fn stopped_after(chunks: usize, source: &str, target: &Target, name: &str) -> (Plan, Arc<Watch>) {
    let watch = Watch::new(Some(chunks));
    let job = job(source, target.url(), name, &watch);
    let plan = migration::plan(&job).expect("a plan");
    assert_eq!(plan.migration, name);
    let error = migration::run(&job, &plan).expect_err("it was asked to stop");
    assert_eq!(error.code, Code::Cancelled, "{error}");
    assert!(error.message.contains("checkpoint"), "{error}");
    let durable = watch.committed().len();
    // Each lane ends the chunk that it was at.
    assert!((chunks..=chunks + LANES).contains(&durable), "{durable} chunks");
    assert!(!watch.began(Phase::Validation) && !watch.began(Phase::Cutover));
    (plan, watch)
}

/// Plans and runs as a new process would, to the end.
fn run_on(source: &str, target: &Target, name: &str, keep_ledger: bool) -> (Job, Plan, Report, Arc<Watch>) {
    let watch = Watch::new(None);
    let job = Job { keep_ledger, ..job(source, target.url(), name, &watch) };
    let plan = migration::plan(&job).expect("a plan");
    let report = migration::run(&job, &plan).expect("a migration");
    (job, plan, report, watch)
}

fn sum(report: &Report, of: impl Fn(&migration::TableReport) -> u64) -> u64 {
    report.tables.iter().map(of).sum()
}

/// By the table's last name.
fn count_of<'a>(counts: &'a [TableCheck], table: &str) -> &'a TableCheck {
    counts
        .iter()
        .find(|c| c.target.rsplit('.').next() == Some(table))
        .unwrap_or_else(|| panic!("no {table}: {counts:?}"))
}

/// Everything is there, counted by the report and by the engine once more; nothing of ours is left.
#[track_caller]
fn is_whole(job: &Job, plan: &Plan, report: &Report, target: &Target) {
    for side in [sum(report, |t| t.source_rows), sum(report, |t| t.target_rows)] {
        assert_eq!(side, ROWS + FEW, "{report:?}");
    }
    let counts = migration::recheck(job, plan, false).expect("counts");
    let rows = |table| (count_of(&counts, table).source_rows, count_of(&counts, table).target_rows);
    assert_eq!((rows("many"), rows("few")), ((ROWS, ROWS), (FEW, FEW)));
    assert_eq!(target.ledger(&plan.migration), None);
    assert_eq!(target.system().leftovers(), [""; 0]);
}

fn stops_and_resumes(source: &str, origin: &System, target: &Target, name: &str) {
    let (plan, first) = stopped_after(2, source, target, name);
    assert!(target.system().shape().is_empty(), "a table is live already");
    let ledger = target.ledger(name).expect("a ledger");
    assert_eq!(ledger.chunks.len(), first.committed().len());
    let durable: u64 = first.committed().iter().map(|(_, _, rows)| rows).sum();
    assert!(durable > 0 && durable < ROWS);
    let idle = Watch::new(None);
    let counts = migration::recheck(&job(source, target.url(), name, &idle), &plan, true).expect("counts");
    assert_eq!(counts.iter().map(|c| c.target_rows).sum::<u64>(), durable);

    let (job, again, report, second) = run_on(source, target, name, false);
    assert_eq!(again, plan, "the plan that the rows were loaded by");
    assert!(report.resumed);
    let resumed = sum(&report, |t| t.chunks_resumed.into());
    assert_eq!(resumed, first.committed().len() as u64);
    let chunks = |watch: &Watch| watch.committed().into_iter().map(|(t, c, _)| (t, c)).collect::<BTreeSet<_>>();
    assert!(chunks(&first).is_disjoint(&chunks(&second)), "a chunk moved twice");
    assert_eq!(resumed + second.committed().len() as u64, sum(&report, |t| t.chunks.into()));
    let moved: u64 = second.committed().iter().map(|(_, _, rows)| rows).sum();
    assert_eq!(durable + moved, ROWS + FEW);
    is_whole(&job, &plan, &report, target);
    compare(origin, &target.system(), &Rules::across()).assert_equal();
}

#[test]
fn a_stopped_run_goes_on_where_it_was() {
    let [postgres, mariadb, sqlite] = Target::one_of_each();
    let (server, file) = (from_mariadb(), from_sqlite());
    stops_and_resumes(&server.url, &server.into(), &postgres, "stop");
    stops_and_resumes(&file.url, &(&file).into(), &mariadb, "stop");
    stops_and_resumes(&server.url, &server.into(), &sqlite, "stop");
}

#[test]
fn a_stop_before_the_run_leaves_nothing_behind() {
    for target in Target::one_of_each() {
        target.sql(OWN);
        let (name, watch) = ("early", Watch::new(None));
        let job = job(&from_mariadb().url, target.url(), name, &watch);
        let (before, plan) = (target.everything(name), migration::plan(&job).expect("a plan"));
        watch.stop.ask();
        assert_eq!(migration::run(&job, &plan).expect_err("it was asked to stop").code, Code::Cancelled);
        assert_eq!((target.everything(name), target.ledger(name)), (before, None));
    }
}

#[test]
fn what_is_discarded_was_never_there() {
    let source = from_mariadb();
    for target in Target::one_of_each() {
        let name = "discard";
        target.sql(OWN);
        let before = target.everything(name);
        let (plan, _) = stopped_after(2, &source.url, &target, name);
        assert_ne!(target.everything(name), before);
        let discarding = job(&source.url, target.url(), name, &Watch::new(None));
        for _ in 0..2 {
            migration::discard(&discarding, &plan).expect("nothing holds it");
            assert_eq!(target.everything(name), before);
            assert_eq!(target.ledger(name), None);
        }

        let (job, plan, report, watch) = run_on(&source.url, &target, name, false);
        assert!(!report.resumed);
        assert_eq!(sum(&report, |t| t.chunks_resumed.into()), 0);
        assert_eq!(watch.committed().len() as u64, sum(&report, |t| t.chunks.into()));
        is_whole(&job, &plan, &report, &target);
        assert_eq!(target.value("select id from own"), "42");

        // A run that is over left nothing to take back, and its tables are not.
        migration::discard(&discarding, &plan).expect("nothing to do");
        is_whole(&job, &plan, &report, &target);
    }
}

#[test]
fn counting_again_finds_what_is_gone() {
    let source = from_sqlite();
    for target in Target::one_of_each() {
        let (job, plan, report, _) = run_on(&source.url, &target, "recount", false);
        is_whole(&job, &plan, &report, &target);
        target.sql("delete from few where id = 3");
        let counts = migration::recheck(&job, &plan, false).expect("counts");
        assert_eq!((count_of(&counts, "few").source_rows, count_of(&counts, "few").target_rows), (FEW, FEW - 1));
        assert_eq!((count_of(&counts, "many").source_rows, count_of(&counts, "many").target_rows), (ROWS, ROWS));
        target.sql("drop table few");
        let error = migration::recheck(&job, &plan, false).expect_err("it is not there");
        assert_eq!(error.code, Code::NotFound, "{error}");
        assert!(error.to_string().contains("few"), "{error}");
    }
}

#[test]
fn a_rehearsal_writes_nothing() {
    let source = from_mariadb();
    for target in Target::one_of_each() {
        let name = "rehearse";
        target.sql(OWN);
        let before = target.everything(name);
        let bytes = |target: &Target| match target {
            Target::Sqlite(file) => Some(fs::read(&file.path).expect("a file")),
            Target::Postgres(_) | Target::MariaDb(_) => None,
        };
        let before_in_bytes = bytes(&target);
        let job = job(&source.url, target.url(), name, &Watch::new(None));
        let plan = migration::plan(&job).expect("a plan");
        let expected = match target {
            Target::Postgres(_) | Target::Sqlite(_) => SchemaRehearsal::Executed,
            Target::MariaDb(_) => SchemaRehearsal::NotPossible,
        };
        let rehearsal = migration::rehearse(&job, &plan).expect("a rehearsal");
        assert_eq!(rehearsal.schema, expected);
        assert!(rehearsal.statements > 4, "{rehearsal:?}");
        for table in &rehearsal.tables {
            let (rows, whole) = if table.source.ends_with("few") { (FEW, true) } else { (10_000, false) };
            assert_eq!((table.rows_sampled, table.whole, table.predicted_rejects), (rows, whole, 0), "{table:?}");
        }
        assert_eq!(target.everything(name), before);
        assert!(bytes(&target) == before_in_bytes, "the file was written to");
        assert_eq!(target.ledger(name), None);

        // Nor does it touch what an interrupted run left.
        let (plan, _) = stopped_after(2, &source.url, &target, name);
        let (left, ledger) = (target.everything(name), target.ledger(name));
        assert_eq!(migration::rehearse(&job, &plan).expect("a rehearsal").schema, expected);
        assert_eq!((target.everything(name), target.ledger(name)), (left, ledger));
        let (job, plan, report, _) = run_on(&source.url, &target, name, false);
        assert!(report.resumed);
        is_whole(&job, &plan, &report, &target);
    }
}

#[test]
fn to_the_server_every_session_ended_well() {
    // A server of its own: to others, tests break connections.
    let server = Postgres::start();
    let (source, target) = (server.fresh_database(), Target::Postgres(server.fresh_database()));
    source.sql(&format!(
        "create table many (id int primary key, v text not null);
         insert into many select i, 'value ' || i from generate_series(1, {ROWS}) i;
         create table few (id int primary key, many int not null references many (id));
         insert into few select i, i from generate_series(1, {FEW}) i; analyze"
    ));
    let planning = job(&source.url, target.url(), "well", &Watch::new(None));
    let plan = migration::plan(&planning).expect("a plan");
    let rehearsal = migration::rehearse(&planning, &plan).expect("a rehearsal");
    let sampled: Vec<_> = rehearsal.tables.iter().map(|t| (t.rows_sampled, t.whole)).collect();
    assert!(sampled.contains(&(10_000, false)) && sampled.contains(&(FEW, true)), "{sampled:?}");
    let (job, plan, report, _) = run_on(&source.url, &target, "well", false);
    is_whole(&job, &plan, &report, &target);
    let others =
        "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
    eventually("all sessions ended", || source.value(others) == "0");
    let log = server.log();
    assert!(log.contains("ready to accept connections"), "this is the log: {log}");
    for lost in
        ["connection to client lost", "unexpected EOF", "Connection reset", "could not send", "could not receive"]
    {
        assert!(!log.contains(lost), "{log}");
    }
}

#[test]
fn a_rehearsal_tells_of_a_table_that_came_into_the_way() {
    let source = from_mariadb();
    let [postgres, _, sqlite] = Target::one_of_each();
    for target in [postgres, sqlite] {
        let job = job(&source.url, target.url(), "inway", &Watch::new(None));
        let plan = migration::plan(&job).expect("a plan");
        target.sql("create table few (id int primary key)");
        target.sql(OWN);
        let before = target.everything("inway");
        let error = migration::rehearse(&job, &plan).expect_err("the table is there");
        assert_eq!(error.code, Code::Conflict, "{error}");
        assert!(error.message.contains("few"), "{error}");
        assert_eq!(target.everything("inway"), before);
    }
}

#[test]
fn a_rehearsal_predicts_what_a_mapping_refuses() {
    let source = servers::mariadb().fresh_database();
    source.sql(
        "create table parts (label varchar(20) not null, code varchar(9) not null, size varchar(9) not null, id int primary key);
         insert into parts values ('a', '1', '2', 7), ('b', 'x', '3', 8), ('c', '4', '5', 9), ('d', '', '', 10)",
    );
    for target in Target::one_of_each() {
        let job = job(&source.url, target.url(), "refuse", &Watch::new(None));
        let plan = migration::plan(&job).expect("a plan");
        let of = |column: &str| plan.tables[0].mappings.iter().find(|m| m.target_column == column).expect("a mapping");
        // Made of two columns, neither of them its own.
        let number = Some("CAST(code || size AS BIGINT)".to_owned());
        let decision =
            Decision { mapping: of("label").id.clone(), approved: true, transformation: number, target_column: None };
        let plan = plan.decided(&[decision]).expect("decisions that fit");

        let rehearsal = migration::rehearse(&job, &plan).expect("a rehearsal");
        let table = &rehearsal.tables[0];
        assert_eq!((table.rows_sampled, table.whole, table.predicted_rejects), (4, true, 2), "{table:?}");
        let places: Vec<_> = table.rejects.iter().map(|r| (r.column.as_deref(), r.row.as_deref())).collect();
        assert_eq!(places, [(Some("label"), Some("id = '8'")), (Some("label"), Some("id = '10'"))]);
        assert!(table.rejects[0].reason.contains("x3") || table.rejects[0].reason.contains("'x'"), "{table:?}");

        let error = migration::run(&job, &plan).expect_err("as predicted");
        assert_eq!((error.code, error.column.as_deref()), (Code::InvalidData, Some("label")), "{error}");
        assert!(target.system().shape().is_empty(), "a table is live");
    }
}

#[test]
fn a_rehearsal_predicts_what_the_source_cannot_give() {
    let source = servers::mariadb().fresh_database();
    source.sql(
        "create table days (id int primary key, day date); insert into days values (1, '2024-02-29'), (2, '0000-00-00')",
    );
    let target = Target::Postgres(servers::postgres().fresh_database());
    let job = job(&source.url_with("zero_dates=reject"), target.url(), "zeroes", &Watch::new(None));
    let plan = migration::plan(&job).expect("a plan");
    let rehearsal = migration::rehearse(&job, &plan).expect("a rehearsal");
    let table = &rehearsal.tables[0];
    assert_eq!((rehearsal.schema, table.predicted_rejects), (SchemaRehearsal::Executed, 1));
    let reject = &table.rejects[0];
    assert_eq!(reject.column.as_deref(), Some("day"), "{reject:?}");
    assert!(reject.reason.contains("zero"), "{reject:?}");
    assert_eq!(migration::run(&job, &plan).expect_err("as predicted").code, Code::InvalidData);
}

#[test]
fn two_names_are_two_migrations() {
    let source = from_mariadb();
    for target in Target::one_of_each() {
        let (plan_a, seen_a) = stopped_after(2, &source.url, &target, "twin_a");
        let (plan_b, seen_b) = stopped_after(6, &source.url, &target, "twin_b");
        assert_eq!(Plan { migration: plan_a.migration.clone(), ..plan_b }, plan_a, "they do the same");
        let durable = |name: &str| target.ledger(name).expect("a ledger").chunks.len();
        assert_eq!(durable("twin_a"), seen_a.committed().len());
        assert_eq!(durable("twin_b"), seen_b.committed().len());

        let ledger = target.ledger("twin_b");
        let discarding = job(&source.url, target.url(), "twin_a", &Watch::new(None));
        migration::discard(&discarding, &plan_a).expect("nothing holds it");
        assert_eq!((target.ledger("twin_a"), target.ledger("twin_b")), (None, ledger));
        let (job, plan, report, _) = run_on(&source.url, &target, "twin_b", false);
        assert_eq!(sum(&report, |t| t.chunks_resumed.into()), seen_b.committed().len() as u64);
        is_whole(&job, &plan, &report, &target);
    }
}

#[test]
fn a_ledger_that_is_kept_says_that_it_is_done() {
    let source = from_mariadb();
    for target in Target::one_of_each() {
        let name = "keep";
        let (job, plan, first, _) = run_on(&source.url, &target, name, true);
        let counted = || (target.value("select count(*) from many"), target.value("select count(*) from few"));
        let all = (ROWS.to_string(), FEW.to_string());
        assert_eq!(counted(), all);
        let ledger = target.ledger(name).expect("it is kept");
        assert_eq!(ledger.chunks.len() as u64, sum(&first, |t| t.chunks.into()));

        // What became of the live rows since is nobody's business but the target's.
        target.sql("delete from few where id = 3");
        let (_, again, second, watch) = run_on(&source.url, &target, name, true);
        assert_eq!(again, plan);
        assert!(second.resumed);
        assert_eq!(sum(&second, |t| t.chunks_resumed.into()), ledger.chunks.len() as u64);
        assert_eq!(sum(&second, |t| t.bytes), 0);
        assert!(watch.committed().is_empty() && !watch.began(Phase::DataTransfer));
        assert_eq!(counted(), (all.0, (FEW - 1).to_string()));
        assert_eq!(target.ledger(name), Some(ledger));

        let error = migration::discard(&job, &plan).expect_err("its tables are live");
        assert_eq!(error.code, Code::Conflict, "{error}");
        assert!(error.message.contains("are live"), "{error}");
        for _ in 0..2 {
            migration::tidy(&job, &plan).expect("nothing holds it");
            assert_eq!(target.ledger(name), None);
            assert_eq!(target.system().leftovers(), [""; 0]);
        }
        assert_eq!(target.value("select count(*) from few"), (FEW - 1).to_string());
    }
}
