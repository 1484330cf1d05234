//! A connection: a connector, its checked configuration, and what that lets the connector reach.
//!
//! What a property is (secret, endpoint, file) is said by annotations in the connector's own JSON Schema;
//! see `description.configuration` in the WIT. Nothing here knows a particular system.

use std::path::PathBuf;

use serde_json::{Map, Value};
use url::Url;

use crate::error::{Code, Error, Result, Role};
use crate::plugin::{Endpoint, FileGrant, Grant, Plugin, Registry};

const URL_PART: &str = "x-sensei-url";
const SECRET: &str = "x-sensei-secret";
const GRANT: &str = "x-sensei-grant";
const CONTENT: &str = "x-sensei-content";

/// A way to reach one system. `Debug` and [`Self::label`] never show a secret.
#[derive(Clone)]
pub struct Connection {
    plugin: Plugin,
    /// JSON for the connector, defaults filled in, contents resolved.
    configuration: String,
    reads: Grant,
    writes: Grant,
    label: String,
    identity: String,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connection").field(&self.label).finish()
    }
}

impl Connection {
    /// From a URL such as `scheme://user:password@host:port/path?option=value` or `scheme:path`.
    ///
    /// # Errors
    /// `not_found` for a scheme no connector answers to, `invalid_config` naming the field that is wrong.
    pub fn from_url(registry: &Registry, text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(invalid(
                "A connection URL begins with a scheme, as in `scheme://user@host/database` or `scheme:path`.",
            ));
        };
        let plugin = registry.plugin_for_scheme(scheme)?;
        let schema = Schema::of(&plugin)?;
        let fields = if schema.by_url_part("host").is_some() {
            schema.fields_of_network_url(text)?
        } else {
            schema.fields_of_path_url(rest)?
        };
        Self::build(plugin, &schema, fields)
    }

    /// From a connector's name and its configuration's fields.
    ///
    /// # Errors
    /// As [`Self::from_url`].
    pub fn from_fields(registry: &Registry, connector: &str, fields: Map<String, Value>) -> Result<Self> {
        let plugin = registry.plugin(connector)?;
        let schema = Schema::of(&plugin)?;
        Self::build(plugin, &schema, fields)
    }

    fn build(plugin: Plugin, schema: &Schema, mut fields: Map<String, Value>) -> Result<Self> {
        schema.fill_defaults(&mut fields);
        schema.check(&fields)?;
        let label = schema.label(plugin.name(), &fields);
        let identity = schema.identity(plugin.name(), &fields);
        schema.resolve_contents(&mut fields)?;
        let (reads, writes) = (schema.grant(&fields, false), schema.grant(&fields, true));
        Ok(Self { plugin, configuration: Value::Object(fields).to_string(), reads, writes, label, identity })
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
            Role::Source => &self.reads,
            Role::Target => &self.writes,
        }
    }

    /// For people: where it goes, without secrets.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The same for two connections to the same place as the same user, whatever their options and secrets.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub(crate) fn configuration(&self) -> &str {
        &self.configuration
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidConfig, message)
}

/// A connector's configuration schema.
struct Schema {
    whole: Value,
}

impl Schema {
    fn of(plugin: &Plugin) -> Result<Self> {
        serde_json::from_str(&plugin.description().configuration).map(|whole| Self { whole }).map_err(|e| {
            Error::new(Code::PluginInvalid, format!("The configuration schema of `{}` is no JSON: {e}.", plugin.name()))
        })
    }

    fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.whole.get("properties").and_then(Value::as_object).into_iter().flatten()
    }

    fn by_url_part(&self, part: &str) -> Option<&str> {
        self.properties().find(|(_, p)| annotation(p, URL_PART) == Some(part)).map(|(name, _)| name.as_str())
    }

    fn fields_of_network_url(&self, text: &str) -> Result<Map<String, Value>> {
        let url = Url::parse(text).map_err(|e| invalid(format!("The connection URL cannot be read: {e}. Write `@`, `/`, `:` and `%` in a user name or password as %40, %2F, %3A and %25.")))?;
        let decode = |part: &str, what: &str| {
            percent_decode(part).ok_or_else(|| {
                invalid(format!("The {what} in the connection URL is no UTF-8 when its %-escapes are read."))
            })
        };
        let mut fields = Map::new();
        let mut put = |part: &str, value: Option<String>| -> Result<()> {
            match (self.by_url_part(part), value) {
                (_, None) => Ok(()),
                (Some(name), Some(value)) => {
                    fields.insert(name.to_owned(), self.typed(name, &value));
                    Ok(())
                }
                (None, Some(_)) => Err(invalid(format!("This connector takes no {part} in its URL."))),
            }
        };
        let some = |text: String| (!text.is_empty()).then_some(text);
        put("user", some(decode(url.username(), "user name")?))?;
        put("password", url.password().map(|p| decode(p, "password")).transpose()?)?;
        put("host", url.host_str().map(|h| h.trim_matches(['[', ']'])).map(|h| decode(h, "host")).transpose()?)?;
        put("port", url.port().map(|p| p.to_string()))?;
        put("path", some(decode(url.path().trim_start_matches('/'), "path")?))?;
        self.query(url.query_pairs(), &mut fields)?;
        Ok(fields)
    }

    fn fields_of_path_url(&self, rest: &str) -> Result<Map<String, Value>> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        let mut fields = Map::new();
        match self.by_url_part("path") {
            Some(name) if !path.is_empty() => drop(fields.insert(name.to_owned(), Value::String(path.to_owned()))),
            Some(_) => {}
            None if path.is_empty() => {}
            None => {
                return Err(invalid(format!(
                    "This connector takes nothing after its scheme, but the URL has `{path}`."
                )));
            }
        }
        self.query(url::form_urlencoded::parse(query.as_bytes()), &mut fields)?;
        Ok(fields)
    }

    fn query<'a>(
        &self,
        pairs: impl Iterator<Item = (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>,
        fields: &mut Map<String, Value>,
    ) -> Result<()> {
        for (name, value) in pairs {
            if fields.insert(name.to_string(), self.typed(&name, &value)).is_some() {
                return Err(invalid(format!("`{name}` is given twice in the connection URL.")));
            }
        }
        Ok(())
    }

    /// Text of a URL as the JSON type its property wants; what does not fit is left to [`Self::check`].
    fn typed(&self, name: &str, text: &str) -> Value {
        let wanted = self.whole["properties"][name]["type"].as_str().unwrap_or("string");
        let parsed = match wanted {
            "integer" | "number" | "boolean" => serde_json::from_str::<Value>(text).ok().filter(|v| !v.is_string()),
            _ => None,
        };
        parsed.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    fn fill_defaults(&self, fields: &mut Map<String, Value>) {
        for (name, property) in self.properties() {
            if let (Some(default), false) = (property.get("default"), fields.contains_key(name)) {
                fields.insert(name.clone(), default.clone());
            }
        }
    }

    fn check(&self, fields: &Map<String, Value>) -> Result<()> {
        let validator = jsonschema::validator_for(&self.whole).map_err(|e| {
            Error::new(Code::PluginInvalid, format!("A connector's configuration schema is wrong: {e}."))
        })?;
        let whole = Value::Object(fields.clone());
        let Some(problem) = validator.iter_errors(&whole).next() else { return Ok(()) };
        let field = problem.instance_path().to_string();
        let field = field.trim_start_matches('/');
        if field.is_empty() {
            let known: Vec<&str> = self.properties().map(|(name, _)| name.as_str()).collect();
            // The only errors of the whole object are names: required and unknown ones. No value is in them.
            return Err(invalid(format!(
                "The connection's configuration is wrong: {}. Fields: {}.",
                problem.masked(),
                known.join(", ")
            )));
        }
        Err(invalid(format!("The connection's field `{field}` is wrong: {}.", problem.masked())))
    }

    fn resolve_contents(&self, fields: &mut Map<String, Value>) -> Result<()> {
        for (name, property) in self.properties() {
            let Some(Value::String(text)) = fields.get(name) else { continue };
            if property.get(CONTENT) == Some(&Value::Bool(true)) && !text.starts_with("-----BEGIN") {
                let content = std::fs::read_to_string(text)
                    .map_err(|e| invalid(format!("The file `{text}` that `{name}` names cannot be read: {e}.")))?;
                fields.insert(name.clone(), Value::String(content));
            }
        }
        Ok(())
    }

    fn grant(&self, fields: &Map<String, Value>, writable: bool) -> Grant {
        let granted = |what: &'static str| {
            let named = move |(_, p): &(&String, &Value)| annotation(p, GRANT) == Some(what);
            self.properties().filter(named).filter_map(|(name, _)| fields.get(name))
        };
        let port = granted("port").find_map(Value::as_u64).and_then(|p| u16::try_from(p).ok());
        let endpoints = granted("host")
            .filter_map(Value::as_str)
            .filter_map(|host| Some(Endpoint { host: host.to_owned(), port: port? }))
            .collect();
        let files = granted("file")
            .filter_map(Value::as_str)
            .map(|path| FileGrant { path: PathBuf::from(path), writable })
            .collect();
        Grant { endpoints, files }
    }

    fn secret(&self, name: &str) -> bool {
        self.whole["properties"][name].get(SECRET) == Some(&Value::Bool(true))
    }

    fn url_part<'a>(&self, fields: &'a Map<String, Value>, part: &str) -> Option<String> {
        let name = self.by_url_part(part)?;
        let value: &'a Value = fields.get(name)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    fn identity(&self, connector: &str, fields: &Map<String, Value>) -> String {
        let part = |p| self.url_part(fields, p).unwrap_or_default();
        let path = part("path");
        // The same file under two spellings is the same place.
        let path = match self.grant(fields, false).files.first() {
            Some(file) => std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone()).display().to_string(),
            None => path,
        };
        format!("{connector}://{}@{}:{}/{path}", part("user"), part("host"), part("port"))
    }

    fn label(&self, connector: &str, fields: &Map<String, Value>) -> String {
        let part = |p| self.url_part(fields, p);
        let path = part("path").unwrap_or_default();
        match part("host") {
            Some(host) => {
                let user = part("user").map(|u| format!("{u}@")).unwrap_or_default();
                let port = part("port").map(|p| format!(":{p}")).unwrap_or_default();
                format!("{connector}://{user}{host}{port}/{path}")
            }
            None => format!("{connector}:{path}"),
        }
    }
}

fn annotation<'a>(property: &'a Value, name: &str) -> Option<&'a str> {
    property.get(name).and_then(Value::as_str)
}

fn percent_decode(text: &str) -> Option<String> {
    // `+` means itself outside a query.
    let kept = text.replace('+', "%2B");
    let pair = format!("={kept}");
    let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    (!value.contains('\u{FFFD}')).then(|| value.into_owned())
}
