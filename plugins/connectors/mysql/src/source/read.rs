//! A chunk on its way out: a query, and batches from its rows.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use sensei_sdk::catalog::{Column as Described, DataType, TableName};
use sensei_sdk::{Batch, Error, Kind, ReadRequest, Result, arrow_field, rows};

use super::column::Column;
use super::range::Key;
use super::value::Bad;
use crate::configuration::ZeroDates;
use crate::connection::packet::Cursor;
use crate::connection::{Connection, identifier};

/// Character sets whose every character Unicode has: the server's own conversion loses nothing.
const EXACT: &[&str] = &["utf8mb4", "utf8mb3", "utf8", "latin1", "ascii", "ucs2", "utf16", "utf16le", "utf32"];

/// The most rows a column's buffer is made for before the first row came.
const MAX_RESERVED_ROWS: u32 = 65_536;

/// The Arrow schema of these columns.
pub(crate) fn schema(columns: &[Described]) -> Schema {
    Schema::new(columns.iter().map(arrow_field).collect::<Vec<_>>())
}

/// Columns by name, in the order asked for.
pub(crate) fn pick(columns: &[Described], names: &[String], table: &TableName) -> Result<Vec<Described>> {
    let find = |name: &String| {
        columns.iter().find(|c| c.name == *name).cloned().ok_or_else(|| {
            Error::new(Kind::NotFound, "The table has no such column (any more): plan again.")
                .table(full_name(table))
                .column(name)
        })
    };
    names.iter().map(find).collect()
}

/// `schema.table`, for people.
pub(crate) fn full_name(table: &TableName) -> String {
    format!("{}.{}", table.schema, table.name)
}

/// Whether the server's own conversion to UTF-8 loses nothing of a column.
pub(super) fn is_exact(column: &Described) -> bool {
    column.character_set.as_deref().is_none_or(|c| EXACT.contains(&c))
}

/// What is selected for a column.
fn expression(column: &Described) -> String {
    let name = identifier(&column.name);
    match column.data_type {
        // The server puts `?` for what it cannot convert. Where the way there and back is not the same bytes, a byte
        // that is no UTF-8 comes instead, and the row is an error (P2).
        DataType::Text(_) if !is_exact(column) => {
            let charset = column.character_set.as_deref().unwrap_or_default();
            format!(
                "IF(CAST(CONVERT(CONVERT({name} USING utf8mb4) USING {charset}) AS BINARY) <=> CAST({name} AS BINARY), \
                 CAST(CONVERT({name} USING utf8mb4) AS BINARY), x'ff')"
            )
        }
        DataType::Native => format!("CONVERT({name} USING utf8mb4)"),
        _ => name,
    }
}

/// Reads one chunk.
pub(crate) struct Reader {
    connection: Rc<RefCell<Connection>>,
    table: TableName,
    schema: SchemaRef,
    columns: Vec<Column>,
    batch_rows: usize,
    batch_bytes: u64,
    /// Rows handed out before the present batch.
    before: u64,
    done: bool,
}

impl Reader {
    /// Starts the query.
    pub(crate) fn open(
        connection: Rc<RefCell<Connection>>,
        request: &ReadRequest,
        columns: &[Described],
        keys: &[Key],
        zero_dates: ZeroDates,
    ) -> Result<Self> {
        let described = pick(columns, &request.columns, &request.table)?;
        let list: Vec<String> = described.iter().map(expression).collect();
        let from = super::range::from_clause(&request.table, &request.range, columns, keys)?;
        let limit = request.limit.map(|rows| format!(" LIMIT {rows}")).unwrap_or_default();
        let wires = connection.borrow_mut().query_binary(&format!("SELECT {} {from}{limit}", list.join(", ")))?;
        let capacity = request.batch_rows.clamp(1, MAX_RESERVED_ROWS) as usize;
        let columns = described
            .iter()
            .zip(wires)
            .map(|(c, wire)| Column::new(c, wire, zero_dates, capacity))
            .collect::<Result<Vec<_>>>()
            .map_err(|e| e.table(full_name(&request.table)))?;
        Ok(Self {
            connection,
            table: request.table.clone(),
            schema: Arc::new(schema(&described)),
            columns,
            batch_rows: request.batch_rows.max(1) as usize,
            batch_bytes: request.batch_bytes,
            before: 0,
            done: false,
        })
    }

    /// Names the place of a value that cannot be handed on.
    fn bad(&self, column: &str, row: usize, why: &str) -> Error {
        Error::new(Kind::InvalidData, why)
            .table(full_name(&self.table))
            .column(column)
            .row(format!("number {} of its chunk", self.before + row as u64 + 1))
    }
}

/// Appends one row of the binary protocol; the column that could not take its value.
#[inline]
fn push(columns: &mut [Column], packet: &[u8]) -> std::result::Result<(), (usize, Bad)> {
    // One byte of header; a bit for each column, the first two unused.
    let nulls = (columns.len() + 9) / 8;
    let Some((head, values)) = packet.split_at_checked(1 + nulls) else { return Err((0, Bad::Protocol)) };
    let bits = &head[1..];
    let mut cursor = Cursor(values);
    if bits.iter().all(|b| *b == 0) {
        for (at, column) in columns.iter_mut().enumerate() {
            column.push(&mut cursor).map_err(|bad| (at, bad))?;
        }
        return Ok(());
    }
    for (at, column) in columns.iter_mut().enumerate() {
        if bits[(at + 2) / 8] >> ((at + 2) % 8) & 1 == 1 {
            column.push_null();
        } else {
            column.push(&mut cursor).map_err(|bad| (at, bad))?;
        }
    }
    Ok(())
}

impl sensei_sdk::Reader for Reader {
    fn schema(&mut self) -> Result<Vec<u8>> {
        Ok(rows::encode_schema(&self.schema))
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        let (mut count, mut bytes) = (0_usize, 0_u64);
        let connection = self.connection.clone();
        let mut connection = connection.borrow_mut();
        while !self.done && count < self.batch_rows && (count == 0 || bytes < self.batch_bytes) {
            let columns = &mut self.columns;
            let row = connection.row(|packet| Ok((push(columns, packet), packet.len())))?;
            match row {
                None => self.done = true,
                Some((Ok(()), length)) => {
                    bytes += length as u64;
                    count += 1;
                }
                Some((Err((at, bad)), _)) => {
                    return Err(self.bad(&self.columns[at].name, count, bad.text()));
                }
            }
        }
        if count == 0 {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for at in 0..self.columns.len() {
            match self.columns[at].finish() {
                Ok(array) => arrays.push(array),
                Err(row) => {
                    let why = "The text holds bytes that its character set does not have, or characters that Unicode \
                               lacks. Correct it, or move the column as bytes.";
                    return Err(self.bad(&self.columns[at].name, row, why));
                }
            }
        }
        self.before += count as u64;
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)?;
        rows::encode_batch(&batch).map(Some)
    }
}
