//! Columns whose values are commonly meant as another type than theirs: 0 and 1 as a boolean, 36 characters as a UUID. They keep
//! their type unless somebody chose otherwise and the rows that were looked at say the same; where the rows say it, the plan
//! tells that it could be chosen.

use super::policies::Policies;
use super::profile::{ColumnProfile, LooksLike};
use super::rewrite::mentions;
use super::risk::Risks;
use super::scout::full;
use super::{Evidence, Severity};
use crate::catalog::{Column, DataType, DefaultValue, ForeignKey, Index, IndexPart, Table};

/// One way to take values for something else.
pub(super) struct Reading {
    /// In a request: `options.policies.flags`.
    pub(super) policy: &'static str,
    /// The choice that takes them so. The other one is [`KEEP`].
    pub(super) choice: &'static str,
    /// What such a column holds, in a sentence.
    holds: &'static str,
    to: DataType,
    /// A type that could be meant so.
    may_be: fn(&Column) -> bool,
    /// Rows that say so.
    is: fn(&ColumnProfile) -> bool,
}

/// They stay what they are.
pub(super) const KEEP: &str = "keep";

pub(super) const READINGS: [Reading; 3] = [
    Reading {
        policy: "flags",
        choice: "boolean",
        holds: "nothing but 0 and 1, in columns that are declared as flags",
        to: DataType::Boolean,
        may_be: |column| column.flag,
        is: |profile| {
            let within = |end: &Option<String>| end.as_ref().is_some_and(|end| end == "0" || end == "1");
            within(&profile.min) && within(&profile.max)
        },
    },
    Reading {
        policy: "uuids",
        choice: "uuid",
        holds: "nothing but UUIDs",
        to: DataType::Uuid,
        may_be: |column| matches!(&column.data_type, DataType::Text(text) if text.length.is_none_or(|n| n >= 36)),
        is: |profile| profile.looks_like == Some(LooksLike::Uuid),
    },
    Reading {
        policy: "json_texts",
        choice: "json",
        holds: "nothing but JSON",
        to: DataType::Json,
        may_be: |column| matches!(&column.data_type, DataType::Text(text) if !text.fixed),
        is: |profile| profile.looks_like == Some(LooksLike::Json),
    },
];

/// How sure rows make it, and what is said of them.
const WEIGHTS: [(Looked, f64, &str); 3] = [
    (Looked::All, 0.98, "all rows of the table say so"),
    (Looked::Many, 0.93, "the first 1,000 rows say so, or more"),
    (Looked::Few, 0.85, "the rows that were looked at say so"),
];
/// Rows that are many.
const MANY: u64 = 1_000;

/// Rows of the table that were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    All,
    Many,
    Few,
}

/// A column that is taken for something else.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meant {
    /// Its place in the table.
    pub(super) at: usize,
    pub(super) to: DataType,
    pub(super) evidence: Evidence,
}

/// Whether a sample of the table could tell anything that was chosen.
pub(super) fn asks(table: &Table, tables: &[&Table], policies: &Policies) -> bool {
    let chosen = |column: &Column| READINGS.iter().any(|r| policies.chosen_reading(r) && (r.may_be)(column));
    table.columns.iter().any(|column| chosen(column) && stands_alone(table, column, tables))
}

/// What is meant by the columns of a table, by its first rows and what was chosen; `whole` where these are all of them.
pub(super) fn meant(
    table: &Table,
    tables: &[&Table],
    profile: &[ColumnProfile],
    whole: bool,
    policies: &Policies,
) -> Vec<Meant> {
    let of = |(at, (column, profile)): (usize, (&Column, &ColumnProfile))| {
        let reading = READINGS.iter().find(|r| policies.chosen_reading(r) && (r.may_be)(column) && (r.is)(profile))?;
        let fits = stands_alone(table, column, tables) && default(column, &reading.to).is_some();
        let looked = match (whole, profile.sampled >= MANY) {
            (true, _) => Looked::All,
            (false, true) => Looked::Many,
            (false, false) => Looked::Few,
        };
        let (_, weight, detail) = WEIGHTS.into_iter().find(|(l, ..)| *l == looked)?;
        let detail = format!("they hold {}: {detail} (policy `{}: {}`)", reading.holds, reading.policy, reading.choice);
        let evidence = Evidence { kind: "meant_type".to_owned(), weight, detail };
        fits.then(|| Meant { at, to: reading.to.clone(), evidence })
    };
    table.columns.iter().zip(profile).enumerate().filter_map(of).collect()
}

/// The column as it is meant.
pub(super) fn retype(column: &mut Column, to: &DataType) {
    column.default = default(column, to).flatten();
    column.data_type = to.clone();
    column.flag = false;
    (column.collation, column.character_set) = (None, None);
}

/// Tells what could be chosen.
pub(super) fn tell(
    table: &Table,
    tables: &[&Table],
    profile: &[ColumnProfile],
    policies: &Policies,
    risks: &mut Risks,
) {
    for (column, profile) in table.columns.iter().zip(profile) {
        let found = READINGS.iter().find(|r| (r.may_be)(column) && (r.is)(profile));
        let Some(reading) = found.filter(|r| !policies.chosen_reading(r)) else { continue };
        if stands_alone(table, column, tables) {
            risks.add(
                Severity::Low,
                "meant_type",
                format!("Sampled rows hold {}.", reading.holds),
                format!("{}.{} ({} sampled)", full(&table.name), column.name, profile.sampled),
                &format!(
                    "Nothing to do; the policy `{}: {}` makes them what they are meant to be.",
                    reading.policy, reading.choice
                ),
            );
        }
    }
}

/// Nothing else of the plan counts on the column's type: no key between tables, no expression.
fn stands_alone(table: &Table, column: &Column, tables: &[&Table]) -> bool {
    let name = &column.name;
    let refers = |key: &ForeignKey, child: &Table| {
        (child.name == table.name && key.columns.contains(name))
            || ((&key.referenced_schema, &key.referenced_table) == (&table.name.schema, &table.name.name)
                && key.referenced_columns.contains(name))
    };
    let spoken = |text: &str| mentions(text, name);
    let in_index = |index: &Index| {
        let of_part = |part: &IndexPart| {
            (part.column.as_ref() == Some(name) && part.prefix_length.is_some())
                || part.expression.as_deref().is_some_and(spoken)
        };
        index.parts.iter().any(of_part) || index.predicate.as_deref().is_some_and(spoken)
    };
    column.identity.is_none()
        && column.generated.is_none()
        && !tables.iter().any(|child| child.foreign_keys.iter().any(|key| refers(key, child)))
        && !table.checks.iter().any(|check| spoken(&check.expression))
        && !table.columns.iter().any(|c| c.generated.as_ref().is_some_and(|g| spoken(&g.expression)))
        && !table.indexes.iter().any(in_index)
}

/// The default of a column that is meant so; none where it has one that is nothing of the kind.
fn default(column: &Column, to: &DataType) -> Option<Option<DefaultValue>> {
    match (&column.default, to) {
        (None, _) => Some(None),
        (Some(DefaultValue::Literal(digit)), DataType::Boolean) => match digit.as_str() {
            "0" => Some(Some(DefaultValue::Literal("false".to_owned()))),
            "1" => Some(Some(DefaultValue::Literal("true".to_owned()))),
            _ => None,
        },
        (Some(DefaultValue::RandomUuid), DataType::Uuid) => Some(column.default.clone()),
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{number, table, words};
    use super::*;
    use crate::catalog::{Check, Integer, Text};

    fn flag(name: &str) -> Column {
        let data_type = DataType::Integer(Integer { bits: 8, signed: true });
        Column { flag: true, data_type, ..number(name) }
    }

    fn profile(column: &str, ends: Option<[&str; 2]>, looks_like: Option<LooksLike>) -> ColumnProfile {
        ColumnProfile {
            column: column.to_owned(),
            sampled: 20,
            nulls: 0,
            distinct: 2,
            min: ends.map(|ends| ends[0].to_owned()),
            max: ends.map(|ends| ends[1].to_owned()),
            longest: None,
            looks_like,
        }
    }

    fn chosen() -> Policies {
        let mut policies = Policies::default();
        for reading in &READINGS {
            policies.choose(reading.policy, reading.choice).unwrap();
        }
        policies
    }

    #[test]
    fn rows_and_a_choice_make_a_type() {
        let mut states = flag("state");
        states.default = Some(DefaultValue::Literal("7".to_owned()));
        let mut open = flag("open");
        open.default = Some(DefaultValue::Literal("1".to_owned()));
        let mut short = words("short");
        short.data_type = DataType::Text(Text { length: Some(9), fixed: false });
        let columns = vec![open, flag("level"), flag("checked"), number("n"), words("id"), short, words("doc"), states];
        let mut table = table("shop", "t", columns);
        table.checks.push(Check { name: None, expression: "checked >= 0".to_owned() });
        let bits = Some(["0", "1"]);
        let profiles = [
            profile("open", bits, None),
            profile("level", Some(["0", "2"]), None),
            profile("checked", bits, None),
            profile("n", bits, None),
            profile("id", None, Some(LooksLike::Uuid)),
            profile("short", None, Some(LooksLike::Uuid)),
            profile("doc", None, Some(LooksLike::Json)),
            profile("state", bits, None),
        ];
        let found = meant(&table, &[&table], &profiles, true, &chosen());
        let told: Vec<(usize, f64)> = found.iter().map(|m| (m.at, m.evidence.weight)).collect();
        assert_eq!(told, [(0, 0.98), (4, 0.98), (6, 0.98)]);
        assert_eq!(meant(&table, &[&table], &profiles, false, &chosen())[0].evidence.weight, 0.85);
        assert_eq!(meant(&table, &[&table], &profiles, true, &Policies::default()), []);
        assert!(asks(&table, &[&table], &chosen()) && !asks(&table, &[&table], &Policies::default()));
        let mut column = table.columns[0].clone();
        retype(&mut column, &found[0].to);
        assert_eq!(column.default, Some(DefaultValue::Literal("true".to_owned())));
        assert_eq!(column.data_type, DataType::Boolean);
        // What nobody chose is told, but for what something else counts on.
        let mut risks = Risks::default();
        tell(&table, &[&table], &profiles, &Policies::default(), &mut risks);
        let affected: Vec<String> = risks.sorted().into_iter().flat_map(|risk| risk.affected).collect();
        let expected = ["open", "id", "doc", "state"].map(|name| format!("shop.t.{name} (20 sampled)"));
        assert!(affected.len() == 4 && expected.iter().all(|e| affected.contains(e)), "{affected:?}");
    }
}
