//! Which texts are the same, and which comes first, is for collations to say, and no two dialects share them: what that may
//! change is told, for those who search and order.

use std::collections::BTreeMap;

use super::risk::Risks;
use super::scout::full;
use super::{Severity, TablePlan};
use crate::catalog::{Column, DataType, Table};

/// Where no column says otherwise.
const OWN: &str = "the database's own";

/// Tells of texts that go to another dialect: of those in keys first, where it decides what may be there at all.
pub(super) fn tell(moved: &[&Table], tables: &[TablePlan], risks: &mut Risks) {
    let mut found: BTreeMap<(bool, String, String), Vec<String>> = BTreeMap::new();
    for (source, plan) in moved.iter().zip(tables) {
        for mapping in &plan.mappings {
            let own = source.columns.iter().find(|c| c.name == mapping.source_column);
            let held = plan.target.columns.iter().find(|c| c.name == mapping.target_column);
            let (Some(own), Some(held)) = (own, held) else { continue };
            if matches!((&own.data_type, &held.data_type), (DataType::Text(_), DataType::Text(_))) {
                let [from, to] = [own, held].map(|c| c.collation.clone().unwrap_or_else(|| OWN.to_owned()));
                let place = format!("{}.{}", full(&source.name), own.name);
                found.entry((is_told_apart(source, own), from, to)).or_default().push(place);
            }
        }
    }
    for ((in_key, from, to), columns) in found {
        let (severity, description) = if in_key {
            (
                Severity::Medium,
                "Texts that keys tell apart are compared by other rules in the target: two that are one here may be two there, or the other way round.",
            )
        } else {
            (
                Severity::Low,
                "Texts are compared and ordered by other rules in the target: what a search finds, and what comes first, may differ.",
            )
        };
        let more = match columns.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        risks.add(
            severity,
            "collation",
            description,
            format!("{from} -> {to}: {}{more}", columns[0]),
            "Look at what applications search and order by; give those columns the collation they count on after the migration.",
        );
    }
}

/// Whether a key, or a unique index, is made of the column.
fn is_told_apart(table: &Table, column: &Column) -> bool {
    let keys = table.primary_key.iter().chain(&table.unique_keys).flat_map(|key| &key.columns);
    let unique = table.indexes.iter().filter(|index| index.unique);
    keys.chain(unique.flat_map(|index| &index.parts).filter_map(|part| part.column.as_ref())).any(|c| *c == column.name)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{catalog, key, number, plan, request, table, words};
    use super::*;
    use crate::catalog::Key;

    #[test]
    fn texts_that_go_to_another_dialect_are_told_of_by_collation() {
        let of = |name: &str, collation: &str| Column { collation: Some(collation.to_owned()), ..words(name) };
        let columns =
            vec![number("id"), of("code", "no case"), of("note", "no case"), of("more", "no case"), words("own")];
        let mut people = table("hr", "people", columns);
        people.unique_keys.push(Key { name: None, ..key(&["code"]) });
        let source = catalog("here", vec![people]);
        let told = |target: &str| {
            let plan = plan(&request(), &source, &catalog(target, Vec::new())).unwrap();
            let of_texts = plan.risks.into_iter().filter(|risk| risk.kind == "collation");
            of_texts.map(|risk| (risk.severity, risk.affected)).collect::<Vec<_>>()
        };
        assert_eq!(told("here"), []);
        let low = [
            "no case -> no case: hr.people.note and 1 more",
            "the database's own -> the database's own: hr.people.own",
        ];
        assert_eq!(
            told("there"),
            [
                (Severity::Medium, vec!["no case -> no case: hr.people.code".to_owned()]),
                (Severity::Low, low.map(str::to_owned).to_vec()),
            ]
        );
    }
}
