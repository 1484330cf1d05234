//! Checks of another dialect, by the same means as views: in the target's words where they mean the same, otherwise told of.

use std::collections::HashSet;

use datafusion_sql::sqlparser::dialect::dialect_from_str;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::Token;

use super::super::rename::Renamed;
use super::read::{Reading, Relation};
use super::scope::{Rows, Scope};
use super::{relation_of, write};
use crate::catalog::{Check, Table};
use crate::plugin::{Proposal, SqlWords, TableNote};

/// Adds the checks of a table to what the target proposes for it; `taken` are names of checks before it, for some systems tell
/// them apart by their names alone.
pub(in crate::plan) fn checks(
    source: &Table,
    renamed: &Renamed,
    proposal: &mut Proposal,
    words: [Option<&SqlWords>; 2],
    taken: &mut HashSet<String>,
) {
    let relation = match words {
        [Some(_), Some(to)] => Some(relation_of(source, &proposal.table, renamed, to.decimals)),
        _ => None,
    };
    for (check, named) in source.checks.iter().zip(&renamed.table.checks) {
        let said = match (&relation, words) {
            (Some(relation), [Some(from), Some(to)]) => translate(&check.expression, source, relation, [from, to]),
            _ => Err("is in words that one of the two connectors does not tell".to_owned()),
        };
        match said {
            Ok(expression) => {
                let name = named.name.clone().filter(|name| !is_a_key(&proposal.table, name));
                let name = name.filter(|name| taken.insert(name.to_lowercase()));
                proposal.table.checks.push(Check { name, expression });
            }
            Err(why) => proposal.notes.push(TableNote {
                about: named.name.clone().unwrap_or_else(|| "check".to_owned()),
                note: format!("Left out: it {why}. Its condition: {}", check.expression),
            }),
        }
    }
}

/// Keys and checks of a table share their names in some systems.
fn is_a_key(table: &Table, name: &str) -> bool {
    let keys = table.primary_key.iter().chain(&table.unique_keys).map(|key| &key.name);
    let mut names = keys.chain(table.foreign_keys.iter().map(|key| &key.name)).flatten();
    names.any(|key| key.eq_ignore_ascii_case(name))
}

fn translate(expression: &str, source: &Table, relation: &Relation, words: [&SqlWords; 2]) -> Reading<String> {
    let dialect = dialect_from_str(&words[0].grammar).ok_or("is in a grammar that nobody here reads")?;
    let unreadable = "is written in a way that cannot be read";
    let mut parser = Parser::new(&*dialect).try_with_sql(expression).map_err(|_| unreadable)?;
    let tree = parser.parse_expr().map_err(|_| unreadable)?;
    if parser.next_token().token != Token::EOF {
        return Err(unreadable.to_owned());
    }
    let mut scope = Scope::default();
    scope.add(String::new(), 0)?;
    let relations = std::slice::from_ref(relation);
    let mut rows = Rows { scope: &scope, relations, words, compares_texts: false };
    let condition = rows.condition(&tree)?;
    if condition.aggregates() {
        return Err("aggregates".to_owned());
    }
    // Rows that one collation lets pass another may refuse.
    let mut columns = Vec::new();
    condition.columns(&mut columns);
    let collates = |(_, at): &(usize, usize)| {
        let column = source.columns.iter().find(|column| column.name == relation.columns[*at].source);
        column.is_some_and(|column| column.collation.is_some())
    };
    if rows.compares_texts && (!words[0].exact_texts || columns.iter().any(collates)) {
        return Err("compares texts, which is for collations to say".to_owned());
    }
    Ok(write::condition(&condition, relations, words[1]))
}
