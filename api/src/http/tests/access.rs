//! Keys, envelopes, rates, and what anybody may ask.

use serde_json::json;

use super::{World, new_migration};
use crate::http::Limits;
use crate::http::observe::panicked;

#[tokio::test]
async fn without_a_key_there_is_nothing() {
    let world = World::new().await;
    for (value, why) in
        [("Bearer sk_live_nobody", "not known"), ("Basic abc", "no bearer key"), ("Bearer ", "no bearer key")]
    {
        let answer = world.ask("GET", "/v1/migrations", &[("authorization", value)], None).await;
        let error = answer.refused(401, "unauthorized");
        assert!(error["message"].as_str().is_some_and(|m| m.contains(why)), "{error}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_until_it_is_revoked() {
    let world = World::new().await;
    let made =
        world.post("/v1/keys", json!({"name": "reader", "user": "user_r", "scopes": ["read", "read"]})).await.is(201);
    let bearer = format!("Bearer {}", made["key"].as_str().expect("the key"));
    let ask = async |method: &str, path: &str, body| world.ask(method, path, &[("authorization", &bearer)], body).await;
    assert_eq!(made["scopes"], json!(["read"]));
    ask("GET", "/v1/migrations", None).await.is(200);
    let error = ask("POST", "/v1/migrations", Some(new_migration("A"))).await.refused(403, "forbidden");
    assert_eq!(error["details"]["scope"], "write");
    let error = ask("GET", "/v1/keys", None).await.refused(403, "forbidden");
    assert_eq!(error["details"]["scope"], "admin");

    let listed = world.get("/v1/keys").await;
    assert!(!listed.text.contains(made["key"].as_str().expect("the key")), "shown once");
    assert_eq!(listed.is(200)["data"].as_array().map(Vec::len), Some(2));
    let path = format!("/v1/keys/{}", made["id"].as_str().expect("an id"));
    for _ in 0..2 {
        assert_eq!(world.ask("DELETE", &path, &[], None).await.status, 204);
    }
    ask("GET", "/v1/migrations", None).await.refused(401, "unauthorized");
    world.ask("DELETE", "/v1/keys/key_none", &[], None).await.refused(404, "not_found");
    let error = world.post("/v1/keys", json!({"name": "x", "scopes": ["rule"]})).await.refused(422, "invalid_request");
    assert_eq!(error["details"]["field"], "scopes[0]");
}

#[tokio::test]
async fn whatever_goes_wrong_has_an_envelope() {
    let world = World::within(Limits { body_bytes: 200, ..Limits::default() }).await;
    world.get("/v2").await.refused(404, "not_found");
    world.get("/v1/migrations/mig_none").await.refused(404, "migration_not_found");
    let answer = world.ask("PUT", "/v1/migrations", &[], None).await;
    answer.refused(405, "method_not_allowed");
    assert!(answer.header("allow").is_some_and(|methods| methods.contains("POST")));
    world.get("/v1/migrations/%ff").await.refused(400, "invalid_request");
    world.post("/v1/migrations", json!({"name": "x".repeat(200)})).await.refused(413, "body_too_large");
    world.post("/v1/migrations", json!({"name": "x", "colour": 1})).await.refused(422, "invalid_request");
    let text = [("content-type", "text/plain")];
    let answer = world.ask("POST", "/v1/migrations", &text, Some(json!({}))).await;
    answer.refused(415, "unsupported_media_type");
    let response = panicked(Box::new("boom"));
    assert_eq!(response.status(), 500);
}

#[tokio::test]
async fn a_request_keeps_its_name() {
    let world = World::new().await;
    let answer = world.ask("GET", "/v2", &[("x-request-id", "build-17")], None).await;
    assert_eq!(answer.refused(404, "not_found")["request_id"], "build-17");
    let answer = world.ask("GET", "/healthz", &[("x-request-id", "a b")], None).await;
    assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
}

#[tokio::test]
async fn who_asks_too_often_has_to_wait() {
    let limits = Limits { requests_per_second: 1, request_burst: 2, ..Limits::default() };
    let world = World::within(limits).await;
    let other = world.post("/v1/keys", json!({"name": "other"})).await.is(201);
    world.get("/v1/migrations").await.is(200);
    let answer = world.get("/v1/migrations").await;
    answer.refused(429, "rate_limited");
    let wait: u64 = answer.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=2).contains(&wait), "{wait}");
    let other = format!("Bearer {}", other["key"].as_str().expect("the key"));
    world.ask("GET", "/v1/migrations", &[("authorization", &other)], None).await.is(200);
}

#[tokio::test]
async fn those_who_watch_need_no_key() {
    let world = World::new().await;
    world.migration().await;
    let ask = async |path: &str| world.ask("GET", path, &[("authorization", "none")], None).await;
    assert_eq!(ask("/healthz").await.is(200)["status"], "ok");
    assert_eq!(ask("/readyz").await.is(200)["status"], "ok");
    assert_eq!(ask("/v1/openapi.json").await.is(200)["info"]["title"], "Sensei");
    let docs = ask("/docs").await;
    assert!(docs.text.contains("/v1/openapi.json") && docs.header("content-security-policy").is_some());
    assert!(!docs.text.contains("https://"), "the page loads nothing from elsewhere");
    let figures = ask("/metrics").await.text;
    for line in [
        "sensei_migrations{status=\"pending\"} 1\n",
        "sensei_migrations{status=\"running\"} 0\n",
        "sensei_http_requests_total{route=\"/v1/migrations\",method=\"POST\",status=\"201\"} 1\n",
        "sensei_followers 0\n",
    ] {
        assert!(figures.contains(line), "{line} in {figures}");
    }
    assert!(figures.contains("sensei_process_resident_memory_bytes ") && figures.ends_with("# EOF\n"));
    world.leave.send_replace(true);
    ask("/readyz").await.refused(503, "leaving");
    ask("/healthz").await.is(200);
}
