//! Ids on the command line.

/// An id as the server gave it: any text that names one resource in a path.
///
/// # Errors
/// It would name the folder of resources, or the one above it.
pub(super) fn parse(text: &str) -> Result<String, &'static str> {
    if matches!(text, "" | "." | "..") { Err("it names nothing") } else { Ok(text.to_owned()) }
}
