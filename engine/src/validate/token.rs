//! From values to tokens: what is equal becomes one token, whatever type it travels as.
//!
//! A column's [`Class`] follows from what is *written* to the target. The target hands the values back in types of its own
//! (a UUID as text, a boolean as a small integer, a decimal with more digits after its point): [`READERS`] says which
//! Arrow types a class can be read from. What is not there is not compared, and is told so.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Field, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::digest::{NULL, fold, of_bytes};
use super::{json, span};
use crate::catalog::DataType as Neutral;
use crate::expression::spelled;

/// Field metadata of Arrow's extension types.
const EXTENSION_NAME: &str = "ARROW:extension:name";
const MICROSECONDS_PER_DAY: i128 = 86_400_000_000;
/// Distinguishes texts that are no number from numbers.
const NO_NUMBER: u128 = 1 << 127 | 0x6e6f;
/// Distinguishes numbers of more than 38 digits from shorter ones.
const LONG_NUMBER: u128 = 1 << 127 | 0x6c6f;
/// Distinguishes texts that are not of the class they stand in.
const STRANGER: u128 = 1 << 127 | 0x7374;

/// What a column's values are, as far as equality goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Exact numbers, booleans among them: 1.50 is 1.5, true is 1. Counted in units of 10 to the power of minus this.
    Number(i8),
    /// Binary floating point; -0 is 0, and every NaN is one.
    Float,
    /// Text and bytes, as they are.
    Bytes,
    /// Text whose blanks at the end are padding.
    Padded,
    /// Days and times; a day is its midnight.
    Moment,
    /// Months, days and nanoseconds; a time of day is the span since midnight.
    Span,
    /// 128 bits, however they are spelled.
    Uuid,
    /// Blanks, order and repetition of members do not count.
    Json,
}

/// The class of a column, by the Arrow type that is written and the neutral type the target has for it.
pub(super) fn class(written: &Field, held: Option<&Neutral>) -> Class {
    use DataType as T;
    let extension = written.metadata().get(EXTENSION_NAME).map(String::as_str);
    match written.data_type() {
        T::Decimal128(_, scale) | T::Decimal256(_, scale) => Class::Number(*scale),
        T::Float32 | T::Float64 => Class::Float,
        T::Date32 | T::Timestamp(..) => Class::Moment,
        T::Time64(_) | T::Duration(_) | T::Interval(_) => Class::Span,
        T::FixedSizeBinary(_) => Class::Uuid,
        T::Utf8 if extension == Some("arrow.json") => Class::Json,
        T::Utf8 => match held {
            Some(Neutral::Number | Neutral::Decimal(_)) => Class::Number(0),
            Some(Neutral::Text(text)) if text.fixed => Class::Padded,
            Some(_) | None => Class::Bytes,
        },
        T::Binary => Class::Bytes,
        _ => Class::Number(0),
    }
}

/// Makes a token of each value; what stands for a NULL does not matter.
pub(super) type Tokens = fn(&ArrayRef, Class, &mut [u128]);

/// A class, an Arrow type that its values may come in, and how they become tokens. The first that fits counts.
type Reader = (fn(Class) -> bool, &'static str, fn(&DataType) -> bool, Tokens);

const NUMBER: fn(Class) -> bool = |c| matches!(c, Class::Number(_));
const FLOAT: fn(Class) -> bool = |c| c == Class::Float;
const BYTES: fn(Class) -> bool = |c| c == Class::Bytes;
const PADDED: fn(Class) -> bool = |c| c == Class::Padded;
const MOMENT: fn(Class) -> bool = |c| c == Class::Moment;
const SPAN: fn(Class) -> bool = |c| c == Class::Span;
const UUID: fn(Class) -> bool = |c| c == Class::Uuid;
const JSON: fn(Class) -> bool = |c| c == Class::Json;

const READERS: &[Reader] = &[
    (NUMBER, "boolean", |t| *t == DataType::Boolean, booleans),
    (NUMBER, "integers", DataType::is_integer, integers),
    (NUMBER, "decimals of 38 digits", |t| matches!(t, DataType::Decimal128(..)), decimals),
    (NUMBER, "decimals of 76 digits", |t| matches!(t, DataType::Decimal256(..)), wide_decimals),
    (NUMBER, "text", |t| *t == DataType::Utf8, numbers_in_words),
    (
        FLOAT,
        "32 bits",
        |t| *t == DataType::Float32,
        |a, _, out| floats(a.as_primitive::<Float32Type>().iter().map(|v| v.map(f64::from)), out),
    ),
    (FLOAT, "64 bits", |t| *t == DataType::Float64, |a, _, out| floats(a.as_primitive::<Float64Type>().iter(), out)),
    (BYTES, "text", |t| *t == DataType::Utf8, texts),
    (BYTES, "binary", |t| *t == DataType::Binary, binaries),
    (PADDED, "text", |t| *t == DataType::Utf8, padded_texts),
    (MOMENT, "dates", |t| *t == DataType::Date32, dates),
    (MOMENT, "timestamps", |t| matches!(t, DataType::Timestamp(TimeUnit::Microsecond, _)), timestamps),
    (SPAN, "times of day", |t| *t == DataType::Time64(TimeUnit::Microsecond), times),
    (SPAN, "durations", |t| *t == DataType::Duration(TimeUnit::Microsecond), durations),
    (SPAN, "intervals", |t| *t == DataType::Interval(IntervalUnit::MonthDayNano), intervals),
    (SPAN, "text", |t| *t == DataType::Utf8, spans_in_words),
    (UUID, "16 bytes", |t| *t == DataType::FixedSizeBinary(16), uuids),
    (UUID, "binary", |t| *t == DataType::Binary, uuids_in_bytes),
    (UUID, "text", |t| *t == DataType::Utf8, uuids_in_words),
    (JSON, "text", |t| *t == DataType::Utf8, documents),
];

/// How values of a class are read from an Arrow type; none where they cannot be.
pub(super) fn reader(class: Class, read: &DataType) -> Option<Tokens> {
    READERS.iter().find(|(of, _, from, _)| of(class) && from(read)).map(|(_, _, _, tokens)| *tokens)
}

/// Folds one column into the hashes of its rows. `tokens` is room for as many.
pub(super) fn fold_column(array: &ArrayRef, class: Class, read: Tokens, tokens: &mut [u128], hashes: &mut [u128]) {
    read(array, class, tokens);
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => hashes.iter_mut().zip(tokens).for_each(|(hash, token)| *hash = fold(*hash, *token)),
        Some(nulls) => {
            let present = nulls.iter();
            hashes.iter_mut().zip(tokens).zip(present).for_each(|((hash, token), present)| {
                *hash = fold(*hash, if present { *token } else { NULL });
            });
        }
    }
}

fn put(values: impl Iterator<Item = u128>, out: &mut [u128]) {
    out.iter_mut().zip(values).for_each(|(token, value)| *token = value);
}

fn signed(value: i128) -> u128 {
    value.cast_unsigned()
}

fn booleans(array: &ArrayRef, class: Class, out: &mut [u128]) {
    let values = array.as_boolean().values().iter();
    put(values.map(|v| number(i128::from(v), 0, class)), out);
}

fn integers(array: &ArrayRef, class: Class, out: &mut [u128]) {
    use DataType as T;
    macro_rules! each {
        ($t:ty) => {
            put(array.as_primitive::<$t>().values().iter().map(|v| number(i128::from(*v), 0, class)), out)
        };
    }
    match array.data_type() {
        T::Int8 => each!(Int8Type),
        T::Int16 => each!(Int16Type),
        T::Int32 => each!(Int32Type),
        T::UInt8 => each!(UInt8Type),
        T::UInt16 => each!(UInt16Type),
        T::UInt32 => each!(UInt32Type),
        T::UInt64 => each!(UInt64Type),
        _ => each!(Int64Type),
    }
}

fn decimals(array: &ArrayRef, class: Class, out: &mut [u128]) {
    let array = array.as_primitive::<Decimal128Type>();
    let scale = array.scale();
    put(array.values().iter().map(|v| number(*v, scale, class)), out);
}

fn wide_decimals(array: &ArrayRef, class: Class, out: &mut [u128]) {
    let array = array.as_primitive::<Decimal256Type>();
    let scale = array.scale();
    let token = |v: &arrow::datatypes::i256| match v.to_i128() {
        Some(value) => number(value, scale, class),
        None => number_in_words(&format!("{v}e{}", -i32::from(scale)), class),
    };
    put(array.values().iter().map(token), out);
}

fn numbers_in_words(array: &ArrayRef, class: Class, out: &mut [u128]) {
    let array = array.as_string::<i32>();
    put((0..array.len()).map(|row| number_in_words(array.value(row), class)), out);
}

fn unit(class: Class) -> i8 {
    match class {
        Class::Number(scale) => scale,
        Class::Float | Class::Bytes | Class::Padded | Class::Moment | Class::Span | Class::Uuid | Class::Json => 0,
    }
}

/// A number of `scale` digits after its point.
#[inline]
fn number(value: i128, scale: i8, class: Class) -> u128 {
    let more = i16::from(unit(class)) - i16::from(scale);
    if more == 0 {
        return signed(value);
    }
    let power = 10_i128.checked_pow(u32::from(more.unsigned_abs()));
    let rescaled = match (power, more > 0) {
        (Some(power), true) => value.checked_mul(power),
        (Some(power), false) => (value % power == 0).then(|| value / power),
        (None, _) => (value == 0).then_some(0),
    };
    rescaled.map_or_else(|| number_in_words(&format!("{value}e{}", -i16::from(scale)), class), signed)
}

fn number_in_words(text: &str, class: Class) -> u128 {
    let Some((negative, digits, exponent)) = spelled(text) else {
        return fold(NO_NUMBER, of_bytes(text.trim().as_bytes()));
    };
    let short = (|| {
        let digits: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        let power = u32::try_from(exponent + i64::from(unit(class))).ok()?;
        let value = if digits == 0 { 0 } else { digits.checked_mul(10_i128.checked_pow(power)?)? };
        Some(signed(if negative { -value } else { value }))
    })();
    short.unwrap_or_else(|| {
        if digits.is_empty() {
            return 0;
        }
        fold(LONG_NUMBER, of_bytes(format!("{}{digits}e{exponent}", if negative { "-" } else { "" }).as_bytes()))
    })
}

fn floats(values: impl Iterator<Item = Option<f64>>, out: &mut [u128]) {
    let token = |value: f64| {
        if value.is_nan() {
            u128::from(f64::NAN.to_bits())
        } else if value == 0.0 {
            0
        } else {
            u128::from(value.to_bits())
        }
    };
    put(values.map(|v| v.map_or(0, token)), out);
}

fn texts(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let array = array.as_string::<i32>();
    put((0..array.len()).map(|row| of_bytes(array.value(row).as_bytes())), out);
}

fn padded_texts(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let array = array.as_string::<i32>();
    put((0..array.len()).map(|row| of_bytes(array.value(row).trim_end_matches(' ').as_bytes())), out);
}

fn binaries(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let array = array.as_binary::<i32>();
    put((0..array.len()).map(|row| of_bytes(array.value(row))), out);
}

/// The contract's infinities and zero date are values of both types.
fn dates(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let moment = |day: i32| match day {
        i32::MAX => i128::from(i64::MAX),
        i32::MIN => i128::from(i64::MIN),
        day if day == i32::MIN + 1 => i128::from(i64::MIN + 1),
        day => i128::from(day) * MICROSECONDS_PER_DAY,
    };
    put(array.as_primitive::<Date32Type>().values().iter().map(|v| signed(moment(*v))), out);
}

fn timestamps(array: &ArrayRef, _: Class, out: &mut [u128]) {
    put(array.as_primitive::<TimestampMicrosecondType>().values().iter().map(|v| signed(i128::from(*v))), out);
}

fn token_of_span((months, days, nanos): span::Span) -> u128 {
    fold(fold(signed(months), signed(days)), signed(nanos))
}

fn token_of_microseconds(micros: i64) -> u128 {
    token_of_span((0, 0, i128::from(micros) * 1000))
}

fn times(array: &ArrayRef, _: Class, out: &mut [u128]) {
    put(array.as_primitive::<Time64MicrosecondType>().values().iter().map(|v| token_of_microseconds(*v)), out);
}

fn durations(array: &ArrayRef, _: Class, out: &mut [u128]) {
    put(array.as_primitive::<DurationMicrosecondType>().values().iter().map(|v| token_of_microseconds(*v)), out);
}

fn intervals(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let values = array.as_primitive::<IntervalMonthDayNanoType>().values().iter();
    put(values.map(|v| token_of_span((v.months.into(), v.days.into(), v.nanoseconds.into()))), out);
}

fn spans_in_words(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let array = array.as_string::<i32>();
    put((0..array.len()).map(|row| or_stranger(array.value(row), |t| span::parse(t).map(token_of_span))), out);
}

fn uuids(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let array = array.as_fixed_size_binary();
    put((0..array.len()).map(|row| token_of_uuid(array.value(row)).unwrap_or(STRANGER)), out);
}

fn uuids_in_bytes(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let array = array.as_binary::<i32>();
    let token = |bytes: &[u8]| token_of_uuid(bytes).unwrap_or_else(|| fold(STRANGER, of_bytes(bytes)));
    put((0..array.len()).map(|row| token(array.value(row))), out);
}

fn token_of_uuid(bytes: &[u8]) -> Option<u128> {
    <[u8; 16]>::try_from(bytes).ok().map(u128::from_be_bytes)
}

fn uuids_in_words(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let parse = |text: &str| {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
    };
    let array = array.as_string::<i32>();
    put((0..array.len()).map(|row| or_stranger(array.value(row), parse)), out);
}

fn documents(array: &ArrayRef, _: Class, out: &mut [u128]) {
    let array = array.as_string::<i32>();
    let token = |text: &str| json::canonical(text).map(|t| of_bytes(t.as_bytes()));
    put((0..array.len()).map(|row| or_stranger(array.value(row), token)), out);
}

fn or_stranger(text: &str, token: impl Fn(&str) -> Option<u128>) -> u128 {
    token(text).unwrap_or_else(|| fold(STRANGER, of_bytes(text.as_bytes())))
}
