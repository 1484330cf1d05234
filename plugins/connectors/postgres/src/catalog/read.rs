//! From rows of `pg_catalog` to the neutral catalog.

use std::collections::HashMap;

use sensei_sdk::Result;
use sensei_sdk::catalog::{
    Action, Catalog, Check, Column, ForeignKey, Generated, Generation, Identity, Index, IndexPart, Key, NamedType,
    NamedTypeKind, Object, ObjectKind, Partition, Partitioning, Table, TableName,
};
use serde::Deserialize;

use super::type_rules::{Base, reading};
use super::{DIALECT, Filter, ReadableColumn, Relation, all_schemas, asked_for, default, labels, queries};
use crate::connection::Connection;
use crate::sql::{literal, qualified};

/// Sequences asked in one statement for their position.
const SEQUENCES_AT_ONCE: usize = 200;
/// The planner takes a table without statistics to have at least so many pages (`estimate_rel_size` in `plancat.c`).
const PLANNED_PAGES: i64 = 10;

#[derive(Deserialize)]
struct PartitionRow {
    table: i64,
    schema: String,
    name: String,
    parent_schema: String,
    parent: String,
    bounds: String,
    partition_key: Option<String>,
}

/// What a partition alone has.
#[derive(Deserialize)]
struct OfPartitionRow {
    schema: String,
    name: String,
    definition: String,
}

#[derive(Deserialize)]
struct TableRow {
    id: i64,
    schema: String,
    name: String,
    kind: Relation,
    comment: Option<String>,
    unknown: bool,
    pages: i64,
    bytes: i64,
    rows: i64,
    partition_key: Option<String>,
}

#[derive(Deserialize)]
struct ColumnRow {
    table: i64,
    name: String,
    native_type: String,
    base: i64,
    base_name: String,
    base_schema: String,
    class: char,
    modifier: i32,
    required: bool,
    expression: Option<String>,
    identity: String,
    generated: String,
    collation: Option<String>,
    comment: Option<String>,
    sequence: Option<i64>,
    touched: bool,
}

#[derive(Deserialize)]
struct SequenceRow {
    id: i64,
    schema: String,
    name: String,
    increment: i64,
    readable: bool,
    owned: bool,
}

#[derive(Deserialize)]
struct ConstraintRow {
    table: i64,
    name: String,
    kind: char,
    columns: Option<Vec<String>>,
    referenced_schema: Option<String>,
    referenced_table: Option<String>,
    referenced_columns: Option<Vec<String>>,
    on_update: String,
    on_delete: String,
    deferrable: bool,
    deferred: bool,
    expression: Option<String>,
    special: Option<String>,
}

#[derive(Deserialize)]
struct IndexRow {
    table: i64,
    name: String,
    unique: bool,
    method: String,
    predicate: Option<String>,
    comment: Option<String>,
    special: Option<String>,
    parts: Vec<PartRow>,
    included: Vec<String>,
}

#[derive(Deserialize)]
struct PartRow {
    column: Option<String>,
    expression: Option<String>,
    descending: bool,
    nulls_first: bool,
    collation: Option<String>,
    operator_class: Option<String>,
}

#[derive(Deserialize)]
struct NamedTypeRow {
    schema: String,
    name: String,
    class: char,
    definition: String,
}

#[derive(Deserialize)]
struct ObjectRow {
    kind: String,
    schema: String,
    name: String,
    definition: Option<String>,
}

/// What a sequence gives next, by its id.
type Positions = HashMap<i64, (Option<i64>, i64)>;

/// The whole catalog of these schemas; of `default_schema` when none is named.
pub(crate) fn catalog(connection: &mut Connection, default_schema: &str, schemas: Vec<String>) -> Result<Catalog> {
    let known = all_schemas(connection)?;
    let wanted = asked_for(schemas, &known, default_schema, &connection.peer)?;
    let filter = Filter::schemas(&wanted);

    let sequences: Vec<SequenceRow> = connection.records(&filter.fill(queries::SEQUENCES, connection))?;
    let positions = positions(connection, &sequences)?;
    let (tables, mut objects) = described(connection, &filter, &positions)?;
    let types: Vec<NamedTypeRow> = connection.records(&filter.fill(queries::NAMED_TYPES, connection))?;
    let object_rows: Vec<ObjectRow> = connection.records(&filter.fill(queries::OBJECTS, connection))?;
    objects.splice(0..0, object_rows.into_iter().map(object));
    objects.extend(sequences.into_iter().filter(|s| !s.owned).map(|s| Object {
        kind: ObjectKind::Sequence,
        definition: positions.get(&s.id).and_then(|(next, increment)| {
            next.map(|n| {
                format!("CREATE SEQUENCE {} START WITH {n} INCREMENT BY {increment}", qualified(&s.schema, &s.name))
            })
        }),
        schema: s.schema,
        name: s.name,
    }));
    Ok(Catalog {
        server: connection.server(),
        dialect: DIALECT.to_owned(),
        default_schema: default_schema.to_owned(),
        schemas: known,
        tables,
        named_types: types.into_iter().map(named_type).collect(),
        objects,
    })
}

/// The tables of schemas that no catalog lists: a migration's staging.
pub(crate) fn staged_tables(connection: &mut Connection, schemas: &[String]) -> Result<Vec<Table>> {
    let filter = Filter::schemas(schemas);
    let sequences: Vec<SequenceRow> = connection.records(&filter.fill(queries::SEQUENCES, connection))?;
    let positions = positions(connection, &sequences)?;
    described(connection, &filter, &positions).map(|(tables, _)| tables)
}

/// Tables with all that is theirs, and what of it has no neutral form.
fn described(connection: &mut Connection, filter: &Filter, positions: &Positions) -> Result<(Vec<Table>, Vec<Object>)> {
    let table_rows: Vec<TableRow> = connection.records(&filter.fill(queries::TABLES, connection))?;
    let mut columns = columns(connection, filter, positions)?;
    let constraints: Vec<ConstraintRow> = connection.records(&filter.fill(queries::CONSTRAINTS, connection))?;
    let indexes: Vec<IndexRow> = connection.records(&filter.fill(queries::INDEXES, connection))?;

    let mut objects = Vec::new();
    let mut tables = Vec::with_capacity(table_rows.len());
    let mut at = HashMap::with_capacity(table_rows.len());
    for row in table_rows {
        let by = row.partition_key.map(|key| format!("PARTITION BY {key}"));
        let name = TableName { schema: row.schema, name: row.name };
        let rows = if row.unknown && row.kind != Relation::Foreign {
            let planned = planned_rows(connection, &name)?;
            if row.pages < PLANNED_PAGES { planned * row.pages / PLANNED_PAGES } else { planned }
        } else {
            row.rows
        };
        at.insert(row.id, tables.len());
        tables.push(Table {
            columns: columns.remove(&row.id).unwrap_or_default().into_iter().map(|c| c.column).collect(),
            name,
            primary_key: None,
            unique_keys: vec![],
            foreign_keys: vec![],
            checks: vec![],
            indexes: vec![],
            comment: row.comment,
            partitioning: by.map(|by| Partitioning { by, parts: vec![] }),
            rows: u64::try_from(rows).unwrap_or(0),
            bytes: u64::try_from(row.bytes).unwrap_or(0),
        });
    }
    if tables.iter().any(|table| table.partitioning.is_some()) {
        let parts: Vec<PartitionRow> = connection.records(&filter.fill(queries::PARTITIONS, connection))?;
        for row in parts {
            let table = at.get(&row.table).and_then(|at| tables.get_mut(*at));
            if let Some(partitioning) = table.and_then(|table| table.partitioning.as_mut()) {
                partitioning.parts.push(Partition {
                    name: TableName { schema: row.schema, name: row.name },
                    parent: TableName { schema: row.parent_schema, name: row.parent },
                    bounds: row.bounds,
                    by: row.partition_key.map(|key| format!("PARTITION BY {key}")),
                });
            }
        }
        let own: Vec<OfPartitionRow> = connection.records(&filter.fill(queries::OF_PARTITIONS, connection))?;
        objects.extend(own.into_iter().map(|row| Object {
            kind: ObjectKind::Other,
            schema: row.schema,
            name: row.name,
            definition: Some(row.definition),
        }));
    }
    for row in constraints {
        if let Some(table) = at.get(&row.table).and_then(|at| tables.get_mut(*at)) {
            constraint(row, table, &mut objects);
        }
    }
    for row in indexes {
        if let Some(table) = at.get(&row.table).and_then(|at| tables.get_mut(*at)) {
            if let Some(definition) = &row.special {
                let name = format!("index {} of {}", row.name, table.name.name);
                objects.push(special(&table.name.schema, name, definition));
            }
            table.indexes.push(index(row));
        }
    }
    Ok((tables, objects))
}

/// The columns of one table, with how each is read, and what the table is; none if there is no such table.
pub(crate) fn columns_of(
    connection: &mut Connection,
    table: &TableName,
) -> Result<Option<(Relation, Vec<ReadableColumn>)>> {
    #[derive(Deserialize)]
    struct Kind {
        kind: Relation,
    }
    let filter = Filter::table(table);
    let kinds: Vec<Kind> = connection.records(&filter.fill(
        "SELECT c.relkind AS kind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'f') AND {tables}",
        connection,
    ))?;
    let Some(kind) = kinds.into_iter().next() else { return Ok(None) };
    let columns = columns(connection, &filter, &Positions::new())?;
    Ok(Some((kind.kind, columns.into_values().next().unwrap_or_default())))
}

fn columns(
    connection: &mut Connection,
    filter: &Filter,
    positions: &Positions,
) -> Result<HashMap<i64, Vec<ReadableColumn>>> {
    let rows: Vec<ColumnRow> = connection.records(&filter.fill(queries::COLUMNS, connection))?;
    let labels = if rows.iter().any(|r| r.class == 'e') { labels(connection)? } else { HashMap::new() };
    let money_digits = if rows.iter().any(|r| r.base_name == "money") { money_digits(connection)? } else { 0 };
    let mut tables: HashMap<i64, Vec<ReadableColumn>> = HashMap::new();
    for row in rows {
        let base = Base {
            schema: &row.base_schema,
            name: &row.base_name,
            class: row.class,
            modifier: row.modifier,
            labels: labels.get(&row.base).map_or(&[], Vec::as_slice),
            money_digits,
        };
        let built_in = row.base_schema == "pg_catalog" || row.class == 'e';
        let reading = reading(&base);
        tables.entry(row.table).or_default().push(ReadableColumn {
            column: column(row, &reading, positions),
            reading,
            built_in,
        });
    }
    Ok(tables)
}

/// Digits after the point of `money` here.
pub(crate) fn money_digits(connection: &mut Connection) -> Result<u16> {
    let digits = connection.value("SELECT pg_catalog.scale('1'::money::numeric)")?;
    Ok(digits.and_then(|d| d.parse().ok()).unwrap_or(2))
}

fn column(row: ColumnRow, reading: &super::type_rules::Reading, positions: &Positions) -> Column {
    let sequence = row.sequence.map(|id| positions.get(&id).copied().unwrap_or((None, 1)));
    let serial = row.expression.as_deref().is_some_and(|e| e.starts_with("nextval("));
    let identity = match (row.identity.as_str(), sequence) {
        ("a", position) => Some((Generation::Always, position)),
        ("d", position) => Some((Generation::ByDefault, position)),
        (_, Some(position)) if serial => Some((Generation::ByDefault, Some(position))),
        _ => None,
    }
    .map(|(generation, position)| {
        let (next, increment) = position.unwrap_or((None, 1));
        Identity { generation, next, increment }
    });
    let generated = (!row.generated.is_empty())
        .then(|| Generated { expression: row.expression.clone().unwrap_or_default(), stored: row.generated == "s" });
    let default = row
        .expression
        .filter(|_| identity.is_none() && generated.is_none())
        .and_then(|e| default::neutral(&e, &row.native_type, &reading.data_type));
    Column {
        name: row.name,
        native_type: row.native_type,
        data_type: reading.data_type.clone(),
        nullable: !row.required,
        default,
        identity,
        generated,
        touched_on_update: row.touched,
        declared: None,
        flag: false,
        character_set: None,
        collation: row.collation,
        comment: row.comment,
    }
}

/// Exact positions: `pg_sequences` alone cannot tell a sequence that was set and not yet used.
fn positions(connection: &mut Connection, sequences: &[SequenceRow]) -> Result<Positions> {
    let mut positions: Positions = sequences.iter().map(|s| (s.id, (None, s.increment))).collect();
    let readable: Vec<&SequenceRow> = sequences.iter().filter(|s| s.readable).collect();
    for some in readable.chunks(SEQUENCES_AT_ONCE) {
        let selects: Vec<String> = some
            .iter()
            .map(|s| format!("SELECT {}, last_value, is_called FROM {}", s.id, qualified(&s.schema, &s.name)))
            .collect();
        for row in connection.query(&selects.join(" UNION ALL "))? {
            let [Some(id), Some(last), Some(called)] = &row[..] else { continue };
            let (Ok(id), Ok(last)) = (id.parse::<i64>(), last.parse::<i64>()) else { continue };
            if let Some((next, increment)) = positions.get_mut(&id) {
                *next = if called == "t" { last.checked_add(*increment) } else { Some(last) };
            }
        }
    }
    Ok(positions)
}

/// The planner's own estimate, for a table without statistics: it looks at the pages that are there.
pub(crate) fn planned_rows(connection: &mut Connection, table: &TableName) -> Result<i64> {
    let explain = format!("EXPLAIN (FORMAT JSON) SELECT * FROM {}", qualified(&table.schema, &table.name));
    // A table that may be seen and not read is found out when it is read, not here.
    let may_read = format!(
        "SELECT pg_catalog.has_table_privilege({}, 'SELECT') AND pg_catalog.has_schema_privilege({}, 'USAGE')",
        literal(&qualified(&table.schema, &table.name)),
        literal(&table.schema)
    );
    if connection.value(&may_read)?.as_deref() != Some("t") {
        return Ok(0);
    }
    let plan = connection.value(&explain)?.unwrap_or_default();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap_or_default();
    Ok(plan[0]["Plan"]["Plan Rows"].as_i64().unwrap_or(0))
}

/// Codes of `pg_constraint.confupdtype` and `confdeltype`.
const ACTIONS: &[(&str, Action)] = &[
    ("a", Action::NoAction),
    ("r", Action::Restrict),
    ("c", Action::Cascade),
    ("n", Action::SetNull),
    ("d", Action::SetDefault),
];

fn action(code: &str) -> Action {
    ACTIONS.iter().find(|(known, _)| *known == code).map_or(Action::NoAction, |(_, action)| *action)
}

fn special(schema: &str, name: String, definition: &str) -> Object {
    Object { kind: ObjectKind::Other, schema: schema.to_owned(), name, definition: Some(definition.to_owned()) }
}

/// Puts a constraint where it belongs. What the neutral form cannot say in full is listed as an object too.
fn constraint(row: ConstraintRow, table: &mut Table, objects: &mut Vec<Object>) {
    if let Some(definition) = &row.special {
        objects.push(special(
            &table.name.schema,
            format!("constraint {} of {}", row.name, table.name.name),
            definition,
        ));
        // An exclusion has no neutral form; what is NOT VALID holds for no old row, so it cannot be made after the load.
        if row.kind == 'x' || definition.ends_with("NOT VALID") {
            return;
        }
    }
    let columns = row.columns.unwrap_or_default();
    let name = Some(row.name);
    match row.kind {
        'p' => table.primary_key = Some(Key { name, columns }),
        'u' => table.unique_keys.push(Key { name, columns }),
        'f' => table.foreign_keys.push(ForeignKey {
            name,
            columns,
            referenced_schema: row.referenced_schema.unwrap_or_default(),
            referenced_table: row.referenced_table.unwrap_or_default(),
            referenced_columns: row.referenced_columns.unwrap_or_default(),
            on_update: action(&row.on_update),
            on_delete: action(&row.on_delete),
            deferrable: row.deferrable,
            initially_deferred: row.deferred,
        }),
        'c' => table.checks.push(Check { name, expression: row.expression.unwrap_or_default() }),
        _ => {}
    }
}

fn index(row: IndexRow) -> Index {
    let btree = row.method == "btree";
    Index {
        name: row.name,
        unique: row.unique,
        method: row.method,
        parts: row
            .parts
            .into_iter()
            .map(|p| {
                let collated = p
                    .collation
                    .zip(p.column.as_deref())
                    .map(|(collation, column)| format!("({} COLLATE {collation})", crate::sql::identifier(column)));
                IndexPart {
                    column: p.column.filter(|_| collated.is_none()),
                    expression: collated.or(p.expression),
                    prefix_length: None,
                    descending: p.descending,
                    // Said only where it is not what the direction implies.
                    nulls_first: (btree && p.nulls_first != p.descending).then_some(p.nulls_first),
                    operator_class: p.operator_class,
                }
            })
            .collect(),
        predicate: row.predicate,
        included: row.included,
        comment: row.comment,
    }
}

fn named_type(row: NamedTypeRow) -> NamedType {
    let kind = match row.class {
        'e' => NamedTypeKind::Enumeration,
        'd' => NamedTypeKind::Domain,
        _ => NamedTypeKind::Other,
    };
    NamedType { schema: row.schema, name: row.name, kind, definition: row.definition }
}

/// Kinds as [`queries::OBJECTS`] names them.
const OBJECT_KINDS: &[(&str, ObjectKind)] = &[
    ("view", ObjectKind::View),
    ("materialized-view", ObjectKind::MaterializedView),
    ("routine", ObjectKind::Routine),
    ("trigger", ObjectKind::Trigger),
];

fn object(row: ObjectRow) -> Object {
    let kind = OBJECT_KINDS.iter().find(|(name, _)| *name == row.kind).map_or(ObjectKind::Other, |(_, kind)| *kind);
    Object { kind, schema: row.schema, name: row.name, definition: row.definition }
}
