//! The command line of `sensei migrations`, and what each command asks the server for.

use clap::{CommandFactory, Parser};
use serde_json::{Value, json};

use super::super::reply::{Output, Reply};
use super::super::scripted::{Scripted, answer};
use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
    Line::try_parse_from(["migrations"].iter().chain(line)).map(|line| line.arguments)
}

/// What was asked for, with the body where there is one; and what came of it.
async fn ask(line: &[&str], json: &str) -> (String, Value, Result<Reply, Failure>) {
    let scripted = Scripted::play([answer("200 OK", json)]).await;
    let session = scripted.session(Output::Words { width: 100 });
    let reply = parse(line).expect("a command line").command.run(&session).await;
    let received = scripted.received().into_iter().next().unwrap_or_default();
    (received.line, serde_json::from_str(&received.body).unwrap_or_default(), reply)
}

#[test]
fn help_is_what_it_was() {
    let mut command = Line::command().term_width(100);
    command.build();
    let mut help = String::new();
    for subcommand in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
        let words = subcommand.render_help();
        help += &format!("===== {} =====\n\n{words}\n", subcommand.get_name());
    }
    insta::assert_snapshot!(help);
}

#[test]
fn contradictions_are_usage() {
    for wrong in [
        ["approve", "mig_1"].as_slice(),
        &["approve", "mig_1", "map_1", "--all"],
        &["approve", "mig_1", "map_1", "--reject", "--override", "a"],
        &["approve", "mig_1", "--all", "--reject"],
        &["approve", "mig_1", "--all", "--override", "a"],
        &["list", "--limit", "101"],
        &["list", "--status", "done"],
        &["list", "--created-after", "yesterday"],
        &["start", "mig_1", "--from-phase", "load"],
        &["logs", "mig_1", "--follow", "--cursor", "1"],
        &["logs", "mig_1", "--level", "trace"],
        &["get", ".."],
        &["delete", ""],
        &["create"],
    ] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}

#[tokio::test]
async fn questions_carry_every_filter_of_the_contract() {
    let list = "list --status running --source-id conn_a --target-id conn_b --created-after 2026-02-01T00:00:00Z \
        --created-before 2026-03-01T00:00:00Z --limit 10 --offset 20 --sort name --order asc";
    let empty = r#"{"data": [], "pagination": {"total": 0, "limit": 10, "offset": 0, "has_more": false}}"#;
    let (line, _, reply) = ask(&list.split_whitespace().collect::<Vec<_>>(), empty).await;
    assert_eq!(reply.expect("a list").text, "No migrations.\n");
    assert_eq!(
        line,
        "GET /v1/migrations?status=running&source_id=conn_a&target_id=conn_b&created_after=2026-02-01T00%3A00%3A00Z\
         &created_before=2026-03-01T00%3A00%3A00Z&limit=10&offset=20&sort=name&order=asc"
    );
    let logs = "logs mig_1 --level warning --phase data_transfer --since 2026-02-01T00:00:00Z --limit 5 --cursor 77";
    let (line, ..) = ask(&logs.split_whitespace().collect::<Vec<_>>(), r#"{"data": []}"#).await;
    assert_eq!(
        line,
        "GET /v1/migrations/mig_1/logs?level=warning&phase=data_transfer&since=2026-02-01T00%3A00%3A00Z&limit=5&cursor=77"
    );
    for (command, path) in [("get", ""), ("plan", "/plan"), ("metrics", "/metrics"), ("validation", "/validation")] {
        let (line, ..) = ask(&[command, "mig_1"], "{}").await;
        assert_eq!(line, format!("GET /v1/migrations/mig_1{path}"));
    }
}

#[tokio::test]
async fn orders_carry_every_field_of_the_contract() {
    let cases = [
        ("start mig_1", "start", json!({"skip_approval": false, "start_from_phase": null, "dry_run": false})),
        (
            "start mig_1 --skip-approval --from-phase data_transfer --dry-run",
            "start",
            json!({"skip_approval": true, "start_from_phase": "data_transfer", "dry_run": true}),
        ),
        ("pause mig_1 --reason tea --immediate", "pause", json!({"reason": "tea", "immediate": true})),
        ("resume mig_1", "resume", json!({})),
        (
            "cancel mig_1 --reason tea --rollback --force",
            "cancel",
            json!({"reason": "tea", "rollback": true, "force": true}),
        ),
        (
            "approve mig_1 map_1 --override lower(a) --comment seen",
            "plan/mappings/map_1/approve",
            json!({"approved": true, "override_transformation": "lower(a)", "target_column": null, "comment": "seen"}),
        ),
        (
            "approve mig_1 map_1 --reject",
            "plan/mappings/map_1/approve",
            json!({"approved": false, "override_transformation": null, "target_column": null, "comment": null}),
        ),
        ("approve mig_1 --all", "plan/approve", json!({"mappings": null, "approved": true, "comment": null})),
        ("validation mig_1 --again", "validation", json!({})),
        ("validation mig_1 --resync --most-rows 7", "validation/resync", json!({"most_rows": 7})),
    ];
    for (command, path, expected) in cases {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (line, body, reply) = ask(&words, r#"{"id": "mig_1", "status": "running"}"#).await;
        assert_eq!((line, body), (format!("POST /v1/migrations/mig_1/{path}"), expected), "{command}");
        assert!(reply.is_ok(), "{command}");
    }
    let (line, ..) = ask(&["delete", "mig_1"], r#"{"id": "mig_1"}"#).await;
    assert_eq!(line, "DELETE /v1/migrations/mig_1?keep_logs=true&keep_metrics=true");
    let all = ["delete", "mig_1", "--drop-logs", "--drop-metrics", "--keep-replaced"];
    let (line, ..) = ask(&all, r#"{"id": "mig_1"}"#).await;
    assert_eq!(line, "DELETE /v1/migrations/mig_1?keep_logs=false&keep_metrics=false&keep_replaced=true");
}

#[tokio::test]
async fn a_description_is_sent_as_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("migration.json");
    std::fs::write(&path, "{ \"name\": \"a\" }").expect("a file");
    let scripted = Scripted::play([answer("201 Created", "{\"id\":\"mig_1\" }")]).await;
    let session = scripted.session(Output::Json);
    let line = ["create", "-f", path.to_str().expect("UTF-8")];
    let reply = parse(&line).expect("a command line").command.run(&session).await;
    assert_eq!(reply.expect("a migration"), Reply::done("{\"id\":\"mig_1\" }\n".into()), "JSON comes as it is");
    let received = &scripted.received()[0];
    assert_eq!((received.line.as_str(), received.body.as_str()), ("POST /v1/migrations", "{ \"name\": \"a\" }"));
}
