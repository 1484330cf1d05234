//! Expressions of tables that go to another dialect, by the same means as views: in the target's words where they mean the same,
//! otherwise told of. Checks, computed columns, defaults, and what indexes are on.

use std::collections::HashSet;

use datafusion_sql::sqlparser::ast::Expr;
use datafusion_sql::sqlparser::dialect::dialect_from_str;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::Token;

use super::super::rename::Renamed;
use super::kind::Kind;
use super::query::Term;
use super::read::{Reading, Relation};
use super::scope::{Rows, Scope, Typed};
use super::{relation_of, write};
use crate::catalog::{Check, Column, DefaultValue, ForeignKey, Generated, Index, IndexPart, Table};
use crate::error::Result;
use crate::plugin::{Proposal, SqlWords, TableNote};

/// What the target makes of the tables. Of those that come from another dialect it is asked twice: what an expression means there
/// depends on the types that its columns get. `translated` says of which tables the expressions are wanted.
///
/// # Errors
/// What `propose` reports.
pub(in crate::plan) fn proposals(
    moved: &[&Table],
    renamed: &[Renamed],
    same_dialect: bool,
    translated: &[bool],
    words: [Option<&SqlWords>; 2],
    mut propose: impl FnMut(&[Table]) -> Result<Vec<Proposal>>,
) -> Result<Vec<Proposal>> {
    let given: Vec<Table> = renamed.iter().map(|renamed| renamed.table.clone()).collect();
    if same_dialect {
        return propose(&given);
    }
    let plain: Vec<Table> = given.iter().map(plain).collect();
    let first = propose(&plain)?;
    if first.len() != given.len() || plain == given {
        return Ok(first);
    }
    let mut names_of_checks = HashSet::new();
    let mut tables = Vec::with_capacity(given.len());
    let mut notes = Vec::with_capacity(given.len());
    for ((((source, renamed), proposal), plain), wanted) in
        moved.iter().zip(renamed).zip(&first).zip(plain).zip(translated)
    {
        let mut translation = Translation {
            source,
            renamed,
            proposal: &proposal.table,
            referred: referred(source, moved),
            words: words[0].zip(words[1]),
            relation: words[1].map(|to| relation_of(source, &proposal.table, renamed, to.decimals)),
            names_of_checks: &mut names_of_checks,
            notes: Vec::new(),
        };
        tables.push(if *wanted { translation.table(plain) } else { plain });
        notes.push(translation.notes);
    }
    let mut proposals = propose(&tables)?;
    for (proposal, notes) in proposals.iter_mut().zip(notes) {
        proposal.notes.extend(notes);
    }
    Ok(proposals)
}

/// The table without what is in the words of its system.
fn plain(table: &Table) -> Table {
    let mut table = table.clone();
    table.checks.clear();
    table.partitioning = None;
    table.indexes.retain(|index| !speaks(index));
    for column in &mut table.columns {
        column.generated = None;
        if matches!(column.default, Some(DefaultValue::Expression(_))) {
            column.default = None;
        }
    }
    table
}

fn speaks(index: &Index) -> bool {
    index.predicate.is_some() || index.parts.iter().any(|part| part.expression.is_some())
}

/// Columns that foreign keys of these tables refer to.
fn referred<'a>(table: &Table, all: &[&'a Table]) -> Vec<&'a String> {
    let refers =
        |key: &&ForeignKey| (&key.referenced_schema, &key.referenced_table) == (&table.name.schema, &table.name.name);
    all.iter().flat_map(|t| &t.foreign_keys).filter(refers).flat_map(|key| &key.referenced_columns).collect()
}

/// One table's expressions on their way into the target's words.
struct Translation<'a> {
    source: &'a Table,
    renamed: &'a Renamed,
    /// As the target would have it without them.
    proposal: &'a Table,
    referred: Vec<&'a String>,
    words: Option<(&'a SqlWords, &'a SqlWords)>,
    relation: Option<Relation>,
    /// Of all tables: some systems tell checks apart by their names alone.
    names_of_checks: &'a mut HashSet<String>,
    notes: Vec<TableNote>,
}

impl Translation<'_> {
    fn table(&mut self, mut table: Table) -> Table {
        if let Some(partitioning) = &self.source.partitioning {
            self.note("partitions", format!("All rows are in one table here. In the source: {}", partitioning.by));
        }
        for (check, named) in self.source.checks.iter().zip(&self.renamed.table.checks) {
            match self.condition(&check.expression) {
                Ok(expression) => {
                    let name = named.name.clone().filter(|name| !is_a_key(self.proposal, name));
                    let name = name.filter(|name| self.names_of_checks.insert(name.to_lowercase()));
                    table.checks.push(Check { name, expression });
                }
                Err(why) => {
                    let about = named.name.clone().unwrap_or_else(|| "check".to_owned());
                    self.note(&about, format!("Left out: it {why}. Its condition: {}", check.expression));
                }
            }
        }
        for (own, column) in self.source.columns.iter().zip(&mut table.columns) {
            if let Some(generated) = &own.generated {
                match self.computed(own, &generated.expression) {
                    Ok(expression) => {
                        column.generated = Some(Generated { expression, stored: generated.stored });
                        column.default = None;
                    }
                    Err(why) => {
                        let text = &generated.expression;
                        self.note(
                            &column.name,
                            format!(
                                "Computed in the source as {text}; here its values are stored: the expression {why}."
                            ),
                        );
                    }
                }
            }
            if let Some(DefaultValue::Expression(text)) = &own.default {
                match self.default(own, text) {
                    Ok(expression) => column.default = Some(DefaultValue::Expression(expression)),
                    Err(why) => self.note(&column.name, format!("Default left out: it {why}. It was: {text}")),
                }
            }
        }
        // In the order of the source, as all indexes are.
        let mut indexes = Vec::with_capacity(self.source.indexes.len());
        for (own, named) in self.source.indexes.iter().zip(&self.renamed.table.indexes) {
            if speaks(own) {
                match self.index(own, named) {
                    Ok(index) => indexes.push(index),
                    Err(why) => self.note(&format!("index {}", named.name), format!("Left out: it {why}.")),
                }
            } else {
                indexes.push(named.clone());
            }
        }
        table.indexes = indexes;
        table
    }

    fn note(&mut self, about: &str, note: String) {
        self.notes.push(TableNote { about: about.to_owned(), note });
    }

    fn index(&self, own: &Index, named: &Index) -> Reading<Index> {
        let mut index = named.clone();
        index.predicate = own.predicate.as_ref().map(|predicate| self.condition(predicate)).transpose()?;
        for (own, part) in own.parts.iter().zip(&mut index.parts) {
            let Some(text) = &own.expression else { continue };
            let Typed { term, kind } = self.value(text)?;
            if own.prefix_length.is_some() || (own.operator_class.is_some() && kind != Kind::Text) {
                return Err("orders its expression in a way of its own".to_owned());
            }
            if index.unique && kind == Kind::Text && !self.exact_texts(&term) {
                return Err("is unique over texts, which is for collations to say".to_owned());
            }
            *part =
                IndexPart { column: None, expression: Some(self.write(&term)?), operator_class: None, ..part.clone() };
        }
        Ok(index)
    }

    /// What computes a column, from columns that rows bring along.
    fn computed(&self, column: &Column, text: &str) -> Reading<String> {
        let in_key = |name: &String| {
            let own = self.source.primary_key.iter().flat_map(|key| &key.columns);
            own.chain(self.source.foreign_keys.iter().flat_map(|key| &key.columns)).any(|c| c == name)
        };
        if in_key(&column.name) || self.referred.contains(&&column.name) {
            return Err("makes a part of a key".to_owned());
        }
        let Typed { term, kind } = self.value(text)?;
        let (held, relation) = self.held(column)?;
        if kind.either(held) != Some(held) {
            return Err("gives another type than the column has".to_owned());
        }
        let mut used = Vec::new();
        term.columns(&mut used);
        for (_, at) in used {
            let name = &relation.columns[at].source;
            let used = self.source.columns.iter().find(|c| c.name == *name);
            if used.is_some_and(|used| used.generated.is_some() || used.identity.is_some()) {
                return Err(format!("counts on `{name}`, which the system itself fills"));
            }
        }
        self.write(&term)
    }

    /// A default of constants.
    fn default(&self, column: &Column, text: &str) -> Reading<String> {
        let Typed { term, kind } = self.value(text)?;
        let mut used = Vec::new();
        term.columns(&mut used);
        let (held, _) = self.held(column)?;
        if !used.is_empty() || kind.either(held) != Some(held) {
            return Err("is more than a constant of the column's type".to_owned());
        }
        self.write(&term)
    }

    /// What sort of values a column holds in both systems.
    fn held(&self, column: &Column) -> Reading<(Kind, &Relation)> {
        let relation = self.relation.as_ref().ok_or(UNTOLD)?;
        let held = relation.columns.iter().find(|c| c.source == column.name);
        Ok((held.ok_or("is of a column that is not moved")?.kind, relation))
    }

    fn condition(&self, text: &str) -> Reading<String> {
        let condition = |rows: &mut Rows<'_>, tree: &Expr| Ok(Typed { term: rows.condition(tree)?, kind: Kind::Truth });
        self.write(&self.read(text, condition)?.term)
    }

    fn value(&self, text: &str) -> Reading<Typed> {
        self.read(text, |rows, tree| rows.value(tree))
    }

    /// Whether texts are equal in the source only if they are the same.
    fn exact_texts(&self, term: &Term) -> bool {
        let (Some((from, _)), Some(relation)) = (self.words, &self.relation) else { return false };
        let mut columns = Vec::new();
        term.columns(&mut columns);
        let collates = |(_, at): &(usize, usize)| {
            let column = self.source.columns.iter().find(|column| column.name == relation.columns[*at].source);
            column.is_some_and(|column| column.collation.is_some())
        };
        from.exact_texts && !columns.iter().any(collates)
    }

    /// What an expression over the table's columns says.
    fn read(&self, text: &str, of: impl FnOnce(&mut Rows<'_>, &Expr) -> Reading<Typed>) -> Reading<Typed> {
        let (Some((from, to)), Some(relation)) = (self.words, &self.relation) else { return Err(UNTOLD.to_owned()) };
        let dialect = dialect_from_str(&from.grammar).ok_or("is in a grammar that nobody here reads")?;
        let unreadable = "is written in a way that cannot be read";
        let mut parser = Parser::new(&*dialect).try_with_sql(text).map_err(|_| unreadable)?;
        let tree = parser.parse_expr().map_err(|_| unreadable)?;
        if parser.next_token().token != Token::EOF {
            return Err(unreadable.to_owned());
        }
        let mut scope = Scope::default();
        scope.add(String::new(), 0)?;
        let relations = std::slice::from_ref(relation);
        let mut rows = Rows { scope: &scope, relations, words: [from, to], compares_texts: false };
        let read = of(&mut rows, &tree)?;
        if read.term.aggregates() {
            return Err("aggregates".to_owned());
        }
        if read.term.compares_constants() {
            return Err("compares constants".to_owned());
        }
        // Rows that one collation lets pass another may refuse.
        if rows.compares_texts && !self.exact_texts(&read.term) {
            return Err("compares texts, which is for collations to say".to_owned());
        }
        Ok(read)
    }

    fn write(&self, term: &Term) -> Reading<String> {
        let (Some((_, to)), Some(relation)) = (self.words, &self.relation) else { return Err(UNTOLD.to_owned()) };
        Ok(write::expression(term, std::slice::from_ref(relation), to))
    }
}

const UNTOLD: &str = "is in words that one of the two connectors does not tell";

/// Keys and checks of a table share their names in some systems.
fn is_a_key(table: &Table, name: &str) -> bool {
    let keys = table.primary_key.iter().chain(&table.unique_keys).map(|key| &key.name);
    let mut names = keys.chain(table.foreign_keys.iter().map(|key| &key.name)).flatten();
    names.any(|key| key.eq_ignore_ascii_case(name))
}
