//! What a connection is made of.

use sensei_sdk::net::Verification;
use sensei_sdk::text::InvalidText;
use serde::Deserialize;

/// JSON Schema of [`Configuration`].
pub(crate) const SCHEMA: &str = include_str!("configuration.json");

/// One connection. No `Debug`: it holds the password.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    pub(crate) host: String,
    #[serde(default = "default_port")]
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: Option<String>,
    #[serde(default)]
    pub(crate) sslmode: SslMode,
    pub(crate) sslrootcert: Option<String>,
    pub(crate) sslcert: Option<String>,
    pub(crate) sslkey: Option<String>,
    #[serde(default)]
    pub(crate) channel_binding: ChannelBindingMode,
    #[serde(default = "default_application")]
    pub(crate) application_name: String,
    pub(crate) options: Option<String>,
    #[serde(default)]
    pub(crate) invalid_text: InvalidText,
}

fn default_port() -> u16 {
    5432
}

fn default_application() -> String {
    "sensei".to_owned()
}

/// libpq's `sslmode`.
#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SslMode {
    Disable,
    Allow,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// libpq's `channel_binding`.
#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChannelBindingMode {
    Disable,
    #[default]
    Prefer,
    Require,
}

/// How one attempt to connect goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attempt {
    Plain,
    /// False: a server that refuses TLS ends the attempt; true: it goes on in clear.
    Tls {
        or_plain: bool,
    },
}

impl Configuration {
    /// The database that is connected to.
    pub(crate) fn database(&self) -> &str {
        self.database.as_deref().filter(|d| !d.is_empty()).unwrap_or(&self.user)
    }

    /// What to try, in order (libpq, "SSL Support", table of sslmode).
    pub(crate) fn attempts(&self) -> &'static [Attempt] {
        match self.sslmode {
            SslMode::Disable => &[Attempt::Plain],
            SslMode::Allow => &[Attempt::Plain, Attempt::Tls { or_plain: false }],
            SslMode::Prefer => &[Attempt::Tls { or_plain: true }, Attempt::Plain],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Attempt::Tls { or_plain: false }],
        }
    }

    /// How much of the server's certificate is checked.
    pub(crate) fn verification(&self) -> Verification {
        match self.sslmode {
            SslMode::VerifyFull => Verification::Full,
            SslMode::VerifyCa => Verification::Authority,
            SslMode::Require if self.sslrootcert.is_some() => Verification::Authority,
            SslMode::Disable | SslMode::Allow | SslMode::Prefer | SslMode::Require => Verification::None,
        }
    }

    /// For messages: who connects where. Never the password.
    pub(crate) fn peer(&self) -> String {
        format!("PostgreSQL {}@{}:{}/{}", self.user, self.host, self.port, self.database())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_and_struct_agree() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let full = r#"{"host":"h","port":1,"user":"u","password":"p","database":"d","sslmode":"verify-full","sslrootcert":"r",
            "sslcert":"c","sslkey":"k","channel_binding":"require","application_name":"a","options":"-c x=y",
            "invalid_text":"windows-1252"}"#;
        let given: serde_json::Map<String, serde_json::Value> = serde_json::from_str(full).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(given.keys().collect::<Vec<_>>(), properties.keys().collect::<Vec<_>>());
        let parsed: Configuration = serde_json::from_str(full).unwrap();
        assert_eq!(parsed.sslmode, SslMode::VerifyFull);
        assert_eq!(parsed.peer(), "PostgreSQL u@h:1/d");
        for secret in ["password", "sslkey"] {
            assert_eq!(properties[secret]["x-sensei-secret"], true);
        }
    }

    #[test]
    fn sslmode_is_libpqs() {
        let with = |mode: &str| -> Configuration {
            serde_json::from_str(&format!(r#"{{"host":"h","user":"u","sslmode":"{mode}"}}"#)).unwrap()
        };
        assert_eq!(with("prefer").attempts()[0], Attempt::Tls { or_plain: true });
        assert_eq!(with("require").attempts(), [Attempt::Tls { or_plain: false }]);
        assert_eq!(with("verify-ca").verification(), Verification::Authority);
        assert_eq!(with("require").verification(), Verification::None);
        assert_eq!(with("require").database(), "u");
    }
}
