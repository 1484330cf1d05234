//! Hand-made catalogs, and plans of them, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};

use super::draft::{self, Facts, Fitted, assemble, policy};
use super::existing::Existing;
use super::fit::TableFit;
use super::rename::rename;
use super::risk::Risks;
use super::sample::Sampled;
use super::scout::{self, full};
use super::view;
use super::{Fidelity, Naming, OnExisting, Plan, Policies, Request, Risk};
use crate::catalog::{
    Action, Catalog, Check, Column, DataType, Decimal, DefaultValue, Enumeration, ForeignKey, Generated, Index,
    IndexPart, Integer, Key, NamedType, NamedTypeKind, Object, ObjectKind, Table, TableName, Text, Timestamp,
};
use crate::error::Result;
use crate::plugin::rows::encode_schema;
use crate::plugin::{ColumnNote, Description, Proposal, Roles, Specials, SqlWords};

pub(crate) fn request() -> Request {
    Request {
        schemas: Vec::new(),
        exclude_tables: Vec::new(),
        target_schema: None,
        naming: Naming::Snake,
        on_existing: OnExisting::Fail,
        into: BTreeMap::new(),
        generate_rollback: false,
        bare: false,
        policies: Policies::default(),
    }
}

/// The words of a system that has them all.
pub(super) fn sql_words() -> SqlWords {
    let functions = ["coalesce", "nullif", "if", "trim", "length", "replace", "abs"].map(|name| (name, name));
    SqlWords {
        grammar: "generic".to_owned(),
        quote: '"',
        doubled: "'".to_owned(),
        decimals: true,
        exact_texts: true,
        whole: "whole({})".to_owned(),
        functions: functions.into_iter().chain([("concat", "||")]).map(|(a, b)| (a.to_owned(), b.to_owned())).collect(),
    }
}

pub(super) fn description(has_schemas: bool) -> Description {
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
        sql: Some(sql_words()),
    }
}

pub(super) fn column(name: &str, native_type: &str, data_type: DataType) -> Column {
    Column {
        name: name.to_owned(),
        native_type: native_type.to_owned(),
        data_type,
        nullable: false,
        default: None,
        identity: None,
        generated: None,
        touched_on_update: false,
        declared: None,
        flag: false,
        character_set: None,
        collation: None,
        comment: None,
    }
}

pub(crate) fn number(name: &str) -> Column {
    column(name, "bigint", DataType::Integer(Integer { bits: 64, signed: true }))
}

pub(crate) fn words(name: &str) -> Column {
    column(name, "text", DataType::Text(Text { length: None, fixed: false }))
}

pub(super) fn key(columns: &[&str]) -> Key {
    Key { name: Some("PK".to_owned()), columns: columns.iter().map(|c| (*c).to_owned()).collect() }
}

pub(crate) fn table(schema: &str, name: &str, columns: Vec<Column>) -> Table {
    let primary_key = columns.first().map(|c| key(&[&c.name]));
    let name = TableName { schema: schema.to_owned(), name: name.to_owned() };
    Table { primary_key, rows: 1000, bytes: 64_000, ..Table::of(name, columns) }
}

pub(crate) fn catalog(dialect: &str, tables: Vec<Table>) -> Catalog {
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

pub(super) fn arrow(t: &DataType) -> ArrowType {
    match t {
        DataType::Integer(Integer { bits: 64, signed: false }) => ArrowType::UInt64,
        DataType::Integer(_) => ArrowType::Int64,
        DataType::Decimal(d) => ArrowType::Decimal128(d.precision as u8, d.scale as i8),
        DataType::Timestamp(_) => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        _ => ArrowType::Utf8,
    }
}

pub(super) fn row_schema<'a>(columns: impl Iterator<Item = &'a Column>) -> SchemaRef {
    Arc::new(Schema::new(columns.map(|c| Field::new(&c.name, arrow(&c.data_type), c.nullable)).collect::<Vec<_>>()))
}

/// A target that takes everything as it is, after `change`; nobody asks for samples.
pub(super) fn plan_with(
    request: &Request,
    source: &Catalog,
    target: &Catalog,
    has_schemas: bool,
    change: impl Fn(&mut Proposal),
) -> Result<Plan> {
    sampled_plan_with(request, source, target, has_schemas, change, |_| Sampled::Unasked)
}

/// The same, with what is sampled of each table.
pub(super) fn sampled_plan_with(
    request: &Request,
    source: &Catalog,
    target: &Catalog,
    has_schemas: bool,
    change: impl Fn(&mut Proposal),
    sampled: impl Fn(&TableName) -> Sampled,
) -> Result<Plan> {
    let mut risks = Risks::default();
    let moved = scout::select(request, source, &mut risks)?;
    let policy = policy(request, source, target, &description(has_schemas))?;
    let fits = draft::fits(request, &moved, &policy.homes(&moved), target)?;
    let words = [Some(sql_words()), Some(sql_words())];
    let words = words.each_ref().map(Option::as_ref);
    let views = scout::views(request, source)?;
    let viewed = view::outlines(&views, &moved, words[0], source, target);
    let given = draft::given(&fits, target);
    let renaming = rename(&moved, &viewed, &source.named_types, &policy, given, &mut risks);
    let fits = fits.into_iter().map(|fit: Option<TableFit>| {
        let fit = fit?;
        let table = Existing::writable(&target.tables[fit.target]);
        let row_schema = encode_schema(&row_schema(table.columns.iter()));
        let held = Proposal { table, columns: Vec::new(), notes: Vec::new(), row_schema };
        Some(Fitted { existing: Existing::new(&target.tables[fit.target], held), fit, profile: Vec::new() })
    });
    let fits: Vec<Option<Fitted>> = fits.collect();
    let propose = |table: &Table| {
        let notes = table.columns.iter().map(|c| ColumnNote {
            column: c.name.clone(),
            fidelity: Fidelity::Lossless,
            note: String::new(),
            refuses: Specials::empty(),
        });
        let mut proposal =
            Proposal { table: table.clone(), columns: notes.collect(), notes: Vec::new(), row_schema: Vec::new() };
        change(&mut proposal);
        if proposal.row_schema.is_empty() {
            let written = proposal.table.columns.iter().filter(|c| c.generated.is_none());
            proposal.row_schema = encode_schema(&row_schema(written));
        }
        proposal
    };
    let made: Vec<bool> = fits.iter().map(Option::is_none).collect();
    let propose = |tables: &[Table]| Ok(tables.iter().map(propose).collect());
    let proposals = view::proposals(&moved, &renaming.tables, policy.same_dialect, &made, words, propose)?;
    let reads = moved.iter().map(|t| row_schema(t.columns.iter())).collect();
    let mut sample = |table: &TableName, _: &SchemaRef| Ok(sampled(table));
    let (catalog, meant) = (source, vec![Vec::new(); moved.len()]);
    let facts =
        Facts { catalog, target, moved, views, words, renaming, proposals, fits, meant, reads, sample: &mut sample };
    let sides = [("here", "here://host/db", "here://me@host/db"), ("there", "there://host/db", "there://me@host/db")];
    assemble(request, facts, &policy, sides, risks)
}

pub(crate) fn plan(request: &Request, source: &Catalog, target: &Catalog) -> Result<Plan> {
    plan_with(request, source, target, true, |_| {})
}

pub(super) fn names(plan: &Plan) -> Vec<String> {
    plan.tables.iter().map(|t| full(&t.target.name)).collect()
}

pub(super) fn risk<'a>(plan: &'a Plan, kind: &str) -> &'a Risk {
    plan.risks.iter().find(|r| r.kind == kind).unwrap_or_else(|| panic!("no {kind} in {:#?}", plan.risks))
}

/// A shop with most of what can be named.
pub(crate) fn shop() -> Catalog {
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
