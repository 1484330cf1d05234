//! Arrow values as the text of LOAD DATA or of INSERT.
//!
//! Each column's array is told apart once a batch; a row then is one match for each column.

use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray, cast::AsArray};
use arrow_buffer::i256;
use arrow_schema::{DataType as Arrow, TimeUnit};
use sensei_sdk::catalog::{Column, DataType};
use sensei_sdk::{Error, Result};

use super::value;
use crate::catalog::native;

/// How a column's bytes are written where its Arrow type alone does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// As the Arrow type says.
    Plain,
    /// Digits of a number of any precision, for decimal(p,s): whole digits, fraction digits.
    Number(u8, u8),
    /// 0 and 1, for BIT.
    Bits,
    /// (E)WKB, for a spatial column.
    Geometry,
    /// Four digits: for YEAR, `0` means 2000 and `0000` the zero year.
    Year,
}

/// What a column of a table asks of the writer.
pub(crate) fn form(column: &Column) -> Form {
    match (&column.data_type, native::data_type(&column.native_type)) {
        (DataType::Number | DataType::Text(_) | DataType::Decimal(_), DataType::Decimal(d)) => {
            Form::Number((d.precision - d.scale.min(d.precision)) as u8, d.scale as u8)
        }
        (_, DataType::Integer(_)) if column.native_type.to_ascii_lowercase().starts_with("year") => Form::Year,
        (_, DataType::Bits(_)) => Form::Bits,
        (_, DataType::Geometry(_)) => Form::Geometry,
        _ => Form::Plain,
    }
}

/// Whether a form's bytes are no text.
pub(crate) fn is_binary(column: &Column) -> bool {
    matches!(native::data_type(&column.native_type), DataType::Binary(_) | DataType::Bits(_) | DataType::Geometry(_))
}

/// One column of one batch.
pub(crate) enum Cells<'a> {
    Boolean(&'a BooleanArray),
    I8(&'a PrimitiveArray<Int8Type>),
    I16(&'a PrimitiveArray<Int16Type>),
    Year(&'a PrimitiveArray<Int16Type>),
    I32(&'a PrimitiveArray<Int32Type>),
    I64(&'a PrimitiveArray<Int64Type>),
    U8(&'a PrimitiveArray<UInt8Type>),
    U16(&'a PrimitiveArray<UInt16Type>),
    U32(&'a PrimitiveArray<UInt32Type>),
    U64(&'a PrimitiveArray<UInt64Type>),
    F32(&'a PrimitiveArray<Float32Type>),
    F64(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, usize),
    WideDecimal(&'a PrimitiveArray<Decimal256Type>, usize),
    Text(&'a StringArray),
    Number(&'a StringArray, u8, u8),
    Bits(&'a StringArray),
    Binary(&'a BinaryArray),
    Geometry(&'a BinaryArray),
    Uuid(&'a FixedSizeBinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Duration(&'a PrimitiveArray<DurationMicrosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Interval(&'a PrimitiveArray<IntervalMonthDayNanoType>),
}

impl<'a> Cells<'a> {
    /// Tells an array apart.
    pub(crate) fn new(array: &'a dyn Array, form: Form) -> Result<Self> {
        Ok(match (array.data_type(), form) {
            (Arrow::Boolean, _) => Self::Boolean(array.as_boolean()),
            (Arrow::Int8, _) => Self::I8(array.as_primitive()),
            (Arrow::Int16, Form::Year) => Self::Year(array.as_primitive()),
            (Arrow::Int16, _) => Self::I16(array.as_primitive()),
            (Arrow::Int32, _) => Self::I32(array.as_primitive()),
            (Arrow::Int64, _) => Self::I64(array.as_primitive()),
            (Arrow::UInt8, _) => Self::U8(array.as_primitive()),
            (Arrow::UInt16, _) => Self::U16(array.as_primitive()),
            (Arrow::UInt32, _) => Self::U32(array.as_primitive()),
            (Arrow::UInt64, _) => Self::U64(array.as_primitive()),
            (Arrow::Float32, _) => Self::F32(array.as_primitive()),
            (Arrow::Float64, _) => Self::F64(array.as_primitive()),
            (Arrow::Decimal128(_, scale), _) if *scale >= 0 => Self::Decimal(array.as_primitive(), *scale as usize),
            (Arrow::Decimal256(_, scale), _) if *scale >= 0 => Self::WideDecimal(array.as_primitive(), *scale as usize),
            (Arrow::Utf8, Form::Number(whole, fraction)) => Self::Number(array.as_string(), whole, fraction),
            (Arrow::Utf8, Form::Bits) => Self::Bits(array.as_string()),
            (Arrow::Utf8, Form::Plain | Form::Geometry | Form::Year) => Self::Text(array.as_string()),
            (Arrow::Binary, Form::Geometry) => Self::Geometry(array.as_binary()),
            (Arrow::Binary, _) => Self::Binary(array.as_binary()),
            (Arrow::FixedSizeBinary(16), _) => Self::Uuid(array.as_fixed_size_binary()),
            (Arrow::Date32, _) => Self::Date(array.as_primitive()),
            (Arrow::Time64(TimeUnit::Microsecond), _) => Self::Time(array.as_primitive()),
            (Arrow::Duration(TimeUnit::Microsecond), _) => Self::Duration(array.as_primitive()),
            (Arrow::Timestamp(TimeUnit::Microsecond, _), _) => Self::Timestamp(array.as_primitive()),
            (Arrow::Interval(arrow_schema::IntervalUnit::MonthDayNano), _) => Self::Interval(array.as_primitive()),
            (other, _) => {
                return Err(Error::internal(format!("The contract has no values of the Arrow type {other}.")));
            }
        })
    }

    /// The array, for its NULLs.
    fn array(&self) -> &'a dyn Array {
        match *self {
            Self::Boolean(a) => a,
            Self::I8(a) => a,
            Self::I16(a) | Self::Year(a) => a,
            Self::I32(a) => a,
            Self::I64(a) => a,
            Self::U8(a) => a,
            Self::U16(a) => a,
            Self::U32(a) => a,
            Self::U64(a) => a,
            Self::F32(a) => a,
            Self::F64(a) => a,
            Self::Decimal(a, _) => a,
            Self::WideDecimal(a, _) => a,
            Self::Text(a) | Self::Number(a, _, _) | Self::Bits(a) => a,
            Self::Binary(a) | Self::Geometry(a) => a,
            Self::Uuid(a) => a,
            Self::Date(a) => a,
            Self::Time(a) => a,
            Self::Duration(a) => a,
            Self::Timestamp(a) => a,
            Self::Interval(a) => a,
        }
    }

    /// The nulls of the array, when it has any.
    pub(crate) fn nulls(&self) -> Option<&'a arrow_buffer::NullBuffer> {
        self.array().nulls().filter(|n| n.null_count() > 0)
    }

    /// Appends one value that is not NULL. The error says why the server cannot hold it.
    #[inline]
    pub(crate) fn put<const LOAD: bool>(&self, row: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            Self::Boolean(a) => out.push(b'0' + u8::from(a.value(row))),
            Self::I8(a) => integer(out, a.value(row)),
            Self::I16(a) => integer(out, a.value(row)),
            Self::Year(a) => quoted::<LOAD>(out, |out| value::year(out, a.value(row)))?,
            Self::I32(a) => integer(out, a.value(row)),
            Self::I64(a) => integer(out, a.value(row)),
            Self::U8(a) => integer(out, a.value(row)),
            Self::U16(a) => integer(out, a.value(row)),
            Self::U32(a) => integer(out, a.value(row)),
            Self::U64(a) => integer(out, a.value(row)),
            // A double that equals the float: its text brings the same float back.
            Self::F32(a) => value::float(out, f64::from(a.value(row)))?,
            Self::F64(a) => value::float(out, a.value(row))?,
            Self::Decimal(a, scale) => value::decimal(out, a.value(row), *scale),
            Self::WideDecimal(a, scale) => wide_decimal(out, a.value(row), *scale),
            Self::Number(a, whole, fraction) => {
                out.extend_from_slice(value::number(a.value(row), usize::from(*whole), usize::from(*fraction))?);
            }
            Self::Text(a) => text::<LOAD>(out, a.value(row).as_bytes()),
            Self::Bits(a) => bits::<LOAD>(out, a.value(row))?,
            Self::Binary(a) => binary::<LOAD>(out, &[a.value(row)]),
            Self::Geometry(a) => {
                let (srid, head, rest) = value::geometry(a.value(row))?;
                binary::<LOAD>(out, &[&srid, &head, rest]);
            }
            Self::Uuid(a) => quoted::<LOAD>(out, |out| {
                value::uuid(out, a.value(row));
                Ok(())
            })?,
            Self::Date(a) => quoted::<LOAD>(out, |out| value::date(out, a.value(row)))?,
            Self::Time(a) => quoted::<LOAD>(out, |out| value::time(out, a.value(row)))?,
            Self::Duration(a) => quoted::<LOAD>(out, |out| value::time(out, a.value(row)))?,
            Self::Timestamp(a) => quoted::<LOAD>(out, |out| value::timestamp(out, a.value(row)))?,
            Self::Interval(a) => quoted::<LOAD>(out, |out| {
                value::interval(out, a.value(row));
                Ok(())
            })?,
        }
        Ok(())
    }
}

/// Appends an integer's digits.
fn integer<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn wide_decimal(out: &mut Vec<u8>, value: i256, scale: usize) {
    match value.to_i128() {
        Some(small) => value::decimal(out, small, scale),
        None => value::digits(out, &value.to_string(), scale),
    }
}

/// Quotes where SQL needs it.
fn quoted<const LOAD: bool>(
    out: &mut Vec<u8>,
    put: impl FnOnce(&mut Vec<u8>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    if LOAD {
        return put(out);
    }
    out.push(b'\'');
    put(out)?;
    out.push(b'\'');
    Ok(())
}

/// What follows the backslash for a byte; 0 for none. LOAD DATA's terminators, and what SQL's strings need.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    table[0] = b'0';
    table[b'\t' as usize] = b't';
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\\' as usize] = b'\\';
    table[b'\'' as usize] = b'\'';
    table
};

/// Appends bytes, escaped.
#[inline]
fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escaped = ESCAPES[usize::from(byte)];
        if escaped != 0 {
            out.extend_from_slice(&bytes[from..at]);
            out.extend_from_slice(&[b'\\', escaped]);
            from = at + 1;
        }
    }
    out.extend_from_slice(&bytes[from..]);
}

#[inline]
fn text<const LOAD: bool>(out: &mut Vec<u8>, text: &[u8]) {
    if LOAD {
        return escape(out, text);
    }
    out.push(b'\'');
    escape(out, text);
    out.push(b'\'');
}

/// Appends bytes that are no text, given in parts.
fn binary<const LOAD: bool>(out: &mut Vec<u8>, parts: &[&[u8]]) {
    if LOAD {
        return parts.iter().for_each(|p| escape(out, p));
    }
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"x'");
    for part in parts {
        out.extend(part.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]));
    }
    out.push(b'\'');
}

/// Appends 0s and 1s as the number they make (SQL) or its bytes (LOAD DATA).
fn bits<const LOAD: bool>(out: &mut Vec<u8>, digits: &str) -> Result<(), &'static str> {
    if digits.is_empty() || digits.len() > 64 {
        return Err("A BIT holds 1 to 64 bits.");
    }
    let number = u64::from_str_radix(digits, 2).map_err(|_| "It is not made of 0 and 1.")?;
    if LOAD {
        let bytes = number.to_be_bytes();
        escape(out, &bytes[8 - digits.len().div_ceil(8)..]);
    } else {
        integer(out, number);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let mut out = Vec::new();
        text::<true>(&mut out, b"a\tb\\\n'\0");
        assert_eq!(out, b"a\\tb\\\\\\n\\'\\0");
        out.clear();
        text::<false>(&mut out, "it's ñ".as_bytes());
        assert_eq!(out, "'it\\'s ñ'".as_bytes());
        out.clear();
        binary::<false>(&mut out, &[&[0, 255], &[16]]);
        assert_eq!(out, b"x'00ff10'");
    }

    #[test]
    fn bits_are_bytes_or_a_number() {
        let mut out = Vec::new();
        bits::<true>(&mut out, "101000001").unwrap();
        assert_eq!(out, [1, 65]);
        out.clear();
        bits::<false>(&mut out, "101000001").unwrap();
        assert_eq!(out, b"321");
        assert!(bits::<true>(&mut out, "").is_err());
        assert!(bits::<true>(&mut out, "12").is_err());
    }
}
