//! Mappings: for each column of a target's proposal, what fills it and how sure that is.
//!
//! A confidence is the product of its evidence's weights. The weights are a table; which evidence there is
//! comes from the catalogs, the Arrow types and the names, never from a constant for the column.

use arrow::datatypes::{DataType as ArrowType, SchemaRef};

use super::naming::{Derivation, Name};
use super::rename::Renamed;
use super::risk::Risks;
use super::scout::full;
use super::{Evidence, Fidelity, Mapping, Severity, TablePlan, short_hash};
use crate::catalog::{Binary, Column, DataType, Decimal, Table, Text, Timestamp};
use crate::error::{Code, Error, Result, Role};
use crate::expression::{Conversion, conversion, quote, sql_type};
use crate::plugin::Proposal;
use crate::plugin::rows::decode_schema;

/// Characters of a mapping's identifier after `map_`: 50 bits, unique among the columns of any database.
const MAPPING_ID_LENGTH: usize = 10;

/// What the target's type does to values.
const FIDELITY_WEIGHTS: [(Fidelity, f64, &str); 4] = [
    (Fidelity::Lossless, 1.0, "every value arrives and can come back equal"),
    (Fidelity::Widened, 0.97, "every value arrives; the type, or a property of it, does not"),
    (Fidelity::Lossy, 0.6, "some values may be refused"),
    (Fidelity::Unsupported, 0.0, "the target cannot hold this type"),
];
/// What the step between the Arrow types does.
const CONVERSION_WEIGHTS: [(Conversion, f64, &str); 4] = [
    (Conversion::Same, 1.0, "values travel as they are"),
    (Conversion::Exact, 1.0, "the conversion is exact for every value"),
    (Conversion::Checked, 0.85, "each value is converted and compared; one that does not fit is an error"),
    (Conversion::Unsupported, 0.0, "there is no exact conversion"),
];
/// How the target's name came about.
const NAME_WEIGHTS: [(Derivation, f64, &str); 4] = [
    (Derivation::Same, 1.0, "the source's own name"),
    (Derivation::Renamed, 0.99, "spelled by the naming policy"),
    (Derivation::Shortened, 0.9, "cut to the target's longest name"),
    (Derivation::Collided, 0.7, "numbered, because another column has the name"),
];
/// The target's type holds a smaller range, shorter values or fewer digits than the source's.
const NARROWER_WEIGHT: f64 = 0.5;
/// The source allows NULL, the target does not.
const NOT_NULL_WEIGHT: f64 = 0.6;

/// One table on its way into the plan.
pub(super) struct Input<'a> {
    pub(super) source: &'a Table,
    pub(super) renamed: &'a Renamed,
    pub(super) proposal: Proposal,
    /// What reading all columns gives, in the source's order.
    pub(super) reads: SchemaRef,
}

/// The table's plan; what may surprise goes to `risks`.
///
/// # Errors
/// `plugin_lied` if the proposal does not fit the table it was asked for.
pub(super) fn table(input: Input<'_>, risks: &mut Risks) -> Result<TablePlan> {
    let Input { source, renamed, proposal, reads } = input;
    let lied = |what: String| {
        let message = format!(
            "The target's connector proposes for `{}` {what}. This is a bug of the connector.",
            full(&source.name)
        );
        Error::new(Code::PluginLied, message).role_if(Some(Role::Target))
    };
    let writes = decode_schema(&proposal.row_schema).map_err(|e| e.role_if(Some(Role::Target)))?;
    // Columns that the target computes itself stand in the schema only if its writer wants to see them.
    let mut written = proposal.table.columns.iter();
    let mut mappings = Vec::with_capacity(writes.fields().len());
    for field in writes.fields() {
        let target = written.find(|c| c.name == *field.name()).ok_or_else(|| {
            lied(format!("to write a column `{}` that it does not make, or in another order", field.name()))
        })?;
        let at = (renamed.columns.iter().position(|n| n.target == target.name))
            .ok_or_else(|| lied(format!("a column `{}` that was not asked for", target.name)))?;
        let read = reads.fields().get(at).ok_or_else(|| lied("more columns than the source reads".to_owned()))?;
        let note = proposal.columns.iter().find(|n| n.column == target.name);
        let pair = Pair {
            source: &source.columns[at],
            target,
            name: &renamed.columns[at],
            from: read.data_type(),
            to: field.data_type(),
            fidelity: note.map_or(Fidelity::Lossless, |n| n.fidelity),
            note: note.map_or("", |n| n.note.as_str()),
        };
        pair.warn(&full(&source.name), risks);
        mappings.push(pair.mapping(&full(&source.name), &full(&proposal.table.name)));
    }
    if mappings.is_empty() {
        return Err(lied("no column that could be written".to_owned()));
    }
    notes(source, renamed, &proposal, risks);
    Ok(TablePlan {
        source: source.name.clone(),
        estimated_rows: source.rows,
        estimated_bytes: source.bytes,
        mappings,
        row_schema: proposal.row_schema,
        target: proposal.table,
    })
}

/// What the target says it leaves out.
fn notes(source: &Table, renamed: &Renamed, proposal: &Proposal, risks: &mut Risks) {
    for note in &proposal.notes {
        risks.add(
            Severity::Medium,
            "left_out",
            &note.note,
            format!("{}: {}", full(&source.name), note.about),
            "Make it in the target by hand afterwards, if it is needed.",
        );
    }
    for (column, name) in source.columns.iter().zip(&renamed.columns) {
        let place = format!("{}.{}", full(&source.name), column.name);
        let held = proposal.table.columns.iter().find(|c| c.name == name.target);
        let told = proposal.columns.iter().any(|n| n.column == name.target && !n.note.is_empty())
            || proposal.notes.iter().any(|n| n.about == name.target);
        match held {
            None => risks.add(
                Severity::High,
                "column_not_moved",
                "The target cannot hold these columns; they are left out.",
                place,
                "Exclude the table, or give the column another type in the source.",
            ),
            Some(held) if column.touched_on_update && !held.touched_on_update && !told => risks.add(
                Severity::Medium,
                "update_time_not_kept",
                "These columns get the present time at each update in the source; in the target they will not.",
                place,
                "Add a trigger in the target, or set the column in the application.",
            ),
            Some(_) => {}
        }
    }
}

/// A source column and the target column it fills.
struct Pair<'a> {
    source: &'a Column,
    target: &'a Column,
    name: &'a Name,
    from: &'a ArrowType,
    to: &'a ArrowType,
    fidelity: Fidelity,
    note: &'a str,
}

impl Pair<'_> {
    fn mapping(&self, source_table: &str, target_table: &str) -> Mapping {
        let evidence = self.evidence();
        let confidence = evidence.iter().map(|e| e.weight).product::<f64>();
        let pair = format!("{source_table}\0{}\0{target_table}\0{}", self.source.name, self.target.name);
        Mapping {
            id: format!("map_{}", short_hash(&pair, MAPPING_ID_LENGTH)),
            source_column: self.source.name.clone(),
            source_type: self.source.native_type.clone(),
            target_column: self.target.name.clone(),
            target_type: self.target.native_type.clone(),
            transformation: self.transformation(),
            // Four digits: what a person compares, and the same on every machine.
            confidence: (confidence * 10_000.0).round() / 10_000.0,
            evidence,
            fidelity: match conversion(self.from, self.to) {
                Conversion::Unsupported => Fidelity::Unsupported,
                Conversion::Same | Conversion::Exact | Conversion::Checked => self.fidelity,
            },
            note: self.note.to_owned(),
        }
    }

    /// An exact conversion is written down as a CAST. One that must be checked is not: a CAST may round, the
    /// engine's own step into the target's type may not.
    fn transformation(&self) -> String {
        let column = quote(&self.source.name);
        match (conversion(self.from, self.to), sql_type(self.to)) {
            (Conversion::Exact, Some(sql)) => format!("CAST({column} AS {sql})"),
            (Conversion::Exact, None) | (Conversion::Same | Conversion::Checked | Conversion::Unsupported, _) => column,
        }
    }

    fn evidence(&self) -> Vec<Evidence> {
        let mut evidence = vec![
            weighed("type_fidelity", &FIDELITY_WEIGHTS, self.fidelity),
            weighed("name_derivation", &NAME_WEIGHTS, self.name.derivation),
        ];
        let step = conversion(self.from, self.to);
        if step != Conversion::Same {
            let mut cast = weighed("conversion", &CONVERSION_WEIGHTS, step);
            cast.detail = format!("{} to {}: {}", self.from, self.to, cast.detail);
            evidence.push(cast);
        }
        if let Some(detail) = narrower(&self.source.data_type, &self.target.data_type) {
            evidence.push(Evidence { kind: "range".to_owned(), weight: NARROWER_WEIGHT, detail });
        }
        if self.source.nullable && !self.target.nullable {
            let detail = "the source allows NULL and the target does not".to_owned();
            evidence.push(Evidence { kind: "nullability".to_owned(), weight: NOT_NULL_WEIGHT, detail });
        }
        evidence
    }

    fn warn(&self, table: &str, risks: &mut Risks) {
        let place = format!("{table}.{}", self.source.name);
        let or = |otherwise: &str| if self.note.is_empty() { otherwise.to_owned() } else { self.note.to_owned() };
        match self.fidelity {
            Fidelity::Lossless if self.note.is_empty() => {}
            Fidelity::Lossless => risks.add(Severity::Low, "note", self.note, &place, "Nothing to do."),
            Fidelity::Widened => risks.add(
                Severity::Low,
                "type_widened",
                or("The target's type holds every value, and is not the same type."),
                &place,
                "Nothing to do, if applications can read the target's type.",
            ),
            Fidelity::Lossy => risks.add(
                Severity::Medium,
                "values_may_be_refused",
                or("The target's type does not hold every value of the source's. A value that does not fit stops the migration; it is never changed."),
                &place,
                "Look whether such values exist, and correct them in the source.",
            ),
            Fidelity::Unsupported => risks.add(
                Severity::High,
                "unsupported_type",
                or("The target cannot hold values of this type."),
                &place,
                "Exclude the table, or give the column another type in the source.",
            ),
        }
        if let Some(detail) = narrower(&self.source.data_type, &self.target.data_type) {
            let detail = format!(
                "The target's type is narrower ({detail}). A value that does not fit stops the migration; it is never cut."
            );
            risks.add(
                Severity::Medium,
                "data_truncation",
                detail,
                &place,
                "Look whether such values exist, or enlarge the target's type.",
            );
        }
        match conversion(self.from, self.to) {
            Conversion::Same | Conversion::Exact => {}
            Conversion::Checked => risks.add(
                Severity::Medium,
                "checked_conversion",
                format!("Values are converted from {} to {}. One that does not fit exactly stops the migration; it is never rounded.", self.from, self.to),
                &place,
                "Look whether such values exist, and correct them in the source.",
            ),
            Conversion::Unsupported => risks.add(
                Severity::High,
                "unsupported_conversion",
                format!("There is no exact conversion from {} to {}.", self.from, self.to),
                &place,
                "Exclude the table, or give the column another type in the source.",
            ),
        }
    }
}

fn weighed<K: Copy + PartialEq>(kind: &str, weights: &[(K, f64, &str)], key: K) -> Evidence {
    let (weight, detail) = weights.iter().find(|(k, ..)| *k == key).map_or((0.0, "unknown"), |(_, w, d)| (*w, *d));
    Evidence { kind: kind.to_owned(), weight, detail: detail.to_owned() }
}

/// In what the target's neutral type holds less than the source's, if it does.
fn narrower(source: &DataType, target: &DataType) -> Option<String> {
    let fewer = |what: &str, source: Option<u32>, target: Option<u32>| match (source, target) {
        (Some(s), Some(t)) if t < s => Some(format!("{t} {what} instead of {s}")),
        (None, Some(t)) => Some(format!("{t} {what} instead of any number")),
        _ => None,
    };
    match (source, target) {
        (DataType::Text(Text { length: s, .. }), DataType::Text(Text { length: t, .. })) => fewer("characters", *s, *t),
        (DataType::Binary(Binary { length: s, .. }), DataType::Binary(Binary { length: t, .. })) => {
            fewer("bytes", *s, *t)
        }
        (DataType::Decimal(s), DataType::Decimal(t)) => {
            let whole = |d: &Decimal| Some(u32::from(d.precision.saturating_sub(d.scale)));
            fewer("digits before the point", whole(s), whole(t))
                .or_else(|| fewer("digits after the point", Some(s.scale.into()), Some(t.scale.into())))
        }
        (DataType::Number, DataType::Decimal(t)) => Some(format!("{} digits instead of any number", t.precision)),
        (DataType::Timestamp(Timestamp { precision: s, .. }), DataType::Timestamp(Timestamp { precision: t, .. }))
        | (DataType::Time(s), DataType::Time(t))
        | (DataType::Duration(s), DataType::Duration(t)) => {
            fewer("digits of a second", Some((*s).into()), Some((*t).into()))
        }
        (DataType::Float(s), DataType::Float(t)) => fewer("bits", Some((*s).into()), Some((*t).into())),
        _ => None,
    }
}
