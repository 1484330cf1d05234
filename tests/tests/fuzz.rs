//! Random schemas with random values between all systems: what arrives is what was there, or it is refused by name.
//!
//! Some seeds run each time; `SENSEI_FUZZ=100 cargo test --release -p sensei-tests --test fuzz` runs a hundred more of each
//! pair, from `SENSEI_FUZZ_FROM` (default 1000).

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

use sensei_tests::fuzz::Schema;
use sensei_tests::oracle::Rules;
use sensei_tests::trial::{Verdict, trial};
use sensei_tests::vocabulary::{ENGINES, Engine};

/// Schemas of each pair that run each time.
const EACH_TIME: u64 = 4;
/// Where the others begin.
const FROM: u64 = 1000;

/// Seeds that found something once.
const KEPT: &[(Engine, Engine, u64)] = &[];

/// How a seed came out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All of it arrived.
    Moved,
    /// What was refused was, and the rest of it arrived.
    MovedInPart,
}

fn case(source: Engine, target: Engine, seed: u64) -> Result<Outcome, String> {
    let mut plain = BTreeSet::new();
    loop {
        let schema = Schema::of(source, seed, &plain);
        let (from, to) = (source.fresh(), target.fresh());
        from.sql(&schema.script());
        let names: Vec<String> = schema.tables.iter().map(|table| table.name.clone()).collect();
        let verdict = trial(&from, &to, &names, &Rules::same_names());
        from.remove();
        to.remove();
        let wrong = |what: String| {
            let (source, target) = (source.name(), target.name());
            Err(format!("{source} to {target}, seed {seed}: {what}\n{}", schema.script()))
        };
        match verdict {
            Verdict::Equal if plain.is_empty() => return Ok(Outcome::Moved),
            Verdict::Equal => return Ok(Outcome::MovedInPart),
            Verdict::Wrong(found) => return wrong(found.join("\n  ")),
            Verdict::Refused(error) => match schema.blamed(&error) {
                Some(column) => drop(plain.insert(column)),
                None => return wrong(format!("refused for no value at an edge: {error}")),
            },
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "how many schemas were whole is what a long run is for")]
fn what_arrives_is_what_was_there() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let (each, from) = match number("SENSEI_FUZZ") {
        Some(each) => (each, number("SENSEI_FUZZ_FROM").unwrap_or(FROM)),
        None => (EACH_TIME, 0),
    };
    let pairs = ENGINES.iter().flat_map(|source| ENGINES.iter().map(move |target| (*source, *target)));
    let fresh = pairs.flat_map(|(source, target)| (from..from + each).map(move |seed| (source, target, seed)));
    let cases: Vec<(Engine, Engine, u64)> = KEPT.iter().copied().chain(fresh).collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let (whole, in_part) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let lanes = thread::available_parallelism().map_or(2, usize::from).min(8);
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while let Some((source, target, seed)) = cases.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    let whatever = AssertUnwindSafe(|| case(source, target, seed));
                    let ended = catch_unwind(whatever).unwrap_or_else(|panic| {
                        let said = panic.downcast_ref::<String>().map_or("a panic", String::as_str);
                        Err(format!("{} to {}, seed {seed}: {said}", source.name(), target.name()))
                    });
                    match ended {
                        Ok(Outcome::Moved) => drop(whole.fetch_add(1, Ordering::Relaxed)),
                        Ok(Outcome::MovedInPart) => drop(in_part.fetch_add(1, Ordering::Relaxed)),
                        Err(finding) => found.lock().expect("findings").push(finding),
                    }
                }
            });
        }
    });
    let (found, whole, in_part) = (found.into_inner().expect("findings"), whole.into_inner(), in_part.into_inner());
    eprintln!("{} schemas: {whole} arrived, {in_part} without values that were refused by name", cases.len());
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n\n"));
    assert!(whole > 0 && in_part > 0, "nothing was moved, or nothing refused");
}
