//! How a table arrives in the target: it is made, or its rows are added to one that is there.

use super::architect::mapping_id;
use super::draft::Fitted;
use super::existing::Existing;
use super::fit::{self, ColumnFit};
use super::profile::ColumnProfile;
use super::risk::Risks;
use super::scout::full;
use super::{Evidence, Fidelity, Mapping, Severity};
use crate::catalog::Table;
use crate::expression::quote;

/// How a table arrives in the target.
pub(super) enum Arrival {
    /// It is made.
    New,
    /// It is made, and the rows of others are added to tables that are there.
    NewBesides,
    /// Its rows are added to a table that is there.
    Added(Box<Fitted>),
}

impl Arrival {
    /// Why this table, and why this column of it; none where the target's names are derived from the source's. `profile`: of the
    /// source's values.
    pub(super) fn evidence(&self, at: usize, profile: Option<&ColumnProfile>) -> Option<Vec<Evidence>> {
        match self {
            Self::New => None,
            Self::NewBesides => Some(vec![fit::new_table()]),
            Self::Added(fitted) => {
                let of_column = match &fitted.fit.columns[at] {
                    ColumnFit::To { column, evidence } => {
                        let resident = fitted.profile.iter().find(|p| p.column == *column);
                        let primary = fitted.existing.table.primary_key.as_ref();
                        let is_key = primary.is_some_and(|key| key.columns.contains(column))
                            || fitted.existing.foreign_keys.iter().any(|key| key.columns.contains(column));
                        let values = profile.zip(resident).and_then(|(a, b)| fit::of_values(a, b, is_key));
                        evidence.iter().cloned().chain(values).collect()
                    }
                    ColumnFit::Nowhere(evidence) => vec![evidence.clone()],
                    ColumnFit::LeftOut => Vec::new(),
                };
                Some(fitted.fit.evidence.iter().cloned().chain(of_column).collect())
            }
        }
    }

    pub(super) fn existing(&self) -> Option<&Existing> {
        match self {
            Self::New | Self::NewBesides => None,
            Self::Added(fitted) => Some(&fitted.existing),
        }
    }
}

/// A column that no column of the target's table is like: a person has to say where it goes.
pub(super) fn unplaced(source: &Table, at: usize, target: &Table, evidence: Vec<Evidence>) -> Mapping {
    let column = &source.columns[at];
    Mapping {
        id: mapping_id(&full(&source.name), &column.name, &full(&target.name), ""),
        source_column: column.name.clone(),
        source_type: column.native_type.clone(),
        target_column: String::new(),
        target_type: String::new(),
        transformation: quote(&column.name),
        confidence: 0.0,
        evidence,
        fidelity: Fidelity::Lossless,
        note: String::new(),
        remedies: Vec::new(),
    }
}

/// What a person should know of a table whose rows are added to one that is there.
pub(super) fn added(source: &Table, fitted: &Fitted, staged: &Table, risks: &mut Risks) {
    let Fitted { fit, existing, profile: _ } = fitted;
    let place = format!("{} -> {}", full(&source.name), full(&existing.table.name));
    risks.add(
        Severity::Medium,
        "rows_added",
        "The rows of these tables are added at the cutover to tables that the target has already, in one transaction. A row whose key is there already stops it, and nothing is added.",
        format!("{place} (about {} rows there)", existing.table.rows),
        "See in the mappings whether the right tables and columns are meant; say by `into` where they are not.",
    );
    let filled: Vec<String> = staged.columns.iter().map(|c| c.name.clone()).collect();
    if !existing.is_reversible(&filled) {
        risks.add(
            Severity::High,
            "no_way_back",
            "The rows that are added to these tables have no key of their own: once they are in, they cannot be told from the others, and the cutover cannot be taken back.",
            &place,
            "Map a column to the table's key, or be sure before the cutover (`cutover: manual`).",
        );
    }
    let column = |name: &String| format!("{}.{name}", full(&existing.table.name));
    for name in existing.required.iter().filter(|name| !filled.contains(name)) {
        risks.add(
            Severity::High,
            "column_unfilled",
            "These columns of the target must have a value, they have no default, and no column of the source is known for them.",
            column(name),
            "Give one of the source's columns that have no place to them (`target_column`), or give them a default in the target.",
        );
    }
    let others = existing.table.columns.iter().map(|c| &c.name);
    for name in others.filter(|name| !filled.contains(name) && !existing.required.contains(name)) {
        risks.add(
            Severity::Low,
            "column_default",
            "No column of the source is known for these columns of the target: they get their default, or NULL.",
            column(name),
            "Nothing to do, if that is what applications expect.",
        );
    }
    for (column, _) in source.columns.iter().zip(&fit.columns).filter(|(_, fit)| **fit == ColumnFit::LeftOut) {
        risks.add(
            Severity::Medium,
            "column_left_out",
            "These columns are left out, as asked.",
            format!("{}.{}", full(&source.name), column.name),
            "Nothing to do.",
        );
    }
}
