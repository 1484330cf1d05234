//! Rows of a statement straight into Arrow builders.
//!
//! What a column becomes is resolved once ([`Decode`]); each value is then one storage class and one `match`. A value
//! that is not what the column promised is an error that names it (P2): nothing is zeroed, cut or rounded.

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Decimal128Builder, Decimal256Builder, FixedSizeBinaryBuilder, PrimitiveBuilder,
    StringBuilder,
};
use arrow_array::types::{
    Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType as Arrow, Field};
use sensei_sdk::catalog::{Column, DataType};
use sensei_sdk::text::InvalidText;
use sensei_sdk::{Error, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::database::{Class, Statement};
use crate::facts::EXACT_IN_REAL;
use crate::number::{self, Parts, Shortest};
use crate::{interval, temporal, uuid};

/// Bytes a text or binary builder begins with, a row: it grows by itself where that is not enough.
const BYTES_A_ROW: usize = 16;

/// How a column's values become Arrow values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Decode {
    Boolean,
    Integer,
    Float,
    Decimal,
    Number,
    Text,
    Binary,
    Date,
    Time,
    Timestamp,
    Duration,
    Interval,
    Uuid,
}

impl Decode {
    pub(crate) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Integer(_) => Self::Integer,
            DataType::Float(_) => Self::Float,
            DataType::Decimal(d) if d.precision <= 76 && d.scale <= d.precision => Self::Decimal,
            DataType::Decimal(_) | DataType::Number => Self::Number,
            DataType::Text(_)
            | DataType::Json
            | DataType::Bits(_)
            | DataType::Enumeration(_)
            | DataType::Set(_)
            | DataType::Native => Self::Text,
            DataType::Binary(_) | DataType::Geometry(_) => Self::Binary,
            DataType::Date => Self::Date,
            DataType::Time(_) => Self::Time,
            DataType::Timestamp(_) => Self::Timestamp,
            DataType::Duration(_) => Self::Duration,
            DataType::Interval => Self::Interval,
            DataType::Uuid => Self::Uuid,
        }
    }
}

/// A column as it is read: what a session needs that did not read the catalog itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReadColumn {
    pub(crate) decode: Decode,
    pub(crate) field: Field,
}

impl ReadColumn {
    pub(crate) fn of(column: &Column) -> Self {
        Self { decode: Decode::of(&column.data_type), field: sensei_sdk::arrow_field(column) }
    }
}

/// A value that is not what its column promised.
#[derive(Debug)]
pub(crate) struct Mismatch(pub(crate) String);

/// One column of a batch.
pub(crate) struct ColumnBuilder {
    decode: Decode,
    nullable: bool,
    /// What the column should hold, for messages.
    arrow: Arrow,
    builder: Builder,
    invalid_text: InvalidText,
}

enum Builder {
    Boolean(BooleanBuilder),
    Int8(PrimitiveBuilder<Int8Type>),
    Int16(PrimitiveBuilder<Int16Type>),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    UInt8(PrimitiveBuilder<UInt8Type>),
    UInt16(PrimitiveBuilder<UInt16Type>),
    UInt32(PrimitiveBuilder<UInt32Type>),
    UInt64(PrimitiveBuilder<UInt64Type>),
    Float32(PrimitiveBuilder<Float32Type>),
    Float64(PrimitiveBuilder<Float64Type>),
    Decimal128(Decimal128Builder, u8, u8),
    Decimal256(Decimal256Builder, u8, u8),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>, bool),
    Duration(PrimitiveBuilder<DurationMicrosecondType>),
    Interval(PrimitiveBuilder<IntervalMonthDayNanoType>),
    Uuid(FixedSizeBinaryBuilder),
}

/// Does the same to the builder whatever its type.
macro_rules! each_builder {
    ($on:expr, $b:ident => $do:expr) => {
        match $on {
            Builder::Boolean($b) => $do,
            Builder::Int8($b) => $do,
            Builder::Int16($b) => $do,
            Builder::Int32($b) => $do,
            Builder::Int64($b) => $do,
            Builder::UInt8($b) => $do,
            Builder::UInt16($b) => $do,
            Builder::UInt32($b) => $do,
            Builder::UInt64($b) => $do,
            Builder::Float32($b) => $do,
            Builder::Float64($b) => $do,
            Builder::Decimal128($b, ..) => $do,
            Builder::Decimal256($b, ..) => $do,
            Builder::Text($b) => $do,
            Builder::Binary($b) => $do,
            Builder::Date($b) => $do,
            Builder::Time($b) => $do,
            Builder::Timestamp($b, _) => $do,
            Builder::Duration($b) => $do,
            Builder::Interval($b) => $do,
            Builder::Uuid($b) => $do,
        }
    };
}

fn primitive<T: ArrowPrimitiveType>(rows: usize, arrow: &Arrow) -> PrimitiveBuilder<T> {
    PrimitiveBuilder::with_capacity(rows).with_data_type(arrow.clone())
}

impl Builder {
    fn new(arrow: &Arrow, rows: usize) -> Result<Self> {
        Ok(match arrow {
            Arrow::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            Arrow::Int8 => Self::Int8(primitive(rows, arrow)),
            Arrow::Int16 => Self::Int16(primitive(rows, arrow)),
            Arrow::Int32 => Self::Int32(primitive(rows, arrow)),
            Arrow::Int64 => Self::Int64(primitive(rows, arrow)),
            Arrow::UInt8 => Self::UInt8(primitive(rows, arrow)),
            Arrow::UInt16 => Self::UInt16(primitive(rows, arrow)),
            Arrow::UInt32 => Self::UInt32(primitive(rows, arrow)),
            Arrow::UInt64 => Self::UInt64(primitive(rows, arrow)),
            Arrow::Float32 => Self::Float32(primitive(rows, arrow)),
            Arrow::Float64 => Self::Float64(primitive(rows, arrow)),
            Arrow::Decimal128(p, s) => Self::Decimal128(primitive(rows, arrow), *p, s.unsigned_abs()),
            Arrow::Decimal256(p, s) => Self::Decimal256(primitive(rows, arrow), *p, s.unsigned_abs()),
            Arrow::Utf8 => Self::Text(StringBuilder::with_capacity(rows, rows * BYTES_A_ROW)),
            Arrow::Binary => Self::Binary(BinaryBuilder::with_capacity(rows, rows * BYTES_A_ROW)),
            Arrow::Date32 => Self::Date(primitive(rows, arrow)),
            Arrow::Time64(_) => Self::Time(primitive(rows, arrow)),
            Arrow::Timestamp(_, zone) => Self::Timestamp(primitive(rows, arrow), zone.is_some()),
            Arrow::Duration(_) => Self::Duration(primitive(rows, arrow)),
            Arrow::Interval(_) => Self::Interval(primitive(rows, arrow)),
            Arrow::FixedSizeBinary(16) => Self::Uuid(FixedSizeBinaryBuilder::with_capacity(rows, 16)),
            other => return Err(Error::internal(format!("No column is read as {other}."))),
        })
    }
}

impl ColumnBuilder {
    pub(crate) fn new(column: &ReadColumn, rows: usize, invalid_text: InvalidText) -> Result<Self> {
        let arrow = column.field.data_type().clone();
        let builder = Builder::new(&arrow, rows)?;
        let nullable = column.field.is_nullable();
        Ok(Self { decode: column.decode, nullable, arrow, builder, invalid_text })
    }

    /// The finished column; the builder is empty again.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        each_builder!(&mut self.builder, b => Arc::new(b.finish()))
    }

    /// Appends one value of the present row; says how many bytes it took.
    #[inline]
    pub(crate) fn append(&mut self, row: &Statement, at: usize) -> Result<usize, Mismatch> {
        let class = row.class(at);
        if class == Class::Null {
            if !self.nullable {
                return Err(Mismatch("it is NULL, and the column was found to have no NULL".to_owned()));
            }
            each_builder!(&mut self.builder, b => b.append_null());
            return Ok(1);
        }
        self.append_value(row, at, class)
    }

    fn append_value(&mut self, row: &Statement, at: usize, class: Class) -> Result<usize, Mismatch> {
        let arrow = &self.arrow;
        let other = || Mismatch(format!("it is {} and the column is read as {arrow}", class.name()));
        let misread = || Mismatch(format!("`{}` is no {arrow}", excerpt(row.bytes(at))));
        match (&mut self.builder, class) {
            (Builder::Boolean(b), Class::Integer) => match row.integer(at) {
                value @ (0 | 1) => b.append_value(value == 1),
                value => return Err(Mismatch(format!("{value} is neither 0 nor 1"))),
            },
            (Builder::Int64(b), Class::Integer) => b.append_value(row.integer(at)),
            (Builder::Int8(b), Class::Integer) => b.append_value(narrow(row.integer(at), arrow)?),
            (Builder::Int16(b), Class::Integer) => b.append_value(narrow(row.integer(at), arrow)?),
            (Builder::Int32(b), Class::Integer) => b.append_value(narrow(row.integer(at), arrow)?),
            (Builder::UInt8(b), Class::Integer) => b.append_value(narrow(row.integer(at), arrow)?),
            (Builder::UInt16(b), Class::Integer) => b.append_value(narrow(row.integer(at), arrow)?),
            (Builder::UInt32(b), Class::Integer) => b.append_value(narrow(row.integer(at), arrow)?),
            (Builder::UInt64(b), Class::Integer) => b.append_value(narrow(row.integer(at), arrow)?),
            (Builder::UInt64(b), Class::Text) => {
                let parts = Parts::parse(row.bytes(at)).and_then(|p| p.scaled(20, 0));
                b.append_value(parts.and_then(|n| u64::try_from(n).ok()).ok_or_else(misread)?);
            }
            (Builder::Float64(b), Class::Real) => b.append_value(row.real(at)),
            (Builder::Float64(b), Class::Integer) => {
                let value = row.integer(at);
                if !(-EXACT_IN_REAL..=EXACT_IN_REAL).contains(&value) {
                    return Err(Mismatch(format!("the INTEGER {value} has no REAL of its own")));
                }
                b.append_value(value as f64);
            }
            (Builder::Float32(b), Class::Real) => {
                let value = row.real(at);
                if f64::from(value as f32) != value {
                    return Err(Mismatch(format!("{value} has no 32-bit float of its own")));
                }
                b.append_value(value as f32);
            }
            (Builder::Float32(b), Class::Integer) => {
                let value = row.integer(at);
                if !(-(1 << 24)..=1 << 24).contains(&value) {
                    return Err(Mismatch(format!("the INTEGER {value} has no 32-bit float of its own")));
                }
                b.append_value(value as f32);
            }
            (Builder::Decimal128(b, precision, scale), Class::Integer | Class::Real | Class::Text) => {
                let (precision, scale) = (*precision, *scale);
                b.append_value(decimal(row, at, class, |p| p.scaled(precision, scale), arrow)?);
            }
            (Builder::Decimal256(b, precision, scale), Class::Integer | Class::Real | Class::Text) => {
                let (precision, scale) = (*precision, *scale);
                b.append_value(decimal(row, at, class, |p| p.scaled_wide(precision, scale), arrow)?);
            }
            (Builder::Text(b), Class::Text) => {
                let bytes = row.bytes(at);
                let value = self.invalid_text.read(bytes).ok_or_else(|| {
                    let valid = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
                    Mismatch(format!("its bytes from {valid} on are not UTF-8; see `invalid_text` of the connection"))
                })?;
                if self.decode == Decode::Number && !number::is_number(bytes) {
                    return Err(Mismatch(format!("`{}` is no number", excerpt(bytes))));
                }
                b.append_value(&value);
                return Ok(value.len() + size_of::<i32>());
            }
            (Builder::Text(b), Class::Integer) => {
                use std::fmt::Write;
                // Into the builder itself: no text of its own.
                write!(b, "{}", row.integer(at)).map_err(|_| other())?;
                b.append_value("");
            }
            (Builder::Text(b), Class::Real) => {
                let real = row.real(at);
                let words = if self.decode == Decode::Number { number_words(real) } else { format!("{real:?}") };
                b.append_value(words);
            }
            (Builder::Binary(b), Class::Blob | Class::Text) => {
                let bytes = row.bytes(at);
                b.append_value(bytes);
                return Ok(bytes.len() + size_of::<i32>());
            }
            (Builder::Date(b), Class::Text) => b.append_value(temporal::parse_date(row.bytes(at)).ok_or_else(misread)?),
            (Builder::Time(b), Class::Text) => {
                b.append_value(temporal::parse_time(row.bytes(at)).ok_or_else(misread)?.0)
            }
            (Builder::Timestamp(b, zoned), Class::Text) => {
                let (micros, written) = temporal::parse_timestamp(row.bytes(at)).ok_or_else(misread)?;
                if written.is_some_and(|w| (w.zone != temporal::Zone::None) != *zoned) {
                    return Err(Mismatch(format!(
                        "`{}` names a zone and others do not, or the other way round",
                        excerpt(row.bytes(at))
                    )));
                }
                b.append_value(micros);
            }
            (Builder::Duration(b), Class::Text) => {
                b.append_value(temporal::parse_duration(row.bytes(at)).ok_or_else(misread)?)
            }
            (Builder::Interval(b), Class::Text) => b.append_value(interval::parse(row.bytes(at)).ok_or_else(misread)?),
            (Builder::Uuid(b), Class::Text) => {
                let value = uuid::parse(row.bytes(at)).ok_or_else(misread)?;
                b.append_value(value).map_err(|_| other())?;
            }
            (Builder::Uuid(b), Class::Blob) => b.append_value(row.bytes(at)).map_err(|_| other())?,
            _ => return Err(other()),
        }
        Ok(size_of::<i64>())
    }
}

fn narrow<T: TryFrom<i64>>(value: i64, arrow: &Arrow) -> Result<T, Mismatch> {
    T::try_from(value).map_err(|_| Mismatch(format!("{value} is outside {arrow}")))
}

/// What a mismatch shows of a text: enough to find it, not all of a long one.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    if bytes.len() > SHOWN { format!("{text}...") } else { text.into_owned() }
}

/// An exact decimal out of any class; a REAL counts as the shortest digits that read back as it.
fn decimal<T>(
    row: &Statement,
    at: usize,
    class: Class,
    scaled: impl Fn(Parts<'_>) -> Option<T>,
    arrow: &Arrow,
) -> Result<T, Mismatch> {
    let misfit = |text: &[u8]| Mismatch(format!("{} does not fit {arrow} exactly", excerpt(text)));
    let from = |text: &[u8]| Parts::parse(text).and_then(&scaled).ok_or_else(|| misfit(text));
    match class {
        Class::Integer => {
            use std::io::Write;
            let mut text = [0u8; 24];
            let mut rest = &mut text[..];
            // 24 bytes are enough for any i64, so this cannot fail.
            let _ = write!(rest, "{}", row.integer(at));
            let length = 24 - rest.len();
            from(&text[..length])
        }
        Class::Real => {
            let real = row.real(at);
            let shortest = Shortest::of(real).ok_or_else(|| misfit(real.to_string().as_bytes()))?;
            from(shortest.text())
        }
        Class::Text | Class::Blob | Class::Null => from(row.bytes(at)),
    }
}

fn number_words(real: f64) -> String {
    if real == f64::INFINITY {
        "Infinity".to_owned()
    } else if real == f64::NEG_INFINITY {
        "-Infinity".to_owned()
    } else {
        real.to_string()
    }
}
