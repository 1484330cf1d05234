//! A connection as the server shows it: without its secrets.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::client::facts;
use crate::cli::client::outline::cell;

/// A stored connection.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) connector: String,
    #[serde(default)]
    config: Map<String, Value>,
}

impl Stored {
    /// Name and id, then how it is configured.
    pub(super) fn text(&self) -> String {
        let Self { id, name, connector, config } = self;
        let fields = config.iter().filter(|(_, value)| !value.is_null());
        let fields = fields.map(|(field, value)| (field.as_str(), Some(cell(value))));
        let facts = std::iter::once(("connector", Some(connector.clone()))).chain(fields);
        format!("{name} ({id})\n{}", facts::lines(facts))
    }

    /// The configuration on one line: `host db.example, port 1234`.
    pub(super) fn configuration(&self) -> String {
        cell(&Value::Object(self.config.clone()))
    }
}
