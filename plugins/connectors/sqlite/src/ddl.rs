//! What SQLite's pragmas do not tell and only the text of a `CREATE` statement says: checks, names of constraints,
//! collations, generated expressions, AUTOINCREMENT, deferrable foreign keys, index expressions.
//!
//! SQLite keeps the statement as it was written and has already accepted it, so this reader only finds its way
//! (`parse.y`: `create_table_args`, `ccons`, `tcons`); it does not check anything.

use std::ops::Range;

use crate::sql::{self, Kind, Token, unquoted};

/// A check, with the name of its constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckText {
    pub(crate) name: Option<String>,
    pub(crate) expression: String,
}

/// What the text says about one column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ColumnText {
    pub(crate) name: String,
    /// Declared type as written, with a comment that stands in it.
    pub(crate) declared: String,
    pub(crate) collation: Option<String>,
    pub(crate) generated: Option<String>,
}

/// What the text says about one foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ForeignText {
    pub(crate) name: Option<String>,
    pub(crate) deferrable: bool,
    pub(crate) initially_deferred: bool,
}

/// What the text of a table says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TableText {
    pub(crate) columns: Vec<ColumnText>,
    pub(crate) checks: Vec<CheckText>,
    pub(crate) autoincrement: bool,
    pub(crate) primary_name: Option<String>,
    /// Names of unique constraints, with their columns.
    pub(crate) uniques: Vec<(String, Vec<String>)>,
    /// In the order of the text.
    pub(crate) foreign: Vec<ForeignText>,
}

/// A part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexText {
    /// Each part without its COLLATE and its direction.
    pub(crate) parts: Vec<String>,
    pub(crate) predicate: Option<String>,
    /// Where the index's name stands, and its table's.
    pub(crate) name: Range<usize>,
    pub(crate) table: Range<usize>,
}

/// Walks over the tokens of one statement.
struct Walk<'a> {
    sql: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

/// Words that begin a column's constraint, and so end its type.
const COLUMN_CONSTRAINTS: &[&str] =
    &["CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS"];
/// Words that begin a table's constraint where a column could begin.
const TABLE_CONSTRAINTS: &[&str] = &["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

impl<'a> Walk<'a> {
    fn new(sql: &'a str) -> Self {
        Self { sql, tokens: sql::tokens(sql), at: 0 }
    }

    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |t| &self.sql[t.span.clone()])
    }

    fn skip_comments(&mut self) {
        while self.tokens.get(self.at).is_some_and(|t| t.kind == Kind::Comment) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> &'a str {
        self.skip_comments();
        self.text(self.at)
    }

    fn is_word(&mut self, word: &str) -> bool {
        self.skip_comments();
        self.tokens.get(self.at).is_some_and(|t| t.kind == Kind::Word) && self.text(self.at).eq_ignore_ascii_case(word)
    }

    fn is_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    fn take(&mut self) -> &'a str {
        self.skip_comments();
        self.at += 1;
        self.text(self.at - 1)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.at += usize::from(there);
        there
    }

    fn take_mark(&mut self, mark: &str) -> bool {
        let there = self.peek() == mark;
        self.at += usize::from(there);
        there
    }

    fn done(&mut self) -> bool {
        self.skip_comments();
        self.at >= self.tokens.len()
    }

    /// Skips `( ... )`, if one begins here; gives what is between.
    fn parenthesised(&mut self) -> Option<&'a str> {
        if self.peek() != "(" {
            return None;
        }
        let begin = self.tokens[self.at].span.end;
        let mut depth = 0usize;
        while self.at < self.tokens.len() {
            let text = self.text(self.at);
            self.at += 1;
            if text == "(" {
                depth += 1;
            } else if text == ")" {
                depth -= 1;
                if depth == 0 {
                    return Some(self.sql[begin..self.tokens[self.at - 1].span.start].trim());
                }
            }
        }
        None
    }

    /// `(a, b COLLATE c DESC)` -> a, b
    fn column_list(&mut self) -> Vec<String> {
        let Some(inner) = self.parenthesised() else { return Vec::new() };
        split(inner).into_iter().map(|part| unquoted(Walk::new(part).take())).collect()
    }

    /// `ON DELETE x`, `MATCH x`, `[NOT] DEFERRABLE [INITIALLY x]` after REFERENCES.
    fn reference(&mut self, name: Option<String>) -> ForeignText {
        self.take();
        self.parenthesised();
        let mut foreign = ForeignText { name, ..ForeignText::default() };
        loop {
            if self.take_word("ON") {
                self.take();
                // SET NULL, SET DEFAULT and NO ACTION are two words, RESTRICT and CASCADE one.
                if !self.take_word("SET") {
                    self.take_word("NO");
                }
                self.take();
            } else if self.take_word("MATCH") {
                self.take();
            } else if self.is_word("DEFERRABLE") || (self.is_word("NOT") && self.next_is("DEFERRABLE")) {
                foreign.deferrable = !self.take_word("NOT");
                self.take();
                if self.take_word("INITIALLY") {
                    foreign.initially_deferred = foreign.deferrable && self.is_word("DEFERRED");
                    self.take();
                }
            } else {
                return foreign;
            }
        }
    }

    fn next_is(&self, word: &str) -> bool {
        self.tokens[self.at + 1..]
            .iter()
            .find(|t| t.kind != Kind::Comment)
            .is_some_and(|t| self.sql[t.span.clone()].eq_ignore_ascii_case(word))
    }

    /// `[IF NOT EXISTS] [schema.]name`: where the name stands.
    fn qualified_name(&mut self) -> Option<Range<usize>> {
        if self.take_word("IF") {
            self.take();
            self.take();
        }
        self.skip_comments();
        let mut name = self.tokens.get(self.at)?.span.clone();
        self.take();
        if self.take_mark(".") {
            self.skip_comments();
            name = self.tokens.get(self.at)?.span.clone();
            self.take();
        }
        Some(name)
    }

    fn conflict_clause(&mut self) {
        if self.is_word("ON") && self.next_is("CONFLICT") {
            self.at += 3;
        }
    }
}

/// Parts between commas that are in no parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut parts) = (0i32, 0, Vec::new());
    for token in sql::tokens(text) {
        match &text[token.span.clone()] {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 0 => {
                parts.push(text[begin..token.span.start].trim());
                begin = token.span.end;
            }
            _ => {}
        }
    }
    parts.push(text[begin..].trim());
    parts
}

/// Reads the text of a table.
pub(crate) fn table(sql: &str) -> TableText {
    let mut walk = Walk::new(sql);
    let mut table = TableText::default();
    while !walk.done() && walk.peek() != "(" {
        walk.take();
    }
    walk.take();
    while !walk.done() && walk.peek() != ")" {
        if walk.take_mark(",") {
            continue;
        }
        if walk.is_any(TABLE_CONSTRAINTS) {
            table_constraint(&mut walk, &mut table)
        } else {
            column(&mut walk, &mut table)
        }
    }
    table
}

fn table_constraint(walk: &mut Walk<'_>, table: &mut TableText) {
    let mut name = None;
    while walk.take_word("CONSTRAINT") {
        name = Some(unquoted(walk.take()));
    }
    if walk.take_word("PRIMARY") {
        walk.take();
        let inner = walk.parenthesised().unwrap_or_default();
        table.autoincrement |=
            Walk::new(inner).tokens.iter().any(|t| inner[t.span.clone()].eq_ignore_ascii_case("AUTOINCREMENT"));
        table.primary_name = name;
        walk.conflict_clause();
    } else if walk.take_word("UNIQUE") {
        let columns = walk.column_list();
        if let Some(name) = name {
            table.uniques.push((name, columns));
        }
        walk.conflict_clause();
    } else if walk.take_word("CHECK") {
        let expression = walk.parenthesised().unwrap_or_default().to_owned();
        table.checks.push(CheckText { name, expression });
        walk.conflict_clause();
    } else if walk.take_word("FOREIGN") {
        walk.take();
        walk.parenthesised();
        walk.take();
        let foreign = walk.reference(name);
        table.foreign.push(foreign);
    } else {
        walk.take();
    }
}

fn column(walk: &mut Walk<'_>, table: &mut TableText) {
    let mut column = ColumnText { name: unquoted(walk.take()), ..ColumnText::default() };
    // The type, with a comment that may follow it: up to a constraint, a comma or the end.
    let begin = walk.at;
    while walk.at < walk.tokens.len() {
        let comment = walk.tokens[walk.at].kind == Kind::Comment;
        if !comment && (walk.is_any(COLUMN_CONSTRAINTS) || matches!(walk.peek(), "," | ")")) {
            break;
        }
        if comment {
            walk.at += 1;
        } else if walk.parenthesised().is_none() {
            walk.take();
        }
    }
    if walk.at > begin {
        column.declared = walk.sql[walk.tokens[begin].span.start..walk.tokens[walk.at - 1].span.end].to_owned();
    }
    let mut name = None;
    while !walk.done() && !matches!(walk.peek(), "," | ")") {
        // Commas between constraints of the table are optional: one may follow without.
        if walk.is_word("FOREIGN") {
            break;
        }
        if walk.take_word("CONSTRAINT") {
            name = Some(unquoted(walk.take()));
            continue;
        }
        column_constraint(walk, &mut column, table, name.take());
    }
    table.columns.push(column);
}

fn column_constraint(walk: &mut Walk<'_>, column: &mut ColumnText, table: &mut TableText, name: Option<String>) {
    if walk.take_word("PRIMARY") {
        walk.take();
        table.primary_name = name;
        if !walk.take_word("ASC") {
            walk.take_word("DESC");
        }
        walk.conflict_clause();
        table.autoincrement |= walk.take_word("AUTOINCREMENT");
    } else if walk.take_word("UNIQUE") {
        if let Some(name) = name {
            table.uniques.push((name, vec![column.name.clone()]));
        }
        walk.conflict_clause();
    } else if walk.take_word("CHECK") {
        let expression = walk.parenthesised().unwrap_or_default().to_owned();
        table.checks.push(CheckText { name, expression });
    } else if walk.take_word("DEFAULT") {
        // The pragma has the value: a sign and one token, or an expression in parentheses.
        if walk.parenthesised().is_none() && matches!(walk.take(), "+" | "-") {
            walk.take();
        }
    } else if walk.take_word("COLLATE") {
        column.collation = Some(unquoted(walk.take()));
    } else if walk.take_word("REFERENCES") {
        let foreign = walk.reference(name);
        table.foreign.push(foreign);
    } else if walk.take_word("AS") {
        column.generated = walk.parenthesised().map(str::to_owned);
    } else {
        // NOT NULL, NULL, GENERATED ALWAYS, STORED, VIRTUAL: the pragmas tell these.
        walk.take();
        walk.conflict_clause();
    }
}

/// Where the name of a table stands in its text.
pub(crate) fn table_name(sql: &str) -> Option<Range<usize>> {
    let mut walk = Walk::new(sql);
    while !walk.take_word("TABLE") {
        if walk.done() {
            return None;
        }
        walk.take();
    }
    walk.qualified_name()
}

/// Statements of a script that has no triggers.
pub(crate) fn statements(script: &str) -> Vec<&str> {
    let (mut begin, mut all) = (0, Vec::new());
    for token in sql::tokens(script) {
        if &script[token.span.clone()] == ";" {
            all.push(script[begin..token.span.start].trim());
            begin = token.span.end;
        }
    }
    all.push(script[begin..].trim());
    all.retain(|statement| !statement.is_empty());
    all
}

/// Reads the text of an index.
pub(crate) fn index(sql: &str) -> Option<IndexText> {
    let mut walk = Walk::new(sql);
    while !walk.take_word("INDEX") {
        if walk.done() {
            return None;
        }
        walk.take();
    }
    let name = walk.qualified_name()?;
    walk.take();
    let table = walk.qualified_name()?;
    let parts = split(walk.parenthesised()?).into_iter().map(bare_part).collect();
    let predicate = walk.take_word("WHERE").then(|| {
        let begin = walk.tokens.get(walk.at).map_or(sql.len(), |t| t.span.start);
        sql[begin..].trim().trim_end_matches(';').to_owned()
    });
    Some(IndexText { parts, predicate, name, table })
}

/// A part of an index without `COLLATE x`, `ASC`, `DESC` at its end.
fn bare_part(part: &str) -> String {
    let mut rest = part;
    loop {
        let all: Vec<_> = sql::tokens(rest).into_iter().filter(|t| t.kind != Kind::Comment).collect();
        let word = |back: usize| all.len().checked_sub(back).map(|at| &rest[all[at].span.clone()]);
        let cut = if all.len() > 1
            && word(1).is_some_and(|w| w.eq_ignore_ascii_case("ASC") || w.eq_ignore_ascii_case("DESC"))
        {
            1
        } else if all.len() > 2 && word(2).is_some_and(|w| w.eq_ignore_ascii_case("COLLATE")) {
            2
        } else {
            return rest.to_owned();
        };
        rest = rest[..all[all.len() - cut].span.start].trim_end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_everything() {
        let sql = r#"CREATE TABLE "all" (
            id INTEGER /* INT4 */ PRIMARY KEY ASC ON CONFLICT ABORT AUTOINCREMENT,
            [a b] VARCHAR ( 10 ) NOT NULL ON CONFLICT FAIL COLLATE NOCASE DEFAULT ('x, )' || "y"), -- said, with (
            c DECIMAL(10, 2) DEFAULT -1.5 CONSTRAINT positive CHECK (c > 0 OR (c = 0)),
            untyped,
            d INT AS (c * 2) STORED,
            e TEXT CONSTRAINT e_once UNIQUE REFERENCES other(x) ON DELETE SET NULL ON UPDATE NO ACTION DEFERRABLE INITIALLY DEFERRED,
            f GENERATED ALWAYS AS (e || ')') VIRTUAL,
            CONSTRAINT pair UNIQUE (c, "a b" COLLATE NOCASE DESC)
            CHECK (d <> 'CHECK ('),
            CONSTRAINT up FOREIGN KEY (c, d) REFERENCES "o""p" (c, d) MATCH FULL NOT DEFERRABLE
        ) STRICT"#;
        insta::assert_debug_snapshot!(table(sql));
    }

    #[test]
    fn a_key_as_a_table_constraint_and_a_copied_table() {
        let text = table("CREATE TABLE t(a INTEGER, CONSTRAINT pk PRIMARY KEY (a AUTOINCREMENT))");
        assert_eq!((text.autoincrement, text.primary_name.as_deref()), (true, Some("pk")));
        let text = table("CREATE TABLE copy(a INT,b TEXT)");
        assert_eq!(text.columns.iter().map(|c| c.declared.as_str()).collect::<Vec<_>>(), ["INT", "TEXT"]);
    }

    #[test]
    fn an_index_with_everything() {
        let sql =
            r#"CREATE UNIQUE INDEX "i ""x" ON t (a COLLATE NOCASE DESC, lower(b, ')') ASC, "c d") WHERE a > ')' AND b"#;
        let text = index(sql).unwrap();
        assert_eq!(text.parts, ["a", "lower(b, ')')", "\"c d\""]);
        assert_eq!(text.predicate.as_deref(), Some("a > ')' AND b"));
        assert_eq!((&sql[text.name], &sql[text.table]), ("\"i \"\"x\"", "t"));
        assert_eq!(table_name("create table if not exists main . [a b] (x)"), Some(34..39));
        assert_eq!(statements("a ';' b; c -- ;\n d;"), ["a ';' b", "c -- ;\n d"]);
    }
}
