use std::sync::Arc;

use arrow_array::{Decimal128Array, Int64Array, Time64MicrosecondArray, UInt64Array};
use proptest::prelude::*;

use super::*;

fn binary(kind: Kind, array: impl Array + 'static) -> Value<Vec<u8>> {
    let mut out = Vec::new();
    let array: ArrayRef = Arc::new(array);
    Bound::new(kind, &array).unwrap().put_binary(0, &mut out)?;
    assert_eq!(u32::from_be_bytes(out[..4].try_into().unwrap()) as usize, out.len() - 4);
    Ok(out.split_off(4))
}

fn text(kind: Kind, array: impl Array + 'static) -> Value<String> {
    let mut out = Vec::new();
    let array: ArrayRef = Arc::new(array);
    Bound::new(kind, &array).unwrap().put_text(0, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn ranges_are_checked() {
    assert_eq!(binary(Kind::Integer(8), UInt64Array::from(vec![7])), Ok(vec![0, 0, 0, 0, 0, 0, 0, 7]));
    assert_eq!(binary(Kind::Integer(8), UInt64Array::from(vec![u64::MAX])), Err(OUT_OF_RANGE));
    assert_eq!(binary(Kind::Integer(2), Int64Array::from(vec![-32_769])), Err(OUT_OF_RANGE));
    let max = binary(Kind::Numeric(None), UInt64Array::from(vec![u64::MAX])).unwrap();
    let mut back = Vec::new();
    numeric::to_text(&max, &mut back).unwrap();
    assert_eq!(back, b"18446744073709551615");
}

#[test]
fn nothing_is_rounded_or_cut() {
    assert_eq!(binary(Kind::Time(1000), Time64MicrosecondArray::from(vec![1_500])), Err(TOO_FINE));
    assert_eq!(binary(Kind::Time(1000), Time64MicrosecondArray::from(vec![2_000])).map(|v| v.len()), Ok(8));
    assert_eq!(binary(Kind::Text(Some(2)), StringArray::from(vec!["ab "])), Err(TOO_LONG));
    assert_eq!(binary(Kind::Text(Some(2)), StringArray::from(vec!["éé"])), Ok("éé".as_bytes().to_vec()));
    let decimal = Decimal128Array::from(vec![12_345]).with_precision_and_scale(10, 3).unwrap();
    assert_eq!(binary(Kind::Money(2), decimal.clone()), Err(OTHER_MONEY));
    assert_eq!(binary(Kind::Money(4), decimal), Ok(123_450i64.to_be_bytes().to_vec()));
    let limit = Limit::from_modifier(((5 << 16) | 2) + 4);
    assert!(binary(Kind::Numeric(limit), StringArray::from(vec!["1.005"])).is_err());
    assert_eq!(binary(Kind::Bits, StringArray::from(vec!["102"])), Err(NO_BITS));
    assert_eq!(binary(Kind::Bits, StringArray::from(vec!["101000001"])), Ok(vec![0, 0, 0, 9, 0xA0, 0x80]));
}

#[test]
fn nul_is_found_in_its_row() {
    let array: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("b\0"), Some("c")]));
    assert_eq!(Bound::new(Kind::Text(None), &array).unwrap().first_with_nul(), Some(2));
    assert_eq!(Bound::new(Kind::Text(None), &array.slice(3, 1)).unwrap().first_with_nul(), None);
}

#[test]
fn text_forms() {
    assert_eq!(text(Kind::AsText, StringArray::from(vec!["a\tb\\\n\r\u{8}"])), Ok("a\\tb\\\\\\n\\r\\b".to_owned()));
    let decimal = Decimal128Array::from(vec![-5]).with_precision_and_scale(10, 3).unwrap();
    assert_eq!(text(Kind::AsText, decimal), Ok("-0.005".to_owned()));
    assert_eq!(text(Kind::Bytes, BinaryArray::from(vec![&[0u8, 255][..]])), Ok("\\\\x00ff".to_owned()));
    assert_eq!(text(Kind::AsText, Int64Array::from(vec![i64::MIN])), Ok(i64::MIN.to_string()));
    assert_eq!(text(Kind::AsText, Int64Array::from(vec![None::<i64>])), Ok("\\N".to_owned()));
    assert_eq!(
        text(Kind::Float64, arrow_array::Float64Array::from(vec![f64::NEG_INFINITY])),
        Ok("-Infinity".to_owned())
    );
}

/// What `CopyReadAttributesText` of the server does with a field.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            assert!(!matches!(byte, b'\t' | b'\n' | b'\r'));
            out.push(byte);
            continue;
        }
        let letter = bytes.next().unwrap();
        out.push(ESCAPES.iter().find(|(_, l)| *l == letter).map_or(letter, |(b, _)| *b));
    }
    out
}

proptest! {
    #[test]
    fn escapes_come_back(value in "[\\x01-\\x1f\\\\aNé\u{1F600}]{0,40}") {
        let mut out = Vec::new();
        escape(value.as_bytes(), &mut out);
        prop_assert_eq!(unescape(&out), value.as_bytes());
        prop_assert_ne!(&out[..], b"\\N");
    }

    #[test]
    fn floats_come_back_from_text(value: f64) {
        prop_assume!(value.is_finite());
        let spelled = text(Kind::Float64, arrow_array::Float64Array::from(vec![value])).unwrap();
        prop_assert_eq!(spelled.parse::<f64>().unwrap().to_bits(), value.to_bits());
    }

    #[test]
    fn decimal_text_is_what_numeric_reads(value: i128, scale in 0u8..=38) {
        let value = value >> 3;
        let mut spelled = Vec::new();
        decimal_text(&value.to_string(), usize::from(scale), &mut spelled);
        let mut from_text = Vec::new();
        numeric::put_text(&spelled, &mut from_text).unwrap();
        let mut from_number = Vec::new();
        numeric::put_i128(value, scale, &mut from_number);
        prop_assert_eq!(from_text, from_number);
    }
}
