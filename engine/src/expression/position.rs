//! Where in an expression's text something stands: the parser counts lines and columns, people count characters.

use datafusion_sql::sqlparser::tokenizer::Location;

/// The first character: where the whole of an expression is to blame.
pub(super) const FIRST: u64 = 1;
/// How the parser ends a message whose place it knows.
const PLACE: &str = " at Line: ";
const COLUMN: &str = ", Column: ";
/// How it ends one about something missing at the end of the text.
const AT_THE_END: &str = "found: EOF";

/// The character of a place, from 1; none for a place that the parser does not know.
pub(super) fn character(sql: &str, place: Location) -> Option<u64> {
    if place.line == 0 || place.column == 0 {
        return None;
    }
    let lines_before = usize::try_from(place.line - 1).ok()?;
    let before: usize = sql.split_inclusive('\n').take(lines_before).map(|line| line.chars().count()).sum();
    Some(u64::try_from(before).ok()?.saturating_add(place.column))
}

/// A parser's message without its place, and the place as a character.
pub(super) fn told<'m>(sql: &str, message: &'m str) -> (&'m str, Option<u64>) {
    let place = || {
        let (what, place) = message.rsplit_once(PLACE)?;
        let (line, column) = place.split_once(COLUMN)?;
        let place = Location::new(line.parse().ok()?, column.parse().ok()?);
        Some((what, character(sql, place)))
    };
    place().unwrap_or_else(|| {
        let end = message.ends_with(AT_THE_END).then(|| u64::try_from(sql.chars().count()).ok()).flatten();
        (message, end.map(|characters| characters + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_become_characters() {
        let sql = "größe\n  + x";
        for (line, column, wanted) in [(1, 1, Some(1)), (1, 3, Some(3)), (2, 3, Some(9)), (0, 0, None)] {
            assert_eq!(character(sql, Location::new(line, column)), wanted, "{line}:{column}");
        }
    }

    #[test]
    fn a_message_is_parted_from_its_place() {
        assert_eq!(told("a b", "Unexpected at Line: 1, Column: 3"), ("Unexpected", Some(3)));
        assert_eq!(
            told("a +", "Expected: an expression, found: EOF"),
            ("Expected: an expression, found: EOF", Some(4))
        );
        assert_eq!(told("a", "nested at Line: x, Column: 3"), ("nested at Line: x, Column: 3", None));
    }
}
