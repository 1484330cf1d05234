//! What a connector's configuration schema tells a person: how its URLs look, which options they take.
//!
//! The annotations are those of `description.configuration` in the contract.

use serde_json::{Map, Value};

/// A connector's configuration, from its JSON Schema.
pub(super) struct Configuration {
    properties: Map<String, Value>,
}

impl Configuration {
    /// Reads a schema; one without properties is a configuration without fields.
    pub(super) fn read(schema: &str) -> Self {
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        Self { properties: schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default() }
    }

    /// How a URL of this scheme looks: `x://user:password@host:5432/database`, `x:path`.
    pub(super) fn url(&self, scheme: &str) -> String {
        let part = |part: &str| self.with("x-sensei-url", part);
        let path = part("path").map(|(name, _)| name);
        if part("host").is_none() {
            return format!("{scheme}:{}", path.unwrap_or_default());
        }
        let password = part("password").map(|_| ":password").unwrap_or_default();
        let user = part("user").map(|_| format!("user{password}@")).unwrap_or_default();
        let port = part("port").and_then(|(_, p)| p.get("default")).map(|p| format!(":{p}")).unwrap_or_default();
        format!("{scheme}://{user}host{port}{}", path.map(|p| format!("/{p}")).unwrap_or_default())
    }

    /// Fields that are no part of the URL before its `?`.
    pub(super) fn options(&self) -> Vec<ConnectionOption<'_>> {
        let free = self.properties.iter().filter(|(_, property)| property.get("x-sensei-url").is_none());
        free.map(|(name, property)| ConnectionOption { name, property }).collect()
    }

    /// The field that names the one file this connector works on, if it works on a file and on no endpoint.
    pub(super) fn file_field(&self) -> Option<&str> {
        let (name, _) = self.with("x-sensei-grant", "file")?;
        self.with("x-sensei-grant", "host").is_none().then_some(name)
    }

    /// Text of the command line as the JSON type that the field wants; what does not fit stays text, for the server to judge.
    pub(super) fn value(&self, field: &str, text: &str) -> Value {
        let wanted = self.properties.get(field).and_then(|property| property.get("type")).and_then(Value::as_str);
        let parsed = match wanted {
            Some("integer" | "number" | "boolean") => serde_json::from_str(text).ok(),
            _ => None,
        };
        parsed.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    fn with(&self, annotation: &str, value: &str) -> Option<(&str, &Value)> {
        let found = self.properties.iter().find(|(_, p)| p.get(annotation).and_then(Value::as_str) == Some(value));
        found.map(|(name, property)| (name.as_str(), property))
    }
}

/// One option after the `?` of a URL.
#[derive(Clone, Copy)]
pub(super) struct ConnectionOption<'a> {
    /// As it is written.
    pub(super) name: &'a str,
    property: &'a Value,
}

impl ConnectionOption<'_> {
    /// What it is for.
    pub(super) fn description(&self) -> &str {
        self.property.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// What holds when nothing is said.
    pub(super) fn default(&self) -> Option<String> {
        let default = self.property.get("default")?;
        Some(default.as_str().map_or_else(|| default.to_string(), str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: &str = r#"{"properties": {
        "host": {"x-sensei-url": "host", "x-sensei-grant": "host"},
        "port": {"x-sensei-url": "port", "default": 1234, "x-sensei-grant": "port"},
        "user": {"x-sensei-url": "user"},
        "password": {"x-sensei-url": "password", "x-sensei-secret": true},
        "database": {"x-sensei-url": "path"},
        "mode": {"enum": ["a", "b"], "default": "a", "description": "How."}
    }}"#;

    #[test]
    fn a_network_url_shows_its_parts_and_options() {
        let configuration = Configuration::read(NETWORK);
        assert_eq!(configuration.url("x"), "x://user:password@host:1234/database");
        assert_eq!(configuration.file_field(), None);
        let options = configuration.options();
        assert_eq!(options.iter().map(|o| o.name).collect::<Vec<_>>(), ["mode"]);
        assert_eq!((options[0].description(), options[0].default()), ("How.", Some("a".into())));
    }

    #[test]
    fn a_path_url_shows_its_path() {
        let file = r#"{"properties": {"path": {"x-sensei-url": "path", "x-sensei-grant": "file"}}}"#;
        let configuration = Configuration::read(file);
        assert_eq!(configuration.url("f"), "f:path");
        assert_eq!(configuration.file_field(), Some("path"));
    }

    #[test]
    fn text_becomes_what_the_field_wants() {
        let schema =
            r#"{"properties": {"port": {"type": "integer"}, "name": {"type": "string"}, "on": {"type": "boolean"}}}"#;
        let configuration = Configuration::read(schema);
        let value = |field, text| configuration.value(field, text).to_string();
        assert_eq!(
            (value("port", "12"), value("on", "true"), value("name", "12")),
            ("12".into(), "true".into(), "\"12\"".into())
        );
        assert_eq!((value("port", "a"), value("other", "12")), ("\"a\"".into(), "\"12\"".into()));
    }

    #[test]
    fn no_fields_is_a_bare_scheme() {
        assert_eq!(Configuration::read("{}").url("none"), "none:");
        assert!(Configuration::read("no JSON").options().is_empty());
    }
}
