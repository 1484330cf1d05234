//! The one function from a neutral type to the Arrow type its values travel as.

use std::collections::HashMap;

use arrow_schema::{DataType as Arrow, Field, IntervalUnit, TimeUnit};

use crate::catalog::{Column, DataType};

/// Field metadata: the column's type in its own system's words.
pub const NATIVE_TYPE: &str = "sensei.native-type";
/// Field metadata of Arrow's extension types.
pub const EXTENSION_NAME: &str = "ARROW:extension:name";

/// The Arrow type of a neutral type: the table in `catalog.data-type`.
#[must_use]
pub fn arrow_type(neutral: &DataType) -> Arrow {
    match neutral {
        DataType::Boolean => Arrow::Boolean,
        DataType::Integer(i) => match (i.signed, i.bits) {
            (true, 0..=8) => Arrow::Int8,
            (true, 9..=16) => Arrow::Int16,
            (true, 17..=32) => Arrow::Int32,
            (true, _) => Arrow::Int64,
            (false, 0..=8) => Arrow::UInt8,
            (false, 9..=16) => Arrow::UInt16,
            (false, 17..=32) => Arrow::UInt32,
            (false, _) => Arrow::UInt64,
        },
        DataType::Float(0..=32) => Arrow::Float32,
        DataType::Float(_) => Arrow::Float64,
        // A scale of -128..=127 fits: 76 digits is the most that has a scale at all.
        DataType::Decimal(d) if d.precision <= 38 && d.scale <= d.precision => {
            Arrow::Decimal128(d.precision as u8, d.scale as i8)
        }
        DataType::Decimal(d) if d.precision <= 76 && d.scale <= d.precision => {
            Arrow::Decimal256(d.precision as u8, d.scale as i8)
        }
        DataType::Date => Arrow::Date32,
        DataType::Time(_) => Arrow::Time64(TimeUnit::Microsecond),
        DataType::Duration(_) => Arrow::Duration(TimeUnit::Microsecond),
        DataType::Timestamp(t) => Arrow::Timestamp(TimeUnit::Microsecond, t.zoned.then(|| "UTC".into())),
        DataType::Interval => Arrow::Interval(IntervalUnit::MonthDayNano),
        DataType::Uuid => Arrow::FixedSizeBinary(16),
        DataType::Binary(_) | DataType::Geometry(_) => Arrow::Binary,
        DataType::Decimal(_)
        | DataType::Number
        | DataType::Text(_)
        | DataType::Json
        | DataType::Bits(_)
        | DataType::Enumeration(_)
        | DataType::Set(_)
        | DataType::Native => Arrow::Utf8,
    }
}

/// A column's Arrow field: name, type, nullability, native type and extension name.
#[must_use]
pub fn arrow_field(column: &Column) -> Field {
    let mut metadata = HashMap::from([(NATIVE_TYPE.to_owned(), column.native_type.clone())]);
    match column.data_type {
        DataType::Uuid => drop(metadata.insert(EXTENSION_NAME.to_owned(), "arrow.uuid".to_owned())),
        DataType::Json => drop(metadata.insert(EXTENSION_NAME.to_owned(), "arrow.json".to_owned())),
        _ => {}
    }
    Field::new(&column.name, arrow_type(&column.data_type), column.nullable).with_metadata(metadata)
}
