//! Checks of other systems that mean the same everywhere: comparisons of numeric columns and numbers.
//!
//! Grammar: `or := and (OR and)*`, `and := not (AND not)*`, `not := NOT not | predicate`,
//! `predicate := ( or ) | value (= | <> | != | < | <= | > | >=) value | value IS [NOT] NULL
//! | value [NOT] BETWEEN value AND value | value [NOT] IN ( value, ... )`, `value := column | [-] number | ( value )`.
//! Texts are left out (collations differ), and so is arithmetic (division and overflow differ).

use sensei_sdk::catalog::{Column, DataType};

use crate::sql::identifier;

/// The same condition in PostgreSQL's words; none if it is not of this kind.
pub(super) fn translate(expression: &str, columns: &[Column]) -> Option<String> {
    let tokens = lex(expression)?;
    let mut parser = Parser { tokens: &tokens, at: 0, columns };
    let condition = parser.or()?;
    (parser.at == tokens.len()).then_some(condition)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// In quotes of any sort that means a name.
    Name(String),
    Number(String),
    Sign(&'static str),
}

/// Longer signs first.
const SIGNS: &[&str] = &["<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ",", "-"];

fn lex(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if matches!(first, '`' | '"') {
            let end = rest[1..].find(first)? + 1;
            // A doubled quote is part of a name that nobody has: not worth the reading.
            if rest[end + 1..].starts_with(first) {
                return None;
            }
            tokens.push(Token::Name(rest[1..end].to_owned()));
            end + 1
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            // `1e5`, `0x10`: not plain numbers.
            if rest[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
                || rest[..end].matches('.').count() > 1
            {
                return None;
            }
            tokens.push(Token::Number(rest[..end].to_owned()));
            end
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        } else {
            let sign = SIGNS.iter().find(|s| rest.starts_with(**s))?;
            tokens.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    columns: &'a [Column],
}

impl Parser<'_> {
    fn sign(&mut self, wanted: &[&str]) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some(Token::Sign(sign)) if wanted.contains(sign) => {
                self.at += 1;
                Some(sign)
            }
            Some(_) | None => None,
        }
    }

    fn keyword(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w.eq_ignore_ascii_case(wanted));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Option<String> {
        let mut text = self.and()?;
        while self.keyword("OR") {
            text = format!("{text} OR {}", self.and()?);
        }
        Some(text)
    }

    fn and(&mut self) -> Option<String> {
        let mut text = self.not()?;
        while self.keyword("AND") {
            text = format!("{text} AND {}", self.not()?);
        }
        Some(text)
    }

    fn not(&mut self) -> Option<String> {
        if self.keyword("NOT") { Some(format!("NOT {}", self.not()?)) } else { self.predicate() }
    }

    fn predicate(&mut self) -> Option<String> {
        let from = self.at;
        if self.sign(&["("]).is_some()
            && let Some(inner) = self.or()
            && self.sign(&[")"]).is_some()
        {
            return Some(format!("({inner})"));
        }
        self.at = from;
        let left = self.value()?;
        if let Some(sign) = self.sign(&["=", "<>", "!=", "<", "<=", ">", ">="]) {
            let sign = if sign == "!=" { "<>" } else { sign };
            return Some(format!("{left} {sign} {}", self.value()?));
        }
        if self.keyword("IS") {
            let not = if self.keyword("NOT") { "NOT " } else { "" };
            return self.keyword("NULL").then(|| format!("{left} IS {not}NULL"));
        }
        let not = if self.keyword("NOT") { "NOT " } else { "" };
        if self.keyword("BETWEEN") {
            let low = self.value()?;
            return if self.keyword("AND") {
                Some(format!("{left} {not}BETWEEN {low} AND {}", self.value()?))
            } else {
                None
            };
        }
        if !self.keyword("IN") {
            return None;
        }
        self.sign(&["("])?;
        let mut members = vec![self.value()?];
        while self.sign(&[","]).is_some() {
            members.push(self.value()?);
        }
        self.sign(&[")"]).map(|_| format!("{left} {not}IN ({})", members.join(", ")))
    }

    fn value(&mut self) -> Option<String> {
        if self.sign(&["("]).is_some() {
            let inner = self.value()?;
            return self.sign(&[")"]).map(|_| inner);
        }
        let minus = if self.sign(&["-"]).is_some() { "-" } else { "" };
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        match token {
            Token::Number(digits) => Some(format!("{minus}{digits}")),
            Token::Word(name) | Token::Name(name) if minus.is_empty() => {
                let column = self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))?;
                let number = matches!(
                    column.data_type,
                    DataType::Integer(_) | DataType::Decimal(_) | DataType::Number | DataType::Float(_)
                );
                number.then(|| identifier(&column.name))
            }
            Token::Word(_) | Token::Name(_) | Token::Sign(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use sensei_sdk::catalog::{Integer, Text};

    use super::*;

    fn column(name: &str, data_type: DataType) -> Column {
        Column {
            name: name.to_owned(),
            native_type: String::new(),
            data_type,
            nullable: true,
            default: None,
            identity: None,
            generated: None,
            touched_on_update: false,
            character_set: None,
            collation: None,
            comment: None,
        }
    }

    #[test]
    fn checks_golden() {
        let columns = [
            column("Qty", DataType::Integer(Integer { bits: 32, signed: true })),
            column("price", DataType::Number),
            column("name", DataType::Text(Text { length: None, fixed: false })),
        ];
        let cases = [
            "`qty` >= 0",
            "(`price` > 1.50) and (`qty` between -1 and 10 or `qty` is null)",
            "\"Qty\" IN (1, 2,3)",
            "not (qty != price)",
            "((qty)) > 0",
            "qty",
            "qty + 1 > 0",
            "name = 'x'",
            "name is not null",
            "length(name) > 3",
            "qty > 0 garbage",
            "qty > 1e5",
            "missing > 0",
            "(qty > 0",
        ];
        let lines: Vec<String> = cases
            .iter()
            .map(|c| format!("{c}: {}", translate(c, &columns).unwrap_or_else(|| "(left out)".to_owned())))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
