//! MariaDB.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::certificates::Certificates;
use super::postgres::feed;
use super::process::{Account, Guarded, find_binary, free_port, run, run_as, server_directory};
use super::{PASSWORD, PASSWORD_IN_URL, Row, USER, fresh_name};

const PACKAGE: &str = "mariadb-server";

/// Values of 64 MB travel as hexadecimal text, both ways.
const PACKET: &str = "--max-allowed-packet=1G";

/// As for PostgreSQL: nothing is synced, everything survives a killed server.
const SETTINGS: [&str; 11] = [
    "--bind-address=127.0.0.1",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=OFF",
    "--innodb-buffer-pool-size=256M",
    "--innodb-log-file-size=512M",
    "--innodb-flush-method=nosync",
    "--skip-log-bin",
    "--local-infile=1",
    "--character-set-server=utf8mb4",
    "--plugin-load-add=auth_ed25519",
    PACKET,
];

/// A running MariaDB, with users [`USER`] (native password), `edward` (ed25519) and `sealed` (TLS alone), all
/// with [`PASSWORD`]. `caching_sha2_password` is MySQL's own; MariaDB cannot show it.
#[derive(Debug)]
pub struct MariaDb {
    process: Guarded,
    client: Client,
    /// Its TLS files.
    pub certificates: Certificates,
}

/// One database of a server.
#[derive(Clone, Debug)]
pub struct MariaDbDatabase {
    client: Client,
    /// The database's name.
    pub name: String,
    /// How [`USER`] reaches it.
    pub url: String,
}

#[derive(Clone, Debug)]
struct Client {
    program: PathBuf,
    socket: PathBuf,
    port: u16,
}

impl MariaDb {
    /// Starts one more server; it ends when the value is dropped.
    ///
    /// # Panics
    /// When no server is installed, or it does not come up.
    pub fn start() -> Self {
        let account = Account::unprivileged(&["mysql"]);
        let directory = server_directory("sensei-my-", account);
        let data = directory.join("data");
        let install = find_binary(&["mariadb-install-db", "mysql_install_db"], &[], PACKAGE);
        let mut command = Command::new(install);
        command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        command.arg(format!("--datadir={}", data.display())).args(["--innodb-flush-method=nosync"]);
        run(run_as(command.current_dir("/"), account));
        let certificates = Certificates::make(&directory, account);

        let port = free_port();
        let socket = directory.join("sock");
        let mut server = Command::new(find_binary(&["mariadbd", "mysqld"], &[], PACKAGE));
        server.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
        server.arg(format!("--socket={}", socket.display())).arg(format!("--port={port}")).args(SETTINGS);
        server.arg(format!("--pid-file={}", directory.join("pid").display()));
        server.arg(format!("--ssl-ca={}", certificates.authority.display()));
        server.arg(format!("--ssl-cert={}", certificates.certificate.display()));
        server.arg(format!("--ssl-key={}", certificates.key.display()));
        let process = Guarded::start(&server, "KILL", &directory, account);
        let program = find_binary(&["mariadb", "mysql"], &[], "mariadb-client");
        let mariadb = Self { process, client: Client { program, socket, port }, certificates };
        mariadb.process.wait_until(|| mariadb.client.answers());
        mariadb.sql(
            "mysql",
            &format!(
                "create user {USER}@'%' identified by '{PASSWORD}';
                 grant all privileges on *.* to {USER}@'%';
                 create user edward@'%' identified via ed25519 using password('{PASSWORD}');
                 grant all privileges on *.* to edward@'%';
                 create user sealed@'%' identified by '{PASSWORD}' require ssl;
                 grant all privileges on *.* to sealed@'%';
                 create user reader@'%' identified by '{PASSWORD}';
                 grant select, show view on *.* to reader@'%';"
            ),
        );
        mariadb
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.client.port
    }

    /// How [`USER`] reaches a database.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{}/{database}", self.client.port)
    }

    /// An empty database.
    pub fn fresh_database(&self) -> MariaDbDatabase {
        let name = fresh_name();
        self.sql("mysql", &format!("create database {name} character set utf8mb4"));
        self.database(&name)
    }

    /// A database that is there.
    pub fn database(&self, name: &str) -> MariaDbDatabase {
        MariaDbDatabase { client: self.client.clone(), name: name.to_owned(), url: self.url(name) }
    }

    /// Runs a script as root.
    ///
    /// # Panics
    /// With the server's message when a statement fails.
    pub fn sql(&self, database: &str, text: &str) {
        self.client.script(database, text);
    }

    /// Rows of one statement.
    ///
    /// # Panics
    /// With the server's message when it fails.
    pub fn query(&self, database: &str, statement: &str) -> Vec<Row> {
        self.client.query(database, statement)
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

impl MariaDbDatabase {
    /// Runs a script as root.
    ///
    /// # Panics
    /// With the server's message when a statement fails.
    pub fn sql(&self, text: &str) {
        self.client.script(&self.name, text);
    }

    /// Rows of one statement.
    ///
    /// # Panics
    /// With the server's message when it fails.
    pub fn query(&self, statement: &str) -> Vec<Row> {
        self.client.query(&self.name, statement)
    }

    /// Rows of one SELECT, asked so many times by one session.
    ///
    /// # Panics
    /// With the server's message when it fails once.
    pub fn watch(&self, select: &str, times: usize) -> Vec<Row> {
        self.query(&format!("{select};\n").repeat(times))
    }

    /// The single value of a statement.
    ///
    /// # Panics
    /// When it gives none.
    pub fn value(&self, statement: &str) -> String {
        self.query(statement).into_iter().flatten().flatten().next().unwrap_or_else(|| panic!("no value: {statement}"))
    }

    /// The URL with query parameters.
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

    /// Rows of one SELECT whose values are all hexadecimal text or NULL, decoded.
    pub(crate) fn hexadecimal_rows(&self, select: &str) -> Vec<Vec<Option<Vec<u8>>>> {
        let mut command = self.client.command(&self.name);
        command.args(["--batch", "--skip-column-names", "--quick"]);
        let output = feed(&mut command, format!("{SESSION}{select};\n").as_bytes());
        let lines = output.strip_suffix(b"\n").map(|bytes| bytes.split(|byte| *byte == b'\n'));
        let value = |text: &[u8]| (text != b"NULL").then(|| decode_hexadecimal(text));
        lines.into_iter().flatten().map(|line| line.split(|byte| *byte == b'\t').map(value).collect()).collect()
    }
}

/// Instants read in UTC; identifiers and text in full Unicode.
const SESSION: &str = "set time_zone = '+00:00', names utf8mb4, group_concat_max_len = 1000000;\n";

impl Client {
    fn command(&self, database: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--no-defaults", "-uroot", "--default-character-set=utf8mb4", PACKET]);
        command.arg(format!("--socket={}", self.socket.display())).arg(database);
        command
    }

    fn answers(&self) -> bool {
        let mut command = self.command("mysql");
        command.args(["-e", "select 1"]).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    }

    fn script(&self, database: &str, text: &str) {
        feed(&mut self.command(database), text.as_bytes());
    }

    fn query(&self, database: &str, statement: &str) -> Vec<Row> {
        let mut command = self.command(database);
        let bytes = feed(command.args(["--xml", "--quick"]), format!("{SESSION}{statement};\n").as_bytes());
        xml_rows(&String::from_utf8(bytes).expect("UTF-8; use hex() for bytes"))
    }
}

/// Rows of the client's XML output, the only one of its formats that tells NULL from any text.
fn xml_rows(text: &str) -> Vec<Row> {
    text.split("<row>").skip(1).map(|row| row.split("<field name=").skip(1).map(xml_field).collect()).collect()
}

fn xml_field(field: &str) -> Option<String> {
    let (head, rest) = field.split_once('>').expect("a field");
    let content = rest.split("</field>").next().unwrap_or_default();
    let plain = |text: &str| {
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
            .iter()
            .fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
    };
    (!head.contains("xsi:nil=\"true\"")).then(|| plain(content))
}

fn decode_hexadecimal(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_else(|| panic!("not hexadecimal: {byte}")) as u8;
    text.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
