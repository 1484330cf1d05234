//! Whether both sides agree before the cutover (P3).

use serde_json::json;

use super::recheck::{check, compare};
use super::{Job, TableCheck};
use crate::error::{Code, Error, Result};
use crate::event::Event;
use crate::plan::Plan;
use crate::plugin::{Environment, TargetSession};
use crate::transfer::TableTally;
use crate::validate::{Content, Contradiction, DifferenceKind, Figure, Pair, RowDifference};

/// Differing rows that an error shows of a table; all that were found are in its details. 3: an error is a paragraph.
const ROWS_SHOWN: usize = 3;

/// Compares rows of the source, rows the ledger has, rows of the target, and the content of both sides, as far as
/// `job.options.validation` wants it; tells the observer, and leaves how content compared in the tallies. Where counts
/// differ, only the tables that do are read: to find the rows.
///
/// # Errors
/// `count_mismatch` and `content_mismatch` name tables and rows; whatever reading back reports.
pub(super) fn agree(
    job: &Job,
    plan: &Plan,
    environment: &Environment,
    target: &mut TargetSession,
    tallies: &mut [TableTally],
) -> Result<()> {
    let figures = |tally: &TableTally| (tally.source_rows, tally.rows_durable, tally.target_rows);
    let counted = |tally: &TableTally| match figures(tally) {
        (Some(source), moved, Some(target)) => source == moved && moved == target,
        (_, _, _) => false,
    };
    let counts_agree = tallies.iter().all(counted);
    let mut checks: Vec<TableCheck> = (plan.tables.iter().zip(&*tallies))
        .map(|(table, t)| {
            check(table, t.source_rows.unwrap_or(t.rows_durable), t.target_rows.unwrap_or(t.rows_durable))
        })
        .collect();
    let mut pairs = Vec::new();
    for (at, (table, tally)) in plan.tables.iter().zip(&*tallies).enumerate() {
        if counts_agree || !counted(tally) {
            let staged = target.staged(&plan.migration, &table.target.name)?;
            // What was written is known to be what the source has only where the counts say so.
            let written = tally.digest.filter(|_| counts_agree);
            let testimony = tally.testimony.clone();
            pairs.push((at, Pair { table, target: staged, written, testimony }));
        }
    }
    compare(job, environment, pairs, &mut checks, false)?;
    for (tally, check) in tallies.iter_mut().zip(&checks) {
        tally.content = check.content.clone();
        tally.witness.clone_from(&check.witness);
    }
    let failed = if counts_agree {
        (!checks.iter().all(TableCheck::agrees)).then(|| Error::new(Code::ContentMismatch, content_differs(&checks)))
    } else {
        let wrong = tallies.iter().zip(&checks).filter(|(tally, _)| !counted(tally));
        let wrong: Vec<String> = wrong.map(|(tally, check)| counts_of(tally, check)).collect();
        Some(Error::new(Code::CountMismatch, count_differs(&wrong)))
    };
    let details = json!({"tables": checks.iter().filter(|c| !c.agrees()).collect::<Vec<_>>()});
    job.observer.observe(Event::Compared { tables: checks });
    failed.map_or(Ok(()), |error| Err(error.with_details(details)))
}

fn counts_of(tally: &TableTally, check: &TableCheck) -> String {
    let figure = |n: Option<u64>| n.map_or_else(|| "uncounted".to_owned(), |n| n.to_string());
    let (source, target) = (figure(tally.source_rows), figure(tally.target_rows));
    let rows = some(check.content.differences());
    let rows = if rows.is_empty() { rows } else { format!(" ({rows})") };
    format!("{}: source {source}, moved {}, target {target}{rows}", check.target, tally.rows_durable)
}

fn count_differs(wrong: &[String]) -> String {
    format!(
        "Rows do not agree ({}). Nothing was switched over. If the source changed while it was read, stop its writers and begin anew with `--restart`.",
        wrong.join("; ")
    )
}

fn content_differs(checks: &[TableCheck]) -> String {
    let tables = checks.iter().filter(|check| !check.agrees()).map(|check| {
        let rows = some(check.content.differences());
        let contradictions = check.witness.as_ref().map_or(&[][..], |witness| &witness.contradictions);
        let what = match (rows.is_empty(), contradictions) {
            (false, _) => rows,
            (true, []) => "its rows agree by now: the source was changed".to_owned(),
            (true, contradictions) => contradicted(contradictions),
        };
        format!("{}: {what}", check.target)
    });
    format!(
        "As many rows arrived as were sent, yet not the same ones ({}). Nothing was switched over. If a trigger, a default or another program changes the target's staging, stop it and begin anew with `--restart`; otherwise this is a bug of Sensei or of a connector: please report it.",
        tables.collect::<Vec<_>>().join("; ")
    )
}

/// What the systems say that cannot both be true: `the source counts 3 values in name, the target 2`.
fn contradicted(contradictions: &[Contradiction]) -> String {
    let word = |Contradiction { column, figure, source, target }: &Contradiction| match figure {
        Figure::Present => format!("the source counts {source} values in {column}, the target {target}"),
        Figure::Least => format!("the least {column} is {source} in the source, {target} in the target"),
        Figure::Greatest => format!("the greatest {column} is {source} in the source, {target} in the target"),
        Figure::Total => format!("{column} adds up to {source} in the source, to {target} in the target"),
    };
    contradictions.iter().take(ROWS_SHOWN).map(word).collect::<Vec<_>>().join("; ")
}

/// The first rows, in words: `id '7' differs in name; id '9' is missing`.
pub(super) fn some(differences: &[RowDifference]) -> String {
    let mut words: Vec<String> = differences.iter().take(ROWS_SHOWN).map(in_words).collect();
    match differences.len().saturating_sub(ROWS_SHOWN) {
        0 => {}
        more => words.push(format!("and {more} more")),
    }
    words.join("; ")
}

fn in_words(difference: &RowDifference) -> String {
    let key: Vec<String> = difference.key.iter().map(|(column, value)| format!("{column} {value}")).collect();
    let key = key.join(", ");
    match difference.kind {
        DifferenceKind::Missing => format!("{key} is missing"),
        DifferenceKind::Extra => format!("{key} is not in the source, or once more than there"),
        DifferenceKind::Different => format!("{key} differs in {}", difference.columns.join(", ")),
    }
}

/// One sentence for the log.
pub(crate) fn sentence(checks: &[TableCheck]) -> String {
    let differ: Vec<&str> = checks.iter().filter(|c| !c.agrees()).map(|c| c.target.as_str()).collect();
    if !differ.is_empty() {
        return format!("Tables whose two sides do not agree: {}.", differ.join(", "));
    }
    let compared = |check: &&TableCheck| matches!(check.content, Content::Compared(_));
    match checks.iter().filter(compared).count() {
        0 => format!("The rows of {} tables were counted on both sides: every count agrees.", checks.len()),
        by_value => {
            let heard: usize = checks.iter().filter_map(|c| c.witness.as_ref()).map(|w| w.agreed.len()).sum();
            let heard = if heard == 0 {
                String::new()
            } else {
                format!(", and so do both systems' own figures of {heard} columns")
            };
            format!("{by_value} tables were compared value by value: both sides agree{heard}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_in_words() {
        let row = |id: &str, kind, columns: &[&str]| RowDifference {
            key: vec![("id".into(), format!("'{id}'"))],
            kind,
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        };
        let mut rows = vec![
            row("7", DifferenceKind::Different, &["name", "price"]),
            row("8", DifferenceKind::Missing, &[]),
            row("9", DifferenceKind::Extra, &[]),
        ];
        let told =
            "id '7' differs in name, price; id '8' is missing; id '9' is not in the source, or once more than there";
        assert_eq!(some(&rows), told);
        rows.push(row("10", DifferenceKind::Missing, &[]));
        assert_eq!(some(&rows), format!("{told}; and 1 more"));
    }
}
