//! Webhooks, as Standard Webhooks 1.0 has them: three headers, one of them a signature over the other two and the body.

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;

use super::http::Http;
use super::recipient::http_url;
use super::{Notification, Secret, Undelivered};
use crate::base64;

/// Begins a secret, so that it is recognised for one wherever it turns up.
pub(super) const PREFIX: &str = "whsec_";

/// What the specification allows.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The receiver wants no more of this.
const GONE: u16 = 410;

/// One attempt. The specification has everything but 410 tried again: receivers answer 404 while they are deployed
/// and 401 while their secret is changed.
pub(super) async fn send(
    http: &Http,
    id: &str,
    url: &str,
    secret: &Secret,
    notification: &Notification,
) -> Result<u16, Undelivered> {
    let url = http_url(url).map_err(|what| Undelivered::for_good(format!("The webhook's URL {what}.")))?;
    let key = key(secret).map_err(|what| Undelivered::for_good(format!("The webhook's secret {what}.")))?;
    let body = notification.webhook_body();
    let headers = signed(id, Timestamp::now().as_second(), &body, &key)?;
    let answer = http.post(url, headers, body).await?;
    match answer.status {
        status if answer.is_success() => Ok(status),
        GONE => Err(answer.refused("The webhook wants no more notifications: it", false)),
        _ => Err(answer.refused("The webhook", true)),
    }
}

/// The key in a secret, or what it must be.
pub(super) fn key(secret: &Secret) -> Result<hmac::Key, String> {
    let bytes = secret.reveal().strip_prefix(PREFIX).and_then(base64::decode);
    match bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len())) {
        Some(bytes) => Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes)),
        None => {
            Err(format!("must be `{PREFIX}` and base64 of {} to {} bytes", SECRET_BYTES.start(), SECRET_BYTES.end()))
        }
    }
}

/// `id` has no dot, or one message could pass for another.
fn signed(id: &str, second: i64, body: &str, key: &hmac::Key) -> Result<HeaderMap, Undelivered> {
    let signature = hmac::sign(key, format!("{id}.{second}.{body}").as_bytes());
    let headers = [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", second.to_string()),
        ("webhook-signature", format!("v1,{}", base64::encode(signature.as_ref()))),
    ];
    let header = |(name, value): (&'static str, String)| {
        let value = HeaderValue::try_from(value).map_err(|e| Undelivered::for_good(format!("`{name}`: {e}.")))?;
        Ok((HeaderName::from_static(name), value))
    };
    headers.into_iter().map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation's own secret and message; the signature is computed by another program.
    #[test]
    fn signs_as_others_do() {
        let key = key(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
        let body = r#"{"test": 2432232314}"#;
        let headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body, &key).unwrap();
        assert_eq!(headers["webhook-id"], "msg_p5jXN8AQM9LWM0D4loKWxJek");
        assert_eq!(headers["webhook-timestamp"], "1614265330");
        assert_eq!(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
