//! Which plugins are on board.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::bindings::exports::sensei::plugin::connector::Description;
use super::grant::Grant;
use super::guest::Environment;
use super::host::{Compiled, Host, Instance};
use super::outcome::from_wasmtime;
use crate::error::{Code, Error, Result};

/// One plugin: compiled and described. Cheap to clone.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

struct Inner {
    host: Host,
    code: Compiled,
    description: Description,
}

impl Plugin {
    /// Compiles a component and asks it what it is.
    ///
    /// # Errors
    /// `plugin_invalid` if it is no component of this contract.
    pub fn load(host: &Host, name: &str, bytes: &[u8]) -> Result<Self> {
        let code = host.load(name, bytes)?;
        let mut instance = host.instantiate(&code, &Grant::default(), Environment::default())?;
        let description = instance
            .exports
            .sensei_plugin_connector()
            .call_describe(&mut instance.store)
            .map_err(|e| from_wasmtime(name, None, &e))?;
        Ok(Self(Arc::new(Inner { host: host.clone(), code, description })))
    }

    /// What it says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// The connector's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.description.name
    }

    /// The interfaces it imports: its whole authority.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.0.code.imports
    }

    pub(super) fn instantiate(&self, grant: &Grant, environment: Environment) -> Result<Instance> {
        self.0.host.link_and_instantiate(&self.0.code, grant, environment)
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plugin").field(&self.name()).finish()
    }
}

/// Where a plugin's bytes come from: named, loaded when first asked for.
struct Entry {
    bytes: &'static [u8],
    loaded: OnceLock<Result<Plugin>>,
}

/// The plugins of this process, by name.
pub struct Registry {
    host: Host,
    entries: BTreeMap<String, Entry>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self { host, entries: BTreeMap::new() }
    }

    /// Adds a plugin; it is compiled when it is first used.
    pub fn add(&mut self, name: &str, bytes: &'static [u8]) {
        self.entries.insert(name.to_owned(), Entry { bytes, loaded: OnceLock::new() });
    }

    /// The plugin of that name.
    ///
    /// # Errors
    /// `not_found` lists what is on board.
    pub fn plugin(&self, name: &str) -> Result<Plugin> {
        match self.entries.get(name) {
            Some(entry) => self.load(name, entry),
            None => Err(self.unknown("connector", name)),
        }
    }

    /// The plugin whose connector answers to a URL scheme.
    ///
    /// # Errors
    /// `not_found` lists what is on board.
    pub fn plugin_for_scheme(&self, scheme: &str) -> Result<Plugin> {
        // A connector usually answers to its own name: look there first, so that one is compiled, not all.
        if let Ok(plugin) = self.plugin(scheme) {
            return Ok(plugin);
        }
        for (name, entry) in &self.entries {
            let plugin = self.load(name, entry)?;
            if plugin.description().schemes.iter().any(|s| s == scheme) {
                return Ok(plugin);
            }
        }
        Err(self.unknown("URL scheme", scheme))
    }

    /// All plugins, by name.
    ///
    /// # Errors
    /// The first that cannot be loaded.
    pub fn plugins(&self) -> Result<Vec<Plugin>> {
        self.entries.iter().map(|(name, entry)| self.load(name, entry)).collect()
    }

    fn load(&self, name: &str, entry: &Entry) -> Result<Plugin> {
        entry.loaded.get_or_init(|| Plugin::load(&self.host, name, entry.bytes)).clone()
    }

    fn unknown(&self, what: &str, name: &str) -> Error {
        let names: Vec<&str> = self.entries.keys().map(String::as_str).collect();
        Error::new(
            Code::NotFound,
            format!("There is no connector for the {what} `{name}`. On board: {}.", names.join(", ")),
        )
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}
