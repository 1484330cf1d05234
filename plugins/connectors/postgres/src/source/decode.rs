//! Rows of a binary COPY into Arrow columns.
//!
//! A row is a 16-bit field count, then for each field a 32-bit length (-1: NULL) and the value in the binary form of
//! its type. Each column has its decoder resolved once; a value is written straight into the column's buffer.

use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray};
use arrow_buffer::{
    BooleanBufferBuilder, Buffer, IntervalMonthDayNano, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer, i256,
};
use arrow_schema::DataType as Arrow;
use sensei_sdk::catalog::DataType;
use sensei_sdk::text::InvalidText;
use sensei_sdk::{Error, Result, arrow_type};

use crate::catalog::ReadableColumn;
use crate::catalog::type_rules::Wire;
use crate::value::{MALFORMED, Refused, Value, calendar, interval, numeric};

/// Room made for the text of the next batch at most: a large value must not be paid for twice.
const ROOM_BYTES: usize = 4 << 20;

/// A value could not be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Which column, in the order of the request; none if the row as a whole is broken.
    pub(crate) column: Option<usize>,
    pub(crate) reason: Refused,
}

/// The columns of a batch on its way in.
pub(crate) struct Columns {
    columns: Vec<Decoder>,
    rows: usize,
}

struct Fixed<T> {
    values: Vec<T>,
    nulls: NullBufferBuilder,
}

struct Variable {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    nulls: NullBufferBuilder,
}

enum Decoder {
    Bool(BooleanBufferBuilder, NullBufferBuilder),
    Int16(Fixed<i16>),
    Int32(Fixed<i32>),
    Int64(Fixed<i64>),
    UInt32(Fixed<u32>),
    UInt64(Fixed<u64>),
    Float32(Fixed<f32>),
    Float64(Fixed<f64>),
    Decimal128(Fixed<i128>, u8, u8),
    Decimal256(Fixed<i256>, u8, u8, Vec<u8>),
    Money(Fixed<i128>, u8, u8),
    NumericText(Variable),
    Utf8(Variable),
    Jsonb(Variable),
    Bits(Variable),
    Bytes(Variable),
    Date(Fixed<i32>),
    Time(Fixed<i64>),
    Timestamp(Fixed<i64>, bool),
    Interval(Fixed<IntervalMonthDayNano>),
    Uuid(Variable16),
}

struct Variable16 {
    bytes: Vec<u8>,
    nulls: NullBufferBuilder,
}

impl<T> Fixed<T> {
    fn new(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), nulls: NullBufferBuilder::new(rows) }
    }

    #[inline]
    fn push(&mut self, value: T) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    #[inline]
    fn null(&mut self, filler: T) {
        self.values.push(filler);
        self.nulls.append_null();
    }

    /// Hands the values over and makes room for as many again.
    fn take(&mut self) -> (Vec<T>, Option<NullBuffer>) {
        let rows = self.values.len();
        (std::mem::replace(&mut self.values, Vec::with_capacity(rows)), self.nulls.finish())
    }
}

impl Variable {
    fn new(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { offsets, bytes: Vec::new(), nulls: NullBufferBuilder::new(rows) }
    }

    /// Ends the value whose bytes were appended.
    #[inline]
    fn end(&mut self) -> Value<()> {
        self.offsets
            .push(i32::try_from(self.bytes.len()).map_err(|_| Refused("the batch holds more than 2 GB of text"))?);
        self.nulls.append_non_null();
        Ok(())
    }

    #[inline]
    fn push(&mut self, value: &[u8]) -> Value<()> {
        self.bytes.extend_from_slice(value);
        self.end()
    }

    #[inline]
    fn null(&mut self) {
        self.offsets.push(self.bytes.len() as i32);
        self.nulls.append_null();
    }

    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        let mut offsets = Vec::with_capacity(self.offsets.len());
        offsets.push(0);
        let offsets = std::mem::replace(&mut self.offsets, offsets);
        let room = Vec::with_capacity(self.bytes.len().min(ROOM_BYTES));
        let bytes = std::mem::replace(&mut self.bytes, room);
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), self.nulls.finish())
    }
}

#[inline]
fn exactly<const N: usize>(value: &[u8]) -> Value<[u8; N]> {
    value.try_into().map_err(|_| MALFORMED)
}

impl Decoder {
    fn new(column: &ReadableColumn, rows: usize) -> Self {
        let arrow = arrow_type(&column.column.data_type);
        match (column.reading.wire, &arrow) {
            (Wire::Bool, _) => Self::Bool(BooleanBufferBuilder::new(rows), NullBufferBuilder::new(rows)),
            (Wire::Int16, _) => Self::Int16(Fixed::new(rows)),
            (Wire::Int32, _) => Self::Int32(Fixed::new(rows)),
            (Wire::Int64, _) => Self::Int64(Fixed::new(rows)),
            (Wire::UInt32, _) => Self::UInt32(Fixed::new(rows)),
            (Wire::UInt64, _) => Self::UInt64(Fixed::new(rows)),
            (Wire::Float32, _) => Self::Float32(Fixed::new(rows)),
            (Wire::Float64, _) => Self::Float64(Fixed::new(rows)),
            (Wire::Numeric, Arrow::Decimal128(p, s)) => Self::Decimal128(Fixed::new(rows), *p, s.unsigned_abs()),
            (Wire::Numeric, Arrow::Decimal256(p, s)) => {
                Self::Decimal256(Fixed::new(rows), *p, s.unsigned_abs(), Vec::new())
            }
            (Wire::Money, Arrow::Decimal128(p, s)) => Self::Money(Fixed::new(rows), *p, s.unsigned_abs()),
            (Wire::Numeric | Wire::NumericText | Wire::Money, _) => Self::NumericText(Variable::new(rows)),
            (Wire::Utf8, _) => Self::Utf8(Variable::new(rows)),
            (Wire::Jsonb, _) => Self::Jsonb(Variable::new(rows)),
            (Wire::Bits, _) => Self::Bits(Variable::new(rows)),
            (Wire::Bytes, _) => Self::Bytes(Variable::new(rows)),
            (Wire::Date, _) => Self::Date(Fixed::new(rows)),
            (Wire::Time, _) => Self::Time(Fixed::new(rows)),
            (Wire::Timestamp, _) => {
                Self::Timestamp(Fixed::new(rows), matches!(&column.column.data_type, DataType::Timestamp(t) if t.zoned))
            }
            (Wire::Interval, _) => Self::Interval(Fixed::new(rows)),
            (Wire::Uuid, _) => {
                Self::Uuid(Variable16 { bytes: Vec::with_capacity(16 * rows), nulls: NullBufferBuilder::new(rows) })
            }
        }
    }

    #[inline]
    fn push(&mut self, value: &[u8]) -> Value<()> {
        match self {
            Self::Bool(values, nulls) => {
                values.append(exactly::<1>(value)?[0] != 0);
                nulls.append_non_null();
            }
            Self::Int16(c) => c.push(i16::from_be_bytes(exactly(value)?)),
            Self::Int32(c) => c.push(i32::from_be_bytes(exactly(value)?)),
            Self::Int64(c) => c.push(i64::from_be_bytes(exactly(value)?)),
            Self::UInt32(c) => c.push(u32::from_be_bytes(exactly(value)?)),
            Self::UInt64(c) => c.push(u64::from_be_bytes(exactly(value)?)),
            Self::Float32(c) => c.push(f32::from_be_bytes(exactly(value)?)),
            Self::Float64(c) => c.push(f64::from_be_bytes(exactly(value)?)),
            Self::Decimal128(c, _, scale) => c.push(numeric::to_i128(value, *scale)?),
            Self::Decimal256(c, _, scale, scratch) => c.push(numeric::to_i256(value, *scale, scratch)?),
            Self::Money(c, ..) => c.push(i128::from(i64::from_be_bytes(exactly(value)?))),
            Self::NumericText(c) => {
                numeric::to_text(value, &mut c.bytes)?;
                c.end()?;
            }
            Self::Utf8(c) | Self::Bytes(c) => c.push(value)?,
            Self::Jsonb(c) => match value {
                [1, text @ ..] => c.push(text)?,
                _ => return Err(MALFORMED),
            },
            Self::Bits(c) => {
                let (count, bits) = value.split_first_chunk::<4>().ok_or(MALFORMED)?;
                let count = u32::from_be_bytes(*count) as usize;
                if bits.len() != count.div_ceil(8) {
                    return Err(MALFORMED);
                }
                c.bytes.extend((0..count).map(|at| b'0' + (bits[at / 8] >> (7 - at % 8) & 1)));
                c.end()?;
            }
            Self::Date(c) => c.push(calendar::date_from_wire(i32::from_be_bytes(exactly(value)?))?),
            Self::Time(c) => c.push(i64::from_be_bytes(exactly(value)?)),
            Self::Timestamp(c, _) => c.push(calendar::timestamp_from_wire(i64::from_be_bytes(exactly(value)?))?),
            Self::Interval(c) => {
                let [m0, m1, m2, m3, m4, m5, m6, m7, d0, d1, d2, d3, n0, n1, n2, n3] = exactly::<16>(value)?;
                c.push(interval::from_wire(
                    i64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]),
                    i32::from_be_bytes([d0, d1, d2, d3]),
                    i32::from_be_bytes([n0, n1, n2, n3]),
                )?);
            }
            Self::Uuid(c) => {
                c.bytes.extend_from_slice(&exactly::<16>(value)?);
                c.nulls.append_non_null();
            }
        }
        Ok(())
    }

    #[inline]
    fn null(&mut self) {
        match self {
            Self::Bool(values, nulls) => {
                values.append(false);
                nulls.append_null();
            }
            Self::Int16(c) => c.null(0),
            Self::Int32(c) | Self::Date(c) => c.null(0),
            Self::Int64(c) | Self::Time(c) | Self::Timestamp(c, _) => c.null(0),
            Self::UInt32(c) => c.null(0),
            Self::UInt64(c) => c.null(0),
            Self::Float32(c) => c.null(0.0),
            Self::Float64(c) => c.null(0.0),
            Self::Decimal128(c, ..) | Self::Money(c, ..) => c.null(0),
            Self::Decimal256(c, ..) => c.null(i256::ZERO),
            Self::NumericText(c) | Self::Utf8(c) | Self::Jsonb(c) | Self::Bits(c) | Self::Bytes(c) => c.null(),
            Self::Interval(c) => c.null(IntervalMonthDayNano::new(0, 0, 0)),
            Self::Uuid(c) => {
                c.bytes.extend_from_slice(&[0; 16]);
                c.nulls.append_null();
            }
        }
    }

    fn finish(&mut self) -> std::result::Result<ArrayRef, arrow_schema::ArrowError> {
        macro_rules! primitive {
            ($column:expr, $kind:ty) => {{
                let (values, nulls) = $column.take();
                PrimitiveArray::<$kind>::try_new(ScalarBuffer::from(values), nulls)?
            }};
        }
        Ok(match self {
            Self::Bool(values, nulls) => Arc::new(BooleanArray::new(values.finish(), nulls.finish())),
            Self::Int16(c) => Arc::new(primitive!(c, Int16Type)),
            Self::Int32(c) => Arc::new(primitive!(c, Int32Type)),
            Self::Int64(c) => Arc::new(primitive!(c, Int64Type)),
            Self::UInt32(c) => Arc::new(primitive!(c, UInt32Type)),
            Self::UInt64(c) => Arc::new(primitive!(c, UInt64Type)),
            Self::Float32(c) => Arc::new(primitive!(c, Float32Type)),
            Self::Float64(c) => Arc::new(primitive!(c, Float64Type)),
            Self::Decimal128(c, precision, scale) | Self::Money(c, precision, scale) => {
                Arc::new(primitive!(c, Decimal128Type).with_precision_and_scale(*precision, *scale as i8)?)
            }
            Self::Decimal256(c, precision, scale, _) => {
                Arc::new(primitive!(c, Decimal256Type).with_precision_and_scale(*precision, *scale as i8)?)
            }
            Self::NumericText(c) | Self::Utf8(c) | Self::Jsonb(c) | Self::Bits(c) => {
                let (offsets, bytes, nulls) = c.take();
                Arc::new(StringArray::try_new(offsets, bytes, nulls)?)
            }
            Self::Bytes(c) => {
                let (offsets, bytes, nulls) = c.take();
                Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?)
            }
            Self::Date(c) => Arc::new(primitive!(c, Date32Type)),
            Self::Time(c) => Arc::new(primitive!(c, Time64MicrosecondType)),
            Self::Timestamp(c, zoned) => {
                let array = primitive!(c, TimestampMicrosecondType);
                Arc::new(if *zoned { array.with_timezone("UTC") } else { array })
            }
            Self::Interval(c) => Arc::new(primitive!(c, IntervalMonthDayNanoType)),
            Self::Uuid(c) => {
                let room = Vec::with_capacity(c.bytes.len());
                let bytes = std::mem::replace(&mut c.bytes, room);
                Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes), c.nulls.finish())?)
            }
        })
    }

    /// The first text value that is not UTF-8: a database whose encoding is SQL_ASCII stores anything.
    fn first_not_utf8(&self) -> Option<usize> {
        let (Self::Utf8(c) | Self::Jsonb(c)) = self else { return None };
        if std::str::from_utf8(&c.bytes).is_ok() && c.offsets.iter().all(|at| boundary(&c.bytes, *at)) {
            return None;
        }
        c.offsets.windows(2).position(|pair| std::str::from_utf8(&c.bytes[pair[0] as usize..pair[1] as usize]).is_err())
    }

    /// Makes UTF-8 of the texts that are none.
    fn mend(&mut self, invalid_text: InvalidText) {
        let (Self::Utf8(c) | Self::Jsonb(c)) = self else { return };
        let (offsets, bytes) = (std::mem::take(&mut c.offsets), std::mem::take(&mut c.bytes));
        c.offsets = vec![0];
        for pair in offsets.windows(2) {
            let text = invalid_text.read(&bytes[pair[0] as usize..pair[1] as usize]);
            c.bytes.extend_from_slice(text.as_deref().unwrap_or_default().as_bytes());
            c.offsets.push(c.bytes.len() as i32);
        }
    }

    /// The value of a row as text, for messages: of the kinds that keys are made of.
    fn describe(&self, row: usize) -> Option<String> {
        match self {
            Self::Int16(c) => c.values.get(row).map(ToString::to_string),
            Self::Int32(c) => c.values.get(row).map(ToString::to_string),
            Self::Int64(c) => c.values.get(row).map(ToString::to_string),
            Self::Utf8(c) => {
                let (from, to) = (*c.offsets.get(row)?, *c.offsets.get(row + 1)?);
                Some(String::from_utf8_lossy(&c.bytes[from as usize..to as usize]).chars().take(60).collect())
            }
            Self::Uuid(c) => {
                c.bytes.get(16 * row..16 * row + 16).map(|b| b.iter().map(|b| format!("{b:02x}")).collect())
            }
            _ => None,
        }
    }
}

fn boundary(bytes: &[u8], at: i32) -> bool {
    bytes.get(at as usize).is_none_or(|b| b & 0xC0 != 0x80)
}

impl Columns {
    /// Room for `rows` rows of these columns.
    pub(crate) fn new(columns: &[ReadableColumn], rows: usize) -> Self {
        Self { columns: columns.iter().map(|c| Decoder::new(c, rows)).collect(), rows: 0 }
    }

    /// Rows since the last [`Self::finish`].
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes one row in; false if it was the trailer that ends the COPY. `bytes` loses what was read.
    #[inline]
    pub(crate) fn push_row(&mut self, bytes: &mut &[u8]) -> Result<bool, Failure> {
        const BROKEN: Failure = Failure { column: None, reason: MALFORMED };
        let (count, mut rest) = bytes.split_first_chunk::<2>().ok_or(BROKEN)?;
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            *bytes = rest;
            return Ok(false);
        }
        if usize::try_from(count) != Ok(self.columns.len()) {
            return Err(BROKEN);
        }
        for (at, column) in self.columns.iter_mut().enumerate() {
            let (length, after) = rest.split_first_chunk::<4>().ok_or(BROKEN)?;
            let length = i32::from_be_bytes(*length);
            if length < 0 {
                column.null();
                rest = after;
            } else {
                let (value, after) = after.split_at_checked(length as usize).ok_or(BROKEN)?;
                column.push(value).map_err(|reason| Failure { column: Some(at), reason })?;
                rest = after;
            }
        }
        *bytes = rest;
        self.rows += 1;
        Ok(true)
    }

    /// The arrays of the rows so far; the next batch begins.
    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>> {
        self.rows = 0;
        self.columns
            .iter_mut()
            .map(|c| c.finish().map_err(|e| Error::internal(format!("Arrow refuses a column: {e}"))))
            .collect()
    }

    /// Makes UTF-8 of the texts that are none.
    pub(crate) fn mend(&mut self, invalid_text: InvalidText) {
        let broken = |column: &&mut Decoder| column.first_not_utf8().is_some();
        self.columns.iter_mut().filter(broken).for_each(|column| column.mend(invalid_text));
    }

    /// Column and row of the first text that is not UTF-8.
    pub(crate) fn first_not_utf8(&self) -> Option<(usize, usize)> {
        self.columns.iter().enumerate().find_map(|(at, c)| c.first_not_utf8().map(|row| (at, row)))
    }

    /// The values of these columns in a row, as far as they are known.
    pub(crate) fn describe(&self, columns: &[usize], row: usize) -> Option<Vec<String>> {
        columns.iter().map(|at| self.columns.get(*at)?.describe(row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use sensei_sdk::catalog::Decimal;
    use sensei_sdk::plain_column;

    use super::*;
    use crate::catalog::type_rules::Reading;

    fn column(data_type: DataType, wire: Wire) -> ReadableColumn {
        let reading = Reading { data_type: data_type.clone(), wire, as_text: false };
        let column = plain_column("c", "", data_type);
        ReadableColumn { column, reading, built_in: true }
    }

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut row = (values.len() as u16).to_be_bytes().to_vec();
        for value in values {
            row.extend_from_slice(&value.map_or(-1, |v| v.len() as i32).to_be_bytes());
            row.extend_from_slice(value.unwrap_or_default());
        }
        row
    }

    #[test]
    fn rows_become_columns() {
        let shape = [
            column(DataType::Decimal(Decimal { precision: 10, scale: 2 }), Wire::Numeric),
            column(DataType::Json, Wire::Jsonb),
            column(DataType::Native, Wire::Bits),
        ];
        let mut columns = Columns::new(&shape, 2);
        let first =
            row(&[Some(&[0, 2, 0, 0, 0, 0, 0, 2, 0, 1, 0x13, 0x88]), Some(b"\x01{}"), Some(&[0, 0, 0, 3, 0xA0])]);
        let second = row(&[None, None, None]);
        let trailer = [0xff, 0xff];
        let all = [&first[..], &second, &trailer].concat();
        let mut rest = &all[..];
        assert_eq!(columns.push_row(&mut rest), Ok(true));
        assert_eq!(columns.push_row(&mut rest), Ok(true));
        assert_eq!(columns.push_row(&mut rest), Ok(false));
        assert!(rest.is_empty());
        let arrays = columns.finish().unwrap();
        assert_eq!(arrays[0].as_primitive::<Decimal128Type>().value(0), 150);
        assert_eq!(arrays[1].as_string::<i32>().value(0), "{}");
        assert_eq!(arrays[2].as_string::<i32>().value(0), "101");
        assert!(arrays.iter().all(|a| a.len() == 2 && a.is_null(1)));
    }

    #[test]
    fn bad_values_name_their_column() {
        let shape = [column(DataType::Json, Wire::Utf8), column(DataType::Date, Wire::Date)];
        let mut columns = Columns::new(&shape, 1);
        let bad = row(&[Some(b"x"), Some(&[0, 0])]);
        assert_eq!(columns.push_row(&mut &bad[..]), Err(Failure { column: Some(1), reason: MALFORMED }));
        let mut columns = Columns::new(&shape[..1], 1);
        columns.push_row(&mut &row(&[Some(b"ok")])[..]).unwrap();
        columns.push_row(&mut &row(&[Some(&[0xff, 0xfe])])[..]).unwrap();
        assert_eq!(columns.first_not_utf8(), Some((0, 1)));
        assert_eq!(columns.describe(&[0], 0), Some(vec!["ok".to_owned()]));
    }
}
