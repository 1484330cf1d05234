//! How a migration came out, for people.

use std::time::Duration;

use sensei_engine::migration::{Report, TableReport};
use sensei_engine::validate::{Content, Witness};

use super::format::{count, counted, headed, per_second, seconds, size};
use super::screen::{Column, table};

const COLUMNS: [Column<'_>; 6] = [
    Column::Left("table"),
    Column::Right("rows in source"),
    Column::Right("rows in target"),
    Column::Right("chunks"),
    Column::Right("time"),
    Column::Right("rows/s"),
];

/// All rows, in percent.
const ALL: u8 = 100;

/// Whether both sides of every table agree.
pub(super) fn agrees(report: &Report) -> bool {
    let agrees = |t: &TableReport| {
        t.source_rows == t.target_rows && t.content.agrees() && t.witness.as_ref().is_none_or(Witness::agrees)
    };
    report.tables.iter().all(agrees)
}

/// The table of tables, totals and notes.
pub(super) fn text(report: &Report, width: u16) -> String {
    let mut text = table(&COLUMNS, report.tables.iter().map(row), width);
    text += &format!("\n{}\n", verdict(report));
    let phases: Vec<String> = report
        .phases
        .iter()
        .map(|(phase, time)| format!("{} {}", phase.as_str().replace('_', " "), seconds(*time)))
        .collect();
    if !phases.is_empty() {
        text += &format!("Time: {}.\n", phases.join(", "));
    }
    for note in &report.notes {
        text += &format!("{}\n", headed("Note: ", note, "      ", width.into()));
    }
    text
}

fn row(report: &TableReport) -> Vec<String> {
    let TableReport { source_rows, target_rows, chunks, chunks_resumed, .. } = report;
    let sign = if source_rows == target_rows { "" } else { "≠ " };
    let chunks = match chunks_resumed {
        0 => count((*chunks).into()),
        resumed => format!("{} ({} resumed)", count((*chunks).into()), count((*resumed).into())),
    };
    // Rows of an earlier run took none of this run's time.
    let rate = if *chunks_resumed == 0 && *source_rows > 0 { rate(*source_rows, report.seconds) } else { None };
    let rate = rate.map_or_else(|| "-".to_owned(), count);
    let (source_rows, target_rows) = (count(*source_rows), format!("{sign}{}", count(*target_rows)));
    vec![report.target.clone(), source_rows, target_rows, chunks, seconds(report.seconds), rate]
}

fn verdict(report: &Report) -> String {
    let differing = report.tables.iter().filter(|t| t.source_rows != t.target_rows).count() as u64;
    if differing > 0 {
        let differ = if differing == 1 { "does" } else { "do" };
        return format!("{} {differ} not agree: see ≠ above.", counted(differing, "table"));
    }
    let rows: u64 = report.tables.iter().map(|t| t.target_rows).sum();
    let bytes: u64 = report.tables.iter().map(|t| t.bytes).sum();
    let (tables, rows_text) = (counted(report.tables.len() as u64, "table"), counted(rows, "row"));
    let (bytes, time) = (size(bytes), seconds(report.seconds));
    let agreed = agreed(report);
    if report.resumed {
        return format!("{tables}, {rows_text}; {bytes} of them moved by this run in {time}. {agreed}");
    }
    let rate = rate(rows, report.seconds).filter(|_| rows > 0);
    let rate = rate.map(|r| format!(" ({} rows/s)", count(r))).unwrap_or_default();
    format!("{tables}, {rows_text}, {bytes} moved in {time}{rate}. {agreed}")
}

/// What was found to agree: no more is said than was looked at.
fn agreed(report: &Report) -> String {
    let shares = report.tables.iter().map(|table| match &table.content {
        Content::Compared(compared) => Some(compared.percent),
        Content::NotAsked | Content::NotPossible { .. } => None,
    });
    match shares.min().flatten() {
        None => "Every count agrees.".to_owned(),
        Some(ALL) => {
            match report.tables.iter().filter_map(|table| table.witness.as_ref()).map(|w| w.agreed.len()).sum() {
                0_usize => "Every value agrees.".to_owned(),
                heard => {
                    let columns = counted(heard as u64, "column");
                    format!("Every value agrees; so do both systems' own figures of {columns}.")
                }
            }
        }
        Some(percent) => format!("Every count agrees, and every value of {percent} % of the rows."),
    }
}

fn rate(rows: u64, seconds: f64) -> Option<u64> {
    per_second(rows, Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use sensei_engine::event::Phase;

    use super::*;

    fn table(name: &str, rows: (u64, u64), chunks: (u32, u32), seconds: f64) -> TableReport {
        TableReport {
            source: format!("shop.{name}"),
            target: format!("public.{name}"),
            source_rows: rows.0,
            target_rows: rows.1,
            chunks: chunks.0,
            chunks_resumed: chunks.1,
            bytes: rows.0 * 200,
            seconds,
            content: Content::NotAsked,
            witness: None,
        }
    }

    fn report(tables: Vec<TableReport>) -> Report {
        Report {
            migration: "m4f2k9x0a1b2".into(),
            source: "one:shop".into(),
            target: "other:shop".into(),
            resumed: tables.iter().any(|t| t.chunks_resumed > 0),
            tables,
            phases: vec![(Phase::SchemaMigration, 0.12), (Phase::DataTransfer, 9.81)],
            seconds: 10.04,
            replaced: vec![],
            notes: vec![],
        }
    }

    #[test]
    fn agreement_is_told_with_totals() {
        let report = report(vec![
            table("lineitem", (6_001_215, 6_001_215), (25, 0), 9.8),
            table("nation", (25, 25), (1, 0), 0.01),
            table("empty", (0, 0), (1, 0), 0.0),
        ]);
        assert!(agrees(&report));
        insta::assert_snapshot!(text(&report, 100));
    }

    #[test]
    fn a_resumed_run_counts_its_own_work() {
        let report = report(vec![table("orders", (100, 100), (4, 3), 0.5)]);
        insta::assert_snapshot!(text(&report, 100));
    }

    #[test]
    fn a_difference_is_seen_at_once() {
        let mut report = report(vec![table("orders", (100, 99), (1, 0), 0.5), table("nation", (25, 25), (4, 3), 0.1)]);
        report.notes.push("The source cannot give one consistent moment.".into());
        assert!(!agrees(&report));
        insta::assert_snapshot!(text(&report, 100));
    }
}
