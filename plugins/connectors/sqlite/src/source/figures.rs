//! What SQLite itself says of a column's values, in its own aggregates.
//!
//! A column may hold values of any class: what is said of one class is said only where there is no other.

use sensei_sdk::Measure;
use sensei_sdk::figures::Words;

use crate::decode::Decode;

/// Integers up to 2^40 (1099511627776): a sum of 2^22 of them, more rows than anybody asks about, is no overflow, which would
/// be an error.
const NUMBER: Words =
    Words::PRESENCE.bound("CASE WHEN COUNT({}) = TOTAL(TYPEOF({}) = 'integer') THEN CAST({end} AS TEXT) END").total(
        "CASE WHEN COUNT({}) = TOTAL(TYPEOF({}) = 'integer' AND {} BETWEEN -1099511627776 AND 1099511627776) \
         THEN CAST(SUM(CASE WHEN {} BETWEEN -1099511627776 AND 1099511627776 THEN {} END) AS TEXT) END",
    );
/// No look at the classes: an index has both ends at hand.
const EXTENT: Words = Words::NOTHING.bound("CAST({end} AS TEXT)");
/// Its own text of a number is not always the number: the statement hands the number itself over.
const REAL: Words =
    Words::PRESENCE.bound("CASE WHEN COUNT({}) = TOTAL(TYPEOF({}) IN ('real', 'integer')) THEN {end} END");
/// Where texts are read as they are; see [`words`].
const TEXT: Words = Words::PRESENCE
    .total("CASE WHEN COUNT({}) = TOTAL(TYPEOF({}) = 'text') THEN CAST(SUM(LENGTH(CAST({} AS BLOB))) AS TEXT) END");
const BINARY: Words =
    Words::PRESENCE.total("CASE WHEN COUNT({}) = TOTAL(TYPEOF({}) = 'blob') THEN CAST(SUM(LENGTH({})) AS TEXT) END");

/// How SQLite tells a measure of a column; a column that does not fit the measure only counts its values. Dates and decimals
/// are texts or numbers of several forms, so they are counted, too. `as_it_is`: texts are read as the bytes that the file
/// has.
pub(super) fn words(measure: Measure, decode: Decode, as_it_is: bool) -> Words {
    match (measure, decode) {
        (Measure::Number, Decode::Integer) => NUMBER,
        (Measure::Extent, Decode::Integer) => EXTENT,
        (Measure::Extent, _) => Words::NOTHING,
        (Measure::Real, Decode::Float) => REAL,
        (Measure::Text, Decode::Text) if as_it_is => TEXT,
        (Measure::Binary, Decode::Binary) => BINARY,
        (_, _) => Words::PRESENCE,
    }
}

#[cfg(test)]
mod tests {
    use sensei_sdk::catalog::TableName;
    use sensei_sdk::figures::SILENT;
    use sensei_sdk::{Ends, Figures, Question, Source};

    use super::*;
    use crate::database::{Access, Database};
    use crate::source::FileSource;

    fn told(sql: &str, questions: &[(&str, Measure)], ends: Option<Ends>) -> Vec<Figures> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.db").to_str().unwrap().to_owned();
        Database::open(&path, Access::Create, 0).unwrap().execute(sql).unwrap();
        let mut source = FileSource::open(&serde_json::json!({ "path": path }).to_string()).unwrap();
        let ask = |(column, measure): &(&str, Measure)| Question { column: (*column).into(), measure: *measure };
        let table = TableName { schema: String::new(), name: "t".into() };
        source.figures(table, questions.iter().map(ask).collect(), ends).unwrap()
    }

    fn figures(present: u64, least: &str, greatest: &str, total: &str) -> Figures {
        let text = |figure: &str| (!figure.is_empty()).then(|| figure.to_owned());
        Figures { present: Some(present), least: text(least), greatest: text(greatest), total: text(total) }
    }

    #[test]
    fn each_class_is_told_of_where_it_is_alone() {
        let rows = "create table t (id integer primary key, n int, big int, r real, v text, b blob, odd int);
            insert into t values (1, -3, 4611686018427387904, 0.1, 'ä', x'0001', 1), (2, 9, 4611686018427387904, -2, null, x'', 2),
                                 (5, null, null, null, 'b' || char(0), null, 'x')";
        let all = [
            ("id", Measure::Number),
            ("n", Measure::Number),
            ("big", Measure::Number),
            ("r", Measure::Real),
            ("v", Measure::Text),
            ("b", Measure::Binary),
            ("odd", Measure::Number),
            ("v", Measure::Moment),
            ("none", Measure::Presence),
        ];
        let expected = [
            figures(3, "1", "5", "8"),
            figures(2, "-3", "9", "6"),
            figures(2, "4611686018427387904", "4611686018427387904", ""),
            figures(2, "-2", "0.1", ""),
            figures(2, "", "", "4"),
            figures(2, "", "", "2"),
            figures(3, "", "", ""),
            figures(2, "", "", ""),
            SILENT,
        ];
        assert_eq!(told(rows, &all, None), expected);
        let extent = Figures { present: None, ..figures(0, "1", "5", "") };
        assert_eq!(told(rows, &[("id", Measure::Extent)], None), [extent]);
        let ends = Some(Ends { column: "id".into(), below: 2, on_from: 5 });
        assert_eq!(told(rows, &[("id", Measure::Number)], ends), [figures(2, "1", "5", "6")]);
        let utf16 = format!("PRAGMA encoding = 'UTF-16le'; {rows}");
        assert_eq!(told(&utf16, &[("v", Measure::Text)], None), [figures(2, "", "", "")]);
    }
}
