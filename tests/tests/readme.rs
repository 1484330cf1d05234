//! The README's walk through the API does what it says: its blocks run as they stand, in one shell.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sensei_tests::product;
use serde_json::Value;

/// The section with the walk.
const SECTION: &str = "## The API, step by step";
/// The walk takes seconds; one that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// The blocks of shell in a section of the README.
fn blocks(readme: &str, section: &str) -> Vec<String> {
    let begin = readme.find(section).expect("the section is there") + section.len();
    let text = &readme[begin..];
    let text = &text[..text.find("\n## ").unwrap_or(text.len())];
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.trim() {
            "```sh" => {
                inside = true;
                blocks.push(String::new());
            }
            "```" => inside = false,
            _ if inside => {
                let block = blocks.last_mut().expect("begun");
                block.push_str(line.strip_prefix("   ").unwrap_or(line));
                block.push('\n');
            }
            _ => {}
        }
    }
    assert!(!inside, "a block has no end");
    blocks
}

/// A shell and whatever it started: all of it ends with the test.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        drop(self.0.wait());
    }
}

/// Runs a script in a folder; what it printed.
fn run(script: &str, folder: &Path, listen: &str) -> String {
    let file = folder.join("walk.sh");
    fs::write(&file, script).expect("a script");
    let output = fs::File::create(folder.join("walk.out")).expect("a file");
    let mut command = Command::new("bash");
    command.arg(&file).current_dir(folder).env("SENSEI_LISTEN", listen).env_remove("SENSEI_STATE");
    command.env_remove("SENSEI_API_KEY").process_group(0).stdin(Stdio::null());
    command.stdout(output.try_clone().expect("a handle")).stderr(output);
    let mut shell = Shell(command.spawn().expect("bash"));
    let said = || {
        let mut text = String::new();
        fs::File::open(folder.join("walk.out")).and_then(|mut f| f.read_to_string(&mut text)).expect("UTF-8");
        text
    };
    let began = Instant::now();
    loop {
        if let Some(status) = shell.0.try_wait().expect("a child of ours") {
            assert!(status.success(), "{status}:\n{}", said());
            return said();
        }
        assert!(began.elapsed() < LIMIT, "the walk hangs:\n{}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn json(folder: &Path, name: &str) -> Value {
    let text = fs::read_to_string(folder.join("walk").join(name)).expect("a file of the walk");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"))
}

#[test]
fn the_walk_through_the_api_works_as_it_is_written() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("the README");
    let blocks = blocks(&readme, SECTION);
    assert!(blocks.len() >= 7, "{blocks:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let programs = folder.join("target/release");
    fs::create_dir_all(&programs).expect("a folder");
    symlink(product::program(), programs.join("sensei")).expect("a link");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    // A line before each block says which one it was that failed.
    let script = blocks.iter().enumerate().fold("set -eu -o pipefail\n".to_owned(), |script, (number, block)| {
        format!("{script}echo '@@ block {}'\n{block}", number + 1)
    });
    let said = run(&script, folder, &format!("127.0.0.1:{port}"));

    // The slip alone is an error, and it points at the character.
    let slip = json(folder, "slip.json");
    assert_eq!(
        (&slip["error"]["code"], &slip["error"]["details"]["position"]),
        (&"invalid_expression".into(), &7.into())
    );
    assert_eq!(said.matches("\"error\":{").count(), 1, "{said}");
    let done = json(folder, "done.json");
    assert_eq!(done["status"], "completed", "{said}");
    let followed = fs::read_to_string(folder.join("walk/followed.txt")).expect("events");
    let ids: Vec<u64> = followed.lines().filter_map(|l| l.strip_prefix("id: ")?.parse().ok()).collect();
    assert!(ids.len() > 20 && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(followed.contains("event: progress") && followed.contains("\"status\":\"completed\""), "{followed}");
    for part in ["\"matches\":true", "\"deleted\":true", "\"logs_retained\":true", "\"dry_run\""] {
        assert!(said.contains(part), "{part} is missing:\n{said}");
    }

    // What arrived, and what did not.
    let open = |name: &str| rusqlite::Connection::open(folder.join("walk/shop").join(name)).expect("a database");
    let count = |database: &str, sql: &str| -> i64 { open(database).query_row(sql, [], |row| row.get(0)).expect(sql) };
    for table in ["customer", "orders", "lineitem", "nation"] {
        let sql = format!("select count(*) from {table}");
        assert_eq!(count("new.db", &sql), count("source.db", &sql), "{table}");
    }
    assert_eq!(count("new.db", "select count(*) from customer where c_mktsegment <> lower(c_mktsegment)"), 0);
    assert!(count("source.db", "select count(*) from customer where c_mktsegment = upper(c_mktsegment)") > 0);
    assert_eq!(count("new.db", "select count(*) from sqlite_schema where name like 'part%'"), 0);
}
