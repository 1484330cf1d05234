//! Pages of the log.

use jiff::Timestamp;
use sensei_engine::event::{Level, Phase};
use serde_json::{Value, json};

use super::{World, line, progress};

fn messages(page: &Value) -> Vec<&str> {
    let lines = page["data"].as_array().expect("data");
    lines.iter().map(|line| line["message"].as_str().expect("a message")).collect()
}

#[tokio::test]
async fn the_log_is_filtered_and_paged() {
    let world = World::new().await;
    let id = world.migration().await;
    let (schema, data) = (Phase::SchemaMigration, Phase::DataTransfer);
    let old = Timestamp::UNIX_EPOCH;
    let mut first = line(Level::Debug, schema, "long ago");
    first.at = old;
    let events = [
        first,
        line(Level::Info, schema, "tables made"),
        progress(10),
        line(Level::Warning, data, "again"),
        line(Level::Error, data, "broken"),
    ];
    world.tell(&id, &events).await;
    let logs = async |query: &str| world.get(&format!("/v1/migrations/{id}/logs{query}")).await.is(200);

    let all = logs("").await;
    assert_eq!(messages(&all)[1..], ["long ago", "tables made", "again", "broken"], "{all}");
    assert_eq!(all["next_cursor"], Value::Null);
    assert_eq!(all["data"][4]["phase"], "data_transfer");
    assert_eq!(messages(&logs("?level=warning").await), ["again"]);
    assert_eq!(messages(&logs("?phase=schema_migration").await), ["long ago", "tables made"]);
    assert_eq!(messages(&logs("?phase=schema_migration&since=2020-01-01T00:00:00Z").await), ["tables made"]);
    assert_eq!(messages(&logs("?since=2099-01-01T00:00:00Z").await), Vec::<&str>::new());

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = logs(&format!("?limit=2{cursor}")).await;
        seen.extend(page["data"].as_array().expect("data").clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(seen), all["data"]);
}

#[tokio::test]
async fn a_parameter_that_cannot_be_meant_is_named() {
    let world = World::new().await;
    let id = world.migration().await;
    for (name, value) in [
        ("level", "loud"),
        ("phase", "lunch"),
        ("since", "yesterday"),
        ("follow", "yes"),
        ("limit", "0"),
        ("limit", "1001"),
        ("cursor", "-1"),
        ("last_event_id", "x"),
        ("levels", "info"),
    ] {
        let answer = world.get(&format!("/v1/migrations/{id}/logs?{name}={value}")).await;
        assert_eq!(answer.refused(422, "invalid_request")["details"]["field"], name);
    }
    let header = [("last-event-id", "x")];
    let answer = world.ask("GET", &format!("/v1/migrations/{id}/logs?follow=true"), &header, None).await;
    assert_eq!(answer.refused(422, "invalid_request")["details"]["field"], "Last-Event-ID");
    world.get("/v1/migrations/mig_none/logs").await.refused(404, "migration_not_found");
}

#[tokio::test]
async fn a_log_outlives_its_migration_where_it_was_kept() {
    let world = World::new().await;
    for (keep, status) in [(true, 200), (false, 404)] {
        let id = world.migration().await;
        world.ask("POST", &format!("/v1/migrations/{id}/cancel"), &[], Some(json!({"rollback": false}))).await.is(202);
        world.ask("DELETE", &format!("/v1/migrations/{id}?keep_logs={keep}"), &[], None).await.is(200);
        for query in ["", "?follow=true"] {
            let answer = world.get(&format!("/v1/migrations/{id}/logs{query}")).await;
            assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        }
    }
}
