//! How the client behaves on the wire, against a real server.

use serde_json::Value;

use super::super::scripted::{Do, Scripted, answer, answer_with, server_at};
use super::*;

fn refused(status: &str, code: &str) -> Vec<Do> {
    answer(status, &format!(r#"{{"error": {{"code": "{code}", "message": "No.", "request_id": "req_1"}}}}"#))
}

/// A port where nobody listens.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test]
async fn a_request_says_who_asks_and_what_for() {
    let scripted = Scripted::play([answer("200 OK", "{}"), answer("201 Created", "{}")]).await;
    let server = server_at(scripted.port, Some("sk_live_abc"));
    let query = vec![("created_after", "2026-02-01T00:00:00Z".to_owned()), ("status", "a b&c".to_owned())];
    server.get(&["migrations", "mig/../1"], &query).await.expect("an answer");
    server.post(&["migrations"], "{\"name\":\"a\"}".into()).await.expect("an answer");
    let received = scripted.received();
    assert_eq!(
        received[0].line,
        "GET /v1/migrations/mig%2F..%2F1?created_after=2026-02-01T00%3A00%3A00Z&status=a+b%26c"
    );
    assert_eq!(received[0].header("authorization"), Some("Bearer sk_live_abc"));
    assert_eq!(received[0].header("idempotency-key"), None);
    assert_eq!((received[1].line.as_str(), received[1].body.as_str()), ("POST /v1/migrations", "{\"name\":\"a\"}"));
    assert_eq!(received[1].header("content-type"), Some("application/json"));
    assert_eq!(received[1].header("idempotency-key").map(str::len), Some(2 * KEY_BYTES));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_with_the_same_key() {
    let busy = || answer_with("503 Service Unavailable", "retry-after: 0\r\n", "{}");
    let scripted = Scripted::play([busy(), busy(), answer("200 OK", "{\"a\":1}"), answer("200 OK", "{}")]).await;
    let server = server_at(scripted.port, None);
    let answer: Value = server.post(&["x"], "{}".into()).await.expect("an answer").read().expect("JSON");
    assert_eq!(answer["a"], 1);
    server.post(&["x"], "{}".into()).await.expect("an answer");
    let keys: Vec<String> =
        scripted.received().iter().map(|r| r.header("idempotency-key").unwrap_or_default().to_owned()).collect();
    assert_eq!((keys.len(), &keys[0], &keys[1]), (4, &keys[1], &keys[2]));
    assert_ne!(keys[2], keys[3], "another command is another request");
}

#[tokio::test]
async fn a_server_that_stays_busy_is_believed() {
    let busy = || answer_with("503 Service Unavailable", "retry-after: 0\r\n", "{}");
    let scripted = Scripted::play((0..10).map(|_| busy())).await;
    let failure = server_at(scripted.port, None).get(&["x"], &Query::new()).await.expect_err("busy");
    assert!(matches!(failure, Failure::Refused(_)));
    assert_eq!(scripted.lines().len(), ATTEMPTS as usize);

    let scripted = Scripted::play([answer_with("503 Service Unavailable", "retry-after: 3600\r\n", "{}")]).await;
    assert!(server_at(scripted.port, None).get(&["x"], &Query::new()).await.is_err(), "nobody waits for an hour");
    assert_eq!(scripted.lines().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let port = free_port();
    let later = async {
        sleep(FIRST_PAUSE * 2).await;
        Scripted::play_at(port, [answer("200 OK", "{}")]).await
    };
    let (server, query) = (server_at(port, None), Query::new());
    let (outcome, scripted) = tokio::join!(server.get(&["x"], &query), later);
    assert!(outcome.is_ok());
    assert_eq!(scripted.lines(), ["GET /v1/x"]);
}

#[tokio::test]
async fn nobody_there_is_said_with_what_to_do() {
    let port = free_port();
    let failure = server_at(port, Some("sk_live_abc")).get(&["x"], &Query::new()).await.expect_err("nobody");
    let text = failure.text();
    assert!(text.starts_with(&format!("error: http://127.0.0.1:{port}/v1 cannot be reached: ")), "{text}");
    assert!(
        text.ends_with("Is `sensei serve` running? --server (or SENSEI_URL) says where. (unreachable)\n"),
        "{text}"
    );
    assert!(!text.contains("sk_live"), "{text}");
}

#[tokio::test]
async fn what_was_sent_is_not_sent_again() {
    let scripted = Scripted::play([vec![], answer("200 OK", "{}")]).await;
    let failure = server_at(scripted.port, None).post(&["x"], "{}".into()).await.expect_err("no answer");
    assert!(failure.text().contains(UNKNOWN), "{}", failure.text());
    assert_eq!(scripted.lines().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_asked_again() {
    let scripted = Scripted::play([refused("409 Conflict", "invalid_state"), answer("200 OK", "{}")]).await;
    let failure = server_at(scripted.port, None).post(&["x"], "{}".into()).await.expect_err("refused");
    assert_eq!(failure.text(), "error: No. (invalid_state, request req_1)\n");
    assert_eq!(scripted.lines().len(), 1);
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let elsewhere = answer_with("308 Permanent Redirect", "location: https://sensei.example/\r\n", "");
    let scripted = Scripted::play([elsewhere]).await;
    let failure = server_at(scripted.port, None).post(&["x"], "{}".into()).await.expect_err("elsewhere");
    assert!(failure.text().contains("sends to https://sensei.example/"), "{}", failure.text());
}

#[test]
fn a_key_that_cannot_be_one_is_usage_and_not_shown() {
    let base = Url::parse("http://127.0.0.1/v1").expect("an address");
    let Err(failure) = Server::new(base, Some("sk_live_a\nb")) else { panic!("a key with a line break") };
    assert_eq!(failure.text(), "error: The API key has characters that no key has.\n");
}

#[test]
fn servers_with_tls_are_verified_by_this_machine_s_certificates() {
    let base = Url::parse("https://sensei.example/v1").expect("an address");
    match Server::new(base, None) {
        Ok(_) => {}
        Err(failure) => assert!(failure.text().contains("cannot verify servers"), "{}", failure.text()),
    }
}
