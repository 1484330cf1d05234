//! A session that reads: one connection, in one snapshot once it is frozen or joined.

mod decode;
mod figures;
mod reader;
mod split;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use arrow_schema::{Schema, SchemaRef};
use sensei_sdk::catalog::{Catalog, TableName};
use sensei_sdk::figures::tell;
use sensei_sdk::text::InvalidText;
use sensei_sdk::{
    Chunk, Ends, Error, Figures, Kind, Measure, Question, Range, ReadRequest, Result, Snapshot, Source, arrow_field,
    rows,
};

pub use reader::CopyReader;

use crate::catalog::{self, ReadableColumn, Relation};
use crate::configuration::Configuration;
use crate::connection::Connection;
use crate::sql::{identifier, qualified};
use crate::{rights, settings};

/// Begins the transaction that is the snapshot.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A session that reads.
pub struct PostgresSource {
    connection: Rc<RefCell<Connection>>,
    /// Where unqualified names went before `search_path` was emptied.
    default_schema: String,
    shapes: HashMap<(String, String), Rc<Shape>>,
    invalid_text: InvalidText,
}

/// What is known of a table: asked for once.
struct Shape {
    relation: Relation,
    columns: Vec<ReadableColumn>,
    /// Columns of the primary key, or of the best unique index without NULLs; empty if there is none.
    key: Vec<String>,
}

impl Shape {
    fn column(&self, name: &str) -> Option<&ReadableColumn> {
        self.columns.iter().find(|c| c.column.name == name)
    }
}

/// Connects and sets a session up; returns where unqualified names go.
pub(crate) fn open_session(configuration: &Configuration, more: &[settings::Setting]) -> Result<(Connection, String)> {
    let mut connection = Connection::open(configuration)?;
    let schema = connection.value("SELECT pg_catalog.current_schema()")?.unwrap_or_else(|| "public".to_owned());
    connection.execute(&settings::statement(&[settings::SESSION, more]))?;
    Ok((connection, schema))
}

pub(crate) fn no_table(table: &TableName) -> Error {
    Error::new(
        Kind::NotFound,
        format!(
            "There is no table {}, or this user may not see it. Plan again.",
            qualified(&table.schema, &table.name)
        ),
    )
    .table(format!("{}.{}", table.schema, table.name))
}

impl PostgresSource {
    fn shape(&mut self, table: &TableName) -> Result<Rc<Shape>> {
        let name = (table.schema.clone(), table.name.clone());
        if let Some(known) = self.shapes.get(&name) {
            return Ok(Rc::clone(known));
        }
        let mut connection = self.connection.borrow_mut();
        let (relation, columns) = catalog::columns_of(&mut connection, table)?.ok_or_else(|| no_table(table))?;
        let key = split::key_columns(&mut connection, table, &columns)?;
        drop(connection);
        let shape = Rc::new(Shape { relation, columns, key });
        self.shapes.insert(name, Rc::clone(&shape));
        Ok(shape)
    }

    /// The columns asked for, and the Arrow schema of their rows.
    fn columns(&mut self, table: &TableName, names: &[String]) -> Result<(Rc<Shape>, Vec<ReadableColumn>, SchemaRef)> {
        let shape = self.shape(table)?;
        let columns = names
            .iter()
            .map(|name| {
                shape.column(name).cloned().ok_or_else(|| {
                    Error::new(Kind::NotFound, format!("Table {} has no column {name:?}. Plan again.", table.name))
                        .table(&table.name)
                        .column(name)
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let fields: Vec<_> = columns.iter().map(|c| arrow_field(&c.column)).collect();
        Ok((shape, columns, Schema::new(fields).into()))
    }

    /// The row of a statement that gives one. Inside a transaction its failure leaves no trace: the session goes on.
    fn one_row(&self, sql: &str) -> Result<Vec<Option<String>>> {
        let mut connection = self.connection.borrow_mut();
        let guarded = connection.in_transaction();
        if guarded {
            connection.execute("SAVEPOINT sensei_asked")?;
        }
        let rows = connection.query(sql);
        if guarded && rows.as_ref().map_or_else(|e| e.kind != Kind::Unreachable, |_| true) {
            connection.execute("ROLLBACK TO sensei_asked; RELEASE sensei_asked")?;
        }
        Ok(rows?.into_iter().next().unwrap_or_default())
    }

    /// Begins the transaction, in the snapshot of `token` unless that is empty.
    fn begin(&mut self, token: &str) -> Result<()> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        connection.execute(BEGIN)?;
        if !token.is_empty() {
            let join = format!("SET TRANSACTION SNAPSHOT {}", crate::sql::literal(token));
            connection.execute(&join).map_err(|mut e| {
                if matches!(e.kind, Kind::InvalidConfig | Kind::NotFound) {
                    e.kind = Kind::Conflict;
                    e.message = format!(
                        "The snapshot is gone, its first session must have ended. Resume to begin anew. ({})",
                        e.message
                    );
                }
                e
            })?;
        }
        // Behind a pooler that shares server sessions, what was set before may not hold here.
        connection.execute(&settings::statement(&[settings::SESSION, settings::SOURCE]))
    }
}

impl Source for PostgresSource {
    type Reader = CopyReader;

    fn open(configuration: &str) -> Result<Self> {
        let configuration: Configuration = sensei_sdk::configuration(configuration)?;
        let (connection, default_schema) = open_session(&configuration, settings::SOURCE)?;
        let connection = Rc::new(RefCell::new(connection));
        Ok(Self { connection, default_schema, shapes: HashMap::new(), invalid_text: configuration.invalid_text })
    }

    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog> {
        catalog::catalog(&mut self.connection.borrow_mut(), &self.default_schema, schemas)
    }

    fn missing_rights(&mut self, schemas: Vec<String>) -> Result<Vec<String>> {
        rights::to_read(&mut self.connection.borrow_mut(), &self.default_schema, schemas)
    }

    fn row_schema(&mut self, table: TableName, columns: Vec<String>) -> Result<Vec<u8>> {
        let (_, _, schema) = self.columns(&table, &columns)?;
        Ok(rows::encode_schema(&schema))
    }

    fn freeze(&mut self) -> Result<Snapshot> {
        self.begin("")?;
        let exported = self.connection.borrow_mut().value("SELECT pg_catalog.pg_export_snapshot()");
        match exported {
            Ok(token) => Ok(Snapshot { token: token.unwrap_or_default(), consistent: true, note: None }),
            Err(e) if e.kind == Kind::Unreachable => Err(e),
            Err(e) => {
                self.begin("")?;
                Ok(Snapshot {
                    token: String::new(),
                    consistent: false,
                    note: Some(format!(
                        "The server cannot share one snapshot between sessions ({}). Each session reads its own moment: \
                         rows that change during the load may be seen in two states.",
                        e.message
                    )),
                })
            }
        }
    }

    fn join(&mut self, token: &str) -> Result<()> {
        self.begin(token)
    }

    fn thaw(&mut self) -> Result<()> {
        // An exported snapshot holds no lock that others wait for.
        Ok(())
    }

    fn split(&mut self, table: TableName, rows: u64) -> Result<Vec<Chunk>> {
        let shape = self.shape(&table)?;
        split::split(&mut self.connection.borrow_mut(), &table, &shape, rows.max(1))
    }

    fn count(&mut self, table: TableName) -> Result<u64> {
        let relation = self.shape(&table)?.relation;
        let sql = format!("SELECT pg_catalog.count(*) FROM {}", split::rows_of(&table, relation));
        let counted = self.one_row(&sql).map_err(|e| e.table(&table.name))?.into_iter().next().flatten();
        counted.and_then(|n| n.parse().ok()).ok_or_else(|| Error::internal("The server counted no number."))
    }

    fn figures(&mut self, table: TableName, questions: Vec<Question>, ends: Option<Ends>) -> Result<Vec<Figures>> {
        let shape = self.shape(&table)?;
        // What the reader makes of a text has another length.
        let as_it_is = self.invalid_text == InvalidText::Reject;
        let measure =
            |q: &Question| if q.measure == Measure::Text && !as_it_is { Measure::Presence } else { q.measure };
        let words = |q: &Question| shape.column(&q.column).map(|c| figures::words(measure(q), &c.column));
        let from = split::rows_of(&table, shape.relation);
        tell(&questions, words, &from, ends.as_ref(), identifier, |sql, _| {
            self.one_row(sql).map_err(|e| e.table(&table.name))
        })
    }

    fn read(&mut self, request: ReadRequest) -> Result<CopyReader> {
        let ReadRequest { table, columns: names, range, batch_rows, batch_bytes, limit } = request;
        let (shape, columns, schema) = self.columns(&table, &names)?;
        let selected: Vec<String> = columns
            .iter()
            .map(|c| {
                let name = identifier(&c.column.name);
                match (c.reading.as_text, c.column.native_type.as_str()) {
                    (false, _) => name,
                    // The only cast to text that is not what the server shows: it says /32 of an address too.
                    (true, "inet") => format!("pg_catalog.textin(pg_catalog.inet_out({name}))"),
                    (true, _) => format!("({name})::text"),
                }
            })
            .collect();
        let from = split::from_where(&range, &table, &shape)?;
        let limit = limit.map(|rows| format!(" LIMIT {rows}")).unwrap_or_default();
        let sql = format!("COPY (SELECT {} FROM {from}{limit}) TO STDOUT (FORMAT binary)", selected.join(", "));
        let mut connection = self.connection.borrow_mut();
        if self.invalid_text != InvalidText::Reject {
            connection.execute(settings::BYTES_AS_THEY_ARE)?;
        }
        connection.copy_out(&sql).map_err(|e| if e.table.is_none() { e.table(&table.name) } else { e })?;
        drop(connection);
        let key = shape.key.iter().filter_map(|k| names.iter().position(|n| n == k)).collect();
        let plan = reader::Plan {
            columns: &columns,
            schema,
            key,
            table: format!("{}.{}", table.schema, table.name),
            chunk: split::describe(&range),
            batch_rows,
            batch_bytes,
            invalid_text: self.invalid_text,
        };
        Ok(CopyReader::new(Rc::clone(&self.connection), plan))
    }
}

/// Whether a range is the whole table, for messages and statements.
fn is_whole(range: &Range) -> bool {
    match range {
        Range::Whole => true,
        Range::Keys(keys) => keys.lower.is_none() && keys.upper.is_none(),
        Range::Physical(_) => false,
    }
}
