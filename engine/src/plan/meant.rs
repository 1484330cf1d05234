//! Columns whose values are commonly meant as another type than theirs: 0 and 1 as a boolean, 36 characters or 16 bytes as a
//! UUID. They keep their type unless somebody chose otherwise and the rows that were looked at say the same; where the rows say
//! it, the plan tells that it could be chosen. Columns that foreign keys join become the other type together, or not at all.

use super::policies::Policies;
use super::profile::{ColumnProfile, LooksLike};
use super::rewrite::mentions;
use super::risk::Risks;
use super::scout::full;
use super::{Evidence, Severity};
use crate::catalog::{Binary, Bits, Column, DataType, DefaultValue, ForeignKey, Index, IndexPart, Table};

/// One way to take values for something else.
pub(super) struct Reading {
    /// In a request: `options.policies.flags`.
    pub(super) policy: &'static str,
    /// The choice that takes them so. The other one is [`KEEP`].
    pub(super) choice: &'static str,
    /// What such a column holds, in a sentence.
    holds: &'static str,
    to: DataType,
    /// What makes it of the column, where it is no step that the engine knows by itself; `{}` stands for the column.
    transformation: Option<&'static str>,
    /// A type that could be meant so.
    may_be: fn(&Column) -> bool,
    /// Rows that say so; of a type that holds nothing else, none are needed.
    is: Option<fn(&ColumnProfile) -> bool>,
}

/// They stay what they are.
pub(super) const KEEP: &str = "keep";

const UUIDS: Reading = Reading {
    policy: "uuids",
    choice: "uuid",
    holds: "nothing but UUIDs",
    to: DataType::Uuid,
    transformation: None,
    may_be: |column| matches!(&column.data_type, DataType::Text(text) if text.length.is_none_or(|n| n >= 36)),
    is: Some(|profile| profile.looks_like == Some(LooksLike::Uuid)),
};
const FLAGS: Reading = Reading {
    policy: "flags",
    choice: "boolean",
    holds: "nothing but 0 and 1, in columns that are declared as flags",
    to: DataType::Boolean,
    transformation: None,
    may_be: |column| column.flag,
    is: Some(|profile| {
        let within = |end: &Option<String>| end.as_ref().is_some_and(|end| end == "0" || end == "1");
        within(&profile.min) && within(&profile.max)
    }),
};

/// Those of one policy stand side by side.
pub(super) const READINGS: [Reading; 5] = [
    FLAGS,
    Reading {
        holds: "single bits",
        transformation: Some("{} = '1'"),
        may_be: |column| matches!(&column.data_type, DataType::Bits(Bits { length: Some(1), varying: false })),
        is: None,
        ..FLAGS
    },
    UUIDS,
    Reading {
        may_be: |column| matches!(&column.data_type, DataType::Binary(Binary { length: Some(16), .. })),
        ..UUIDS
    },
    Reading {
        policy: "json_texts",
        choice: "json",
        holds: "nothing but JSON",
        to: DataType::Json,
        transformation: None,
        may_be: |column| matches!(&column.data_type, DataType::Text(text) if !text.fixed),
        is: Some(|profile| profile.looks_like == Some(LooksLike::Json)),
    },
];

/// How sure rows make it, and what is said of them.
const WEIGHTS: [(Looked, f64, &str); 4] = [
    (Looked::Few, 0.85, "the rows that were looked at say so"),
    (Looked::Many, 0.93, "the first 1,000 rows say so, or more"),
    (Looked::All, 0.98, "all rows of the table say so"),
    (Looked::Type, 0.98, "their type holds nothing else"),
];
/// Rows that are many.
const MANY: u64 = 1_000;

/// What was looked at, from what says least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Looked {
    Few,
    Many,
    All,
    Type,
}

/// A column that is taken for something else.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meant {
    /// Its place in the table.
    pub(super) at: usize,
    pub(super) to: DataType,
    /// What makes it of the column, where it is no step that the engine knows by itself; `{}` stands for the column.
    pub(super) transformation: Option<&'static str>,
    pub(super) evidence: Evidence,
}

/// A column of which something was chosen.
pub(super) struct Candidate {
    at: usize,
    reading: &'static Reading,
    /// What rows say: none where all of them are NULL. A column of which they say otherwise is no candidate.
    looked: Option<Looked>,
}

/// What was chosen for a column that could be meant so.
fn chosen(table: &Table, column: &Column, policies: &Policies) -> impl Iterator<Item = &'static Reading> {
    READINGS.iter().filter(|reading| {
        (reading.may_be)(column) && policies.of(reading.policy, &table.name, &column.name) == Some(reading.choice)
    })
}

/// Whether a sample of the table could tell anything that was chosen.
pub(super) fn asks(table: &Table, policies: &Policies) -> bool {
    table.columns.iter().any(|column| chosen(table, column, policies).next().is_some() && is_free(table, column))
}

/// The columns of a table of which something was chosen, where its first rows do not say otherwise; `whole` where these are all
/// of them.
pub(super) fn candidates(table: &Table, profile: &[ColumnProfile], whole: bool, policies: &Policies) -> Vec<Candidate> {
    let of = |(at, (column, profile)): (usize, (&Column, &ColumnProfile))| {
        let fits = |reading: &&Reading| is_free(table, column) && default(column, &reading.to).is_some();
        let says = |reading: &'static Reading| {
            let looked = match (reading.is, whole, profile.sampled >= MANY) {
                (None, ..) => Some(Looked::Type),
                (Some(_), ..) if profile.nulls == profile.sampled => None,
                (Some(is), ..) if !is(profile) => return None,
                (Some(_), true, _) => Some(Looked::All),
                (Some(_), false, true) => Some(Looked::Many),
                (Some(_), false, false) => Some(Looked::Few),
            };
            Some(Candidate { at, reading, looked })
        };
        chosen(table, column, policies).filter(fits).find_map(says)
    };
    table.columns.iter().zip(profile).enumerate().filter_map(of).collect()
}

/// What is meant by the columns of these tables. Those that foreign keys join agree, and some of their rows say so.
pub(super) fn meant(tables: &[&Table], candidates: &[Vec<Candidate>]) -> Vec<Vec<Meant>> {
    let groups = Groups::of(tables);
    let of = |at: (usize, usize)| candidates[at.0].iter().find(|candidate| candidate.at == at.1);
    let agreed = |at: (usize, usize), own: &Candidate| {
        let members: Option<Vec<&Candidate>> = groups.with(at).map(of).collect();
        let members = members.filter(|all| all.iter().all(|other| other.reading.to == own.reading.to))?;
        members.iter().filter_map(|member| member.looked).min()
    };
    let table = |(table, candidates): (usize, &Vec<Candidate>)| {
        let of = |own: &Candidate| {
            let looked = agreed((table, own.at), own)?;
            let Reading { policy, choice, holds, to, transformation, .. } = own.reading;
            let (_, weight, detail) = WEIGHTS.into_iter().find(|(l, ..)| *l == looked)?;
            let detail = format!("they hold {holds}: {detail} (policy `{policy}: {choice}`)");
            let evidence = Evidence { kind: "meant_type".to_owned(), weight, detail };
            Some(Meant { at: own.at, to: to.clone(), transformation: *transformation, evidence })
        };
        candidates.iter().filter_map(of).collect()
    };
    candidates.iter().enumerate().map(table).collect()
}

/// Columns that foreign keys join, at any distance.
struct Groups(Vec<Vec<(usize, usize)>>);

impl Groups {
    fn of(tables: &[&Table]) -> Self {
        let mut groups = Self(Vec::new());
        for (child, table) in tables.iter().enumerate() {
            for key in &table.foreign_keys {
                let ForeignKey { referenced_schema, referenced_table, columns, referenced_columns, .. } = key;
                let is_it = |t: &&Table| (&t.name.schema, &t.name.name) == (referenced_schema, referenced_table);
                let Some(parent) = tables.iter().position(is_it) else { continue };
                let place =
                    |at: usize, name: &String| Some((at, tables[at].columns.iter().position(|c| c.name == *name)?));
                for (own, other) in columns.iter().zip(referenced_columns) {
                    if let (Some(own), Some(other)) = (place(child, own), place(parent, other)) {
                        groups.join(own, other);
                    }
                }
            }
        }
        groups
    }

    fn join(&mut self, a: (usize, usize), b: (usize, usize)) {
        let (touched, apart): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|group| group.contains(&a) || group.contains(&b));
        let mut group: Vec<_> = touched.into_iter().flatten().chain([a, b]).collect();
        group.sort_unstable();
        group.dedup();
        self.0 = apart;
        self.0.push(group);
    }

    /// The column, and those that are joined with it.
    fn with(&self, column: (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
        let group = self.0.iter().find(|group| group.contains(&column));
        let alone = group.is_none().then_some(column);
        group.into_iter().flatten().copied().chain(alone)
    }
}

/// The column as it is meant.
pub(super) fn retype(column: &mut Column, to: &DataType) {
    column.default = default(column, to).flatten();
    if !matches!(to, DataType::Text(_)) {
        (column.collation, column.character_set) = (None, None);
    }
    column.data_type = to.clone();
    (column.flag, column.declared) = (false, None);
}

/// Tells what could be chosen.
pub(super) fn tell(table: &Table, profile: &[ColumnProfile], policies: &Policies, risks: &mut Risks) {
    for (column, profile) in table.columns.iter().zip(profile) {
        let says = |reading: &&Reading| reading.is.is_none_or(|is| is(profile));
        let found = READINGS.iter().find(|reading| (reading.may_be)(column) && says(reading));
        let open = found.filter(|r| policies.of(r.policy, &table.name, &column.name) != Some(r.choice));
        if let Some(reading) = open.filter(|_| is_free(table, column)) {
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

/// No expression counts on the column's type.
fn is_free(table: &Table, column: &Column) -> bool {
    let name = &column.name;
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
        && !table.checks.iter().any(|check| spoken(&check.expression))
        && !table.columns.iter().any(|c| c.generated.as_ref().is_some_and(|g| spoken(&g.expression)))
        && !table.indexes.iter().any(in_index)
}

/// The default of a column that is meant so; none where it has one that is nothing of the kind.
fn default(column: &Column, to: &DataType) -> Option<Option<DefaultValue>> {
    match (&column.default, to) {
        (None, _) => Some(None),
        // A narrower type of the same sort.
        (Some(_), DataType::Text(_) | DataType::Integer(_) | DataType::Decimal(_)) => Some(column.default.clone()),
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
    use crate::catalog::{Action, Check, Integer, Text};

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

    fn all_chosen() -> Policies {
        let mut policies = Policies::default();
        for reading in &READINGS {
            policies.choose(reading.policy, reading.choice).unwrap();
        }
        policies
    }

    /// Columns and weights.
    fn of(table: &Table, profiles: &[ColumnProfile], whole: bool, policies: &Policies) -> Vec<(usize, f64)> {
        let found = meant(&[table], &[candidates(table, profiles, whole, policies)]);
        found[0].iter().map(|m| (m.at, m.evidence.weight)).collect()
    }

    #[test]
    fn rows_and_a_choice_make_a_type() {
        let mut states = flag("state");
        states.default = Some(DefaultValue::Literal("7".to_owned()));
        let mut open = flag("open");
        open.default = Some(DefaultValue::Literal("1".to_owned()));
        let mut short = words("short");
        short.data_type = DataType::Text(Text { length: Some(9), fixed: false });
        let mut bit = number("bit");
        bit.data_type = DataType::Bits(Bits { length: Some(1), varying: false });
        let mut columns = vec![open, flag("level"), flag("checked"), number("n"), words("id"), short, words("doc")];
        columns.extend([states, bit]);
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
            profile("bit", None, None),
        ];
        assert_eq!(of(&table, &profiles, true, &all_chosen()), [(0, 0.98), (4, 0.98), (6, 0.98), (8, 0.98)]);
        assert_eq!(of(&table, &profiles, false, &all_chosen())[0].1, 0.85);
        assert_eq!(of(&table, &profiles, true, &Policies::default()), []);
        assert!(asks(&table, &all_chosen()) && !asks(&table, &Policies::default()));
        // One column alone, and all but one.
        let mut one = Policies::default();
        one.choose("uuids:t.id", "uuid").unwrap();
        assert_eq!(of(&table, &profiles, true, &one), [(4, 0.98)]);
        let mut others = all_chosen();
        others.choose("uuids:shop.t.id", "keep").unwrap();
        assert_eq!(of(&table, &profiles, true, &others).iter().map(|m| m.0).collect::<Vec<_>>(), [0, 6, 8]);
        let found = meant(&[&table], &[candidates(&table, &profiles, true, &all_chosen())]);
        let mut column = table.columns[0].clone();
        retype(&mut column, &found[0][0].to);
        assert_eq!(column.default, Some(DefaultValue::Literal("true".to_owned())));
        assert_eq!(column.data_type, DataType::Boolean);
        // What nobody chose is told, but for what something else counts on.
        let mut risks = Risks::default();
        tell(&table, &profiles, &Policies::default(), &mut risks);
        let affected: Vec<String> = risks.sorted().into_iter().flat_map(|risk| risk.affected).collect();
        let expected = ["open", "id", "doc", "state", "bit"].map(|name| format!("shop.t.{name} (20 sampled)"));
        assert!(affected.len() == 5 && expected.iter().all(|e| affected.contains(e)), "{affected:?}");
    }

    #[test]
    fn what_keys_join_is_meant_together_or_not_at_all() {
        let owners = table("shop", "parents", vec![words("id")]);
        let refers = |name: &str, to: &str, columns: &[&str]| {
            let mut child = table("shop", name, columns.iter().map(|name| words(name)).collect());
            child.foreign_keys = vec![ForeignKey {
                name: None,
                columns: vec![columns[0].to_owned()],
                referenced_schema: "shop".to_owned(),
                referenced_table: to.to_owned(),
                referenced_columns: vec!["id".to_owned()],
                on_update: Action::NoAction,
                on_delete: Action::NoAction,
                deferrable: false,
                initially_deferred: false,
            }];
            child
        };
        let (child, other) = (refers("children", "parents", &["parent", "id"]), refers("toys", "children", &["child"]));
        let uuid = |name| profile(name, None, Some(LooksLike::Uuid));
        let empty = |name| ColumnProfile { nulls: 20, ..profile(name, None, None) };
        let found = |parents: ColumnProfile, parent: ColumnProfile| {
            let profiles = [vec![parents], vec![parent, uuid("id")], vec![empty("child")]];
            let tables = [&owners, &child, &other];
            let candidates: Vec<_> =
                tables.iter().zip(&profiles).map(|(t, p)| candidates(t, p, true, &all_chosen())).collect();
            let places = |found: &Vec<Meant>| found.iter().map(|m| m.at).collect::<Vec<_>>();
            meant(&tables, &candidates).iter().map(places).collect::<Vec<_>>()
        };
        // NULLs say nothing against it; other texts do, for all that is joined with them.
        assert_eq!(found(uuid("id"), empty("parent")), [vec![0], vec![0, 1], vec![0]]);
        assert_eq!(found(profile("id", None, None), uuid("parent")), [vec![], vec![1], vec![0]]);
        assert_eq!(found(empty("id"), empty("parent")), [vec![], vec![1], vec![0]]);
    }
}
