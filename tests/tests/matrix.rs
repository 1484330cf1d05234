//! Every type of every system to every system, with the values at its edges: each arrives as it was, or is refused by name.
//!
//! What comes of it is TYPES.md. With `SENSEI_BLESS=1` the page is written, otherwise it has to be what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use sensei_tests::oracle::Rules;
use sensei_tests::product;
use sensei_tests::trial::{Verdict, trial};
use sensei_tests::vocabulary::{Database, ENGINES, Engine, Native};
use serde_json::Value;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../TYPES.md");
const BETWEEN_CELLS: &str = " | ";
const BETWEEN_VALUES: &str = ", ";

/// A type in one target.
struct Cell {
    target_type: String,
    fidelity: String,
    note: String,
    refused: Vec<&'static str>,
}

/// The table of a type.
fn table(at: usize) -> String {
    format!("edge_{at:02}")
}

/// One source to one target.
#[derive(Clone, Copy)]
struct Pair {
    source: Engine,
    target: Engine,
}

impl Pair {
    /// Tables of these types, each with a row for each of its values and one without any.
    fn attempt(self, types: &[(usize, Vec<&str>)]) -> Verdict {
        let tables: Vec<String> = types.iter().map(|(at, _)| table(*at)).collect();
        self.between(types, |from, to| trial(from, to, &tables, &Rules::same_names()))
    }

    fn between<T>(self, types: &[(usize, Vec<&str>)], act: impl FnOnce(&Database, &Database) -> T) -> T {
        let (from, to) = (self.source.fresh(), self.target.fresh());
        let mut script = self.source.preamble().to_owned();
        let needs: BTreeSet<&str> = types.iter().map(|(at, _)| self.source.types()[*at].needs).collect();
        script.extend(needs);
        for (at, values) in types {
            let (name, declared) = (table(*at), self.source.types()[*at].declared);
            let _ = writeln!(script, "create table {name} (id integer primary key, v {declared});");
            for (id, value) in values.iter().chain(&["null"]).enumerate() {
                let _ = writeln!(script, "insert into {name} values ({id}, {value});");
            }
        }
        from.sql(&script);
        let answer = act(&from, &to);
        from.remove();
        to.remove();
        answer
    }

    /// What a plan says of every type, refusals still to come.
    fn planned(self) -> Vec<Cell> {
        let all: Vec<_> =
            self.source.types().iter().enumerate().map(|(at, native)| (at, vec![native.values[0]])).collect();
        self.between(&all, |from, to| {
            let plan =
                product::run(["migrate", "--source", &from.url, "--target", &to.url, "--plan"]).succeeded().stdout;
            let plan: Value = serde_json::from_str(&plan).expect("JSON");
            // The name of a database is another in each run.
            let database = to.url.rsplit('/').next().unwrap_or_default();
            let mut tables: Vec<&Value> = plan["tables"].as_array().expect("tables").iter().collect();
            tables.sort_by_key(|table| table["source"]["name"].as_str().unwrap_or_default());
            let word =
                |mapping: &Value, name: &str| mapping[name].as_str().unwrap_or_else(|| panic!("{mapping}")).to_owned();
            tables
                .iter()
                .map(|table| {
                    let mapping = &table["mappings"][1];
                    let target_type = word(mapping, "target_type").replace(database, "...");
                    let (fidelity, note) = (word(mapping, "fidelity").to_lowercase(), word(mapping, "note"));
                    Cell { target_type, fidelity, note, refused: Vec::new() }
                })
                .collect()
        })
    }

    /// One value of a type; one of another kind stands beside a plain one.
    fn alone(self, at: usize, value: &'static str) -> Verdict {
        let native = &self.source.types()[at];
        let values = if native.odd.contains(&value) { vec![native.values[0], value] } else { vec![value] };
        self.attempt(&[(at, values)])
    }

    /// What becomes of each value of a type, on its own.
    ///
    /// # Errors
    /// What is neither whole nor refused.
    fn one_by_one(self, at: usize) -> Result<Vec<&'static str>, Vec<String>> {
        let native = &self.source.types()[at];
        let (mut refused, mut wrong) = (Vec::new(), Vec::new());
        for value in native.values.iter().chain(native.odd) {
            match self.alone(at, value) {
                Verdict::Equal => {}
                Verdict::Refused(error) if names_the_column(&error) => refused.push(*value),
                Verdict::Refused(error) => wrong.push(format!("{value}: the column is not named: {error}")),
                Verdict::Wrong(found) => wrong.push(format!("{value}: {}", found.join("; "))),
            }
        }
        if wrong.is_empty() { Ok(refused) } else { Err(wrong) }
    }

    /// All types of the pair. What the page says is refused is tried alone; all else moves at once, and where that does not
    /// come out whole, the types that are to blame are tried value by value.
    fn survey(self, page: &str, wrong: &Mutex<Vec<String>>) -> Vec<Cell> {
        let found = |at: usize, list: &[String]| {
            let what =
                format!("{} {:?} to {}", self.source.name(), self.source.types()[at].declared, self.target.name());
            wrong.lock().expect("findings").push(format!("{what}: {}", list.join("; ")));
        };
        let types = self.source.types();
        let mut cells = self.planned();
        assert_eq!(cells.len(), types.len(), "not every table is in the plan");
        let mut open: BTreeSet<usize> = (0..types.len()).collect();
        for (at, cell) in cells.iter_mut().enumerate() {
            cell.refused = refused_in(page, self, &types[at]);
            let tried = cell.refused.iter().chain(types[at].odd.iter().filter(|value| !cell.refused.contains(value)));
            let as_written = tried.into_iter().all(|value| match self.alone(at, value) {
                Verdict::Equal => !cell.refused.contains(value),
                Verdict::Refused(error) => cell.refused.contains(value) && names_the_column(&error),
                Verdict::Wrong(_) => false,
            });
            if !as_written {
                cell.refused = self.one_by_one(at).unwrap_or_else(|list| {
                    found(at, &list);
                    open.remove(&at);
                    Vec::new()
                });
            }
        }
        loop {
            let taken =
                |at: &usize| types[*at].values.iter().copied().filter(|v| !cells[*at].refused.contains(v)).collect();
            let all: Vec<(usize, Vec<&str>)> = open.iter().map(|at| (*at, taken(at))).collect();
            let said = match self.attempt(&all) {
                Verdict::Equal => return cells,
                Verdict::Refused(error) => vec![error],
                Verdict::Wrong(list) => list,
            };
            let blamed: Vec<usize> =
                open.iter().copied().filter(|at| said.iter().any(|s| s.contains(&table(*at)))).collect();
            if blamed.is_empty() {
                found(0, &said);
                return cells;
            }
            for at in blamed {
                match self.one_by_one(at) {
                    Ok(refused) if refused != cells[at].refused => cells[at].refused = refused,
                    Ok(_) => {
                        found(at, &said);
                        open.remove(&at);
                    }
                    Err(list) => {
                        found(at, &list);
                        open.remove(&at);
                    }
                }
            }
        }
    }
}

fn names_the_column(error: &str) -> bool {
    error.contains(" v") || error.contains(".v")
}

/// The values that the page says are refused.
fn refused_in(page: &str, pair: Pair, native: &Native) -> Vec<&'static str> {
    let section = page.split("\n## From ").find(|section| section.starts_with(pair.source.name())).unwrap_or_default();
    let row = section.lines().find(|line| line.starts_with(&format!("| {} |", declared(native)))).unwrap_or_default();
    let at = 2 + ENGINES.iter().position(|engine| *engine == pair.target).expect("one of them");
    let cell = row.split(BETWEEN_CELLS).nth(at - 1).unwrap_or_default();
    let refused = cell.split_once("refused: ").map_or("", |(_, refused)| refused).trim_end_matches(" |");
    let named: Vec<&str> = refused.split(BETWEEN_VALUES).collect();
    native
        .values
        .iter()
        .chain(native.odd)
        .copied()
        .filter(|value| named.contains(&code(&shown(value)).as_str()))
        .collect()
}

fn page(cells: &BTreeMap<(usize, usize), Vec<Cell>>) -> String {
    let mut page = String::from(
        "# Types\n\n\
         What becomes of every type of every system, and of the values at its edges. This page is written by a test that moves\n\
         them all between real servers and compares both sides by other programs (`SENSEI_BLESS=1 cargo test --release -p\n\
         sensei-tests --test matrix`): what is not said to be refused arrived as it was.\n\n\
         *Lossless* and the like is what the plan says before anything moves. *Refused* values stop the migration before anything\n\
         is live; the error names the table, the column and the row. A policy (see README.md), or a transformation of the column,\n\
         says what is to become of them.\n",
    );
    for (from, source) in ENGINES.iter().enumerate() {
        let _ = write!(page, "\n## From {}\n\n|", source.name());
        let heads = ENGINES.iter().map(|target| format!(" to {} |", target.name()));
        let _ = writeln!(page, " Type |{}\n|---|---|---|---|", heads.collect::<String>());
        for (at, native) in source.types().iter().enumerate() {
            let cells: Vec<String> = (0..ENGINES.len()).map(|to| described(&cells[&(from, to)][at])).collect();
            let _ = writeln!(page, "| {}{BETWEEN_CELLS}{} |", declared(native), cells.join(BETWEEN_CELLS));
        }
    }
    page
}

fn described(cell: &Cell) -> String {
    let mut text = format!("{}, {}", code(&cell.target_type), cell.fidelity);
    if !cell.note.is_empty() {
        let _ = write!(text, ": {}", cell.note.replace('|', "\\|").trim_end_matches('.'));
    }
    if !cell.refused.is_empty() {
        let values: Vec<String> = cell.refused.iter().map(|value| code(&shown(value))).collect();
        let _ = write!(text, "; refused: {}", values.join(BETWEEN_VALUES));
    }
    text
}

fn declared(native: &Native) -> String {
    if native.declared.is_empty() { "*none*".to_owned() } else { code(native.declared) }
}

fn code(text: &str) -> String {
    // Blanks at an end, and characters that are none, would be lost in a page.
    let fence = if text.contains('`') { "``" } else { "`" };
    format!("{fence}{}{fence}", text.replace('|', "\\|"))
}

fn shown(value: &str) -> String {
    value
        .chars()
        .flat_map(|c| {
            if c.is_ascii_graphic() || c == ' ' || c.is_alphabetic() { vec![c] } else { c.escape_unicode().collect() }
        })
        .collect()
}

#[test]
fn every_type_to_every_system() {
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    let pairs: Vec<(usize, usize)> =
        (0..ENGINES.len()).flat_map(|from| (0..ENGINES.len()).map(move |to| (from, to))).collect();
    let (next, found, cells) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    let lanes = thread::available_parallelism().map_or(2, usize::from).min(pairs.len());
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while let Some((from, to)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    let survey = Pair { source: ENGINES[from], target: ENGINES[to] }.survey(&written, &found);
                    cells.lock().expect("cells").insert((from, to), survey);
                }
            });
        }
    });
    let cells = cells.into_inner().expect("cells");
    let page = page(&cells);
    let found = found.into_inner().expect("findings");
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
    if env::var_os("SENSEI_BLESS").is_some() {
        fs::write(PAGE, &page).expect("the page");
        return;
    }
    let differing: Vec<String> = page.lines().filter(|line| !written.contains(line)).map(str::to_owned).collect();
    assert!(
        page == written,
        "TYPES.md is not what it is. SENSEI_BLESS=1 writes it. These lines are new:\n{}",
        differing.join("\n")
    );
}
