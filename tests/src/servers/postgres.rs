//! PostgreSQL.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::certificates::Certificates;
use super::process::{Account, Guarded, find_binary, free_port, run, run_as, server_directory};
use super::{PASSWORD, PASSWORD_IN_URL, Row, USER, fresh_name};

const PACKAGE: &str = "postgresql";

/// Who may come in, and how. `USER` and every other role authenticate by SCRAM.
const HBA: &str = "\
local   all all                  trust
host    all open   127.0.0.1/32  trust
host    all old    127.0.0.1/32  md5
hostssl all sealed 127.0.0.1/32  scram-sha-256
host    all sealed 127.0.0.1/32  reject
host    all all    127.0.0.1/32  scram-sha-256
";

/// The machine does not crash during a test, so nothing is synced; what was committed survives a killed server.
const SETTINGS: [&str; 8] = [
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=100",
    "shared_buffers=128MB",
    "max_wal_size=4GB",
    "listen_addresses=127.0.0.1",
    "ssl=on",
];

/// A running PostgreSQL, with roles [`USER`] (SCRAM), `old` (md5), `sealed` (SCRAM over TLS alone), all with
/// [`PASSWORD`], and `open` (trust).
#[derive(Debug)]
pub struct Postgres {
    process: Guarded,
    client: Client,
    /// Its TLS files.
    pub certificates: Certificates,
}

/// One database of a server.
#[derive(Clone, Debug)]
pub struct PostgresDatabase {
    client: Client,
    /// The database's name.
    pub name: String,
    /// How [`USER`] reaches it.
    pub url: String,
}

#[derive(Clone, Debug)]
struct Client {
    psql: PathBuf,
    socket: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts one more server; it ends when the value is dropped.
    ///
    /// # Panics
    /// When no server is installed, or it does not come up.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings (`name=value`).
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(settings: &[&str]) -> Self {
        let folders = binary_folders();
        let account = Account::unprivileged(&["postgres"]);
        let directory = server_directory("sensei-pg-", account);
        let data = directory.join("data");
        let initdb = find_binary(&["initdb"], &folders, PACKAGE);
        let mut command = Command::new(initdb);
        command.args(["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D"]).arg(&data);
        run(run_as(command.current_dir("/"), account));
        let certificates = Certificates::make(&directory, account);
        fs::write(data.join("pg_hba.conf"), HBA).expect("pg_hba.conf");

        let port = free_port();
        let mut server = Command::new(find_binary(&["postgres"], &folders, PACKAGE));
        server.arg("-D").arg(&data).arg("-k").arg(&directory).args(["-p", &port.to_string()]);
        for setting in SETTINGS.iter().chain(settings) {
            server.args(["-c", setting]);
        }
        server.args(["-c", &format!("ssl_cert_file={}", certificates.certificate.display())]);
        server.args(["-c", &format!("ssl_key_file={}", certificates.key.display())]);
        let process = Guarded::start(&server, "QUIT", &directory, account);
        let client = Client { psql: find_binary(&["psql"], &folders, PACKAGE), socket: directory, port };
        let postgres = Self { process, client, certificates };
        postgres.process.wait_until(|| postgres.client.answers());
        postgres.sql(
            "postgres",
            &format!(
                "create role {USER} login password '{PASSWORD}';
                 create role sealed login password '{PASSWORD}';
                 create role open login;
                 set password_encryption = 'md5';
                 create role old login password '{PASSWORD}';"
            ),
        );
        postgres
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.client.port
    }

    /// How [`USER`] reaches a database.
    pub fn url(&self, database: &str) -> String {
        self.client.url(database)
    }

    /// An empty database that [`USER`] owns.
    pub fn fresh_database(&self) -> PostgresDatabase {
        let name = fresh_name();
        self.sql("postgres", &format!("create database {name} owner {USER}"));
        self.database(&name)
    }

    /// A database that is there.
    pub fn database(&self, name: &str) -> PostgresDatabase {
        PostgresDatabase { client: self.client.clone(), name: name.to_owned(), url: self.url(name) }
    }

    /// Runs statements (or a psql script) as superuser.
    ///
    /// # Panics
    /// With the server's message when one fails.
    pub fn sql(&self, database: &str, text: &str) {
        self.client.script(database, "postgres", text);
    }

    /// Rows of one SELECT, as superuser.
    ///
    /// # Panics
    /// With the server's message when it fails.
    pub fn query(&self, database: &str, select: &str) -> Vec<Row> {
        self.client.query(database, select, 1)
    }

    /// What the server wrote to its log so far.
    ///
    /// # Panics
    /// When there is none.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Kills the server. Connections break; nothing answers on the port.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Starts it again on the same port, with the same data.
    pub fn restart(&self) {
        self.process.restart();
        self.process.wait_until(|| self.client.answers());
    }
}

impl PostgresDatabase {
    /// Runs statements (or a psql script) as [`USER`].
    ///
    /// # Panics
    /// With the server's message when one fails.
    pub fn sql(&self, text: &str) {
        self.client.script(&self.name, USER, text);
    }

    /// Rows of one SELECT, as superuser.
    ///
    /// # Panics
    /// With the server's message when it fails.
    pub fn query(&self, select: &str) -> Vec<Row> {
        self.client.query(&self.name, select, 1)
    }

    /// Rows of one SELECT, asked so many times by one session.
    ///
    /// # Panics
    /// With the server's message when it fails once.
    pub fn watch(&self, select: &str, times: usize) -> Vec<Row> {
        self.client.query(&self.name, select, times)
    }

    /// The single value of a SELECT.
    ///
    /// # Panics
    /// When it gives none.
    pub fn value(&self, select: &str) -> String {
        self.query(select).into_iter().flatten().flatten().next().unwrap_or_else(|| panic!("no value: {select}"))
    }

    /// The URL with other query parameters, user and so on: `text` replaced in it.
    pub fn url_with(&self, parameters: &str) -> String {
        format!("{}?{parameters}", self.url)
    }

    /// The same database through another port: a proxy's.
    pub fn url_through(&self, port: u16) -> String {
        self.url.replace(&format!(":{}/", self.client.port), &format!(":{port}/"))
    }

    /// Where its server listens.
    pub fn port(&self) -> u16 {
        self.client.port
    }

    /// Schema as `pg_dump` prints it: an account of it that Sensei had no hand in.
    pub fn dump(&self, options: &[&str]) -> String {
        let mut command = Command::new(find_binary(&["pg_dump"], &binary_folders(), PACKAGE));
        command.arg("-h").arg(&self.client.socket).args(["-p", &self.client.port.to_string(), "-U", "postgres"]);
        let output = command.args(options).arg(&self.name).output().expect("pg_dump");
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("pg_dump prints UTF-8")
    }
}

impl Client {
    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{}/{database}", self.port)
    }

    fn psql(&self, database: &str, user: &str) -> Command {
        let mut command = Command::new(&self.psql);
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database, "-p", &self.port.to_string()]);
        command.arg("-h").arg(&self.socket).env("PGOPTIONS", SESSION).env("PGCLIENTENCODING", "UTF8");
        command
    }

    fn answers(&self) -> bool {
        let mut command = self.psql("postgres", "postgres");
        command.args(["-c", "select 1"]).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    }

    fn script(&self, database: &str, user: &str, text: &str) {
        feed(&mut self.psql(database, user), text.as_bytes());
    }

    fn query(&self, database: &str, select: &str, times: usize) -> Vec<Row> {
        let copy = format!("copy ({}) to stdout;\n", select.trim_end().trim_end_matches(';')).repeat(times);
        let bytes = feed(&mut self.psql(database, "postgres"), copy.as_bytes());
        copied_rows(&bytes)
            .map(|row| {
                row.into_iter().map(|value| value.map(|value| String::from_utf8(value).expect("UTF-8"))).collect()
            })
            .collect()
    }
}

impl PostgresDatabase {
    /// Rows of one SELECT, value by value as the bytes of their text.
    pub(crate) fn raw_rows(&self, select: &str) -> Vec<Vec<Option<Vec<u8>>>> {
        let copy = format!("copy ({select}) to stdout;\n");
        copied_rows(&feed(&mut self.client.psql(&self.name, "postgres"), copy.as_bytes())).collect()
    }
}

/// One spelling for every value, whatever the server's configuration.
const SESSION: &str = "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c bytea_output=hex \
     -c client_min_messages=warning -c lc_monetary=C";

/// Undoes COPY's text format: tab between values, `\N` for NULL, backslash escapes.
fn copied_rows(bytes: &[u8]) -> impl Iterator<Item = Vec<Option<Vec<u8>>>> {
    let lines = bytes.strip_suffix(b"\n").map(|bytes| bytes.split(|byte| *byte == b'\n'));
    lines.into_iter().flatten().map(|line| line.split(|byte| *byte == b'\t').map(copied_value).collect())
}

fn copied_value(text: &[u8]) -> Option<Vec<u8>> {
    if text == b"\\N" {
        return None;
    }
    let mut value = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        value.push(match byte {
            b'\\' => match bytes.next().expect("an escaped byte") {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                other => *other,
            },
            byte => *byte,
        });
    }
    Some(value)
}

/// Runs a client with `input` and returns what it printed.
///
/// # Panics
/// With its error text when it fails.
pub(super) fn feed(command: &mut Command, input: &[u8]) -> Vec<u8> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("output")
    });
    let head: String = String::from_utf8_lossy(&input[..input.len().min(300)]).into_owned();
    assert!(output.status.success(), "{}\nin: {head}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// `/usr/lib/postgresql/*/bin`, newest first, then what `pg_config` says.
fn binary_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.and_then(|output| String::from_utf8(output.stdout).ok());
    let configured = configured.map(|text| Path::new(text.trim()).to_owned());
    versions.into_iter().map(|(_, folder)| folder).chain(configured).collect()
}
