//! One text for values that are equal.

use super::{Kind, decimal, json};

const DAY: i128 = 86_400_000_000;

/// The canonical text of a value read from a column, in the kind in which it is compared. What is not of that
/// kind stays as it is, and so differs from all that is.
pub(super) fn canonical(value: &[u8], kind: Kind) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(value) else {
        return if kind == Kind::Uuid { hexadecimal(value).into_bytes() } else { value.to_vec() };
    };
    match kind {
        Kind::Text | Kind::Bytes | Kind::Geometry | Kind::Dynamic => return value.to_vec(),
        Kind::Padded => text.trim_end_matches(' ').to_owned(),
        Kind::Boolean => match text {
            "t" | "true" => "1".to_owned(),
            "f" | "false" => "0".to_owned(),
            other => other.to_owned(),
        },
        Kind::Number => decimal::shortest(&text.replace(['$', ','], "")),
        // Minus nothing is nothing: two of three systems keep no sign of it.
        Kind::Float32 => {
            text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| (number as f32 + 0.0).to_string())
        }
        Kind::Float64 => text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| (number + 0.0).to_string()),
        Kind::Date => {
            let text = signed_year(text);
            text.strip_suffix(" 00:00:00").unwrap_or(&text).to_owned()
        }
        Kind::Timestamp => timestamp(text),
        Kind::Time => trim_fraction(text),
        Kind::Interval => interval(text).unwrap_or_else(|| text.to_owned()),
        Kind::Uuid if value.len() == 16 => hexadecimal(value),
        Kind::Uuid => text.replace('-', "").to_lowercase(),
        Kind::Json => json::canonical(text).unwrap_or_else(|| text.to_owned()),
        Kind::Bits => text.to_owned(),
    }
    .into_bytes()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `0044-03-15 BC` is `-0043-03-15` of ISO 8601, which has a year 0.
fn signed_year(text: &str) -> String {
    let years = |text: &str| Some((text.split_once('-')?.0.parse::<i32>().ok()?, text.split_once('-')?.1.to_owned()));
    match text.strip_suffix(" BC").and_then(years) {
        Some((1, rest)) => format!("0000-{rest}"),
        Some((year, rest)) => format!("-{:04}-{rest}", year - 1),
        None => text.to_owned(),
    }
}

/// `2024-02-29 12:00:00.5`.
fn timestamp(text: &str) -> String {
    let text = signed_year(text);
    let text = text.as_str();
    let text = text.strip_suffix("+00").or_else(|| text.strip_suffix('Z')).unwrap_or(text).replacen('T', " ", 1);
    let text = text.strip_suffix("+00:00").unwrap_or(&text);
    if text.len() == 10 && text.as_bytes()[4] == b'-' { format!("{text} 00:00:00") } else { trim_fraction(text) }
}

fn trim_fraction(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

/// `months days microseconds` of PostgreSQL's interval, ISO 8601's, or plain hours, minutes and seconds.
fn interval(text: &str) -> Option<String> {
    let (mut months, mut days, mut micros) = (0_i128, 0_i128, 0_i128);
    if let Some(iso) = text.strip_prefix('P') {
        let mut time = false;
        let mut number = String::new();
        for character in iso.chars() {
            match (time, character) {
                (_, 'T') => time = true,
                (_, '0'..='9' | '-' | '+' | '.') => number.push(character),
                (true, 'S') => micros += scaled(&std::mem::take(&mut number), 1_000_000)?,
                (true, 'M') => micros += scaled(&std::mem::take(&mut number), 60_000_000)?,
                (true, 'H') => micros += scaled(&std::mem::take(&mut number), 3_600_000_000)?,
                (false, 'D') => days += scaled(&std::mem::take(&mut number), 1)?,
                (false, 'W') => days += scaled(&std::mem::take(&mut number), 7)?,
                (false, 'M') => months += scaled(&std::mem::take(&mut number), 1)?,
                (false, 'Y') => months += scaled(&std::mem::take(&mut number), 12)?,
                (_, _) => return None,
            }
        }
        return Some(format!("{months} {days} {micros}"));
    }
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.contains(':') {
            let (negative, clock) = match word.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, word.trim_start_matches('+')),
            };
            let mut parts = clock.split(':');
            let hours = scaled(parts.next()?, 3_600_000_000)?;
            let sum = hours + scaled(parts.next()?, 60_000_000)? + scaled(parts.next().unwrap_or("0"), 1_000_000)?;
            micros += if negative { -sum } else { sum };
            continue;
        }
        match words.next()?.trim_end_matches('s') {
            "year" => months += scaled(word, 12)?,
            "mon" => months += scaled(word, 1)?,
            "day" => days += scaled(word, 1)?,
            _ => return None,
        }
    }
    Some(format!("{months} {days} {micros}"))
}

/// A decimal number times `unit`, which must be whole.
fn scaled(text: &str, unit: i128) -> Option<i128> {
    let text = decimal::shortest(text);
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let divisor = 10_i128.checked_pow(fraction.len().try_into().ok()?)?;
    let number = whole.parse::<i128>().ok()? * divisor + fraction.parse::<i128>().unwrap_or(0);
    let product = number.checked_mul(unit)?;
    debug_assert!(unit <= DAY);
    (product % divisor == 0).then(|| if negative { -product / divisor } else { product / divisor })
}

#[cfg(test)]
mod tests {
    use super::{Kind, canonical};

    fn equal(kind: Kind, one: &[u8], other: &[u8]) {
        assert_eq!(canonical(one, kind), canonical(other, kind), "{kind:?}");
    }

    #[test]
    fn spellings_of_one_value_are_equal() {
        equal(Kind::Boolean, b"t", b"1");
        equal(Kind::Number, b"$1,234.50", b"1234.5");
        equal(Kind::Float32, b"0.1", b"0.10000000149011612");
        equal(Kind::Timestamp, b"2024-02-29 12:00:00.500000+00", b"2024-02-29T12:00:00.5Z");
        equal(Kind::Timestamp, b"2024-02-29", b"2024-02-29 00:00:00");
        equal(Kind::Timestamp, b"0044-03-15 12:00:00+00 BC", b"-0043-03-15 12:00:00");
        equal(Kind::Date, b"0001-12-31 BC", b"0000-12-31");
        equal(Kind::Float64, b"-0", b"0.0");
        equal(Kind::Interval, b"-838:59:59", b"PT-838H-59M-59S");
        equal(Kind::Interval, b"1 year 2 mons -3 days 04:05:06.789", b"P1Y2M-3DT4H5M6.789S");
        equal(Kind::Uuid, b"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", b"a0eebc999c0b4ef8bb6d6bb9bd380a11");
        equal(Kind::Uuid, b"0000000000000000", b"30303030-3030-3030-3030-303030303030");
        equal(Kind::Padded, b"ab  ", b"ab");
    }

    #[test]
    fn different_values_differ() {
        for (kind, one, other) in [
            (Kind::Number, "1.5", "1.51"),
            (Kind::Float64, "0.1", "0.10000000149011612"),
            (Kind::Timestamp, "2024-02-29 12:00:00.5", "2024-02-29 12:00:00.05"),
            (Kind::Interval, "1 mon", "30 days"),
            (Kind::Text, "ab ", "ab"),
            (Kind::Time, "10:00:00", "1:00:00"),
        ] {
            assert_ne!(canonical(one.as_bytes(), kind), canonical(other.as_bytes(), kind), "{kind:?}");
        }
    }
}
