//! One chunk on its way into the server: a COPY and its ledger row, in one transaction.

use std::cell::RefCell;
use std::rc::Rc;

use arrow_schema::Schema;
use sensei_sdk::catalog::TableName;
use sensei_sdk::rows::Decoder;
use sensei_sdk::{Batch, Error, Kind, Result, Writer};

use super::encode::{self, Encoding, Format, TargetColumn};
use super::ledger;
use crate::connection::Connection;
use crate::sql::{identifier, qualified};

/// Bytes of rows in one CopyData message: enough that its five bytes of frame vanish, few enough to be sent soon.
const FRAME_BYTES: usize = 128 * 1024;

/// Where the rows go.
pub(super) struct Place {
    pub(super) migration: String,
    pub(super) table: TableName,
    pub(super) staging: String,
    pub(super) chunk: u32,
}

/// Writes a COPY that has been begun on the session's connection.
pub struct CopyWriter {
    connection: Rc<RefCell<Connection>>,
    place: Place,
    decoder: Decoder,
    /// Places of the columns that are sent (computed ones are not), and how.
    encodings: Vec<(usize, Encoding)>,
    format: Format,
    rows: u64,
    /// The binary format begins with a header, before the first row.
    header_sent: bool,
}

impl CopyWriter {
    pub(super) fn begin(
        connection: Rc<RefCell<Connection>>,
        place: Place,
        columns: &[TargetColumn],
        row_schema: &[u8],
    ) -> Result<Self> {
        let decoder = Decoder::new(row_schema)?;
        let encodings = encodings(decoder.schema(), columns, &mut connection.borrow_mut(), &place)?;
        let binary = encodings.iter().all(|(_, e)| e.binary());
        let format = if binary { Format::Binary } else { Format::Text };
        let names: Vec<String> =
            encodings.iter().map(|(at, _)| identifier(decoder.schema().field(*at).name())).collect();
        let sql = format!(
            "BEGIN; COPY {} ({}) FROM STDIN (FORMAT {})",
            qualified(&place.staging, &place.table.name),
            names.join(", "),
            if binary { "binary" } else { "text" }
        );
        connection.borrow_mut().copy_in(&sql).map_err(|e| e.table(full(&place.table)))?;
        Ok(Self { connection, place, decoder, encodings, format, rows: 0, header_sent: false })
    }
}

fn full(table: &TableName) -> String {
    format!("{}.{}", table.schema, table.name)
}

fn encodings(
    schema: &Schema,
    columns: &[TargetColumn],
    connection: &mut Connection,
    place: &Place,
) -> Result<Vec<(usize, Encoding)>> {
    schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let column = columns.iter().find(|c| &c.name == field.name()).ok_or_else(|| {
                Error::new(
                    Kind::NotFound,
                    format!("The staged table {} has no column {:?}.", full(&place.table), field.name()),
                )
                .table(full(&place.table))
                .column(field.name())
            })?;
            if column.generated {
                return Ok(None);
            }
            let encoding = encode::encoding(field.data_type(), column, connection)
                .map_err(|e| e.table(full(&place.table)).column(field.name()))?;
            Ok(Some((at, encoding)))
        })
        .filter_map(Result::transpose)
        .collect()
}

impl Writer for CopyWriter {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let batch = self.decoder.decode(batch)?;
        let mut columns = Vec::with_capacity(self.encodings.len());
        for (at, (place, encoding)) in self.encodings.iter().enumerate() {
            let bound = encoding.bind(batch.column(*place))?;
            if let Some(row) = bound.first_with_nul() {
                return Err(self.refused(
                    at,
                    row,
                    "PostgreSQL's text holds no NUL character (0x00); the policy `nul_bytes` says what takes its place",
                ));
            }
            columns.push(bound);
        }
        let mut connection = self.connection.borrow_mut();
        let mut frame = connection.begin_copy_data();
        if self.format == Format::Binary && !self.header_sent {
            connection.stream.out().extend_from_slice(encode::BINARY_HEADER);
            self.header_sent = true;
        }
        for row in 0..batch.num_rows() {
            let out = connection.stream.out();
            if let Err((column, reason)) = encode::put_row(&mut columns, row, self.format, out) {
                // What is in the frame is not sent: the whole chunk is given up.
                connection.drop_copy_data(frame);
                drop(connection);
                return Err(self.refused(column, row, reason.0));
            }
            if out.len() - frame >= FRAME_BYTES {
                connection.end_copy_data(frame)?;
                frame = connection.begin_copy_data();
            }
        }
        connection.end_copy_data(frame)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn commit(&mut self, digest: Option<String>) -> Result<u64> {
        let mut connection = self.connection.borrow_mut();
        if self.format == Format::Binary {
            let frame = connection.begin_copy_data();
            let out = connection.stream.out();
            if !self.header_sent {
                out.extend_from_slice(encode::BINARY_HEADER);
            }
            out.extend_from_slice(&(-1i16).to_be_bytes());
            connection.end_copy_data(frame)?;
        }
        let table = full(&self.place.table);
        let counted = connection.end_copy().map_err(|e| Error { table: Some(table.clone()), ..e })?;
        if counted != self.rows {
            connection.rollback()?;
            return Err(
                Error::internal(format!("{} rows were sent and the server took {counted}.", self.rows)).table(table)
            );
        }
        let Place { migration, table: name, chunk, .. } = &self.place;
        let receipt = ledger::receipt(migration, name, *chunk, self.rows, digest.as_deref());
        connection.execute(&format!("{receipt}; COMMIT")).map_err(|e| {
            if e.native_code.as_deref() == Some("23505") {
                let message = format!("Chunk {} of {table} is there already; nothing was written.", self.place.chunk);
                Error::new(Kind::Conflict, message).table(table.clone())
            } else {
                e.table(table.clone())
            }
        })?;
        Ok(self.rows)
    }
}

impl CopyWriter {
    /// `column` counts those that are sent.
    fn refused(&self, column: usize, row: usize, reason: &str) -> Error {
        let name = self.decoder.schema().field(self.encodings[column].0).name();
        let table = full(&self.place.table);
        Error::new(Kind::InvalidData, format!("A value of {table}.{name} cannot be held: {reason}."))
            .table(table)
            .column(name)
            .row(format!("row {} of the chunk", self.rows + row as u64 + 1))
    }
}
