//! Plans from hand-made catalogs.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};

use super::*;
use crate::catalog::{
    Action, Check, Column, DataType, Decimal, DefaultValue, Enumeration, ForeignKey, Generated, Index, IndexPart,
    Integer, Key, NamedTypeKind, Object, Text, Timestamp,
};
use crate::plan::{Fidelity, Naming};
use crate::plugin::rows::encode_schema;
use crate::plugin::{ColumnNote, Roles, TableNote};

fn request() -> Request {
    Request {
        schemas: Vec::new(),
        exclude_tables: Vec::new(),
        target_schema: None,
        naming: Naming::Snake,
        on_existing: OnExisting::Fail,
    }
}

fn description(has_schemas: bool) -> Description {
    Description {
        name: "there".to_owned(),
        version: "1.0.0".to_owned(),
        summary: String::new(),
        roles: Roles::TARGET,
        schemes: Vec::new(),
        configuration: String::new(),
        identifier_bytes: 20,
        max_readers: None,
        max_writers: None,
        transactional_schema: true,
        has_schemas,
    }
}

fn column(name: &str, native_type: &str, data_type: DataType) -> Column {
    Column {
        name: name.to_owned(),
        native_type: native_type.to_owned(),
        data_type,
        nullable: false,
        default: None,
        identity: None,
        generated: None,
        touched_on_update: false,
        character_set: None,
        collation: None,
        comment: None,
    }
}

fn number(name: &str) -> Column {
    column(name, "bigint", DataType::Integer(Integer { bits: 64, signed: true }))
}

fn words(name: &str) -> Column {
    column(name, "text", DataType::Text(Text { length: None, fixed: false }))
}

fn key(columns: &[&str]) -> Key {
    Key { name: Some("PK".to_owned()), columns: columns.iter().map(|c| (*c).to_owned()).collect() }
}

fn table(schema: &str, name: &str, columns: Vec<Column>) -> Table {
    let primary_key = columns.first().map(|c| key(&[&c.name]));
    Table {
        name: TableName { schema: schema.to_owned(), name: name.to_owned() },
        columns,
        primary_key,
        unique_keys: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        indexes: Vec::new(),
        comment: None,
        rows: 1000,
        bytes: 64_000,
    }
}

fn catalog(dialect: &str, tables: Vec<Table>) -> Catalog {
    Catalog {
        server: format!("{dialect} 1.0"),
        dialect: dialect.to_owned(),
        default_schema: "public".to_owned(),
        schemas: vec!["public".to_owned(), "sales".to_owned(), "hr".to_owned()],
        tables,
        named_types: Vec::new(),
        objects: Vec::new(),
    }
}

fn arrow(t: &DataType) -> ArrowType {
    match t {
        DataType::Integer(Integer { bits: 64, signed: false }) => ArrowType::UInt64,
        DataType::Integer(_) => ArrowType::Int64,
        DataType::Decimal(d) => ArrowType::Decimal128(d.precision as u8, d.scale as i8),
        DataType::Timestamp(_) => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        _ => ArrowType::Utf8,
    }
}

fn row_schema<'a>(columns: impl Iterator<Item = &'a Column>) -> SchemaRef {
    Arc::new(Schema::new(columns.map(|c| Field::new(&c.name, arrow(&c.data_type), c.nullable)).collect::<Vec<_>>()))
}

/// A target that takes everything as it is, after `change`.
fn plan_with(
    request: &Request,
    source: &Catalog,
    target: &Catalog,
    has_schemas: bool,
    change: impl Fn(&mut Proposal),
) -> Result<Plan> {
    let mut risks = Risks::default();
    let moved = scout::select(request, source, &mut risks)?;
    let policy = policy(request, source, target, &description(has_schemas))?;
    let renaming = rename(&moved, &source.named_types, &policy, &mut risks);
    let proposals = renaming.tables.iter().map(|t| {
        let columns = t.table.columns.iter();
        let notes =
            columns.map(|c| ColumnNote { column: c.name.clone(), fidelity: Fidelity::Lossless, note: String::new() });
        let mut proposal =
            Proposal { table: t.table.clone(), columns: notes.collect(), notes: Vec::new(), row_schema: Vec::new() };
        change(&mut proposal);
        if proposal.row_schema.is_empty() {
            let written = proposal.table.columns.iter().filter(|c| c.generated.is_none());
            proposal.row_schema = encode_schema(&row_schema(written));
        }
        proposal
    });
    let proposals = proposals.collect();
    let reads = moved.iter().map(|t| row_schema(t.columns.iter())).collect();
    let facts = Facts { catalog: source, target, moved, renaming, proposals, reads };
    let sides = [("here", "here://host/db", "here://me@host/db"), ("there", "there://host/db", "there://me@host/db")];
    assemble(request, facts, &policy, sides, risks)
}

fn plan(request: &Request, source: &Catalog, target: &Catalog) -> Result<Plan> {
    plan_with(request, source, target, true, |_| {})
}

fn names(plan: &Plan) -> Vec<String> {
    plan.tables.iter().map(|t| full(&t.target.name)).collect()
}

fn risk<'a>(plan: &'a Plan, kind: &str) -> &'a super::super::Risk {
    plan.risks.iter().find(|r| r.kind == kind).unwrap_or_else(|| panic!("no {kind} in {:#?}", plan.risks))
}

/// A shop with most of what can be named.
fn shop() -> Catalog {
    let mut status = column(
        "Status",
        "\"public\".\"OrderStatus\"",
        DataType::Enumeration(Enumeration {
            schema: Some("public".to_owned()),
            name: Some("OrderStatus".to_owned()),
            values: vec!["open".to_owned(), "done".to_owned()],
        }),
    );
    status.default = Some(DefaultValue::Expression("'open'::\"OrderStatus\"".to_owned()));
    let mut total = column("TotalPrice", "numeric(12,2)", DataType::Decimal(Decimal { precision: 12, scale: 2 }));
    total.generated = Some(Generated { expression: "(\"UnitPrice\" * \"Quantity\")".to_owned(), stored: true });
    let price = column("UnitPrice", "numeric(10,2)", DataType::Decimal(Decimal { precision: 10, scale: 2 }));
    let mut changed =
        column("ChangedAt", "timestamp(6)", DataType::Timestamp(Timestamp { precision: 6, zoned: false }));
    changed.touched_on_update = true;
    let mut orders = table(
        "public",
        "OrderLine",
        vec![number("OrderId"), number("CustomerID"), price, number("Quantity"), total, status, changed],
    );
    orders.foreign_keys = vec![
        ForeignKey {
            name: Some("FK_OrderCustomer".to_owned()),
            columns: vec!["CustomerID".to_owned()],
            referenced_schema: "public".to_owned(),
            referenced_table: "customer".to_owned(),
            referenced_columns: vec!["Id".to_owned()],
            on_update: Action::NoAction,
            on_delete: Action::Cascade,
            deferrable: false,
            initially_deferred: false,
        },
        ForeignKey {
            name: Some("FK_Left".to_owned()),
            columns: vec!["Quantity".to_owned()],
            referenced_schema: "public".to_owned(),
            referenced_table: "AuditLog".to_owned(),
            referenced_columns: vec!["Id".to_owned()],
            on_update: Action::NoAction,
            on_delete: Action::NoAction,
            deferrable: false,
            initially_deferred: false,
        },
    ];
    orders.checks = vec![
        Check { name: Some("PositiveQuantity".to_owned()), expression: "(\"Quantity\" > 0)".to_owned() },
        Check { name: Some("Doubtful".to_owned()), expression: r"x = 'a\' || Quantity || \'b'".to_owned() },
    ];
    orders.indexes = vec![Index {
        name: "IX_Price".to_owned(),
        unique: false,
        method: "btree".to_owned(),
        parts: vec![
            IndexPart {
                column: Some("UnitPrice".to_owned()),
                expression: None,
                prefix_length: None,
                descending: true,
                nulls_first: None,
                operator_class: None,
            },
            IndexPart {
                column: None,
                expression: Some("abs(\"Quantity\")".to_owned()),
                prefix_length: None,
                descending: false,
                nulls_first: None,
                operator_class: None,
            },
        ],
        predicate: Some("(\"Status\" = 'open'::\"OrderStatus\")".to_owned()),
        included: vec!["CustomerID".to_owned()],
        comment: None,
    }];
    let customers = table(
        "public",
        "Customer",
        vec![number("Id"), words("FullName"), words("full_name"), words("aVeryLongColumnNameIndeed")],
    );
    let audit = table("public", "AuditLog", vec![number("Id")]);
    let mut notes = table("public", "notes", vec![words("text")]);
    notes.primary_key = None;
    let mut shop = catalog("same", vec![orders, customers, audit, notes]);
    shop.named_types = vec![NamedType {
        schema: "public".to_owned(),
        name: "OrderStatus".to_owned(),
        kind: NamedTypeKind::Enumeration,
        definition: "CREATE TYPE \"OrderStatus\" AS ENUM ('open', 'done')".to_owned(),
    }];
    shop.objects = vec![
        Object {
            kind: ObjectKind::View,
            schema: "public".to_owned(),
            name: "open_orders".to_owned(),
            definition: None,
        },
        Object { kind: ObjectKind::Trigger, schema: "public".to_owned(), name: "audit".to_owned(), definition: None },
        Object { kind: ObjectKind::Trigger, schema: "public".to_owned(), name: "stamp".to_owned(), definition: None },
    ];
    shop
}

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
    plan.tables.iter_mut().for_each(|t| t.row_schema.clear());
    insta::assert_json_snapshot!(plan);
}

#[test]
fn another_dialect_keeps_the_sources_words_for_the_connector_to_judge() {
    let plan = plan(&request(), &shop(), &catalog("other", Vec::new())).unwrap();
    let orders = &plan.tables[0].target;
    assert_eq!(orders.checks[0].expression, "(\"Quantity\" > 0)");
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
