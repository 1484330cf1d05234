//! The page is a snapshot: people get used to where things stand.

use std::collections::BTreeMap;

use sensei_engine::catalog::{Table, TableName};
use sensei_engine::plan::{Naming, OnExisting, Policies, Request, Summary};

use super::*;

fn side(system: &str) -> Side {
    Side {
        connector: system.into(),
        connection: format!("{system}://me@host:1234/shop"),
        server: format!("{system} 1.2"),
        dialect: system.into(),
    }
}

fn mapping(column: &str, types: (&str, &str), fidelity: Fidelity, transformation: &str, confidence: f64) -> Mapping {
    Mapping {
        id: format!("map_{column}"),
        source_column: column.into(),
        source_type: types.0.into(),
        target_column: column.to_lowercase(),
        target_type: types.1.into(),
        transformation: transformation.into(),
        confidence,
        evidence: vec![
            Evidence { kind: "type_fidelity".into(), weight: 1.0, detail: "Every value fits.".into() },
            Evidence { kind: "name_derivation".into(), weight: confidence, detail: "The name was shortened.".into() },
        ],
        fidelity,
        note: String::new(),
        remedies: vec![],
    }
}

fn table(name: &str, rows: u64, mappings: Vec<Mapping>) -> TablePlan {
    let target = Table {
        name: TableName { schema: "public".into(), name: name.to_lowercase() },
        columns: vec![],
        primary_key: None,
        unique_keys: vec![],
        foreign_keys: vec![],
        checks: vec![],
        indexes: vec![],
        partitioning: None,
        comment: None,
        rows,
        bytes: rows * 100,
    };
    TablePlan {
        existing: None,
        source: TableName { schema: "shop".into(), name: name.into() },
        target,
        mappings,
        row_schema: vec![],
        reads: vec![],
        read_schema: vec![],
        profile: vec![],
        estimated_rows: rows,
        estimated_bytes: rows * 100,
    }
}

fn plan(tables: Vec<TablePlan>) -> Plan {
    let columns = tables.iter().map(|t| t.mappings.len() as u64).sum();
    let rows = tables.iter().map(|t| t.estimated_rows).sum();
    Plan {
        version: 2,
        migration: "m4f2k9x0a1b2".into(),
        source: side("one"),
        target: side("other"),
        request: Request {
            schemas: vec![],
            exclude_tables: vec![],
            target_schema: None,
            naming: Naming::Snake,
            on_existing: OnExisting::Fail,
            into: BTreeMap::new(),
            generate_rollback: false,
            bare: false,
            policies: Policies::default(),
        },
        summary: Summary {
            tables: tables.len() as u64,
            columns,
            relationships: 3,
            transformations: 1,
            estimated_records: rows,
            estimated_bytes: rows * 100,
        },
        tables,
        risks: vec![],
        named_types: vec![],
        new_schemas: vec![],
        views: vec![],
        not_moved: vec![],
        rollback: vec![],
    }
}

#[test]
fn a_plan_with_nothing_to_say_is_short() {
    let id = || mapping("Id", ("int", "integer"), Fidelity::Lossless, "Id", 1.0);
    let text = text(&plan(vec![table("Nation", 25, vec![id()]), table("Orders", 1_500_000, vec![id()])]), 100);
    insta::assert_snapshot!(text);
}

#[test]
fn what_deserves_a_look_is_grouped_and_ordered() {
    let noted = |column: &str| Mapping {
        note: "An enum becomes text with a check.".into(),
        ..mapping(column, ("enum('a','b')", "text"), Fidelity::Widened, column, 0.95)
    };
    let unsigned = |column: &str| {
        let cast = format!("CAST(\"{column}\" AS DECIMAL(20,0))");
        mapping(column, ("bigint unsigned", "numeric(20,0)"), Fidelity::Lossless, &cast, 0.95)
    };
    let lossy = Mapping {
        note: "Seconds beyond 24:00:00 are refused, as no time of day has them.".into(),
        ..mapping("Length", ("time", "time"), Fidelity::Lossy, "Length", 0.7)
    };
    let unsure = mapping("A very odd name", ("int", "integer"), Fidelity::Lossless, "\"A very odd name\"", 0.6);
    let mut plan = plan(vec![
        table("Film", 1000, vec![noted("Rating"), noted("Kind"), lossy, unsigned("Views")]),
        table(
            "Actor",
            200,
            vec![unsigned("Likes"), unsure, mapping("Id", ("int", "integer"), Fidelity::Lossless, "Id", 1.0)],
        ),
    ]);
    let risk = |severity, kind: &str, description: &str, affected: &[&str], mitigation: &str| Risk {
        severity,
        kind: kind.into(),
        description: description.into(),
        affected: affected.iter().map(ToString::to_string).collect(),
        mitigation: mitigation.into(),
    };
    plan.risks = vec![
        risk(Severity::Medium, "not_moved", "Views are listed and not moved.", &["shop.film_list"], "Told below."),
        risk(Severity::Low, "type_widened", "An enum becomes text with a check.", &["shop.Film.Rating"], "Told above."),
        risk(Severity::Low, "missing_key", "Tables without a key.", &[], ""),
        risk(
            Severity::High,
            "existing_table",
            "These tables are in the target already and will be replaced at cutover; they are kept aside until you drop them.",
            &["public.film", "public.actor"],
            "Look at what is in them before you go on.",
        ),
    ];
    let object = |kind, name: &str| Object { kind, schema: "shop".into(), name: name.into(), definition: None };
    plan.not_moved = vec![
        object(ObjectKind::View, "film_list"),
        object(ObjectKind::Routine, "film_in_stock"),
        object(ObjectKind::View, "actor_info"),
    ];
    insta::assert_snapshot!(text(&plan, 100));
}

#[test]
fn a_large_plan_lists_its_largest_tables() {
    let tables = (0..50).map(|n| table(&format!("t{n:02}"), n, vec![])).collect();
    let text = text(&plan(tables), 100);
    assert!(text.contains("shop.t49") && text.contains("shop.t10") && !text.contains("shop.t09"), "{text}");
    assert!(text.contains("and 10 tables that are smaller"), "{text}");
}
