//! A query in the words of one system.

use super::query::{From, Order, Query, Select, Term};
use super::read::Relation;
use crate::plugin::{SqlWords, ViewPart};

/// Writes the query over relations by their names in the target, in words that it was [read](super::read::read) for.
pub(super) fn write(query: &Query, relations: &[Relation], words: &SqlWords) -> Vec<ViewPart> {
    let mut writer = Writer { relations, words, parts: Vec::new(), text: String::new() };
    writer.select(&query.first);
    for (all, select) in &query.others {
        writer.push(if *all { " UNION ALL " } else { " UNION " });
        writer.select(select);
    }
    for (at, (order, last_first)) in query.order.iter().enumerate() {
        writer.push(if at == 0 { " ORDER BY " } else { ", " });
        match order {
            Order::Output(at) => writer.push(&(at + 1).to_string()),
            Order::Term(term) => writer.term(term),
        }
        writer.push(if *last_first { " DESC" } else { "" });
    }
    let mut parts = writer.parts;
    parts.push(ViewPart::Sql(writer.text));
    parts
}

/// Writes an expression over the columns of one relation, which has no name.
pub(super) fn expression(term: &Term, relations: &[Relation], words: &SqlWords) -> String {
    let mut writer = Writer { relations, words, parts: Vec::new(), text: String::new() };
    writer.term(term);
    writer.text
}

struct Writer<'a> {
    relations: &'a [Relation],
    words: &'a SqlWords,
    parts: Vec<ViewPart>,
    /// Behind the last of the parts.
    text: String,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn name(&mut self, name: &str) {
        let quote = self.words.quote;
        let doubled = name.replace(quote, &format!("{quote}{quote}"));
        self.push(&format!("{quote}{doubled}{quote}"));
    }

    fn select(&mut self, select: &Select) {
        self.push(if select.distinct { "SELECT DISTINCT " } else { "SELECT " });
        self.list(&select.outputs);
        self.push(" FROM ");
        self.from(&select.from);
        if let Some(filter) = &select.filter {
            self.push(" WHERE ");
            self.term(filter);
        }
        if !select.group.is_empty() {
            self.push(" GROUP BY ");
            self.list(&select.group);
        }
        if let Some(having) = &select.having {
            self.push(" HAVING ");
            self.term(having);
        }
    }

    fn from(&mut self, from: &From) {
        match from {
            From::Relation { relation, alias } => {
                self.parts.push(ViewPart::Sql(std::mem::take(&mut self.text)));
                self.parts.push(ViewPart::Table(self.relations[*relation].target.clone()));
                self.push(" AS ");
                self.name(alias);
            }
            From::Join { left, right, outer, on } => {
                self.from(left);
                self.push(match (outer, on) {
                    (true, _) => " LEFT JOIN ",
                    (false, Some(_)) => " JOIN ",
                    (false, None) => " CROSS JOIN ",
                });
                let nested = matches!(**right, From::Join { .. });
                self.push(if nested { "(" } else { "" });
                self.from(right);
                self.push(if nested { ")" } else { "" });
                if let Some(on) = on {
                    self.push(" ON ");
                    self.term(on);
                }
            }
        }
    }

    fn list(&mut self, terms: &[Term]) {
        for (at, term) in terms.iter().enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            self.term(term);
        }
    }

    /// With what surrounds a term that is made of others.
    fn inner(&mut self, term: &Term) {
        let composed = matches!(
            term,
            Term::Binary(..)
                | Term::Joined(..)
                | Term::Not(_)
                | Term::Negative(_)
                | Term::IsNull { .. }
                | Term::Between { .. }
                | Term::In { .. }
        );
        self.push(if composed { "(" } else { "" });
        self.term(term);
        self.push(if composed { ")" } else { "" });
    }

    fn term(&mut self, term: &Term) {
        let not = |not: &bool| if *not { " NOT" } else { "" };
        match term {
            Term::Column { alias, relation, column } => {
                if !alias.is_empty() {
                    self.name(alias);
                    self.push(".");
                }
                let name = self.relations[*relation].columns[*column].target.clone();
                self.name(&name);
            }
            Term::Number(digits) => self.push(digits),
            Term::Text(text) => {
                let doubled = |c: char| std::iter::repeat_n(c, if self.words.doubled.contains(c) { 2 } else { 1 });
                let text: String = text.chars().flat_map(doubled).collect();
                self.push(&format!("'{text}'"));
            }
            Term::Truth(truth) => self.push(if *truth { "TRUE" } else { "FALSE" }),
            Term::Null => self.push("NULL"),
            Term::Binary(sign, left, right) | Term::Joined(sign, left, right) => {
                self.inner(left);
                self.push(&format!(" {sign} "));
                self.inner(right);
            }
            Term::Not(term) => {
                self.push("NOT ");
                self.inner(term);
            }
            Term::Negative(term) => {
                self.push("-");
                self.inner(term);
            }
            Term::Whole(term) => {
                let (before, after) = self.words.whole.split_once("{}").unwrap_or_default();
                self.push(before);
                self.inner(term);
                self.push(after);
            }
            Term::IsNull { term, not: is_not } => {
                self.inner(term);
                self.push(&format!(" IS{} NULL", not(is_not)));
            }
            Term::Between { term, not: is_not, low, high } => {
                self.inner(term);
                self.push(&format!("{} BETWEEN ", not(is_not)));
                self.inner(low);
                self.push(" AND ");
                self.inner(high);
            }
            Term::In { term, not: is_not, list } => {
                self.inner(term);
                self.push(&format!("{} IN (", not(is_not)));
                self.list(list);
                self.push(")");
            }
            Term::Case { whens, otherwise } => {
                self.push("CASE");
                for (when, then) in whens {
                    self.push(" WHEN ");
                    self.term(when);
                    self.push(" THEN ");
                    self.term(then);
                }
                if let Some(otherwise) = otherwise {
                    self.push(" ELSE ");
                    self.term(otherwise);
                }
                self.push(" END");
            }
            Term::Call { function, arguments } => self.call(function, arguments),
            Term::Aggregate { function, distinct, argument } => {
                self.push(&format!("{function}("));
                self.push(if *distinct { "DISTINCT " } else { "" });
                match argument {
                    Some(argument) => self.term(argument),
                    None => self.push("*"),
                }
                self.push(")");
            }
        }
    }

    fn call(&mut self, function: &str, arguments: &[Term]) {
        let found = self.words.functions.iter().find(|(common, _)| common == function);
        let own = found.map_or(function, |(_, own)| own.as_str());
        if own.starts_with(|c: char| c.is_alphabetic()) {
            self.push(&format!("{own}("));
            self.list(arguments);
            self.push(")");
            return;
        }
        let sign = format!(" {own} ");
        self.push("(");
        for (at, argument) in arguments.iter().enumerate() {
            self.push(if at == 0 { "" } else { &sign });
            self.inner(argument);
        }
        self.push(")");
    }
}
