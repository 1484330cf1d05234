//! Guests that attack the host, one test an attack (P5): each costs its own session an error, of the right kind, and the
//! process goes on and serves an honest guest.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use sensei_engine::catalog::TableName;
use sensei_engine::connection::Connection;
use sensei_engine::error::{Code, Error, Result, Role};
use sensei_engine::plugin::{Cancel, Environment, Host, Limits, Range, Reading, Registry, SourceSession};
use serde_json::json;

/// What a guest of these tests may compute: short, so that the tests are.
const COMPUTE: Duration = Duration::from_millis(500);
/// How long an attack may take until it is stopped: the limit, and a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);
const MEMORY_BYTES: usize = 128 << 20;
const HANDLES: usize = 8;
const LOG_LINES_PER_SECOND: u32 = 50;
const LOG_LINE_BYTES: usize = 256;

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let limits = Limits {
            compute: COMPUTE,
            memory_bytes: MEMORY_BYTES,
            handles: HANDLES,
            log_lines_per_second: LOG_LINES_PER_SECOND,
            log_line_bytes: LOG_LINE_BYTES,
            ..Limits::default()
        };
        let mut registry = Registry::new(Host::new(limits, None).expect("a host"));
        for guest in sensei_bundle::CONNECTORS.iter().chain(sensei_bundle::HOSTILE) {
            registry.add(guest.name, guest.bytes);
        }
        registry.add("junk", b"\0asm, but not really");
        registry
    })
}

fn connection(url: &str) -> Connection {
    Connection::from_url(registry(), url).expect("a connection")
}

fn open(connection: &Connection) -> SourceSession {
    SourceSession::open(connection, Environment::default()).expect("a session")
}

/// Lets a hostile guest attack in its catalog; an honest one must work afterwards.
fn attack_with(connection: &Connection, environment: Environment) -> Result<String> {
    let began = Instant::now();
    let outcome = SourceSession::open(connection, environment).and_then(|mut s| s.catalog(&[])).map(|c| c.server);
    assert!(began.elapsed() < PATIENCE, "the attack went on for {:?}", began.elapsed());
    an_honest_guest_works();
    outcome
}

fn attack(url: &str) -> Result<String> {
    attack_with(&connection(url), Environment::default())
}

fn assert_ends(url: &str, code: Code) -> Error {
    let error = attack(url).expect_err("the attack should have been stopped");
    assert_eq!((error.code, error.role), (code, Some(Role::Source)), "{url}: {error}");
    error
}

fn an_honest_guest_works() {
    let mut session = open(&connection("datagen:tpch?scale=0.001"));
    let table = TableName { schema: "tpch".into(), name: "nation".into() };
    let columns = ["n_nationkey".to_owned(), "n_name".to_owned()];
    let rows = read(&mut session, &table, &columns).expect("rows");
    assert_eq!(rows, 25);
}

/// Reads a whole table; its rows.
fn read(session: &mut SourceSession, table: &TableName, columns: &[String]) -> Result<usize> {
    let reading = Reading { table, columns, range: &Range::Whole, batch_rows: 1000, batch_bytes: 1 << 20, limit: None };
    let mut reader = session.read(&reading)?;
    let mut rows = 0;
    while let Some(batch) = reader.next_batch()? {
        rows += batch.columns.num_rows();
    }
    Ok(rows)
}

// ---- the three outcomes

#[test]
fn a_guests_own_error_is_its_own_error() {
    let error = assert_ends("attacker:refuse", Code::Unauthorized);
    assert_eq!(error.message, "The guest says no.");
}

#[test]
fn a_panic_is_a_trap() {
    let error = assert_ends("attacker:trap", Code::PluginTrapped);
    assert!(error.message.contains("`attacker` crashed"), "{error}");
}

#[test]
fn a_division_by_zero_is_a_trap() {
    assert_ends("attacker:divide", Code::PluginTrapped);
}

#[test]
fn an_attack_that_is_none_succeeds() {
    assert!(attack("attacker:none").is_ok(), "or the other tests could not fail for the right reason");
}

// ---- time

#[test]
fn a_loop_is_stopped() {
    let error = assert_ends("attacker:spin", Code::PluginLimit);
    assert!(error.message.contains("compute"), "{error}");
}

#[test]
fn a_loop_around_the_clock_is_a_loop() {
    assert_ends("attacker:spin-clock", Code::PluginLimit);
}

#[test]
fn a_loop_around_randomness_is_a_loop() {
    assert_ends("attacker:spin-random", Code::PluginLimit);
}

#[test]
fn a_loop_around_the_log_is_a_loop() {
    assert_ends("attacker:spin-log", Code::PluginLimit);
}

#[test]
fn a_goodbye_without_end_is_stopped() {
    let session = open(&connection("attacker:spin-goodbye"));
    let began = Instant::now();
    drop(session);
    assert!(began.elapsed() >= COMPUTE && began.elapsed() < COMPUTE + PATIENCE, "{:?}", began.elapsed());
}

#[test]
fn a_loop_hears_a_cancellation_long_before_its_limit() {
    let mut registry = Registry::new(Host::new(Limits::default(), None).expect("a host"));
    for guest in sensei_bundle::HOSTILE {
        registry.add(guest.name, guest.bytes);
    }
    let connection = Connection::from_url(&registry, "attacker:spin").expect("a connection");
    let cancel = Cancel::default();
    let environment = Environment { cancel: cancel.clone(), ..Environment::default() };
    let guest = std::thread::spawn(move || {
        SourceSession::open(&connection, environment).and_then(|mut s| s.catalog(&[])).map(|c| c.server)
    });
    std::thread::sleep(Duration::from_millis(50));
    let asked = Instant::now();
    cancel.cancel();
    let error = guest.join().expect("no panic").expect_err("cancelled");
    assert_eq!(error.code, Code::Cancelled, "{error}");
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
}

// ---- memory and stack

#[test]
fn memory_without_end_is_stopped() {
    let before = peak_memory();
    let error = assert_ends("attacker:allocate", Code::PluginLimit);
    assert!(error.message.contains("memory"), "{error}");
    // Other tests run beside this one; a few guests at their limit are allowed, no end is not.
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 8 * MEMORY_BYTES, "the process grew by {grown} bytes");
}

#[test]
fn recursion_without_end_is_stopped() {
    let error = assert_ends("attacker:recurse", Code::PluginLimit);
    assert!(error.message.contains("stack"), "{error}");
}

#[test]
fn recursion_that_fills_the_guests_own_stack_is_a_trap() {
    assert_ends("attacker:recurse-wide", Code::PluginTrapped);
}

#[test]
fn names_that_share_their_memory_do_not_multiply_in_the_host() {
    // 100,000 names of the same megabyte would be 100 GB here.
    let error = attack("attacker:amplify").expect_err("it should have been stopped");
    assert!(matches!(error.code, Code::PluginLimit | Code::PluginTrapped), "{error}");
}

#[test]
fn randomness_by_the_gigabyte_is_refused() {
    assert_ends("attacker:hoard-random", Code::PluginLimit);
}

/// The most memory this process ever had, in bytes (proc_pid_status(5)).
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok()).expect("kilobytes") * 1024
}

// ---- log

/// What a guest logs.
fn lines_of(url: &str) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    let environment = Environment {
        log: Arc::new(move |_, line| kept.lock().expect("no panic").push(line.to_owned())),
        ..Environment::default()
    };
    attack_with(&connection(url), environment).expect("logging is allowed");
    lines.lock().expect("no panic").clone()
}

#[test]
fn a_flood_of_lines_is_dammed() {
    let began = Instant::now();
    let lines = lines_of("attacker:flood");
    let seconds = began.elapsed().as_secs() as usize + 1;
    assert!(!lines.is_empty() && lines.len() <= LOG_LINES_PER_SECOND as usize * (seconds + 1), "{} lines", lines.len());
    assert_eq!(lines[0], "line 0");
}

#[test]
fn a_long_line_is_cut() {
    let lines = lines_of("attacker:long-line");
    assert_eq!(lines.len(), 1);
    assert!((1..=LOG_LINE_BYTES).contains(&lines[0].len()), "{} bytes", lines[0].len());
}

// ---- rows

fn rows_of(lie: &str) -> Result<usize> {
    rows_within(None, lie)
}

fn rows_within(limit: Option<u64>, lie: &str) -> Result<usize> {
    let mut session = open(&connection(&format!("attacker:{lie}")));
    let table = TableName { schema: "main".into(), name: "lies".into() };
    let mut reader = session.read(&Reading {
        table: &table,
        columns: &["id".into(), "name".into()],
        range: &Range::Whole,
        batch_rows: 100,
        batch_bytes: 1 << 20,
        limit,
    })?;
    let rows = reader.next_batch()?.expect("a batch").columns.num_rows();
    Ok(rows)
}

#[test]
fn the_truth_passes() {
    assert_eq!(rows_of("truth").expect("true rows"), 4);
}

#[test]
fn more_rows_than_were_asked_for_do_not_come_in() {
    assert_eq!(rows_within(Some(4), "truth").expect("as many as were asked for"), 4);
    let error = rows_within(Some(3), "truth").expect_err("it gives four");
    assert_eq!(error.code, Code::PluginLied, "{error}");
}

/// Every lie that rows can tell: the checked door lets none of them in.
const LIES: &[&str] = &[
    "rows-more",
    "rows-negative",
    "rows-huge",
    "rows-huge-32",
    "column-missing",
    "column-extra",
    "column-shorter",
    "column-negative",
    "buffer-missing",
    "buffer-outside",
    "buffer-far",
    "buffer-negative",
    "buffer-length-negative",
    "buffer-overflow",
    "buffer-short",
    "offsets-short",
    "offsets-descend",
    "offsets-far",
    "offsets-negative",
    "offsets-late",
    "text-invalid",
    "text-split",
    "nulls-forbidden",
    "nulls-too-many",
    "nulls-negative",
    "compressed",
    "body-empty",
    "message-truncated",
    "message-garbage",
    "message-empty",
    "message-schema",
    "schema-garbage",
    "schema-empty",
    "schema-truncated",
    "schema-batch",
    "schema-nested",
    "schema-views",
    "schema-wide",
];

#[test]
fn no_lie_passes_the_door() {
    let outcomes: Vec<(&str, Result<usize>)> = LIES.iter().map(|lie| (*lie, rows_of(lie))).collect();
    let passed: Vec<String> = outcomes
        .iter()
        .filter_map(|(lie, outcome)| match outcome {
            Err(e) if e.code == Code::PluginLied && e.role == Some(Role::Source) => None,
            other => Some(format!("{lie}: {other:?}")),
        })
        .collect();
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    an_honest_guest_works();
}

#[test]
fn a_panic_in_a_reader_is_a_trap() {
    assert_eq!(rows_of("trap-in-read").expect_err("a trap").code, Code::PluginTrapped);
    an_honest_guest_works();
}

// ---- network

/// A listener of this machine's own that nobody was granted.
fn bystander() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

fn dial(granted: (&str, u16), aim: (&str, u16), connections: u32) -> Result<String> {
    let fields =
        json!({"host": granted.0, "port": granted.1, "aim": aim.0, "aim_port": aim.1, "connections": connections});
    let fields = fields.as_object().expect("an object").clone();
    let connection = Connection::from_fields(registry(), "dialer", fields).expect("a connection");
    attack_with(&connection, Environment::default())
}

#[test]
fn the_granted_endpoint_is_reached() {
    let (listener, port) = bystander();
    assert_eq!(dial(("127.0.0.1", port), ("127.0.0.1", port), 1).expect("it was granted"), "1 connections");
    let (mut socket, _) = listener.accept().expect("it came");
    socket.set_nonblocking(false).expect("a socket");
    let mut said = String::new();
    socket.read_to_string(&mut said).expect("text");
    assert_eq!(said, "hello\n");
}

#[test]
fn another_port_is_not_reached() {
    let ((_granted, port), (other, other_port)) = (bystander(), bystander());
    let error = dial(("127.0.0.1", port), ("127.0.0.1", other_port), 1).expect_err("not granted");
    assert_eq!(error.code, Code::PermissionDenied, "{error}");
    assert!(other.accept().is_err(), "somebody knocked");
}

#[test]
fn another_host_is_not_reached_by_any_name() {
    let (listener, port) = bystander();
    // Ways to say this machine, none of them the one that was granted; and one that is far away.
    for aim in [
        "localhost",
        "127.0.0.2",
        "127.1",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        " 127.0.0.1",
        "127.0.0.1.",
        "127.0.0.1\0",
        "",
        "example.org",
        "169.254.169.254",
    ] {
        let error = dial(("127.0.0.1", port), (aim, port), 1).expect_err("not granted");
        assert_eq!(error.code, Code::PermissionDenied, "{aim}: {error}");
    }
    assert!(listener.accept().is_err(), "somebody knocked");
}

#[test]
fn the_machines_own_services_are_not_reached() {
    let (listener, port) = bystander();
    let error = dial(("db.example.org", 5432), ("127.0.0.1", port), 1).expect_err("not granted");
    assert_eq!(error.code, Code::PermissionDenied, "{error}");
    assert!(listener.accept().is_err(), "somebody knocked");
}

#[test]
fn sockets_without_end_are_stopped() {
    let (_listener, port) = bystander();
    assert!(dial(("127.0.0.1", port), ("127.0.0.1", port), HANDLES as u32).is_ok(), "as many as are allowed");
    let error = dial(("127.0.0.1", port), ("127.0.0.1", port), 10_000).expect_err("too many");
    assert_eq!(error.code, Code::PluginLimit, "{error}");
}

// ---- files

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A folder with a granted file and others that are none of a guest's business.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("mine")).expect("a folder");
        std::fs::create_dir(path("yours")).expect("a folder");
        for name in ["mine/shop.db", "mine/shop.db2", "mine/diary", "yours/shop.db", "yours/shop.db-wal"] {
            std::fs::write(path(name), name).expect("a file");
        }
        std::os::unix::fs::symlink(path("yours/shop.db"), path("mine/shop.db-link")).expect("a link");
        Self { folder }
    }

    fn attack(&self, attack: &str, aim: &str) -> Result<String> {
        let file = self.path("mine/shop.db");
        let fields = json!({"file": file, "aim": aim, "attack": attack}).as_object().expect("an object").clone();
        let connection = Connection::from_fields(registry(), "peeker", fields).expect("a connection");
        attack_with(&connection, Environment::default())
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[test]
fn the_granted_file_is_read() {
    let place = Place::new();
    assert_eq!(place.attack("read", &place.path("mine/shop.db")).expect("it was granted"), "12 bytes");
}

#[test]
fn no_other_file_is_touched_in_any_way() {
    let place = Place::new();
    let aims = [
        "/etc/passwd".to_owned(),
        "/proc/self/environ".to_owned(),
        place.path("mine"),
        place.path("mine/diary"),
        place.path("mine/shop.db2"),
        place.path("mine/shop.db/../diary"),
        place.path("mine/../yours/shop.db"),
        place.path("mine/shop.db-/../../yours/shop.db"),
        place.path("yours/shop.db"),
        place.path("yours/shop.db-wal"),
        place.path("yours/new"),
        place.path("mine/shop.db-x/new"),
        "shop.db".to_owned(),
        String::new(),
        "\0".to_owned(),
    ];
    for attack in ["read", "write", "create", "exists", "remove"] {
        for aim in &aims {
            let outcome = place.attack(attack, aim);
            let error = outcome.expect_err("not granted");
            assert_eq!(error.code, Code::PermissionDenied, "{attack} {aim}: {error}");
        }
    }
    for name in ["mine/diary", "mine/shop.db2", "yours/shop.db", "yours/shop.db-wal"] {
        assert_eq!(std::fs::read_to_string(place.path(name)).expect("still there"), name, "and still the same");
    }
    assert!(!Path::new(&place.path("yours/new")).exists());
}

#[test]
fn a_link_leads_nowhere() {
    let place = Place::new();
    for attack in ["read", "write", "create"] {
        let error = place.attack(attack, &place.path("mine/shop.db-link")).expect_err("a link");
        assert_eq!(error.code, Code::PermissionDenied, "{attack}: {error}");
    }
}

#[test]
fn a_source_does_not_write_its_own_file() {
    let place = Place::new();
    for attack in ["write", "create", "remove"] {
        let error = place.attack(attack, &place.path("mine/shop.db")).expect_err("for reading alone");
        assert_eq!(error.code, Code::PermissionDenied, "{attack}: {error}");
    }
    assert_eq!(std::fs::read_to_string(place.path("mine/shop.db")).expect("a file"), "mine/shop.db");
}

#[test]
fn files_without_end_are_stopped() {
    let place = Place::new();
    let error = place.attack("hoard", &place.path("mine/shop.db")).expect_err("too many");
    assert_eq!(error.code, Code::PluginLimit, "{error}");
}

// ---- loading

#[test]
fn an_import_that_was_not_granted_does_not_link() {
    let grabber = registry().plugin("grabber").expect("it can be asked what it is");
    assert!(grabber.imports().iter().any(|i| i.contains("/files@")), "{:?}", grabber.imports());
    let error = assert_ends("grabber:", Code::PluginInvalid);
    assert!(error.message.contains("`files`"), "{error}");
}

#[test]
fn what_is_no_component_is_refused() {
    let error = registry().plugin("junk").expect_err("no component");
    assert_eq!(error.code, Code::PluginInvalid, "{error}");
}

#[test]
fn no_connector_imports_more_than_the_contract() {
    const CONTRACT: &[&str] = &["catalog", "clock", "errors", "files", "log", "network", "random", "rows"];
    for guest in sensei_bundle::CONNECTORS {
        for import in registry().plugin(guest.name).expect("a connector").imports() {
            let known = CONTRACT.iter().any(|i| import.starts_with(&format!("sensei:plugin/{i}@")));
            assert!(known, "{} imports {import}", guest.name);
        }
    }
}
