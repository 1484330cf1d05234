//! API keys: stored hashed, shown once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use super::{Store, at, failed, fresh_id, from_json, get, instant, instant_if, json};
use crate::error::{Code, Error, Result};

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at everything but keys.
    Read,
    /// Create, change, run and delete migrations and connections.
    Write,
    /// Decide about mappings.
    Approve,
    /// Keys and webhooks.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Approve, Self::Admin];

    /// As the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Approve => "approve",
            Self::Admin => "admin",
        }
    }
}

/// A key, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// `key_...`.
    pub id: String,
    /// For people.
    pub name: String,
    /// `user_...`: whose deeds the key's are.
    pub user: String,
    /// How the key begins.
    pub hint: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What keys begin with, so that people and scanners know one when they see it.
const PREFIX: &str = "sk_live_";
/// Characters of a key that are shown in lists: the prefix and a little.
const HINT: usize = PREFIX.len() + 4;
/// How exact the time of the last use is, in seconds: a save a minute and key, not one a request.
const LAST_USE_SECONDS: i64 = 60;

impl Store {
    /// Makes a key; the key itself is returned here and nowhere else.
    ///
    /// # Errors
    /// `store`.
    pub async fn create_key(
        &self,
        name: &str,
        user: Option<&str>,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Result<(ApiKey, String)> {
        let secret = format!("{}{}{}", PREFIX, tail("k")?, tail("k")?);
        let user = match user {
            Some(user) => user.to_owned(),
            None => fresh_id("user")?,
        };
        let key = ApiKey {
            id: fresh_id("key")?,
            name: name.to_owned(),
            user,
            hint: secret[..HINT].to_owned(),
            scopes: scopes.to_vec(),
            // As it will be read again.
            created_at: at(now.as_microsecond()),
            last_used_at: None,
            revoked_at: None,
        };
        self.insert_key(&key, &secret).await?;
        Ok((key, secret))
    }

    /// Keeps a key that somebody else made, for set-ups where it comes from the environment. Doing it again is a success.
    ///
    /// # Errors
    /// `invalid_request` if it is none of the kind `sk_live_...`, of 20 characters at least.
    pub async fn adopt_key(&self, name: &str, secret: &str, scopes: &[Scope], now: Timestamp) -> Result<()> {
        const SHORTEST: usize = 20;
        if !secret.starts_with(PREFIX) || secret.len() < SHORTEST || !secret.is_ascii() {
            return Err(Error::new(
                Code::InvalidRequest,
                format!("The API key must begin with `{PREFIX}` and have {SHORTEST} characters at least."),
            ));
        }
        if self.key(secret).await?.is_some() {
            return Ok(());
        }
        let key = ApiKey {
            id: fresh_id("key")?,
            name: name.to_owned(),
            user: fresh_id("user")?,
            hint: secret[..HINT].to_owned(),
            scopes: scopes.to_vec(),
            // As it will be read again.
            created_at: at(now.as_microsecond()),
            last_used_at: None,
            revoked_at: None,
        };
        self.insert_key(&key, secret).await
    }

    async fn insert_key(&self, key: &ApiKey, secret: &str) -> Result<()> {
        sqlx::query(
            "INSERT INTO api_keys (id, name, user_id, hash, hint, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (hash) DO NOTHING",
        )
        .bind(key.id.clone())
        .bind(key.name.clone())
        .bind(key.user.clone())
        .bind(hash(secret))
        .bind(key.hint.clone())
        .bind(json(&key.scopes)?)
        .bind(key.created_at.as_microsecond())
        .execute(&self.pool)
        .await
        .map_err(|e| failed("keep a key", &e))?;
        Ok(())
    }

    /// The key that this text is, unless it was revoked.
    ///
    /// # Errors
    /// `store`.
    pub async fn key(&self, secret: &str) -> Result<Option<ApiKey>> {
        let row = sqlx::query("SELECT * FROM api_keys WHERE hash = $1 AND revoked_at IS NULL")
            .bind(hash(secret))
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("look a key up", &e))?;
        row.as_ref().map(read).transpose()
    }

    /// Notes that a key was used.
    ///
    /// # Errors
    /// `store`.
    pub async fn key_used(&self, key: &ApiKey, now: Timestamp) -> Result<()> {
        if key.last_used_at.is_some_and(|last| now.as_second() - last.as_second() < LAST_USE_SECONDS) {
            return Ok(());
        }
        sqlx::query("UPDATE api_keys SET last_used_at = $1 WHERE id = $2")
            .bind(now.as_microsecond())
            .bind(key.id.clone())
            .execute(&self.pool)
            .await
            .map_err(|e| failed("note the use of a key", &e))?;
        Ok(())
    }

    /// All keys, the revoked ones too, oldest first.
    ///
    /// # Errors
    /// `store`.
    pub async fn keys(&self) -> Result<Vec<ApiKey>> {
        let rows = sqlx::query("SELECT * FROM api_keys ORDER BY created_at, id")
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("list keys", &e))?;
        rows.iter().map(read).collect()
    }

    /// Ends a key for good. Doing it again is a success.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<()> {
        let done = sqlx::query("UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $1) WHERE id = $2")
            .bind(now.as_microsecond())
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("revoke a key", &e))?;
        if done.rows_affected() == 0 {
            return Err(Error::new(
                Code::NotFound,
                format!("There is no key `{id}`. List the keys to see which there are."),
            ));
        }
        Ok(())
    }
}

/// The random part of a fresh id.
fn tail(prefix: &str) -> Result<String> {
    Ok(fresh_id(prefix)?[prefix.len() + 1..].to_owned())
}

/// A key has 160 random bits: a plain hash cannot be turned back, and is found by index.
fn hash(secret: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, secret.as_bytes());
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn read(row: &AnyRow) -> Result<ApiKey> {
    Ok(ApiKey {
        id: get(row, "id")?,
        name: get(row, "name")?,
        user: get(row, "user_id")?,
        hint: get(row, "hint")?,
        scopes: from_json("scopes of a key", &get::<String>(row, "scopes")?)?,
        created_at: instant(row, "created_at")?,
        last_used_at: instant_if(row, "last_used_at")?,
        revoked_at: instant_if(row, "revoked_at")?,
    })
}
