//! How notifications read: golden.

use super::*;

fn completed() -> Notification {
    Notification {
        event: EventType::Completed,
        timestamp: "2026-02-02T18:30:00.25Z".parse().unwrap(),
        subject: Some(Subject {
            migration_id: "mig_abc123def456".to_owned(),
            name: "Q1 Database Modernization".to_owned(),
            status: "completed".to_owned(),
            phase: Some(Phase::Cutover),
        }),
        message: "47 tables are live: 18,500,000 rows moved and counted on both sides.".to_owned(),
        details: json!({"tables": 47, "rows": 18_500_000, "elapsed_seconds": 9000.5}),
        link: Some("https://sensei.example.com/v1/migrations/mig_abc123def456".to_owned()),
    }
}

fn approval_required() -> Notification {
    Notification {
        event: EventType::ApprovalRequired,
        timestamp: "2026-02-02T15:45:00Z".parse().unwrap(),
        subject: Some(Subject {
            migration_id: "mig_abc123def456".to_owned(),
            name: "R&D <!channel>\r\nBcc: all@example.com".to_owned(),
            status: "plan_ready".to_owned(),
            phase: None,
        }),
        message: "2 mappings wait for a person: `a < b & c`.".to_owned(),
        details: json!({"mappings": ["map_1", "map_2"], "plan_version": 1, "note": "see the plan"}),
        link: None,
    }
}

fn all_media(notification: &Notification) -> String {
    let body: Value = serde_json::from_str(&notification.webhook_body()).unwrap();
    format!(
        "webhook:\n{body:#}\n\nslack:\n{}\n\nsubject:\n{}\n\nbody:\n{}\nstored:\n{}",
        notification.slack_text(),
        notification.email_subject(),
        notification.email_body(),
        serde_json::to_string(notification).unwrap(),
    )
}

#[test]
fn a_migration_that_is_done() {
    insta::assert_snapshot!(all_media(&completed()));
}

#[test]
fn a_migration_that_waits_for_a_person() {
    insta::assert_snapshot!(all_media(&approval_required()));
}

#[test]
fn a_test() {
    insta::assert_snapshot!(all_media(&Notification::test("2026-02-02T15:45:00Z".parse().unwrap())));
}

#[test]
fn an_outbox_gives_back_what_it_was_given() {
    for notification in [completed(), approval_required(), Notification::test(Timestamp::UNIX_EPOCH)] {
        let stored = serde_json::to_string(&notification).unwrap();
        assert_eq!(serde_json::from_str::<Notification>(&stored).unwrap(), notification);
    }
}

#[test]
fn every_event_has_two_names() {
    for event in EventType::ALL {
        assert_eq!(EventType::named(event.as_str()), Some(event));
        assert_eq!(EventType::named(event.short()), Some(event));
        assert_eq!(json!(event), event.as_str());
        assert_eq!(event.as_str(), format!("migration.{}", event.short()));
    }
    assert_eq!(EventType::named("approval_required"), Some(EventType::ApprovalRequired));
    for nothing in ["webhook.test", "test", "", "migration.", "cancelling", "COMPLETED"] {
        assert_eq!(EventType::named(nothing), None, "{nothing}");
    }
}

#[test]
fn long_texts_are_cut_where_the_medium_asks_for_it() {
    let mut long = completed();
    long.message = "ü".repeat(10_000);
    long.subject.as_mut().unwrap().name = "n".repeat(1_000);
    assert_eq!(long.email_subject().chars().count(), SUBJECT_CHARS);
    assert!(long.email_subject().ends_with("..."));
    assert!(long.slack_text().contains("ü..."));
    assert!(long.email_body().contains(&long.message));
    assert!(long.webhook_body().contains(&long.message));
}
