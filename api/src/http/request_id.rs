//! The name of a request: in every response, error and log line, so that all three can be put together.

use axum::http::{HeaderMap, HeaderName};
use sensei_engine::store::fresh_id;

/// Where clients give and get it.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a client's own. 128: what gateways make is shorter.
const MOST_CHARS: usize = 128;

tokio::task_local! {
    /// Of the request that this task answers.
    pub(super) static REQUEST_ID: String;
}

/// Of the request that is being answered.
pub(super) fn current() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// The client's own, where it can stand in a log; a fresh one otherwise.
pub(super) fn of(headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (1..=MOST_CHARS).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
    };
    let given = headers.get(HEADER).and_then(|id| id.to_str().ok()).filter(sane);
    // A machine without randomness has worse problems than a request without a name.
    given.map_or_else(|| fresh_id("req").unwrap_or_else(|_| "req_unknown".to_owned()), str::to_owned)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_sane_name_is_taken_over() {
        let of = |id: &str| of(&HeaderMap::from_iter([(HEADER, HeaderValue::from_str(id).expect("a header"))]));
        assert_eq!(of("build-17:a.b_c"), "build-17:a.b_c");
        for id in ["", "a b", "a\"b", &"x".repeat(129)] {
            assert!(of(id).starts_with("req_"), "{id}");
        }
        assert!(super::of(&HeaderMap::new()).starts_with("req_"));
    }
}
