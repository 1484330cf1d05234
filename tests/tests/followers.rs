//! Who follows the events of a migration gets each of them once, and holds up nobody: not even by not reading.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use sensei_tests::api::{KEY, Serve, eventually};
use sensei_tests::product::nowhere;
use serde_json::json;

/// Tables enough for more events than a connection's buffers hold.
const SOURCE: &str = "datagen:random?tables=400&rows=1&columns=int64";
/// Seconds until a client that takes nothing is cut off.
const ACKNOWLEDGE: u64 = 2;

/// Asks for the events of a migration, and reads nothing yet.
fn ask(serve: &Serve, id: &str) -> TcpStream {
    let address = serve.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!(
        "GET /v1/migrations/{id}/logs?follow=true HTTP/1.0\r\nAuthorization: Bearer {KEY}\r\nAccept: text/event-stream\r\nLast-Event-ID: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

/// The ids of the events that came whole.
fn ids(said: &str) -> Vec<usize> {
    let whole = said.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

/// The ids of all events after this one, as a client that reads gets them.
fn numbers(serve: &Serve, id: &str, after: usize) -> Vec<usize> {
    let events = serve.follow(id, Some(&after.to_string()), |_| false).into_iter();
    events.map(|event| usize::try_from(event.id.expect("an id")).expect("a number")).collect()
}

fn streams(serve: &Serve) -> u64 {
    let text = serve.get("/metrics").text;
    let line = text.lines().find_map(|l| l.strip_prefix("sensei_followers ")).expect("the number of followers");
    line.parse().expect("a number")
}

#[test]
fn a_follower_that_does_not_read_is_cut_off_and_its_place_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = format!("sqlite:{}", folder.path().join("state.db").display());
    let limits = json!({"limits": {"acknowledge_seconds": ACKNOWLEDGE, "send_buffer_bytes": 4096}});
    let serve = Serve::start_with(folder.path(), &state, limits);
    serve.connect("conn_from", "From", SOURCE);
    serve.connect("conn_to", "To", &nowhere());
    let id = serve.create(&json!({
        "name": "Followed", "source": {"connection_id": "conn_from"}, "target": {"connection_id": "conn_to"},
    }));
    let mut stalled = ask(&serve, &id);
    serve.wait_for(&id, &["approved"]);
    serve.command(&format!("/v1/migrations/{id}/start")).is(202);
    // Nobody waits for it: the migration comes to its end, and another follower sees all of it.
    serve.wait_for(&id, &["completed"]);
    let all = numbers(&serve, &id, 0);
    assert!(all.iter().copied().eq(1..=all.len()) && all.len() > 1_000, "{all:?}");

    // The server lets go of it although the client is still there.
    eventually("the stalled follower is let go", || streams(&serve) == 0);
    thread::sleep(Duration::from_secs(ACKNOWLEDGE));
    let mut said = Vec::new();
    let end = stalled.read_to_end(&mut said);
    let seen = ids(&String::from_utf8_lossy(&said));
    let last = *seen.last().unwrap_or_else(|| panic!("nothing came: {end:?}"));
    assert!(last < all.len(), "it saw everything, which is no test");
    assert!(seen.iter().copied().eq(1..=last), "{seen:?}");

    // It comes back with the last it has, and misses nothing.
    let rest = numbers(&serve, &id, last);
    assert!(rest.iter().copied().eq(last + 1..=all.len()), "after {last}: {rest:?}");
}
