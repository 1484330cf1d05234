//! JSON that somebody wrote: a file, or stdin where the file's name is `-`.

use std::fs;
use std::io;
use std::path::Path;

use serde::de::IgnoredAny;

use crate::cli::failure::Failure;

/// Its text, as it was written. What it means is the server's to judge.
///
/// # Errors
/// It cannot be read; or usage: it is no JSON, and the error says where.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let (name, text) = if path == Path::new("-") {
        ("stdin".to_owned(), io::read_to_string(io::stdin().lock()))
    } else {
        (format!("`{}`", path.display()), fs::read_to_string(path))
    };
    let text = text.map_err(|e| Failure::machine(&format!("read {name}"), &e))?;
    check(&name, &text)?;
    Ok(text)
}

fn check(name: &str, text: &str) -> Result<(), Failure> {
    let checked = serde_json::from_str::<IgnoredAny>(text);
    checked.map(drop).map_err(|e| Failure::Usage(format!("What {name} holds is no JSON: {e}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_taken_as_it_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("migration.json");
        fs::write(&path, "{ \"name\" : 1.0 }").expect("a file");
        assert_eq!(read(&path).expect("JSON"), "{ \"name\" : 1.0 }");
        assert!(matches!(read(&folder.path().join("missing.json")), Err(Failure::Engine(..))));
    }

    #[test]
    fn what_is_no_json_is_usage_and_says_where() {
        let failure = check("`a.json`", "{\n  \"name\": }").expect_err("no JSON");
        assert_eq!(failure.text(), "error: What `a.json` holds is no JSON: expected value at line 2 column 11.\n");
    }
}
