//! What the server itself says of a column's values, in its own aggregates.

use sensei_sdk::Measure;
use sensei_sdk::catalog::{Column, DataType, Integer, Text, Timestamp};
use sensei_sdk::figures::Words;

/// Numbers as `numeric` are shown with all their digits, `money` without its sign.
const NUMBER: Words = EXTENT_OF_NUMBER.total("(sum({}))::numeric::text");
const EXTENT_OF_NUMBER: Words = Words::PRESENCE.bound("({end})::numeric::text");
const EXTENT: Words = Words::NOTHING.bound("({end})::numeric::text");
const REAL: Words = Words::PRESENCE.bound("({end})::float8::text");
const TEXT: Words = Words::PRESENCE.total("sum(octet_length(convert_to(({})::text, 'UTF8')))::text");
const BINARY: Words = Words::PRESENCE.total("sum(octet_length({}))::text");
const MOMENT: Words = Words::PRESENCE.bound("({end})::text");
const INSTANT: Words = Words::PRESENCE.bound("(({end}) AT TIME ZONE 'UTC')::text");

/// How the server tells a measure of a column; a type that does not fit the measure only counts its values.
pub(super) fn words(measure: Measure, column: &Column) -> Words {
    match (measure, &column.data_type) {
        // `oid`, `xid` and `cid` have no sum.
        (
            Measure::Number,
            DataType::Integer(Integer { signed: true, .. }) | DataType::Decimal(_) | DataType::Number,
        ) => NUMBER,
        (Measure::Extent, DataType::Integer(Integer { signed: true, .. })) => EXTENT,
        (Measure::Extent, _) => Words::NOTHING,
        (Measure::Real, DataType::Float(_)) => REAL,
        // The cast to text takes the blanks off a `bpchar`.
        (Measure::Text, DataType::Text(Text { fixed: false, .. })) if column.native_type != "bpchar" => TEXT,
        (Measure::Text, DataType::Enumeration(_)) => TEXT,
        (Measure::Binary, DataType::Binary(_)) => BINARY,
        (Measure::Moment, DataType::Date | DataType::Timestamp(Timestamp { zoned: false, .. })) => MOMENT,
        (Measure::Moment, DataType::Timestamp(Timestamp { zoned: true, .. })) => INSTANT,
        (_, _) => Words::PRESENCE,
    }
}

#[cfg(test)]
mod tests {
    use sensei_sdk::plain_column;

    use super::*;
    use crate::catalog::type_rules::{Base, reading};

    #[test]
    fn what_each_type_says_is_a_golden_table() {
        let types = [
            ("int4", -1),
            ("int8", -1),
            ("oid", -1),
            ("numeric", -1),
            ("money", -1),
            ("float4", -1),
            ("text", -1),
            ("varchar", 24),
            ("bpchar", 9),
            ("bpchar", -1),
            ("bytea", -1),
            ("date", -1),
            ("timestamp", -1),
            ("timestamptz", 3),
            ("time", -1),
            ("jsonb", -1),
            ("uuid", -1),
            ("bool", -1),
            ("inet", -1),
        ];
        let measures =
            [Measure::Number, Measure::Extent, Measure::Real, Measure::Text, Measure::Binary, Measure::Moment];
        let mut lines = Vec::new();
        for (name, modifier) in types {
            let base = Base { schema: "pg_catalog", name, class: 'b', modifier, labels: &[], money_digits: 2 };
            let column = plain_column("c", name, reading(&base).data_type);
            for measure in measures {
                let said = words(measure, &column).selection("\"c\"").join(", ");
                if !said.is_empty() && said != "COUNT(\"c\")" {
                    lines.push(format!("{name} {modifier} {measure:?}: {said}"));
                }
            }
        }
        insta::assert_snapshot!(lines.join("\n"));
    }
}
