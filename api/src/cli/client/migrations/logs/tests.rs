//! A log on paper, and a log that is followed over a real connection.

use super::super::super::scripted::{Act, Do, Scripted, answer, send, stream};
use super::display::Display;
use super::news::News;
use super::*;
use crate::cli::client::sse::Event;
use crate::cli::failure::Exit;

#[test]
fn a_page_is_a_line_an_entry() {
    let page = r#"{"data": [
        {"id": "1", "timestamp": "2026-02-02T16:30:00Z", "level": "info", "message": "Processing table: employees",
         "phase": "data_transfer", "table": "employees"},
        {"id": "2", "timestamp": "2026-02-02T16:30:01.5Z", "level": "warning", "phase": null,
         "message": "The source\nwas \u001b[31mslow.", "table": "orders"}
    ], "next_cursor": null}"#;
    insta::assert_snapshot!(text(&serde_json::from_str(page).expect("a page")));
}

/// Remembers what it is shown.
#[derive(Default)]
struct Seen(Vec<String>);

impl Display for Seen {
    fn show(&mut self, event: &Event, news: &News) {
        self.0.push(match news {
            News::Entry(entry) => format!("{} {}", event.id, entry.line().trim_end()),
            News::Progress(progress) => progress.text(),
            News::Change(change) => change.line().trim_end().to_owned(),
            News::Other => "other".to_owned(),
        });
    }

    fn note(&mut self, text: &str) {
        self.0.push(text.trim_end().to_owned());
    }

    fn finish(&mut self) {}
}

/// Follows the log of `mig_1` through these acts.
async fn follow(acts: impl IntoIterator<Item = Act>) -> (Result<Exit, Failure>, Vec<String>, Vec<String>) {
    let scripted = Scripted::play(acts).await;
    let session = scripted.session(Output::Words { width: 100 });
    let mut seen = Seen::default();
    let path = ["migrations", "mig_1", "logs"];
    let query = vec![("follow", "true".to_owned())];
    let exit = watch::until_over(&session.server, "mig_1", &path, query, &mut seen).await;
    (exit, seen.0, scripted.lines())
}

fn status(status: &str) -> Act {
    answer("200 OK", &format!(r#"{{"id": "mig_1", "status": "{status}"}}"#))
}

fn changed(id: u32, status: &str) -> Do {
    send(&format!(
        "id: {id}\nevent: status\ndata: {{\"status\": \"{status}\", \"phase\": null, \"message\": \"\"}}\n\n"
    ))
}

fn logged(id: u32, message: &str) -> Do {
    let data = format!(r#"{{"timestamp": "2026-02-02T16:30:00Z", "level": "info", "message": "{message}"}}"#);
    send(&format!("id: {id}\nevent: log\ndata: {data}\n\n"))
}

#[tokio::test]
async fn it_ends_with_the_migration() {
    let progress = send("event: progress\ndata: {\"phase\": \"data_transfer\", \"percent\": 45}\n\n");
    let acts =
        [stream([logged(1, "one"), progress, send("event: later\ndata: ?\n\n"), changed(2, "completed"), Do::Stay])];
    // Nobody answers beside the stream: the event is all that is known.
    let (exit, seen, _) = follow(acts).await;
    assert_eq!(exit.expect("an end"), Exit::Done);
    insta::assert_snapshot!(seen.join("\n"));
}

#[tokio::test]
async fn what_is_no_success_is_a_failure() {
    for end in ["failed", "cancelled", "rolled_back"] {
        let (exit, seen, lines) = follow([stream([changed(1, end)]), status(end)]).await;
        assert_eq!((exit.expect("an end"), seen.len()), (Exit::Failed, 1));
        assert_eq!(lines, ["GET /v1/migrations/mig_1/logs?follow=true", "GET /v1/migrations/mig_1"]);
    }
}

#[tokio::test]
async fn an_end_that_is_long_past_is_none() {
    let acts = [
        stream([send("retry: 10\n"), changed(1, "failed")]),
        status("running"),
        stream([changed(2, "completed")]),
        status("completed"),
    ];
    let (exit, seen, _) = follow(acts).await;
    assert_eq!(exit.expect("an end"), Exit::Done);
    assert_eq!(seen, ["failed", "The connection is gone; it is made again.", "completed"]);
}

#[tokio::test]
async fn an_end_that_no_event_tells_is_found() {
    let acts = [stream([send("retry: 10\n"), logged(1, "one")]), stream([]), status("rolled_back")];
    let (exit, seen, _) = follow(acts).await;
    assert_eq!(exit.expect("an end"), Exit::Failed);
    assert_eq!(seen[1..], ["The connection is gone; it is made again.", "The migration is rolled back."]);

    let (exit, ..) = follow([answer("204 No Content", ""), status("completed")]).await;
    assert_eq!(exit.expect("an end"), Exit::Done);
}

#[tokio::test]
async fn nonsense_is_an_error() {
    let (exit, ..) = follow([stream([send("event: log\ndata: {}\n\n")])]).await;
    let text = exit.expect_err("nonsense").text();
    assert!(text.starts_with("error: The server's answer is not understood: missing field `timestamp`"), "{text}");
}
