//! Rules about the source tree itself, so that nobody has to remember them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Lines a file may have: what one person reads in one go.
const MAX_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// A text file of the project; its path is relative to the root, with `/`.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    fn is_below(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// This file, which must name what it forbids.
    fn is_this(&self) -> bool {
        self.path == "tests/tests/tidy.rs"
    }
}

/// Files below these folders, or these files, with one of these endings.
fn sources(places: &[&str], endings: &[&str]) -> Vec<Source> {
    fn walk(path: &Path, found: &mut Vec<PathBuf>) {
        if path.is_file() {
            found.push(path.to_owned());
        } else if let Ok(entries) = fs::read_dir(path) {
            let hidden = |name: &str| matches!(name, "target" | ".git");
            let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
            paths.retain(|p| !p.file_name().is_some_and(|n| hidden(&n.to_string_lossy())) && !p.is_symlink());
            paths.sort();
            paths.iter().for_each(|p| walk(p, found));
        }
    }
    let root = root();
    let mut found = Vec::new();
    places.iter().for_each(|place| walk(&root.join(place), &mut found));
    let relative = |path: &Path| path.strip_prefix(&root).expect("below the root").display().to_string();
    let sources: Vec<Source> = found
        .iter()
        .filter(|p| endings.iter().any(|e| p.to_string_lossy().ends_with(e)))
        .filter_map(|p| Some(Source { path: relative(p), text: fs::read_to_string(p).ok()? }))
        .collect();
    assert!(!sources.is_empty(), "{places:?} holds nothing: the rule would never fail");
    sources
}

/// What people wrote, in every language of the project.
const ALL: &[&str] = &["wit", "plugins", "engine", "api", "tests", "benches"];

fn report(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}\n  {}\n", offences.join("\n  "));
}

/// `path:line: text` of each line with one of these words, whatever their case.
fn lines_with(sources: &[Source], words: &[&str], allowed: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources.iter().filter(|s| !s.is_this() && !allowed(s)) {
        for (number, line) in source.lines() {
            let lower = line.to_lowercase();
            if words.iter().any(|w| lower.contains(w)) {
                offences.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    offences
}

/// As a word of its own: not within another.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word))
}

#[test]
fn engine_and_api_know_no_database() {
    const NAMES: &[&str] = &["postgres", "mysql", "mariadb", "sqlite", "oracle", "sql server", "sqlserver", "mssql"];
    let sources = sources(&["engine", "api"], &[".rs", ".toml", ".snap", ".json"]);
    // The store of state may be one; it is no source and no target.
    let offences = lines_with(&sources, NAMES, |s| s.is_below("engine/src/store") || s.path.ends_with("Cargo.toml"));
    report("engine and api ask connectors; they name no database:", offences);
}

#[test]
fn foreign_crates_stay_in_quarantine() {
    // What may be named where.
    const QUARANTINE: &[(&str, &str)] = &[
        ("wasmtime", "engine/src/plugin"),
        ("rayon", "engine/src/transfer"),
        ("sqlx", "engine/src/store"),
        ("axum", "api"),
    ];
    let sources = sources(&["engine", "api", "tests", "benches"], &[".rs"]);
    for (name, home) in QUARANTINE {
        let offences = lines_with(&sources, &[&format!("{name}::"), &format!("use {name}")], |s| s.is_below(home));
        report(&format!("`{name}` is named in {home} alone:"), offences);
    }
}

#[test]
fn files_can_be_read_in_one_go() {
    let long = sources(ALL, &[".rs", ".wit"]).into_iter().filter_map(|s| {
        let lines = s.text.lines().count();
        (lines > MAX_LINES).then(|| format!("{}: {lines} lines", s.path))
    });
    report(&format!("files have at most {MAX_LINES} lines; split by concern:"), long.collect());
}

#[test]
fn modules_are_named_after_what_they_are_about() {
    const EMPTY_WORDS: &[&str] =
        &["util", "utils", "common", "types", "helper", "helpers", "misc", "shared", "base", "core", "stuff"];
    let named = sources(ALL, &[".rs"]).into_iter().filter_map(|s| {
        let path = s.path.trim_end_matches(".rs");
        path.split('/').any(|part| EMPTY_WORDS.contains(&part)).then_some(s.path.clone())
    });
    report("these names say nothing about what is inside:", named.collect());
}

#[test]
fn nothing_is_left_to_be_done() {
    const MARKS: &[&str] = &["TODO", "FIXME", "XXX", "HACK", "unimplemented!", "todo!", "#[ignore", "dbg!("];
    let mut offences = Vec::new();
    for source in sources(ALL, &[".rs", ".wit", ".toml"]).iter().filter(|s| !s.is_this()) {
        for (number, line) in source.lines() {
            if MARKS.iter().any(|m| line.contains(m)) {
                offences.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report("unfinished:", offences);
}

#[test]
fn source_and_target_are_called_so() {
    const SYNONYMS: &[&str] = &["sink", "sinks", "destination", "destinations"];
    let mut offences = Vec::new();
    for source in sources(ALL, &[".rs", ".wit"]).iter().filter(|s| !s.is_this()) {
        for (number, line) in source.lines() {
            if SYNONYMS.iter().any(|w| has_word(&line.to_lowercase(), w)) {
                offences.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report("the words are `source` and `target`:", offences);
}

#[test]
fn nothing_depends_on_the_machine_it_was_written_on() {
    const PLACES: &[&str] =
        &["/work/", "/root/", "/home/", "index.crates.io", "static.crates.io", "pypi.org", "registry.npmjs"];
    let sources = sources(
        &["x", ".ci", "wit", "plugins", "engine", "api", "tests", "benches", "Cargo.toml"],
        &["x", "run", ".rs", ".wit", ".toml", ".json", ".sh", ".md", ".sql"],
    );
    // A made-up home in a test of paths is none of this machine's.
    let offences = lines_with(&sources, PLACES, |_| false).into_iter().filter(|o| !o.contains("\"/home/a"));
    report("a path or host of one machine:", offences.collect());
}

/// Folders of `plugins/` with a connector, by name.
fn folders(of: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("plugins").join(of)).expect("a folder");
    entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect()
}

#[test]
fn every_plugin_is_on_board() {
    let names = |guests: &[sensei_bundle::Guest]| guests.iter().map(|g| g.name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(names(sensei_bundle::CONNECTORS), folders("connectors"), "the list in plugins/bundle/build.rs");
    assert_eq!(names(sensei_bundle::HOSTILE), folders("hostile"), "the list in plugins/bundle/build.rs");
}

/// `wit/versions.lock` has a line for each version of the contract: version, blake3 of all WIT files.
#[test]
fn the_contract_changes_with_its_version() {
    let wit = sources(&["wit"], &[".wit"]);
    let packages: BTreeSet<&str> =
        wit.iter().filter_map(|s| s.text.lines().find(|l| l.starts_with("package "))).collect();
    assert_eq!(packages.len(), 1, "every file in wit/ begins with the same package line: {packages:?}");
    let package = packages.first().expect("a package");
    let version = package.rsplit('@').next().expect("a version").trim_end_matches(';');

    let mut hasher = blake3::Hasher::new();
    for source in &wit {
        hasher.update(source.path.as_bytes()).update(&[0]).update(source.text.as_bytes()).update(&[0]);
    }
    let line = format!("{version} {}", hasher.finalize().to_hex());

    let lock = fs::read_to_string(root().join("wit/versions.lock")).expect("wit/versions.lock");
    let locked = lock.lines().find(|l| l.split(' ').next() == Some(version));
    match locked {
        Some(locked) => assert_eq!(
            locked, line,
            "the contract changed, its version did not. Plugins out there are built against {version}: raise the version in \
             every file of wit/ and run this again for the line to add to wit/versions.lock. Only if {version} was never \
             released, put the new line in the place of the old one."
        ),
        None => panic!("the contract has a new version. Add this line to wit/versions.lock:\n{line}"),
    }
    let current = lock.lines().last();
    assert_eq!(current, Some(line.as_str()), "the current version stands last in wit/versions.lock");
}
