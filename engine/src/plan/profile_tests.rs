//! Profiles of hand-made samples.

use arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};

use super::*;
use crate::catalog::{Binary, Decimal, Integer, Text, Timestamp};
use crate::plan::fixtures;

fn column(data_type: DataType) -> Column {
    Column { nullable: true, ..fixtures::column("c", "", data_type) }
}

/// Of one column that came in several batches.
fn of(data_type: DataType, pieces: Vec<ArrayRef>) -> ColumnProfile {
    let batch = |piece| RecordBatch::try_from_iter_with_nullable([("c", piece, true)]).unwrap();
    let sample = Sample { batches: pieces.into_iter().map(batch).collect(), whole: true, ..Sample::default() };
    profile(&[column(data_type)], &sample).remove(0)
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn text() -> DataType {
    DataType::Text(Text { length: None, fixed: false })
}

#[test]
fn numbers_show_how_far_they_reach() {
    let numbers = |v: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(v)) };
    let found = of(
        DataType::Integer(Integer { bits: 64, signed: true }),
        vec![numbers(vec![Some(7), None, Some(-3)]), numbers(vec![None]), numbers(vec![Some(7), Some(90)])],
    );
    assert_eq!((found.sampled, found.nulls, found.distinct), (6, 2, 3));
    assert_eq!((found.min.as_deref(), found.max.as_deref()), (Some("-3"), Some("90")));
    assert_eq!((found.longest, found.looks_like), (None, None));
}

#[test]
fn every_type_that_may_be_shown_is_shown_in_its_own_words() {
    let decimals = Decimal128Array::from(vec![150, -5]).with_precision_and_scale(10, 2).unwrap();
    let moments = TimestampMicrosecondArray::from(vec![0, i64::MIN + 1]).with_timezone("UTC");
    let cases: Vec<(DataType, ArrayRef, &str, &str)> = vec![
        (DataType::Boolean, Arc::new(BooleanArray::from(vec![true, false])), "false", "true"),
        (DataType::Decimal(Decimal { precision: 10, scale: 2 }), Arc::new(decimals), "-0.05", "1.50"),
        (DataType::Number, texts(&[Some("9.50"), Some("10"), Some("-2")]), "-2", "10"),
        (DataType::Date, Arc::new(Date32Array::from(vec![0, i32::MAX])), "1970-01-01", "infinity"),
        (
            DataType::Timestamp(Timestamp { precision: 6, zoned: true }),
            Arc::new(moments),
            "0000-00-00 00:00:00",
            "1970-01-01T00:00:00Z",
        ),
    ];
    for (data_type, array, min, max) in cases {
        let found = of(data_type.clone(), vec![array]);
        assert_eq!((found.min.as_deref(), found.max.as_deref()), (Some(min), Some(max)), "{data_type:?}");
        assert!(found.distinct >= 2, "{data_type:?}");
    }
}

#[test]
fn text_and_bytes_tell_lengths_and_nothing_else() {
    let found = of(text(), vec![texts(&[Some("größe"), None, Some("")])]);
    assert_eq!((found.min, found.max, found.longest, found.distinct), (None, None, Some(5), 2));
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"1234567".as_slice(), b""]));
    let found = of(DataType::Binary(Binary { length: None, fixed: false }), vec![bytes]);
    assert_eq!((found.min, found.max, found.longest), (None, None, Some(7)));
}

#[test]
fn different_values_are_counted_up_to_a_cap() {
    let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let many: ArrayRef = Arc::new(StringArray::from(many));
    assert_eq!(of(text(), vec![Arc::clone(&many), many]).distinct, DISTINCT_CAP as u64);
}

#[test]
fn an_empty_table_has_a_profile() {
    let found = of(text(), vec![]);
    assert_eq!((found.sampled, found.nulls, found.distinct, found.longest), (0, 0, 0, None));
    assert_eq!(found.looks_like, None);
}

#[test]
fn text_looks_like_something_only_when_all_of_it_does() {
    use LooksLike::{Boolean, Date, Email, Json, Uuid};
    let cases: [(&[Option<&str>], Option<LooksLike>); 13] = [
        (&[Some("550e8400-e29b-41d4-a716-446655440000"), None], Some(Uuid)),
        (&[Some("550e8400-e29b-41d4-a716-446655440000"), Some("x")], None),
        (&[Some("550e8400xe29b-41d4-a716-446655440000")], None),
        (&[Some("{\"a\": [1]}"), Some(" []")], Some(Json)),
        (&[Some("{a}")], None),
        (&[Some("12")], None),
        (&[Some("Y"), Some("n")], Some(Boolean)),
        (&[Some("1"), Some("0")], None),
        (&[Some("2024-02-29"), Some("1999-12-31")], Some(Date)),
        (&[Some("2023-02-29")], None),
        (&[Some("a@b.example"), Some("me@x.y.z")], Some(Email)),
        (&[Some("a@b"), Some("a b@c.d")], None),
        (&[None, None], None),
    ];
    for (values, wanted) in cases {
        assert_eq!(of(text(), vec![texts(values)]).looks_like, wanted, "{values:?}");
    }
    assert_eq!(of(DataType::Json, vec![texts(&[Some("{}")])]).looks_like, None, "its type says so already");
}
