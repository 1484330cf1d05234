//! Conditions that mean the same in every system: comparisons of numeric columns and numbers, and whether a column is NULL.
//!
//! Grammar: `or := and (OR and)*`, `and := not (AND not)*`, `not := NOT not | predicate`,
//! `predicate := ( or ) | value (= | <> | != | < | <= | > | >=) value | value IS [NOT] NULL
//! | value [NOT] BETWEEN value AND value | value [NOT] IN ( value, ... ) | value (= ANY | <> ALL) (ARRAY[ value, ... ])`,
//! `value := (column | [-] number | ( value )) [:: type]`. A cast is gone where it changes nothing.
//! Texts are left out (collations differ), and so is arithmetic (division and overflow differ).

use crate::catalog::{Column, DataType};

/// The same condition in words that every system has; none if it is not of this kind. It speaks of these columns, in any case;
/// `quoted` makes an identifier, and `compares` says whether a number is kept so that it compares as one.
pub fn translate(
    expression: &str,
    columns: &[Column],
    quoted: impl Fn(&str) -> String,
    compares: impl Fn(&Column) -> bool,
) -> Option<String> {
    let tokens = lex(expression)?;
    let column = |name: &str| {
        let column = columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))?;
        let kind = match column.data_type {
            DataType::Float(_) if compares(column) => Kind::FloatColumn,
            DataType::Integer(_) | DataType::Decimal(_) | DataType::Number if compares(column) => Kind::Column,
            _ => Kind::OtherColumn,
        };
        Some(Value { text: quoted(&column.name), kind })
    };
    let mut parser = Parser { tokens: &tokens, at: 0, column: &column };
    let condition = parser.or()?;
    (parser.at == tokens.len()).then_some(condition)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// In quotes of any sort that means a name.
    Name(String),
    Number(String),
    /// In single quotes.
    Text(String),
    Sign(&'static str),
}

/// Longer signs first.
const SIGNS: &[&str] = &["<=", ">=", "<>", "!=", "::", "=", "<", ">", "(", ")", "[", "]", ",", "-"];

/// Types to which a cast of a whole number, of any number, and of a floating point number changes nothing, in PostgreSQL's
/// words.
const WHOLE: &[&str] = &["smallint", "integer", "bigint", "numeric", "double precision"];
const EXACT: &[&str] = &["numeric", "double precision"];
const FLOAT: &[&str] = &["double precision"];

fn lex(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if matches!(first, '`' | '"' | '\'') {
            let end = rest[1..].find(first)? + 1;
            // A doubled quote is part of a name that nobody has, and of no number: not worth the reading.
            if rest[end + 1..].starts_with(first) {
                return None;
            }
            let inner = rest[1..end].to_owned();
            tokens.push(if first == '\'' { Token::Text(inner) } else { Token::Name(inner) });
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

/// One side of a comparison.
struct Value {
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    WholeNumber,
    Fraction,
    /// Of an exact number.
    Column,
    FloatColumn,
    /// Of anything else.
    OtherColumn,
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    column: &'a dyn Fn(&str) -> Option<Value>,
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
        if self.keyword("NOT") { Some(format!("NOT ({})", self.not()?)) } else { self.predicate() }
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
        if self.keyword("IS") {
            let not = if self.keyword("NOT") { "NOT " } else { "" };
            return self.keyword("NULL").then(|| format!("{} IS {not}NULL", left.text));
        }
        let left = left.number()?;
        if let Some(sign) = self.sign(&["=", "<>", "!=", "<", "<=", ">", ">="]) {
            let sign = if sign == "!=" { "<>" } else { sign };
            let list = match sign {
                "=" if self.keyword("ANY") => Some("IN"),
                "<>" if self.keyword("ALL") => Some("NOT IN"),
                _ => None,
            };
            return match list {
                Some(list) => Some(format!("{left} {list} ({})", self.array()?)),
                None => Some(format!("{left} {sign} {}", self.value()?.number()?)),
            };
        }
        let not = if self.keyword("NOT") { "NOT " } else { "" };
        if self.keyword("BETWEEN") {
            let low = self.value()?.number()?;
            return if self.keyword("AND") {
                Some(format!("{left} {not}BETWEEN {low} AND {}", self.value()?.number()?))
            } else {
                None
            };
        }
        if !self.keyword("IN") {
            return None;
        }
        self.sign(&["("])?;
        let members = self.list()?;
        self.sign(&[")"]).map(|_| format!("{left} {not}IN ({members})"))
    }

    /// `(ARRAY[1, 2])`.
    fn array(&mut self) -> Option<String> {
        self.sign(&["("])?;
        self.keyword("ARRAY").then_some(())?;
        self.sign(&["["])?;
        let members = self.list()?;
        self.sign(&["]"])?;
        self.sign(&[")"]).map(|_| members)
    }

    fn list(&mut self) -> Option<String> {
        let mut members = vec![self.value()?.number()?];
        while self.sign(&[","]).is_some() {
            members.push(self.value()?.number()?);
        }
        Some(members.join(", "))
    }

    fn value(&mut self) -> Option<Value> {
        let value = if self.sign(&["("]).is_some() {
            let inner = self.value()?;
            self.sign(&[")"])?;
            inner
        } else {
            self.plain()?
        };
        self.uncast(value)
    }

    fn plain(&mut self) -> Option<Value> {
        let minus = if self.sign(&["-"]).is_some() { "-" } else { "" };
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        match token {
            Token::Number(digits) => number(&format!("{minus}{digits}")),
            // `'-1'::integer` is how PostgreSQL writes a number below zero.
            Token::Text(text) if minus.is_empty() && self.tokens.get(self.at) == Some(&Token::Sign("::")) => {
                number(text)
            }
            Token::Word(name) | Token::Name(name) if minus.is_empty() => (self.column)(name),
            Token::Word(_) | Token::Name(_) | Token::Text(_) | Token::Sign(_) => None,
        }
    }

    /// Takes casts off that change nothing.
    fn uncast(&mut self, value: Value) -> Option<Value> {
        while self.sign(&["::"]).is_some() {
            let to = match self.tokens.get(self.at)? {
                Token::Word(word) if word == "double" => {
                    self.at += 1;
                    self.tokens.get(self.at).filter(|t| **t == Token::Word("precision".into()))?;
                    "double precision"
                }
                Token::Word(word) => word.as_str(),
                _ => return None,
            };
            self.at += 1;
            let harmless = match value.kind {
                Kind::WholeNumber => WHOLE,
                Kind::Fraction => EXACT,
                // A large number would be rounded.
                Kind::Column => &EXACT[..1],
                Kind::FloatColumn => FLOAT,
                Kind::OtherColumn => return None,
            };
            // Digits in parentheses would round.
            let rounds = self.tokens.get(self.at) == Some(&Token::Sign("("));
            if rounds || !harmless.contains(&to) {
                return None;
            }
        }
        Some(value)
    }
}

impl Value {
    fn number(self) -> Option<String> {
        (self.kind != Kind::OtherColumn).then_some(self.text)
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.matches('.').count() <= 1;
    let kind = if digits.contains('.') { Kind::Fraction } else { Kind::WholeNumber };
    is_number.then(|| Value { text: text.to_owned(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Integer, Text};
    use crate::plain_column;

    #[test]
    fn conditions_are_a_golden_table() {
        let columns = [
            plain_column("Qty", "", DataType::Integer(Integer { bits: 32, signed: true })),
            plain_column("price", "", DataType::Number),
            plain_column("ratio", "", DataType::Float(64)),
            plain_column("name", "", DataType::Text(Text { length: None, fixed: false })),
            plain_column("kept", "as text", DataType::Number),
        ];
        let cases = [
            "`qty` >= 0",
            "(`price` > 1.50) and (`qty` between -1 and 10 or `qty` is null)",
            "\"Qty\" IN (1, 2,3)",
            "not (qty != price)",
            "((qty)) > 0",
            "((price > (0)::numeric) AND (qty >= '-1'::integer))",
            "(qty = ANY (ARRAY[1, 2, 3]))",
            "(price <> ALL (ARRAY[(1)::numeric, 2.5]))",
            "((ratio > (0)::double precision) OR (name IS NOT NULL))",
            "((qty)::numeric < price)",
            "qty",
            "qty + 1 > 0",
            "name = 'x'",
            "name > 0",
            "length(name) > 3",
            "qty > 0 garbage",
            "qty > 1e5",
            "missing > 0",
            "(qty > 0",
            "price::integer > 0",
            "(qty)::double precision > 0.5",
            "price::numeric(3,1) > 0",
            "1.5::integer > qty",
            "qty > '1'",
            "qty > 'x'::integer",
            "qty <=> 1",
            "kept > 0",
            "kept is not null",
        ];
        let told = |case: &&str| {
            let translated = translate(case, &columns, |name| format!("<{name}>"), |c| c.native_type.is_empty());
            let translated = translated.unwrap_or_else(|| "(left out)".to_owned());
            format!("{case}: {translated}")
        };
        insta::assert_snapshot!(cases.iter().map(told).collect::<Vec<_>>().join("\n"));
    }
}
