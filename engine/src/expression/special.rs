//! Values that some systems hold and others do not, and the functions that put something in their place.
//!
//! Nothing here happens by itself (P2): a transformation calls these functions because somebody decided it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::zip::zip;
use arrow::compute::nullif;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// A kind of value that not every system holds (contract, `target.specials`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Special {
    /// The character U+0000 in text.
    NulByte,
    /// `0000-00-00`.
    ZeroDate,
    /// Infinity as a date or timestamp, and those outside the years 0 to 9999.
    FarDate,
    /// NaN.
    Nan,
    /// Infinity as a number.
    Infinity,
}

/// Dates or timestamps, counted in one unit since 1970-01-01: where special values stand (contract, `catalog.date`), and
/// what lies outside the years 0 to 9999.
struct Calendar {
    zero: i64,
    /// The first and the last moment of those years.
    first: i64,
    last: i64,
    /// What the moments before and after them become: 0001-01-01, the first day that every system has, and a last one that
    /// every precision has.
    earliest: i64,
    latest: i64,
}

/// 0000-01-01, 0001-01-01 and 9999-12-31, in days since 1970-01-01.
const YEAR_0: i64 = -719_528;
const YEAR_1: i64 = -719_162;
const END_OF_9999: i64 = 2_932_896;
/// In microseconds.
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

const DAYS: Calendar =
    Calendar { zero: i32::MIN as i64 + 1, first: YEAR_0, last: END_OF_9999, earliest: YEAR_1, latest: END_OF_9999 };
const MICROSECONDS: Calendar = Calendar {
    zero: i64::MIN + 1,
    first: YEAR_0 * DAY,
    last: (END_OF_9999 + 1) * DAY - 1,
    earliest: YEAR_1 * DAY,
    latest: (END_OF_9999 + 1) * DAY - SECOND,
};

impl Calendar {
    /// The zero date lies beyond the years, too, and is a kind of its own.
    fn is_far(&self, moment: i64) -> bool {
        moment != self.zero && !(self.first..=self.last).contains(&moment)
    }

    fn clamp(&self, moment: i64) -> i64 {
        match moment {
            moment if !self.is_far(moment) => moment,
            moment if moment < self.first => self.earliest,
            _ => self.latest,
        }
    }
}

/// How numbers without a width write what is none (contract, `catalog.number`).
const NOT_A_NUMBER: &str = "NaN";
const INFINITIES: [&str; 2] = ["Infinity", "-Infinity"];

impl Special {
    /// Whether values of this type can be that.
    pub(crate) fn may_be_in(self, data_type: &DataType) -> bool {
        match self {
            Self::NulByte => *data_type == DataType::Utf8,
            Self::ZeroDate | Self::FarDate => {
                matches!(data_type, DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _))
            }
            Self::Nan | Self::Infinity => {
                matches!(data_type, DataType::Float32 | DataType::Float64 | DataType::Utf8)
            }
        }
    }

    /// Which values of a column are that; NULL is not.
    pub(crate) fn mask(self, array: &ArrayRef) -> BooleanArray {
        match array.data_type() {
            DataType::Utf8 => {
                let texts = array.as_string::<i32>();
                match self {
                    Self::NulByte => of_texts(texts, |text| text.as_bytes().contains(&0)),
                    Self::Nan => of_texts(texts, |text| text == NOT_A_NUMBER),
                    Self::Infinity => of_texts(texts, |text| INFINITIES.contains(&text)),
                    Self::ZeroDate | Self::FarDate => none(array),
                }
            }
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>();
                self.of_moments(array, &DAYS, |is| of_values(days, |day| is(day.into())))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let moments = array.as_primitive::<TimestampMicrosecondType>();
                self.of_moments(array, &MICROSECONDS, |is| of_values(moments, is))
            }
            DataType::Float32 => {
                self.of_floats(array, array.as_primitive::<Float32Type>(), f32::is_nan, f32::is_infinite)
            }
            DataType::Float64 => {
                self.of_floats(array, array.as_primitive::<Float64Type>(), f64::is_nan, f64::is_infinite)
            }
            _ => none(array),
        }
    }

    fn of_moments(
        self,
        array: &ArrayRef,
        calendar: &Calendar,
        those: impl FnOnce(&dyn Fn(i64) -> bool) -> BooleanArray,
    ) -> BooleanArray {
        match self {
            Self::ZeroDate => those(&|moment| moment == calendar.zero),
            Self::FarDate => those(&|moment| calendar.is_far(moment)),
            Self::NulByte | Self::Nan | Self::Infinity => none(array),
        }
    }

    fn of_floats<T: ArrowPrimitiveType>(
        self,
        array: &ArrayRef,
        values: &PrimitiveArray<T>,
        is_nan: fn(T::Native) -> bool,
        is_infinite: fn(T::Native) -> bool,
    ) -> BooleanArray {
        match self {
            Self::Nan => of_values(values, is_nan),
            Self::Infinity => of_values(values, is_infinite),
            Self::NulByte | Self::ZeroDate | Self::FarDate => none(array),
        }
    }
}

fn none(array: &ArrayRef) -> BooleanArray {
    of_rows(array.len(), |_| false)
}

fn of_rows(rows: usize, is: impl Fn(usize) -> bool) -> BooleanArray {
    BooleanArray::new(BooleanBuffer::collect_bool(rows, is), None)
}

fn of_texts(texts: &StringArray, is: impl Fn(&str) -> bool) -> BooleanArray {
    of_rows(texts.len(), |row| texts.is_valid(row) && is(texts.value(row)))
}

fn of_values<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>, is: impl Fn(T::Native) -> bool) -> BooleanArray {
    of_rows(values.len(), |row| values.is_valid(row) && is(values.value(row)))
}

/// `replace_nul(text, '')`, `replace_zero_date(at, NULL)`, ...: the second argument in place of each such value.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Replace {
    name: &'static str,
    special: Special,
    signature: Signature,
}

/// `clamp_date(at)`: what lies outside the years 0 to 9999 becomes 0001-01-01, or the last second of 9999.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ClampDate {
    signature: Signature,
}

/// All of them.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let replace = |(name, special)| {
        ScalarUDF::from(Replace { name, special, signature: Signature::any(2, Volatility::Immutable) })
    };
    let replacing = [
        ("replace_nul", Special::NulByte),
        ("replace_zero_date", Special::ZeroDate),
        ("replace_far_date", Special::FarDate),
        ("replace_nan", Special::Nan),
        ("replace_infinity", Special::Infinity),
    ];
    let clamp = ScalarUDF::from(ClampDate { signature: Signature::any(1, Volatility::Immutable) });
    replacing.map(replace).into_iter().chain([clamp]).collect()
}

impl ScalarUDFImpl for Replace {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [of, DataType::Utf8 | DataType::Null] if self.special.may_be_in(of) => Ok(of.clone()),
            [of, _] => plan_err!("{} takes no {of}, and a text or NULL to put in its place", self.name),
            _ => plan_err!("{} takes two arguments", self.name),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of, with] = args.args.as_slice() else { return exec_err!("{} takes two arguments", self.name) };
        let array = of.to_array(args.number_rows)?;
        let ColumnarValue::Scalar(with) = with else {
            return exec_err!("{} takes one text for all rows to put in the place of a value", self.name);
        };
        let mask = self.special.mask(&array);
        if mask.true_count() == 0 {
            return Ok(ColumnarValue::Array(array));
        }
        let replaced = match (self.special, with) {
            (_, with) if with.is_null() => nullif(&array, &mask)?,
            // Only the character goes: the rest of the text stays.
            (Special::NulByte, ScalarValue::Utf8(Some(with))) => {
                let texts = array.as_string::<i32>().iter();
                Arc::new(texts.map(|text| text.map(|text| text.replace('\0', with))).collect::<StringArray>())
            }
            (_, with) => zip(&mask, &with.cast_to(array.data_type())?.to_scalar()?, &array)?,
        };
        Ok(ColumnarValue::Array(replaced))
    }
}

impl ScalarUDFImpl for ClampDate {
    fn name(&self) -> &str {
        "clamp_date"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [of] if Special::FarDate.may_be_in(of) => Ok(of.clone()),
            _ => plan_err!("clamp_date takes a date or a timestamp"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of] = args.args.as_slice() else { return exec_err!("clamp_date takes one argument") };
        let array = of.to_array(args.number_rows)?;
        let clamped: ArrayRef = match array.data_type() {
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>();
                // What is clamped lies between days that are there.
                Arc::new(days.unary::<_, Date32Type>(|day| DAYS.clamp(day.into()) as i32))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let moments = array.as_primitive::<TimestampMicrosecondType>();
                let clamped = moments.unary::<_, TimestampMicrosecondType>(|at| MICROSECONDS.clamp(at));
                Arc::new(clamped.with_timezone_opt(zone.clone()))
            }
            other => return exec_err!("clamp_date takes no {other}"),
        };
        Ok(ColumnarValue::Array(clamped))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Float64Array, TimestampMicrosecondArray};

    use super::*;

    fn is(special: Special, array: impl Array + 'static) -> Vec<bool> {
        let array: ArrayRef = Arc::new(array);
        special.mask(&array).values().iter().collect()
    }

    #[test]
    fn the_years_end_where_systems_end() {
        let (first, last) = (-719_528, 2_932_896);
        let days = vec![first - 1, first, 0, last, last + 1, i32::MIN, i32::MIN + 1, i32::MAX];
        let far = [true, false, false, false, true, true, false, true];
        assert_eq!(is(Special::FarDate, Date32Array::from(days.clone())), far);
        let midnights = days.iter().map(|day| match *day {
            i32::MIN => i64::MIN,
            day if day == i32::MIN + 1 => i64::MIN + 1,
            i32::MAX => i64::MAX,
            day => i64::from(day) * DAY,
        });
        assert_eq!(is(Special::FarDate, TimestampMicrosecondArray::from_iter_values(midnights)), far);
        assert_eq!(
            is(Special::ZeroDate, Date32Array::from(days)),
            [false, false, false, false, false, false, true, false]
        );

        let clamped = [i64::MIN, i64::MIN + 1, -719_528, 0, 2_932_896, 2_932_897, i64::MAX].map(|day| DAYS.clamp(day));
        // In days, the contract's zero date is that of 32 bits.
        assert_eq!(clamped, [-719_162, -719_162, -719_528, 0, 2_932_896, 2_932_896, 2_932_896]);
        assert_eq!(DAYS.clamp(i64::from(i32::MIN) + 1), i64::from(i32::MIN) + 1);
        let end = 2_932_897 * DAY;
        let moments = [i64::MIN, i64::MIN + 1, -719_528 * DAY - 1, end - 1, end, i64::MAX];
        let (earliest, latest) = (-719_162 * DAY, end - SECOND);
        assert_eq!(
            moments.map(|at| MICROSECONDS.clamp(at)),
            [earliest, i64::MIN + 1, earliest, end - 1, latest, latest]
        );
    }

    #[test]
    fn null_is_nothing_special() {
        let numbers = Float64Array::from(vec![Some(f64::NAN), None, Some(f64::NEG_INFINITY), Some(0.0)]);
        assert_eq!(is(Special::Nan, numbers.clone()), [true, false, false, false]);
        assert_eq!(is(Special::Infinity, numbers), [false, false, true, false]);
        let texts = StringArray::from(vec![Some("a\0b"), None, Some("NaN"), Some("-Infinity")]);
        assert_eq!(is(Special::NulByte, texts.clone()), [true, false, false, false]);
        assert_eq!(is(Special::Nan, texts.clone()), [false, false, true, false]);
        assert_eq!(is(Special::Infinity, texts), [false, false, false, true]);
    }
}
