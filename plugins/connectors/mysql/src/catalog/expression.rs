//! Expressions as MySQL 8 shows them in `information_schema`, taken back to SQL.
//!
//! The server keeps an expression as bytes: names in UTF-8, each literal in its own character set. There it makes one
//! character of each byte, whatever the byte belongs to, and escapes the result as if it were a string:
//! `a <> 'é'` is shown as `a <> _utf8mb4\'Ã©\'`. (Seen in 9.7; `convert_and_print` of the source has it from 8.0 on.)

/// The SQL of a shown expression.
pub(crate) fn original(shown: &str) -> String {
    let bytes: Result<Vec<u8>, _> = shown.chars().map(|c| u8::try_from(u32::from(c))).collect();
    // A character that is no byte: this server shows characters as they are.
    let bytes = unescape(&bytes.unwrap_or_else(|_| shown.as_bytes().to_vec()));
    String::from_utf8(bytes).unwrap_or_else(|e| literals_as_digits(e.as_bytes()))
}

/// Takes one layer of backslashes off.
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match rest.next() {
            Some(b'0') => 0,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b'Z') => 0x1a,
            Some(other) => other,
            None => b'\\',
        });
    }
    out
}

/// Writes literals of other character sets, whose bytes are no UTF-8, in hexadecimal: `_latin1'..'` is `_latin1 x'fc'`.
fn literals_as_digits(sql: &[u8]) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(begin) = rest.iter().position(|b| *b == b'\'' || *b == b'`') {
        let quote = rest[begin];
        out.push_str(&String::from_utf8_lossy(&rest[..begin]));
        let inside = &rest[begin + 1..];
        let length = closing(inside, quote);
        match std::str::from_utf8(&inside[..length]) {
            Ok(text) => out.extend([char::from(quote).to_string(), text.to_owned(), char::from(quote).to_string()]),
            Err(_) => {
                out.push_str(" x'");
                crate::connection::hex(&mut out, &unescape(&inside[..length]));
                out.push('\'');
            }
        }
        rest = inside.get(length + 1..).unwrap_or_default();
    }
    out.push_str(&String::from_utf8_lossy(rest));
    out
}

/// Where the quote that ends a literal or a name stands; the end if there is none. A doubled quote in a name reads as two
/// names side by side, which comes to the same.
fn closing(inside: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < inside.len() && inside[at] != quote {
        at += if quote == b'\'' && inside[at] == b'\\' { 2 } else { 1 };
    }
    at.min(inside.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the server shows an expression that it keeps as these bytes.
    fn shown(kept: &[u8]) -> String {
        let mut out = String::new();
        for &byte in kept {
            match byte {
                b'\\' => out.push_str(r"\\"),
                b'\'' => out.push_str(r"\'"),
                0 => out.push_str(r"\0"),
                b'\n' => out.push_str(r"\n"),
                b'\r' => out.push_str(r"\r"),
                0x1a => out.push_str(r"\Z"),
                other => out.push(char::from(other)),
            }
        }
        out
    }

    #[test]
    fn what_the_server_showed() {
        // Taken from CHECK_CONSTRAINTS of MySQL 9.7.
        let cases = [
            (r"(`a` > 0)", "(`a` > 0)"),
            (
                r"(`b` in (_utf8mb4\'it\\\'s\',_utf8mb4\'back\\\\slash\'))",
                r"(`b` in (_utf8mb4'it\'s',_utf8mb4'back\\slash'))",
            ),
            (r"regexp_like(`e`,_utf8mb4\'^[a-z]\\\\d+$\')", r"regexp_like(`e`,_utf8mb4'^[a-z]\\d+$')"),
            ("(`Ã¼n` <> _utf8mb4\\'Ã©ð\u{9f}\u{98}\u{80}\\')", "(`ün` <> _utf8mb4'é😀')"),
            ("(`Ã¼n` <> _latin1\\'ü\u{80}\\')", "(`ün` <> _latin1 x'fc80')"),
            ("(`e` <> _gbk\\'ÖÐ\\')", "(`e` <> _gbk x'd6d0')"),
            (r"(`l` <> _binary\'ab\\0\')", r"(`l` <> _binary'ab\0')"),
            ("(`g` <> _utf16\\'\\\\0AØ=Þ\\\\0\\')", "(`g` <> _utf16 x'0041d83dde00')"),
        ];
        for (shown, sql) in cases {
            assert_eq!(original(shown), sql);
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        for sql in ["concat(`a`,_utf8mb4'\\'\\\\\\n\\0 \t\"é😀')", "`a\\b` > 1", "x'00ff'"] {
            assert_eq!(original(&shown(sql.as_bytes())), sql);
        }
        assert_eq!(original("`a` <> 'Ω'"), "`a` <> 'Ω'");
        assert_eq!(original(&shown(b"_latin1'a\\'\\\\\xfc' = `n``\xc3\xbc`")), "_latin1 x'61275cfc' = `n``ü`");
    }
}
