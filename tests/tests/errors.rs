//! What goes wrong is told in one paragraph that says what to do, and leaves nothing half-made in the target.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use sensei_tests::oracle::{Rules, System, compare};
use sensei_tests::product;
use sensei_tests::servers::{self, MariaDbDatabase, PASSWORD_IN_URL, Postgres, PostgresDatabase, SqliteFile};

fn source() -> MariaDbDatabase {
    let database = servers::mariadb().fresh_database();
    database.sql(
        "create table t (id int primary key, v varchar(20)); insert into t values (1, 'one'), (2, 'two');
         create table u (id int primary key); insert into u values (1);",
    );
    database
}

/// The run fails, its paragraph has all the words, and the target's own schema is as empty as it was.
#[track_caller]
fn fails(source: &str, target: &str, more: &[&str], system: &System, words: &[&str]) -> String {
    let before = format!("{:?}", system.shape());
    let error = product::migrate(source, target, more).failed();
    for word in words {
        assert!(error.to_lowercase().contains(&word.to_lowercase()), "{word:?} is not in: {error}");
    }
    assert_eq!(format!("{:?}", system.shape()), before, "something half-made is left after: {error}");
    assert!(error.len() < 900, "no paragraph, a page: {error}");
    error
}

#[test]
fn a_wrong_password() {
    let (source, target) = (source(), servers::postgres().fresh_database());
    let wrong = |url: &str| url.replace(PASSWORD_IN_URL, "wr0ng-s3cret");
    for (from, to, role) in
        [(wrong(&source.url), target.url.clone(), "source"), (source.url.clone(), wrong(&target.url), "target")]
    {
        let error = fails(&from, &to, &[], &(&target).into(), &[role, "password", "sensei", "unauthorized"]);
        assert!(!error.contains("wr0ng-s3cret"), "the password is in: {error}");
    }
}

#[test]
fn an_unreachable_host() {
    let (source, target) = (source(), servers::postgres().fresh_database());
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    fails(
        &source.url,
        &target.url_through(free),
        &[],
        &(&target).into(),
        &["target", "127.0.0.1", &free.to_string(), "unreachable"],
    );
    let nowhere = source.url.replace("127.0.0.1", "no-such-host.invalid");
    fails(&nowhere, &target.url, &[], &(&target).into(), &["source", "no-such-host.invalid", "unreachable"]);
}

#[test]
fn an_unknown_database_schema_and_table_filter() {
    let (source, target) = (source(), servers::postgres().fresh_database());
    let system = (&target).into();
    fails(
        &source.url.replace(&source.name, "no_such_db"),
        &target.url,
        &[],
        &system,
        &["source", "no_such_db", "not_found"],
    );
    fails(
        &source.url,
        &target.url.replace(&target.name, "no_such_db"),
        &[],
        &system,
        &["target", "no_such_db", "not_found"],
    );
    fails(&source.url, &target.url, &["--schema", "no_such_schema"], &system, &["no_such_schema"]);
    fails(&source.url, &target.url, &["--exclude-table", "no_such_table"], &system, &["no_such_table"]);
    fails(&source.url, &target.url, &["--exclude-table", "*"], &system, &["table"]);
    fails("sqlite:/no/such/file.db", &target.url, &[], &system, &["/no/such/file.db", "not_found"]);
    fails("nonsense://host/x", &target.url, &[], &system, &["nonsense"]);
    fails(&source.url, &format!("{}?no_such_option=1", target.url), &[], &system, &["no_such_option"]);
}

#[test]
fn a_role_that_may_not_write() {
    let (source, target) = (source(), servers::postgres().fresh_database());
    let poor = target.url.replace("sensei:", "sealed:");
    fails(&source.url, &poor, &[], &(&target).into(), &["target", "permission_denied", "42501"]);
}

#[test]
fn a_table_that_exists_is_not_touched_and_can_be_replaced() {
    let (source, target) = (source(), servers::postgres().fresh_database());
    target.sql("create table t (id int primary key, old text); insert into t values (9, 'old')");
    let error = fails(&source.url, &target.url, &[], &(&target).into(), &["public.t", "--on-existing"]);
    assert!(error.contains("replace"), "{error}");
    assert_eq!(target.value("select old from t"), "old");
    assert_eq!(System::from(&target).leftovers(), [""; 0]);

    product::migrate(&source.url, &target.url, &["--on-existing", "replace"]).succeeded();
    compare(&(&source).into(), &(&target).into(), &Rules::across()).assert_equal();
    let kept = target.query("select schemaname || '.' || tablename from pg_tables where schemaname like 'sensei\\_old%' and tablename = 't'");
    assert_eq!(kept.len(), 1, "the old table is kept aside");
}

#[test]
fn an_existing_table_of_mariadb_and_of_sqlite() {
    let (source, mariadb, sqlite) = (source(), servers::mariadb().fresh_database(), SqliteFile::fresh());
    mariadb.sql("create table t (old int); insert into t values (9)");
    sqlite.sql("create table t (old int); insert into t values (9)");
    fails(&source.url, &mariadb.url, &[], &(&mariadb).into(), &["t", "--on-existing"]);
    fails(&source.url, &sqlite.url, &[], &(&sqlite).into(), &["t", "--on-existing"]);
    assert_eq!([mariadb.value("select old from t"), sqlite.value("select old from t")], ["9", "9"]);
    for (url, system) in [(&mariadb.url, System::from(&mariadb)), (&sqlite.url, System::from(&sqlite))] {
        product::migrate(&source.url, url, &["--on-existing", "replace"]).succeeded();
        assert_eq!(system.shape().keys().collect::<Vec<_>>(), ["t", "u"]);
        assert_eq!(system.shape()["t"].columns.len(), 2);
    }
}

/// Keys that the source's rows break cannot be made; the error names the key and nothing goes live.
#[test]
fn rows_that_break_a_foreign_key() {
    let (source, target) = (servers::mariadb().fresh_database(), servers::postgres().fresh_database());
    source.sql(
        "create table parent (id int primary key); create table child (id int primary key, parent int, foreign key (parent) references parent (id));
         set foreign_key_checks = 0; insert into child values (1, 42);",
    );
    fails(&source.url, &target.url, &[], &(&target).into(), &["child", "constraint_violation", "23503"]);
}

/// A file system of a few megabytes, for as long as the value lives.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// # Panics
    /// When the machine does not let us mount one. A full disk cannot be shown then, and the test must say so.
    fn mount(megabytes: u32) -> Self {
        let path = tempfile::Builder::new().prefix("sensei-disk-").tempdir().expect("a directory").keep();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=777"), "tmpfs"])
            .arg(&path)
            .output();
        let mount = mount.expect("mount");
        let reason = String::from_utf8_lossy(&mount.stderr).into_owned();
        assert!(mount.status.success(), "a small file system cannot be mounted here, run this test as root: {reason}");
        Self { path }
    }

    fn free(&self) -> u64 {
        let output = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.path).output().expect("df");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().nth(1).and_then(|line| line.trim().parse().ok()).expect("a number of bytes")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.path).status());
        drop(fs::remove_dir(&self.path));
    }
}

fn large_source() -> MariaDbDatabase {
    let database = servers::mariadb().fresh_database();
    database.sql(
        "create table large (id int primary key, v varchar(200)); insert into large select seq, repeat(md5(seq), 5) from seq_1_to_200000;",
    );
    database
}

/// A database whose tables lie on a disk of `disk`.
fn database_on(server: &Postgres, disk: &Path) -> PostgresDatabase {
    server.sql("postgres", &format!("create tablespace small location '{}'", disk.display()));
    let database = server.fresh_database();
    server.sql("postgres", &format!("alter database {} set tablespace small", database.name));
    database
}

#[test]
fn a_full_disk_under_postgres() {
    let (source, disk) = (large_source(), SmallDisk::mount(32));
    let place = disk.path.join("space");
    fs::create_dir(&place).expect("a directory");
    let owner = Command::new("chown").arg("postgres").arg(&place).status().expect("chown");
    assert!(owner.success(), "the server's user can own a directory");
    {
        let server = Postgres::start();
        let target = database_on(&server, &place);
        fails(&source.url, &target.url, &[], &(&target).into(), &["target", "resource_exhausted", "53100", "disk"]);
        assert!(server.query("postgres", "select 1").len() == 1, "the server lives on");
    }
}

#[test]
fn a_full_disk_under_sqlite_and_then_room_again() {
    let (source, disk) = (large_source(), SmallDisk::mount(8));
    let file = disk.path.join("target.db");
    let url = format!("sqlite:{}", file.display());
    fails(&source.url, &url, &[], &System::Sqlite(file.clone()), &["target", "resource_exhausted", "disk"]);
    assert!(disk.free() < 8 << 20);
    let more = Command::new("mount").args(["-o", "remount,size=200m"]).arg(&disk.path).status().expect("mount");
    assert!(more.success());
    product::migrate(&source.url, &url, &[]).succeeded();
    compare(&source.into(), &System::Sqlite(file), &Rules::across()).assert_equal();
}
