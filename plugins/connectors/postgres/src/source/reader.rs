//! One chunk on its way out of the server.

use std::cell::RefCell;
use std::rc::Rc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use sensei_sdk::text::InvalidText;
use sensei_sdk::{Batch, Error, Kind, Reader, Result, rows};

use super::decode::{Columns, Failure};
use crate::catalog::ReadableColumn;
use crate::connection::{Connection, message_length};

/// What a binary COPY begins with; flags and an extension length follow (PostgreSQL, COPY, "Binary Format").
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const HEADER_BYTES: usize = SIGNATURE.len() + 8;
/// Rows for which room is made before the first batch shows how many there are.
const FIRST_ROWS: usize = 1024;

/// Reads a COPY that has been begun on the session's connection.
pub struct CopyReader {
    connection: Rc<RefCell<Connection>>,
    schema: SchemaRef,
    columns: Columns,
    names: Vec<String>,
    /// Positions of the key's columns, for messages.
    key: Vec<usize>,
    /// Table, and which chunk of it, for messages.
    table: String,
    chunk: String,
    batch_rows: usize,
    batch_bytes: u64,
    invalid_text: InvalidText,
    header_seen: bool,
    ended: bool,
    /// Rows of earlier batches.
    before: u64,
}

/// What a reader is made of.
pub(super) struct Plan<'a> {
    pub(super) columns: &'a [ReadableColumn],
    pub(super) schema: SchemaRef,
    pub(super) key: Vec<usize>,
    pub(super) table: String,
    pub(super) chunk: String,
    pub(super) batch_rows: u32,
    pub(super) batch_bytes: u64,
    pub(super) invalid_text: InvalidText,
}

impl CopyReader {
    pub(super) fn new(connection: Rc<RefCell<Connection>>, plan: Plan<'_>) -> Self {
        let batch_rows = plan.batch_rows.max(1) as usize;
        Self {
            connection,
            schema: plan.schema,
            columns: Columns::new(plan.columns, batch_rows.min(FIRST_ROWS)),
            names: plan.columns.iter().map(|c| c.column.name.clone()).collect(),
            key: plan.key,
            table: plan.table,
            chunk: plan.chunk,
            batch_rows,
            batch_bytes: plan.batch_bytes,
            invalid_text: plan.invalid_text,
            header_seen: false,
            ended: false,
            before: 0,
        }
    }

    /// Reads messages until the batch is full or the COPY is over.
    fn fill(&mut self) -> Result<()> {
        let connection = Rc::clone(&self.connection);
        let mut connection = connection.borrow_mut();
        let mut bytes = 0;
        loop {
            // Every whole message that is here, without asking the host for more.
            let mut used = 0;
            let mut other = None;
            {
                let buffered = connection.stream.buffered();
                while let Some(header) = buffered.get(used..used + 5) {
                    if header[0] != b'd' {
                        other = Some(header[0]);
                        break;
                    }
                    let length = message_length(header)?;
                    let Some(mut payload) = buffered.get(used + 5..used + 1 + length) else { break };
                    used += 1 + length;
                    bytes += payload.len() as u64;
                    self.payload(&mut payload)?;
                    if self.columns.rows() >= self.batch_rows || bytes >= self.batch_bytes {
                        break;
                    }
                }
            }
            connection.stream.consume(used);
            if self.columns.rows() >= self.batch_rows || (bytes >= self.batch_bytes && self.columns.rows() > 0) {
                return Ok(());
            }
            if let Some(tag) = other {
                self.not_data(&mut connection, tag)?;
                if self.ended {
                    return Ok(());
                }
                continue;
            }
            let length = message_length(connection.stream.fill(5)?)?;
            connection.stream.fill(1 + length)?;
        }
    }

    /// The rows of one CopyData message: a server sends whole rows, the header before the first of them.
    #[inline]
    fn payload(&mut self, payload: &mut &[u8]) -> Result<()> {
        if !self.header_seen {
            let header = payload.get(..HEADER_BYTES).filter(|h| h.starts_with(SIGNATURE));
            let Some(extension) = header.and_then(|h| h.last_chunk::<4>()) else {
                return Err(Error::internal("The server's COPY does not begin with the binary header."));
            };
            let skip = HEADER_BYTES + u32::from_be_bytes(*extension) as usize;
            *payload = payload.get(skip..).unwrap_or_default();
            self.header_seen = true;
        }
        while !payload.is_empty() {
            match self.columns.push_row(payload) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(failure) => return Err(self.refused(&failure)),
            }
        }
        Ok(())
    }

    /// A message that is no row: the end, an error, or a notice.
    fn not_data(&mut self, connection: &mut Connection, tag: u8) -> Result<()> {
        match tag {
            b'c' => {
                let counted = connection.end_copy()?;
                self.ended = true;
                let read = self.before + self.columns.rows() as u64;
                if counted != read {
                    return Err(Error::internal(format!("The server sent {counted} rows and {read} were read.")));
                }
                Ok(())
            }
            b'E' => {
                let message = connection.message()?;
                self.ended = true;
                Err(connection.fail_copy(&message.body).table(&self.table))
            }
            b'N' | b'S' | b'A' => connection.aside(),
            tag => Err(connection.unexpected(tag)),
        }
    }

    fn refused(&self, failure: &Failure) -> Error {
        let Some(column) = failure.column else {
            return Error::internal("The server sent a row that does not fit the request.").table(&self.table);
        };
        self.bad_value(column, self.columns.rows(), failure.reason.0)
    }

    fn bad_value(&self, column: usize, row: usize, reason: &str) -> Error {
        let name = &self.names[column];
        let position = format!("row {} of chunk {}", self.before + row as u64 + 1, self.chunk);
        let key = self.columns.describe(&self.key, row).filter(|_| !self.key.is_empty());
        let row = key.map_or(position, |values| {
            let pairs: Vec<String> =
                self.key.iter().zip(values).map(|(at, value)| format!("{} = {value}", self.names[*at])).collect();
            pairs.join(", ")
        });
        Error::new(Kind::InvalidData, format!("A value of {}.{name} cannot be read: {reason}.", self.table))
            .table(&self.table)
            .column(name)
            .row(row)
    }
}

impl Reader for CopyReader {
    fn schema(&mut self) -> Result<Vec<u8>> {
        Ok(rows::encode_schema(&self.schema))
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        if self.ended {
            return Ok(None);
        }
        self.fill()?;
        let rows = self.columns.rows();
        if rows == 0 {
            return Ok(None);
        }
        if self.invalid_text != InvalidText::Reject {
            self.columns.mend(self.invalid_text);
        } else if let Some((column, row)) = self.columns.first_not_utf8() {
            let reason = "the text is not valid UTF-8 (the database's encoding is SQL_ASCII); correct it in the source, or \
                          choose an `invalid_text` for the connection";
            return Err(self.bad_value(column, row, reason));
        }
        self.before += rows as u64;
        let batch = RecordBatch::try_new(self.schema.clone(), self.columns.finish()?)?;
        rows::encode_batch(&batch).map(Some)
    }
}
