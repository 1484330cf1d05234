//! Chinook and Sakila, where they lie beside the project.

use std::fs;
use std::path::PathBuf;

/// Statements of the scripts that choose a database: a test has chosen its own.
const CHOOSING: [&str; 6] = ["drop database", "create database", "drop schema", "create schema", "use ", "\\c "];

/// A file of the sample data; `None`, said aloud, when it is absent.
pub fn file(name: &str) -> Option<PathBuf> {
    beside(&format!("data/{name}"))
}

/// The user's contract of the API; `None`, said aloud, when it is absent.
///
/// # Panics
/// When the file cannot be read.
pub fn contract() -> Option<String> {
    Some(fs::read_to_string(beside("spec/migrations-api.md")?).expect("a readable file"))
}

#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn beside(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: ../shared/{name} is absent");
    None
}

/// A script of the sample data, without what makes, chooses or names a database.
///
/// # Panics
/// When the file cannot be read.
pub fn script(name: &str) -> Option<String> {
    let text = fs::read_to_string(file(name)?).expect("a readable file");
    let keep = |line: &&str| {
        let line = line.to_lowercase();
        !CHOOSING.iter().any(|statement| line.starts_with(statement))
    };
    Some(text.lines().filter(keep).collect::<Vec<_>>().join("\n").replace("sakila.", ""))
}
