//! What the server itself says of a column's values, in its own aggregates.

use sensei_sdk::Measure;
use sensei_sdk::catalog::{Binary, Column, DataType, Decimal, Text};
use sensei_sdk::figures::Words;

use super::read::is_exact;
use crate::configuration::ZeroDates;

/// Digits of a decimal whose sum has a type of its own: the server adds 22 to them, and has no more than 65.
const SUMMED_DIGITS: u16 = 43;

const BOUND: Words = Words::PRESENCE.bound("{end}");
const NUMBER: Words = BOUND.total("SUM({})");
const EXTENT: Words = Words::NOTHING.bound("{end}");
/// A FLOAT by itself is shown with six digits.
const REAL: Words = Words::PRESENCE.bound("({end}) + 0e0");
const TEXT: Words = Words::PRESENCE.total("SUM(OCTET_LENGTH(CONVERT({} USING utf8mb4)))");
const BINARY: Words = Words::PRESENCE.total("SUM(OCTET_LENGTH({}))");

/// How the server tells a measure of a column; a type that does not fit the measure only counts its values. CHAR and BINARY
/// are shorter or longer than what is read, so they are counted, too.
pub(super) fn words(measure: Measure, column: &Column, zero_dates: ZeroDates) -> Words {
    match (measure, &column.data_type) {
        // The reader makes NULL of some of them: the server does not know.
        (_, DataType::Date | DataType::Timestamp(_)) if zero_dates == ZeroDates::Null => Words::NOTHING,
        (Measure::Number, DataType::Integer(_)) => NUMBER,
        (Measure::Number, DataType::Decimal(Decimal { precision: ..=SUMMED_DIGITS, .. })) => NUMBER,
        (Measure::Number, DataType::Decimal(_)) => BOUND,
        (Measure::Extent, DataType::Integer(_)) => EXTENT,
        (Measure::Extent, _) => Words::NOTHING,
        (Measure::Real, DataType::Float(_)) => REAL,
        (Measure::Text, DataType::Text(Text { fixed: false, .. }) | DataType::Enumeration(_) | DataType::Set(_))
            if is_exact(column) =>
        {
            TEXT
        }
        (Measure::Binary, DataType::Binary(Binary { fixed: false, .. })) => BINARY,
        (Measure::Moment, DataType::Date | DataType::Timestamp(_)) => BOUND,
        (_, _) => Words::PRESENCE,
    }
}

#[cfg(test)]
mod tests {
    use sensei_sdk::plain_column;

    use super::*;
    use crate::catalog::native::data_type;

    fn column(native: &str) -> Column {
        plain_column("c", native, data_type(native))
    }

    #[test]
    fn what_each_type_says_is_a_golden_table() {
        let types = [
            "int(10) unsigned",
            "bigint",
            "decimal(43,2)",
            "decimal(44,2)",
            "float",
            "double",
            "varchar(9)",
            "char(9)",
            "longtext",
            "enum('a')",
            "set('a')",
            "varbinary(9)",
            "binary(9)",
            "longblob",
            "date",
            "datetime(6)",
            "timestamp",
            "time",
            "year",
            "json",
            "bit(9)",
            "uuid",
            "point",
        ];
        let measures =
            [Measure::Number, Measure::Extent, Measure::Real, Measure::Text, Measure::Binary, Measure::Moment];
        let mut lines = Vec::new();
        for native in types {
            let column = column(native);
            for measure in measures {
                let said = words(measure, &column, ZeroDates::Keep).selection("`c`").join(", ");
                if !said.is_empty() && said != "COUNT(`c`)" {
                    lines.push(format!("{native} {measure:?}: {said}"));
                }
            }
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn nothing_is_said_of_what_the_reader_changes() {
        assert_eq!(words(Measure::Moment, &column("datetime"), ZeroDates::Null), Words::NOTHING);
        let mut column = column("text");
        column.character_set = Some("big5".into());
        assert_eq!(words(Measure::Text, &column, ZeroDates::Keep), Words::PRESENCE);
    }
}
