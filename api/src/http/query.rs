//! Query parameters: each is known, given once and of its kind, or the error names it. One that is misspelled must not
//! pass for one that was left out: a filter would let everything through.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use url::form_urlencoded;

use super::error::ApiError;

/// The parameters of one request, until they are taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(parts.uri.query().unwrap_or_default()))
    }
}

impl Parameters {
    fn read(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// All values of a parameter that may be given more than once.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.0.extract_if(.., |(other, _)| other == name).map(|(_, value)| value).collect()
    }

    /// The value of a parameter, read by `read`; where that fails, `what` says what the parameter must be.
    pub(crate) fn read_as<T>(
        &mut self,
        name: &str,
        what: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        match self.all(name).as_slice() {
            [] => Ok(None),
            [value] => match read(value) {
                Some(value) => Ok(Some(value)),
                None => Err(ApiError::invalid(name, format!("`{name}` must be {what}."))),
            },
            [_, _, ..] => Err(ApiError::invalid(name, format!("`{name}` is given more than once."))),
        }
    }

    /// Text as it is, but not none.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        self.read_as(name, "some text", |text| (!text.is_empty()).then(|| text.to_owned()))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, name: &str, default: bool) -> Result<bool, ApiError> {
        Ok(self.read_as(name, "`true` or `false`", |text| text.parse().ok())?.unwrap_or(default))
    }

    /// A time with its offset.
    pub(crate) fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        self.read_as(name, "a time with its offset from UTC, such as `2026-02-15T02:00:00Z`", |text| text.parse().ok())
    }

    /// A whole number within bounds.
    pub(crate) fn number(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, ApiError> {
        let what = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let read = |text: &str| text.parse().ok().filter(|number| bounds.contains(number));
        Ok(self.read_as(name, &what, read)?.unwrap_or(default))
    }

    /// Everything was taken that there is.
    pub(crate) fn end(self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(ApiError::invalid(name, format!("There is no parameter `{name}` here. Parameters: {known}.")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_once_and_by_their_kind() {
        let mut query =
            Parameters::read("limit=5&name=a%20b+c&keep=false&at=2026-02-01T00%3A00%3A00%2B01%3A00&s=1&s=2");
        assert_eq!(query.number("limit", 1..=100, 20).ok(), Some(5));
        assert_eq!(query.number("offset", 0..=100, 7).ok(), Some(7));
        assert_eq!(query.text("name").ok(), Some(Some("a b c".to_owned())));
        assert_eq!(query.flag("keep", true).ok(), Some(false));
        let at = query.moment("at").ok().flatten().expect("a time");
        assert_eq!(at.to_string(), "2026-01-31T23:00:00Z");
        assert_eq!(query.all("s"), ["1", "2"]);
        assert!(query.end(&[]).is_ok());
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let read = Parameters::read;
        assert!(read("limit=0").number("limit", 1..=100, 20).is_err());
        assert!(read("limit=101").number("limit", 1..=100, 20).is_err());
        assert!(read("limit=-1").number("limit", 1..=100, 20).is_err());
        assert!(read("limit=").number("limit", 1..=100, 20).is_err());
        assert!(read("limit=5&limit=5").number("limit", 1..=100, 20).is_err());
        assert!(read("keep=yes").flag("keep", true).is_err());
        assert!(read("at=yesterday").moment("at").is_err());
        assert!(read("name=").text("name").is_err());
        assert!(read("limits=5").end(&["limit"]).is_err());
    }
}
