//! Comparing the content of both sides, value by value (P3).
//!
//! Rows become hashes, hashes become a [`Digest`]: that of the source is taken while its rows flow, after their mappings; the
//! target's rows are read back in types of its own, and hashed as the values they are. Where two digests differ, the rows
//! are found. What cannot be compared is told by column, never guessed.

mod differ;
mod digest;
mod json;
mod locate;
mod rows;
mod scan;
mod span;
#[cfg(test)]
mod tests;
mod token;
mod witness;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use differ::Differing;
pub use digest::Digest;
pub use locate::{DifferenceKind, MOST_DIFFERENCES, RowDifference};
use locate::{Located, Sides};
use rows::ALL;
pub use rows::{Comparison, Hasher};
pub(crate) use scan::Side;
use scan::{Gather, Scan};
pub use witness::{Contradiction, Figure, Witness};
pub(crate) use witness::{Questions, Testimony};

use crate::catalog::TableName;
use crate::connection::Connection;
use crate::error::Result;
use crate::plan::TablePlan;
use crate::plugin::Roles;

/// How closely both sides are compared before the cutover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Every value of every row.
    #[default]
    Full,
    /// Every value of this share of the rows, in percent, 1 to 99; and all rows are counted. The target is still read whole:
    /// rows are chosen by their key.
    Sample(u8),
    /// Rows are counted.
    Counts,
}

impl Depth {
    /// By the words that people write: `full`, `counts`, `sample:10` or `sample(10)`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "full" => Some(Self::Full),
            "counts" => Some(Self::Counts),
            other => {
                let percent = other.strip_prefix("sample")?;
                let inside = percent.strip_prefix('(').and_then(|p| p.strip_suffix(')'));
                Self::sample(inside.or(percent.strip_prefix(':'))?.parse().ok()?)
            }
        }
    }

    /// A sample of so many percent; none where that is no part of the rows.
    #[must_use]
    pub fn sample(percent: u8) -> Option<Self> {
        (1..ALL).contains(&percent).then_some(Self::Sample(percent))
    }

    /// Rows whose content is compared, in percent; none where none is.
    pub(crate) fn percent(self) -> Option<u8> {
        match self {
            Self::Full => Some(ALL),
            Self::Sample(percent) => Some(percent),
            Self::Counts => None,
        }
    }

    /// Whether both systems are also asked for their own figures: a sample is chosen by our hashes, which they do not know.
    pub(crate) fn has_witness(self) -> bool {
        match self {
            Self::Full => true,
            Self::Sample(_) | Self::Counts => false,
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Sample(percent) => write!(f, "sample({percent})"),
            Self::Counts => f.write_str("counts"),
        }
    }
}

/// How the content of one table compared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Content {
    /// Nobody asked for it.
    #[default]
    NotAsked,
    /// The target cannot be read back.
    NotPossible {
        /// For people.
        why: String,
    },
    /// It was.
    Compared(Compared),
}

/// Both sides of one table, digested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Of the source's rows, after their mappings.
    pub source_digest: String,
    /// Of the target's rows.
    pub target_digest: String,
    /// Share of the rows that was compared.
    pub percent: u8,
    /// Columns that were compared, in the target's names.
    pub columns: Vec<String>,
    /// Columns that were not.
    pub not_compared: Vec<NotCompared>,
    /// The first rows that differ, [`MOST_DIFFERENCES`] at most.
    pub differences: Vec<RowDifference>,
    /// Others differ, too.
    pub more: bool,
}

/// A column whose values were not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCompared {
    /// In the target.
    pub column: String,
    /// For people.
    pub why: String,
}

impl Content {
    /// Nothing that was compared differs.
    #[must_use]
    pub fn agrees(&self) -> bool {
        match self {
            Self::NotAsked | Self::NotPossible { .. } => true,
            Self::Compared(compared) => compared.source_digest == compared.target_digest,
        }
    }

    /// What is known of the rows that differ.
    #[must_use]
    pub fn differences(&self) -> &[RowDifference] {
        match self {
            Self::NotAsked | Self::NotPossible { .. } => &[],
            Self::Compared(compared) => &compared.differences,
        }
    }
}

/// Why a system's rows cannot be compared; none where they can.
pub(crate) fn unreadable(target: &Connection) -> Option<String> {
    let description = target.plugin().description();
    let reads = description.roles.contains(Roles::SOURCE);
    (!reads).then(|| format!("`{}` cannot be read back: its rows were only counted.", description.name))
}

/// One table to be compared.
pub(crate) struct Pair<'a> {
    pub(crate) table: &'a TablePlan,
    /// What the target's table is called now.
    pub(crate) target: TableName,
    /// What its rows were when they were written; none: the source is read (again).
    pub(crate) written: Option<Digest>,
    /// What the source said of its columns meanwhile; none: it is asked (again).
    pub(crate) testimony: Option<Testimony>,
}

impl Gather for Digest {
    fn take(&mut self, hasher: &Hasher, batch: &arrow::array::RecordBatch) {
        self.add(hasher.digest(batch));
    }

    fn join(&mut self, other: Self) {
        self.add(other);
    }
}

/// Compares the content of tables, in their order.
///
/// # Errors
/// Whatever reading reports, with the side's role; that rows differ is none.
pub(crate) fn compare(source: &Side<'_>, target: &Side<'_>, pairs: &[Pair<'_>], percent: u8) -> Result<Vec<Compared>> {
    let mut session = target.session()?;
    let mut prepared = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let whole = Comparison::of(pair.table, percent)?;
        let read = target.row_schema(&mut session, &pair.target, &whole.names())?;
        let unreadable = whole.unreadable(&read);
        let left_out: Vec<String> = unreadable.iter().map(|(column, _)| column.clone()).collect();
        // What was written was hashed with all its columns.
        let written = pair.written.filter(|_| left_out.is_empty());
        let not_compared = unreadable.into_iter().map(|(column, why)| NotCompared { column, why }).collect();
        prepared.push((whole.without(&left_out), written, not_compared));
    }
    drop(session);
    let scans: Vec<Scan<'_>> =
        prepared.iter().zip(pairs).map(|((comparison, ..), pair)| of_target(pair, comparison)).collect();
    let there = target.scan(&scans, |_| Digest::default())?;
    let unknown: Vec<usize> = (0..prepared.len()).filter(|&at| prepared[at].1.is_none()).collect();
    let scans: Vec<Scan<'_>> = unknown.iter().map(|&at| of_source(&pairs[at], &prepared[at].0)).collect();
    let read = source.scan(&scans, |_| Digest::default())?;
    let mut here: Vec<Digest> = prepared.iter().map(|(_, written, _)| written.unwrap_or_default()).collect();
    unknown.iter().zip(read).for_each(|(&at, digest)| here[at] = digest);
    let mut all = Vec::with_capacity(prepared.len());
    for (at, (comparison, _, not_compared)) in prepared.iter().enumerate() {
        let Located { differences, more } = if here[at] == there[at] {
            Located::default()
        } else {
            let source_scan = of_source(&pairs[at], comparison);
            let target_scan = of_target(&pairs[at], comparison);
            Sides { source, target, source_scan, target_scan, comparison }.locate()?
        };
        all.push(Compared {
            source_digest: here[at].to_string(),
            target_digest: there[at].to_string(),
            percent: comparison.percent(),
            columns: comparison.names(),
            not_compared: Vec::clone(not_compared),
            differences,
            more,
        });
    }
    Ok(all)
}

/// Asks both systems for their own figures of tables; `rows` the source counts in each. None of a table where one of them has
/// nothing to say.
///
/// # Errors
/// Whatever breaks a connection or a plugin, with the side's role.
pub(crate) fn hear(
    source: &Side<'_>,
    target: &Side<'_>,
    pairs: &[Pair<'_>],
    rows: &[u64],
) -> Result<Vec<Option<Witness>>> {
    let (mut asking, mut told) = (None, Vec::with_capacity(pairs.len()));
    let mut there = target.session()?;
    for (pair, rows) in pairs.iter().zip(rows) {
        (target.go_on)()?;
        let questions = Questions::of(pair.table);
        let asked = match &pair.testimony {
            Some(testimony) => Some(testimony.clone()),
            None => {
                let session = match &mut asking {
                    Some(session) => session,
                    none => none.insert(source.session()?),
                };
                let most = source.options.witness_rows;
                questions.ask_source(session, &pair.table.source, *rows, most).map_err(|e| source.blame(e))?
            }
        };
        told.push(match asked {
            None => None,
            Some(asked) => {
                questions.ask_target(&mut there, &pair.target, *rows, &asked).map_err(|e| target.blame(e))?
            }
        });
    }
    Ok(told)
}

/// The rows in which one table differs, `most` keys at most.
///
/// # Errors
/// `conflict` where more differ; whatever reading reports, with the side's role.
pub(crate) fn differing(source: &Side<'_>, target: &Side<'_>, pair: &Pair<'_>, most: u64) -> Result<Differing> {
    let whole = Comparison::of(pair.table, ALL)?;
    let mut session = target.session()?;
    let read = target.row_schema(&mut session, &pair.target, &whole.names())?;
    drop(session);
    let left_out: Vec<String> = whole.unreadable(&read).into_iter().map(|(column, _)| column).collect();
    let comparison = whole.without(&left_out);
    let (source_scan, target_scan) = (of_source(pair, &comparison), of_target(pair, &comparison));
    Sides { source, target, source_scan, target_scan, comparison: &comparison }.differing(most)
}

fn of_target<'a>(pair: &Pair<'_>, comparison: &'a Comparison) -> Scan<'a> {
    Scan { table: pair.target.clone(), columns: comparison.names(), mapped: None, comparison }
}

fn of_source<'a>(pair: &Pair<'a>, comparison: &'a Comparison) -> Scan<'a> {
    let table = pair.table;
    Scan { table: table.source.clone(), columns: table.reads.clone(), mapped: Some(table), comparison }
}
