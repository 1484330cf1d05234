//! A chunk on its way in: LOAD DATA LOCAL where the server takes it, INSERT where not; rows and ledger row in one
//! transaction.
//!
//! Measured with lineitem (6.0 M rows, MariaDB 10.11, one session, reading them from the same server included): LOAD DATA
//! 25 s of the server's CPU, INSERT of 1 MB 50 s. With unique_checks it is 35 against 31 s on the clock.
//! LOAD DATA LOCAL turns errors into warnings. So a chunk with any warning, even a remark, is an error (P2).

use std::cell::RefCell;
use std::rc::Rc;

use arrow_buffer::NullBuffer;
use sensei_sdk::catalog::{Column, DataType, Table};
use sensei_sdk::{Batch, Error, Kind, Result, WriteRequest, rows};

use super::encode::{Cells, Form, form, is_binary};
use super::{ledger, staging};
use crate::catalog::native;
use crate::connection::{Connection, Done, identifier};
use crate::error::{number, server_error};

/// Bytes gathered before a packet of LOAD DATA goes.
const LOAD_BYTES: usize = 256 * 1024;
/// Bytes of one INSERT, unless one row has more. Larger ones gain nothing and cost the server memory.
const INSERT_BYTES: usize = 1024 * 1024;
/// Server's number of a duplicate key.
const DUPLICATE: u16 = 1062;

/// Numbers of a text that is no JSON, in MariaDB.
const JSON_SYNTAX: std::ops::RangeInclusive<u16> = 4036..=4041;

/// How rows are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Load,
    Insert,
}

/// One chunk being written.
pub(crate) struct Writer {
    connection: Rc<RefCell<Connection>>,
    migration: String,
    table: Table,
    chunk: u32,
    decoder: rows::Decoder,
    mode: Mode,
    /// Places of the columns that are sent (computed ones are not), and how.
    columns: Vec<(usize, Form)>,
    /// The statement that rows are for.
    statement: String,
    buffer: Vec<u8>,
    /// Bytes one packet may have.
    max_packet: usize,
    rows: u64,
    /// LOAD DATA has begun and not ended.
    loading: bool,
    /// A transaction is open.
    open: bool,
}

impl Writer {
    /// Begins a transaction.
    pub(crate) fn open(
        connection: Rc<RefCell<Connection>>,
        request: WriteRequest,
        mode: Mode,
        max_packet: usize,
    ) -> Result<Self> {
        let decoder = rows::Decoder::new(&request.row_schema)?;
        let table = request.table;
        if decoder.schema().fields().len() != table.columns.len() {
            return Err(Error::internal("The rows' schema and the table have different columns."));
        }
        let columns = table.columns.iter().enumerate().filter(|c| c.1.generated.is_none());
        let columns: Vec<_> = columns.map(|(at, c)| (at, form(c))).collect();
        let place = staging::table(&request.migration, &table.name);
        let sent: Vec<&Column> = columns.iter().map(|c| &table.columns[c.0]).collect();
        let statement = match mode {
            Mode::Load => load_statement(&place, &sent),
            Mode::Insert => insert_statement(&place, &sent),
        };
        connection.borrow_mut().execute("START TRANSACTION")?;
        Ok(Self {
            connection,
            migration: request.migration,
            chunk: request.chunk,
            decoder,
            mode,
            columns,
            statement,
            buffer: Vec::with_capacity(LOAD_BYTES + LOAD_BYTES / 4),
            max_packet,
            rows: 0,
            loading: false,
            open: true,
            table,
        })
    }

    fn name(&self) -> String {
        format!("{}.{}", self.table.name.schema, self.table.name.name)
    }

    /// A value that the server cannot hold.
    fn refuse(&self, kind: Kind, column: usize, row: u64, why: &str) -> Error {
        Error::new(kind, why)
            .table(self.name())
            .column(&self.table.columns[column].name)
            .row(format!("number {} of its chunk", row + 1))
    }

    /// Encodes a batch's rows and sends them as they fill the buffer.
    fn put<const LOAD: bool>(&mut self, batch: &arrow_array::RecordBatch) -> Result<()> {
        let mut cells: Vec<(Cells<'_>, Option<&NullBuffer>, bool)> = Vec::with_capacity(self.columns.len());
        for (at, form) in &self.columns {
            let column = Cells::new(batch.column(*at).as_ref(), *form)?;
            let nulls = column.nulls();
            cells.push((column, nulls, self.table.columns[*at].nullable));
        }
        for row in 0..batch.num_rows() {
            if !LOAD {
                let begin: &[u8] = if self.buffer.is_empty() { self.statement.as_bytes() } else { b"," };
                self.buffer.extend_from_slice(begin);
                self.buffer.push(b'(');
            }
            for (at, (cells, nulls, nullable)) in cells.iter().enumerate() {
                if at > 0 {
                    self.buffer.push(if LOAD { b'\t' } else { b',' });
                }
                if nulls.is_some_and(|n| n.is_null(row)) {
                    // A TIMESTAMP that is not nullable would silently become the present time.
                    if !nullable {
                        let why = "It is NULL, and the column takes no NULL.";
                        return Err(self.refuse(Kind::ConstraintViolation, self.columns[at].0, self.rows, why));
                    }
                    self.buffer.extend_from_slice(if LOAD { b"\\N" } else { b"NULL" });
                } else if let Err(why) = cells.put::<LOAD>(row, &mut self.buffer) {
                    return Err(self.refuse(Kind::InvalidData, self.columns[at].0, self.rows, why));
                }
            }
            self.buffer.push(if LOAD { b'\n' } else { b')' });
            self.rows += 1;
            if self.buffer.len() >= if LOAD { LOAD_BYTES } else { INSERT_BYTES.min(self.max_packet / 2) } {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Sends what is gathered.
    fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        match self.mode {
            Mode::Load => {
                let mut connection = self.connection.borrow_mut();
                if !self.loading {
                    connection.begin_load(&self.statement)?;
                    self.loading = true;
                }
                connection.load(&self.buffer)?;
            }
            Mode::Insert => {
                if self.buffer.len() + 1 > self.max_packet {
                    return Err(Error::new(
                        Kind::ResourceExhausted,
                        "A row has more bytes than the server takes at once. Raise max_allowed_packet there, or set \
                         local_infile=1.",
                    )
                    .table(self.name())
                    .row(format!("number {} of its chunk", self.rows)));
                }
                let done = self.connection.borrow_mut().execute_parts(&[&self.buffer]);
                let done = done.map_err(|e| e.table(self.name()))?;
                self.check(&done)?;
            }
        }
        self.buffer.clear();
        // What one large value took is not kept for the rest of the chunk.
        self.buffer.shrink_to(2 * INSERT_BYTES);
        Ok(())
    }

    /// Nothing may have been remarked on.
    fn check(&mut self, done: &Done) -> Result<()> {
        if done.warnings == 0 {
            return Ok(());
        }
        // Level, number, message; the first one tells enough.
        let first = self.connection.borrow_mut().table("SHOW WARNINGS LIMIT 1")?.into_iter().next().unwrap_or_default();
        let cell = |at: usize| first.get(at).and_then(Option::as_deref).unwrap_or_default();
        let number = cell(1).parse().unwrap_or(0);
        let mut error = server_error(number, "22000", cell(2)).table(self.name());
        if let Some((_, row)) = cell(2).rsplit_once(" at row ") {
            error = error.row(format!("number {row} of its chunk"));
        }
        if JSON_SYNTAX.contains(&number) {
            // The server says where in a text, but not of which column.
            let json = self.table.columns.iter().filter(|c| c.data_type == DataType::Json).map(|c| c.name.as_str());
            error = error.column(json.collect::<Vec<_>>().join(", "));
        }
        Err(error)
    }

    /// Ends LOAD DATA, and checks that all of it arrived as it was.
    fn end_load(&mut self) -> Result<()> {
        if !self.loading {
            return Ok(());
        }
        self.loading = false;
        let done = self.connection.borrow_mut().end_load().map_err(|e| e.table(self.name()))?;
        self.check(&done)?;
        if done.affected != self.rows {
            return Err(Error::internal(format!(
                "The server took {} of {} rows and does not say why ({}).",
                done.affected, self.rows, done.info
            ))
            .table(self.name()));
        }
        Ok(())
    }

    fn abort(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let mut connection = self.connection.borrow_mut();
        // Whatever fails here, the server rolls back when the connection closes; and an error that the server gives for
        // the rows is no news to who gives them up.
        if std::mem::take(&mut self.loading) {
            let _ = connection.end_load();
        }
        let _ = connection.execute("ROLLBACK");
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.abort();
    }
}

impl sensei_sdk::Writer for Writer {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let batch = self.decoder.decode(batch)?;
        match self.mode {
            Mode::Load => self.put::<true>(&batch),
            Mode::Insert => self.put::<false>(&batch),
        }
    }

    fn commit(&mut self, digest: Option<String>) -> Result<u64> {
        self.flush()?;
        self.end_load()?;
        let receipt = ledger::receipt_sql(&self.migration, &self.table.name, self.chunk, self.rows, digest.as_deref());
        let mut connection = self.connection.borrow_mut();
        match connection.execute(&receipt) {
            Ok(_) => {}
            Err(e) if number(&e) == Some(DUPLICATE) => {
                drop(connection);
                self.abort();
                return Err(Error::new(
                    Kind::Conflict,
                    format!("Chunk {} is already in the ledger: another run wrote it.", self.chunk),
                )
                .table(self.name()));
            }
            Err(e) => return Err(e),
        }
        connection.execute("COMMIT")?;
        drop(connection);
        self.open = false;
        Ok(self.rows)
    }
}

/// Whether bytes that are declared to be binary may go straight into a text column: the server then checks them as the
/// column's own character set.
fn takes_utf8_bytes(column: &Column) -> bool {
    let own = column.character_set.as_deref() == Some("utf8mb4");
    own && matches!(native::data_type(&column.native_type), DataType::Text(_))
}

/// LOAD DATA. The rows are UTF-8; where some column is no text they are declared binary, and each text column that
/// does not take such bytes as they are is converted.
fn load_statement(place: &str, columns: &[&Column]) -> String {
    let binary = columns.iter().any(|c| is_binary(c));
    let (mut names, mut sets) = (Vec::new(), Vec::new());
    for (at, column) in columns.iter().enumerate() {
        let name = identifier(&column.name);
        let text = matches!(
            native::data_type(&column.native_type),
            DataType::Text(_)
                | DataType::Json
                | DataType::Enumeration(_)
                | DataType::Set(_)
                | DataType::Uuid
                | DataType::Native
        );
        if binary && text && !takes_utf8_bytes(column) {
            sets.push(format!("{name} = CONVERT(@c{at} USING utf8mb4)"));
            names.push(format!("@c{at}"));
        } else {
            names.push(name);
        }
    }
    let sets = if sets.is_empty() { String::new() } else { format!(" SET {}", sets.join(", ")) };
    format!(
        "LOAD DATA LOCAL INFILE 'chunk' INTO TABLE {place} CHARACTER SET {} FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' \
         LINES TERMINATED BY '\\n' ({}){sets}",
        if binary { "binary" } else { "utf8mb4" },
        names.join(", ")
    )
}

/// The beginning of an INSERT.
fn insert_statement(place: &str, columns: &[&Column]) -> String {
    let names: Vec<String> = columns.iter().map(|c| identifier(&c.name)).collect();
    format!("INSERT INTO {place} ({}) VALUES ", names.join(", "))
}
