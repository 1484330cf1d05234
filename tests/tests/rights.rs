//! What a connection's user may not do is known before a migration begins, and a rehearsal of its statements leaves
//! nothing behind.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{fs, thread};

use sensei_engine::catalog::TableName;
use sensei_engine::connection::Connection;
use sensei_engine::error::Code;
use sensei_engine::plugin::{
    Environment, Host, Job, Limits, OnExisting, Registry, SourceSession, Stage, Statement, TargetSession,
};
use sensei_tests::product;
use sensei_tests::servers::{self, MariaDbDatabase, PASSWORD, PostgresDatabase, SqliteFile, USER};

const POSTGRES_CORNERS: [&str; 2] =
    [include_str!("../corners/postgres.sql"), include_str!("../corners/postgres-only.sql")];
const SQLITE_CORNERS: &str = include_str!("../corners/sqlite.sql");
/// Keys, indexes, a counter and a reference.
const SHOP: &str = "
    create table customer (id int auto_increment primary key, name varchar(50) not null unique, mood enum('sad', 'fine'));
    create table purchase (id int primary key, customer int not null references customer (id), at datetime, key by_time (at));
    insert into customer (name, mood) values ('a', 'sad'), ('b', 'fine');
    insert into purchase values (1, 1, '2024-02-29 12:00:00'), (2, 1, null);";
const MIGRATION: &str = "rehearsed";
/// The user of those who are none.
const NOBODY: u32 = 65534;

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let mut registry = Registry::new(Host::new(Limits::default(), None).expect("a host"));
        sensei_bundle::CONNECTORS.iter().for_each(|guest| registry.add(guest.name, guest.bytes));
        registry
    })
}

fn connection(url: &str) -> Connection {
    Connection::from_url(registry(), url).expect("a connection")
}

fn source(url: &str) -> SourceSession {
    SourceSession::open(&connection(url), Environment::default()).expect("a source")
}

fn target(url: &str) -> TargetSession {
    TargetSession::open(&connection(url), Environment::default()).expect("a target")
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn lacking_as_source(url: &str, schemas: &[&str]) -> Vec<String> {
    source(url).missing_rights(&names(schemas)).expect("an answer")
}

fn lacking_as_target(url: &str, schemas: &[&str]) -> Vec<String> {
    target(url).missing_rights(&names(schemas)).expect("an answer")
}

/// The statements that the sentences end with.
fn granting(sentences: &[String]) -> String {
    sentences.iter().map(|s| format!("{};\n", s.rsplit_once(": ").expect("a statement").1)).collect()
}

fn as_user(url: &str, user: &str) -> String {
    url.replacen(&format!("//{USER}:"), &format!("//{user}:"), 1)
}

/// A new role that may do nothing but connect, and how it reaches the database.
fn postgres_user(database: &PostgresDatabase, what: &str) -> (String, String) {
    let user = format!("{what}_{}", database.name);
    servers::postgres().sql(&database.name, &format!("create role {user} login password '{PASSWORD}'"));
    let url = as_user(&database.url, &user);
    (user, url)
}

fn mariadb_user(database: &MariaDbDatabase, what: &str) -> (String, String) {
    let user = format!("{what}_{}", database.name);
    database.sql(&format!("create user {user}@'%' identified by '{PASSWORD}'"));
    let url = as_user(&database.url, &user);
    (user, url)
}

// ---- rights

#[test]
fn a_reader_of_postgres() {
    let database = servers::postgres().fresh_database();
    database.sql(
        "create schema hr; create table hr.employees (id int primary key); create table hr.jobs (id int, pay int);
         create table hr.\"Secret\" (id int); alter table hr.\"Secret\" enable row level security;
         create table hr.parts (id int) partition by range (id); create table hr.part partition of hr.parts default;
         insert into hr.employees values (1), (2)",
    );
    let (user, url) = postgres_user(&database, "reader");
    database.sql(&format!("grant select on hr.\"Secret\" to {user}; grant select (id, pay) on hr.jobs to {user}"));
    let missing = lacking_as_source(&url, &["hr", "public"]);
    assert_eq!(
        missing,
        [
            format!("USAGE on the schema `hr`: GRANT USAGE ON SCHEMA hr TO {user}"),
            format!("SELECT on 2 tables of `hr` (employees, parts): GRANT SELECT ON ALL TABLES IN SCHEMA hr TO {user}"),
            format!("BYPASSRLS on 1 table of `hr` (Secret), whose policies hide rows: ALTER ROLE {user} BYPASSRLS"),
        ]
    );
    servers::postgres().sql(&database.name, &granting(&missing));
    assert_eq!(lacking_as_source(&url, &["hr"]), [""; 0]);
    let mut session = source(&url);
    session.freeze().expect("a snapshot");
    assert_eq!(session.missing_rights(&names(&["hr"])).expect("an answer"), [""; 0]);
    for table in session.catalog(&names(&["hr"])).expect("a catalog").tables {
        let rows = session.count(&table.name).expect("a count");
        assert_eq!(rows, if table.name.name == "employees" { 2 } else { 0 });
    }
    assert_eq!(lacking_as_source(&url, &[]), [""; 0], "there is nothing to read in public");
    assert_eq!(lacking_as_source(&database.url, &["hr"]), [""; 0], "the owner may");
    let unknown = source(&url).missing_rights(&names(&["no_such"])).expect_err("there is none");
    assert_eq!(unknown.code, Code::NotFound);
}

#[test]
fn a_writer_to_postgres() {
    let (origin, database) = (servers::mariadb().fresh_database(), servers::postgres().fresh_database());
    origin.sql(SHOP);
    let (user, url) = postgres_user(&database, "writer");
    let make = format!(
        "CREATE on the database `{0}`, for schemas of the migration's own: GRANT CREATE ON DATABASE {0} TO {user}",
        database.name
    );
    assert_eq!(lacking_as_target(&url, &["not_there_yet"]), [make.as_str()]);
    let missing = lacking_as_target(&url, &[]);
    assert_eq!(missing, [make, format!("CREATE on the schema `public`: GRANT CREATE ON SCHEMA public TO {user}")]);
    servers::postgres().sql(&database.name, &granting(&missing));
    assert_eq!(lacking_as_target(&url, &["public"]), [""; 0]);
    product::migrate(&origin.url, &url, &[]).succeeded();

    let (other, url) = postgres_user(&database, "member");
    assert_eq!(lacking_as_target(&url, &[]).len(), 2);
    servers::postgres().sql(&database.name, &format!("grant {user} to {other}"));
    assert_eq!(lacking_as_target(&url, &[]), [""; 0], "what a role may, its members may");
    assert_eq!(lacking_as_target(&database.url, &[]), [""; 0], "the owner may");
}

#[test]
fn a_reader_of_mariadb() {
    let database = servers::mariadb().fresh_database();
    database.sql(&format!("{SHOP} create table secret (open int, closed int); create view v as select 1"));
    let (user, url) = mariadb_user(&database, "reader");
    let name = &database.name;
    database.sql(&format!("grant select on customer to {user}@'%'; grant select (open) on secret to {user}@'%'; grant insert on purchase to {user}@'%'"));
    let account = format!("'{user}'@'%'");
    let pattern = name.replace('_', "\\_");
    let missing = lacking_as_source(&url, &[]);
    assert_eq!(
        missing,
        [
            format!(
                "RELOAD on the server, to lock its tables for the moment at which all readers begin: GRANT RELOAD ON *.* TO {account}"
            ),
            format!("SELECT on 2 tables of `{name}` (purchase, secret): GRANT SELECT ON `{pattern}`.* TO {account}"),
        ]
    );
    assert_eq!(lacking_as_source(&url, &[name]), missing);
    database.sql(&granting(&missing));
    assert_eq!(lacking_as_source(&url, &[]), [""; 0]);
    let mut session = source(&url);
    assert!(session.freeze().expect("a snapshot").consistent);
    session.thaw().expect("unlocked");

    let hidden = servers::mariadb().fresh_database().name;
    let missing = lacking_as_source(&url, &[&hidden]);
    assert!(missing.len() == 1 && missing[0].contains(&format!("SELECT on the database `{hidden}`")), "{missing:?}");
    database.sql(&granting(&missing));
    assert_eq!(lacking_as_source(&url, &[name, &hidden]), [""; 0]);
    assert_eq!(lacking_as_source(&database.url, &[]), [""; 0], "who may do everything may do this");
    let unknown = source(&database.url).missing_rights(&names(&["no_such"])).expect_err("there is none");
    assert_eq!(unknown.code, Code::NotFound);
}

#[test]
fn rights_through_a_role_of_mariadb() {
    let database = servers::mariadb().fresh_database();
    database.sql(SHOP);
    let (user, url) = mariadb_user(&database, "member");
    let (role, name) = (format!("role_{}", database.name), &database.name);
    database.sql(&format!(
        "grant usage on {name}.* to {user}@'%'; grant insert on {name}.purchase to {user}@'%'; create role {role};
         grant select on {name}.* to {role}; grant reload on *.* to {role}; grant {role} to {user}@'%'"
    ));
    assert_eq!(lacking_as_source(&url, &[]).len(), 2, "a role that no session takes gives nothing");
    database.sql(&format!("set default role {role} for {user}@'%'"));
    assert_eq!(lacking_as_source(&url, &[]), [""; 0]);
}

#[test]
fn a_grant_of_mariadb_hides_a_wider_one() {
    let database = servers::mariadb().fresh_database();
    database.sql(SHOP);
    let (user, url) = mariadb_user(&database, "reader");
    let pattern = database.name.replace('_', "\\_");
    database.sql(&format!(
        "grant reload on *.* to {user}@'%'; grant select on `{pattern}%`.* to {user}@'%'; grant insert on `{pattern}`.* to {user}@'%'"
    ));
    let missing = lacking_as_source(&url, &[]);
    assert_eq!(
        missing,
        [format!(
            "SELECT on 2 tables of `{}` (customer, purchase): GRANT SELECT ON `{pattern}`.* TO '{user}'@'%'",
            database.name
        )]
    );
    let table = TableName { schema: database.name.clone(), name: "customer".into() };
    assert_eq!(source(&url).count(&table).expect_err("as the server sees it").code, Code::PermissionDenied);
    database.sql(&granting(&missing));
    assert_eq!(lacking_as_source(&url, &[]), [""; 0]);
    assert_eq!(source(&url).count(&table).expect("a count"), 2);
}

#[test]
fn a_writer_to_mariadb() {
    let (origin, database) = (servers::postgres().fresh_database(), servers::mariadb().fresh_database());
    origin.sql(
        "create table customer (id int primary key, name varchar(50) unique);
         create table purchase (id int primary key, customer int references customer, at timestamp);
         create index on purchase (at); insert into customer values (1, 'a'); insert into purchase values (1, 1, now());
         create view bought as select c.name from customer c join purchase p on p.customer = c.id",
    );
    let (user, url) = mariadb_user(&database, "writer");
    let (name, account) = (&database.name, format!("'{user}'@'%'"));
    database.sql(&format!("grant select, insert, delete, create on {name}.* to {user}@'%'"));
    let all = "CREATE, CREATE VIEW, DROP, ALTER, INDEX, INSERT, SELECT, DELETE, REFERENCES";
    let missing = lacking_as_target(&url, &[]);
    assert_eq!(
        missing,
        [
            format!(
                "{all} on databases `sensei_...`, in which a migration loads its tables: GRANT {all} ON `sensei\\_%`.* TO {account}"
            ),
            format!(
                "CREATE VIEW, DROP, ALTER, INDEX, REFERENCES on the database `{name}`: GRANT CREATE VIEW, DROP, ALTER, INDEX, REFERENCES ON `{name}`.* TO {account}"
            ),
        ]
    );
    database.sql(&granting(&missing));
    assert_eq!(lacking_as_target(&url, &[]), [""; 0]);
    assert_eq!(lacking_as_target(&url, &[name]), [""; 0]);
    product::migrate(&origin.url, &url, &[]).succeeded();
    assert_eq!(database.value("select count(*) from purchase"), "1");
    product::migrate(&origin.url, &url, &["--on-existing", "replace"]).succeeded();
    assert_eq!(database.value("select name from bought"), "a");
    assert_eq!(lacking_as_target(&database.url, &[]), [""; 0], "who may do everything may do this");
}

#[test]
fn files_and_systems_without_users() {
    let file = SqliteFile::fresh();
    file.sql("create table t (id integer primary key)");
    let before = fs::read(&file.path).expect("a file");
    assert_eq!(lacking_as_source(&file.url, &["main"]), [""; 0]);
    assert_eq!(lacking_as_target(&file.url, &[]), [""; 0]);
    assert_eq!(fs::read(&file.path).expect("a file"), before);
    assert_eq!(beside(&file.path), [""; 0]);
    let unknown = source(&file.url).missing_rights(&names(&["hr"])).expect_err("there is none");
    assert_eq!(unknown.code, Code::NotFound);

    assert_eq!(lacking_as_source("datagen:tpch?scale=0.001", &[]), [""; 0]);
    assert_eq!(lacking_as_target("blackhole:", &["anything"]), [""; 0]);
}

/// Root may do everything: as root, this test runs once more as nobody, from a place that nobody can reach.
#[test]
fn files_that_may_not_be_read_or_written() {
    if fs::metadata("/proc/self").expect("procfs").uid() == 0 {
        let place = tempfile::tempdir().expect("a folder");
        mode(place.path(), 0o755);
        let copy = place.path().join("rights");
        fs::copy(std::env::current_exe().expect("this test"), &copy).expect("a copy");
        let mut again = Command::new(&copy);
        again.args(["--exact", "files_that_may_not_be_read_or_written"]).uid(NOBODY).gid(NOBODY).current_dir("/");
        let output = again.output().expect("a run as nobody");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let file = SqliteFile::fresh();
    file.sql("create table t (id integer primary key)");
    let (path, folder) = (file.path.display(), file.path.parent().expect("a folder"));
    mode(folder, 0o555);
    let missing = lacking_as_target(&file.url, &[]);
    let shown = folder.display();
    assert_eq!(
        missing,
        [format!(
            "WRITE on the folder `{shown}`, for a journal beside the file, for the user that Sensei runs as: \
             chmod a+wx '{shown}', or chown to that user"
        )]
    );
    mode(folder, 0o755);
    assert_eq!(lacking_as_target(&file.url, &[]), [""; 0]);

    let (mut reading, mut writing) = (source(&file.url), target(&file.url));
    mode(&file.path, 0o000);
    let lacking = |right: &str, bits: &str| {
        format!(
            "{right} on the file `{path}`, for the user that Sensei runs as: chmod {bits} '{path}', or chown to that user"
        )
    };
    assert_eq!(reading.missing_rights(&[]).expect("an answer"), [lacking("READ", "a+r")]);
    assert_eq!(writing.missing_rights(&[]).expect("an answer"), [lacking("WRITE", "a+rw")]);
    let refused = TargetSession::open(&connection(&file.url), Environment::default()).expect_err("a closed file");
    assert_eq!(refused.code, Code::PermissionDenied);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

/// Names of files that lie beside one.
fn beside(path: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(path.parent().expect("a folder")).expect("a folder").map(|e| e.expect("an entry").path());
    entries.filter(|p| p != path).map(|p| p.display().to_string()).collect()
}

// ---- rehearsals

/// All statements of a migration from one to the other.
fn statements(from: &str, to: &mut TargetSession, schema: &str, on_existing: OnExisting) -> Vec<Statement> {
    let catalog = source(from).catalog(&[]).expect("a catalog");
    let mut tables = catalog.tables;
    for table in &mut tables {
        schema.clone_into(&mut table.name.schema);
        table.foreign_keys.iter_mut().for_each(|key| schema.clone_into(&mut key.referenced_schema));
    }
    let proposals = to.propose(&tables, &catalog.dialect).expect("proposals");
    let job = Job {
        migration: MIGRATION.into(),
        tables: proposals.into_iter().map(|p| p.table).collect(),
        named_types: catalog.named_types,
        dialect: catalog.dialect,
        on_existing,
        additions: vec![],
        views: vec![],
        new_schemas: vec![],
    };
    let statements = to.render(&job).expect("statements");
    assert!(statements.len() > 4, "{statements:?}");
    statements
}

/// Everything in a database, and every schema, as another program tells it.
fn all_of(database: &PostgresDatabase) -> String {
    // Newer dumps carry a random word against injection.
    let dump = database.dump(&[]);
    let dump: Vec<&str> = dump.lines().filter(|line| !line.contains("restrict ")).collect();
    let types =
        database.query("select typname::text from pg_type where typnamespace::regnamespace::text like 'sensei%'");
    format!("{}{types:?}", dump.join("\n"))
}

#[test]
fn postgres_rehearses_on_an_empty_database() {
    let origins = [servers::postgres().fresh_database(), servers::postgres().fresh_database()];
    POSTGRES_CORNERS.iter().for_each(|script| origins[0].sql(script));
    origins[1].sql("create table \"Odd\" (id serial primary key, v text unique)");
    let shop = servers::mariadb().fresh_database();
    shop.sql(SHOP);
    for from in [&origins[0].url, &origins[1].url, &shop.url] {
        let database = servers::postgres().fresh_database();
        let (_, url) = postgres_user(&database, "writer");
        servers::postgres().sql(&database.name, &granting(&lacking_as_target(&url, &[])));
        let before = all_of(&database);
        let mut session = target(&url);
        let all = statements(from, &mut session, "public", OnExisting::Fail);
        assert!(session.rehearse(MIGRATION, &all).expect("a rehearsal"));
        // Again, and in parts: the session is as it was.
        let prepare: Vec<_> = all.iter().filter(|s| s.stage == Stage::Prepare).cloned().collect();
        assert!(session.rehearse(MIGRATION, &prepare).expect("a rehearsal"));
        assert!(session.rehearse(MIGRATION, &[]).expect("a rehearsal of nothing"));
        assert_eq!(all_of(&database), before);
        assert_eq!(session.recall(MIGRATION).expect("no ledger"), None);
    }
}

#[test]
fn postgres_rehearses_beside_tables_of_the_same_names() {
    let (origin, database) = (servers::mariadb().fresh_database(), servers::postgres().fresh_database());
    origin.sql(SHOP);
    product::migrate(&origin.url, &database.url, &[]).succeeded();
    database.sql("update customer set name = name || ' of old'; create view v as select name from customer");
    let before = all_of(&database);
    let mut session = target(&database.url);
    let replacing = statements(&origin.url, &mut session, "public", OnExisting::Replace);
    // What is replaced goes for good only when somebody says so, and not while a view reads it.
    let (forgetting, until): (Vec<_>, Vec<_>) = replacing.into_iter().partition(|s| s.stage == Stage::Forget);
    assert!(session.rehearse(MIGRATION, &until).expect("a rehearsal"));
    let error = session.rehearse(MIGRATION, &[until, forgetting].concat()).expect_err("a view reads the old table");
    assert!(error.message.contains("view public.v depends on"), "{error}");
    // Else the type would be what is there already.
    origin.sql("alter table customer drop column mood");
    let failing = statements(&origin.url, &mut session, "public", OnExisting::Fail);
    let error = session.rehearse(MIGRATION, &failing).expect_err("the tables are there");
    assert_eq!(error.code, Code::Conflict);
    assert!(error.message.starts_with("table public.customer goes live: "), "{error}");
    assert_eq!(all_of(&database), before);
}

#[test]
fn postgres_does_not_meet_what_an_interrupted_run_left() {
    let (origin, database) = (servers::postgres().fresh_database(), servers::postgres().fresh_database());
    origin.sql("create table t (id serial primary key, v text); insert into t (v) values ('a')");
    let mut session = target(&database.url);
    let all = statements(&origin.url, &mut session, "public", OnExisting::Fail);
    let until = all.iter().position(|s| s.stage == Stage::Cutover).expect("a cutover");
    session.claim(MIGRATION).expect("the migration");
    session.execute(MIGRATION, &all[..until]).expect("staged tables");
    let (before, ledger) = (all_of(&database), session.recall(MIGRATION).expect("a ledger"));
    // Another session: the first one goes on holding the migration.
    assert!(target(&database.url).rehearse(MIGRATION, &all).expect("a rehearsal"));
    assert_eq!(all_of(&database), before);
    assert_eq!(session.recall(MIGRATION).expect("a ledger"), ledger);
    session.execute(MIGRATION, &all[until..]).expect("the rest");
    assert_eq!(database.value("select count(*) from public.t"), "0");
}

#[test]
fn a_rehearsal_does_not_queue_up_before_others() {
    let (origin, database) = (servers::mariadb().fresh_database(), servers::postgres().fresh_database());
    origin.sql(SHOP);
    database.sql("create table customer (id int)");
    let mut session = target(&database.url);
    let all = statements(&origin.url, &mut session, "public", OnExisting::Replace);
    let held = "select count(*)::text from pg_locks where relation = 'customer'::regclass and granted";
    thread::scope(|scope| {
        let holder =
            scope.spawn(|| database.sql("begin; lock table customer in access share mode; select pg_sleep(8)"));
        while database.value(held) == "0" {
            thread::sleep(Duration::from_millis(20));
        }
        let began = Instant::now();
        let error = session.rehearse(MIGRATION, &all).expect_err("somebody reads the table");
        assert_eq!(error.code, Code::Timeout);
        assert!(error.message.contains("customer"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
        holder.join().expect("the reader");
    });
}

#[test]
fn mariadb_cannot_rehearse_and_does_nothing() {
    let (origin, database) = (servers::mariadb().fresh_database(), servers::mariadb().fresh_database());
    origin.sql(SHOP);
    let mut session = target(&database.url);
    let all = statements(&origin.url, &mut session, &database.name, OnExisting::Replace);
    assert!(!session.rehearse(MIGRATION, &all).expect("an answer"));
    let made = format!(
        "select count(*) from information_schema.schemata where schema_name like 'sensei\\_{MIGRATION}%' or schema_name like 'sensei\\_old\\_{MIGRATION}%'"
    );
    assert_eq!(database.value(&made), "0");
    let tables = format!("select count(*) from information_schema.tables where table_schema = '{}'", database.name);
    assert_eq!(database.value(&tables), "0");
}

#[test]
fn sqlite_rehearses() {
    let (origin, empty, full) = (SqliteFile::fresh(), SqliteFile::fresh(), SqliteFile::fresh());
    origin.sql(SQLITE_CORNERS);
    full.sql(SQLITE_CORNERS);
    for (file, on_existing) in [(&empty, OnExisting::Fail), (&full, OnExisting::Replace)] {
        let mut session = target(&file.url);
        let before = fs::read(&file.path).expect("a file");
        let all = statements(&origin.url, &mut session, "main", on_existing);
        assert!(session.rehearse(MIGRATION, &all).expect("a rehearsal"));
        assert_eq!(fs::read(&file.path).expect("a file"), before);
        assert_eq!(beside(&file.path), [""; 0]);
    }
    let mut session = target(&full.url);
    let failing = statements(&origin.url, &mut session, "main", OnExisting::Fail);
    let error = session.rehearse(MIGRATION, &failing).expect_err("the tables are there");
    assert!(error.message.contains("into place"), "{error}");
    drop(session);
    assert_eq!(full.value("select count(*) from sqlite_master where name like 'sensei%'"), "0");
}

#[test]
fn nothing_is_easily_taken_back() {
    let mut session = target("blackhole:");
    assert!(session.rehearse(MIGRATION, &[]).expect("an answer"));
    assert_eq!(session.recall(MIGRATION).expect("no ledger"), None);
}
