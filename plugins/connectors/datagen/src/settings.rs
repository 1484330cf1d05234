//! The configuration, read.

use sensei_sdk::Result;
use serde::Deserialize;

/// Which tables to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dataset {
    Tpch,
    Random,
}

/// See `configuration.json`, which also holds the defaults.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) dataset: Dataset,
    pub(crate) scale: f64,
    pub(crate) tables: u32,
    pub(crate) rows: u64,
    pub(crate) columns: String,
    pub(crate) nulls: f64,
    pub(crate) edges: bool,
    pub(crate) seed: u64,
}

impl Settings {
    pub(crate) fn read(configuration: &str) -> Result<Self> {
        sensei_sdk::configuration(configuration)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Map, Value};

    /// The settings that the schema's defaults and `given` make: what the host would hand over.
    pub(crate) fn settings(given: Value) -> String {
        let schema: Value = serde_json::from_str(include_str!("configuration.json")).expect("JSON");
        let properties = schema["properties"].as_object().expect("properties");
        let mut fields: Map<String, Value> =
            properties.iter().map(|(name, p)| (name.clone(), p["default"].clone())).collect();
        fields.extend(given.as_object().expect("an object").clone());
        Value::Object(fields).to_string()
    }

    #[test]
    fn the_schemas_defaults_are_settings() {
        let read = Settings::read(&settings(serde_json::json!({}))).expect("settings");
        assert_eq!((read.dataset, read.tables, read.rows, read.seed), (Dataset::Tpch, 1, 10_000, 1));
        assert!(Settings::read("{}").is_err());
    }
}
