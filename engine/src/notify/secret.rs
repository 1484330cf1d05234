//! Texts that are never shown.

use serde::{Deserialize, Serialize};

use super::webhook;
use crate::base64;
use crate::error::Result;
use crate::seal;

/// A text that `Debug` hides. Written by serde as it is: seal it before it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// Bytes of a new webhook secret. 32: as many as the signature has.
const NEW_BYTES: usize = 32;

/// A new secret for a webhook: `whsec_` and base64.
///
/// # Errors
/// `system` when the machine has no randomness to give.
pub fn new_secret() -> Result<Secret> {
    let bytes: [u8; NEW_BYTES] = seal::random()?;
    Ok(Secret(format!("{}{}", webhook::PREFIX, base64::encode(&bytes))))
}
