//! What is proposed and rendered, as a person would read it.

use sensei_sdk::catalog::{
    Action, Check, Column, DataType, Decimal, DefaultValue, Enumeration, ForeignKey, Generated, Generation, Identity,
    Index, IndexPart, Integer, Key, NamedType, NamedTypeKind, Table, TableName, Text, Timestamp,
};
use sensei_sdk::{Addition, Job, OnExisting, Proposal, View, ViewPart, plain_column};

use super::{propose::propose, render::render};

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        name: TableName { schema: "shop".to_owned(), name: name.to_owned() },
        columns,
        primary_key: None,
        unique_keys: vec![],
        foreign_keys: vec![],
        checks: vec![],
        indexes: vec![],
        partitioning: None,
        comment: None,
        rows: 0,
        bytes: 0,
    }
}

fn key(name: Option<&str>, columns: &[&str]) -> Key {
    Key { name: name.map(ToOwned::to_owned), columns: columns.iter().map(ToString::to_string).collect() }
}

fn integer(bits: u8, signed: bool) -> DataType {
    DataType::Integer(Integer { bits, signed })
}

fn text(length: Option<u32>) -> DataType {
    DataType::Text(Text { length, fixed: false })
}

fn index(name: &str, method: &str, column: &str, prefix_length: Option<u32>) -> Index {
    let part = IndexPart {
        column: Some(column.to_owned()),
        expression: None,
        prefix_length,
        descending: false,
        nulls_first: None,
        operator_class: None,
    };
    Index {
        name: name.to_owned(),
        unique: false,
        method: method.to_owned(),
        parts: vec![part],
        predicate: None,
        included: vec![],
        comment: None,
    }
}

fn refers(name: &str, column: &str, table: &str, referenced: &str) -> ForeignKey {
    ForeignKey {
        name: Some(name.to_owned()),
        columns: vec![column.to_owned()],
        referenced_schema: "shop".to_owned(),
        referenced_table: table.to_owned(),
        referenced_columns: vec![referenced.to_owned()],
        on_update: Action::NoAction,
        on_delete: Action::Cascade,
        deferrable: false,
        initially_deferred: false,
    }
}

/// A shop as MySQL has it.
fn mysql() -> Vec<Table> {
    let mut id = plain_column("id", "bigint(20) unsigned", integer(64, false));
    id.nullable = false;
    id.identity = Some(Identity { generation: Generation::ByDefault, next: Some(42), increment: 1 });
    let mut name = plain_column("name", "varchar(40)", text(Some(40)));
    name.collation = Some("utf8mb4_general_ci".to_owned());
    name.default = Some(DefaultValue::Literal("it's".to_owned()));
    let values = vec!["small".to_owned(), "large".to_owned()];
    let size = DataType::Enumeration(Enumeration { schema: None, name: None, values });
    let mut size = plain_column("size", "enum('small','large')", size);
    size.default = Some(DefaultValue::Literal("small".to_owned()));
    size.comment = Some("how large".to_owned());
    let mut touched =
        plain_column("touched", "timestamp", DataType::Timestamp(Timestamp { precision: 0, zoned: true }));
    touched.touched_on_update = true;
    touched.default = Some(DefaultValue::CurrentTimestamp(0));
    let mut zero = plain_column("since", "date", DataType::Date);
    zero.default = Some(DefaultValue::Literal("0000-00-00".to_owned()));
    let mut sum = plain_column("sum", "int(11)", integer(32, true));
    sum.generated = Some(Generated { expression: "\"a\" + 1".to_owned(), stored: false });
    let mut items = table("items", vec![id, name, size, touched, zero, sum, plain_column("note", "text", text(None))]);
    items.primary_key = Some(key(Some("PRIMARY"), &["id"]));
    items.unique_keys = vec![key(Some("by_name"), &["name"])];
    items.checks = vec![
        Check { name: Some("positive".to_owned()), expression: "\"sum\" >= 0".to_owned() },
        Check { name: Some("short".to_owned()), expression: "char_length(\"name\") < 10".to_owned() },
    ];
    items.indexes = vec![
        index("words", "fulltext", "note", None),
        index("start", "btree", "note", Some(10)),
        index("name_start", "btree", "name", Some(5)),
    ];
    items.comment = Some("what is sold".to_owned());
    let mut sales = table(
        "sales",
        vec![
            plain_column("item", "bigint(20) unsigned", integer(64, false)),
            plain_column("code", "bigint(20) unsigned", integer(64, false)),
            plain_column("price", "decimal(10,2)", DataType::Decimal(Decimal { precision: 10, scale: 2 })),
        ],
    );
    sales.unique_keys = vec![key(Some("by_name"), &["code"])];
    sales.foreign_keys = vec![
        refers("of_item", "item", "items", "id"),
        refers("of_note", "code", "items", "sum"),
        refers("away", "code", "gone", "id"),
    ];
    vec![items, sales]
}

/// A table as PostgreSQL has it.
fn postgres() -> (Vec<Table>, Vec<NamedType>) {
    let mood =
        Enumeration { schema: Some("shop".to_owned()), name: Some("mood".to_owned()), values: vec!["sad".to_owned()] };
    let mut e = plain_column("e", "shop.mood", DataType::Enumeration(mood));
    e.default = Some(DefaultValue::Literal("sad".to_owned()));
    let mut id = plain_column("id", "integer", integer(32, true));
    id.identity = Some(Identity { generation: Generation::Always, next: None, increment: 5 });
    let mut at =
        plain_column("at", "timestamp with time zone", DataType::Timestamp(Timestamp { precision: 6, zoned: true }));
    at.default = Some(DefaultValue::CurrentTimestamp(6));
    let mut sum = plain_column("sum", "integer", integer(32, true));
    sum.generated = Some(Generated { expression: "(id * 2)".to_owned(), stored: true });
    let mut t = table("t", vec![id, e, plain_column("moods", "shop.mood[]", DataType::Native), at, sum]);
    t.checks = vec![Check { name: Some("ok".to_owned()), expression: "(e <> 'sad'::shop.mood)".to_owned() }];
    let mut partial = index("partial", "btree", "id", None);
    partial.predicate = Some("(e = 'sad'::shop.mood)".to_owned());
    partial.included = vec!["at".to_owned()];
    partial.parts[0].descending = true;
    t.indexes = vec![partial];
    let named = |name: &str, definition: &str, kind| NamedType {
        schema: "shop".to_owned(),
        name: name.to_owned(),
        kind,
        definition: definition.to_owned(),
    };
    let types = vec![
        named("mood", "CREATE TYPE mood AS ENUM ('sad')", NamedTypeKind::Enumeration),
        named("unused", "CREATE DOMAIN unused AS shop.mood", NamedTypeKind::Domain),
    ];
    (vec![t], types)
}

fn show(proposals: &[Proposal], named_types: Vec<NamedType>, dialect: &str, on_existing: OnExisting) -> String {
    let mut lines = Vec::new();
    for p in proposals {
        for note in p.columns.iter().filter(|n| !n.note.is_empty()) {
            lines.push(format!("{}.{}: {:?}: {}", p.table.name.name, note.column, note.fidelity, note.note));
        }
        for note in &p.notes {
            lines.push(format!("{}: {}: {}", p.table.name.name, note.about, note.note));
        }
    }
    let tables = proposals.iter().map(|p| p.table.clone()).collect();
    let job = Job {
        migration: "m1".to_owned(),
        tables,
        named_types,
        dialect: dialect.to_owned(),
        on_existing,
        additions: vec![],
        views: vec![],
        new_schemas: vec![],
    };
    for s in render(&job) {
        lines.push(format!("-- {:?} {} ({})", s.stage, s.id, s.label));
        lines.push(format!("{};", s.sql));
        lines.extend(s.undo.map(|undo| format!("-- undo: {undo};")));
    }
    lines.join("\n")
}

#[test]
fn a_shop_of_mysql() {
    insta::assert_snapshot!(show(&propose(&mysql(), "mysql"), vec![], "mysql", OnExisting::Fail));
}

#[test]
fn a_table_of_postgres() {
    let (tables, types) = postgres();
    insta::assert_snapshot!(show(&propose(&tables, "postgresql"), types, "postgresql", OnExisting::Replace));
}

/// Rows go into a table that is there, and a new one refers to them.
#[test]
fn rows_are_added() {
    let proposals = propose(&mysql(), "mysql");
    let mut tables: Vec<Table> = proposals.into_iter().map(|p| p.table).collect();
    let parent = tables.iter().flat_map(|t| &t.foreign_keys).map(|key| key.referenced_table.clone()).next().unwrap();
    let at = tables.iter().position(|t| t.name.name == parent).unwrap();
    let foreign_keys = std::mem::take(&mut tables[at].foreign_keys);
    let additions = vec![Addition { table: tables[at].name.clone(), foreign_keys }];
    let job = Job {
        migration: "m1".to_owned(),
        tables,
        named_types: vec![],
        dialect: "mysql".to_owned(),
        on_existing: OnExisting::Append,
        additions,
        views: vec![],
        new_schemas: vec![],
    };
    let told = ["prepare/probe", "all/clash", "all/foreign-key", "cutover/", "forget/"];
    let told = render(&job).into_iter().filter(|s| told.iter().any(|beginning| s.id.starts_with(beginning)));
    let text = told.map(|s| format!("-- {} ({})\n{};\n-- undo: {}", s.id, s.label, s.sql, s.undo.unwrap_or_default()));
    insta::assert_snapshot!(text.collect::<Vec<_>>().join("\n"));
}

/// One view over a table of the job replaces another, and reads from a table that is no part of it.
#[test]
fn views_are_made() {
    let tables: Vec<Table> = propose(&mysql(), "mysql").into_iter().map(|p| p.table).collect();
    let name = TableName { schema: tables[0].name.schema.clone(), name: "seen \"by\" `all`".to_owned() };
    let outside = TableName { schema: "elsewhere".to_owned(), name: "t".to_owned() };
    let query = vec![
        ViewPart::Sql("SELECT a.x, 1 FROM ".to_owned()),
        ViewPart::Table(tables[0].name.clone()),
        ViewPart::Sql(" AS a CROSS JOIN ".to_owned()),
        ViewPart::Table(outside),
    ];
    let view =
        View { name, columns: vec!["x".to_owned(), "one".to_owned()], query, replaced: Some("SELECT 2".to_owned()) };
    let job = Job {
        migration: "m1".to_owned(),
        tables,
        named_types: vec![],
        dialect: "mysql".to_owned(),
        on_existing: OnExisting::Replace,
        additions: vec![],
        views: vec![view],
        new_schemas: vec![],
    };
    let told = render(&job).into_iter().filter(|s| s.id.contains("view"));
    let text = told.map(|s| format!("-- {} ({})\n{};\n-- undo: {}", s.id, s.label, s.sql, s.undo.unwrap_or_default()));
    insta::assert_snapshot!(text.collect::<Vec<_>>().join("\n"));
}

#[test]
fn ids_are_unique_and_stay() {
    let job = |tables: Vec<Table>| Job {
        migration: "m1".to_owned(),
        tables,
        named_types: vec![],
        dialect: "mysql".to_owned(),
        on_existing: OnExisting::Replace,
        additions: vec![],
        views: vec![],
        new_schemas: vec!["public".to_owned()],
    };
    let tables: Vec<Table> = propose(&mysql(), "mysql").into_iter().map(|p| p.table).collect();
    let (first, second) = (render(&job(tables.clone())), render(&job(tables)));
    assert_eq!(first, second);
    let mut ids: Vec<&str> = first.iter().map(|s| s.id.as_str()).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
