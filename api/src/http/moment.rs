//! Instants as the contract writes them: UTC, to the second.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// An instant in UTC, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-02-02T15:30:00Z")]
pub(crate) struct Moment(Timestamp);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Timestamp::from_second(self.0.as_second()).unwrap_or(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_the_second_in_utc() {
        let written = |text: &str| serde_json::to_value(Moment(text.parse().expect("a time"))).expect("JSON");
        assert_eq!(written("2026-02-02T15:30:00Z"), "2026-02-02T15:30:00Z");
        assert_eq!(written("2026-02-02T16:30:00.987654+01:00"), "2026-02-02T15:30:00Z");
    }
}
