//! What a connection says: a file, and how patient and how thorough to be.

use sensei_sdk::text::InvalidText;
use serde::Deserialize;

/// JSON Schema of [`Configuration`].
pub(crate) const SCHEMA: &str = include_str!("configuration.json");

/// A connection's settings; the file `configuration.json` says what each is for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    pub(crate) path: String,
    #[serde(default = "busy_timeout_ms")]
    pub(crate) busy_timeout_ms: u32,
    #[serde(default = "profile_rows")]
    pub(crate) profile_rows: u64,
    #[serde(default)]
    pub(crate) invalid_text: InvalidText,
}

/// 10 s: longer than another program's transaction should take, shorter than the host's limit on a guest that waits.
fn busy_timeout_ms() -> u32 {
    10_000
}

/// 1,000,000 rows: about a second a table.
fn profile_rows() -> u64 {
    1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_the_same_fields_and_defaults() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let read: Configuration = serde_json::from_str(r#"{"path": "a.db"}"#).unwrap();
        let default = |field: &str| schema["properties"][field]["default"].as_u64();
        assert_eq!(schema["required"], serde_json::json!(["path"]));
        assert_eq!(schema["properties"].as_object().unwrap().len(), 4);
        assert_eq!(default("busy_timeout_ms"), Some(u64::from(read.busy_timeout_ms)));
        assert_eq!(default("profile_rows"), Some(read.profile_rows));
        assert!(serde_json::from_str::<Configuration>(r#"{"path": "a.db", "pah": 1}"#).is_err());
        for word in schema["properties"]["invalid_text"]["enum"].as_array().unwrap() {
            let read: Configuration =
                serde_json::from_value(serde_json::json!({"path": "a.db", "invalid_text": word})).unwrap();
            assert_eq!(read.invalid_text == InvalidText::Reject, word == "reject");
        }
    }
}
