//! Values that reach beyond a type somebody would rather have: longer than their column declares, where the source lets that
//! be, or larger than the target's integers. By default the target gets a type that holds them all; who chooses `reject` gets the
//! narrower one, and the first value that does not fit stops the migration.

use super::meant::Meant;
use super::policies::{Policies, REJECT};
use super::risk::Risks;
use super::scout::full;
use super::{Evidence, Fidelity, Severity, TablePlan};
use crate::catalog::{Column, DataType, Integer, Table};

/// One sort of them.
pub(super) struct Narrowing {
    /// In a request: `options.policies.long_texts`. Its choices are [`WIDEN`] and [`REJECT`].
    pub(super) policy: &'static str,
    /// What is told where the wider type was made.
    about: &'static str,
    /// The narrower type of a column that has one.
    to: fn(&Column) -> Option<DataType>,
}

/// The target's type holds all of them.
pub(super) const WIDEN: &str = "widen";

pub(super) const NARROWINGS: [Narrowing; 2] = [
    Narrowing {
        policy: "long_texts",
        about: "Some texts are longer than their column declares, which the source lets be. The target's type holds them all.",
        to: |column| column.declared.clone().filter(|declared| matches!(declared, DataType::Text(_))),
    },
    Narrowing {
        policy: "large_numbers",
        about: "Some numbers do not fit the type that their column declares, or the target has no integers of this size. The target's type holds them all, and is another one.",
        to: |column| match &column.data_type {
            DataType::Integer(Integer { bits: 64, signed: false }) => {
                Some(DataType::Integer(Integer { bits: 64, signed: true }))
            }
            _ => column.declared.clone().filter(|declared| !matches!(declared, DataType::Text(_))),
        },
    },
];

/// The columns that get the narrower type, as was chosen.
pub(super) fn narrowed(table: &Table, policies: &Policies) -> Vec<Meant> {
    let of = |(at, column): (usize, &Column)| {
        let chosen = |n: &&Narrowing| policies.of(n.policy, &table.name, &column.name) == Some(REJECT);
        let (policy, to) = NARROWINGS.iter().filter(chosen).find_map(|n| Some((n.policy, (n.to)(column)?)))?;
        let detail = format!("a value that does not fit stops the migration, as asked (policy `{policy}: {REJECT}`)");
        let evidence = Evidence { kind: "policy".to_owned(), weight: 1.0, detail };
        Some(Meant { at, to, transformation: None, evidence })
    };
    table.columns.iter().enumerate().filter_map(of).collect()
}

/// Tells what could be chosen: of columns whose type in the target is not the narrower one.
pub(super) fn tell(table: &Table, plan: &TablePlan, policies: &Policies, risks: &mut Risks) {
    for column in &table.columns {
        let found = NARROWINGS.iter().find(|narrowing| (narrowing.to)(column).is_some());
        let Some(Narrowing { policy, about, .. }) = found else { continue };
        let mapping = plan.mappings.iter().find(|mapping| mapping.source_column == column.name);
        let held = mapping.and_then(|m| Some((m, plan.target.columns.iter().find(|c| c.name == m.target_column)?)));
        let Some((mapping, held)) = held else { continue };
        let holds = matches!(mapping.fidelity, Fidelity::Lossless | Fidelity::Widened);
        let same_kind = column.declared.is_none() && matches!(held.data_type, DataType::Integer(_));
        if policies.of(policy, &table.name, &column.name).is_none() && holds && !same_kind {
            risks.add(
                Severity::Low,
                "type_widened",
                *about,
                format!("{}.{} ({})", full(&table.name), column.name, held.native_type),
                &format!("Nothing to do; the policy `{policy}: {REJECT}` makes the narrower type, and stops at a value that does not fit."),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{column, number, table, words};
    use super::super::meant::retype;
    use super::*;
    use crate::catalog::{DefaultValue, Text};

    #[test]
    fn who_chooses_so_gets_the_narrower_type() {
        let short = DataType::Text(Text { length: Some(9), fixed: false });
        let small = DataType::Integer(Integer { bits: 16, signed: true });
        let unsigned = DataType::Integer(Integer { bits: 64, signed: false });
        let columns = vec![
            number("id"),
            Column { declared: Some(short.clone()), ..words("name") },
            Column { declared: Some(small.clone()), ..number("level") },
            column("total", "bigint unsigned", unsigned),
        ];
        let table = table("shop", "t", columns);
        let mut policies = Policies::default();
        assert_eq!(narrowed(&table, &policies), []);
        policies.choose("large_numbers", "reject").unwrap();
        policies.choose("long_texts:t.name", "reject").unwrap();
        let found: Vec<(usize, DataType)> = narrowed(&table, &policies).into_iter().map(|m| (m.at, m.to)).collect();
        let large = DataType::Integer(Integer { bits: 64, signed: true });
        assert_eq!(found, [(1, short), (2, small), (3, large)]);
        // What a column has besides stays.
        let mut name = Column { default: Some(DefaultValue::Literal("x".to_owned())), ..table.columns[1].clone() };
        name.collation = Some("NOCASE".to_owned());
        retype(&mut name, &found[0].1);
        assert_eq!((&name.data_type, &name.declared), (&found[0].1, &None));
        assert!(name.default.is_some() && name.collation.is_some());
        policies.choose("large_numbers:shop.t.level", "widen").unwrap();
        assert_eq!(narrowed(&table, &policies).iter().map(|m| m.at).collect::<Vec<_>>(), [1, 3]);
    }
}
