//! What becomes of a small shop: proposals and statements, as golden tables.

use sensei_sdk::catalog::{
    Action, Binary, Check, Column, DataType, Decimal, DefaultValue, Enumeration, ForeignKey, Generated, Generation,
    Identity, Index, IndexPart, Integer, Key, Table, TableName, Text, Timestamp,
};
use sensei_sdk::{Addition, Job, OnExisting, View, ViewPart};

use super::propose::{Collations, propose};
use super::render::render;
use crate::connection::Server;

fn column(name: &str, data_type: DataType) -> Column {
    Column {
        name: name.to_owned(),
        native_type: "theirs".to_owned(),
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

fn part(column: &str) -> IndexPart {
    IndexPart {
        column: Some(column.to_owned()),
        expression: None,
        prefix_length: None,
        descending: false,
        nulls_first: None,
        operator_class: None,
    }
}

fn index(name: &str, method: &str, parts: Vec<IndexPart>) -> Index {
    Index {
        name: name.to_owned(),
        unique: false,
        method: method.to_owned(),
        parts,
        predicate: None,
        included: vec![],
        comment: None,
    }
}

fn key(name: Option<&str>, columns: &[&str]) -> Key {
    Key { name: name.map(str::to_owned), columns: columns.iter().map(|c| (*c).to_owned()).collect() }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        name: TableName { schema: "shop".to_owned(), name: name.to_owned() },
        columns,
        primary_key: Some(key(None, &["id"])),
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

fn shop() -> Vec<Table> {
    let int = || DataType::Integer(Integer { bits: 64, signed: true });
    let text = |length| DataType::Text(Text { length, fixed: false });
    let with = |default: DefaultValue, column: Column| Column { default: Some(default), ..column };
    let literal = |text: &str| DefaultValue::Literal(text.to_owned());
    let identity = Identity { generation: Generation::Always, next: Some(42), increment: 1 };
    let mood = Enumeration { schema: None, name: None, values: vec!["sad".to_owned(), "it's fine".to_owned()] };
    let moment = |zoned| DataType::Timestamp(Timestamp { precision: 3, zoned });

    let mut customer = table(
        "customer",
        vec![
            Column { identity: Some(identity), comment: Some("a 'number'".to_owned()), ..column("id", int()) },
            with(literal("it's \\"), Column { nullable: true, ..column("note", text(None)) }),
            column("email", text(None)),
            column("token", DataType::Uuid),
            with(literal("true"), column("active", DataType::Boolean)),
            with(literal("1.50"), column("limit", DataType::Decimal(Decimal { precision: 10, scale: 2 }))),
            with(literal("sad"), column("mood", DataType::Enumeration(mood))),
            with(DefaultValue::CurrentTimestamp(6), column("made", moment(true))),
            with(DefaultValue::CurrentTimestamp(6), column("seen", moment(false))),
            with(DefaultValue::Expression("nextval('x')".to_owned()), column("ticket", int())),
            Column {
                generated: Some(Generated { expression: "id * 2".to_owned(), stored: true }),
                ..column("twice", int())
            },
            with(literal("\\x00ff"), column("seal", DataType::Binary(Binary { length: Some(8), fixed: false }))),
            column("place", DataType::Geometry(Some(4326))),
        ],
    );
    customer.unique_keys = vec![key(Some("one_email"), &["email"])];
    customer.checks = vec![Check { name: Some("sensible".to_owned()), expression: "limit > 0".to_owned() }];
    customer.indexes = vec![
        index("by_note", "btree", vec![part("note")]),
        index("by_made", "btree", vec![IndexPart { descending: true, ..part("made") }]),
        index("by_place", "gist", vec![part("place")]),
        Index { predicate: Some("active".to_owned()), ..index("only_active", "btree", vec![part("id")]) },
    ];
    customer.comment = Some("Who buys".to_owned());

    let mut order =
        table("order", vec![column("id", int()), Column { nullable: true, ..column("customer_id", int()) }]);
    order.foreign_keys = vec![ForeignKey {
        name: Some("buyer".to_owned()),
        columns: vec!["customer_id".to_owned()],
        referenced_schema: "shop".to_owned(),
        referenced_table: "customer".to_owned(),
        referenced_columns: vec!["id".to_owned()],
        on_update: Action::SetDefault,
        on_delete: Action::Cascade,
        deferrable: true,
        initially_deferred: false,
    }];
    vec![customer, order]
}

/// Notes and statements of the shop, from another kind of system.
fn golden(server: &str, collations: &[&str], on_existing: OnExisting) -> String {
    let server = Server::new(server);
    let collations: Collations = collations.iter().map(|c| (*c).to_owned()).collect();
    let proposals = propose(shop(), "another", &server, &collations);
    let mut out = String::new();
    for proposal in &proposals {
        for note in proposal.columns.iter().filter(|n| !n.note.is_empty()) {
            out.push_str(&format!("{}.{} {:?}: {}\n", proposal.table.name.name, note.column, note.fidelity, note.note));
        }
        for note in &proposal.notes {
            out.push_str(&format!("{} {}: {}\n", proposal.table.name.name, note.about, note.note));
        }
    }
    let tables = proposals.into_iter().map(|p| p.table).collect();
    let job = Job {
        migration: "m1".to_owned(),
        tables,
        named_types: vec![],
        dialect: "another".to_owned(),
        on_existing,
        additions: vec![],
        views: vec![],
        new_schemas: vec![],
    };
    for statement in render(&job, &server) {
        out.push_str(&format!(
            "\n-- {:?} {} ({})\n{}\n",
            statement.stage, statement.id, statement.label, statement.sql
        ));
        if let Some(undo) = statement.undo {
            out.push_str(&format!("-- undo: {undo}\n"));
        }
    }
    out
}

#[test]
fn a_shop_in_mariadb() {
    insta::assert_snapshot!(golden("10.11.6-MariaDB", &["utf8mb4_nopad_bin"], OnExisting::Replace));
}

#[test]
fn a_shop_in_mysql() {
    insta::assert_snapshot!(golden("8.4.0", &["utf8mb4_0900_bin"], OnExisting::Fail));
}

/// Rows go into a table that is there, and a new one refers to them.
#[test]
fn rows_are_added() {
    let server = Server::new("10.11.6-MariaDB");
    let proposals = propose(shop(), "another", &server, &Collations::default());
    let tables: Vec<Table> = proposals.into_iter().map(|p| p.table).collect();
    let additions = vec![Addition { table: tables[0].name.clone(), foreign_keys: vec![] }];
    let job = Job {
        migration: "m1".to_owned(),
        tables,
        named_types: vec![],
        dialect: "another".to_owned(),
        on_existing: OnExisting::Append,
        additions,
        views: vec![],
        new_schemas: vec![],
    };
    let told = ["probe/", "clash/", "orphans/", "foreign/", "cutover/", "forget/"];
    let told = render(&job, &server).into_iter().filter(|s| told.iter().any(|beginning| s.id.starts_with(beginning)));
    let text = told.map(|s| format!("-- {} ({})\n{};\n-- undo: {}", s.id, s.label, s.sql, s.undo.unwrap_or_default()));
    insta::assert_snapshot!(text.collect::<Vec<_>>().join("\n"));
}

/// One view over a table of the job replaces another, and reads from a table that is no part of it.
#[test]
fn views_are_made() {
    let server = Server::new("10.11.6-MariaDB");
    let proposals = propose(shop(), "another", &server, &Collations::default());
    let tables: Vec<Table> = proposals.into_iter().map(|p| p.table).collect();
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
        dialect: "another".to_owned(),
        on_existing: OnExisting::Replace,
        additions: vec![],
        views: vec![view],
        new_schemas: vec![],
    };
    let told = render(&job, &server).into_iter().filter(|s| s.id.contains("view"));
    let text = told.map(|s| format!("-- {} ({})\n{};\n-- undo: {}", s.id, s.label, s.sql, s.undo.unwrap_or_default()));
    insta::assert_snapshot!(text.collect::<Vec<_>>().join("\n"));
}

#[test]
fn ids_are_unique_and_the_same_each_time() {
    let ids = || {
        golden("8.4.0", &[], OnExisting::Replace)
            .lines()
            .filter(|l| l.starts_with("-- "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (first, second) = (ids(), ids());
    assert_eq!(first, second);
    let statements: Vec<_> = first.iter().filter(|l| !l.starts_with("-- undo")).collect();
    let unique: std::collections::HashSet<_> = statements.iter().collect();
    assert_eq!(unique.len(), statements.len());
}
