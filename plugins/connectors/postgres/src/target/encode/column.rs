//! One column of one batch, ready to be written value by value.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, StringArray};
use arrow_buffer::{IntervalMonthDayNano, NullBuffer, ScalarBuffer, i256};
use arrow_schema::DataType as Arrow;

use super::Kind;
use crate::value::numeric::{self, Limit};
use crate::value::{Refused, Value, calendar, interval};

const OUT_OF_RANGE: Refused = Refused("the number is outside the range of its column; choose a wider type in the plan");
const TOO_FINE: Refused =
    Refused("the moment has more digits of a second than its column keeps; choose a finer type in the plan");
const TOO_LONG: Refused =
    Refused("the text has more characters than its column holds; choose a longer type in the plan");
const NO_BITS: Refused = Refused("the text is not made of 0 and 1");
const OTHER_MONEY: Refused = Refused("the amount has more digits after the point than money has on this server");

/// A column of a batch.
pub(in crate::target) struct Bound {
    nulls: Option<NullBuffer>,
    values: Values,
}

/// Values and how they are written.
enum Values {
    Bool(BooleanArray),
    Int16(ScalarBuffer<i16>),
    Int32(ScalarBuffer<i32>),
    Int64(ScalarBuffer<i64>),
    /// An integer into a column of another width: checked.
    Integer(Integers, u8),
    Unsigned(Integers, u8),
    Float32(ScalarBuffer<f32>),
    Float64(ScalarBuffer<f64>),
    /// A float into a wider one.
    Widened(ScalarBuffer<f32>),
    Decimal128(ScalarBuffer<i128>, u8, Option<Limit>),
    Decimal256(ScalarBuffer<i256>, u8, Option<Limit>, Vec<u8>),
    IntegerNumeric(Integers, Option<Limit>),
    Number(StringArray, Option<Limit>),
    Money(ScalarBuffer<i128>, u8, u8),
    Text(StringArray, Option<u32>),
    Jsonb(StringArray),
    Bits(StringArray),
    Bytes(BinaryArray),
    FixedBytes(FixedSizeBinaryArray),
    Uuid(FixedSizeBinaryArray),
    Date(ScalarBuffer<i32>),
    Time(ScalarBuffer<i64>, i64),
    Timestamp(ScalarBuffer<i64>, bool, i64),
    Interval(ScalarBuffer<IntervalMonthDayNano>, i64),
    Duration(ScalarBuffer<i64>, i64),
}

/// Integers of any width.
enum Integers {
    I8(ScalarBuffer<i8>),
    I16(ScalarBuffer<i16>),
    I32(ScalarBuffer<i32>),
    I64(ScalarBuffer<i64>),
    U8(ScalarBuffer<u8>),
    U16(ScalarBuffer<u16>),
    U32(ScalarBuffer<u32>),
    U64(ScalarBuffer<u64>),
}

impl Integers {
    fn new(array: &ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            Arrow::Int8 => Self::I8(array.as_primitive_opt::<Int8Type>()?.values().clone()),
            Arrow::Int16 => Self::I16(array.as_primitive_opt::<Int16Type>()?.values().clone()),
            Arrow::Int32 => Self::I32(array.as_primitive_opt::<Int32Type>()?.values().clone()),
            Arrow::Int64 => Self::I64(array.as_primitive_opt::<Int64Type>()?.values().clone()),
            Arrow::UInt8 => Self::U8(array.as_primitive_opt::<UInt8Type>()?.values().clone()),
            Arrow::UInt16 => Self::U16(array.as_primitive_opt::<UInt16Type>()?.values().clone()),
            Arrow::UInt32 => Self::U32(array.as_primitive_opt::<UInt32Type>()?.values().clone()),
            Arrow::UInt64 => Self::U64(array.as_primitive_opt::<UInt64Type>()?.values().clone()),
            _ => return None,
        })
    }

    #[inline]
    fn value(&self, row: usize) -> i128 {
        match self {
            Self::I8(v) => v[row].into(),
            Self::I16(v) => v[row].into(),
            Self::I32(v) => v[row].into(),
            Self::I64(v) => v[row].into(),
            Self::U8(v) => v[row].into(),
            Self::U16(v) => v[row].into(),
            Self::U32(v) => v[row].into(),
            Self::U64(v) => v[row].into(),
        }
    }
}

/// Length word and value of a field of fixed width, in one piece.
macro_rules! put_fixed {
    ($out:expr, $value:expr, $width:literal) => {{
        let mut field = [0u8; 4 + $width];
        field[3] = $width;
        field[4..].copy_from_slice(&$value.to_be_bytes());
        $out.extend_from_slice(&field);
    }};
}

#[inline]
fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

impl Bound {
    /// None if the array has another type than the encoding was made for.
    pub(super) fn new(kind: Kind, array: &ArrayRef) -> Option<Self> {
        macro_rules! values {
            ($kind:ty) => {
                array.as_primitive_opt::<$kind>()?.values().clone()
            };
        }
        let strings = || array.as_string_opt::<i32>().cloned();
        let values = match (kind, array.data_type()) {
            (Kind::Bool, _) => Values::Bool(array.as_boolean_opt()?.clone()),
            (Kind::Integer(2), Arrow::Int16) => Values::Int16(values!(Int16Type)),
            (Kind::Integer(4), Arrow::Int32) => Values::Int32(values!(Int32Type)),
            (Kind::Integer(8), Arrow::Int64) => Values::Int64(values!(Int64Type)),
            (Kind::Integer(width), _) => Values::Integer(Integers::new(array)?, width),
            (Kind::Unsigned(width), _) => Values::Unsigned(Integers::new(array)?, width),
            (Kind::Float32, _) => Values::Float32(values!(Float32Type)),
            (Kind::Float64, Arrow::Float32) => Values::Widened(values!(Float32Type)),
            (Kind::Float64, _) => Values::Float64(values!(Float64Type)),
            (Kind::Numeric(limit), Arrow::Decimal128(_, scale)) => {
                Values::Decimal128(values!(Decimal128Type), u8::try_from(*scale).ok()?, limit)
            }
            (Kind::Numeric(limit), Arrow::Decimal256(_, scale)) => {
                Values::Decimal256(values!(Decimal256Type), u8::try_from(*scale).ok()?, limit, Vec::new())
            }
            (Kind::Numeric(limit), Arrow::Utf8) => Values::Number(strings()?, limit),
            (Kind::Numeric(limit), _) => Values::IntegerNumeric(Integers::new(array)?, limit),
            (Kind::Money(digits), Arrow::Decimal128(_, scale)) => {
                Values::Money(values!(Decimal128Type), u8::try_from(*scale).ok()?, digits)
            }
            (Kind::Money(_), _) => return None,
            (Kind::Text(limit), _) => Values::Text(strings()?, limit),
            (Kind::Jsonb, _) => Values::Jsonb(strings()?),
            (Kind::Bits, _) => Values::Bits(strings()?),
            (Kind::Bytes, Arrow::FixedSizeBinary(_)) => Values::FixedBytes(array.as_fixed_size_binary_opt()?.clone()),
            (Kind::Bytes, _) => Values::Bytes(array.as_binary_opt::<i32>()?.clone()),
            (Kind::Date, _) => Values::Date(values!(Date32Type)),
            (Kind::Time(step), _) => Values::Time(values!(Time64MicrosecondType), step),
            (Kind::Timestamp { zoned, step }, _) => Values::Timestamp(values!(TimestampMicrosecondType), zoned, step),
            (Kind::Interval(step), Arrow::Duration(_)) => Values::Duration(values!(DurationMicrosecondType), step),
            (Kind::Interval(step), _) => Values::Interval(values!(IntervalMonthDayNanoType), step),
            (Kind::Uuid, _) => Values::Uuid(array.as_fixed_size_binary_opt()?.clone()),
            (Kind::AsText, arrow) => return Self::new(text_of(arrow), array),
        };
        Some(Self { nulls: array.nulls().cloned(), values })
    }

    /// The first row whose text holds a NUL character.
    pub(in crate::target) fn first_with_nul(&self) -> Option<usize> {
        let (Values::Text(array, _) | Values::Jsonb(array) | Values::Number(array, _)) = &self.values else {
            return None;
        };
        let (from, to) = (array.value_offsets().first()?, array.value_offsets().last()?);
        if !array.value_data()[*from as usize..*to as usize].contains(&0) {
            return None;
        }
        (0..array.len()).find(|row| array.is_valid(*row) && array.value(*row).as_bytes().contains(&0))
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|n| n.is_null(row))
    }

    /// One field of a binary row.
    #[inline]
    pub(super) fn put_binary(&mut self, row: usize, out: &mut Vec<u8>) -> Value<()> {
        if self.is_null(row) {
            out.extend_from_slice(&(-1i32).to_be_bytes());
            return Ok(());
        }
        match &mut self.values {
            Values::Bool(v) => out.extend_from_slice(&[0, 0, 0, 1, u8::from(v.value(row))]),
            Values::Int16(v) => put_fixed!(out, v[row], 2),
            Values::Int32(v) => put_fixed!(out, v[row], 4),
            Values::Int64(v) => put_fixed!(out, v[row], 8),
            Values::Integer(v, 2) => put_fixed!(out, i16::try_from(v.value(row)).map_err(|_| OUT_OF_RANGE)?, 2),
            Values::Integer(v, 4) => put_fixed!(out, i32::try_from(v.value(row)).map_err(|_| OUT_OF_RANGE)?, 4),
            Values::Integer(v, _) => put_fixed!(out, i64::try_from(v.value(row)).map_err(|_| OUT_OF_RANGE)?, 8),
            Values::Unsigned(v, 4) => put_fixed!(out, u32::try_from(v.value(row)).map_err(|_| OUT_OF_RANGE)?, 4),
            Values::Unsigned(v, _) => put_fixed!(out, u64::try_from(v.value(row)).map_err(|_| OUT_OF_RANGE)?, 8),
            Values::Float32(v) => put_fixed!(out, v[row], 4),
            Values::Float64(v) => put_fixed!(out, v[row], 8),
            Values::Widened(v) => put_fixed!(out, f64::from(v[row]), 8),
            Values::Decimal128(v, scale, limit) => {
                numeric::fits_i128(v[row], *scale, *limit)?;
                numeric::put_i128(v[row], *scale, out);
            }
            Values::Decimal256(v, scale, limit, scratch) => {
                decimal_text(&v[row].to_string(), usize::from(*scale), scratch);
                numeric::fits_text(scratch, *limit)?;
                numeric::put_text(scratch, out)?;
            }
            Values::IntegerNumeric(v, limit) => {
                let value = v.value(row);
                // A column with a negative scale keeps no units.
                if limit.is_some_and(|l| l.scale < 0) {
                    numeric::fits_text(value.to_string().as_bytes(), *limit)?;
                }
                numeric::put_i128(value, 0, out);
            }
            Values::Number(v, limit) => {
                let text = v.value(row).as_bytes();
                numeric::fits_text(text, *limit)?;
                numeric::put_text(text, out)?;
            }
            Values::Money(v, scale, digits) => put_fixed!(out, money(v[row], *scale, *digits)?, 8),
            Values::Text(v, limit) => {
                let text = v.value(row);
                fits(text, *limit)?;
                put_bytes(out, text.as_bytes());
            }
            Values::Jsonb(v) => {
                let text = v.value(row).as_bytes();
                out.extend_from_slice(&(text.len() as u32 + 1).to_be_bytes());
                out.push(1);
                out.extend_from_slice(text);
            }
            Values::Bits(v) => put_bits(v.value(row).as_bytes(), out)?,
            Values::Bytes(v) => put_bytes(out, v.value(row)),
            Values::FixedBytes(v) | Values::Uuid(v) => put_bytes(out, v.value(row)),
            Values::Date(v) => put_fixed!(out, calendar::date_to_wire(v[row])?, 4),
            Values::Time(v, step) => put_fixed!(out, keeps(v[row], *step)?, 8),
            Values::Timestamp(v, _, step) => {
                put_fixed!(out, calendar::timestamp_to_wire(keeps_moment(v[row], *step)?)?, 8);
            }
            Values::Interval(v, step) => {
                let (micros, days, months) = interval::to_wire(v[row])?;
                put_interval(keeps(micros, *step)?, days, months, out);
            }
            Values::Duration(v, step) => put_interval(keeps(v[row], *step)?, 0, 0, out),
        }
        Ok(())
    }

    /// One field of a text row, escaped.
    pub(super) fn put_text(&mut self, row: usize, out: &mut Vec<u8>) -> Value<()> {
        if self.is_null(row) {
            out.extend_from_slice(b"\\N");
            return Ok(());
        }
        let mut display = |value: &dyn std::fmt::Display| out.extend_from_slice(value.to_string().as_bytes());
        match &mut self.values {
            Values::Bool(v) => display(&v.value(row)),
            Values::Int16(v) => display(&v[row]),
            Values::Int32(v) => display(&v[row]),
            Values::Int64(v) => display(&v[row]),
            Values::Integer(v, _) | Values::Unsigned(v, _) | Values::IntegerNumeric(v, _) => display(&v.value(row)),
            Values::Float32(v) => display(&float_text(f64::from(v[row]), format!("{:e}", v[row]))),
            Values::Widened(v) => display(&float_text(f64::from(v[row]), format!("{:e}", f64::from(v[row])))),
            Values::Float64(v) => display(&float_text(v[row], format!("{:e}", v[row]))),
            Values::Decimal128(v, scale, limit) => {
                numeric::fits_i128(v[row], *scale, *limit)?;
                let mut text = Vec::new();
                decimal_text(&v[row].to_string(), usize::from(*scale), &mut text);
                out.extend_from_slice(&text);
            }
            Values::Decimal256(v, scale, limit, scratch) => {
                decimal_text(&v[row].to_string(), usize::from(*scale), scratch);
                numeric::fits_text(scratch, *limit)?;
                out.extend_from_slice(scratch);
            }
            Values::Number(v, limit) => {
                numeric::fits_text(v.value(row).as_bytes(), *limit)?;
                escape(v.value(row).as_bytes(), out);
            }
            // The session's lc_monetary decides how money is spelled: a plain decimal is read by all.
            Values::Money(v, scale, digits) => {
                money(v[row], *scale, *digits)?;
                let mut text = Vec::new();
                decimal_text(&v[row].to_string(), usize::from(*scale), &mut text);
                out.extend_from_slice(&text);
            }
            Values::Text(v, limit) => {
                fits(v.value(row), *limit)?;
                escape(v.value(row).as_bytes(), out);
            }
            Values::Jsonb(v) | Values::Bits(v) => escape(v.value(row).as_bytes(), out),
            Values::Bytes(v) => hex(v.value(row), out),
            Values::FixedBytes(v) => hex(v.value(row), out),
            Values::Uuid(v) => {
                for byte in v.value(row) {
                    hex_digits(*byte, out);
                }
            }
            Values::Date(v) => calendar::date_text(v[row], out)?,
            Values::Time(v, step) => calendar::time_text(keeps(v[row], *step)?, out),
            Values::Timestamp(v, zoned, step) => calendar::timestamp_text(keeps_moment(v[row], *step)?, *zoned, out)?,
            Values::Interval(v, step) => {
                keeps(v[row].nanoseconds / 1000, *step)?;
                interval::text(v[row], out)?;
            }
            Values::Duration(v, step) => calendar::time_text(keeps(v[row], *step)?, out),
        }
        Ok(())
    }
}

/// The kind whose text form is canonical for an Arrow type.
fn text_of(arrow: &Arrow) -> Kind {
    match arrow {
        Arrow::Boolean => Kind::Bool,
        Arrow::Float32 => Kind::Float32,
        Arrow::Float64 => Kind::Float64,
        Arrow::Decimal128(..) | Arrow::Decimal256(..) => Kind::Numeric(None),
        Arrow::Date32 => Kind::Date,
        Arrow::Time64(_) => Kind::Time(1),
        Arrow::Timestamp(_, zone) => Kind::Timestamp { zoned: zone.is_some(), step: 1 },
        Arrow::Interval(_) | Arrow::Duration(_) => Kind::Interval(1),
        Arrow::Binary => Kind::Bytes,
        Arrow::FixedSizeBinary(16) => Kind::Uuid,
        Arrow::FixedSizeBinary(_) => Kind::Bytes,
        other if other.is_integer() => Kind::Numeric(None),
        _ => Kind::Text(None),
    }
}

fn put_interval(micros: i64, days: i32, months: i32, out: &mut Vec<u8>) {
    let mut field = [0u8; 20];
    field[3] = 16;
    field[4..12].copy_from_slice(&micros.to_be_bytes());
    field[12..16].copy_from_slice(&days.to_be_bytes());
    field[16..].copy_from_slice(&months.to_be_bytes());
    out.extend_from_slice(&field);
}

fn put_bits(text: &[u8], out: &mut Vec<u8>) -> Value<()> {
    if !text.iter().all(|b| matches!(b, b'0' | b'1')) {
        return Err(NO_BITS);
    }
    let bytes = text.len().div_ceil(8);
    out.extend_from_slice(&(4 + bytes as u32).to_be_bytes());
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    for eight in text.chunks(8) {
        out.push(eight.iter().enumerate().fold(0, |byte, (at, bit)| byte | (bit - b'0') << (7 - at)));
    }
    Ok(())
}

/// The server would round to the column's digits.
#[inline]
fn keeps(micros: i64, step: i64) -> Value<i64> {
    if step == 1 || micros % step == 0 { Ok(micros) } else { Err(TOO_FINE) }
}

/// As [`keeps`]; infinities have no digits.
#[inline]
fn keeps_moment(micros: i64, step: i64) -> Value<i64> {
    if micros == i64::MAX || micros <= i64::MIN + 1 { Ok(micros) } else { keeps(micros, step) }
}

/// The server would silently cut blanks beyond the length.
#[inline]
fn fits(text: &str, limit: Option<u32>) -> Value<()> {
    match limit {
        Some(limit) if text.len() > limit as usize && text.chars().count() > limit as usize => Err(TOO_LONG),
        Some(_) | None => Ok(()),
    }
}

fn money(value: i128, scale: u8, digits: u8) -> Value<i64> {
    let scaled = if scale <= digits {
        10i128.checked_pow(u32::from(digits - scale)).and_then(|p| value.checked_mul(p)).ok_or(OUT_OF_RANGE)?
    } else {
        let power = 10i128.checked_pow(u32::from(scale - digits)).ok_or(OTHER_MONEY)?;
        if value % power != 0 {
            return Err(OTHER_MONEY);
        }
        value / power
    };
    i64::try_from(scaled).map_err(|_| OUT_OF_RANGE)
}

/// Digits with the point in its place.
fn decimal_text(digits: &str, scale: usize, out: &mut Vec<u8>) {
    out.clear();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    out.extend_from_slice(sign.as_bytes());
    let point = digits.len().saturating_sub(scale);
    out.extend_from_slice(if point == 0 { b"0" } else { &digits.as_bytes()[..point] });
    if scale > 0 {
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', scale - (digits.len() - point)));
        out.extend_from_slice(&digits.as_bytes()[point..]);
    }
}

fn float_text(value: f64, finite: String) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        finite
    }
}

/// Escapes of text COPY (PostgreSQL, COPY, "Text Format").
const ESCAPES: &[(u8, u8)] =
    &[(b'\\', b'\\'), (b'\n', b'n'), (b'\r', b'r'), (b'\t', b't'), (0x08, b'b'), (0x0b, b'v'), (0x0c, b'f')];

fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == b'\\' || (0x08..=0x0d).contains(b)) {
        let (plain, after) = rest.split_at(at);
        out.extend_from_slice(plain);
        match ESCAPES.iter().find(|(byte, _)| *byte == after[0]) {
            Some((_, letter)) => out.extend_from_slice(&[b'\\', *letter]),
            None => out.push(after[0]),
        }
        rest = &after[1..];
    }
    out.extend_from_slice(rest);
}

/// `\x..` of `bytea`, its backslash escaped.
fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\\\x");
    for byte in bytes {
        hex_digits(*byte, out);
    }
}

fn hex_digits(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

#[cfg(test)]
#[path = "column_tests.rs"]
mod tests;
