//! One chunk on its way in: one transaction, with the chunk's ledger row.

use std::rc::Rc;

use sensei_sdk::{Batch, Error, Kind, Result, WriteRequest, Writer, rows};

use super::encode::{self, Bind};
use crate::database::{Database, Statement};
use crate::sql::{identifier, identifiers, text};
use crate::staging::{LedgerNames, staged};

/// Writes one chunk. Dropped uncommitted, its transaction is rolled back.
pub(crate) struct RowWriter {
    database: Rc<Database>,
    insert: Statement,
    decoder: rows::Decoder,
    /// Places of the columns that are sent (computed ones are not), and how.
    binds: Vec<(usize, Bind)>,
    table: String,
    names: Vec<String>,
    /// The ledger row, but for the number of rows and the digest.
    receipt: String,
    /// The ledger has this chunk already.
    done_before: bool,
    begun: bool,
    /// The transaction was taken back: what came before is gone, so nothing may follow.
    given_up: bool,
    rows: u64,
}

impl RowWriter {
    pub(super) fn new(database: &Rc<Database>, ledger: &LedgerNames, request: &WriteRequest) -> Result<Self> {
        let table = &request.table;
        let decoder = rows::Decoder::new(&request.row_schema)?;
        let is_computed = |name: &String| table.columns.iter().any(|c| c.name == *name && c.generated.is_some());
        let sent = decoder.schema().fields().iter().enumerate().filter(|(_, field)| !is_computed(field.name()));
        let names: Vec<_> = sent.clone().map(|(_, field)| field.name().clone()).collect();
        let binds = sent.map(|(at, field)| Ok((at, encode::bind(field, table)?))).collect::<Result<_>>()?;
        let places: Vec<_> = (1..=names.len()).map(|n| format!("?{n}")).collect();
        let insert = format!(
            "INSERT INTO {}({}) VALUES ({})",
            identifier(&staged(&request.migration, &table.name.name)),
            identifiers(&names),
            places.join(", ")
        );
        let key = format!("{}, {}, {}", text(&table.name.schema), text(&table.name.name), request.chunk);
        let done_before = format!("SELECT 1 FROM {} WHERE (table_schema, table_name, chunk) = ({key})", ledger.chunks);
        Ok(Self {
            insert: database.prepare(&insert)?,
            decoder,
            binds,
            table: table.name.name.clone(),
            names,
            receipt: format!("INSERT INTO {} VALUES ({key}, ", ledger.chunks),
            done_before: database.integer(&done_before)?.is_some(),
            database: Rc::clone(database),
            begun: false,
            given_up: false,
            rows: 0,
        })
    }

    fn begin(&mut self) -> Result<()> {
        if self.given_up {
            return Err(Error::internal("The chunk was given up after an error; it must be written anew."));
        }
        if !self.begun {
            // What an earlier writer of this session left open is not to be mixed with this chunk.
            self.database.roll_back();
            self.database.execute("BEGIN IMMEDIATE")?;
            self.begun = true;
        }
        Ok(())
    }

    fn refuse(&self, mut error: Error, column: Option<usize>, row: u64) -> Error {
        error.table = Some(self.table.clone());
        if error.column.is_none() {
            error.column = column.map(|at| self.names[at].clone());
        }
        if error.row.is_none() {
            error.row = Some(format!("no. {row} of its chunk"));
        }
        error
    }
}

impl Writer for RowWriter {
    fn write(&mut self, batch: Batch) -> Result<()> {
        if self.done_before {
            return Ok(());
        }
        let done = self.insert_rows(batch);
        if done.is_err() {
            self.give_up();
        }
        done
    }

    fn commit(&mut self, digest: Option<String>) -> Result<u64> {
        if self.done_before {
            let message = format!("This chunk of {} is in the file already.", self.table);
            return Err(Error::new(Kind::Conflict, message).table(&self.table));
        }
        let done = self.begin().and_then(|()| {
            let digest = digest.as_deref().map_or_else(|| "NULL".to_owned(), text);
            self.database.execute(&format!("{}{}, {digest})", self.receipt, self.rows))?;
            self.database.execute("COMMIT")
        });
        if done.is_err() {
            self.give_up();
        }
        self.begun = false;
        done.map(|()| self.rows)
    }
}

impl RowWriter {
    fn insert_rows(&mut self, batch: Batch) -> Result<()> {
        let batch = self.decoder.decode(batch)?;
        self.begin()?;
        let mut columns = Vec::with_capacity(self.binds.len());
        for (at, bind) in &mut self.binds {
            columns.push(encode::column(batch.column(*at), bind)?);
        }
        for row in 0..batch.num_rows() {
            for (at, column) in columns.iter_mut().enumerate() {
                // SAFETY: the batch's buffers and the columns' texts live and stay until the row was stepped.
                if let Err(error) = unsafe { column.bind(&mut self.insert, at, row) } {
                    return Err(self.refuse(error, Some(at), self.rows + row as u64 + 1));
                }
            }
            if let Err(error) = self.insert.run() {
                return Err(self.refuse(error, None, self.rows + row as u64 + 1));
            }
        }
        self.insert.unbind();
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Takes the chunk back.
    fn give_up(&mut self) {
        self.insert.reset();
        self.insert.unbind();
        (self.begun, self.given_up) = (false, true);
        self.database.take_back();
    }
}

impl Drop for RowWriter {
    fn drop(&mut self) {
        if self.begun {
            self.give_up();
        }
    }
}
