//! UUIDs in their canonical text: 32 lower-case digits and four hyphens.

use std::io::Write;

const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Characters of the text.
const LENGTH: usize = 36;

/// Reads the canonical text alone: another spelling would not come back the same.
pub(crate) fn parse(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != LENGTH || HYPHENS.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let mut bytes = [0; 16];
    let mut nibbles = 0;
    for (at, b) in text.iter().enumerate() {
        if HYPHENS.contains(&at) {
            continue;
        }
        let nibble = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            _ => return None,
        };
        bytes[nibbles / 2] |= if nibbles % 2 == 0 { nibble << 4 } else { nibble };
        nibbles += 1;
    }
    Some(bytes)
}

/// Writes the canonical text.
pub(crate) fn write(bytes: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    for (i, b) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.write_all(b"-")?;
        }
        write!(out, "{b:02x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn uuids_come_back(bytes: [u8; 16]) {
            let mut text = Vec::new();
            write(&bytes, &mut text).unwrap();
            prop_assert_eq!(parse(&text), Some(bytes));
            prop_assert_eq!(parse(text.to_ascii_uppercase().as_slice()).is_some(), text == text.to_ascii_uppercase());
        }
    }
}
