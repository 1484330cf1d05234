//! The step nobody wrote down: from the Arrow type a value has to the Arrow type a target's column takes.
//!
//! Which steps there are is a table. A step is exact for every value of the type, or every value is
//! read back and compared: one that came back different is refused (P2).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Date32Array, FixedSizeBinaryArray, new_null_array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::FormatOptions;

use super::failure::{Refusal, arrow_reason, value};

/// What a step from one Arrow type to another means for the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The types are equal: nothing happens.
    Same,
    /// Every value arrives as it is.
    Exact,
    /// A value that cannot be held exactly is an error; all others arrive as they are.
    Checked,
    /// There is no such step.
    Unsupported,
}

/// Types that convert alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Boolean,
    Integer,
    Float,
    Decimal,
    Text,
    Binary,
    Date,
    Time,
    Timestamp,
    Uuid,
    /// What has one Arrow type and converts into nothing else.
    Alone,
}

/// When a rule's step is exact; otherwise it is checked.
type ExactWhen = fn(&DataType, &DataType) -> bool;
/// Reads a step's result back into something to compare with.
type Step = fn(&ArrayRef, &DataType) -> Result<ArrayRef, Refusal>;

const ALWAYS: ExactWhen = |_, _| true;
const NEVER: ExactWhen = |_, _| false;

/// Every step between two families: first match counts; what is not here does not exist.
const STEPS: &[(Family, Family, ExactWhen, Step)] = &[
    (Family::Boolean, Family::Integer, ALWAYS, plain),
    (Family::Boolean, Family::Text, ALWAYS, plain),
    (Family::Integer, Family::Boolean, NEVER, compared),
    (Family::Integer, Family::Integer, integer_in_integer, compared),
    (Family::Integer, Family::Decimal, integer_in_decimal, compared),
    (Family::Integer, Family::Float, integer_in_float, compared),
    (Family::Integer, Family::Text, ALWAYS, plain),
    (Family::Float, Family::Float, float_in_float, compared),
    (Family::Float, Family::Integer, NEVER, compared),
    (Family::Float, Family::Decimal, NEVER, compared),
    (Family::Float, Family::Text, ALWAYS, plain),
    (Family::Decimal, Family::Decimal, decimal_in_decimal, compared),
    (Family::Decimal, Family::Integer, NEVER, compared),
    (Family::Decimal, Family::Float, NEVER, compared),
    (Family::Decimal, Family::Text, ALWAYS, plain),
    (Family::Text, Family::Text, ALWAYS, plain),
    (Family::Text, Family::Integer, NEVER, compared_as_numbers),
    (Family::Text, Family::Float, NEVER, compared_as_numbers),
    (Family::Text, Family::Decimal, NEVER, compared_as_numbers),
    (Family::Text, Family::Binary, ALWAYS, plain),
    (Family::Text, Family::Uuid, NEVER, text_as_uuid),
    (Family::Binary, Family::Binary, ALWAYS, plain),
    (Family::Binary, Family::Uuid, NEVER, binary_as_uuid),
    // Bytes that are no UTF-8 are refused by the cast itself.
    (Family::Binary, Family::Text, NEVER, plain),
    (Family::Date, Family::Timestamp, NEVER, date_as_timestamp),
    (Family::Time, Family::Time, finer_unit, compared),
    (Family::Timestamp, Family::Timestamp, finer_unit, instant),
];

/// What converting values of one Arrow type into another means.
#[must_use]
pub fn conversion(from: &DataType, to: &DataType) -> Conversion {
    if from == to {
        return Conversion::Same;
    }
    if *from == DataType::Null {
        return Conversion::Exact;
    }
    match step(from, to) {
        Some((exact_when, _)) if exact_when(from, to) => Conversion::Exact,
        Some(_) => Conversion::Checked,
        None => Conversion::Unsupported,
    }
}

/// Converts; the first value that `to` cannot hold exactly is refused with its row.
pub(super) fn convert(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    let from = array.data_type();
    if from == to {
        return Ok(Arc::clone(array));
    }
    if *from == DataType::Null {
        return Ok(new_null_array(to, array.len()));
    }
    match step(from, to) {
        Some((exact_when, _)) if exact_when(from, to) && !matches!(to, DataType::Timestamp(..)) => plain(array, to),
        Some((_, step)) => step(array, to),
        None => Err(Refusal::of_batch(format!("{from} does not become {to} without saying how"))),
    }
}

fn step(from: &DataType, to: &DataType) -> Option<(ExactWhen, Step)> {
    let (from, to) = (family(from), family(to));
    STEPS.iter().find(|(f, t, ..)| (*f, *t) == (from, to)).map(|(_, _, exact_when, step)| (*exact_when, *step))
}

fn family(t: &DataType) -> Family {
    use DataType as T;
    match t {
        T::Boolean => Family::Boolean,
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => Family::Integer,
        T::Float16 | T::Float32 | T::Float64 => Family::Float,
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => Family::Decimal,
        T::Utf8 | T::LargeUtf8 | T::Utf8View => Family::Text,
        T::Binary | T::LargeBinary | T::BinaryView => Family::Binary,
        T::Date32 => Family::Date,
        T::Time32(_) | T::Time64(_) => Family::Time,
        T::Timestamp(..) => Family::Timestamp,
        T::FixedSizeBinary(16) => Family::Uuid,
        _ => Family::Alone,
    }
}

/// The SQL name of an Arrow type, as an expression's `CAST` understands it; none where SQL has none.
#[must_use]
pub fn sql_type(t: &DataType) -> Option<String> {
    use DataType as T;
    let name = match t {
        T::Boolean => "BOOLEAN",
        T::Int8 => "TINYINT",
        T::Int16 => "SMALLINT",
        T::Int32 => "INT",
        T::Int64 => "BIGINT",
        T::UInt8 => "TINYINT UNSIGNED",
        T::UInt16 => "SMALLINT UNSIGNED",
        T::UInt32 => "INT UNSIGNED",
        T::UInt64 => "BIGINT UNSIGNED",
        T::Float32 => "REAL",
        T::Float64 => "DOUBLE",
        T::Utf8 => "VARCHAR",
        T::Binary => "BYTEA",
        T::Date32 => "DATE",
        T::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP(6)",
        T::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => "TIMESTAMP(6) WITH TIME ZONE",
        T::Decimal128(precision, scale) | T::Decimal256(precision, scale) => {
            return Some(format!("DECIMAL({precision},{scale})"));
        }
        _ => return None,
    };
    Some(name.to_owned())
}

/// Bits of magnitude and whether there is a sign.
fn width(t: &DataType) -> (u32, bool) {
    use DataType as T;
    match t {
        T::Int8 => (7, true),
        T::Int16 => (15, true),
        T::Int32 => (31, true),
        T::UInt8 => (8, false),
        T::UInt16 => (16, false),
        T::UInt32 => (32, false),
        T::UInt64 => (64, false),
        _ => (63, true),
    }
}

fn integer_in_integer(from: &DataType, to: &DataType) -> bool {
    let ((from_bits, from_signed), (to_bits, to_signed)) = (width(from), width(to));
    from_bits <= to_bits && (to_signed || !from_signed)
}

fn integer_in_decimal(from: &DataType, to: &DataType) -> bool {
    let (bits, _) = width(from);
    // Decimal digits of 2^bits: 63 bits have 19, 64 have 20.
    let digits = (u128::MAX >> (128 - bits)).ilog10() + 1;
    decimal(to).is_some_and(|(precision, scale)| i64::from(precision) - i64::from(scale) >= i64::from(digits))
}

fn integer_in_float(from: &DataType, to: &DataType) -> bool {
    let mantissa = match to {
        DataType::Float64 => f64::MANTISSA_DIGITS,
        DataType::Float32 => f32::MANTISSA_DIGITS,
        _ => 0,
    };
    width(from).0 <= mantissa
}

fn float_in_float(from: &DataType, to: &DataType) -> bool {
    matches!(
        (from, to),
        (DataType::Float16, DataType::Float32 | DataType::Float64) | (DataType::Float32, DataType::Float64)
    )
}

fn decimal_in_decimal(from: &DataType, to: &DataType) -> bool {
    let (Some((from_precision, from_scale)), Some((to_precision, to_scale))) = (decimal(from), decimal(to)) else {
        return false;
    };
    let whole = |precision: u8, scale: i8| i64::from(precision) - i64::from(scale);
    to_scale >= from_scale && whole(to_precision, to_scale) >= whole(from_precision, from_scale)
}

fn decimal(t: &DataType) -> Option<(u8, i8)> {
    use DataType as T;
    match t {
        T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s) => Some((*p, *s)),
        _ => None,
    }
}

/// A finer unit of the same range of days: the contract's unit is the microsecond.
fn finer_unit(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (from, to) {
        (T::Time32(a) | T::Time64(a), T::Time32(b) | T::Time64(b)) => a <= b,
        (T::Timestamp(a, _), T::Timestamp(b, _)) => a == b,
        _ => false,
    }
}

const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: FormatOptions::new() };
/// For reading back: what does not fit becomes NULL, and so differs from what it was.
const LENIENT: CastOptions<'static> = CastOptions { safe: true, format_options: FormatOptions::new() };

fn plain(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    cast_with_options(array, to, &STRICT).map_err(|e| Refusal::of_batch(arrow_reason(&e)))
}

fn compared(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    let there = plain(array, to)?;
    let back = cast_with_options(&there, array.data_type(), &LENIENT);
    let back = back.map_err(|e| Refusal::of_batch(arrow_reason(&e)))?;
    let same = not_distinct(array, &back).map_err(|e| Refusal::of_batch(arrow_reason(&e)))?;
    refuse_difference(array, to, &same)?;
    Ok(there)
}

/// Hexadecimal digits of a UUID as text, and where each byte's stand.
const UUID_DIGITS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Digits and dashes as everyone writes them. A digit's case says nothing: two texts are the same UUID, or are two.
fn text_as_uuid(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    let texts = plain(array, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    let uuids: Vec<Option<[u8; 16]>> = texts.iter().map(|text| text.and_then(uuid)).collect();
    uuids_of(array, to, &uuids)
}

/// Its 16 bytes, in the order in which they are written.
fn binary_as_uuid(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    let bytes = plain(array, &DataType::Binary)?;
    let uuid = |bytes: Option<&[u8]>| bytes.and_then(|bytes| bytes.try_into().ok());
    let uuids: Vec<Option<[u8; 16]>> = bytes.as_binary::<i32>().iter().map(uuid).collect();
    uuids_of(array, to, &uuids)
}

/// What was read of each value; none where it is NULL, or no UUID.
fn uuids_of(array: &ArrayRef, to: &DataType, uuids: &[Option<[u8; 16]>]) -> Result<ArrayRef, Refusal> {
    let same = uuids.iter().enumerate().map(|(row, uuid)| Some(uuid.is_some() == array.is_valid(row))).collect();
    refuse_difference(array, to, &same)?;
    let made = FixedSizeBinaryArray::try_from_sparse_iter_with_size(uuids.iter().copied(), 16);
    made.map(|made| Arc::new(made) as ArrayRef).map_err(|e| Refusal::of_batch(arrow_reason(&e)))
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let right = |(at, b): (usize, u8)| if matches!(at, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() };
    if text.len() != 36 || !text.bytes().enumerate().all(right) {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, at) in bytes.iter_mut().zip(UUID_DIGITS) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Text that is a number comes back spelled otherwise (`1.50`, `1.5`): the numbers are compared.
fn compared_as_numbers(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    let there = plain(array, to)?;
    let (before, after) = (plain(array, &DataType::Utf8)?, plain(&there, &DataType::Utf8)?);
    let pairs = before.as_string::<i32>().iter().zip(after.as_string::<i32>());
    let same: BooleanArray = pairs
        .map(|(before, after)| {
            Some(match (before, after) {
                (Some(before), Some(after)) => {
                    before == after || spelled(before).is_some_and(|b| spelled(after) == Some(b))
                }
                (before, after) => before.is_none() && after.is_none(),
            })
        })
        .collect();
    refuse_difference(array, to, &same)?;
    Ok(there)
}

/// A number's sign, significant digits and power of ten; none if it is no number.
pub(crate) fn spelled(text: &str) -> Option<(bool, String, i64)> {
    let text = text.trim();
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let point = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    let dropped = digits.len() - digits.trim_end_matches('0').len();
    match significant {
        "" => Some((false, String::new(), 0)),
        _ => Some((negative, significant.to_owned(), point.checked_add(i64::try_from(dropped).ok()?)?)),
    }
}

fn refuse_difference(array: &ArrayRef, to: &DataType, same: &BooleanArray) -> Result<(), Refusal> {
    match (0..same.len()).find(|&row| !same.value(row)) {
        None => Ok(()),
        Some(row) => Err(Refusal::of_row(row, format!("{} does not fit {to} exactly", value(array, row)))),
    }
}

/// The contract's infinities and zero date keep their meaning; see `catalog.data-type` in the WIT.
fn date_as_timestamp(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    const MICROSECONDS: i64 = 86_400_000_000;
    let dates: &Date32Array = array.as_primitive::<Date32Type>();
    let moment = |day: i32| match day {
        i32::MAX => Some(i64::MAX),
        i32::MIN => Some(i64::MIN),
        day if day == i32::MIN + 1 => Some(i64::MIN + 1),
        day => i64::from(day).checked_mul(MICROSECONDS),
    };
    if let Some(row) = dates.iter().position(|d| d.is_some_and(|d| moment(d).is_none())) {
        return Err(Refusal::of_row(row, "the date is outside what microseconds can count"));
    }
    let moments: ArrayRef = Arc::new(dates.unary::<_, TimestampMicrosecondType>(|d| moment(d).unwrap_or_default()));
    instant(&moments, to)
}

/// Wall-clock readings are taken as UTC; the count itself stays.
fn instant(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    let DataType::Timestamp(_, from_zone) = array.data_type() else { return compared(array, to) };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, from_zone.clone());
    let micros = if *array.data_type() == micros { Arc::clone(array) } else { compared(array, &micros)? };
    match to {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Ok(Arc::new(micros.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(zone.clone())))
        }
        _ => compared(array, to),
    }
}
