//! One text for JSON documents that mean the same.

use super::decimal;

/// Members sorted by name, numbers at their shortest, no blanks; strings stay as they are written but for
/// escapes. `None` when it is no JSON.
pub(super) fn canonical(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text };
    let value = reader.value()?;
    reader.blanks();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn take(&mut self, character: char) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self) -> Option<String> {
        self.blanks();
        match self.rest.chars().next()? {
            '{' => self.object(),
            '[' => self.array(),
            '"' => self.string(),
            _ => self.word(),
        }
    }

    fn object(&mut self) -> Option<String> {
        self.take('{');
        let mut members = Vec::new();
        while !self.take('}') {
            if !members.is_empty() && !self.take(',') {
                return None;
            }
            self.blanks();
            let name = self.string()?;
            members.push(self.take(':').then(|| self.value().map(|value| format!("{name}:{value}")))??);
        }
        members.sort();
        Some(format!("{{{}}}", members.join(",")))
    }

    fn array(&mut self) -> Option<String> {
        self.take('[');
        let mut elements = Vec::new();
        while !self.take(']') {
            if !elements.is_empty() && !self.take(',') {
                return None;
            }
            elements.push(self.value()?);
        }
        Some(format!("[{}]", elements.join(",")))
    }

    fn string(&mut self) -> Option<String> {
        let bytes = self.rest.as_bytes();
        let mut end = 1;
        while *bytes.get(end)? != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let (text, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        let decoded: String = serde_json::from_str(text).ok()?;
        serde_json::to_string(&decoded).ok()
    }

    fn word(&mut self) -> Option<String> {
        let end = self.rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "true" | "false" | "null" => Some(word.to_owned()),
            number if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                Some(decimal::shortest(number))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn the_same_document_has_the_same_text() {
        let one = canonical(r#" { "b" : [1.50, -2e2 , null], "a":"\u00e4\n" } "#);
        assert_eq!(one.as_deref(), Some("{\"a\":\"ä\\n\",\"b\":[1.5,-200,null]}"));
        assert_eq!(canonical("{\"a\":\"ä\\n\",\"b\":[1.5,-200,null]}"), one);
        assert_ne!(canonical(r#"{"a":12345678901234567890}"#), canonical(r#"{"a":12345678901234567891}"#));
        assert_eq!(canonical("{\"a\""), None);
        assert_eq!(canonical("[1 2]"), None);
    }
}
