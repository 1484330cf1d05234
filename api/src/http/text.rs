//! Text that clients write: bounded, and such as every store can keep.

use super::error::ApiError;

/// Text that says something.
pub(super) fn text(field: &str, text: String, most_chars: usize) -> Result<String, ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::invalid(field, format!("`{field}` must not be empty.")));
    }
    short(field, text, most_chars)
}

/// Text of a bounded length.
pub(super) fn short(field: &str, text: String, most_chars: usize) -> Result<String, ApiError> {
    // A zero byte is one that no store of ours can keep.
    if text.contains('\0') {
        return Err(ApiError::invalid(field, format!("`{field}` must not contain a zero byte.")));
    }
    if text.chars().nth(most_chars).is_some() {
        return Err(ApiError::invalid(field, format!("`{field}` must have {most_chars} characters at most.")));
    }
    Ok(text)
}
