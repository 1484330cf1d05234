//! Texts of systems that store any bytes: what becomes of those that are not UTF-8.

use std::borrow::Cow;

use serde::Deserialize;

/// What a source makes of a text whose bytes are not UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvalidText {
    /// The first one stops the migration.
    #[default]
    Reject,
    /// U+FFFD takes the place of what is not UTF-8.
    Replace,
    /// Such a text is read as Windows-1252, a superset of Latin-1; texts that are UTF-8 stay what they are.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// 0x80 to 0x9f of Windows-1252 (the WHATWG's index, <https://encoding.spec.whatwg.org/index-windows-1252.txt>); all other bytes
/// are the characters of the same number.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl InvalidText {
    /// The text; none if it is to be refused.
    #[must_use]
    pub fn read(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match (std::str::from_utf8(bytes), self) {
            (Ok(text), _) => Some(text.into()),
            (Err(_), Self::Reject) => None,
            (Err(_), Self::Replace) => Some(String::from_utf8_lossy(bytes)),
            (Err(_), Self::Windows1252) => Some(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
        }
    }
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_utf8_stays_and_what_is_not_is_read_as_asked() {
        let read = |policy: InvalidText, bytes: &[u8]| policy.read(bytes).map(Cow::into_owned);
        for policy in [InvalidText::Reject, InvalidText::Replace, InvalidText::Windows1252] {
            assert_eq!(read(policy, "Zoë €".as_bytes()).as_deref(), Some("Zoë €"));
        }
        let bytes = b"Zo\xeb \x80 \xff";
        assert_eq!(read(InvalidText::Reject, bytes), None);
        assert_eq!(read(InvalidText::Replace, bytes).as_deref(), Some("Zo\u{fffd} \u{fffd} \u{fffd}"));
        assert_eq!(read(InvalidText::Windows1252, bytes).as_deref(), Some("Zoë € ÿ"));
    }
}
