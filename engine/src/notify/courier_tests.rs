//! Attempts against real listeners.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::listeners::{HttpListener, Reply, SmtpListener, answer};
use super::*;
use crate::base64;
use crate::error::Code;
use crate::event::Phase;

const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";

fn notification() -> Notification {
    Notification {
        event: EventType::Completed,
        timestamp: "2026-02-02T18:30:00Z".parse().unwrap(),
        subject: Some(Subject {
            migration_id: "mig_abc123".to_owned(),
            name: "Zürich <→ Q1>".to_owned(),
            status: "completed".to_owned(),
            phase: Some(Phase::Cutover),
        }),
        message: "All rows are there.".to_owned(),
        details: json!({"rows": 18_500_000}),
        link: Some("https://sensei.example.com/v1/migrations/mig_abc123".to_owned()),
    }
}

fn settings() -> Settings {
    Settings { timeouts: Timeouts { connect_seconds: 1, http_seconds: 1, smtp_seconds: 1 }, ..Settings::default() }
}

async fn deliver(settings: &Settings, recipient: &Recipient) -> Result<Delivered, Undelivered> {
    Courier::new(settings).unwrap().deliver(ID, recipient, &notification()).await
}

async fn to_webhook(url: &str) -> Result<Delivered, Undelivered> {
    let secret = new_secret().unwrap();
    deliver(&settings(), &Recipient::Webhook { id: "wh_1".to_owned(), url: url.to_owned(), secret }).await
}

/// HMAC by its definition (RFC 2104), from the hash alone.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = digest(&SHA256, &[&block.map(|b| b ^ 0x36)[..], message].concat());
    digest(&SHA256, &[&block.map(|b| b ^ 0x5c)[..], inner.as_ref()].concat()).as_ref().to_vec()
}

#[tokio::test]
async fn a_webhook_gets_a_signed_message() {
    let listener = HttpListener::start([answer("204 No Content", "", "")]);
    let key = [7; 32];
    let webhook = Recipient::Webhook {
        id: "wh_1".to_owned(),
        url: listener.url("/hooks/sensei?tenant=1"),
        secret: format!("whsec_{}", base64::encode(&key)).into(),
    };
    let delivered = deliver(&settings(), &webhook).await.unwrap();
    assert_eq!(delivered.status, Some(204));
    assert!(delivered.seconds > 0.0 && delivered.seconds < 1.0);

    let request = listener.received();
    assert_eq!(request.line, "POST /hooks/sensei?tenant=1 HTTP/1.1");
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.headers["user-agent"].starts_with("Sensei/"));
    assert_eq!(request.body, notification().webhook_body());
    assert_eq!(request.headers["webhook-id"], ID);
    let timestamp = &request.headers["webhook-timestamp"];
    let age = Timestamp::now().as_second() - timestamp.parse::<i64>().unwrap();
    assert!((0..10).contains(&age), "of the attempt, not of the event: {timestamp}");
    let signature = hmac_sha256(&key, format!("{ID}.{timestamp}.{}", request.body).as_bytes());
    assert_eq!(request.headers["webhook-signature"], format!("v1,{}", base64::encode(&signature)));
}

#[tokio::test]
async fn a_webhook_says_what_it_thinks() {
    let cases = [
        ("200 OK", None),
        ("299 Fine", None),
        ("302 Found", Some(true)),
        ("400 Bad Request", Some(true)),
        ("404 Not Found", Some(true)),
        ("410 Gone", Some(false)),
        ("429 Too Many Requests", Some(true)),
        ("500 Internal Server Error", Some(true)),
        ("503 Service Unavailable", Some(true)),
    ];
    for (status, again) in cases {
        // Somewhere that would answer: it must not be asked.
        let elsewhere = HttpListener::start([answer("200 OK", "", "")]);
        let location = format!("location: {}\r\nretry-after: 120\r\n", elsewhere.url("/"));
        let listener = HttpListener::start([answer(status, &location, "line one\r\n  line two")]);
        let outcome = to_webhook(&listener.url("/hook")).await;
        let number: u16 = status[..3].parse().unwrap();
        match again {
            None => assert_eq!(outcome.unwrap().status, Some(number)),
            Some(again) => {
                let undelivered = outcome.unwrap_err();
                assert_eq!((undelivered.status, undelivered.again), (Some(number), again), "{status}");
                assert_eq!(undelivered.wait, again.then_some(Duration::from_secs(120)));
                assert!(undelivered.reason.ends_with(&format!("status {number}: line one line two")), "{undelivered}");
            }
        }
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_is_tried_again() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let silent = HttpListener::start([Reply::Silence]);
    let rude = HttpListener::start([Reply::HangUp]);
    let strange = HttpListener::start([Reply::Say("220 mail.test ESMTP\r\n".to_owned())]);
    for (url, words) in [
        (format!("http://{address}/secret-path"), "could not be connected to: Connection refused"),
        (silent.url("/secret-path"), "did not answer within 1 seconds"),
        (rude.url("/secret-path"), "broke before an answer came"),
        (strange.url("/secret-path"), "broke before an answer came"),
        ("http://sensei-has-no-such-host.invalid/secret-path".to_owned(), "could not be connected to"),
    ] {
        let undelivered = to_webhook(&url).await.unwrap_err();
        assert!(undelivered.again && undelivered.status.is_none(), "{undelivered:?}");
        assert!(undelivered.reason.contains(words), "{undelivered}");
        assert!(!undelivered.reason.contains("secret-path"), "{undelivered}");
    }
}

#[tokio::test]
async fn an_answer_is_read_to_a_limit() {
    let head = "HTTP/1.1 500 Oops\r\ncontent-length: 1000000000000\r\n\r\n";
    let listener = HttpListener::start([Reply::Endless(head.to_owned())]);
    let begun = Instant::now();
    let undelivered = to_webhook(&listener.url("/")).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(1), "it need not wait for the timeout");
    assert!(undelivered.reason.len() < 300, "{undelivered}");
    // A body that breaks off does not undo a good status.
    let listener = HttpListener::start([Reply::Say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned())]);
    assert_eq!(to_webhook(&listener.url("/")).await.unwrap().status, Some(200));
}

#[tokio::test]
async fn tls_is_spoken_and_must_be_answered() {
    let listener = HttpListener::start([]);
    let undelivered = to_webhook(&listener.url("/").replace("http:", "https:")).await.unwrap_err();
    assert!(undelivered.again, "{undelivered:?}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_tried_again() {
    let webhook = |url: &str, secret: &str| Recipient::Webhook {
        id: "wh_1".to_owned(),
        url: url.to_owned(),
        secret: secret.into(),
    };
    let secret = new_secret().unwrap();
    for recipient in [webhook("gopher://example.com", secret.reveal()), webhook("http://127.0.0.1", "hunter2")] {
        let undelivered = deliver(&settings(), &recipient).await.unwrap_err();
        assert!(!undelivered.again && !undelivered.reason.contains("hunter2"), "{undelivered:?}");
    }
    let courier = Courier::new(&settings()).unwrap();
    let recipient = webhook("http://127.0.0.1:1", secret.reveal());
    for id in ["", "msg.1", "msg_1\r\nx: y", "é"] {
        assert!(!courier.deliver(id, &recipient, &notification()).await.unwrap_err().again, "{id}");
    }
}

#[tokio::test]
async fn what_is_not_set_up_is_named() {
    let email = deliver(&settings(), &Recipient::Email { to: "team@company.com".to_owned() }).await.unwrap_err();
    assert_eq!(
        email.reason,
        "E-mail is not set up: set `notifications.email.smtp_url` and `notifications.email.from`."
    );
    let slack = deliver(&settings(), &Recipient::Slack { channel: "#data-ops".to_owned() }).await.unwrap_err();
    assert!(slack.reason.contains("`notifications.slack.bot_token` or `notifications.slack.webhook_url`"), "{slack}");
    assert!(!email.again && !slack.again);
}

#[test]
fn settings_are_checked_at_once_and_never_shown() {
    let read = |json: Value| serde_json::from_value::<Settings>(json).unwrap();
    let from = "Sensei <sensei@company.com>";
    assert!(Courier::new(&read(json!({}))).is_ok());
    for (url, named) in [
        ("smtps://u:hunter2@mail.company.com", None),
        ("smtp://u:hunter2@mail.company.com:587?tls=required", None),
        ("smtp://u:hunter2@mail.company.com:587?tls=opportunistic", None),
        ("smtp://mail.company.com:25", None),
        ("smtp://u:hunter2@localhost:2525/sensei.company.com", None),
        ("smtp://u:hunter2@mail.company.com:587", Some("in the clear")),
        ("smtp://u:hunter2@mail.company.com:587?tls=none", Some("neither")),
        ("smtp://u:hunter2@mail.company.com:587?tsl=required", Some("`tsl`")),
        ("smtps://u:hunter2@mail.company.com?tls=required", Some("does not need")),
        ("smtps://hunter2@mail.company.com", Some("neither")),
        ("http://u:hunter2@mail.company.com", Some("must look like")),
        ("mail.company.com:hunter2", Some("must look like")),
        ("hunter2", Some("must look like")),
    ] {
        let settings = read(json!({"email": {"smtp_url": url, "from": from}}));
        assert!(!format!("{settings:?}").contains("hunter2"));
        let outcome = Courier::new(&settings).map(|_| ());
        match named {
            None => outcome.unwrap(),
            Some(words) => {
                let error = outcome.unwrap_err();
                assert_eq!(error.code, Code::InvalidConfig);
                assert!(error.message.starts_with("`notifications.email.smtp_url` "), "{error}");
                assert!(error.message.contains(words) && !error.message.contains("hunter2"), "{error}");
            }
        }
    }
    for (json, setting) in [
        (json!({"email": {"smtp_url": "smtps://mail.company.com"}}), "email.from"),
        (json!({"email": {"smtp_url": "smtps://mail.company.com", "from": "Sensei"}}), "email.from"),
        (json!({"email": {"from": from}}), "email.smtp_url"),
        (json!({"slack": {"bot_token": "xoxb-1", "webhook_url": "https://hooks.slack.com/services/1"}}), "slack"),
        (json!({"slack": {"bot_token": "xoxb-hunter2\u{7}"}}), "slack.bot_token"),
        (json!({"slack": {"bot_token": "xoxb-1", "api_url": "slack.com"}}), "slack.api_url"),
        (json!({"slack": {"webhook_url": "hunter2"}}), "slack.webhook_url"),
        (json!({"timeouts": {"http_seconds": 0}}), "timeouts.http_seconds"),
    ] {
        let error = Courier::new(&read(json)).map(|_| ()).unwrap_err();
        assert_eq!(error.code, Code::InvalidConfig);
        assert!(error.message.starts_with(&format!("`notifications.{setting}` ")), "{error}");
        assert!(!error.message.contains("hunter2"), "{error}");
    }
    assert!(serde_json::from_value::<Settings>(json!({"mail": {}})).is_err(), "a misspelled setting");
}

async fn to_slack(slack: SlackSettings) -> Result<Delivered, Undelivered> {
    deliver(&Settings { slack, ..settings() }, &Recipient::Slack { channel: "#data-ops".to_owned() }).await
}

#[tokio::test]
async fn a_bot_posts_to_the_channel() {
    let listener = HttpListener::start([answer("200 OK", "", r#"{"ok":true,"ts":"1"}"#)]);
    let api_url = Some(listener.url("/api/"));
    let slack = SlackSettings { bot_token: Some("xoxb-1".into()), webhook_url: None, api_url };
    assert_eq!(to_slack(slack).await.unwrap().status, Some(200));
    let request = listener.received();
    assert_eq!(request.line, "POST /api/chat.postMessage HTTP/1.1");
    assert_eq!(request.headers["authorization"], "Bearer xoxb-1");
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body, json!({"channel": "#data-ops", "text": notification().slack_text()}));
}

#[tokio::test]
async fn a_bot_hears_what_is_wrong() {
    for (status, body, again, words) in [
        ("200 OK", r#"{"ok":false,"error":"channel_not_found"}"#, false, "Check the channel's name"),
        ("200 OK", r#"{"ok":false,"error":"invalid_auth"}"#, false, "`notifications.slack.bot_token`"),
        ("200 OK", r#"{"ok":false,"error":"something_new"}"#, false, "`something_new`"),
        ("200 OK", r#"{"ok":false}"#, false, "no reason"),
        ("200 OK", r#"{"ok":false,"error":"internal_error"}"#, true, "`internal_error`"),
        ("429 Too Many Requests", r#"{"ok":false,"error":"ratelimited"}"#, true, "429"),
        ("502 Bad Gateway", "", true, "502"),
        ("200 OK", "<html>Sign in to the guest network</html>", true, "not Slack's API"),
        ("403 Forbidden", "", false, "403"),
    ] {
        let listener = HttpListener::start([answer(status, "retry-after: 30\r\n", body)]);
        let api_url = Some(listener.url(""));
        let slack = SlackSettings { bot_token: Some("xoxb-hunter2".into()), webhook_url: None, api_url };
        let undelivered = to_slack(slack).await.unwrap_err();
        assert_eq!(undelivered.again, again, "{undelivered:?}");
        assert_eq!(undelivered.wait, again.then_some(Duration::from_secs(30)));
        assert!(undelivered.reason.contains(words) && !undelivered.reason.contains("hunter2"), "{undelivered}");
    }
}

#[tokio::test]
async fn an_incoming_webhook_takes_a_text() {
    let listener = HttpListener::start([answer("200 OK", "", "ok"), answer("404 Not Found", "", "no_service")]);
    let slack = SlackSettings { webhook_url: Some(listener.url("/services/T0/B0").into()), ..SlackSettings::default() };
    assert_eq!(to_slack(slack.clone()).await.unwrap().status, Some(200));
    let request = listener.received();
    assert_eq!(request.line, "POST /services/T0/B0 HTTP/1.1");
    assert!(request.body.contains("Zürich &lt;→ Q1&gt;"), "{}", request.body);
    let undelivered = to_slack(slack).await.unwrap_err();
    assert!(!undelivered.again && undelivered.reason.contains("no_service"), "{undelivered}");
    assert!(!undelivered.reason.contains("B0"), "{undelivered}");
}

async fn to_mailbox(listener: &SmtpListener, url: &str) -> Result<Delivered, Undelivered> {
    let smtp_url = Some(url.replace("HOST", &listener.address.to_string()).into());
    let email = EmailSettings { smtp_url, from: Some("Sensei <sensei@company.com>".to_owned()) };
    deliver(&Settings { email, ..settings() }, &Recipient::Email { to: "team@company.com".to_owned() }).await
}

#[tokio::test]
async fn a_mail_server_takes_an_email() {
    let listener = SmtpListener::start(&[]);
    let delivered = to_mailbox(&listener, "smtp://us%40er:p%3Ass@HOST/sensei.company.com").await.unwrap();
    assert_eq!(delivered.status, Some(250));
    let lines = listener.transcript();
    let credentials = base64::encode(b"\0us@er\0p:ss");
    assert_eq!(lines[..2], ["EHLO sensei.company.com".to_owned(), format!("AUTH PLAIN {credentials}")]);
    assert!(lines[2].starts_with("MAIL FROM:<sensei@company.com>"), "{lines:?}");
    assert_eq!(lines[3..5], ["RCPT TO:<team@company.com>", "DATA"]);
    let mail = lines[5..].join("\n");
    let (head, body) = mail.split_once("\n\n").unwrap();
    for header in [
        "From: Sensei <sensei@company.com>".to_owned(),
        "To: team@company.com".to_owned(),
        format!("Message-ID: <{ID}@company.com>"),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
    ] {
        assert!(head.lines().any(|line| line == header), "{header} is not in\n{head}");
    }
    assert!(head.contains("\nDate: ") && head.contains("\nSubject: [Sensei] ") && head.is_ascii(), "{head}");
    assert!(body.contains("All rows are there.") && body.is_ascii(), "{body}");
}

#[tokio::test]
async fn a_mail_server_says_no() {
    for (replies, status, again) in [
        (&[("RCPT", "550 5.1.1 No such user")][..], Some(550), false),
        (&[("RCPT", "451 4.7.1 Greylisted, come again")], Some(451), true),
        (&[("AUTH", "535 5.7.8 Wrong password")], Some(535), false),
        (&[("MAIL", "421 4.3.2 Closing down")], Some(421), true),
        (&[(".", "552 5.3.4 Too big")], Some(552), false),
    ] {
        let listener = SmtpListener::start(replies);
        let undelivered = to_mailbox(&listener, "smtp://user:hunter2@HOST").await.unwrap_err();
        assert_eq!((undelivered.status, undelivered.again), (status, again), "{undelivered:?}");
        let said = replies[0].1.split_once(' ').unwrap().1;
        assert!(undelivered.reason.contains(said) && !undelivered.reason.contains("hunter2"), "{undelivered}");
    }
}

#[tokio::test]
async fn a_mail_server_without_tls_gets_no_password() {
    let listener = SmtpListener::start(&[]);
    let undelivered = to_mailbox(&listener, "smtp://user:hunter2@HOST?tls=required").await.unwrap_err();
    assert!(!undelivered.again, "{undelivered:?}");
    let lines = listener.transcript();
    assert!(!lines.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{lines:?}");
}

#[tokio::test]
async fn a_mail_server_that_is_away_is_tried_again() {
    let silent = HttpListener::start([Reply::Silence]);
    let email = EmailSettings {
        smtp_url: Some(silent.url("").replace("http:", "smtp:").into()),
        from: Some("sensei@company.com".to_owned()),
    };
    let settings = Settings { email, ..settings() };
    let recipient = Recipient::Email { to: "team@company.com".to_owned() };
    let undelivered = deliver(&settings, &recipient).await.unwrap_err();
    assert!(undelivered.again && undelivered.reason.contains("did not answer within 1 seconds"), "{undelivered:?}");
    let wrong = Recipient::Email { to: "team".to_owned() };
    assert!(!deliver(&settings, &wrong).await.unwrap_err().again);
}
