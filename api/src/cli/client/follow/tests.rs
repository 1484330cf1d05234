//! Streams that break, against a real server.

use super::super::scripted::{Do, Scripted, answer, send, server_at, stream};
use super::*;

const PATH: [&str; 3] = ["migrations", "mig_1", "logs"];

/// Steps until this many events have come, or the end.
async fn steps(follow: &mut Follow<'_>, events: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let is_event = |step: &&Step| matches!(step, Step::Event(_));
    while steps.iter().filter(is_event).count() < events && !steps.contains(&Step::Over) {
        steps.push(follow.next().await.expect("a step"));
    }
    steps
}

fn event(name: &str, data: &str, id: &str) -> Step {
    Step::Event(Event { name: name.into(), data: data.into(), id: id.into() })
}

#[tokio::test]
async fn a_broken_stream_goes_on_after_its_last_event() {
    let scripted = Scripted::play([
        stream([
            send("retry: 20\n: hello\n\nid: 1\nevent: log\ndata: a\n\nid: 2\nevent: log\nda"),
            Do::Wait(Duration::from_millis(20)),
            send("ta: b\n\nid: 3\nevent: log\ndata: cut"),
        ]),
        answer("503 Service Unavailable", "{}"),
        vec![],
        stream([send("id: 3\nevent: log\ndata: c\n\n")]),
        answer("204 No Content", ""),
    ])
    .await;
    let server = server_at(scripted.port, Some("sk_live_abc"));
    let mut follow = Follow::new(&server, &PATH, vec![("follow", "true".to_owned())]);
    let lost = || Step::Pause(Why::Lost);
    assert_eq!(
        steps(&mut follow, usize::MAX).await,
        [event("log", "a", "1"), event("log", "b", "2"), lost(), event("log", "c", "3"), lost(), Step::Over]
    );
    let received = scripted.received();
    let ids: Vec<Option<&str>> = received.iter().map(|r| r.header("last-event-id")).collect();
    assert_eq!(ids, [None, Some("2"), Some("2"), Some("2"), Some("3")]);
    assert!(received.iter().all(|r| r.line == "GET /v1/migrations/mig_1/logs?follow=true"));
    assert!(received.iter().all(|r| r.header("accept") == Some("text/event-stream")));
    assert!(received.iter().all(|r| r.header("authorization") == Some("Bearer sk_live_abc")));
}

#[tokio::test]
async fn the_server_says_how_long_to_wait() {
    let asked = Duration::from_millis(300);
    let scripted =
        Scripted::play([stream([send("retry: 300\nid: 1\ndata: a\n\n")]), stream([send("id: 2\ndata: b\n\n")])]).await;
    let server = server_at(scripted.port, None);
    let mut follow = Follow::new(&server, &PATH, Query::new());
    steps(&mut follow, 1).await;
    let began = Instant::now();
    steps(&mut follow, 1).await;
    assert!((asked..DEFAULT_PAUSE).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_refusal_ends_it() {
    let missing = r#"{"error": {"code": "migration_not_found", "message": "There is none.", "request_id": "r"}}"#;
    let scripted = Scripted::play([answer("404 Not Found", missing)]).await;
    let server = server_at(scripted.port, None);
    let failure = Follow::new(&server, &PATH, Query::new()).next().await.expect_err("a refusal");
    assert_eq!(failure.text(), "error: There is none. (migration_not_found, request r)\n");
    assert_eq!(scripted.lines().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_no_stream_ends_it() {
    let scripted = Scripted::play([answer("200 OK", "{\"data\": []}")]).await;
    let server = server_at(scripted.port, None);
    let failure = Follow::new(&server, &PATH, Query::new()).next().await.expect_err("no stream");
    assert!(failure.text().contains("no stream of events"), "{}", failure.text());
}

#[tokio::test]
async fn pauses_grow_up_to_a_limit() {
    let scripted = Scripted::play([]).await;
    let server = server_at(scripted.port, None);
    let follow = Follow::new(&server, &PATH, Query::new());
    let pauses = [1, 2, 3, 6, 7, 40, 4_000_000].map(|attempt| follow.pause_before(attempt).as_millis());
    assert_eq!(pauses, [500, 1000, 2000, 16_000, 30_000, 30_000, 30_000]);
}

#[tokio::test]
async fn silence_is_told() {
    let scripted = Scripted::play([stream([send(": here\n\n"), Do::Stay])]).await;
    let server = server_at(scripted.port, None);
    let mut follow = Follow::new(&server, &PATH, Query::new());
    // As if nothing had happened for long.
    let connected = follow.connect().await.expect("a stream");
    follow.told = Instant::now() - QUIET_AFTER;
    assert!(connected);
    assert_eq!(follow.next().await.expect("a step"), Step::Pause(Why::Quiet));
    // The heartbeat may not have been read yet; it counts as a sign of life.
    let mut step = Step::Pause(Why::Quiet);
    while step == Step::Pause(Why::Quiet) {
        (follow.told, follow.heard) = (Instant::now() - QUIET_AFTER, Some(Instant::now() - DEAD_AFTER));
        step = follow.next().await.expect("a step");
    }
    assert_eq!(step, Step::Pause(Why::Lost));
}
