//! Stored connections. Secrets come and go sealed; the store cannot read them.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;

use super::{Store, failed, from_json, get, instant, json};
use crate::error::{Code, Error, Result};

/// A connection as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredConnection {
    /// `conn_...`, chosen by the client or fresh.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its connector.
    pub connector: String,
    /// Its configuration without secrets.
    pub config: Map<String, Value>,
    /// Its secrets, sealed, by field.
    pub secrets: Map<String, Value>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The user of the key that created it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Store {
    /// Keeps a new connection.
    ///
    /// # Errors
    /// `conflict` when the id is taken.
    pub async fn create_connection(&self, connection: &StoredConnection) -> Result<()> {
        let done = sqlx::query(
            "INSERT INTO connections (id, name, connector, config, secrets, created_at, created_by, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(connection.id.clone())
        .bind(connection.name.clone())
        .bind(connection.connector.clone())
        .bind(json(&connection.config)?)
        .bind(json(&connection.secrets)?)
        .bind(connection.created_at.as_microsecond())
        .bind(connection.created_by.clone())
        .bind(connection.updated_at.as_microsecond())
        .execute(&self.pool)
        .await
        .map_err(|e| failed("keep a connection", &e))?;
        if done.rows_affected() == 0 {
            return Err(Error::new(
                Code::Conflict,
                format!(
                    "`id`: there is a connection `{}` already. Choose another id, or change that one.",
                    connection.id
                ),
            ));
        }
        Ok(())
    }

    /// Saves a changed connection.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn update_connection(&self, connection: &StoredConnection) -> Result<()> {
        let done =
            sqlx::query("UPDATE connections SET name = $1, config = $2, secrets = $3, updated_at = $4 WHERE id = $5")
                .bind(connection.name.clone())
                .bind(json(&connection.config)?)
                .bind(json(&connection.secrets)?)
                .bind(connection.updated_at.as_microsecond())
                .bind(connection.id.clone())
                .execute(&self.pool)
                .await
                .map_err(|e| failed("save a connection", &e))?;
        if done.rows_affected() == 0 { Err(not_found(&connection.id)) } else { Ok(()) }
    }

    /// One connection.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn connection(&self, id: &str) -> Result<StoredConnection> {
        let row = sqlx::query("SELECT * FROM connections WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("read a connection", &e))?;
        read(&row.ok_or_else(|| not_found(id))?)
    }

    /// All connections, by name.
    ///
    /// # Errors
    /// `store`.
    pub async fn connections(&self) -> Result<Vec<StoredConnection>> {
        let rows = sqlx::query("SELECT * FROM connections ORDER BY name, id")
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("list connections", &e))?;
        rows.iter().map(read).collect()
    }

    /// Forgets a connection. Whether one may is the caller's question: see [`Store::users_of_connection`].
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_connection(&self, id: &str) -> Result<()> {
        let done = sqlx::query("DELETE FROM connections WHERE id = $1")
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("delete a connection", &e))?;
        if done.rows_affected() == 0 { Err(not_found(id)) } else { Ok(()) }
    }
}

fn read(row: &AnyRow) -> Result<StoredConnection> {
    Ok(StoredConnection {
        id: get(row, "id")?,
        name: get(row, "name")?,
        connector: get(row, "connector")?,
        config: from_json("configuration of a connection", &get::<String>(row, "config")?)?,
        secrets: from_json("secrets of a connection", &get::<String>(row, "secrets")?)?,
        created_at: instant(row, "created_at")?,
        created_by: get(row, "created_by")?,
        updated_at: instant(row, "updated_at")?,
    })
}

fn not_found(id: &str) -> Error {
    Error::new(Code::NotFound, format!("There is no connection `{id}`. List the connections to see which there are."))
}
