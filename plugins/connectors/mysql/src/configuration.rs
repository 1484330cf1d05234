//! What a connection is configured with.

use sensei_sdk::net::{Tls, Verification};
use sensei_sdk::{Error, Kind, Result};
use serde::Deserialize;

/// JSON Schema of [`Configuration`], with the annotations that `describe` promises.
pub(crate) const SCHEMA: &str = include_str!("configuration.json");

/// A connection, as the host hands it over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    pub(crate) host: String,
    #[serde(default = "default_port")]
    pub(crate) port: u16,
    pub(crate) user: String,
    #[serde(default)]
    pub(crate) password: String,
    #[serde(default)]
    pub(crate) database: Option<String>,
    #[serde(default)]
    pub(crate) sslmode: SslMode,
    #[serde(default)]
    sslrootcert: Option<String>,
    #[serde(default)]
    sslcert: Option<String>,
    #[serde(default)]
    sslkey: Option<String>,
    #[serde(default)]
    pub(crate) zero_dates: ZeroDates,
}

/// The port that MySQL and MariaDB listen on when nobody says otherwise.
fn default_port() -> u16 {
    3306
}

/// How the connection is encrypted; the words are libpq's.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SslMode {
    Disable,
    /// TLS when the server offers it.
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// What becomes of `0000-00-00` and of dates with a zero month or day.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ZeroDates {
    /// The contract's zero date value; the target decides. `2024-00-10` is refused.
    #[default]
    Keep,
    /// The first one stops the chunk.
    Reject,
    /// NULL, asked for by the person who wrote the configuration.
    Null,
}

impl Configuration {
    /// Reads and checks what the JSON Schema cannot say.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        let it: Self = sensei_sdk::configuration(json)?;
        if it.sslcert.is_some() != it.sslkey.is_some() {
            return Err(Error::new(
                Kind::InvalidConfig,
                "sslcert and sslkey belong together: give both, or neither for a login without client certificate.",
            ));
        }
        Ok(it)
    }

    /// How to encrypt, given whether the server offers it; none means in clear.
    pub(crate) fn tls(&self, offered: bool) -> Result<Option<Tls>> {
        let verification = match self.sslmode {
            SslMode::Disable => return Ok(None),
            SslMode::Prefer if !offered => return Ok(None),
            SslMode::Prefer | SslMode::Require => Verification::None,
            SslMode::VerifyCa => Verification::Authority,
            SslMode::VerifyFull => Verification::Full,
        };
        if !offered {
            return Err(Error::new(
                Kind::Unreachable,
                "The server does not offer TLS, and sslmode asks for it. Enable TLS on the server, or set sslmode to \
                 disable if the network is trusted.",
            ));
        }
        Ok(Some(Tls {
            verification,
            authorities: self.sslrootcert.clone(),
            certificate: self.sslcert.clone(),
            private_key: self.sslkey.clone(),
            protocols: Vec::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(extra: &str) -> Result<Configuration> {
        Configuration::parse(&format!(r#"{{"host":"h","user":"u"{extra}}}"#))
    }

    #[test]
    fn defaults_are_those_of_the_schema() {
        let it = parse("").unwrap();
        assert_eq!((it.port, it.sslmode, it.zero_dates), (3306, SslMode::Prefer, ZeroDates::Keep));
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["properties"]["port"]["default"], 3306);
        assert_eq!(schema["properties"]["sslmode"]["default"], "prefer");
        assert_eq!(schema["properties"]["zero_dates"]["default"], "keep");
        assert_eq!(schema["additionalProperties"], false);
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        assert_eq!(parse(r#","sslcert":"x""#).err().unwrap().kind, Kind::InvalidConfig);
    }

    #[test]
    fn only_prefer_and_disable_accept_a_server_without_tls() {
        for (mode, clear) in
            [("disable", true), ("prefer", true), ("require", false), ("verify-ca", false), ("verify-full", false)]
        {
            let it = parse(&format!(r#","sslmode":"{mode}""#)).unwrap();
            assert_eq!(it.tls(false).is_ok(), clear, "{mode}");
            assert_eq!(it.tls(true).unwrap().is_none(), mode == "disable", "{mode}");
        }
    }
}
