//! E-mail, by SMTP.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::Error as SmtpError;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use reqwest::Url;
use tokio::time::timeout;

use super::settings::{EmailSettings, wrong};
use super::{Notification, Timeouts, Undelivered};
use crate::error::Result;

/// Hands e-mails to one server.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// For reasons: which server it was.
    host: String,
    seconds: u64,
}

impl Mailer {
    /// `None` where e-mail is not set up.
    pub(super) fn new(settings: &EmailSettings, timeouts: &Timeouts) -> Result<Option<Self>> {
        let (url, from) = match (&settings.smtp_url, &settings.from) {
            (None, None) => return Ok(None),
            (Some(url), Some(from)) => (url, from),
            (Some(_), None) => return Err(wrong("email.from", "is missing: who writes the e-mails?")),
            (None, Some(_)) => return Err(wrong("email.smtp_url", "is missing: which server takes the e-mails?")),
        };
        let from = mailbox(from).map_err(|what| wrong("email.from", &what))?;
        let host = checked_host(url.reveal()).map_err(|what| wrong("email.smtp_url", &what))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.reveal())
            .map_err(|e| wrong("email.smtp_url", &format!("cannot be used: {e}")))?
            .timeout(Some(Duration::from_secs(timeouts.connect_seconds)))
            .build();
        Ok(Some(Self { transport, from, host, seconds: timeouts.smtp_seconds }))
    }

    /// One attempt. The id becomes the `Message-ID`, so that a mailbox shows an e-mail once that was sent twice.
    pub(super) async fn send(&self, id: &str, to: &str, notification: &Notification) -> Result<u16, Undelivered> {
        let to = mailbox(to).map_err(|what| Undelivered::for_good(format!("The e-mail address {what}.")))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .date_now()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .subject(notification.email_subject())
            .header(ContentType::TEXT_PLAIN)
            .body(notification.email_body())
            .map_err(|e| Undelivered::for_good(format!("The e-mail could not be written: {e}.")))?;
        match timeout(Duration::from_secs(self.seconds), self.transport.send(message)).await {
            Ok(Ok(response)) => Ok(response.code().into()),
            Ok(Err(e)) => Err(self.refused(&e)),
            Err(_) => {
                let told = format!("The mail server {} did not answer within {} seconds.", self.host, self.seconds);
                Err(Undelivered::for_now(told))
            }
        }
    }

    /// A reply of 5xx, and a server that cannot do what is asked (TLS, a login), stay so; the rest may pass.
    fn refused(&self, e: &SmtpError) -> Undelivered {
        Undelivered {
            reason: format!("The mail server {} did not take the e-mail: {e}.", self.host),
            status: e.status().map(Into::into),
            again: !(e.is_permanent() || e.is_client()),
            wait: None,
        }
    }
}

/// An address with or without a name, or what it must be.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| {
        format!("must be one e-mail address such as `team@example.com`; `{}` is none", text.escape_debug())
    })
}

/// The host of a URL that can be used safely, or what it must be. Never repeats the URL: it holds a password.
fn checked_host(text: &str) -> Result<String, String> {
    let form = || {
        "must look like `smtps://user:password@host:465` or `smtp://user:password@host:587?tls=required`, with special characters of user and password percent-encoded".to_owned()
    };
    let url = Url::parse(text).map_err(|_| form())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(form)?;
    let mut tls = None;
    for (name, value) in url.query_pairs() {
        match &*name {
            "tls" => tls = Some(value.into_owned()),
            other => return Err(format!("has an option that is none: `{}`; there is `tls`", other.escape_debug())),
        }
    }
    let clear = match (url.scheme(), tls.as_deref()) {
        ("smtps", None) | ("smtp", Some("required" | "opportunistic")) => false,
        ("smtp", None) => true,
        ("smtp", Some(_)) => return Err("has a `tls` that is neither `required` nor `opportunistic`".to_owned()),
        ("smtps", Some(_)) => return Err("has a `tls`, which `smtps` does not need".to_owned()),
        _ => return Err(form()),
    };
    if url.username().is_empty() != url.password().is_none() {
        return Err("must have both a user and a password, or neither".to_owned());
    }
    if clear && url.password().is_some() && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return Err("would send a password in the clear: use `smtps://`, or add `?tls=required`".to_owned());
    }
    Ok(host.to_owned())
}
