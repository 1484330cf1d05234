//! `/v1/keys`: who may use the API. A key is shown once, when it is made.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use sensei_engine::store::{ApiKey, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::moment::Moment;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScopeWord {
    /// Look at everything but keys and webhooks.
    Read,
    /// Create, change, run and delete migrations and connections.
    Write,
    /// Decide about mappings.
    Approve,
    /// Keys and webhooks.
    Admin,
}

impl From<Scope> for ScopeWord {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
            Scope::Approve => Self::Approve,
            Scope::Admin => Self::Admin,
        }
    }
}

impl From<ScopeWord> for Scope {
    fn from(scope: ScopeWord) -> Self {
        match scope {
            ScopeWord::Read => Self::Read,
            ScopeWord::Write => Self::Write,
            ScopeWord::Approve => Self::Approve,
            ScopeWord::Admin => Self::Admin,
        }
    }
}

/// A key, without the key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    #[schema(example = "key_3s5d7f9g1h2j4k6l")]
    id: String,
    #[schema(example = "Nightly builds")]
    name: String,
    /// Whose deeds the key's are.
    #[schema(example = "user_xyz789")]
    user: String,
    /// How the key begins.
    #[schema(example = "sk_live_a1b2")]
    hint: String,
    scopes: Vec<ScopeWord>,
    created_at: Moment,
    /// To the minute.
    last_used_at: Option<Moment>,
    revoked_at: Option<Moment>,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, name, user, hint, scopes, created_at, last_used_at, revoked_at } = key;
        Self {
            id,
            name,
            user,
            hint,
            scopes: scopes.into_iter().map(ScopeWord::from).collect(),
            created_at: created_at.into(),
            last_used_at: last_used_at.map(Moment::from),
            revoked_at: revoked_at.map(Moment::from),
        }
    }
}
