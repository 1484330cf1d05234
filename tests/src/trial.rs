//! One migration, judged from outside.

use crate::oracle::{Rules, compare, identical};
use crate::product;
use crate::vocabulary::Database;

/// What became of it.
#[derive(Debug)]
pub enum Verdict {
    /// All of it arrived, by the oracle's word and by the program's own.
    Equal,
    /// It was refused with these words, and nothing is live.
    Refused(String),
    /// Anything else: each is a finding.
    Wrong(Vec<String>),
}

/// Migrates, names as they are, and compares.
///
/// A refusal names a table of the source (`tables`), and the column, or there is none to name.
pub fn trial(source: &Database, target: &Database, tables: &[String], rules: &Rules) -> Verdict {
    let outcome = product::migrate(&source.url, &target.url, &["--naming", "preserve"]);
    let said = format!("{}\n{}", outcome.stdout, outcome.stderr);
    match outcome.code {
        Some(0) => {
            let same = std::mem::discriminant(&source.system) == std::mem::discriminant(&target.system);
            let differences = if same {
                identical(&source.system, &target.system)
            } else {
                compare(&source.system, &target.system, rules)
            };
            let mut found = differences.list().to_vec();
            found.extend(target.system.leftovers().into_iter().map(|left| format!("{left} is left")));
            if found.is_empty() { Verdict::Equal } else { Verdict::Wrong(found) }
        }
        Some(1) => {
            let Some(at) = said.find("error: ") else { return Verdict::Wrong(vec![format!("no word of why: {said}")]) };
            let error = said[at..].trim().to_owned();
            let mut found = Vec::new();
            if !tables.iter().any(|table| error.contains(table.as_str())) {
                found.push(format!("the refusal names no table: {error}"));
            }
            if error.contains("a bug of Sensei") || error.contains("not what was planned") {
                found.push(error.clone());
            }
            let live: Vec<String> = target.system.shape().into_keys().collect();
            if !live.is_empty() {
                found.push(format!("refused, but {live:?} are live: {error}"));
            }
            if found.is_empty() { Verdict::Refused(error) } else { Verdict::Wrong(found) }
        }
        code => Verdict::Wrong(vec![format!("ended with {code:?}: {said}")]),
    }
}
