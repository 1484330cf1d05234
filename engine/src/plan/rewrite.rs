//! New names inside a system's own expressions, token by token.
//!
//! Checks, defaults, generated columns and index predicates stay in their system's words; when they go to
//! a system of the same dialect under new names, the names inside must follow. Dialects differ in whether a backslash
//! escapes a quote. Both readings are tried: where only one is whole, or both agree, that is the answer;
//! otherwise there is none, and the expression is left out with a risk rather than guessed at (P2).

use std::collections::BTreeMap;

/// Names that changed: source spelling to target spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    pub(super) fn insert(&mut self, source: &str, target: &str) {
        self.0.insert(source.to_owned(), target.to_owned());
    }

    /// As written, else without regard to case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let alike = || self.0.iter().find(|(source, _)| source.to_lowercase() == name.to_lowercase());
        self.0.get(name).map(String::as_str).or_else(|| alike().map(|(_, target)| target.as_str()))
    }

    /// Target spelling, or the name itself where it is unknown.
    pub(super) fn of(&self, name: &str) -> String {
        self.get(name).unwrap_or(name).to_owned()
    }

    fn changed(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(source, target)| source != target).map(|(source, _)| source.as_str())
    }
}

/// What names mean inside one text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning<'a> {
    /// Columns of the table the text belongs to; none where the text has no columns (a type's definition).
    pub(super) columns: Option<&'a Names>,
    /// That table.
    pub(super) table: Option<(&'a str, &'a str)>,
    /// Types with names of their own.
    pub(super) types: &'a Names,
    /// Schemas.
    pub(super) schemas: &'a Names,
}

/// The text under the new names; none where it cannot be read with certainty.
pub(super) fn rewrite(text: &str, meaning: &Meaning<'_>) -> Option<String> {
    if !mentions_changed(text, meaning) {
        return Some(text.to_owned());
    }
    let readings = [false, true].map(|backslash| tokens(text, backslash).map(|t| replace(text, &t, meaning)));
    match readings {
        [Some(one), Some(other)] => (one == other).then_some(one),
        [Some(only), None] | [None, Some(only)] => Some(only),
        [None, None] => None,
    }
}

/// Whether the text may name this column: a word or a quoted name is it, whatever the case, in either reading. A text that
/// cannot be read may name whatever it contains.
pub(super) fn mentions(text: &str, column: &str) -> bool {
    let column = column.to_lowercase();
    let is_column = |token: &Token| match &token.kind {
        Kind::Word => text[token.start..token.end].to_lowercase() == column,
        Kind::Quoted(_, content) => content.to_lowercase() == column,
        Kind::Text | Kind::Other => false,
    };
    let readings: Vec<Vec<Token>> = [false, true].into_iter().filter_map(|b| tokens(text, b)).collect();
    match readings.is_empty() {
        true => text.to_lowercase().contains(&column),
        false => readings.iter().flatten().any(is_column),
    }
}

fn mentions_changed(text: &str, meaning: &Meaning<'_>) -> bool {
    let text = text.to_lowercase();
    let table = meaning.table.filter(|(source, target)| source != target).map(|(source, _)| source);
    let columns = meaning.columns.into_iter().flat_map(Names::changed);
    let others = meaning.types.changed().chain(meaning.schemas.changed());
    // A quoted name may be written with doubled quotes; its first stretch without quotes is there in any case.
    let plain = |name: &str| name.split(['"', '`', ']']).next().unwrap_or_default().to_lowercase();
    columns.chain(others).chain(table).any(|name| text.contains(&plain(name)))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Word,
    /// An identifier in quotes; its content.
    Quoted(char, String),
    /// A constant in single quotes.
    Text,
    /// Anything else that counts: a number, an operator, `::`.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// Blanks and comments left out. None: a quote is open at the end.
fn tokens(text: &str, backslash: bool) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(c) = text[start..].chars().next() {
        let rest = &text[start..];
        let (kind, length) = match c {
            _ if c.is_whitespace() => (None, c.len_utf8()),
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, rest.find("*/")? + 2),
            '\'' => (Some(Kind::Text), quoted(rest, '\'', backslash || escapes(text, start))?.1),
            '"' | '`' => quoted(rest, c, false).map(|(content, length)| (Some(Kind::Quoted(c, content)), length))?,
            '[' => bracketed(rest),
            _ if c.is_numeric() => (Some(Kind::Other), run(rest, |c| c.is_alphanumeric() || c == '.')),
            _ if c.is_alphabetic() || c == '_' || !c.is_ascii() => {
                (Some(Kind::Word), run(rest, |c| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()))
            }
            ':' if rest.starts_with("::") => (Some(Kind::Other), 2),
            _ => (Some(Kind::Other), c.len_utf8()),
        };
        found.extend(kind.map(|kind| Token { kind, start, end: start + length }));
        start += length;
    }
    Some(found)
}

fn run(rest: &str, inside: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !inside(c)).unwrap_or(rest.len())
}

/// `E'...'`: backslash escapes whatever the dialect.
fn escapes(text: &str, quote: usize) -> bool {
    let mut before = text[..quote].chars().rev();
    matches!(before.next(), Some('e' | 'E')) && !before.next().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Content and length of what begins with a quote; a doubled quote is one.
fn quoted(rest: &str, quote: char, backslash: bool) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' if backslash => content.extend(letters.next().map(|(_, escaped)| escaped)),
            _ if c == quote => match letters.next_if(|(_, next)| *next == quote) {
                Some(_) => content.push(quote),
                None => return Some((content, at + quote.len_utf8())),
            },
            _ => content.push(c),
        }
    }
    None
}

/// `[Order Id]` is a name in some dialects; `[1]` and `[a]` are subscripts in others, and are read as such.
fn bracketed(rest: &str) -> (Option<Kind>, usize) {
    let content = rest[1..].split(']').next().unwrap_or_default();
    let closed = rest.len() > content.len() + 1;
    let name = content.contains(' ') && !content.contains(['\'', '"', '`', '[', ',', '(']);
    if closed && name {
        (Some(Kind::Quoted('[', content.to_owned())), content.len() + 2)
    } else {
        (Some(Kind::Other), 1)
    }
}

fn replace(text: &str, tokens: &[Token], meaning: &Meaning<'_>) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut copied = 0;
    for at in 0..tokens.len() {
        let token = &tokens[at];
        let (name, quote) = match &token.kind {
            Kind::Word => (&text[token.start..token.end], None),
            Kind::Quoted(quote, content) => (content.as_str(), Some(*quote)),
            Kind::Text | Kind::Other => continue,
        };
        if let Some(target) = renamed(text, tokens, at, name, meaning).filter(|target| *target != name) {
            out.push_str(&text[copied..token.start]);
            spell(&mut out, target, quote);
            copied = token.end;
        }
    }
    out.push_str(&text[copied..]);
    out
}

fn spell(out: &mut String, name: &str, quote: Option<char>) {
    match quote {
        None => out.push_str(name),
        Some('[') => out.extend(["[", name, "]"]),
        Some(q) => {
            out.push(q);
            name.chars().for_each(|c| out.extend(std::iter::repeat_n(c, if c == q { 2 } else { 1 })));
            out.push(q);
        }
    }
}

/// What the name at `at` is called in the target, by where it stands.
fn renamed<'a>(text: &str, tokens: &[Token], at: usize, name: &str, meaning: &Meaning<'a>) -> Option<&'a str> {
    let is = |index: Option<usize>, wanted: &str| {
        index.and_then(|i| tokens.get(i)).is_some_and(|t| text[t.start..t.end].eq_ignore_ascii_case(wanted))
    };
    let is_text = |index: usize| tokens.get(index).is_some_and(|t| t.kind == Kind::Text);
    let chained = is(at.checked_sub(1), ".");
    let head = if chained { at.checked_sub(2)? } else { at };
    let typed = meaning.columns.is_none() || is(head.checked_sub(1), "::") || is(head.checked_sub(1), "AS");
    if is(Some(at + 1), ".") {
        // The beginning of a qualified name.
        let own_table = meaning.table.filter(|(source, _)| !typed && source.eq_ignore_ascii_case(name));
        return own_table.map(|(_, target)| target).or_else(|| meaning.schemas.get(name));
    }
    if typed {
        return meaning.types.get(name);
    }
    // `DATE '2024-01-01'`, `E'...'` and functions are no columns.
    if is_text(at + 1) || is(Some(at + 1), "(") {
        return None;
    }
    let of_own_table = || {
        let qualifier = &tokens[head];
        let qualifier = match &qualifier.kind {
            Kind::Quoted(_, content) => content.as_str(),
            Kind::Word | Kind::Text | Kind::Other => &text[qualifier.start..qualifier.end],
        };
        meaning.table.is_some_and(|(source, _)| source.eq_ignore_ascii_case(qualifier))
    };
    if chained && !of_own_table() { None } else { meaning.columns?.get(name) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Meaning, Names, mentions, rewrite};

    fn names(pairs: &[(&str, &str)]) -> Names {
        let mut names = Names::default();
        pairs.iter().for_each(|(source, target)| names.insert(source, target));
        names
    }

    fn of_table(text: &str) -> Option<String> {
        let columns = names(&[
            ("UnitPrice", "unit_price"),
            ("Order Id", "order_id"),
            ("e", "e"),
            ("Status", "status_2"),
            ("say\"hi", "say_hi"),
        ]);
        let (types, schemas) = (names(&[("MyMood", "my_mood")]), names(&[("Sales", "app")]));
        let table = Some(("OrderLine", "order_line"));
        rewrite(text, &Meaning { columns: Some(&columns), table, types: &types, schemas: &schemas })
    }

    #[test]
    fn names_follow_and_nothing_else_does() {
        const GOLDEN: [(&str, &str); 24] = [
            ("UnitPrice > 0", "unit_price > 0"),
            ("(`UnitPrice` > 0)", "(`unit_price` > 0)"),
            ("\"UnitPrice\" > 0", "\"unit_price\" > 0"),
            ("unitprice>0 and UNITPRICE<9", "unit_price>0 and unit_price<9"),
            ("[Order Id] > 0", "[order_id] > 0"),
            ("\"Order Id\" <> 'Order Id'", "\"order_id\" <> 'Order Id'"),
            ("\"say\"\"hi\" = 1", "\"say_hi\" = 1"),
            ("Status IN ('Status', 'it''s Status')", "status_2 IN ('Status', 'it''s Status')"),
            ("Status = _utf8mb4'Status'", "status_2 = _utf8mb4'Status'"),
            ("Status LIKE E'a\\'Status'", "status_2 LIKE E'a\\'Status'"),
            ("Status = 'a\\' or Status = 'b'", "status_2 = 'a\\' or status_2 = 'b'"),
            ("Status(UnitPrice) > 1", "Status(unit_price) > 1"),
            ("OrderLine.UnitPrice > 1", "order_line.unit_price > 1"),
            ("\"OrderLine\".\"UnitPrice\" > 1", "\"order_line\".\"unit_price\" > 1"),
            ("other.UnitPrice > 1", "other.UnitPrice > 1"),
            ("(\"Status\")::\"MyMood\" = 'ok'::\"MyMood\"", "(\"status_2\")::\"my_mood\" = 'ok'::\"my_mood\""),
            ("'ok'::\"Sales\".\"MyMood\"", "'ok'::\"app\".\"my_mood\""),
            ("CAST(Status AS MyMood)", "CAST(status_2 AS my_mood)"),
            ("UnitPrice > 1 -- don't touch\n and e > 1", "unit_price > 1 -- don't touch\n and e > 1"),
            ("UnitPrice /* 'Status */ > 1", "unit_price /* 'Status */ > 1"),
            ("a[1] > UnitPrice", "a[1] > unit_price"),
            ("UnitPriceNew > 1e5", "UnitPriceNew > 1e5"),
            ("UnitPrice::numeric(10,2) > 0.5", "unit_price::numeric(10,2) > 0.5"),
            ("json_valid(`Status`)", "json_valid(`status_2`)"),
        ];
        for (text, wanted) in GOLDEN {
            assert_eq!(of_table(text).as_deref(), Some(wanted), "of {text}");
        }
    }

    #[test]
    fn what_reads_two_ways_is_left_out() {
        // One dialect sees a constant, a column and a constant; the other two constants with an escaped quote.
        assert_eq!(of_table(r"Status = 'a\' || Status || \'b'"), None);
        assert_eq!(of_table("Status = 'open"), None);
    }

    #[test]
    fn text_without_changed_names_stays_whatever_it_is() {
        for text in ["", "'open", "a\\'b > \"c", "e > 1"] {
            assert_eq!(of_table(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_types_definition_names_types_everywhere() {
        let (types, schemas) = (names(&[("MyMood", "my_mood")]), names(&[("Sales", "app")]));
        let meaning = Meaning { columns: None, table: None, types: &types, schemas: &schemas };
        assert_eq!(
            rewrite("CREATE TYPE \"MyMood\" AS ENUM ('MyMood', 'b')", &meaning).as_deref(),
            Some("CREATE TYPE \"my_mood\" AS ENUM ('MyMood', 'b')")
        );
        assert_eq!(rewrite("\"Sales\".\"MyMood\"[]", &meaning).as_deref(), Some("\"app\".\"my_mood\"[]"));
    }

    #[test]
    fn a_column_is_mentioned_as_a_name_and_not_as_a_constant() {
        for (text, wanted) in [
            ("unit_price > 0", true),
            ("(\"Unit_Price\" > 0)", true),
            ("`unit_price` in (1)", true),
            ("unit_price_2 > 0", false),
            ("status = 'unit_price'", false),
            ("lower(t.unit_price)", true),
            ("status = 'open and unit_price", true),
            ("", false),
        ] {
            assert_eq!(mentions(text, "unit_price"), wanted, "in {text}");
        }
    }

    proptest! {
        #[test]
        fn never_breaks_and_same_names_change_nothing(text in any::<String>()) {
            let same = names(&[("a", "a")]);
            let meaning = Meaning { columns: Some(&same), table: None, types: &same, schemas: &same };
            prop_assert_eq!(rewrite(&text, &meaning), Some(text.clone()));
            of_table(&format!("Status {text}"));
        }
    }
}
