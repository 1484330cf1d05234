//! The source: a session over a dataset, and its readers.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
use sensei_sdk::catalog::{Catalog, TableName};
use sensei_sdk::{Batch, Chunk, Error, Kind, ReadRequest, Reader, Result, Snapshot, Source, arrow_field, rows};

use crate::settings::{Dataset, Settings};
use crate::table::{Cursor, MadeTable};
use crate::{random, tpch};

/// Rows never change, so every session sees the one moment there is.
const TOKEN: &str = "always";
/// Rows of a batch at most, whatever is asked for: more gain nothing, and a batch must fit into the guest's memory.
const MAX_BATCH_ROWS: u32 = 64 * 1024;

/// A dataset, ready to be read.
pub struct Session {
    schema: &'static str,
    tables: Vec<Rc<MadeTable>>,
}

impl Session {
    /// Whether these schemas are there.
    fn know(&self, schemas: &[String]) -> Result<()> {
        let Some(unknown) = schemas.iter().find(|s| *s != self.schema) else { return Ok(()) };
        let message = format!("There is no schema `{unknown}`; the only one is `{}`.", self.schema);
        Err(Error::new(Kind::NotFound, message))
    }

    fn table(&self, name: &TableName) -> Result<Rc<MadeTable>> {
        let found = self.tables.iter().find(|t| t.name == *name);
        found.cloned().ok_or_else(|| {
            Error::new(Kind::NotFound, format!("There is no table `{}.{}`.", name.schema, name.name)).table(&name.name)
        })
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Session").field(&self.schema).finish()
    }
}

fn schema_of(table: &MadeTable, columns: &[String]) -> Result<Schema> {
    let fields = columns.iter().map(|name| Ok(arrow_field(&table.column(name)?.column)));
    Ok(Schema::new(fields.collect::<Result<Vec<_>>>()?))
}

impl Source for Session {
    type Reader = TableReader;

    fn open(configuration: &str) -> Result<Self> {
        let settings = Settings::read(configuration)?;
        let (schema, tables) = match settings.dataset {
            Dataset::Tpch => (tpch::SCHEMA, tpch::tables(settings.scale)),
            Dataset::Random => (random::SCHEMA, random::tables(&settings)?),
        };
        Ok(Self { schema, tables: tables.into_iter().map(Rc::new).collect() })
    }

    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog> {
        self.know(&schemas)?;
        Ok(Catalog {
            server: format!("datagen {}", env!("CARGO_PKG_VERSION")),
            dialect: "datagen".into(),
            default_schema: self.schema.into(),
            schemas: vec![self.schema.into()],
            tables: self.tables.iter().map(|t| t.describe()).collect(),
            named_types: Vec::new(),
            objects: Vec::new(),
        })
    }

    /// Whoever may open a dataset may read it.
    fn missing_rights(&mut self, schemas: Vec<String>) -> Result<Vec<String>> {
        self.know(&schemas).map(|()| Vec::new())
    }

    fn row_schema(&mut self, table: TableName, columns: Vec<String>) -> Result<Vec<u8>> {
        Ok(rows::encode_schema(&schema_of(&*self.table(&table)?, &columns)?))
    }

    fn freeze(&mut self) -> Result<Snapshot> {
        Ok(Snapshot { token: TOKEN.into(), consistent: true, note: None })
    }

    fn join(&mut self, token: &str) -> Result<()> {
        if token == TOKEN { Ok(()) } else { Err(Error::internal(format!("There is no snapshot `{token}`."))) }
    }

    fn thaw(&mut self) -> Result<()> {
        Ok(())
    }

    fn split(&mut self, table: TableName, rows: u64) -> Result<Vec<Chunk>> {
        Ok(self.table(&table)?.split(rows))
    }

    fn count(&mut self, table: TableName) -> Result<u64> {
        Ok(self.table(&table)?.count())
    }

    fn read(&mut self, request: ReadRequest) -> Result<TableReader> {
        let table = self.table(&request.table)?;
        let schema = schema_of(&table, &request.columns)?;
        let columns: Vec<usize> = request
            .columns
            .iter()
            .filter_map(|name| table.columns.iter().position(|c| c.column.name == *name))
            .collect();
        // The longest row there can be, so that the bytes asked for are never exceeded.
        let row_bytes: u64 = columns.iter().map(|c| table.columns[*c].bytes).sum();
        let rows = (request.batch_bytes / row_bytes.max(1)).clamp(1, request.batch_rows.clamp(1, MAX_BATCH_ROWS).into())
            as usize;
        let cursor = Cursor::new(table.groups(&request.range)?, table.size);
        let (positions, left) = (Vec::with_capacity(rows), request.limit.unwrap_or(u64::MAX));
        Ok(TableReader { schema: Arc::new(schema), cursor, columns, rows, left, positions, table })
    }
}

/// A chunk on its way out.
pub struct TableReader {
    table: Rc<MadeTable>,
    schema: SchemaRef,
    /// Places of the wanted columns in the table.
    columns: Vec<usize>,
    cursor: Cursor,
    /// Rows of a batch.
    rows: usize,
    /// Rows still to come at most.
    left: u64,
    /// Positions of the batch being made; kept for its allocation.
    positions: Vec<u64>,
}

impl TableReader {
    /// The next batch as Arrow has it.
    pub(crate) fn next_rows(&mut self) -> Result<Option<RecordBatch>> {
        let rows = self.rows.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.cursor.advance(rows, &mut self.positions);
        if self.positions.is_empty() {
            return Ok(None);
        }
        self.left -= self.positions.len() as u64;
        let arrays = self.columns.iter().map(|c| (self.table.columns[*c].make)(&self.positions)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.positions.len()));
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?))
    }
}

impl Reader for TableReader {
    fn schema(&mut self) -> Result<Vec<u8>> {
        Ok(rows::encode_schema(&self.schema))
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        self.next_rows()?.map(|batch| rows::encode_batch(&batch)).transpose()
    }
}

impl std::fmt::Debug for TableReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableReader").field("table", &self.table.name.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
