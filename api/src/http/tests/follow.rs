//! The event stream: replay, filters, its end.

use std::sync::Arc;
use std::time::Duration;

use sensei_engine::event::{Level, Phase};
use sensei_engine::lifecycle::Cancel;
use serde_json::Value;

use super::{World, line, progress};
use crate::http::Limits;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

/// Number, name and data of each event.
fn events(text: &str) -> Vec<(i64, String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("data:"));
    let read = |block: &str| {
        let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        let id = field("id").expect("a number").parse().expect("a number");
        let data = serde_json::from_str(field("data").expect("data")).expect("JSON");
        (id, field("event").expect("a name").to_owned(), data)
    };
    blocks.map(read).collect()
}

fn numbers(text: &str) -> Vec<i64> {
    events(text).into_iter().map(|(id, ..)| id).collect()
}

impl World {
    async fn cancel(&self, id: &str) {
        let how = Cancel { reason: None, rollback: false, force: false };
        self.app.service.cancel(id, how, "user_tests").await.expect("cancelled");
    }

    /// A migration at its end, with 8 lines and figures between its creation and its cancellation.
    async fn finished(&self) -> String {
        let id = self.migration().await;
        for n in 0..4 {
            let level = if n == 2 { Level::Error } else { Level::Info };
            self.tell(&id, &[line(level, Phase::DataTransfer, &format!("batch {n}")), progress(n * 10)]).await;
        }
        self.cancel(&id).await;
        id
    }

    async fn follow(&self, id: &str, query: &str, headers: &[(&str, &str)]) -> super::Answer {
        let path = format!("/v1/migrations/{id}/logs?follow=true{query}");
        let answer = tokio::time::timeout(LIMIT, self.ask("GET", &path, headers, None)).await.expect("an end");
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }
}

#[tokio::test]
async fn a_finished_migration_is_told_to_its_end() {
    let world = World::new().await;
    let id = world.finished().await;
    let last = world.store().last_event(&id).await.expect("a number");
    let answer = world.follow(&id, "", &[]).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert!(answer.text.contains("retry: 2000\n"), "{}", answer.text);
    assert_eq!(numbers(&answer.text), (1..=last).collect::<Vec<_>>());
    let (_, name, data) = events(&answer.text).pop().expect("an event");
    assert_eq!((name.as_str(), &data["status"]), ("status", &Value::from("cancelled")));

    let tail = world.follow(&id, "&limit=3", &[]).await;
    assert_eq!(numbers(&tail.text), (last - 2..=last).collect::<Vec<_>>());
    for answer in [
        world.follow(&id, "", &[("last-event-id", "5")]).await,
        world.follow(&id, "&last_event_id=5", &[]).await,
        world.follow(&id, "&last_event_id=1", &[("last-event-id", "5")]).await,
    ] {
        assert_eq!(numbers(&answer.text), (6..=last).collect::<Vec<_>>());
    }
    assert!(numbers(&world.follow(&id, "", &[("last-event-id", &last.to_string())]).await.text).is_empty());
}

#[tokio::test]
async fn a_stream_is_filtered_like_a_page() {
    let world = World::new().await;
    let id = world.finished().await;
    for headers in [[].as_slice(), &[("last-event-id", "0")]] {
        let errors = events(&world.follow(&id, "&level=error", headers).await.text);
        let lines: Vec<&Value> = errors.iter().filter(|(_, name, _)| name == "log").map(|(.., data)| data).collect();
        assert_eq!((lines.len(), &lines[0]["message"]), (1, &Value::from("batch 2")));
        assert!(errors.iter().all(|(_, name, _)| name != "progress"));
        let phase = events(&world.follow(&id, "&phase=data_transfer", headers).await.text);
        assert_eq!(phase.len(), 8);
        assert!(events(&world.follow(&id, "&since=2099-01-01T00:00:00Z", headers).await.text).is_empty());
    }
}

#[tokio::test]
async fn what_happens_meanwhile_comes_once_and_in_order() {
    let world = Arc::new(World::new().await);
    let id = world.migration().await;
    let (follower, followed) = (Arc::clone(&world), id.clone());
    let following = tokio::spawn(async move {
        let accept = [("accept", "text/event-stream")];
        let path = format!("/v1/migrations/{followed}/logs");
        follower.ask("GET", &path, &accept, None).await.text
    });
    for n in 0..30 {
        world.tell(&id, &[line(Level::Info, Phase::DataTransfer, &format!("batch {n}"))]).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    world.cancel(&id).await;
    let text = tokio::time::timeout(LIMIT, following).await.expect("an end").expect("a stream");
    let last = world.store().last_event(&id).await.expect("a number");
    assert_eq!(numbers(&text), (1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_silent_stream_shows_life_has_its_place_and_ends_with_the_server() {
    let limits = Limits { followers: 1, heartbeat_seconds: 1, ..Limits::default() };
    let world = Arc::new(World::within(limits).await);
    let id = world.migration().await;
    let (follower, followed) = (Arc::clone(&world), id.clone());
    let following = tokio::spawn(async move { follower.follow(&followed, "", &[]).await.text });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let path = format!("/v1/migrations/{id}/logs?follow=true");
    let refused = world.get(&path).await;
    refused.refused(429, "too_many_followers");
    assert_eq!(refused.header("retry-after"), Some("5"));
    world.leave.send_replace(true);
    let text = tokio::time::timeout(LIMIT, following).await.expect("an end").expect("a stream");
    assert!(text.contains(": heartbeat\n"), "{text}");
    assert_eq!(world.app.followers.available_permits(), 1, "the place is free again");
}
