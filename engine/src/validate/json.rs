//! JSON documents that mean the same, as one text.

/// Deeper documents are compared as they are written: no system on board goes deeper.
const MOST_DEPTH: u32 = 256;

/// Members in the order of their names, the last of those with one name, numbers at their shortest, strings with the same
/// escapes, no blanks. None when it is no JSON.
pub(super) fn canonical(text: &str) -> Option<String> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let mut out = String::with_capacity(text.len());
    reader.value(&mut out)?;
    reader.blanks();
    (reader.at == text.len()).then_some(out)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: u32,
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        let blanks = self.text.as_bytes()[self.at..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
        self.at += blanks.count();
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, out: &mut String) -> Option<()> {
        match self.peek()? {
            b'{' => self.deeper(|reader| reader.object(out)),
            b'[' => self.deeper(|reader| reader.array(out)),
            b'"' => {
                let string = self.string()?;
                out.push_str(&serde_json::to_string(&string).ok()?);
                Some(())
            }
            _ => self.word(out),
        }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        let done = if self.depth > MOST_DEPTH { None } else { read(self) };
        self.depth -= 1;
        done
    }

    fn object(&mut self, out: &mut String) -> Option<()> {
        self.take(b'{');
        let mut members: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
        let mut first = true;
        while !self.take(b'}') {
            if !std::mem::take(&mut first) && !self.take(b',') {
                return None;
            }
            if self.peek()? != b'"' {
                return None;
            }
            let name = self.string()?;
            let mut value = String::new();
            self.take(b':').then(|| self.value(&mut value))??;
            members.insert(name, value);
        }
        let members =
            members.into_iter().map(|(name, value)| Some(format!("{}:{value}", serde_json::to_string(&name).ok()?)));
        out.push('{');
        out.push_str(&members.collect::<Option<Vec<_>>>()?.join(","));
        out.push('}');
        Some(())
    }

    fn array(&mut self, out: &mut String) -> Option<()> {
        self.take(b'[');
        out.push('[');
        let mut first = true;
        while !self.take(b']') {
            if !std::mem::take(&mut first) {
                self.take(b',').then(|| out.push(','))?;
            }
            self.value(out)?;
        }
        out.push(']');
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let bytes = self.text.as_bytes();
        let begin = self.at;
        let mut end = begin + 1;
        while *bytes.get(end)? != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.at = end + 1;
        let inside = self.text.get(begin + 1..end)?;
        if inside.contains('\\') {
            serde_json::from_str(self.text.get(begin..=end)?).ok()
        } else {
            Some(inside.to_owned())
        }
    }

    /// A number, or true, false, null.
    fn word(&mut self, out: &mut String) -> Option<()> {
        let rest: &'t str = self.text.get(self.at..)?;
        let end = rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        let word = &rest[..end];
        self.at += end;
        if matches!(word, "true" | "false" | "null") {
            out.push_str(word);
            return Some(());
        }
        let (negative, digits, exponent) = crate::expression::spelled(word)?;
        let sign = if negative { "-" } else { "" };
        out.push_str(&if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}e{exponent}") });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_document_are_one() {
        let same = |a: &str, b: &str| assert_eq!(canonical(a).expect(a), canonical(b).expect(b));
        same(r#"{"b": 1, "a": [1.50, -0, 2e3]}"#, r#"{"a":[1.5,0,2000],"b":1.0}"#);
        same(r#"{"a": 1, "a": 2}"#, r#"{"a":2}"#);
        same(r#""\u00e9\/""#, r#""é/""#);
        same(" [ ] ", "[]");
        same("{ }", "{}");
        same("null", " null\n");
    }

    #[test]
    fn different_documents_differ_and_what_is_none_is_none() {
        let other = |a: &str, b: &str| assert_ne!(canonical(a).expect(a), canonical(b).expect(b));
        other("[1,2]", "[2,1]");
        other("1", "\"1\"");
        other("9007199254740993", "9007199254740992");
        other("{\"a\":null}", "{}");
        for none in ["", "{", "[1", "[1 2]", "{a:1}", "{\"a\" 1}", "nul", "1x", "\"", "[1,]", "[]]", "\u{e9}"] {
            assert_eq!(canonical(none), None, "{none}");
        }
        assert_eq!(canonical(&"[".repeat(100_000)), None, "deep");
    }
}
