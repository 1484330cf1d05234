//! Which hosts webhooks may lead to.

use std::str::FromStr;

use url::{Host, Url};

use crate::http::error::ApiError;

/// Hosts that webhooks may lead to, as whoever runs the server set them. Empty: any.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebhookHosts(Vec<HostPattern>);

/// A host, or all hosts below a domain: `hooks.example.com`, `*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPattern {
    host: String,
    below: bool,
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, below) = match text.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (text, false),
        };
        // As it will be compared: a URL's own spelling of it.
        match Host::parse(host) {
            Ok(host) if !host.to_string().contains('*') => Ok(Self { host: host.to_string(), below }),
            Ok(_) | Err(_) => Err("write a host as in `hooks.example.com` or `*.example.com`".to_owned()),
        }
    }
}

impl FromIterator<HostPattern> for WebhookHosts {
    fn from_iter<T: IntoIterator<Item = HostPattern>>(patterns: T) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl WebhookHosts {
    fn allow(&self, host: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(host))
    }

    /// A URL that a webhook may have.
    pub(super) fn check(&self, text: &str) -> Result<(), ApiError> {
        let wrong = |what: &str| ApiError::invalid("url", format!("`url` {what}."));
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| wrong("must be a URL such as `https://example.com/hook`"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("must hold no user and no password: the signature says who sends"));
        }
        match url.host_str() {
            Some(host) if self.allow(host) => Ok(()),
            Some(_) => Err(wrong("leads to a host that this server does not allow webhooks to")),
            None => Err(wrong("must name a host")),
        }
    }
}

impl HostPattern {
    fn matches(&self, host: &str) -> bool {
        let above = || host.strip_suffix(self.host.as_str()).is_some_and(|rest| rest.ends_with('.'));
        if self.below { above() } else { host == self.host }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(patterns: &[&str]) -> WebhookHosts {
        patterns.iter().map(|p| p.parse::<HostPattern>().expect("a pattern")).collect()
    }

    #[test]
    fn a_webhook_leads_to_where_it_may() {
        let any = hosts(&[]);
        for url in ["https://example.com/hook?token=1", "http://127.0.0.1:9000", "https://[::1]/x"] {
            assert!(any.check(url).is_ok(), "{url}");
        }
        for url in ["", "example.com", "ftp://example.com", "https://", "https://me:pass@example.com/", "file:///etc"] {
            assert!(any.check(url).is_err(), "{url}");
        }
        let some = hosts(&["Hooks.example.com", "*.example.org"]);
        for url in ["https://hooks.example.com/a", "https://HOOKS.EXAMPLE.COM", "http://a.b.example.org"] {
            assert!(some.check(url).is_ok(), "{url}");
        }
        for url in ["https://example.com", "https://example.org", "https://badexample.org", "http://127.0.0.1"] {
            assert!(some.check(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in ["", "*", "*.", "a/b", "host:80", "https://host", "a.*.com"] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }
}
