//! The server said no, in the envelope of the API: `{"error": {"code", "message", "details", "request_id"}}`.

use reqwest::StatusCode;
use serde::Deserialize;

use crate::cli::failure::{Failure, one_paragraph};

/// An error that the server answered with.
#[derive(Debug)]
pub(in crate::cli) struct Refusal {
    message: String,
    /// The API's word for it, and the name of the request in the server's log.
    codes: Vec<String>,
    hint: Option<&'static str>,
    /// The whole answer.
    body: String,
}

#[derive(Deserialize)]
struct Envelope {
    error: Contents,
}

#[derive(Deserialize)]
struct Contents {
    code: String,
    message: String,
    request_id: Option<String>,
}

impl Refusal {
    /// Reads an answer that is no success.
    pub(super) fn read(status: StatusCode, body: String, has_key: bool) -> Self {
        let Ok(Envelope { error: Contents { code, message, request_id } }) = serde_json::from_str(&body) else {
            let message = format!(
                "The server answered {status}, and not in the words of Sensei. Is --server (or SENSEI_URL) the right address?"
            );
            return Self { message, codes: vec![], hint: None, body };
        };
        let hint = hint(&code, status, has_key);
        let request = request_id.map(|id| format!("request {id}"));
        Self { message, codes: [Some(code), request].into_iter().flatten().collect(), hint, body }
    }

    /// An answer that this client cannot use.
    pub(super) fn of_this_client(message: String, body: &str) -> Self {
        Self { message, codes: vec![], hint: None, body: body.to_owned() }
    }

    /// One paragraph, ended: message, then code and request.
    pub(in crate::cli) fn text(&self) -> String {
        let codes = if self.codes.is_empty() { String::new() } else { format!(" ({})", self.codes.join(", ")) };
        let hint = self.hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        format!("error: {}\n{hint}", one_paragraph(&format!("{}{codes}", self.message)))
    }

    /// What the server wrote, where it wrote JSON.
    pub(super) fn json(&self) -> String {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&self.body).is_ok();
        if is_json { format!("{}\n", self.body.trim_end()) } else { String::new() }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// What the server cannot know: which command goes on from here.
fn hint(code: &str, status: StatusCode, has_key: bool) -> Option<&'static str> {
    match code {
        _ if status == StatusCode::UNAUTHORIZED && !has_key => {
            Some("SENSEI_API_KEY (or --api-key) says who asks; `sensei keys create` makes a key.")
        }
        "approval_required" => {
            Some("`sensei migrations plan` shows what waits for a person, `sensei migrations approve` decides it.")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"error": {"code": "invalid_state", "message": "It is paused.\n Resume it.",
        "details": null, "request_id": "req_7"}}"#;

    #[test]
    fn an_error_is_one_paragraph_with_code_and_request() {
        let refusal = Refusal::read(StatusCode::CONFLICT, BODY.into(), true);
        assert_eq!(refusal.text(), "error: It is paused. Resume it. (invalid_state, request req_7)\n");
        assert_eq!(refusal.json(), format!("{BODY}\n"));
    }

    #[test]
    fn another_program_s_error_is_not_quoted() {
        let refusal = Refusal::read(StatusCode::BAD_GATEWAY, "<h1>Bad</h1>".into(), true);
        assert_eq!(
            refusal.text(),
            "error: The server answered 502 Bad Gateway, and not in the words of Sensei. Is --server (or SENSEI_URL) the right address?\n"
        );
        assert_eq!(refusal.json(), "");
    }

    #[test]
    fn who_has_no_key_is_told_how_to_give_one() {
        let body = r#"{"error": {"code": "unauthorized", "message": "A key is missing."}}"#;
        let text = |has_key| Refusal::read(StatusCode::UNAUTHORIZED, body.into(), has_key).text();
        assert!(text(false).contains("hint: SENSEI_API_KEY"));
        assert_eq!(text(true), "error: A key is missing. (unauthorized)\n");
    }
}
