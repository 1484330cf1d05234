//! Decimal numbers as text.

/// The shortest text of a decimal number: no sign on zero, no leading or trailing zeros, no exponent. Other
/// text (`NaN`, `Infinity`) stays.
pub(super) fn shortest(text: &str) -> String {
    let text = text.trim();
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (unsigned, Some(0)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let Some(exponent) = exponent else { return text.to_owned() };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let point = whole.len() as i64 + exponent;
    let (whole, fraction) = if point <= 0 {
        (String::new(), format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize)))
    } else if point as usize >= digits.len() {
        (format!("{digits}{}", "0".repeat(point as usize - digits.len())), String::new())
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        (whole.to_owned(), fraction.to_owned())
    };
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if negative && (whole != "0" || !fraction.is_empty()) { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::shortest;

    #[test]
    fn equal_numbers_have_equal_text() {
        for (given, expected) in [
            ("1.50", "1.5"),
            ("-0.00", "0"),
            ("+007", "7"),
            ("1e3", "1000"),
            ("1.25E-3", "0.00125"),
            ("12345e-2", "123.45"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
            (".5", "0.5"),
            ("100", "100"),
        ] {
            assert_eq!(shortest(given), expected, "{given}");
        }
    }
}
