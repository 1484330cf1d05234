//! Stored connections: secrets are sealed on their way into the store, and opened on their way to a connector.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Service;
use super::state::Recovery;
use crate::catalog::Catalog;
use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::plugin::{Cancel, Environment, Registry, Roles, SourceSession, TargetSession};
use crate::seal::SealingKey;
use crate::store::{StoredConnection, fresh_id};

/// How long a test of a connection may take. 30 s: a person waits for it, and a host that drops what it is sent is told
/// from one that is slow.
const TEST_TIME: Duration = Duration::from_secs(30);
/// How long reading a catalog may take. 60 s: ten thousand tables over a slow line.
const CATALOG_TIME: Duration = Duration::from_secs(60);

/// A connection to be.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// `conn_...`; none: a fresh one.
    pub id: Option<String>,
    /// For people.
    pub name: String,
    /// What it leads to.
    pub way: Way,
}

/// What a connection leads to, in either form.
#[derive(Clone)]
pub enum Way {
    /// A connector and its configuration's fields.
    Fields {
        /// Its name.
        connector: String,
        /// The fields, secrets among them.
        config: Map<String, Value>,
    },
    /// A URL, whose scheme says which connector.
    Url(String),
}

/// Shows no field: some are secrets, and which is the connector's to say.
impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fields { connector, config: _ } => f.debug_tuple("Fields").field(connector).finish(),
            Self::Url(_) => f.write_str("Url"),
        }
    }
}

/// What is to change about a connection.
#[derive(Clone, Default)]
pub struct ConnectionChange {
    /// Another name.
    pub name: Option<String>,
    /// Fields that get another value; null takes one away.
    pub config: Map<String, Value>,
}

/// How a test of a connection came out.
#[derive(Debug, Clone)]
pub struct ConnectionTest {
    /// Somebody answered, and knows the user.
    pub ok: bool,
    /// The system's own version text.
    pub server: Option<String>,
    /// How long connecting took, in milliseconds.
    pub latency_ms: u64,
    /// What stands in the way of reading from it; empty: nothing, or it cannot be a source.
    pub missing_rights_as_source: Vec<String>,
    /// What stands in the way of writing to it; empty: nothing, or it cannot be a target.
    pub missing_rights_as_target: Vec<String>,
    /// Why nobody could be connected to.
    pub error: Option<Error>,
}

impl Service {
    /// Keeps a new connection, its secrets sealed. Nothing is connected to.
    ///
    /// # Errors
    /// `invalid_request` or `invalid_config` naming the field; `conflict` when the id is taken.
    pub async fn create_connection(&self, new: NewConnection, user: &str) -> Result<StoredConnection> {
        let NewConnection { id, name, way } = new;
        let id = match id {
            Some(id) => id,
            None => fresh_id("conn")?,
        };
        let registry = Arc::clone(self.registry());
        let (connector, fields, secret) = blocking(move || checked(&registry, way)).await?;
        let (config, secrets) = seal_config(self.seal(), &id, &secret, fields)?;
        let now = Timestamp::now();
        let user = user.to_owned();
        let connection = StoredConnection {
            id,
            name,
            connector,
            config,
            secrets,
            created_at: now,
            created_by: user,
            updated_at: now,
        };
        self.store().create_connection(&connection).await?;
        Ok(connection)
    }

    /// Changes a connection. Secrets that are not named stay as they are, and need not be opened with the key that
    /// this server has if they are replaced.
    ///
    /// # Errors
    /// `not_found`; `invalid_config` naming the field; `conflict` while a migration is at work with it.
    pub async fn change_connection(&self, id: &str, change: ConnectionChange) -> Result<StoredConnection> {
        let mut stored = self.store().connection(id).await?;
        if let Some(name) = change.name {
            stored.name = name;
        }
        if !change.config.is_empty() {
            let at_work = self.at_work_with(id).await?;
            if !at_work.is_empty() {
                return Err(in_use(id, "Pause or cancel them first.", at_work));
            }
            for field in change.config.keys() {
                stored.secrets.shift_remove(field);
            }
            let mut fields = open_config(self.seal(), &stored)?;
            for (field, value) in change.config {
                // `checked` drops what is null.
                fields.insert(field, value);
            }
            let way = Way::Fields { connector: stored.connector.clone(), config: fields };
            let registry = Arc::clone(self.registry());
            let (_, fields, secret) = blocking(move || checked(&registry, way)).await?;
            (stored.config, stored.secrets) = seal_config(self.seal(), id, &secret, fields)?;
        }
        stored.updated_at = Timestamp::now();
        self.store().update_connection(&stored).await?;
        Ok(stored)
    }

    /// Forgets a connection, with its secrets.
    ///
    /// # Errors
    /// `not_found`; `conflict` while a migration that is not at its end uses it.
    pub async fn delete_connection(&self, id: &str) -> Result<()> {
        let users = self.store().users_of_connection(id).await?;
        if !users.is_empty() {
            return Err(in_use(id, "Cancel or delete them first.", users));
        }
        self.store().delete_connection(id).await
    }

    /// A stored connection, its secrets opened, ready for a connector.
    ///
    /// # Errors
    /// `not_found`; `invalid_config` when its secrets were sealed with another key, or a file it names is gone.
    pub async fn connection(&self, id: &str) -> Result<Connection> {
        let stored = self.store().connection(id).await?;
        let fields = open_config(self.seal(), &stored)?;
        let registry = Arc::clone(self.registry());
        blocking(move || Connection::from_fields(&registry, &stored.connector, fields)).await
    }

    /// Connects, and asks what the user may not do of what a migration needs.
    ///
    /// # Errors
    /// `not_found`. What goes wrong with the connection itself is a result, not an error.
    pub async fn test_connection(&self, id: &str) -> Result<ConnectionTest> {
        // Whether there is one: everything after that is what a test is for.
        self.store().connection(id).await?;
        let tested = match self.connection(id).await {
            Ok(connection) => in_time(TEST_TIME, move |environment| try_out(&connection, environment)).await,
            Err(e) => Err(e),
        };
        Ok(tested.unwrap_or_else(|error| ConnectionTest {
            ok: false,
            server: None,
            latency_ms: 0,
            missing_rights_as_source: Vec::new(),
            missing_rights_as_target: Vec::new(),
            error: Some(of_no_side(error)),
        }))
    }

    /// What is behind a connection: tables of these schemas, of the connection's own if none are named.
    ///
    /// # Errors
    /// `not_found` for the connection or a schema; whatever connecting reports; `timeout`.
    pub async fn catalog(&self, id: &str, schemas: Vec<String>) -> Result<Catalog> {
        let connection = self.connection(id).await?;
        let read = move |environment: &Environment| {
            if connection.plugin().description().roles.contains(Roles::SOURCE) {
                SourceSession::open(&connection, environment.clone())?.catalog(&schemas)
            } else {
                TargetSession::open(&connection, environment.clone())?.catalog(&schemas)
            }
        };
        in_time(CATALOG_TIME, read).await.map_err(of_no_side)
    }

    /// Migrations that a server drives and that use this connection.
    async fn at_work_with(&self, connection: &str) -> Result<Vec<String>> {
        let mut at_work = Vec::new();
        for id in self.store().users_of_connection(connection).await? {
            match self.store().record(&id).await {
                Ok(record) if record.status.recovery() != Recovery::Nothing => at_work.push(id),
                Ok(_) => {}
                // Deleted meanwhile.
                Err(e) if e.code == Code::MigrationNotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(at_work)
    }
}

fn in_use(connection: &str, hint: &str, migrations: Vec<String>) -> Error {
    let message = format!("Migrations use the connection `{connection}`: {}. {hint}", migrations.join(", "));
    Error::new(Code::Conflict, message).with_details(json!({"migrations": migrations}))
}

/// Connector, fields without nulls, and which fields are secrets; once a connection can be made of them.
fn checked(registry: &Registry, way: Way) -> Result<(String, Map<String, Value>, Vec<String>)> {
    let unknown = |field: &str, e: Error| match e.code {
        Code::NotFound => {
            let message = format!("`{field}`: {}", e.message);
            Error::new(Code::InvalidRequest, message).with_details(json!({"field": field}))
        }
        _ => e,
    };
    let (connector, mut fields) = match way {
        Way::Fields { connector, config } => (connector, config),
        Way::Url(url) => Connection::fields_of_url(registry, &url).map_err(|e| unknown("url", e))?,
    };
    fields.retain(|_, value| !value.is_null());
    Connection::from_fields(registry, &connector, fields.clone()).map_err(|e| unknown("connector", e))?;
    let secret = Connection::secret_fields(registry, &connector)?;
    Ok((connector, fields, secret))
}

/// A configuration in two: what may be shown, and the secrets, each sealed for this field of this connection alone.
fn seal_config(
    key: &SealingKey,
    connection: &str,
    secret: &[String],
    fields: Map<String, Value>,
) -> Result<(Map<String, Value>, Map<String, Value>)> {
    let (mut config, mut secrets) = (Map::new(), Map::new());
    for (field, value) in fields {
        if secret.contains(&field) {
            // As JSON, so that what comes back has the type it came with.
            let sealed = key.seal(&context(connection, &field), value.to_string().as_bytes())?;
            secrets.insert(field, Value::String(sealed));
        } else {
            config.insert(field, value);
        }
    }
    Ok((config, secrets))
}

/// A whole configuration, secrets in clear. For connectors alone.
fn open_config(key: &SealingKey, stored: &StoredConnection) -> Result<Map<String, Value>> {
    let mut fields = stored.config.clone();
    for (field, sealed) in &stored.secrets {
        let damaged = || {
            let message = format!("The secret `{field}` of the connection `{}` is damaged. Enter it again.", stored.id);
            Error::new(Code::InvalidData, message)
        };
        let plain = key.open(&context(&stored.id, field), sealed.as_str().ok_or_else(damaged)?)?;
        // What serde says of it would quote it.
        fields.insert(field.clone(), serde_json::from_slice(&plain).map_err(|_| damaged())?);
    }
    Ok(fields)
}

fn context(connection: &str, field: &str) -> String {
    format!("connection/{connection}/{field}")
}

/// Connects in every role that the connector has. An error is why it could be connected to in none of them.
fn try_out(connection: &Connection, environment: &Environment) -> Result<ConnectionTest> {
    let roles = connection.plugin().description().roles;
    let source = roles.contains(Roles::SOURCE).then(|| try_source(connection, environment));
    let target = roles.contains(Roles::TARGET).then(|| try_target(connection, environment));
    let met = [&source, &target].into_iter().flatten().find_map(|tried| tried.as_ref().ok());
    let Some(Met { server, latency, .. }) = met else {
        let nothing = || Error::new(Code::Unsupported, "This connector is neither a source nor a target.");
        return Err([source, target].into_iter().flatten().find_map(Result::err).unwrap_or_else(nothing));
    };
    let (server, latency_ms) = (server.clone(), u64::try_from(latency.as_millis()).unwrap_or(u64::MAX));
    // Who connected in one role and not in the other has found what stands in the way.
    let missing = |tried: Option<Result<Met>>| match tried {
        None => Vec::new(),
        Some(Ok(met)) => met.missing_rights,
        Some(Err(e)) => vec![e.message],
    };
    Ok(ConnectionTest {
        ok: true,
        server: Some(server),
        latency_ms,
        missing_rights_as_source: missing(source),
        missing_rights_as_target: missing(target),
        error: None,
    })
}

/// Somebody answered.
struct Met {
    server: String,
    latency: Duration,
    missing_rights: Vec<String>,
}

fn try_source(connection: &Connection, environment: &Environment) -> Result<Met> {
    let began = Instant::now();
    let mut session = SourceSession::open(connection, environment.clone())?;
    let latency = began.elapsed();
    let missing_rights = session.missing_rights(&[])?;
    Ok(Met { server: session.catalog(&[])?.server, latency, missing_rights })
}

fn try_target(connection: &Connection, environment: &Environment) -> Result<Met> {
    let began = Instant::now();
    let mut session = TargetSession::open(connection, environment.clone())?;
    let latency = began.elapsed();
    let missing_rights = session.missing_rights(&[])?;
    Ok(Met { server: session.catalog(&[])?.server, latency, missing_rights })
}

/// A connection by itself is neither source nor target.
fn of_no_side(error: Error) -> Error {
    Error { role: None, ..error }
}

/// Stops the guests when nobody waits for them any more.
struct Stops(Cancel);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Work that blocks, for so long at most. Whoever stops waiting, because time is up or the client is gone, stops it.
async fn in_time<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce(&Environment) -> Result<T> + Send + 'static,
) -> Result<T> {
    let environment = Environment::default();
    let _stops = Stops(environment.cancel.clone());
    let late = |_| {
        let message = format!("The system did not answer within {} seconds.", time.as_secs());
        Err(Error::new(Code::Timeout, message))
    };
    tokio::time::timeout(time, blocking(move || work(&environment))).await.unwrap_or_else(late)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let broke = |_| Err(Error::new(Code::System, "Looking at a connection broke down; this is a bug of Sensei."));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(broke)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::from_base64(&crate::base64::encode(&[byte; 32])).unwrap()
    }

    fn fields() -> Map<String, Value> {
        serde_json::from_value(json!({"host": "h", "port": 7, "password": "s3cret", "pin": 1234})).unwrap()
    }

    fn stored() -> StoredConnection {
        let secret = ["password".to_owned(), "pin".to_owned(), "key".to_owned()];
        let (config, secrets) = seal_config(&key(1), "conn_a", &secret, fields()).unwrap();
        StoredConnection {
            id: "conn_a".into(),
            name: "A".into(),
            connector: "net".into(),
            config,
            secrets,
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "user_1".into(),
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn secrets_are_apart_and_come_back_as_they_were() {
        let stored = stored();
        assert_eq!(Value::Object(stored.config.clone()), json!({"host": "h", "port": 7}));
        assert_eq!(stored.secrets.keys().collect::<Vec<_>>(), ["password", "pin"]);
        let shown = format!("{stored:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("1234"), "{shown}");
        assert_eq!(open_config(&key(1), &stored).unwrap(), fields());
    }

    #[test]
    fn a_secret_opens_where_it_belongs_and_with_its_key_alone() {
        let mut elsewhere = stored();
        elsewhere.id = "conn_b".into();
        assert_eq!(open_config(&key(1), &elsewhere).unwrap_err().code, Code::InvalidData);

        let mut swapped = stored();
        let pin = swapped.secrets["pin"].clone();
        swapped.secrets.insert("password".into(), pin);
        assert_eq!(open_config(&key(1), &swapped).unwrap_err().code, Code::InvalidData);

        assert_eq!(open_config(&key(2), &stored()).unwrap_err().code, Code::InvalidConfig);

        let mut damaged = stored();
        damaged.secrets.insert("password".into(), json!(5));
        let e = open_config(&key(1), &damaged).unwrap_err();
        assert!(e.message.contains("`password`") && e.message.contains("`conn_a`"), "{e}");
    }

    #[test]
    fn what_may_hold_secrets_is_not_shown() {
        let way = Way::Fields { connector: "net".into(), config: fields() };
        assert_eq!(format!("{way:?} {:?}", Way::Url("net://me:s3cret@h".into())), "Fields(\"net\") Url");
    }

    #[tokio::test]
    async fn who_does_not_answer_in_time_is_stopped() {
        let (stopped, hears) = std::sync::mpsc::channel();
        let work = move |environment: &Environment| {
            while !environment.cancel.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            stopped.send(()).map_err(|_| Error::new(Code::System, "nobody hears"))
        };
        let e = in_time(Duration::from_millis(10), work).await.unwrap_err();
        assert_eq!(e.code, Code::Timeout);
        hears.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
