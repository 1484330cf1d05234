//! Which server, and who asks: the options that every command of the client has.

use std::fmt;

use clap::Args;
use reqwest::Url;

use super::Session;
use super::reply::Output;
use super::server::Server;
use crate::cli::failure::{Failure, without_passwords};
use crate::cli::progress::Style;
use crate::cli::screen;

/// Where `sensei serve` listens unless it is told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";
/// The version of the API that this client speaks.
const API_VERSION: &str = "v1";

/// Which server, and who asks.
#[derive(Debug, Args)]
pub(super) struct Access {
    /// Where `sensei serve` listens; also read from SENSEI_URL
    #[arg(
        long,
        visible_alias = "url",
        value_name = "URL",
        env = "SENSEI_URL",
        hide_env = true,
        default_value = DEFAULT_SERVER,
        global = true,
        help_heading = "Server",
        display_order = 90
    )]
    server: String,
    /// The API key; also read from SENSEI_API_KEY, so that it need not be on the command line
    #[arg(
        long,
        value_name = "KEY",
        env = "SENSEI_API_KEY",
        hide_env = true,
        global = true,
        help_heading = "Server",
        display_order = 91
    )]
    api_key: Option<ApiKey>,
    /// Print the server's JSON as it came
    #[arg(long, global = true, display_order = 92)]
    json: bool,
}

/// A secret: shown to nobody but the server.
#[derive(Clone)]
struct ApiKey(String);

impl From<String> for ApiKey {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(***)")
    }
}

impl Access {
    /// What the commands work with.
    ///
    /// # Errors
    /// Usage: address or key cannot be one.
    pub(super) fn session(&self, style: Style) -> Result<Session, Failure> {
        let key = self.api_key.as_ref().map(|ApiKey(key)| key.trim()).filter(|key| !key.is_empty());
        let server = Server::new(base(&self.server)?, key)?;
        let output = if self.json { Output::Json } else { Output::Words { width: screen::width() } };
        Ok(Session { server, output, style })
    }
}

/// The address below which the API's resources are.
fn base(text: &str) -> Result<Url, Failure> {
    let wrong = |why: &str| {
        let quoted = without_passwords(text);
        Failure::Usage(format!("`{quoted}` is no server's address: {why}. Write it as in {DEFAULT_SERVER}."))
    };
    let mut url = Url::parse(text).map_err(|e| wrong(&e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it begins with neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a server is asked with an API key, not with a user and a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it ends with its path"));
    }
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(API_VERSION);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_below_the_version() {
        let cases = [
            (DEFAULT_SERVER, "http://127.0.0.1:8080/v1"),
            ("https://sensei.example/", "https://sensei.example/v1"),
            ("https://tools.example/sensei", "https://tools.example/sensei/v1"),
        ];
        for (text, url) in cases {
            assert_eq!(base(text).expect("an address").as_str(), url);
        }
    }

    #[test]
    fn what_is_no_address_is_usage_and_shows_no_secret() {
        for text in ["", "localhost:8080", "ftp://host", "http://me:pass@host", "http://host?a=b", "http://host#a"] {
            let failure = base(text).expect_err(text);
            assert!(matches!(failure, Failure::Usage(_)), "{text}");
            assert!(!failure.text().contains("pass@"), "{}", failure.text());
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", ApiKey::from("sk_live_abc".to_owned())), "ApiKey(***)");
    }
}
