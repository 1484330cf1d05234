//! The page is a snapshot: people get used to where things stand.

use super::page::text;
use super::*;

const REVIEW: &str = r#"{
    "migration_id": "mig_abc123def456", "status": "pending_review", "generated_at": "2026-02-02T15:45:00Z", "version": 1,
    "summary": {"tables": 47, "columns": 892, "relationships": 63, "transformations": 234,
                "estimated_duration_seconds": 9000, "estimated_records": 18500000},
    "mappings": [
        {"id": "map_1", "source": {"schema": "HR", "table": "EMPLOYEES", "column": "EMP_ID"},
         "target": {"schema": "public", "table": "employees", "column": "employee_id"},
         "transformation": "CAST(EMP_ID AS BIGINT)", "confidence": 0.62, "status": "pending_review",
         "evidence": [
             {"kind": "type_fidelity", "weight": 1.0, "detail": "Every value fits."},
             {"kind": "name_derivation", "weight": 0.62,
              "detail": "The target has no column emp_id; employee_id is the nearest, and its name says more than that of the source."}
         ]},
        {"id": "map_2", "source": {"schema": "", "table": "t", "column": "kept"},
         "target": {"schema": null, "table": "t", "column": "kept"},
         "transformation": "kept", "confidence": 0.9, "status": "pending_review", "evidence": []},
        {"id": "map_3", "source": {"schema": "HR", "table": "EMPLOYEES", "column": "SSN"},
         "target": {"schema": "public", "table": "employees", "column": "ssn"},
         "transformation": null, "confidence": 0.98, "status": "rejected"},
        {"id": "map_4", "source": {"schema": "HR", "table": "EMPLOYEES", "column": "NAME"},
         "target": {"schema": "public", "table": "employees", "column": "name"},
         "transformation": "NAME", "confidence": 1, "status": "approved"}
    ],
    "phases": [
        {"name": "schema_migration", "order": 1, "tables": ["employees", "t"], "parallel": true,
         "estimated_duration_seconds": 300},
        {"name": "cutover", "order": 4, "tables": [], "parallel": false, "estimated_duration_seconds": null}
    ],
    "risks": [
        {"severity": "low", "type": "missing_key", "description": "A table without a key.", "affected": [],
         "mitigation": ""},
        {"severity": "medium", "type": "data_truncation", "description": "3 VARCHAR columns may be truncated",
         "affected": ["products.description"], "mitigation": "Increase target column size"}
    ]
}"#;

#[test]
fn a_plan_shows_what_waits_and_why() {
    insta::assert_snapshot!(text(&serde_json::from_str(REVIEW).expect("a plan"), 100));
}

#[test]
fn a_plan_that_is_decided_is_short() {
    let plan = r#"{"migration_id": "mig_1", "status": "approved", "generated_at": null, "summary": null}"#;
    assert_eq!(text(&serde_json::from_str(plan).expect("a plan"), 100), "Plan of mig_1: approved\n");
}

#[test]
fn no_more_mappings_than_a_person_decides() {
    let mut plan: Plan = serde_json::from_str(REVIEW).expect("a plan");
    let mapping = || Mapping {
        id: "map_9".into(),
        source: Place { schema: None, table: "t".into(), column: Some("c".into()) },
        target: Place { schema: None, table: "t".into(), column: Some("c".into()) },
        transformation: None,
        confidence: 0.5,
        evidence: vec![],
        status: "pending_review".into(),
    };
    plan.mappings = (0..57).map(|_| mapping()).collect();
    assert!(text(&plan, 100).contains("  and 7 more (all of them: --json)\n"));
}
