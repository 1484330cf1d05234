//! Decisions about the mappings of hand-made plans.

use arrow::datatypes::{DataType as ArrowType, Field};

use super::super::fixtures::{catalog, number, plan, plan_with, request, shop, table, words};
use super::*;
use crate::catalog::{Catalog, Check, DataType};
use crate::plan::Request;
use crate::plugin::Fidelity;

fn shop_plan() -> Plan {
    let request = Request { exclude_tables: vec!["audit*".to_owned()], ..request() };
    let target = Catalog { default_schema: "app".to_owned(), ..catalog("same", Vec::new()) };
    plan(&request, &shop(), &target).unwrap()
}

/// The id of the mapping into this column.
fn id(plan: &Plan, table: &str, column: &str) -> String {
    let table = plan.tables.iter().find(|t| t.target.name.name == table).unwrap();
    table.mappings.iter().find(|m| m.target_column == column).unwrap_or_else(|| panic!("no {column}")).id.clone()
}

fn rejects(plan: &Plan, table: &str, column: &str) -> Decision {
    Decision { mapping: id(plan, table, column), approved: false, transformation: None, target_column: None }
}

fn overrides(plan: &Plan, table: &str, column: &str, sql: &str) -> Decision {
    Decision {
        mapping: id(plan, table, column),
        approved: true,
        transformation: Some(sql.to_owned()),
        target_column: None,
    }
}

fn columns(schema: &[u8]) -> Vec<String> {
    decode_schema(schema).unwrap().fields().iter().map(|f| f.name().clone()).collect()
}

#[test]
fn a_decision_that_agrees_changes_nothing() {
    let plan = shop_plan();
    let agrees = Decision {
        mapping: id(&plan, "order_line", "status"),
        approved: true,
        transformation: None,
        target_column: None,
    };
    assert_eq!(plan.decided(&[agrees]).unwrap(), plan);
    assert_eq!(plan.decided(&[]).unwrap(), plan);
}

#[test]
fn a_rejected_column_is_gone_from_everything_that_is_executed() {
    let plan = shop_plan();
    let decided = plan.decided(&[rejects(&plan, "order_line", "changed_at")]).unwrap();
    let (before, after) = (&plan.tables[0], &decided.tables[0]);
    assert!(before.reads.contains(&"ChangedAt".to_owned()) && !after.reads.contains(&"ChangedAt".to_owned()));
    assert!(!after.target.columns.iter().any(|c| c.name == "changed_at"));
    assert!(!columns(&after.row_schema).contains(&"changed_at".to_owned()));
    assert_eq!(after.mappings.len(), before.mappings.len() - 1);
    assert_eq!(columns(&after.row_schema).len(), after.mappings.len());
    assert_eq!(decided.summary.columns, plan.summary.columns - 1);
    assert!(columns(&after.read_schema).contains(&"ChangedAt".to_owned()), "another mapping may still use it");
    assert_eq!(decided.tables[1], plan.tables[1]);
}

#[test]
fn another_transformation_may_use_any_column_of_the_row() {
    let plan = shop_plan();
    let decisions = [
        overrides(&plan, "order_line", "customer_id", "CAST(totalprice AS BIGINT)"),
        rejects(&plan, "order_line", "changed_at"),
    ];
    assert!(plan.check_transformation(&decisions[0].mapping, "orderid + \"Quantity\"").is_ok());
    let decided = plan.decided(&decisions).unwrap();
    let table = &decided.tables[0];
    assert_eq!(table.reads, ["OrderId", "TotalPrice", "UnitPrice", "Quantity", "Status"]);
    let mapping = table.mappings.iter().find(|m| m.target_column == "customer_id").unwrap();
    assert_eq!(mapping.transformation, "CAST(totalprice AS BIGINT)");
    let last = mapping.evidence.last().unwrap();
    assert_eq!((last.kind.as_str(), last.weight), ("override", 1.0));
    assert_eq!(last.detail, "a person's transformation in place of `CustomerID`");
    assert_eq!(decided.summary.transformations, plan.summary.transformations + 1);
    // What the target computes something from stays what it is in the source.
    let computed = overrides(&plan, "order_line", "unit_price", "CAST(totalprice AS DECIMAL(10,2))");
    for error in [plan.check_decision(&computed).unwrap_err(), plan.decided(&[computed]).unwrap_err()] {
        assert_eq!(error.code, Code::InvalidRequest);
        assert!(error.message.contains("`total_price` of"), "{error}");
    }
}

#[test]
fn a_constant_needs_no_column_and_one_is_read_all_the_same() {
    let source = catalog("same", vec![table("sales", "t", vec![words("a")])]);
    let plan = plan(&request(), &source, &catalog("other", Vec::new())).unwrap();
    let decided = plan.decided(&[overrides(&plan, "t", "a", "'x'")]).unwrap();
    assert_eq!(decided.tables[0].reads, ["a"]);
}

#[test]
fn of_two_decisions_the_later_counts() {
    let plan = shop_plan();
    let first = rejects(&plan, "order_line", "order_id");
    let then = overrides(&plan, "order_line", "order_id", "OrderId + 1");
    let decided = plan.decided(&[first.clone(), then.clone()]).unwrap();
    assert_eq!(decided.tables[0].mappings[0].transformation, "OrderId + 1");
    assert_eq!(plan.decided(&[then, first]).unwrap_err().code, Code::Conflict);
}

#[test]
fn a_transformation_that_does_not_fit_points_at_its_character() {
    let plan = shop_plan();
    let mapping = id(&plan, "order_line", "order_id");
    for (sql, position, part) in [
        ("OrderId +", 10, "cannot be read"),
        ("1 + OrderID2", 5, "did you mean `OrderId`?"),
        ("OrderId +\n  upper(Nothing)", 19, "there is no column `Nothing`"),
        ("CAST('x' AS BIGINT)", 6, "does not fit its columns"),
    ] {
        let e = plan.check_transformation(&mapping, sql).unwrap_err();
        assert_eq!((e.code, e.position), (Code::InvalidExpression, Some(position)), "{e}");
        assert_eq!(e.column.as_deref(), Some("order_id"));
        assert!(e.message.contains(part), "{e}");
    }
    let changed = id(&plan, "order_line", "changed_at");
    let e = plan.check_transformation(&changed, "UnitPrice").unwrap_err();
    assert_eq!((e.code, e.position), (Code::InvalidExpression, Some(1)), "{e}");
    assert_eq!(plan.decided(&[overrides(&plan, "order_line", "changed_at", "UnitPrice")]).unwrap_err().code, e.code);
    assert_eq!(plan.check_transformation("map_none", "1").unwrap_err().code, Code::NotFound);
}

#[test]
fn what_other_things_are_made_of_cannot_be_left_out() {
    let plan = shop_plan();
    let why = |table: &str, column: &str| plan.why_required(&id(&plan, table, column));
    let reasons: Vec<String> = ["order_id", "customer_id", "unit_price", "quantity", "status", "changed_at"]
        .iter()
        .map(|column| format!("{column}: {}", why("order_line", column).unwrap_or_else(|| "may go".to_owned())))
        .chain([why("customer", "id"), why("customer", "full_name"), why("notes", "text")].map(|w| format!("{w:?}")))
        .collect();
    insta::assert_snapshot!(reasons.join("\n"));
    assert_eq!(plan.why_required("map_none"), None);
    let e = plan.decided(&[rejects(&plan, "order_line", "quantity")]).unwrap_err();
    assert_eq!(
        (e.code, e.column.as_deref(), e.table.as_deref()),
        (Code::Conflict, Some("quantity"), Some("app.order_line"))
    );
}

#[test]
fn a_table_keeps_a_column_whatever_is_rejected() {
    let mut bare = table("sales", "t", vec![number("a"), number("b"), number("c")]);
    bare.primary_key = None;
    bare.checks = vec![Check { name: None, expression: "c <> 'a'".to_owned() }];
    let plan = plan(&request(), &catalog("same", vec![bare]), &catalog("other", Vec::new())).unwrap();
    let of = |column| rejects(&plan, "t", column);
    assert_eq!(plan.decided(&[of("a"), of("b")]).unwrap().tables[0].mappings.len(), 1);
    assert_eq!(plan.decided(&[of("a"), of("b"), of("c")]).unwrap_err().code, Code::Conflict);
}

#[test]
fn the_review_line_itself_is_approved() {
    let plan = shop_plan();
    assert!(plan.awaiting(0.0).is_empty());
    let renamed = plan.tables[0].mappings[0].confidence;
    assert!(renamed < 1.0);
    assert!(!plan.awaiting(renamed).iter().any(|m| m.confidence == renamed));
    assert!(plan.awaiting(renamed + 0.0001).iter().any(|m| m.id == plan.tables[0].mappings[0].id));
}

#[test]
fn what_the_target_cannot_hold_always_awaits_until_a_person_says_how_it_is_held() {
    let source = catalog("same", vec![table("sales", "t", vec![words("id"), words("n")])]);
    let plan = plan_with(&request(), &source, &catalog("other", Vec::new()), true, |p| {
        p.table.columns[1].data_type = DataType::Date;
        p.row_schema = encode_schema(&Schema::new(vec![
            Field::new("id", ArrowType::Utf8, false),
            Field::new("n", ArrowType::Date32, true),
        ]));
    })
    .unwrap();
    let awaiting: Vec<&str> = plan.awaiting(0.0).iter().map(|m| m.target_column.as_str()).collect();
    assert_eq!(awaiting, ["n"]);
    let decided = plan.decided(&[overrides(&plan, "t", "n", "CAST(n AS DATE)")]).unwrap();
    let mapping = &decided.tables[0].mappings[1];
    assert_eq!((mapping.fidelity, mapping.confidence), (Fidelity::Lossless, 1.0));
}

/// People of an old system, and a table of the new one that has people already.
fn added() -> Plan {
    let source =
        catalog("same", vec![table("sales", "PEOPLE", vec![number("ID"), words("NAME"), words("FAX"), words("CITY")])]);
    let mut email = words("email");
    email.nullable = true;
    let there = vec![number("id"), words("name"), email, words("city")];
    let target = catalog("other", vec![table("public", "persons", there)]);
    let request = Request { on_existing: crate::plan::OnExisting::Append, ..request() };
    plan(&request, &source, &target).unwrap()
}

fn of(plan: &Plan, source: &str) -> String {
    plan.tables[0].mappings.iter().find(|m| m.source_column == source).unwrap().id.clone()
}

fn into(plan: &Plan, source: &str, target: &str) -> Decision {
    Decision { mapping: of(plan, source), approved: true, transformation: None, target_column: Some(target.to_owned()) }
}

#[test]
fn what_has_no_place_awaits_a_person_whatever_the_line() {
    let plan = added();
    assert_eq!(plan.tables[0].target.name.name, "persons");
    let targets = |plan: &Plan| plan.tables[0].mappings.iter().map(|m| m.target_column.clone()).collect::<Vec<_>>();
    assert_eq!(targets(&plan), ["id", "name", "city", ""]);
    assert_eq!(columns(&plan.tables[0].row_schema), ["id", "name", "city"]);
    assert_eq!(plan.awaiting(0.0).iter().map(|m| m.source_column.as_str()).collect::<Vec<_>>(), ["FAX"]);
    let e = plan.decided(&[]).unwrap_err();
    assert_eq!((e.code, e.column.as_deref()), (Code::ApprovalRequired, Some("FAX")));

    let placed = plan.decided(&[into(&plan, "FAX", "email")]).unwrap();
    assert_eq!(targets(&placed), ["id", "name", "city", "email"]);
    assert_eq!(columns(&placed.tables[0].row_schema), ["id", "name", "city", "email"]);
    assert_eq!(placed.tables[0].reads, ["ID", "NAME", "CITY", "FAX"]);
    let left = Decision { approved: false, target_column: None, ..into(&plan, "FAX", "") };
    assert_eq!(targets(&plan.decided(&[left]).unwrap()), ["id", "name", "city"]);
}

#[test]
fn decisions_about_one_table_go_together() {
    let plan = added();
    // Two may change places.
    let swapped = [into(&plan, "NAME", "city"), into(&plan, "CITY", "name"), into(&plan, "FAX", "email")];
    let swapped = plan.decided(&swapped).unwrap();
    assert_eq!(columns(&swapped.tables[0].row_schema), ["id", "city", "name", "email"]);
    assert!(swapped.tables[0].mappings[0].confidence <= 1.0);

    let both = [into(&plan, "FAX", "city")];
    let e = plan.decided(&both).unwrap_err();
    assert_eq!((e.code, e.column.as_deref()), (Code::Conflict, Some("city")));
    assert!(e.message.contains("`CITY` and `FAX`"), "{e}");
    assert_eq!(plan.check_together(&both, 0.0).unwrap_err().code, Code::Conflict);

    // The city must have a value, and nothing gives one.
    let left = Decision { approved: false, target_column: None, ..into(&plan, "CITY", "") };
    let e = plan.decided(&[left.clone(), into(&plan, "FAX", "email")]).unwrap_err();
    assert_eq!((e.code, e.column.as_deref()), (Code::Conflict, Some("city")));
    assert!(plan.decided(&[left.clone(), into(&plan, "FAX", "city")]).is_ok());
    // As long as something is open, nothing is said against what stands.
    assert!(plan.check_together(&[left], 0.0).is_ok());
}

#[test]
fn a_place_is_one_that_the_table_has() {
    let plan = added();
    let check = |decision: &Decision| plan.check_decision(decision).unwrap_err().code;
    assert_eq!(check(&into(&plan, "FAX", "fax")), Code::NotFound);
    assert_eq!(check(&Decision { target_column: None, ..into(&plan, "FAX", "") }), Code::InvalidRequest);
    let wrong = Decision { transformation: Some("FAX + ".to_owned()), ..into(&plan, "FAX", "email") };
    assert_eq!(check(&wrong), Code::InvalidExpression);
    // Where tables are made, columns have the source's names.
    let made = shop_plan();
    let decision = Decision { target_column: Some("status".to_owned()), ..rejects(&made, "order_line", "status") };
    assert_eq!(made.check_decision(&Decision { approved: true, ..decision }).unwrap_err().code, Code::InvalidRequest);
}
