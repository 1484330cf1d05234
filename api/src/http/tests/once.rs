//! Requests that come twice.

use axum::http::StatusCode;
use jiff::Timestamp;
use sensei_engine::store::Claim;
use serde_json::{Value, json};

use super::{World, new_migration};

const KEY: [(&str, &str); 1] = [("idempotency-key", "once-and-only-once")];

impl World {
    async fn keyed(&self, path: &str, body: Value) -> super::Answer {
        self.ask("POST", path, &KEY, Some(body)).await
    }

    async fn total(&self) -> Value {
        self.get("/v1/migrations").await.is(200)["pagination"]["total"].clone()
    }
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let world = World::new().await;
    let first = world.keyed("/v1/migrations", new_migration("A")).await;
    let second = world.keyed("/v1/migrations", new_migration("A")).await;
    assert_eq!(first.is(201), second.is(201));
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), (None, Some("true")));
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(world.total().await, 1);
    world.keyed("/v1/migrations", new_migration("B")).await.refused(422, "idempotency_key_reused");
    world.keyed("/v1/connections", new_migration("A")).await.refused(422, "idempotency_key_reused");
    let long = "x".repeat(256);
    let answer = world.ask("POST", "/v1/migrations", &[("idempotency-key", &long)], Some(new_migration("A"))).await;
    answer.refused(422, "invalid_request");
    assert_eq!(world.total().await, 1);
}

#[tokio::test]
async fn a_refusal_is_an_answer_too() {
    let world = World::new().await;
    let first = world.keyed("/v1/migrations", json!({"name": "A"})).await;
    let second = world.keyed("/v1/migrations", json!({"name": "A"})).await;
    assert_eq!((first.status, second.status), (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.json()["error"]["message"], second.json()["error"]["message"]);
}

#[tokio::test]
async fn keys_are_by_api_key_and_only_for_posts() {
    let world = World::new().await;
    world.keyed("/v1/migrations", new_migration("A")).await.is(201);
    let other = world.post("/v1/keys", json!({"name": "b", "scopes": ["write", "read"]})).await.is(201);
    let other = format!("Bearer {}", other["key"].as_str().expect("the key"));
    let headers = [KEY[0], ("authorization", other.as_str())];
    world.ask("POST", "/v1/migrations", &headers, Some(new_migration("B"))).await.is(201);
    world.ask("GET", "/v1/migrations", &KEY, None).await.is(200);
    assert_eq!(world.total().await, 2);
}

#[tokio::test]
async fn while_the_first_is_at_work_the_second_waits() {
    let world = World::new().await;
    // Many at once: one is done, each of the others gets its answer or is told to wait.
    let path = "/v1/migrations";
    let ask = || world.keyed(path, new_migration("A"));
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    let mut done = 0;
    for answer in [a, b, c, d] {
        match answer.status.as_u16() {
            201 if answer.header("idempotency-replayed").is_none() => done += 1,
            201 => {}
            _ => drop(answer.refused(409, "idempotency_conflict")),
        }
    }
    assert_eq!((done, world.total().await), (1, json!(1)));
}

#[tokio::test]
async fn an_answer_with_a_secret_is_not_kept() {
    let world = World::new().await;
    let (key, hook) = (json!({"name": "k"}), json!({"url": "https://example.com/hook"}));
    for (path, body, secret) in [("/v1/keys", key, "key"), ("/v1/webhooks", hook, "secret")] {
        let first = world.keyed(path, body.clone()).await.is(201);
        let second = world.keyed(path, body).await;
        assert_ne!(first[secret], second.is(201)[secret], "{path}");
        assert_eq!(second.header("idempotency-replayed"), None);
    }
    let caller = world.store().key(&world.key).await.expect("a state").expect("the key");
    let now = Timestamp::now();
    let claim = world.store().claim_idempotency(&caller.id, KEY[0].1, "other", now, now).await;
    assert!(matches!(claim.expect("a state"), Claim::First(_)), "nothing is left of it");
}
