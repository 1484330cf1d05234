//! The harness itself: servers come up, clients read exactly what is there, nothing is left behind.

use sensei_tests::proxy::Proxy;
use sensei_tests::servers::{self, Postgres};
use std::time::Duration;

#[test]
fn postgres_answers_with_exact_values() {
    let database = servers::postgres().fresh_database();
    database.sql("create table t (a int, b text); insert into t values (1, E'tab\\tline\\nback\\\\slash'), (2, null), (3, '\\N')");
    let rows = database.query("select a, b from t order by a");
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        rows,
        [vec![text("1"), text("tab\tline\nback\\slash")], vec![text("2"), None], vec![text("3"), text("\\N")]]
    );
}

#[test]
fn mariadb_answers_with_exact_values() {
    let database = servers::mariadb().fresh_database();
    database
        .sql("create table t (a int, b text); insert into t values (1, 'tab\\tline\\n<&\">'), (2, null), (3, 'NULL')");
    let rows = database.query("select a, b from t order by a");
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(rows, [vec![text("1"), text("tab\tline\n<&\">")], vec![text("2"), None], vec![text("3"), text("NULL")]]);
}

#[test]
fn a_server_can_be_stopped_and_started_again() {
    let server = Postgres::start();
    let database = server.fresh_database();
    database.sql("create table t (a int); insert into t values (7)");
    server.stop();
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_err());
    server.restart();
    assert_eq!(database.value("select a from t"), "7");
}

#[test]
fn the_proxy_holds_at_a_text_and_lets_go() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::to(listener.local_addr().expect("bound").port());
    proxy.trap("needle");
    let mut client = std::net::TcpStream::connect(("127.0.0.1", proxy.port())).expect("the proxy listens");
    let (mut server, _) = listener.accept().expect("the proxy connects");
    client.write_all(b"hay nee").expect("sent");
    let mut bytes = [0; 7];
    server.read_exact(&mut bytes).expect("passed on");
    client.write_all(b"dle hay").expect("sent");
    assert!(proxy.wait_trapped(Duration::from_secs(10)));
    server.set_read_timeout(Some(Duration::from_millis(100))).expect("set");
    assert!(server.read_exact(&mut bytes).is_err());
    proxy.release();
    server.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    server.read_exact(&mut bytes).expect("released");
    assert_eq!(&bytes, b"dle hay");
    proxy.cut();
    assert_eq!(server.read(&mut bytes).expect("closed"), 0);
}

/// `kill -9` of a test process leaves no server and no directory. This test starts itself, and kills that.
#[test]
fn nothing_outlives_a_killed_test() {
    const FILE: &str = "SENSEI_TESTS_HARNESS_FILE";
    const LIMIT: Duration = Duration::from_secs(60);
    if let Some(file) = std::env::var_os(FILE) {
        let server = Postgres::start();
        let place = server.certificates.authority.parent().expect("a directory").display().to_string();
        let half_written = std::path::Path::new(&file).with_extension("half");
        std::fs::write(&half_written, format!("{}\n{place}", server.port())).expect("written");
        std::fs::rename(half_written, file).expect("renamed");
        std::thread::sleep(LIMIT);
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("server");
    let mut command = std::process::Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "nothing_outlives_a_killed_test"]).env(FILE, &file).stdout(std::process::Stdio::null());
    let mut child = command.spawn().expect("starts");
    let wait = |what: &dyn Fn() -> bool| {
        let begin = std::time::Instant::now();
        while !what() {
            assert!(begin.elapsed() < LIMIT, "it does not come to pass");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait(&|| file.exists());
    let text = std::fs::read_to_string(&file).expect("written");
    let (port, place) = text.split_once('\n').expect("two lines");
    let port: u16 = port.parse().expect("a port");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    child.kill().expect("killed");
    child.wait().expect("gone");
    wait(&|| std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    wait(&|| !std::path::Path::new(place).exists());
}
