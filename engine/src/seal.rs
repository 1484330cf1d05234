//! Secrets at rest: sealed with a key that does not lie beside them.
//!
//! Whoever reads the store alone learns nothing; whoever changes it, or moves a sealed value to another place of it,
//! is found out. A sealed value reads `sealed:v1:<id of the key>:<base64 of nonce, ciphertext and tag>`, by
//! ChaCha20-Poly1305 with a random nonce of 96 bits: safe for 2^32 values of one key, and a server seals a few a day.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::base64;
use crate::error::{Code, Error, Result};

const KEY_BYTES: usize = 32;

/// Begins a sealed value: another way of sealing gets another version.
const VERSION: &str = "sealed:v1";

/// Bytes of a key's id: enough that two keys of one installation never share it.
const ID_BYTES: usize = 8;

/// Bytes read of a key file. Default 1 KiB: a key has 44 and a line break; a file that goes on is no key.
const KEY_FILE_BYTES: u64 = 1 << 10;

/// Seals and opens secrets. `Debug` shows which key it is and nothing of it.
pub struct SealingKey {
    key: LessSafeKey,
    id: String,
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SealingKey {
    /// From 32 bytes in base64; white space around them does not matter.
    ///
    /// # Errors
    /// `invalid_config` for anything else.
    pub fn from_base64(text: &str) -> Result<Self> {
        let bytes = base64::decode(text.trim()).filter(|bytes| bytes.len() == KEY_BYTES);
        let unusable = || {
            invalid(
                "The secret key must be 32 random bytes in base64, which are 44 characters; `head -c 32 /dev/urandom | base64` makes one.",
            )
        };
        let bytes = bytes.ok_or_else(unusable)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| unusable())?;
        let digest = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"sensei: the id of a sealing key");
        let id = digest.as_ref().iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { key: LessSafeKey::new(key), id })
    }

    /// From a file, which is made with a new key where there is none: whole or not at all, for its owner alone.
    /// Servers that start at once agree on one key.
    ///
    /// # Errors
    /// `invalid_config` for a file that others than its owner may read, or that holds no key; `system` when the file
    /// cannot be read or made.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        let doing = |verb: &str| format!("{verb} the key file {}", path.display());
        let file = match File::open(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                create(path).map_err(|e| Error::system(&doing("make"), &e))?;
                File::open(path)
            }
            other => other,
        };
        Self::load(path, &file.map_err(|e| Error::system(&doing("open"), &e))?)
    }

    fn load(path: &Path, file: &File) -> Result<Self> {
        let reading = |e| Error::system(&format!("read the key file {}", path.display()), &e);
        let mode = file.metadata().map_err(reading)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(invalid(format!(
                "The key file {0} is open to others than its owner (mode {mode:04o}). Run `chmod 600 {0}`; if somebody may have read it, change the secrets it protects.",
                path.display()
            )));
        }
        let mut text = Vec::new();
        file.take(KEY_FILE_BYTES).read_to_end(&mut text).map_err(reading)?;
        Self::from_base64(&String::from_utf8_lossy(&text)).map_err(|e| {
            invalid(format!(
                "The key file {} holds no key. {} Restore it from a backup; a new key opens no old secret.",
                path.display(),
                e.message
            ))
        })
    }

    /// Which key this is: the same for equal keys, and it tells nothing about them.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals `plain`. `context` says what and whose it is (`connection/conn_1/password`): the same is needed to open
    /// it, so a value that was moved to another row does not open. Two sealings of the same differ.
    ///
    /// # Errors
    /// `system` when the machine has no randomness to give.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<String> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = plain.to_vec();
        let aad = Aad::from(context.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| Error::new(Code::System, "A secret is too large to be sealed."))?;
        let body = base64::encode(&[&nonce[..], &sealed].concat());
        Ok(format!("{VERSION}:{}:{body}", self.id))
    }

    /// What was sealed under `context`.
    ///
    /// # Errors
    /// `invalid_config` when it was sealed with another key; `invalid_data` when it was changed, belongs to another
    /// context, or is no sealed value.
    pub fn open(&self, context: &str, sealed: &str) -> Result<Vec<u8>> {
        let broken = |what: &str| Error::new(Code::InvalidData, format!("The secret of `{context}` {what}."));
        let rest = sealed.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix(':'));
        let (id, body) = rest
            .and_then(|rest| rest.split_once(':'))
            .ok_or_else(|| broken("is not sealed in a way that this version knows"))?;
        if id != self.id {
            return Err(invalid(format!(
                "The secret of `{context}` was sealed with another key ({id}; this one is {}). Start with the key it was sealed with, or enter the secret again.",
                self.id
            )));
        }
        let damaged = || broken("was changed or belongs elsewhere: it does not open. Enter it again");
        let mut body = base64::decode(body).ok_or_else(damaged)?;
        let (nonce, ciphertext) = body.split_at_mut_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let plain = self.key.open_in_place(nonce, Aad::from(context.as_bytes()), ciphertext).map_err(|_| damaged())?;
        Ok(plain.to_vec())
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(Code::System, "This machine gives no random numbers, so no secret can be made."))?;
    Ok(bytes)
}

/// Puts a new key at `path`, unless one is there by then. A link never replaces what is there, and appears with the
/// file's content; a rename would let the slower of two servers take the other's key away.
fn create(path: &Path) -> io::Result<()> {
    let bytes: [u8; KEY_BYTES] = random().map_err(io::Error::other)?;
    let suffix: [u8; 8] = random().map_err(io::Error::other)?;
    let mut name = path.file_name().ok_or(ErrorKind::InvalidFilename)?.to_owned();
    name.push(format!(".new-{:016x}", u64::from_be_bytes(suffix)));
    let draft = path.with_file_name(name);

    let linked = write_draft(&draft, &bytes).and_then(|()| fs::hard_link(&draft, path));
    // The draft is a second name of the key: it goes whatever happened.
    let removed = fs::remove_file(&draft);
    match linked {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        other => other?,
    }
    removed?;
    // The name must survive a power cut as the content does: what is sealed next is lost without it.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    File::open(folder)?.sync_all()
}

fn write_draft(draft: &Path, key: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(file, "{}", base64::encode(key))?;
    file.sync_all()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidConfig, message)
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
