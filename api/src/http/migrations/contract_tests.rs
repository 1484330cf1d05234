//! What is shown of a migration is what the contract says, and more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sensei_engine::catalog::{Table, TableName};
use sensei_engine::event::Phase;
use sensei_engine::lifecycle::{
    Checkpoint, MappingStatus, PhaseOutcome, PhaseRecord, Progress, Record, Review, ReviewedMapping, Spec, Status,
    TableFigures, Validation,
};
use sensei_engine::migration::TableCheck;
use sensei_engine::plan::{
    Evidence, Fidelity, Mapping, Naming, OnExisting, PhaseEstimate, Plan, Policies, Request, Risk, Severity, Side,
    Summary, TablePlan,
};
use sensei_engine::validate::Content;
use serde_json::{Value, json};

use super::asked::ConnectionNames;
use super::create::Created;
use super::figures::Figures;
use super::get::MigrationView;
use super::list::page_of;
use super::metrics::MetricsView;
use super::plan::PlanView;
use super::request::NewMigration;
use super::start::Started;
use crate::http::contract::{assert_holds, example};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// What the contract's own request asks for, with names of connections that name no system.
fn asked() -> Value {
    json!({
        "name": "Q1 Database Modernization",
        "description": "Migrate the legacy database to the cloud",
        "source": {
            "connection_id": "conn_legacy_prod",
            "schemas": ["HR", "FINANCE"],
            "exclude_tables": ["AUDIT_LOG", "TEMP_*"]
        },
        "target": {"connection_id": "conn_cloud", "schema": "public"},
        "options": {
            "mode": "full",
            "parallelism": 8,
            "batch_size": 10000,
            "auto_approve_above": 0.95,
            "generate_rollback": true
        },
        "schedule": {
            "start_at": "2026-02-15T02:00:00Z",
            "maintenance_window": {"start": "02:00", "end": "06:00", "timezone": "America/New_York"}
        },
        "notifications": {
            "email": ["team@company.com"],
            "slack_channel": "#data-ops",
            "on_events": ["completed", "failed", "approval_required"]
        }
    })
}

fn spec() -> Spec {
    let new: NewMigration = serde_json::from_value(asked()).expect("a request");
    new.into_spec().expect("nothing is wrong with it")
}

fn names() -> ConnectionNames {
    ConnectionNames { source: Some("Legacy Production".into()), target: Some("Cloud".into()) }
}

fn ended(name: Phase, seconds: f64) -> PhaseRecord {
    let outcome = Some(PhaseOutcome::Completed);
    PhaseRecord { name, began_at: at("2026-02-02T15:30:00Z"), seconds: Some(seconds), outcome }
}

/// Running, in the middle of its transfer.
fn running() -> Record {
    let created_at = at("2026-02-02T15:30:00Z");
    let mut record = Record::new("mig_abc123def456".into(), spec(), "user_xyz789".into(), created_at);
    record.status = Status::Running;
    record.plan_version = 1;
    record.plan_generated_at = Some(at("2026-02-02T15:45:00Z"));
    record.tables_count = Some(47);
    record.started_at = Some(at("2026-02-02T16:00:00Z"));
    record.working_since = Some(at("2026-02-02T16:00:00Z"));
    record.phase = Some(Phase::DataTransfer);
    let transfer =
        PhaseRecord { name: Phase::DataTransfer, began_at: at("2026-02-02T16:02:04Z"), seconds: None, outcome: None };
    record.phases = vec![ended(Phase::Planning, 847.2), ended(Phase::SchemaMigration, 124.0), transfer];
    record.checkpoint = Some(Checkpoint { id: "ckpt_789xyz".into(), at: created_at, records: 4_500_000, chunks: 18 });
    record
}

fn progress() -> Progress {
    Progress {
        records_processed: 12_453_891,
        records_total: 18_500_000,
        bytes_transferred: 47_200_000_000,
        records_per_second: 8233.7,
        average_records_per_second: 7891.2,
        peak_records_per_second: 12456.0,
        bytes_per_second: 32_400_000.0,
        errors_recovered: 127,
        errors_escalated: 1,
        retries: 131,
        active_workers: 8,
        workers: 8,
        overall_percent: 67.3,
        phase_percent: 78.9,
        estimated_completion: Some(at("2026-02-02T18:30:00Z")),
        checkpoint_eta: Some(at("2026-02-02T17:15:00Z")),
        cpu_percent: 67.2,
        memory_percent: 45.1,
        memory_bytes: 512_000_000,
        network_percent: 78.4,
        network_bytes_per_second: 97_500_000.0,
        chunks: 50,
        transfer_seconds: 1578.0,
        tables: vec![TableFigures {
            table: "orders".into(),
            records_total: 5_000_000,
            records_processed: 3_750_000,
            records_per_second: 4500.0,
            errors: 12,
            loaded: false,
        }],
    }
}

fn figures() -> Figures {
    Figures { at: at("2026-02-02T17:00:00Z"), progress: progress() }
}

fn validation() -> Validation {
    let count = |source_rows, target_rows| TableCheck {
        source: "HR.EMPLOYEES".into(),
        target: "public.employees".into(),
        source_rows,
        target_rows,
        content: Content::NotAsked,
        witness: None,
    };
    let tables = vec![count(107, 107), count(5, 4)];
    Validation { at: at("2026-02-02T18:00:00Z"), passed: false, staged: true, tables }
}

fn review() -> Review {
    let name = |schema: &str, name: &str| TableName { schema: schema.into(), name: name.into() };
    let side = |connector: &str| Side {
        connector: connector.into(),
        connection: format!("{connector}://me@host/db"),
        server: "Example 1.2".into(),
        dialect: "example".into(),
    };
    let mapping = Mapping {
        id: "map_abc".into(),
        source_column: "EMP_ID".into(),
        source_type: "NUMBER(10)".into(),
        target_column: "employee_id".into(),
        target_type: "bigint".into(),
        transformation: "CAST(EMP_ID AS BIGINT)".into(),
        confidence: 0.98,
        evidence: vec![Evidence { kind: "type_fidelity".into(), weight: 0.98, detail: "widened".into() }],
        fidelity: Fidelity::Widened,
        note: String::new(),
        remedies: vec![],
    };
    let table = TablePlan {
        existing: None,
        source: name("HR", "EMPLOYEES"),
        target: Table {
            name: name("public", "employees"),
            columns: vec![],
            primary_key: None,
            unique_keys: vec![],
            foreign_keys: vec![],
            checks: vec![],
            indexes: vec![],
            partitioning: None,
            comment: None,
            rows: 107,
            bytes: 16_384,
        },
        mappings: vec![mapping],
        row_schema: vec![],
        reads: vec!["EMP_ID".into()],
        read_schema: vec![],
        profile: vec![],
        estimated_rows: 107,
        estimated_bytes: 16_384,
    };
    let risk = Risk {
        severity: Severity::Medium,
        kind: "data_truncation".into(),
        description: "3 VARCHAR columns may be truncated".into(),
        affected: vec!["products.description".into()],
        mitigation: "Increase target column size".into(),
    };
    let plan = Plan {
        version: 2,
        migration: "mig_abc123def456".into(),
        source: side("one"),
        target: side("two"),
        request: Request {
            schemas: vec!["HR".into()],
            exclude_tables: vec![],
            target_schema: Some("public".into()),
            naming: Naming::Snake,
            on_existing: OnExisting::Fail,
            into: BTreeMap::new(),
            generate_rollback: true,
            bare: false,
            policies: Policies::default(),
        },
        summary: Summary { tables: 1, columns: 1, transformations: 1, estimated_records: 107, ..Summary::default() },
        tables: vec![table],
        risks: vec![risk],
        named_types: vec![],
        new_schemas: vec![],
        views: vec![],
        not_moved: vec![],
        rollback: vec!["DROP TABLE employees".into()],
    };
    let reviewed = ReviewedMapping {
        table: 0,
        mapping: 0,
        status: MappingStatus::Approved,
        transformation: "CAST(EMP_ID AS BIGINT)".into(),
        target_column: Some("employee_id".into()),
        decision: None,
        blocked: None,
    };
    let phase = PhaseEstimate {
        name: Phase::SchemaMigration,
        order: 1,
        tables: vec!["employees".into()],
        parallel: true,
        seconds: 300,
    };
    Review { record: running(), plan, mappings: vec![reviewed], phases: vec![phase] }
}

fn shown<T: serde::Serialize>(view: &T) -> Value {
    serde_json::to_value(view).expect("JSON")
}

fn holds(endpoint: &str, ours: &Value) {
    if let Some(contract) = example(endpoint, "Response:") {
        assert_holds(&contract, ours);
    }
}

#[test]
fn the_contract_s_own_request_is_taken() {
    let Some(request) = example("Create Migration", "Request Body:") else { return };
    let new: NewMigration = serde_json::from_value(request.clone()).expect("its own request");
    let spec = new.into_spec().expect("nothing is wrong with it");
    assert_eq!(spec.name, request["name"]);
    assert_eq!(spec.source.exclude_tables, ["AUDIT_LOG", "TEMP_*"]);
    assert_eq!(spec.options.parallelism, Some(8));
    // Every field of it, and of none other.
    assert_holds(&request, &asked());
    assert_holds(&asked(), &request);
}

#[test]
fn a_created_migration() {
    let now = at("2026-02-02T15:30:00Z");
    let mut record = Record::new("mig_abc123def456".into(), spec(), "user_xyz789".into(), now);
    let shown_at = |record: &Record| shown(&Created::new(record, names(), now));
    let view = shown_at(&record);
    assert_eq!(view["source"]["tables_count"], Value::Null, "nobody has looked yet");
    assert_eq!(view["plan"]["status"], "generating");
    record.tables_count = Some(47);
    let view = shown_at(&record);
    holds("Create Migration", &view);
    insta::assert_json_snapshot!(view);
}

#[test]
fn a_running_migration() {
    let view = shown(&MigrationView::new(&running(), names(), Some(&figures()), at("2026-02-02T17:30:00Z")));
    holds("Get Migration", &view);
    insta::assert_json_snapshot!(view);
}

#[test]
fn a_page_of_migrations() {
    let page = [(running(), Some(shown(&progress())))];
    let view = shown(&page_of(&page, 42));
    holds("List Migrations", &view);
    insta::assert_json_snapshot!(view);
}

#[test]
fn a_started_migration() {
    let mut record = running();
    record.phase = None;
    let view = shown(&Started::new(&record, "Migration started successfully"));
    holds("Start Migration", &view);
    assert_eq!(view["phase"], "schema_migration");
}

#[test]
fn a_plan() {
    let view = shown(&PlanView::new(&review()));
    holds("Get Migration Plan", &view);
    insta::assert_json_snapshot!(view);
}

#[test]
fn metrics() {
    let record = Record { validation: Some(validation()), ..running() };
    let now = at("2026-02-02T17:00:00Z");
    let view = shown(&MetricsView::new("mig_abc123def456".into(), Some(&record), Some(&figures()), now));
    holds("Get Migration Metrics", &view);
    insta::assert_json_snapshot!(view);
}

#[test]
fn what_stands_still_has_no_rate() {
    let record = Record { status: Status::Paused, ..running() };
    let now = at("2026-02-02T17:00:00Z");
    let metrics = shown(&MetricsView::new("mig_1".into(), Some(&record), Some(&figures()), now));
    assert_eq!(metrics["throughput"]["current_records_per_second"], 0);
    assert_eq!(metrics["throughput"]["average_records_per_second"], 7891);
    assert_eq!(metrics["resources"]["active_workers"], 0);
    let view = shown(&MigrationView::new(&record, names(), Some(&figures()), now));
    assert_eq!(view["timing"]["estimated_completion"], Value::Null);
    assert_eq!(view["metrics"]["throughput_records_per_second"], 0);
}

#[test]
fn the_field_that_is_wrong_is_named() {
    let wrong = |path: &str, value: Value| {
        let mut request = asked();
        let place = request.pointer_mut(path).expect("a field");
        *place = value;
        let new: NewMigration = serde_json::from_value(request).expect("a request");
        new.into_spec().expect_err(path).field().map(str::to_owned)
    };
    let cases = [
        ("/name", json!(""), "name"),
        ("/name", json!("n".repeat(201)), "name"),
        ("/description", json!("a\u{0}b"), "description"),
        ("/source/connection_id", json!(" "), "source.connection_id"),
        ("/source/schemas/1", json!(""), "source.schemas[1]"),
        ("/source/exclude_tables/1", json!("TEMP_["), "source.exclude_tables[1]"),
        ("/target/schema", json!(""), "target.schema"),
        ("/options/mode", json!("incremental"), "options.mode"),
        ("/options/parallelism", json!(0), "options.parallelism"),
        ("/options/parallelism", json!(65), "options.parallelism"),
        ("/options/batch_size", json!(1_000_001), "options.batch_size"),
        ("/options/auto_approve_above", json!(1.5), "options.auto_approve_above"),
        ("/schedule/start_at", json!("tomorrow"), "schedule.start_at"),
        ("/schedule/maintenance_window/start", json!("2:00"), "schedule.maintenance_window.start"),
        ("/schedule/maintenance_window/end", json!("02:00"), "schedule.maintenance_window.end"),
        ("/schedule/maintenance_window/timezone", json!("Mars/Olympus"), "schedule.maintenance_window.timezone"),
        ("/notifications/email/0", json!("team"), "notifications.email[0]"),
        ("/notifications/slack_channel", json!("#data ops"), "notifications.slack_channel"),
        ("/notifications/on_events/1", json!("cancelling"), "notifications.on_events[1]"),
    ];
    for (path, value, field) in cases {
        assert_eq!(wrong(path, value.clone()).as_deref(), Some(field), "{path} {value}");
    }
}

#[test]
fn what_is_no_field_is_refused_and_nothing_is_needed_but_names() {
    let taken = |request: Value| serde_json::from_value::<NewMigration>(request).is_ok();
    let sides = json!({"name": "A", "source": {"connection_id": "conn_a"}, "target": {"connection_id": "conn_b"}});
    assert!(taken(sides.clone()));
    for path in ["", "/source", "/target", "/options", "/schedule", "/schedule/maintenance_window", "/notifications"] {
        let mut request = asked();
        request.pointer_mut(path).expect("an object")["colour"] = json!("red");
        assert!(!taken(request), "{path}");
    }
    let new: NewMigration = serde_json::from_value(sides).expect("a request");
    let spec = new.into_spec().expect("nothing is wrong with it");
    assert_eq!(spec.options, sensei_engine::lifecycle::OptionsSpec::default());
    assert!(spec.schedule.may_run(Timestamp::now()));
}
