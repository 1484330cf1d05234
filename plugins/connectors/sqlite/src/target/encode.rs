//! Arrow arrays to bound parameters.
//!
//! How a column is bound is resolved once a chunk ([`Bind`]); its array is taken apart once a batch ([`ColumnSource`]); each
//! value is then one `match`. Texts and bytes are bound where they are; what must be written out goes
//! into a small buffer of its column's own.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray};
use arrow_schema::{DataType as Arrow, Field};
use sensei_sdk::catalog::{DataType, Table};
use sensei_sdk::{Error, Kind, Result};

use crate::database::Statement;
use crate::declared::{Affinity, Declared, affinity};
use crate::facts::UUID_AS_BLOB;
use crate::temporal::{self, Style};
use crate::{interval, number, uuid};

/// What a column needs to know beside its array.
#[derive(Debug)]
pub(super) struct Bind {
    /// Unsigned integers as digits.
    as_digits: bool,
    /// UUIDs as their 16 bytes.
    as_bytes: bool,
    /// Digits of a time's or a span's fraction.
    digits: u8,
    style: Style,
    text: Vec<u8>,
}

/// Resolves how the values of a field go into its column.
pub(super) fn bind(field: &Field, table: &Table) -> Result<Bind> {
    let column = table.columns.iter().find(|c| &c.name == field.name()).ok_or_else(|| {
        let message = format!("The rows have a column `{}` that the table {} does not.", field.name(), table.name.name);
        Error::internal(message)
    })?;
    let declared = Declared::parse(&column.native_type);
    let (digits, zoned) = match &column.data_type {
        DataType::Timestamp(t) => (t.precision, t.zoned),
        DataType::Time(p) | DataType::Duration(p) => (*p, false),
        _ => (0, false),
    };
    let style = declared.hint.as_deref().and_then(Style::from_hint).unwrap_or_else(|| Style::plain(digits, zoned));
    Ok(Bind {
        as_digits: affinity(&column.native_type) == Affinity::Text,
        as_bytes: declared.hint.as_deref() == Some(UUID_AS_BLOB),
        digits,
        style,
        text: Vec::new(),
    })
}

/// One column of one batch.
pub(super) struct ColumnSource<'a> {
    array: &'a dyn Array,
    values: Values<'a>,
    bind: &'a mut Bind,
}

enum Values<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Decimal128(&'a PrimitiveArray<Decimal128Type>, u8),
    Decimal256(&'a PrimitiveArray<Decimal256Type>, u8),
    Text(&'a StringArray),
    Binary(&'a BinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Duration(&'a PrimitiveArray<DurationMicrosecondType>),
    Interval(&'a PrimitiveArray<IntervalMonthDayNanoType>),
    Uuid(&'a FixedSizeBinaryArray),
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> &PrimitiveArray<T> {
    array.as_primitive::<T>()
}

/// Takes an array apart.
pub(super) fn column<'a>(array: &'a ArrayRef, bind: &'a mut Bind) -> Result<ColumnSource<'a>> {
    let values = match array.data_type() {
        Arrow::Boolean => Values::Boolean(array.as_boolean()),
        Arrow::Int8 => Values::Int8(primitive(array)),
        Arrow::Int16 => Values::Int16(primitive(array)),
        Arrow::Int32 => Values::Int32(primitive(array)),
        Arrow::Int64 => Values::Int64(primitive(array)),
        Arrow::UInt8 => Values::UInt8(primitive(array)),
        Arrow::UInt16 => Values::UInt16(primitive(array)),
        Arrow::UInt32 => Values::UInt32(primitive(array)),
        Arrow::UInt64 => Values::UInt64(primitive(array)),
        Arrow::Float32 => Values::Float32(primitive(array)),
        Arrow::Float64 => Values::Float64(primitive(array)),
        Arrow::Decimal128(_, scale) if *scale >= 0 => Values::Decimal128(primitive(array), scale.unsigned_abs()),
        Arrow::Decimal256(_, scale) if *scale >= 0 => Values::Decimal256(primitive(array), scale.unsigned_abs()),
        Arrow::Utf8 => Values::Text(array.as_string()),
        Arrow::Binary => Values::Binary(array.as_binary()),
        Arrow::Date32 => Values::Date(primitive(array)),
        Arrow::Time64(arrow_schema::TimeUnit::Microsecond) => Values::Time(primitive(array)),
        Arrow::Timestamp(arrow_schema::TimeUnit::Microsecond, _) => Values::Timestamp(primitive(array)),
        Arrow::Duration(arrow_schema::TimeUnit::Microsecond) => Values::Duration(primitive(array)),
        Arrow::Interval(arrow_schema::IntervalUnit::MonthDayNano) => Values::Interval(primitive(array)),
        Arrow::FixedSizeBinary(16) => Values::Uuid(array.as_fixed_size_binary()),
        other => return Err(Error::internal(format!("No column is written from {other}."))),
    };
    Ok(ColumnSource { array: array.as_ref(), values, bind })
}

fn refused(message: String) -> Error {
    Error::new(Kind::InvalidData, message)
}

impl ColumnSource<'_> {
    /// Binds one value.
    ///
    /// # Safety
    /// The batch must live, and this column must not bind again, until the statement was stepped.
    pub(super) unsafe fn bind(&mut self, insert: &mut Statement, at: usize, row: usize) -> Result<()> {
        if self.array.is_null(row) {
            return insert.bind_null(at);
        }
        let bind = &mut *self.bind;
        let text = &mut bind.text;
        text.clear();
        let written = match &self.values {
            Values::Boolean(a) => return insert.bind_integer(at, i64::from(a.value(row))),
            Values::Int8(a) => return insert.bind_integer(at, i64::from(a.value(row))),
            Values::Int16(a) => return insert.bind_integer(at, i64::from(a.value(row))),
            Values::Int32(a) => return insert.bind_integer(at, i64::from(a.value(row))),
            Values::Int64(a) => return insert.bind_integer(at, a.value(row)),
            Values::UInt8(a) => return insert.bind_integer(at, i64::from(a.value(row))),
            Values::UInt16(a) => return insert.bind_integer(at, i64::from(a.value(row))),
            Values::UInt32(a) => return insert.bind_integer(at, i64::from(a.value(row))),
            Values::UInt64(a) if bind.as_digits => write!(text, "{}", a.value(row)),
            Values::UInt64(a) => {
                let value = i64::try_from(a.value(row)).map_err(|_| {
                    refused(format!(
                        "{} is larger than SQLite's largest integer, 9223372036854775807. Leave the row out, or move the column as text.",
                        a.value(row)
                    ))
                })?;
                return insert.bind_integer(at, value);
            }
            Values::Float32(a) => return real(insert, at, f64::from(a.value(row))),
            Values::Float64(a) => return real(insert, at, a.value(row)),
            Values::Decimal128(a, scale) => number::write_scaled(a.value(row), *scale, text),
            Values::Decimal256(a, scale) => number::write_decimal(&a.value(row).to_string(), *scale, text),
            // SAFETY: the caller's promise.
            Values::Text(a) => return unsafe { insert.bind_text_in_place(at, a.value(row).as_bytes()) },
            // SAFETY: the caller's promise.
            Values::Binary(a) => return unsafe { insert.bind_bytes_in_place(at, a.value(row)) },
            Values::Date(a) => temporal::write_date(a.value(row), text),
            Values::Time(a) => temporal::write_time(a.value(row), bind.digits, text),
            Values::Timestamp(a) => bind.style.write(a.value(row), text),
            Values::Duration(a) => temporal::write_duration(a.value(row), bind.digits, text),
            Values::Interval(a) => interval::write(a.value(row), text),
            // SAFETY: the caller's promise.
            Values::Uuid(a) if bind.as_bytes => return unsafe { insert.bind_bytes_in_place(at, a.value(row)) },
            Values::Uuid(a) => uuid::write(a.value(row), text),
        };
        written?;
        // SAFETY: the text stays as it is until this column binds again.
        unsafe { insert.bind_text_in_place(at, text) }
    }
}

fn real(insert: &mut Statement, at: usize, value: f64) -> Result<()> {
    if value.is_nan() {
        return Err(refused(
            "SQLite has no NaN: it would become NULL. The policy `nan` says what takes its place.".to_owned(),
        ));
    }
    insert.bind_real(at, value)
}
