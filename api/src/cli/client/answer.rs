//! What the server said.

use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use crate::cli::failure::Failure;

/// The body of a success, as it came.
#[derive(Debug)]
pub(super) struct Answer(String);

impl Answer {
    pub(super) fn new(body: String) -> Self {
        Self(body)
    }

    /// Its JSON, ended by a line break; nothing where the server had nothing to say.
    pub(super) fn into_json(self) -> String {
        let Self(mut body) = self;
        if !body.is_empty() && !body.ends_with('\n') {
            body.push('\n');
        }
        body
    }

    /// What it means.
    ///
    /// # Errors
    /// It is not what the contract says.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.0).map_err(|e| {
            let why = format!("The server's answer is not understood: {e}. Is it a Sensei of another version?");
            Refusal::of_this_client(why, &self.0).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn json_is_printed_as_it_came() {
        let json = |body: &str| Answer::new(body.to_owned()).into_json();
        assert_eq!(json("{ \"b\" : 1.0,\"a\":2}"), "{ \"b\" : 1.0,\"a\":2}\n");
        assert_eq!((json("{}\n"), json("")), ("{}\n".into(), String::new()));
    }

    #[test]
    fn what_is_not_understood_says_so() {
        let failure = Answer::new("<html>".into()).read::<Value>().expect_err("no JSON");
        assert_eq!(
            failure.text(),
            "error: The server's answer is not understood: expected value at line 1 column 1. Is it a Sensei of another version?\n"
        );
    }
}
