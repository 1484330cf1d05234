//! A connection: a connector, its checked configuration, and what that lets the connector reach.
//!
//! What a property is (secret, endpoint, file) is said by annotations in the connector's own JSON Schema;
//! see `description.configuration` in the WIT. Nothing here knows a particular system.

mod schema;

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result, Role};
use crate::plugin::{Grant, Plugin, Registry};
use schema::{Configured, Schema};

/// A way to reach one system. `Debug` and [`Self::label`] never show a secret.
#[derive(Clone)]
pub struct Connection {
    plugin: Plugin,
    configured: Configured,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connection").field(&self.label()).finish()
    }
}

impl Connection {
    /// From a URL such as `scheme://user:password@host:port/path?option=value` or `scheme:path`.
    ///
    /// # Errors
    /// `not_found` for a scheme no connector answers to, `invalid_config` naming the field that is wrong.
    pub fn from_url(registry: &Registry, text: &str) -> Result<Self> {
        let plugin = plugin_of_url(registry, text)?;
        let schema = Schema::of(plugin.name(), &plugin.description().configuration)?;
        let configured = schema.configure(plugin.name(), schema.fields_of_url(text)?)?;
        Ok(Self { plugin, configured })
    }

    /// From a connector's name and its configuration's fields.
    ///
    /// # Errors
    /// As [`Self::from_url`].
    pub fn from_fields(registry: &Registry, connector: &str, fields: Map<String, Value>) -> Result<Self> {
        let plugin = registry.plugin(connector)?;
        let configured =
            Schema::of(plugin.name(), &plugin.description().configuration)?.configure(plugin.name(), fields)?;
        Ok(Self { plugin, configured })
    }

    /// The connector that a URL means, and the fields that it says. They are checked when a connection is made of them.
    ///
    /// # Errors
    /// As [`Self::from_url`], as far as the URL itself goes.
    pub fn fields_of_url(registry: &Registry, text: &str) -> Result<(String, Map<String, Value>)> {
        let plugin = plugin_of_url(registry, text)?;
        let schema = Schema::of(plugin.name(), &plugin.description().configuration)?;
        Ok((plugin.name().to_owned(), schema.fields_of_url(text)?))
    }

    /// The fields of a connector's configuration that are secrets: never to be shown, logged or stored in clear.
    ///
    /// # Errors
    /// `not_found` for a connector that is not on board.
    pub fn secret_fields(registry: &Registry, connector: &str) -> Result<Vec<String>> {
        let plugin = registry.plugin(connector)?;
        let schema = Schema::of(plugin.name(), &plugin.description().configuration)?;
        Ok(schema.secrets().map(str::to_owned).collect())
    }

    /// The connector.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// What the connector may reach in this role.
    #[must_use]
    pub fn grant(&self, role: Role) -> &Grant {
        match role {
            Role::Source => &self.configured.reads,
            Role::Target => &self.configured.writes,
        }
    }

    /// For people: where it goes, without secrets.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.configured.label
    }

    /// The same for two connections to the same place as the same user, whatever their options and secrets.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.configured.identity
    }

    pub(crate) fn configuration(&self) -> &str {
        &self.configured.configuration
    }
}

fn plugin_of_url(registry: &Registry, text: &str) -> Result<Plugin> {
    let Some((scheme, _)) = text.split_once(':') else {
        return Err(invalid(
            "A connection URL begins with a scheme, as in `scheme://user@host/database` or `scheme:path`.",
        ));
    };
    registry.plugin_for_scheme(scheme)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidConfig, message)
}
