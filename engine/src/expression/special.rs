//! Values that some systems hold and others do not, and the functions that put something in their place.
//!
//! Nothing here happens by itself (P2): a transformation calls these functions because somebody decided it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, StringArray};
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

/// Midnight of 0000-01-01 and 9999-12-31, in days since 1970-01-01.
const FIRST_DAY: i32 = -719_528;
const LAST_DAY: i32 = 2_932_896;
/// 0001-01-01: the first that every system has.
const EARLIEST_DAY: i32 = -719_162;
/// Microseconds of a day, and of a second.
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;
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
                match self {
                    Self::ZeroDate => of_values(days, |day| day == i32::MIN + 1),
                    Self::FarDate => {
                        of_values(days, |day| is_far(day.into(), i32::MIN.into(), FIRST_DAY.into(), LAST_DAY.into()))
                    }
                    Self::NulByte | Self::Nan | Self::Infinity => none(array),
                }
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let moments = array.as_primitive::<TimestampMicrosecondType>();
                let (first, last) = (i64::from(FIRST_DAY) * DAY, (i64::from(LAST_DAY) + 1) * DAY - 1);
                match self {
                    Self::ZeroDate => of_values(moments, |at| at == i64::MIN + 1),
                    Self::FarDate => of_values(moments, |at| is_far(at, i64::MIN, first, last)),
                    Self::NulByte | Self::Nan | Self::Infinity => none(array),
                }
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

/// The zero date lies beyond the years, too, and is a kind of its own.
fn is_far(value: i64, least: i64, first: i64, last: i64) -> bool {
    value != least + 1 && !(first..=last).contains(&value)
}

fn none(array: &ArrayRef) -> BooleanArray {
    of_rows(array.len(), |_| false)
}

fn of_rows(rows: usize, is: impl Fn(usize) -> bool) -> BooleanArray {
    (0..rows).map(|row| Some(is(row))).collect()
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
                let clamp = |day: i32| match day {
                    day if day == i32::MIN + 1 => day,
                    ..FIRST_DAY => EARLIEST_DAY,
                    day => day.min(LAST_DAY),
                };
                Arc::new(days.unary::<_, Date32Type>(clamp))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let moments = array.as_primitive::<TimestampMicrosecondType>();
                let [first, earliest] = [FIRST_DAY, EARLIEST_DAY].map(|day| i64::from(day) * DAY);
                let end = (i64::from(LAST_DAY) + 1) * DAY;
                // The last second as every precision has it; what lies in it stays.
                let clamp = |at: i64| match at {
                    at if at == i64::MIN + 1 => at,
                    at if at < first => earliest,
                    at if at >= end => end - SECOND,
                    at => at,
                };
                let clamped = moments.unary::<_, TimestampMicrosecondType>(clamp);
                Arc::new(clamped.with_timezone_opt(zone.clone()))
            }
            other => return exec_err!("clamp_date takes no {other}"),
        };
        Ok(ColumnarValue::Array(clamped))
    }
}
