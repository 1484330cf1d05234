//! The command line of `sensei connections`, and what each command asks the server for.

use clap::{CommandFactory, Parser};

use super::super::reply::Output;
use super::super::scripted::{Scripted, answer};
use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
    Line::try_parse_from(["connections"].iter().chain(line)).map(|line| line.arguments)
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
        ["create", "--name", "a"].as_slice(),
        &["create", "--connector", "x"],
        &["create", "--name", "a", "--connector", "x", "--set", "host"],
        &["create", "--name", "a", "--url", "x:y", "--set", "host=a"],
        &["create", "--name", "a", "-f", "a.json"],
        &["list", "--url", "http://127.0.0.1:1"],
        &["get"],
    ] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(parse(&["create", "--server", "http://127.0.0.1:1", "--name", "a", "--url", "x:y"]).is_ok());
}

#[tokio::test]
async fn each_command_asks_for_what_it_says() {
    let stored = r#"{"id": "conn_1", "name": "Shop", "connector": "example", "config": {"host": "db.example"}}"#;
    let shown = "Shop (conn_1)\n  connector  example\n  host       db.example\n";
    let tested = r#"{"ok": false, "server": null, "latency_ms": 3}"#;
    let cases = [
        ("get conn_1", "GET /v1/connections/conn_1", stored, shown, Exit::Done),
        ("create --name Shop --url x:y", "POST /v1/connections", stored, shown, Exit::Done),
        ("list", "GET /v1/connections", r#"{"data": []}"#, "No connections.\n", Exit::Done),
        ("delete conn_1", "DELETE /v1/connections/conn_1", "", "conn_1 is deleted.\n", Exit::Done),
        (
            "test conn_1",
            "POST /v1/connections/conn_1/test",
            tested,
            "conn_1 does not work\n  latency ms  3\n",
            Exit::Failed,
        ),
        ("catalog conn_1", "GET /v1/connections/conn_1/catalog", r#"{"tables": []}"#, "0 tables\n", Exit::Done),
    ];
    for (command, request, json, text, exit) in cases {
        let scripted = Scripted::play([answer("200 OK", json)]).await;
        let arguments = parse(&command.split_whitespace().collect::<Vec<_>>()).expect("a command line");
        let reply = arguments.command.run(&scripted.session(Output::Words { width: 100 })).await;
        assert_eq!(reply.expect("an answer"), Reply { text: text.into(), exit }, "{command}");
        assert_eq!(scripted.lines(), [request]);
    }
}
