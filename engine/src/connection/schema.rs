//! What a connector's JSON Schema makes of a URL or of fields.

use std::path::PathBuf;

use serde_json::{Map, Value};
use url::Url;

use super::invalid;
use crate::error::{Code, Error, Result};
use crate::plugin::{Endpoint, FileGrant, Grant};

const URL_PART: &str = "x-sensei-url";
const SECRET: &str = "x-sensei-secret";
const GRANT: &str = "x-sensei-grant";
const CONTENT: &str = "x-sensei-content";

/// A checked configuration and what follows from it.
#[derive(Clone)]
pub(super) struct Configured {
    /// JSON for the connector, defaults filled in, contents resolved. Holds secrets.
    pub(super) configuration: String,
    /// What may be reached as a source, and as a target.
    pub(super) reads: Grant,
    pub(super) writes: Grant,
    /// For people, without secrets.
    pub(super) label: String,
    /// Same place, same user.
    pub(super) identity: String,
}

/// A connector's configuration schema.
pub(super) struct Schema {
    whole: Value,
}

impl Schema {
    pub(super) fn of(connector: &str, configuration: &str) -> Result<Self> {
        serde_json::from_str(configuration).map(|whole| Self { whole }).map_err(|e| {
            Error::new(Code::PluginInvalid, format!("The configuration schema of `{connector}` is no JSON: {e}."))
        })
    }

    /// Checks the fields and draws from them what a connection needs.
    pub(super) fn configure(&self, connector: &str, mut fields: Map<String, Value>) -> Result<Configured> {
        self.fill_defaults(&mut fields);
        self.check(&fields)?;
        let (label, identity) = (self.label(connector, &fields), self.identity(connector, &fields));
        let (reads, writes) = (self.grant(&fields, false), self.grant(&fields, true));
        self.resolve_contents(&mut fields)?;
        Ok(Configured { configuration: Value::Object(fields).to_string(), reads, writes, label, identity })
    }

    /// What a URL says.
    pub(super) fn fields_of_url(&self, text: &str) -> Result<Map<String, Value>> {
        match text.split_once(':') {
            Some((_, rest)) if self.by_url_part("host").is_none() => self.fields_of_path_url(rest),
            Some(_) | None => self.fields_of_network_url(text),
        }
    }

    /// Fields that are secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.properties().map(|(name, _)| name.as_str()).filter(|name| self.secret(name))
    }

    fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.whole.get("properties").and_then(Value::as_object).into_iter().flatten()
    }

    fn by_url_part(&self, part: &str) -> Option<&str> {
        self.properties().find(|(_, p)| annotation(p, URL_PART) == Some(part)).map(|(name, _)| name.as_str())
    }

    fn fields_of_network_url(&self, text: &str) -> Result<Map<String, Value>> {
        let url = Url::parse(text).map_err(|e| invalid(format!("The connection URL cannot be read: {e}. Write `@`, `/`, `:`, `#`, `?` and `%` in a user name or password as %40, %2F, %3A, %23, %3F and %25.")))?;
        if url.fragment().is_some() {
            return Err(invalid(
                "The connection URL has a `#`, which means nothing there. Write %23 where it belongs to a name or password.",
            ));
        }
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
                return Err(invalid(
                    "This connector takes nothing after the `:` of its URL but options, as in `scheme:?option=value`.",
                ));
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
                let content = std::fs::read_to_string(text).map_err(|e| {
                    // What should be a path may be a key that somebody pasted.
                    let path = if self.secret(name) { String::new() } else { format!(" `{text}`") };
                    invalid(format!("The file{path} that `{name}` names cannot be read: {e}."))
                })?;
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
        let value: &'a Value = fields.get(name).filter(|_| !self.secret(name))?;
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
    // `+` and `&` mean themselves outside a query.
    let kept = text.replace('+', "%2B").replace('&', "%26");
    let pair = format!("={kept}");
    let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    (!value.contains('\u{FFFD}')).then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Configured, Schema};
    use crate::error::{Code, Error};
    use crate::plugin::{Endpoint, FileGrant};

    const PASSWORD: &str = "s3cr&t+w/o=limits";

    fn network() -> Schema {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["host", "user"],
            "properties": {
                "host": {"type": "string", "x-sensei-url": "host", "x-sensei-grant": "host"},
                "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 7000, "x-sensei-url": "port", "x-sensei-grant": "port"},
                "user": {"type": "string", "x-sensei-url": "user"},
                "password": {"type": "string", "maxLength": 40, "x-sensei-url": "password", "x-sensei-secret": true},
                "database": {"type": "string", "x-sensei-url": "path"},
                "mode": {"type": "string", "enum": ["off", "on"], "default": "on"},
                "compress": {"type": "boolean"},
                "authority": {"type": "string", "x-sensei-content": true},
                "key": {"type": "string", "x-sensei-content": true, "x-sensei-secret": true}
            }
        });
        Schema::of("net", &schema.to_string()).unwrap()
    }

    fn file() -> Schema {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["path"],
            "properties": {
                "path": {"type": "string", "minLength": 1, "x-sensei-url": "path", "x-sensei-grant": "file"},
                "rows": {"type": "integer"}
            }
        });
        Schema::of("file", &schema.to_string()).unwrap()
    }

    fn from_url(schema: &Schema, url: &str) -> Result<Configured, Error> {
        schema.configure("net", schema.fields_of_url(url)?)
    }

    fn fields(configured: &Configured) -> Value {
        serde_json::from_str(&configured.configuration).unwrap()
    }

    #[test]
    fn urls_become_fields() {
        let cases = [
            ("net://me@host", json!({"user": "me", "host": "host", "port": 7000, "mode": "on"})),
            (
                "net://me:s3cr&t+w%2Fo=limits@host:81/db?mode=off&compress=true",
                json!({"user": "me", "password": PASSWORD, "host": "host", "port": 81, "database": "db", "mode": "off", "compress": true}),
            ),
            (
                "net://m%40e:@[::1]:1/a%2Fb/c",
                json!({"user": "m@e", "host": "::1", "port": 1, "database": "a/b/c", "mode": "on"}),
            ),
            (
                "net://gr%C3%B6%C3%9Fe@host/%E5%AE%A2",
                json!({"user": "größe", "host": "host", "port": 7000, "database": "客", "mode": "on"}),
            ),
            (
                "net://me@host?database=db",
                json!({"user": "me", "host": "host", "port": 7000, "database": "db", "mode": "on"}),
            ),
        ];
        for (url, wanted) in cases {
            let found = from_url(&network(), url).unwrap_or_else(|e| panic!("{url}: {e}"));
            assert_eq!(fields(&found), wanted, "{url}");
        }
    }

    #[test]
    fn paths_become_fields() {
        for (url, wanted) in [
            ("file:data.db", json!({"path": "data.db"})),
            ("file:/abs/da ta.db", json!({"path": "/abs/da ta.db"})),
            ("file:///abs/data.db?rows=5", json!({"path": "/abs/data.db", "rows": 5})),
        ] {
            assert_eq!(fields(&from_url(&file(), url).unwrap()), wanted, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, named) in [
            ("net://host", "\"user\""),
            ("net://me@host:0", "`port`"),
            ("net://me@host:99999", "port"),
            ("net://me@host?mode=maybe", "`mode`"),
            ("net://me@host?compress=perhaps", "`compress`"),
            ("net://me@host?colour=red", "colour"),
            ("net://me@host?mode=on&mode=off", "`mode` is given twice"),
            ("net://me@host/db?database=other", "`database` is given twice"),
            ("net://me:a%FFb@host", "password"),
            ("net://me@host/db#part", "`#`"),
            ("net://me:pa#ss@host/db", "%23"),
        ] {
            let e = from_url(&network(), url).map(|c| c.label).expect_err(url);
            assert_eq!(e.code, Code::InvalidConfig, "{url}");
            assert!(e.message.contains(named), "{url}: {e}");
        }
        let e = from_url(&file(), "file:").map(|c| c.label).unwrap_err();
        assert!(e.message.contains("path"), "{e}");
        assert_eq!(Schema::of("net", "{").map(|_| ()).unwrap_err().code, Code::PluginInvalid);
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let found = from_url(&network(), "net://me:s3cr%26t@host/db").unwrap();
        assert_eq!((found.label.as_str(), found.identity.as_str()), ("net://me@host:7000/db", "net://me@host:7000/db"));

        assert_eq!(network().secrets().collect::<Vec<_>>(), ["password", "key"]);
        assert_eq!(file().secrets().count(), 0);
        let long = "s3cr".repeat(20);
        let key = "s3cr pasted without its first line";
        let cases = [
            format!("net://me:{long}@host"),
            "net://me:s3cr@host?mode=wrong".to_owned(),
            "net://me:s3cr@host?nonsense=1".to_owned(),
            "net://me:s3cr@host?mode=on&mode=on".to_owned(),
            "net://me:s3cr@host:nonsense".to_owned(),
            format!("net://me:s3cr@host?key={key}"),
        ];
        for url in cases {
            let e = from_url(&network(), &url).map(|c| c.label).expect_err(&url);
            assert!(!format!("{e} {e:?}").contains("s3cr"), "{url}: {e}");
        }
        let nothing =
            Schema::of("none", r#"{"type": "object", "properties": {}, "additionalProperties": false}"#).unwrap();
        let e = from_url(&nothing, "none://me:s3cr@host").map(|c| c.label).unwrap_err();
        assert!(!e.message.contains("s3cr"), "{e}");
        // A secret of a wrong type is not shown either.
        let wrong: Map<String, Value> =
            serde_json::from_value(json!({"host": "h", "user": "u", "password": ["s3cr"]})).unwrap();
        let e = network().configure("net", wrong).map(|c| c.label).unwrap_err();
        assert!(e.message.contains("`password`") && !e.message.contains("s3cr"), "{e}");
    }

    #[test]
    fn grants_are_exactly_what_the_configuration_names() {
        let found = from_url(&network(), "net://me@db.example:81/x").unwrap();
        let endpoints = vec![Endpoint { host: "db.example".to_owned(), port: 81 }];
        assert_eq!((&found.reads.endpoints, found.reads.files.len()), (&endpoints, 0));
        assert_eq!(found.writes.endpoints, endpoints);

        let found = from_url(&file(), "file:a.db").unwrap();
        let granted = |writable| vec![FileGrant { path: "a.db".into(), writable }];
        assert_eq!((found.reads.files, found.writes.files), (granted(false), granted(true)));
        assert!(found.reads.endpoints.is_empty());
    }

    #[test]
    fn the_same_place_has_one_identity() {
        let of = |schema: &Schema, url: &str| from_url(schema, url).unwrap().identity;
        let base = of(&network(), "net://me@host/db");
        assert_eq!(base, of(&network(), "net://me:other@host:7000/db?mode=off"));
        for other in ["net://you@host/db", "net://me@host2/db", "net://me@host/db2", "net://me@host:1/db"] {
            assert_ne!(base, of(&network(), other));
        }
        let here = std::env::current_dir().unwrap().join("a.db").display().to_string();
        assert_eq!(of(&file(), "file:a.db"), of(&file(), &format!("file:{here}")));
    }

    #[test]
    fn contents_of_files_take_their_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nabc").unwrap();
        let with = |authority: &str| {
            let fields = json!({"host": "h", "user": "u", "authority": authority});
            network().configure("net", serde_json::from_value(fields).unwrap())
        };
        let found = with(&path.display().to_string()).unwrap();
        assert_eq!(fields(&found)["authority"], "-----BEGIN CERTIFICATE-----\nabc");
        let given = "-----BEGIN CERTIFICATE-----\ngiven";
        assert_eq!(fields(&with(given).unwrap())["authority"], given);
        let e = with("no/such/file.pem").map(|c| c.label).unwrap_err();
        assert!(e.message.contains("`no/such/file.pem`") && e.message.contains("`authority`"), "{e}");
    }
}
