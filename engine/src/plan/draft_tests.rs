//! Plans from hand-made catalogs.

use arrow::datatypes::{DataType as ArrowType, Field, Schema};

use super::super::fixtures::{
    catalog, column, names, number, plan, plan_with, request, risk, row_schema, shop, table, words,
};
use super::*;
use crate::catalog::{Column, DataType, Decimal, Integer, Object, Text, Timestamp};
use crate::plan::{Fidelity, Naming, Rate};
use crate::plugin::TableNote;
use crate::plugin::rows::encode_schema;

#[test]
fn a_shop_to_the_same_dialect() {
    let request = Request { exclude_tables: vec!["audit*".to_owned()], ..request() };
    let target = Catalog { default_schema: "app".to_owned(), ..catalog("same", Vec::new()) };
    let mut plan = plan_with(&request, &shop(), &target, true, |p| {
        for column in &mut p.table.columns {
            column.touched_on_update = false;
        }
    })
    .unwrap();
    // Bytes of Arrow's, which its next version may lay out otherwise.
    plan.tables.iter_mut().for_each(|t| (t.row_schema, t.read_schema) = (Vec::new(), Vec::new()));
    insta::assert_json_snapshot!(plan);
}

#[test]
fn another_dialect_gets_expressions_in_its_own_words() {
    let plan = plan(&request(), &shop(), &catalog("other", Vec::new())).unwrap();
    let orders = &plan.tables[0].target;
    assert_eq!(orders.checks[0].expression, "\"quantity\" > 0");
    assert_eq!(orders.columns[4].generated.as_ref().unwrap().expression, "\"unit_price\" * \"quantity\"");
    assert_eq!(orders.columns[5].native_type, "\"public\".\"OrderStatus\"");
    assert!(plan.named_types.is_empty());
    assert!(!plan.risks.iter().any(|r| r.kind == "expression_not_moved"));
}

#[test]
fn exclusions_match_without_regard_to_case_and_must_match() {
    let source = catalog(
        "same",
        vec![
            table("hr", "AUDIT_LOG", vec![number("id")]),
            table("hr", "People", vec![number("id")]),
            table("sales", "people", vec![number("id")]),
        ],
    );
    let target = catalog("other", Vec::new());
    for (globs, left) in [
        (vec!["audit_*"], vec!["hr.people", "sales.people"]),
        (vec!["HR.*"], vec!["public.people"]),
        (vec!["sales.PEOPLE", "AUDIT_LOG"], vec!["hr.people"]),
        (vec!["peopl?"], vec!["hr.audit_log"]),
        (vec!["{people,audit_log}"], vec![]),
    ] {
        let request = Request { exclude_tables: globs.iter().map(|g| (*g).to_owned()).collect(), ..request() };
        match plan(&request, &source, &target) {
            Ok(plan) => {
                let found: Vec<String> = names(&plan).iter().map(|n| n.replace("public.", "")).collect();
                let wanted: Vec<String> = left.iter().map(|n| n.replace("public.", "")).collect();
                assert_eq!(
                    found.last().map(|n| n.rsplit('.').next()),
                    wanted.last().map(|n| n.rsplit('.').next()),
                    "{globs:?}"
                );
                assert_eq!(found.len(), wanted.len(), "{globs:?}");
            }
            Err(e) => assert_eq!((e.code, left.len()), (Code::InvalidRequest, 0), "{globs:?}: {e}"),
        }
    }
    for glob in ["nothing_like_it", "[", "sales.audit_log"] {
        let request = Request { exclude_tables: vec![glob.to_owned()], ..request() };
        let e = plan(&request, &source, &target).unwrap_err();
        assert_eq!(e.code, Code::InvalidRequest);
        assert!(e.message.contains(&format!("`{glob}`")), "{e}");
    }
}

#[test]
fn where_tables_land() {
    let one = catalog("same", vec![table("sales", "T", vec![number("id")])]);
    let two = catalog("same", vec![table("sales", "T", vec![number("id")]), table("hr", "T", vec![number("id")])]);
    let target = catalog("other", Vec::new());
    let wish = Request { target_schema: Some("Wish".to_owned()), ..request() };
    let landed = |request: &Request, source: &Catalog, has_schemas: bool| {
        plan_with(request, source, &target, has_schemas, |_| {}).map(|p| names(&p)).map_err(|e| e.code)
    };
    assert_eq!(landed(&request(), &one, true).unwrap(), ["public.t"]);
    assert_eq!(landed(&request(), &one, false).unwrap(), ["public.t"]);
    assert_eq!(landed(&request(), &two, true).unwrap(), ["sales.t", "hr.t"]);
    assert_eq!(landed(&request(), &two, false).unwrap(), ["public.sales_t", "public.hr_t"]);
    assert_eq!(landed(&wish, &one, true).unwrap(), ["Wish.t"]);
    assert_eq!(landed(&wish, &two, true).unwrap(), ["Wish.t", "Wish.t_2"]);
    assert_eq!(landed(&wish, &one, false).unwrap_err(), Code::InvalidRequest);
}

#[test]
fn what_is_in_the_way() {
    let source = catalog("same", vec![table("sales", "Album", vec![number("id")])]);
    let there = catalog("other", vec![table("public", "album", vec![number("id")])]);
    let e = plan(&request(), &source, &there).unwrap_err();
    assert_eq!((e.code, e.role), (Code::Conflict, Some(Role::Target)));
    assert!(e.message.contains("public.album") && e.message.contains("--on-existing replace"), "{e}");

    let replace = Request { on_existing: OnExisting::Replace, ..request() };
    let plan_ = plan(&replace, &source, &there).unwrap();
    assert_eq!(risk(&plan_, "table_replaced").affected, ["public.album (about 1000 rows)"]);

    let cased = catalog("other", vec![table("public", "ALBUM", vec![number("id")])]);
    assert!(plan(&request(), &source, &cased).is_ok(), "another name where schemas are");
    assert_eq!(plan_with(&request(), &source, &cased, false, |_| {}).unwrap_err().code, Code::Conflict);

    let mut viewed = catalog("other", Vec::new());
    viewed.objects.push(Object {
        kind: ObjectKind::View,
        schema: "public".to_owned(),
        name: "album".to_owned(),
        definition: None,
    });
    assert_eq!(plan(&replace, &source, &viewed).unwrap_err().code, Code::Conflict);
}

#[test]
fn nothing_to_move() {
    let e = plan(&request(), &catalog("same", Vec::new()), &catalog("other", Vec::new())).unwrap_err();
    assert_eq!((e.code, e.role), (Code::NotFound, Some(Role::Source)));
    let bare = catalog("same", vec![table("sales", "empty", Vec::new())]);
    assert_eq!(plan(&request(), &bare, &catalog("other", Vec::new())).unwrap_err().code, Code::InvalidRequest);
}

/// Confidence, transformation and fidelity of one column, by what the target makes of it.
#[test]
fn mappings_say_what_happens_and_how_sure_that_is() {
    let unsigned = column("n", "bigint unsigned", DataType::Integer(Integer { bits: 64, signed: false }));
    let price = column("n", "numeric(10,2)", DataType::Decimal(Decimal { precision: 10, scale: 2 }));
    let any = words("n");
    let to_decimal = |p: u16, s: u16| DataType::Decimal(Decimal { precision: p, scale: s });
    let cases = [
        (unsigned.clone(), to_decimal(20, 0), Fidelity::Widened),
        (unsigned, to_decimal(10, 0), Fidelity::Lossy),
        (price.clone(), to_decimal(12, 2), Fidelity::Lossless),
        (price.clone(), to_decimal(10, 1), Fidelity::Lossy),
        (price, DataType::Text(Text { length: Some(4), fixed: false }), Fidelity::Widened),
        (any.clone(), DataType::Text(Text { length: Some(40), fixed: false }), Fidelity::Lossy),
        (any, DataType::Timestamp(Timestamp { precision: 6, zoned: false }), Fidelity::Unsupported),
    ];
    let found = cases.map(|(column, to, fidelity)| {
        let source = catalog("same", vec![table("sales", "t", vec![column])]);
        let plan = plan_with(&request(), &source, &catalog("other", Vec::new()), true, |p| {
            p.table.columns[0].data_type = to.clone();
            p.table.columns[0].native_type = format!("{to:?}");
            p.columns[0].fidelity = fidelity;
        })
        .unwrap();
        let m = plan.tables[0].mappings[0].clone();
        (
            m.source_type,
            m.target_type,
            m.transformation,
            m.confidence,
            m.fidelity,
            plan.risks.iter().map(|r| r.kind.clone()).collect::<Vec<_>>(),
        )
    });
    insta::assert_debug_snapshot!(found);
}

#[test]
fn forty_equal_notes_are_one_risk() {
    let columns: Vec<Column> = (0..40).map(|n| number(&format!("c{n}"))).collect();
    let source = catalog("same", vec![table("sales", "t", columns)]);
    let plan = plan_with(&request(), &source, &catalog("other", Vec::new()), true, |p| {
        for note in &mut p.columns {
            (note.fidelity, note.note) = (Fidelity::Widened, "becomes text".to_owned());
        }
        p.notes.push(TableNote { about: "ix".to_owned(), note: "no such index here".to_owned() });
    })
    .unwrap();
    assert_eq!(risk(&plan, "type_widened").affected.len(), 40);
    assert_eq!(risk(&plan, "left_out").affected, ["sales.t: ix"]);
}

#[test]
fn a_proposal_that_does_not_fit_is_the_connectors_lie() {
    let source = catalog("same", vec![table("sales", "t", vec![number("a"), number("b")])]);
    let lies: [fn(&mut Proposal); 5] = [
        |p| p.table.name.name = "other".to_owned(),
        |p| p.table.columns[0].name = "other".to_owned(),
        |p| p.row_schema = encode_schema(&Schema::new(vec![Field::new("c", ArrowType::Int64, false)])),
        |p| {
            p.row_schema = encode_schema(&Schema::new(vec![
                Field::new("b", ArrowType::Int64, false),
                Field::new("a", ArrowType::Int64, false),
            ]))
        },
        |p| p.row_schema = vec![1, 2, 3],
    ];
    for lie in lies {
        let e = plan_with(&request(), &source, &catalog("other", Vec::new()), true, lie).unwrap_err();
        assert_eq!((e.code, e.role), (Code::PluginLied, Some(Role::Target)), "{e}");
    }
}

#[test]
fn a_column_the_target_leaves_out_is_a_risk() {
    let source = catalog("same", vec![table("sales", "t", vec![number("a"), number("b")])]);
    let plan = plan_with(&request(), &source, &catalog("other", Vec::new()), true, |p| drop(p.table.columns.remove(1)))
        .unwrap();
    assert_eq!(plan.tables[0].mappings.len(), 1);
    assert_eq!(risk(&plan, "column_not_moved").affected, ["sales.t.b"]);
}

#[test]
fn a_migrations_name_depends_on_what_is_asked_and_on_nothing_else() {
    let of = |source: &str, request: &Request| id(source, "there", request);
    let base = of("here", &request());
    assert_eq!(base.len(), 13);
    assert!(base.starts_with('m') && base.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b)));
    assert_eq!(base, of("here", &request()));
    let listed = |a: &str, b: &str| Request { exclude_tables: vec![a.to_owned(), b.to_owned()], ..request() };
    assert_eq!(of("here", &listed("a", "b")), of("here", &listed("b", "a")));
    let others = [
        of("elsewhere", &request()),
        of("here", &listed("a", "b")),
        of("here", &Request { naming: Naming::Lower, ..request() }),
        of("here", &Request { on_existing: OnExisting::Replace, ..request() }),
        of("here", &Request { target_schema: Some("x".to_owned()), ..request() }),
    ];
    assert_eq!(base, of("here", &Request { generate_rollback: true, ..request() }), "the same rows, the same staging");
    for (at, other) in others.iter().enumerate() {
        assert_ne!(base, *other);
        assert!(!others[..at].contains(other));
    }
}

#[test]
fn a_chosen_name_is_kept_if_it_can_name_staging() {
    let longest = "m".repeat(40);
    for fit in ["mig_1", "a", &longest] {
        assert_eq!(chosen(fit).unwrap(), fit);
    }
    for wrong in ["", "Mig", "a-b", "a b", "a\"b", "é", &"m".repeat(41)] {
        let error = chosen(wrong).unwrap_err();
        assert!(error.code == Code::InvalidRequest && error.message.contains("`name`"), "{wrong}: {error}");
    }
}

#[test]
fn an_estimate_has_every_phase_in_its_order() {
    let plan = plan(&request(), &shop(), &catalog("same", Vec::new())).unwrap();
    insta::assert_json_snapshot!(plan.estimate(Rate { rows_per_second: 100.0, bytes_per_second: 1e6 }));
    assert!(plan.estimate(Rate::default()).iter().all(|phase| phase.seconds == 1));
}

#[test]
fn a_plan_survives_being_written_down() {
    let plan = plan(&request(), &shop(), &catalog("same", Vec::new())).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn a_writer_may_ask_for_columns_that_the_target_computes() {
    let request = Request { exclude_tables: vec!["audit*".to_owned()], ..request() };
    let target = catalog("same", Vec::new());
    let of = |plan: Plan| plan.tables[0].mappings.iter().map(|m| m.target_column.clone()).collect::<Vec<_>>();
    let without = of(plan(&request, &shop(), &target).unwrap());
    let with = plan_with(&request, &shop(), &target, true, |p| {
        p.row_schema = encode_schema(&row_schema(p.table.columns.iter()));
    });
    let with = of(with.unwrap());
    assert!(!without.contains(&"total_price".to_owned()));
    assert_eq!(with, ["order_id", "customer_id", "unit_price", "quantity", "total_price", "status", "changed_at"]);
}
