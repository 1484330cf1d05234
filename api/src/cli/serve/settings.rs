//! What a server is told: flags before the environment before the file before defaults.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sensei_engine::error::{Code, Error, Result};
use sensei_engine::lifecycle::SupervisorSettings;
use sensei_engine::notify::{self, Secret};
use sensei_engine::seal::SealingKey;
use sensei_engine::store::{DEFAULT_URL, Store};
use serde::Deserialize;

use crate::cli::failure::without_passwords;
use crate::http::{HostPattern, Limits, WebhookHosts};

/// Where a server listens unless it is told otherwise: on this machine alone.
const LISTEN: &str = "127.0.0.1:8080";
/// The file of the sealing key, beside the state.
const KEY_FILE: &str = "sensei.key";

/// The configuration file, JSON. Everything has a default, and what is not known is refused.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Where to listen.
    pub(super) listen: Option<String>,
    /// Where state lives.
    pub(super) state: Option<StateUrl>,
    /// Where people find this server, for links in notifications: `https://sensei.example.com`.
    pub(super) base_url: Option<String>,
    /// Seals secrets: 32 bytes in base64.
    pub(super) secret_key: Option<Secret>,
    /// A file with that key; made where it is not there. Default: `sensei.key` beside the state.
    pub(super) secret_key_file: Option<PathBuf>,
    /// Hosts that webhooks may lead to: `hooks.example.com`, `*.example.com`. Default: any.
    webhook_hosts: Vec<String>,
    /// Bounds on what clients can make it do.
    pub(super) limits: Limits,
    /// How it works on migrations.
    migrations: MigrationSettings,
    /// How notifications leave it.
    pub(super) notifications: notify::Settings,
}

/// A URL that may hold a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(in crate::cli) struct StateUrl(String);

impl fmt::Debug for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_passwords(&self.0))
    }
}

impl From<String> for StateUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl Default for StateUrl {
    fn default() -> Self {
        Self(DEFAULT_URL.to_owned())
    }
}

impl StateUrl {
    /// Opens the state.
    ///
    /// # Errors
    /// `store` says what is wrong with the URL, or what it leads to.
    pub(in crate::cli) async fn open(&self) -> Result<Store> {
        Store::open(&self.0).await
    }
}

/// How a server works on migrations.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MigrationSettings {
    /// Migrations at work at the same time; others wait. Default 4: each has lanes, memory and connections of its own.
    at_once: u32,
    /// Seconds after which another server takes over from one that died. Default 15.
    lease_seconds: u32,
    /// Seconds that lanes get to end their chunks when the server is asked to leave. Default 30.
    grace_seconds: u32,
    /// Seconds that a migration which is to pause may stand still until its connections are cut. Default 60.
    stall_seconds: u32,
}

impl Default for MigrationSettings {
    fn default() -> Self {
        let SupervisorSettings { max_migrations, lease, grace, stall } = SupervisorSettings::default();
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        Self {
            at_once: max_migrations,
            lease_seconds: seconds(lease),
            grace_seconds: seconds(grace),
            stall_seconds: seconds(stall),
        }
    }
}

impl Settings {
    /// From a file.
    ///
    /// # Errors
    /// `system` when it cannot be read, `invalid_config` names what is wrong in it.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let doing = format!("read the configuration file {}", path.display());
        let text = fs::read_to_string(path).map_err(|e| Error::system(&doing, &e))?;
        Self::parse(&text).map_err(|e| invalid(format!("The configuration file {}: {e}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut json = serde_json::Deserializer::from_str(text);
        let settings: Self = serde_path_to_error::deserialize(&mut json).map_err(|e| {
            // What was written in the wrong place may be a URL with a password.
            let (path, what) = (e.path().to_string(), without_passwords(&e.inner().to_string()));
            if path == "." { format!("{what}.") } else { format!("`{path}`: {what}.") }
        })?;
        json.end().map_err(|e| format!("{e}."))?;
        Ok(settings)
    }

    pub(super) fn listen(&self) -> &str {
        self.listen.as_deref().unwrap_or(LISTEN)
    }

    /// Hosts that webhooks may lead to.
    ///
    /// # Errors
    /// `invalid_config` names what is no host.
    pub(super) fn webhook_hosts(&self) -> Result<WebhookHosts> {
        let wrong = |host: &str, how: String| invalid(format!("`webhook_hosts`: `{host}` is no host; {how}."));
        self.webhook_hosts.iter().map(|host| host.parse::<HostPattern>().map_err(|how| wrong(host, how))).collect()
    }

    /// How it works on migrations.
    ///
    /// # Errors
    /// `invalid_config` names what is 0.
    pub(super) fn supervisor(&self) -> Result<SupervisorSettings> {
        let MigrationSettings { at_once, lease_seconds, grace_seconds, stall_seconds } = self.migrations;
        for (name, figure) in [("at_once", at_once), ("lease_seconds", lease_seconds), ("stall_seconds", stall_seconds)]
        {
            if figure == 0 {
                return Err(invalid(format!("`migrations.{name}` must be at least 1.")));
            }
        }
        Ok(SupervisorSettings {
            max_migrations: at_once,
            lease: Duration::from_secs(lease_seconds.into()),
            grace: Duration::from_secs(grace_seconds.into()),
            stall: Duration::from_secs(stall_seconds.into()),
        })
    }

    /// The base of links, without a slash at its end.
    ///
    /// # Errors
    /// `invalid_config` if it is no URL of the web.
    pub(super) fn base_url(&self) -> Result<Option<String>> {
        let Some(text) = &self.base_url else { return Ok(None) };
        match url::Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text.trim_end_matches('/').to_owned())),
            Ok(_) | Err(_) => Err(invalid("`base_url` must be a URL such as `https://sensei.example.com`.")),
        }
    }

    /// The key that seals secrets: as it was told, or of a file that is made where it is not there.
    ///
    /// # Errors
    /// `invalid_config` for what is no key, and for a state that servers share and that has no place beside it: each of them
    /// would make a key of its own.
    pub(super) fn sealing_key(&self) -> Result<SealingKey> {
        if let Some(key) = &self.secret_key {
            return SealingKey::from_base64(key.reveal());
        }
        if let Some(file) = &self.secret_key_file {
            return SealingKey::load_or_create(file);
        }
        let state = self.state.clone().unwrap_or_default();
        match Store::folder_of(&state.0) {
            Some(folder) => SealingKey::load_or_create(&folder.join(KEY_FILE)),
            None => Err(invalid(
                "State that servers share needs one key for all of them: set SENSEI_SECRET_KEY (`head -c 32 /dev/urandom | base64` makes one) or `secret_key_file`.",
            )),
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_wants_and_nothing_else() {
        let settings = Settings::parse(
            r#"{"listen": "0.0.0.0:80", "migrations": {"at_once": 2}, "limits": {"followers": 5},
                "webhook_hosts": ["*.example.com"], "notifications": {"email": {"from": "a@example.com"}}}"#,
        );
        let settings = settings.expect("settings");
        assert_eq!(settings.listen(), "0.0.0.0:80");
        let supervisor = settings.supervisor().expect("settings");
        assert_eq!((supervisor.max_migrations, supervisor.lease), (2, Duration::from_secs(15)));
        assert_eq!(settings.limits, Limits { followers: 5, ..Limits::default() });
        assert!(settings.webhook_hosts().is_ok());
        assert_eq!(Settings::parse("{}").expect("settings").listen(), LISTEN);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_is_told() {
        for (text, names) in [
            (r#"{"listne": "x"}"#, "listne"),
            (r#"{"limits": {"followers": -1}}"#, "limits.followers"),
            (r#"{"limits": {"follower": 1}}"#, "follower"),
            (r#"{"notifications": {"mail": {}}}"#, "mail"),
            ("{} {}", "trailing"),
        ] {
            let message = Settings::parse(text).expect_err(text);
            assert!(message.contains(names), "{message}");
        }
        let message = Settings::parse(r#"{"notifications": {"email": "smtp://me:pass@h"}}"#).expect_err("no object");
        assert!(!message.contains("pass"), "{message}");
        let debug = format!("{:?}", StateUrl::from("x://me:pass@h/d".to_owned()));
        assert_eq!(debug, "x://me:***@h/d");
        let zero = Settings::parse(r#"{"migrations": {"at_once": 0}}"#).expect("settings").supervisor();
        assert!(zero.is_err_and(|e| e.message.contains("migrations.at_once")));
        let base = Settings::parse(r#"{"base_url": "sensei"}"#).expect("settings").base_url();
        assert!(base.is_err());
    }
}
