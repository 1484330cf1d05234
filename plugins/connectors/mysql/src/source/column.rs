//! One column on its way from rows to Arrow: a decoder chosen once, a buffer that values are appended to.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BinaryArray, FixedSizeBinaryArray, PrimitiveArray, StringArray};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::DataType as Arrow;
use sensei_sdk::catalog::{Column as Described, DataType};
use sensei_sdk::{Error, Kind, Result, arrow_type};

use super::value::{self, Bad, Date};
use crate::configuration::ZeroDates;
use crate::connection::packet::Cursor;

/// Bytes a column is given before it needs them: after a batch with a large value the next one has none, mostly.
const MAX_RESERVED_BYTES: usize = 4 * 1024 * 1024;

/// The zero date, as the contract writes it: the smallest plus one.
const ZERO_DAY: i32 = i32::MIN + 1;
const ZERO_INSTANT: i64 = i64::MIN + 1;

/// Wire types ("Column Definition" of the protocol) by how their values lie in a row.
mod wire {
    pub(super) const ONE: &[u8] = &[1];
    pub(super) const TWO: &[u8] = &[2, 13];
    pub(super) const FOUR: &[u8] = &[3, 9];
    pub(super) const EIGHT: &[u8] = &[8];
    pub(super) const FLOAT: &[u8] = &[4];
    pub(super) const DOUBLE: &[u8] = &[5];
    pub(super) const DATE: &[u8] = &[10];
    pub(super) const TIME: &[u8] = &[11];
    pub(super) const DATETIME: &[u8] = &[7, 12];
    /// Length-encoded bytes.
    pub(super) const BYTES: &[u8] = &[0, 15, 16, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255];
}

/// Bytes and where each value ends.
#[derive(Default)]
pub(crate) struct Bytes {
    ends: Vec<i32>,
    data: Vec<u8>,
}

impl Bytes {
    fn end(&mut self) {
        self.ends.push(self.data.len() as i32);
    }
}

/// What a column gathers.
enum Values {
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Decimal(Vec<i128>, u8, u8),
    WideDecimal(Vec<i256>, u8, u8),
    Date(Vec<i32>, ZeroDates),
    Time(Vec<i64>),
    /// Zoned?
    Timestamp(Vec<i64>, ZeroDates, bool),
    Text(Bytes),
    Binary(Bytes),
    Geometry(Bytes),
    /// So many bits.
    Bits(Bytes, usize),
    Uuid(Vec<u8>),
}

/// A column being read.
pub(crate) struct Column {
    pub(crate) name: String,
    values: Values,
    nulls: NullBufferBuilder,
    /// Rows asked for in a batch; what a new buffer is made for.
    capacity: usize,
    /// Bytes of the last batch; a good guess for the next.
    bytes: usize,
}

impl Column {
    /// A decoder for a column that the server sends as `wire`.
    pub(crate) fn new(described: &Described, wire: u8, zero_dates: ZeroDates, capacity: usize) -> Result<Self> {
        let (values, wires) = match (&described.data_type, arrow_type(&described.data_type)) {
            (DataType::Integer(_), Arrow::Int8) => (Values::I8(vec![]), wire::ONE),
            (DataType::Integer(_), Arrow::UInt8) => (Values::U8(vec![]), wire::ONE),
            (DataType::Integer(_), Arrow::Int16) => (Values::I16(vec![]), wire::TWO),
            (DataType::Integer(_), Arrow::UInt16) => (Values::U16(vec![]), wire::TWO),
            (DataType::Integer(_), Arrow::Int32) => (Values::I32(vec![]), wire::FOUR),
            (DataType::Integer(_), Arrow::UInt32) => (Values::U32(vec![]), wire::FOUR),
            (DataType::Integer(_), Arrow::UInt64) => (Values::U64(vec![]), wire::EIGHT),
            (DataType::Integer(_), _) => (Values::I64(vec![]), wire::EIGHT),
            (DataType::Float(_), Arrow::Float32) => (Values::F32(vec![]), wire::FLOAT),
            (DataType::Float(_), _) => (Values::F64(vec![]), wire::DOUBLE),
            (DataType::Decimal(_), Arrow::Decimal128(p, s)) => (Values::Decimal(vec![], p, s as u8), wire::BYTES),
            (DataType::Decimal(_), Arrow::Decimal256(p, s)) => (Values::WideDecimal(vec![], p, s as u8), wire::BYTES),
            (DataType::Date, _) => (Values::Date(vec![], zero_dates), wire::DATE),
            (DataType::Duration(_), _) => (Values::Time(vec![]), wire::TIME),
            (DataType::Timestamp(t), _) => (Values::Timestamp(vec![], zero_dates, t.zoned), wire::DATETIME),
            (DataType::Bits(b), _) => (Values::Bits(Bytes::default(), b.length.unwrap_or(1) as usize), wire::BYTES),
            (DataType::Uuid, _) => (Values::Uuid(vec![]), wire::BYTES),
            (DataType::Binary(_), _) => (Values::Binary(Bytes::default()), wire::BYTES),
            (DataType::Geometry(_), _) => (Values::Geometry(Bytes::default()), wire::BYTES),
            (
                DataType::Text(_)
                | DataType::Json
                | DataType::Enumeration(_)
                | DataType::Set(_)
                | DataType::Native
                | DataType::Number
                | DataType::Decimal(_),
                _,
            ) => (Values::Text(Bytes::default()), wire::BYTES),
            (DataType::Boolean | DataType::Time(_) | DataType::Interval, _) => {
                return Err(Error::internal(format!("{} is no type of this system.", described.native_type)));
            }
        };
        if !wires.contains(&wire) {
            return Err(Error::new(
                Kind::InvalidData,
                "The column has another type than when it was described. Plan again.",
            )
            .column(&described.name));
        }
        let nulls = NullBufferBuilder::new(capacity);
        let mut it = Self { name: described.name.clone(), values, nulls, capacity, bytes: 0 };
        it.reserve();
        Ok(it)
    }

    /// Makes room for a batch.
    fn reserve(&mut self) {
        let (rows, bytes) = (self.capacity, (self.bytes + self.bytes / 8).min(MAX_RESERVED_BYTES));
        match &mut self.values {
            Values::I8(v) => v.reserve(rows),
            Values::U8(v) => v.reserve(rows),
            Values::Uuid(v) => v.reserve(rows * 16),
            Values::I16(v) => v.reserve(rows),
            Values::U16(v) => v.reserve(rows),
            Values::I32(v) | Values::Date(v, _) => v.reserve(rows),
            Values::U32(v) => v.reserve(rows),
            Values::I64(v) | Values::Time(v) | Values::Timestamp(v, _, _) => v.reserve(rows),
            Values::U64(v) => v.reserve(rows),
            Values::F32(v) => v.reserve(rows),
            Values::F64(v) => v.reserve(rows),
            Values::Decimal(v, _, _) => v.reserve(rows),
            Values::WideDecimal(v, _, _) => v.reserve(rows),
            Values::Text(b) | Values::Binary(b) | Values::Geometry(b) | Values::Bits(b, _) => {
                b.ends.reserve(rows + 1);
                b.ends.push(0);
                b.data.reserve(bytes);
            }
        }
    }

    /// Appends the value that comes next in a row.
    #[inline]
    pub(crate) fn push(&mut self, row: &mut Cursor<'_>) -> Result<(), Bad> {
        /// A fixed number of bytes.
        macro_rules! fixed {
            ($values:expr, $type:ty) => {{
                let (head, rest) = row.0.split_first_chunk().ok_or(Bad::Protocol)?;
                row.0 = rest;
                $values.push(<$type>::from_le_bytes(*head));
            }};
        }
        let mut bytes = || match row.value() {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) | Err(_) => Err(Bad::Protocol),
        };
        match &mut self.values {
            Values::I8(v) => fixed!(v, i8),
            Values::U8(v) => fixed!(v, u8),
            Values::I16(v) => fixed!(v, i16),
            Values::U16(v) => fixed!(v, u16),
            Values::I32(v) => fixed!(v, i32),
            Values::U32(v) => fixed!(v, u32),
            Values::I64(v) => fixed!(v, i64),
            Values::U64(v) => fixed!(v, u64),
            Values::F32(v) => fixed!(v, f32),
            Values::F64(v) => fixed!(v, f64),
            Values::Decimal(v, _, scale) => v.push(value::decimal(bytes()?, usize::from(*scale))?),
            Values::WideDecimal(v, _, scale) => v.push(value::wide_decimal(bytes()?, usize::from(*scale))?),
            Values::Time(v) => v.push(value::time(bytes()?)?),
            Values::Date(v, zero_dates) => match (value::date(bytes()?), *zero_dates) {
                (Date::Day(day), _) => v.push(day),
                (Date::Zero, ZeroDates::Keep) => v.push(ZERO_DAY),
                (other, policy) => {
                    no_date(other, policy)?;
                    self.push_null();
                    return Ok(());
                }
            },
            Values::Timestamp(v, zero_dates, _) => match (value::datetime(bytes()?), *zero_dates) {
                ((Date::Day(day), of_day), _) => v.push(value::micros(day, of_day)),
                ((Date::Zero, 0), ZeroDates::Keep) => v.push(ZERO_INSTANT),
                // A zero date with a time of day has no neutral form.
                ((Date::Zero, _), ZeroDates::Keep) => return Err(Bad::PartialDate),
                ((other, _), policy) => {
                    no_date(other, policy)?;
                    self.push_null();
                    return Ok(());
                }
            },
            Values::Text(b) | Values::Binary(b) => {
                b.data.extend_from_slice(bytes()?);
                b.end();
            }
            Values::Geometry(b) => {
                value::geometry(&mut b.data, bytes()?)?;
                b.end();
            }
            Values::Bits(b, length) => {
                let bytes = bytes()?;
                let shift = (bytes.len() * 8).checked_sub(*length).ok_or(Bad::Protocol)?;
                let bit = |at: usize| bytes[(at + shift) / 8] >> (7 - (at + shift) % 8) & 1;
                b.data.extend((0..*length).map(|at| b'0' + bit(at)));
                b.end();
            }
            Values::Uuid(v) => v.extend_from_slice(&value::uuid(bytes()?)?),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// Appends a NULL.
    pub(crate) fn push_null(&mut self) {
        self.nulls.append_null();
        match &mut self.values {
            Values::I8(v) => v.push(0),
            Values::U8(v) => v.push(0),
            Values::Uuid(v) => v.resize(v.len() + 16, 0),
            Values::I16(v) => v.push(0),
            Values::U16(v) => v.push(0),
            Values::I32(v) | Values::Date(v, _) => v.push(0),
            Values::U32(v) => v.push(0),
            Values::I64(v) | Values::Time(v) | Values::Timestamp(v, _, _) => v.push(0),
            Values::U64(v) => v.push(0),
            Values::F32(v) => v.push(0.0),
            Values::F64(v) => v.push(0.0),
            Values::Decimal(v, _, _) => v.push(0),
            Values::WideDecimal(v, _, _) => v.push(i256::ZERO),
            Values::Text(b) | Values::Binary(b) | Values::Geometry(b) | Values::Bits(b, _) => b.end(),
        }
    }

    /// What was gathered, as an array; the column is then empty. The error is the row of a text that is no UTF-8.
    pub(crate) fn finish(&mut self) -> std::result::Result<ArrayRef, usize> {
        fn primitive<T: ArrowPrimitiveType>(
            values: &mut Vec<T::Native>,
            nulls: Option<arrow_buffer::NullBuffer>,
        ) -> PrimitiveArray<T> {
            PrimitiveArray::new(std::mem::take(values).into(), nulls)
        }
        fn offsets(ends: &mut Vec<i32>) -> OffsetBuffer<i32> {
            let ends = ScalarBuffer::from(std::mem::take(ends));
            // SAFETY: it begins with 0, and each end is the length of a buffer that only grows.
            unsafe { OffsetBuffer::new_unchecked(ends) }
        }
        let nulls = self.nulls.finish();
        self.nulls = NullBufferBuilder::new(self.capacity);
        self.bytes = match &self.values {
            Values::Text(b) | Values::Binary(b) | Values::Geometry(b) | Values::Bits(b, _) => b.data.len(),
            _ => 0,
        };
        let array: ArrayRef = match &mut self.values {
            Values::I8(v) => Arc::new(primitive::<Int8Type>(v, nulls)),
            Values::U8(v) => Arc::new(primitive::<UInt8Type>(v, nulls)),
            Values::I16(v) => Arc::new(primitive::<Int16Type>(v, nulls)),
            Values::U16(v) => Arc::new(primitive::<UInt16Type>(v, nulls)),
            Values::I32(v) => Arc::new(primitive::<Int32Type>(v, nulls)),
            Values::U32(v) => Arc::new(primitive::<UInt32Type>(v, nulls)),
            Values::I64(v) => Arc::new(primitive::<Int64Type>(v, nulls)),
            Values::U64(v) => Arc::new(primitive::<UInt64Type>(v, nulls)),
            Values::F32(v) => Arc::new(primitive::<Float32Type>(v, nulls)),
            Values::F64(v) => Arc::new(primitive::<Float64Type>(v, nulls)),
            Values::Date(v, _) => Arc::new(primitive::<Date32Type>(v, nulls)),
            Values::Time(v) => Arc::new(primitive::<DurationMicrosecondType>(v, nulls)),
            Values::Decimal(v, p, s) => {
                Arc::new(primitive::<Decimal128Type>(v, nulls).with_data_type(Arrow::Decimal128(*p, *s as i8)))
            }
            Values::WideDecimal(v, p, s) => {
                Arc::new(primitive::<Decimal256Type>(v, nulls).with_data_type(Arrow::Decimal256(*p, *s as i8)))
            }
            Values::Timestamp(v, _, zoned) => {
                let array = primitive::<TimestampMicrosecondType>(v, nulls);
                Arc::new(if *zoned { array.with_timezone("UTC") } else { array })
            }
            Values::Uuid(v) => Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(std::mem::take(v)), nulls)),
            Values::Binary(b) | Values::Geometry(b) => {
                let data = Buffer::from_vec(std::mem::take(&mut b.data));
                Arc::new(BinaryArray::new(offsets(&mut b.ends), data, nulls))
            }
            Values::Bits(b, _) | Values::Text(b) => {
                check_text(&b.data, &b.ends)?;
                let data = Buffer::from_vec(std::mem::take(&mut b.data));
                // SAFETY: just checked, as one text and at every boundary.
                Arc::new(unsafe { StringArray::new_unchecked(offsets(&mut b.ends), data, nulls) })
            }
        };
        self.reserve();
        Ok(array)
    }
}

/// Whether something that is no date becomes NULL.
fn no_date(date: Date, zero_dates: ZeroDates) -> Result<(), Bad> {
    match (date, zero_dates) {
        (Date::Zero | Date::Bad(Bad::PartialDate), ZeroDates::Null) => Ok(()),
        (Date::Bad(bad), _) => Err(bad),
        (Date::Zero | Date::Day(_), _) => Err(Bad::ZeroDate),
    }
}

/// The row of the first value that is no UTF-8.
fn check_text(data: &[u8], ends: &[i32]) -> std::result::Result<(), usize> {
    if let Ok(text) = std::str::from_utf8(data) {
        // All ASCII: every place is a boundary.
        if text.is_ascii() || ends.iter().all(|end| text.is_char_boundary(*end as usize)) {
            return Ok(());
        }
    }
    let bad = |w: &[i32]| std::str::from_utf8(&data[w[0] as usize..w[1] as usize]).is_err();
    Err(ends.windows(2).position(bad).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_text_is_found() {
        assert_eq!(check_text("añb".as_bytes(), &[0, 1, 3, 4]), Ok(()));
        assert_eq!(check_text("añb".as_bytes(), &[0, 2, 4]), Err(0));
        assert_eq!(check_text(b"a\xffb", &[0, 1, 2, 3]), Err(1));
    }

    #[test]
    fn dates_that_are_none() {
        assert_eq!(no_date(Date::Zero, ZeroDates::Null), Ok(()));
        assert_eq!(no_date(Date::Bad(Bad::PartialDate), ZeroDates::Null), Ok(()));
        assert_eq!(no_date(Date::Bad(Bad::NoSuchDay), ZeroDates::Null), Err(Bad::NoSuchDay));
        assert_eq!(no_date(Date::Zero, ZeroDates::Reject), Err(Bad::ZeroDate));
        assert_eq!(no_date(Date::Bad(Bad::PartialDate), ZeroDates::Keep), Err(Bad::PartialDate));
    }
}
