//! Whether the target's type holds less than the source's, and how far the sampled values reach.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType as ArrowType, DurationMicrosecondType, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};

use super::profile::longest;
use crate::catalog::{Binary, DataType, Decimal, Text, Timestamp};

/// Digits of a second that values travel with.
const DIGITS_OF_A_SECOND: u32 = 6;
/// Moments that stand for infinities and the zero date (contract `catalog.data-type`): they have no fraction.
const SPECIAL: [i64; 3] = [i64::MIN, i64::MIN + 1, i64::MAX];

/// How far sampled values reach, in the unit in which the target's type is narrower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Values that reach beyond the target's type.
    pub(super) beyond: u64,
    /// The most that one of them has.
    pub(super) most: u64,
    /// Of what.
    pub(super) unit: &'static str,
}

/// In what the target's neutral type holds less than the source's, if it does.
pub(super) fn narrower(source: &DataType, target: &DataType) -> Option<String> {
    let fewer = |what: &str, source: Option<u32>, target: Option<u32>| match (source, target) {
        (Some(s), Some(t)) if t < s => Some(format!("{t} {what} instead of {s}")),
        (None, Some(t)) => Some(format!("{t} {what} instead of any number")),
        _ => None,
    };
    match (source, target) {
        (DataType::Text(Text { length: s, .. }), DataType::Text(Text { length: t, .. })) => fewer("characters", *s, *t),
        (DataType::Binary(Binary { length: s, .. }), DataType::Binary(Binary { length: t, .. })) => {
            fewer("bytes", *s, *t)
        }
        (DataType::Decimal(s), DataType::Decimal(t)) => {
            let whole = |d: &Decimal| Some(u32::from(d.precision.saturating_sub(d.scale)));
            fewer("digits before the point", whole(s), whole(t))
                .or_else(|| fewer("digits after the point", Some(s.scale.into()), Some(t.scale.into())))
        }
        (DataType::Number, DataType::Decimal(t)) => Some(format!("{} digits instead of any number", t.precision)),
        (DataType::Timestamp(Timestamp { precision: s, .. }), DataType::Timestamp(Timestamp { precision: t, .. }))
        | (DataType::Time(s), DataType::Time(t))
        | (DataType::Duration(s), DataType::Duration(t)) => {
            fewer("digits of a second", Some((*s).into()), Some((*t).into()))
        }
        (DataType::Float(s), DataType::Float(t)) => fewer("bits", Some((*s).into()), Some((*t).into())),
        _ => None,
    }
}

/// How far values reach that go into a column of this type. None for a type whose Arrow type says it already: there the
/// engine itself refuses what does not fit.
pub(super) fn extent(values: &[ArrayRef], target: &DataType) -> Option<Extent> {
    let (sizes, room, unit): (Vec<u64>, u64, &'static str) = match target {
        DataType::Text(Text { length: Some(length), .. }) => (lengths(values), (*length).into(), "characters"),
        DataType::Binary(Binary { length: Some(length), .. }) => (lengths(values), (*length).into(), "bytes"),
        DataType::Timestamp(Timestamp { precision, .. })
        | DataType::Time(precision)
        | DataType::Duration(precision) => (fractions(values), (*precision).into(), "digits of a second"),
        DataType::Text(_)
        | DataType::Binary(_)
        | DataType::Boolean
        | DataType::Integer(_)
        | DataType::Float(_)
        | DataType::Decimal(_)
        | DataType::Number
        | DataType::Date
        | DataType::Interval
        | DataType::Uuid
        | DataType::Json
        | DataType::Bits(_)
        | DataType::Enumeration(_)
        | DataType::Set(_)
        | DataType::Geometry(_)
        | DataType::Native => return None,
    };
    let beyond = sizes.iter().filter(|size| **size > room).count() as u64;
    Some(Extent { beyond, most: sizes.into_iter().max().unwrap_or(0), unit })
}

fn lengths(values: &[ArrayRef]) -> Vec<u64> {
    let each = |piece: &ArrayRef| (0..piece.len()).filter_map(|row| longest(&piece.slice(row, 1))).collect::<Vec<_>>();
    values.iter().flat_map(each).collect()
}

fn fractions(values: &[ArrayRef]) -> Vec<u64> {
    values.iter().flat_map(micros).filter(|m| !SPECIAL.contains(m)).map(digits).collect()
}

/// Microseconds of each value that is no NULL.
fn micros(piece: &ArrayRef) -> Vec<i64> {
    fn of<T: ArrowPrimitiveType<Native = i64>>(piece: &ArrayRef) -> Vec<i64> {
        piece.as_primitive_opt::<T>().map(|p| p.iter().flatten().collect()).unwrap_or_default()
    }
    match piece.data_type() {
        ArrowType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(piece),
        ArrowType::Time64(TimeUnit::Microsecond) => of::<Time64MicrosecondType>(piece),
        ArrowType::Duration(TimeUnit::Microsecond) => of::<DurationMicrosecondType>(piece),
        _ => Vec::new(),
    }
}

/// Digits of the second's fraction that say something.
fn digits(micros: i64) -> u64 {
    let zeros = (1..=DIGITS_OF_A_SECOND).take_while(|digits| micros % 10_i64.pow(*digits) == 0).count() as u64;
    u64::from(DIGITS_OF_A_SECOND) - zeros
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn digits_that_say_nothing_do_not_count() {
        for (micros, wanted) in [(0, 0), (1_000_000, 0), (1_500_000, 1), (-250_000, 2), (7, 6), (1_234_000, 3)] {
            assert_eq!(digits(micros), wanted, "{micros}");
        }
    }

    #[test]
    fn how_far_values_reach() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("größe"), None, Some("x")]));
        let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"1234".as_slice()]));
        let moments: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, i64::MAX, i64::MIN, i64::MIN + 1]));
        let text = |length| DataType::Text(Text { length, fixed: false });
        let cases = [
            (&texts, text(Some(5)), Some((0, 5))),
            (&texts, text(Some(4)), Some((1, 5))),
            (&texts, text(None), None),
            (&bytes, DataType::Binary(Binary { length: Some(3), fixed: false }), Some((1, 4))),
            (&moments, DataType::Timestamp(Timestamp { precision: 0, zoned: false }), Some((1, 1))),
            (&moments, DataType::Timestamp(Timestamp { precision: 3, zoned: false }), Some((0, 1))),
            (&texts, DataType::Boolean, None),
        ];
        for (array, target, wanted) in cases {
            let found = extent(std::slice::from_ref(array), &target).map(|e| (e.beyond, e.most));
            assert_eq!(found, wanted, "{target:?}");
        }
    }
}
