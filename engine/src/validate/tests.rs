//! What is equal hashes alike, and what is not does not.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    DurationMicrosecondArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array, Int16Array, Int64Array,
    IntervalMonthDayNanoArray, RecordBatch, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::datatypes::{Field, IntervalMonthDayNano, i256};
use proptest::prelude::*;

use super::digest::{BEGIN, Digest, finish};
use super::token::{Class, class, fold_column, reader};
use crate::catalog::{DataType as Neutral, Text};

fn hashes(array: &ArrayRef, class: Class) -> Vec<u128> {
    let read = reader(class, array.data_type()).unwrap_or_else(|| panic!("{class:?} from {}", array.data_type()));
    let (mut tokens, mut hashes) = (vec![0; array.len()], vec![BEGIN; array.len()]);
    fold_column(array, class, read, &mut tokens, &mut hashes);
    hashes
}

fn written(array: &ArrayRef) -> Class {
    class(&Field::new("c", array.data_type().clone(), true), None)
}

fn digest(array: &ArrayRef) -> Digest {
    let mut digest = Digest::default();
    hashes(array, written(array)).into_iter().for_each(|hash| digest.add_row(finish(hash)));
    digest
}

/// Values as they are written, and as a target hands them back.
#[track_caller]
fn equal(class: Class, one: ArrayRef, other: ArrayRef) {
    assert_eq!(hashes(&one, class), hashes(&other, class), "{} and {}", one.data_type(), other.data_type());
}

#[track_caller]
fn all_differ(class: Class, array: ArrayRef) {
    let mut seen = hashes(&array, class);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), array.len());
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn decimals(values: Vec<i128>, precision: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
}

#[test]
fn a_number_is_one_however_it_travels() {
    let written = decimals(vec![150, -2000, 0, 9_999_999_999], 12, 2);
    let class = written_class(&written);
    equal(class, written.clone(), decimals(vec![15_000, -200_000, 0, 999_999_999_900], 14, 4));
    equal(class, written.clone(), texts(&["1.5", "-20", "-0.000", "99999999.99"]));
    let wide: Vec<i256> = [15, -200, 0, 0].map(i256::from_i128).into();
    let wide: ArrayRef = Arc::new(Decimal256Array::from(wide).with_precision_and_scale(60, 1).unwrap());
    equal(class, wide.slice(0, 3), written.slice(0, 3));
    let integers: ArrayRef = Arc::new(Int64Array::from(vec![7, -7, i64::MAX]));
    equal(Class::Number(0), integers, texts(&["7.00", "-7", "9223372036854775807"]));
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 0]));
    equal(Class::Number(0), unsigned, decimals(vec![u64::MAX.into(), 0], 20, 0));
    let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    equal(Class::Number(0), booleans, Arc::new(Int8Array::from(vec![1, 0])));
    // More digits than 128 bits hold, and a fraction in a class without one.
    let long = "1".repeat(60);
    equal(Class::Number(0), texts(&[&long, "0.10", "1e2"]), texts(&[&format!("{long}.000"), ".1", "100"]));
    let long: ArrayRef = Arc::new(
        Decimal256Array::from(vec![i256::from_string(&"1".repeat(60)).unwrap()])
            .with_precision_and_scale(76, 30)
            .unwrap(),
    );
    equal(Class::Number(0), long, texts(&[&format!("{}.{}", "1".repeat(30), "1".repeat(30))]));
    all_differ(Class::Number(2), texts(&["1.5", "1.51", "15", "-1.5", "0", "NaN", "Infinity", "1.501", "x"]));
}

fn written_class(array: &ArrayRef) -> Class {
    written(array)
}

#[test]
fn floats_are_their_values() {
    let narrow: ArrayRef = Arc::new(Float32Array::from(vec![0.1, f32::NAN, -0.0, f32::INFINITY]));
    let wide: ArrayRef = Arc::new(Float64Array::from(vec![f64::from(0.1_f32), f64::NAN, 0.0, f64::INFINITY]));
    equal(Class::Float, narrow, wide);
    all_differ(
        Class::Float,
        Arc::new(Float64Array::from(vec![0.1, f64::from(0.1_f32), 0.0, f64::INFINITY, f64::MIN, 1e300])),
    );
}

#[test]
fn texts_and_bytes_are_what_they_are() {
    equal(Class::Bytes, texts(&["a", "é", ""]), Arc::new(BinaryArray::from(vec!["a".as_bytes(), "é".as_bytes(), b""])));
    equal(Class::Padded, texts(&["a  ", "b"]), texts(&["a", "b   "]));
    all_differ(Class::Bytes, texts(&["", " ", "a", "a ", "A", "a\0", "\0a"]));
}

#[test]
fn moments_and_spans_are_read_from_what_targets_make_of_them() {
    let days: ArrayRef = Arc::new(Date32Array::from(vec![0, 19_782, i32::MAX, i32::MIN, i32::MIN + 1]));
    let instants = vec![0, 19_782 * 86_400_000_000, i64::MAX, i64::MIN, i64::MIN + 1];
    let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(instants));
    equal(Class::Moment, days, instants.clone());
    let zoned = TimestampMicrosecondArray::from(vec![0, 19_782 * 86_400_000_000, i64::MAX, i64::MIN, i64::MIN + 1]);
    equal(Class::Moment, instants, Arc::new(zoned.with_timezone("UTC")));
    let times: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![0, 86_400_000_000]));
    let spans: ArrayRef = Arc::new(DurationMicrosecondArray::from(vec![0, 86_400_000_000]));
    equal(Class::Span, times, spans.clone());
    let intervals = vec![IntervalMonthDayNano::new(0, 0, 0), IntervalMonthDayNano::new(0, 0, 86_400_000_000_000)];
    equal(Class::Span, spans, Arc::new(IntervalMonthDayNanoArray::from(intervals)));
    let intervals: ArrayRef =
        Arc::new(IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(14, -3, 1_000_000)]));
    equal(Class::Span, intervals, texts(&["P1Y2M-3DT0.001S"]));
    all_differ(Class::Span, texts(&["P1M", "P30D", "PT720H", "1 mon", "PT0S"]));
}

#[test]
fn a_uuid_is_128_bits_and_a_document_what_it_says() {
    let bytes = (0..16).collect::<Vec<u8>>();
    let uuid: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([bytes.clone()].into_iter()).unwrap());
    equal(Class::Uuid, uuid.clone(), texts(&["00010203-0405-0607-0809-0A0B0C0D0E0F"]));
    equal(Class::Uuid, uuid, Arc::new(BinaryArray::from(vec![&bytes[..]])));
    all_differ(
        Class::Uuid,
        texts(&["00010203-0405-0607-0809-0A0B0C0D0E0F", "x", "00010203-0405-0607-0809-0A0B0C0D0E0E"]),
    );
    equal(Class::Json, texts(&[r#"{"b":1,"a":[1.50]}"#]), texts(&[r#"{"a": [1.5], "b": 1}"#]));
    all_differ(Class::Json, texts(&["1", "\"1\"", "no json", "[]", "{}"]));
}

#[test]
fn null_is_no_value() {
    let some: ArrayRef = Arc::new(StringArray::from(vec![None, Some(""), Some("NULL")]));
    all_differ(Class::Bytes, some);
    let numbers: ArrayRef = Arc::new(Int16Array::from(vec![None, Some(0)]));
    all_differ(Class::Number(0), numbers);
}

#[test]
fn what_is_text_here_may_be_more_than_text() {
    let text = |held: Option<&Neutral>| class(&Field::new("c", arrow::datatypes::DataType::Utf8, true), held);
    assert_eq!(text(Some(&Neutral::Number)), Class::Number(0));
    assert_eq!(text(Some(&Neutral::Text(Text { length: Some(4), fixed: true }))), Class::Padded);
    assert_eq!((text(Some(&Neutral::Native)), text(None)), (Class::Bytes, Class::Bytes));
    assert!(reader(Class::Bytes, &arrow::datatypes::DataType::Int8).is_none(), "guessed");
}

proptest! {
    #[test]
    fn order_does_not_count_and_repetition_does(values in prop::collection::vec(prop::option::of(any::<i64>()), 1..50), seed in any::<prop::sample::Index>()) {
        let array = |v: Vec<Option<i64>>| Arc::new(Int64Array::from(v)) as ArrayRef;
        let mut turned = values.clone();
        turned.rotate_left(seed.index(values.len()));
        turned.reverse();
        let whole = digest(&array(values.clone()));
        prop_assert_eq!(whole, digest(&array(turned.clone())));
        // In parts.
        let (one, other) = turned.split_at(seed.index(turned.len()));
        let mut sum = digest(&array(one.to_vec()));
        sum.add(digest(&array(other.to_vec())));
        prop_assert_eq!(whole, sum);
        // One row twice, one row less, one row changed.
        let mut more = values.clone();
        more.push(values[0]);
        prop_assert_ne!(whole, digest(&array(more)));
        prop_assert_ne!(whole, digest(&array(values[1..].to_vec())));
        let mut changed = values.clone();
        changed[0] = Some(changed[0].map_or(0, |v| v ^ 1));
        prop_assert_ne!(whole, digest(&array(changed)));
    }

    #[test]
    fn texts_are_told_apart(one in ".{0,40}", other in ".{0,40}") {
        let array = texts(&[&one, &other]);
        let both = hashes(&array, Class::Bytes);
        prop_assert_eq!(one == other, both[0] == both[1]);
    }
}

/// Values that change places within a row, or between rows, are seen.
#[test]
fn a_value_belongs_to_its_row_and_column() {
    let hash = |a: Vec<i64>, b: Vec<i64>| {
        let batch = RecordBatch::try_from_iter([
            ("a", Arc::new(Int64Array::from(a)) as ArrayRef),
            ("b", Arc::new(Int64Array::from(b)) as ArrayRef),
        ]);
        let batch = batch.unwrap();
        let (mut tokens, mut hashes) = (vec![0; batch.num_rows()], vec![BEGIN; batch.num_rows()]);
        for column in batch.columns() {
            let read = reader(Class::Number(0), column.data_type()).unwrap();
            fold_column(column, Class::Number(0), read, &mut tokens, &mut hashes);
        }
        let mut digest = Digest::default();
        hashes.into_iter().for_each(|h| digest.add_row(finish(h)));
        digest
    };
    let right = hash(vec![1, 2], vec![3, 4]);
    assert_eq!(right, hash(vec![2, 1], vec![4, 3]));
    assert_ne!(right, hash(vec![1, 2], vec![4, 3]));
    assert_ne!(right, hash(vec![3, 2], vec![1, 4]));
}

/// Which types a column may be written as, and handed back as: whatever is not here is not compared.
#[test]
fn what_can_be_compared_is_a_golden_table() {
    use arrow::datatypes::{DataType as T, IntervalUnit, TimeUnit};
    let types = [
        T::Boolean,
        T::Int8,
        T::Int64,
        T::UInt64,
        T::Float32,
        T::Float64,
        T::Decimal128(12, 2),
        T::Decimal256(60, 4),
        T::Utf8,
        T::Binary,
        T::Date32,
        T::Time64(TimeUnit::Microsecond),
        T::Duration(TimeUnit::Microsecond),
        T::Timestamp(TimeUnit::Microsecond, None),
        T::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        T::Interval(IntervalUnit::MonthDayNano),
        T::FixedSizeBinary(16),
    ];
    let json = Field::new("c", T::Utf8, true);
    let json = json.with_metadata([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into());
    let fields = types.iter().map(|t| Field::new("c", t.clone(), true)).chain([json]);
    let lines = fields.map(|field| {
        let class = class(&field, None);
        let read = types.iter().filter(|t| reader(class, t).is_some()).map(ToString::to_string);
        format!("{} as {class:?} from {}", field.data_type(), read.collect::<Vec<_>>().join(", "))
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}
