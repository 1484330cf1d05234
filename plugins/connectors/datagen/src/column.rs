//! Columns: what a catalog says of one, and how its values are made for a list of positions.

use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, BinaryArray, Decimal128Array, PrimitiveArray, StringArray, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use sensei_sdk::catalog::{Column, DataType, Decimal, Integer, Text};
use sensei_sdk::plain_column;

use crate::draw::Draw;

/// Values at these positions. Whole arrays at a time: one dynamic call a column and batch.
pub(crate) type Make = Box<dyn Fn(&[u64]) -> ArrayRef>;

/// A column and its maker.
pub(crate) struct MadeColumn {
    pub(crate) column: Column,
    /// Bytes that one value takes at most in a batch, offsets and validity included.
    pub(crate) bytes: u64,
    pub(crate) make: Make,
}

impl MadeColumn {
    pub(crate) fn new(name: &str, native_type: String, data_type: DataType, bytes: u64, make: Make) -> Self {
        let column = Column { nullable: false, ..plain_column(name, &native_type, data_type) };
        Self { column, bytes, make }
    }

    /// With this share of NULLs.
    pub(crate) fn with_nulls(mut self, share: f64, stream: Draw) -> Self {
        self.column.nullable = share > 0.0;
        // The share in 2^32nds; 1.0 is all of them.
        let limit = (share * 4_294_967_296.0) as u64;
        let inner = self.make;
        self.make = Box::new(move |positions| {
            let valid = BooleanBuffer::collect_bool(positions.len(), |i| stream.at(positions[i]) >> 32 >= limit);
            let values = inner(positions).to_data().into_builder().nulls(Some(NullBuffer::new(valid)));
            // SAFETY: the array was valid without NULLs, and the new validity has its length.
            make_array(unsafe { values.build_unchecked() })
        });
        self
    }
}

/// A primitive array of one value a position.
pub(crate) fn primitive<T: ArrowPrimitiveType>(value: impl Fn(u64) -> T::Native + 'static) -> Make {
    Box::new(move |positions| {
        let values: ScalarBuffer<T::Native> = positions.iter().map(|p| value(*p)).collect::<Vec<_>>().into();
        Arc::new(PrimitiveArray::<T>::new(values, None))
    })
}

/// Text or bytes that `write` appends; `typical` bytes a value are set aside beforehand.
fn variable(positions: &[u64], typical: usize, write: impl Fn(u64, &mut Vec<u8>)) -> (OffsetBuffer<i32>, Buffer) {
    let mut values = Vec::with_capacity(positions.len() * typical);
    let mut offsets = Vec::with_capacity(positions.len() + 1);
    offsets.push(0);
    for position in positions {
        write(*position, &mut values);
        offsets.push(values.len() as i32);
    }
    (OffsetBuffer::new(offsets.into()), values.into())
}

/// Text that `write` appends.
pub(crate) fn text(typical: usize, write: impl Fn(u64, &mut Vec<u8>) + 'static) -> Make {
    Box::new(move |positions| {
        let (offsets, values) = variable(positions, typical, &write);
        Arc::new(StringArray::new(offsets, values, None))
    })
}

/// Bytes that `write` appends.
pub(crate) fn bytes(typical: usize, write: impl Fn(u64, &mut Vec<u8>) + 'static) -> Make {
    Box::new(move |positions| {
        let (offsets, values) = variable(positions, typical, &write);
        Arc::new(BinaryArray::new(offsets, values, None))
    })
}

/// A signed integer column.
pub(crate) fn integer<T: ArrowPrimitiveType>(name: &str, value: impl Fn(u64) -> T::Native + 'static) -> MadeColumn {
    let bits = T::DATA_TYPE.primitive_width().unwrap_or(8) as u8 * 8;
    let native = if bits == 64 { "bigint" } else { "integer" };
    let data_type = DataType::Integer(Integer { bits, signed: true });
    MadeColumn::new(name, native.into(), data_type, u64::from(bits / 8), primitive::<T>(value))
}

/// A decimal column of 15 digits, two of them after the point: `value` is in hundredths.
pub(crate) fn money(name: &str, value: impl Fn(u64) -> i64 + 'static) -> MadeColumn {
    const PRECISION: u8 = 15;
    const SCALE: i8 = 2;
    let arrow = arrow_schema::DataType::Decimal128(PRECISION, SCALE);
    let make: Make = Box::new(move |positions| {
        let values: ScalarBuffer<i128> = positions.iter().map(|p| i128::from(value(*p))).collect::<Vec<_>>().into();
        Arc::new(Decimal128Array::new(values, None).with_data_type(arrow.clone()))
    });
    let data_type = DataType::Decimal(Decimal { precision: PRECISION.into(), scale: SCALE as u16 });
    MadeColumn::new(name, format!("decimal({PRECISION},{SCALE})"), data_type, 16, make)
}

/// A text column of at most `length` ASCII characters.
pub(crate) fn varchar(name: &str, length: u32, write: impl Fn(u64, &mut Vec<u8>) + 'static) -> MadeColumn {
    let data_type = DataType::Text(Text { length: Some(length), fixed: false });
    let typical = length as usize * 2 / 3 + 1;
    MadeColumn::new(name, format!("varchar({length})"), data_type, u64::from(length) + 4, text(typical, write))
}

/// A text column of one ASCII character.
pub(crate) fn character(name: &str, value: impl Fn(u64) -> u8 + 'static) -> MadeColumn {
    let data_type = DataType::Text(Text { length: Some(1), fixed: true });
    MadeColumn::new(name, "char(1)".into(), data_type, 5, text(1, move |p, out| out.push(value(p))))
}

/// Appends a number with zeros before it, to at least `width` digits.
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 {
        at -= 1;
        digits[at] += (number % 10) as u8;
        number /= 10;
    }
    let begin = at.min(digits.len() - width);
    out.extend_from_slice(&digits[begin..]);
}

#[cfg(test)]
mod tests {
    use super::put_number;

    #[test]
    fn numbers_are_padded_and_never_cut() {
        let text = |number, width| {
            let mut out = Vec::new();
            put_number(&mut out, number, width);
            String::from_utf8(out).expect("digits")
        };
        assert_eq!(text(7, 3), "007");
        assert_eq!(text(0, 1), "0");
        assert_eq!(text(12_345, 3), "12345");
        assert_eq!(text(u64::MAX, 0), "18446744073709551615");
    }
}
