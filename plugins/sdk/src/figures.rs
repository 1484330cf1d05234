//! A system's own words about its columns, for connectors whose systems speak SQL (`source.session.figures` in the WIT).
//!
//! One statement asks everything of a table, so that it is scanned once ([`tell`]); a connector has a table of [`Words`].

use crate::{Ends, Error, Figures, Kind, Question, Result};

/// Nothing is said.
pub const SILENT: Figures = Figures { present: None, least: None, greatest: None, total: None };

/// How a system says the figures of a measure. In an expression, `{}` stands for the column; an empty one is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// `present`.
    pub present: &'static str,
    /// `least` and `greatest`; `{end}` stands for `MIN(column)` and for `MAX(column)`.
    pub bound: &'static str,
    /// `total`.
    pub total: &'static str,
}

impl Words {
    /// Counts values, and nothing else.
    pub const PRESENCE: Self = Self { present: "COUNT({})", ..Self::NOTHING };
    /// Says nothing.
    pub const NOTHING: Self = Self { present: "", bound: "", total: "" };

    /// Counts values, and says where they begin and end.
    #[must_use]
    pub const fn bound(self, bound: &'static str) -> Self {
        Self { bound, ..self }
    }

    /// Counts values, and adds something of them up.
    #[must_use]
    pub const fn total(self, total: &'static str) -> Self {
        Self { total, ..self }
    }

    /// What is selected of one column, its name quoted; nothing where nothing is said.
    #[must_use]
    pub fn selection(self, column: &str) -> Vec<String> {
        let ends = ["MIN", "MAX"].map(|end| (self.bound, format!("{end}({column})")));
        let [least, greatest] = &ends;
        let all = [(self.present, ""), (least.0, &least.1), (greatest.0, &greatest.1), (self.total, "")];
        all.iter().filter(|(words, _)| !words.is_empty()).map(|(words, end)| filled(words, column, end)).collect()
    }
}

/// A name may hold what looks like a place: what was filled in is not looked at again.
fn filled(words: &str, column: &str, end: &str) -> String {
    let between: Vec<String> = words.split("{end}").map(|part| part.replace("{}", column)).collect();
    between.join(end)
}

/// Asks a system for figures of a table by one statement, and reads its answer. `words` are its own for a question, none where
/// there is no such column; `from` names the table, `quoted` makes an identifier. `row` executes the statement, and gives the
/// one row that comes back: so many cells, as text.
///
/// # Errors
/// What `row` reports; `internal` when that row is another.
pub fn tell(
    questions: &[Question],
    words: impl Fn(&Question) -> Option<Words>,
    from: &str,
    ends: Option<&Ends>,
    quoted: impl Fn(&str) -> String,
    row: impl FnOnce(&str, usize) -> Result<Vec<Option<String>>>,
) -> Result<Vec<Figures>> {
    let words: Vec<Words> = questions.iter().map(|q| words(q).unwrap_or(Words::NOTHING)).collect();
    let asked = words.iter().zip(questions);
    let selected: Vec<String> = asked.flat_map(|(words, q)| words.selection(&quoted(&q.column))).collect();
    if selected.is_empty() {
        return Ok(vec![SILENT; questions.len()]);
    }
    let by_index = ends.is_none() && words.iter().all(|words| words.present.is_empty() && words.total.is_empty());
    let sql = if by_index {
        // An index is gone to for one end at a time.
        let each: Vec<String> = selected.iter().map(|end| format!("(SELECT {end} FROM {from})")).collect();
        format!("SELECT {}", each.join(", "))
    } else {
        let condition = ends.map_or_else(String::new, |Ends { column, below, on_from }| {
            let column = quoted(column);
            format!(" WHERE ({column} < {below} OR {column} >= {on_from})")
        });
        format!("SELECT {} FROM {from}{condition}", selected.join(", "))
    };
    answers(&words, &row(&sql, selected.len())?)
}

/// What one row says: what was selected of all columns, one after another.
fn answers(words: &[Words], row: &[Option<String>]) -> Result<Vec<Figures>> {
    let strange = || Error::new(Kind::Internal, "The system told other figures than it was asked for.");
    let mut cells = row.iter();
    let mut told = Vec::with_capacity(words.len());
    for Words { present, bound, total } in words {
        let mut next = |words: &str| match words {
            "" => Ok(None),
            _ => cells.next().cloned().ok_or_else(strange),
        };
        let present = next(present)?.map(|n| n.parse().map_err(|_| strange())).transpose()?;
        told.push(Figures { present, least: next(bound)?, greatest: next(bound)?, total: next(total)? });
    }
    if cells.next().is_some() { Err(strange()) } else { Ok(told) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measure;

    const LENGTH: Words = Words::PRESENCE.total("SUM(LENGTH({}))");
    const EXTENT: Words = Words::NOTHING.bound("CASE WHEN {} THEN CAST({end} AS TEXT) END");

    #[test]
    fn what_is_selected_is_what_is_read() {
        assert_eq!(LENGTH.selection("\"a\""), ["COUNT(\"a\")", "SUM(LENGTH(\"a\"))"]);
        let ends = ["CASE WHEN b THEN CAST(MIN(b) AS TEXT) END", "CASE WHEN b THEN CAST(MAX(b) AS TEXT) END"];
        assert_eq!(EXTENT.selection("b"), ends);
        assert_eq!(LENGTH.selection("`{end}{}`"), ["COUNT(`{end}{}`)", "SUM(LENGTH(`{end}{}`))"]);
        assert!(Words::NOTHING.selection("c").is_empty());
        let row = ["3", "12", "-1", "7"].map(|cell| Some(cell.to_owned()));
        let told = answers(&[LENGTH, Words::NOTHING, EXTENT], &row).unwrap();
        let text = |cell: &str| Some(cell.to_owned());
        assert_eq!(told[0], Figures { present: Some(3), total: text("12"), ..SILENT });
        assert_eq!(told[1], SILENT);
        assert_eq!(told[2], Figures { least: text("-1"), greatest: text("7"), ..SILENT });
        assert!(answers(&[LENGTH], &row).is_err() && answers(&[LENGTH], &row[..1]).is_err());
        assert!(answers(&[LENGTH], &[text("many"), None]).is_err());
    }

    #[test]
    fn one_statement_asks_for_all() {
        let asked = |columns: &[(&str, Measure)], ends: Option<&Ends>| {
            let ask = |(column, measure): &(&str, Measure)| Question { column: (*column).into(), measure: *measure };
            let questions: Vec<Question> = columns.iter().map(ask).collect();
            let words = |q: &Question| match q.measure {
                Measure::Text => Some(LENGTH),
                Measure::Extent => Some(EXTENT),
                _ => None,
            };
            let mut sql = String::new();
            let told = tell(
                &questions,
                words,
                "t",
                ends,
                |name| format!("`{name}`"),
                |statement, cells| {
                    statement.clone_into(&mut sql);
                    Ok(vec![Some("7".to_owned()); cells])
                },
            );
            (sql, told.unwrap())
        };
        let ends = Ends { column: "id".into(), below: -3, on_from: 9 };
        let (sql, told) = asked(&[("a", Measure::Text), ("b", Measure::Moment)], Some(&ends));
        assert_eq!(sql, "SELECT COUNT(`a`), SUM(LENGTH(`a`)) FROM t WHERE (`id` < -3 OR `id` >= 9)");
        let seven = || Some("7".to_owned());
        assert_eq!(told, [Figures { present: Some(7), total: seven(), ..SILENT }, SILENT]);
        let (sql, told) = asked(&[("a", Measure::Extent)], None);
        let end = |end: &str| format!("(SELECT CASE WHEN `a` THEN CAST({end}(`a`) AS TEXT) END FROM t)");
        assert_eq!(sql, format!("SELECT {}, {}", end("MIN"), end("MAX")));
        assert_eq!(told, [Figures { least: seven(), greatest: seven(), ..SILENT }]);
        assert_eq!(asked(&[("b", Measure::Moment)], None), (String::new(), vec![SILENT]));
    }
}
