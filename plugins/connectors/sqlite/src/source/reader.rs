//! One chunk on its way out.

use std::rc::Rc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use sensei_sdk::text::InvalidText;
use sensei_sdk::{Batch, Error, Kind, Range, ReadRequest, Reader, Result, rows};

use super::Readable;
use super::split::RowidRange;
use crate::database::{Database, Statement};
use crate::decode::{ColumnBuilder, Mismatch, ReadColumn};
use crate::sql::identifier;

/// Rows that builders have room for from the beginning: larger batches grow.
const ROOM_ROWS: usize = 16 * 1024;

/// Reads one range of one table.
pub(crate) struct RowReader {
    table: String,
    statement: Statement,
    schema: SchemaRef,
    builders: Vec<ColumnBuilder>,
    batch_rows: usize,
    batch_bytes: u64,
    /// The rowid stands behind the columns, for messages.
    has_rowid: bool,
    done: bool,
    seen: u64,
}

impl RowReader {
    pub(super) fn new(
        database: &Rc<Database>,
        readable: &Readable,
        columns: Vec<ReadColumn>,
        request: &ReadRequest,
        invalid_text: InvalidText,
    ) -> Result<Self> {
        let names: Vec<_> = columns.iter().map(|c| identifier(c.field.name())).collect();
        let mut query = format!("SELECT {}", names.join(", "));
        if let Some(rowid) = &readable.rowid {
            query.push_str(", ");
            query.push_str(rowid);
        }
        query.push_str(&format!(" FROM {}", identifier(&request.table.name)));
        match (&request.range, &readable.rowid) {
            (Range::Whole, _) => {}
            (Range::Physical(text), Some(rowid)) => {
                let RowidRange { first, last } = RowidRange::parse(text)?;
                query.push_str(&format!(" WHERE {rowid} BETWEEN {first} AND {last}"));
            }
            (Range::Physical(_) | Range::Keys(_), _) => {
                let message = "The chunk is a range this connector did not make; the table must be divided anew.";
                return Err(Error::new(Kind::Conflict, message).table(&request.table.name));
            }
        }
        // In the table's own order, never by an index that happens to hold the columns.
        if let Some(rowid) = &readable.rowid {
            query.push_str(&format!(" ORDER BY {rowid}"));
        }
        if let Some(rows) = request.limit {
            query.push_str(&format!(" LIMIT {rows}"));
        }
        let batch_rows = request.batch_rows.max(1) as usize;
        let room = batch_rows.min(ROOM_ROWS);
        Ok(Self {
            table: request.table.name.clone(),
            statement: database.prepare(&query)?,
            schema: super::schema(&columns),
            builders: columns.iter().map(|c| ColumnBuilder::new(c, room, invalid_text)).collect::<Result<_>>()?,
            batch_rows,
            batch_bytes: request.batch_bytes,
            has_rowid: readable.rowid.is_some(),
            done: false,
            seen: 0,
        })
    }

    fn refuse(&self, at: usize, Mismatch(why): Mismatch) -> Error {
        let row = if self.has_rowid {
            format!("rowid {}", self.statement.integer(self.builders.len()))
        } else {
            format!("no. {} of its chunk", self.seen + 1)
        };
        let column = self.schema.field(at).name();
        let message = format!(
            "A value of {}.{column} ({row}) cannot be moved as it is: {why}. Correct the value, or give the column a \
             transformation.",
            self.table
        );
        Error::new(Kind::InvalidData, message).table(&self.table).column(column).row(row)
    }
}

impl Reader for RowReader {
    fn schema(&mut self) -> Result<Vec<u8>> {
        Ok(rows::encode_schema(&self.schema))
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        let (mut count, mut bytes) = (0usize, 0u64);
        while !self.done && count < self.batch_rows && (count == 0 || bytes < self.batch_bytes) {
            if !self.statement.step()? {
                self.done = true;
                break;
            }
            for (at, builder) in self.builders.iter_mut().enumerate() {
                match builder.append(&self.statement, at) {
                    Ok(size) => bytes += size as u64,
                    Err(mismatch) => return Err(self.refuse(at, mismatch)),
                }
            }
            count += 1;
            self.seen += 1;
        }
        if count == 0 {
            return Ok(None);
        }
        let columns = self.builders.iter_mut().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        rows::encode_batch(&batch).map(Some)
    }
}
