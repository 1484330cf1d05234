//! What a database holds, read back through a session of its own: not what the migration counted.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sensei_engine::catalog::Table;
use sensei_engine::connection::Connection;
use sensei_engine::error::{Code, Error};
use sensei_engine::plugin::{Environment, Range, Reading, SourceSession};

use crate::cli::failure::Failure;
use crate::cli::format;
use crate::cli::screen::{self, Column};

/// Rows of one batch: enough to be fast, little beside the rest of the program.
const BATCH_ROWS: u32 = 10_000;
/// Bytes of one batch, for the same reason.
const BATCH_BYTES: u64 = 4 << 20;
/// Columns shown of a table.
const COLUMNS_SHOWN: usize = 5;
/// Characters shown of a value.
const VALUE_WIDTH: usize = 28;

/// Every table of a database, by name.
pub(super) struct Contents(BTreeMap<String, Rows>);

/// The rows of one table.
#[derive(Debug, Default)]
struct Rows {
    count: u64,
    /// Sum of the rows' hashes: the same rows in any order have the same one.
    fingerprint: u128,
    /// The first batch, to show.
    first: Option<RecordBatch>,
}

impl Contents {
    /// Reads everything.
    pub(super) fn read(connection: &Connection) -> Result<Self, Failure> {
        let mut session = SourceSession::open(connection, Environment::default())?;
        let catalog = session.catalog(&[])?;
        let mut tables = BTreeMap::new();
        for table in &catalog.tables {
            tables.insert(table.name.name.clone(), Rows::read(&mut session, table)?);
        }
        Ok(Self(tables))
    }

    pub(super) fn tables(&self) -> usize {
        self.0.len()
    }

    pub(super) fn rows(&self) -> u64 {
        self.0.values().map(|rows| rows.count).sum()
    }

    /// Names of tables that are on one side alone, or hold other rows.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let same = |name: &String| match (self.0.get(name), other.0.get(name)) {
            (Some(a), Some(b)) => (a.count, a.fingerprint) == (b.count, b.fingerprint),
            (None, _) | (_, None) => false,
        };
        let mut names: Vec<&String> = self.0.keys().chain(other.0.keys()).filter(|name| !same(name)).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().cloned().collect()
    }

    /// The first rows of a table (of another one where it is not there), as text.
    pub(super) fn sample(&self, table: &str, rows: usize, width: u16) -> Result<String, Failure> {
        let Some((name, found)) = self.0.get_key_value(table).or_else(|| self.0.first_key_value()) else {
            return Ok(String::new());
        };
        let Some(batch) = &found.first else { return Ok(format!("{name} has no rows.\n")) };
        let shown = rows.min(batch.num_rows());
        let text = lines(batch, shown, width).map_err(|e| broken(&e))?;
        Ok(format!("{shown} of {} of {name}:\n\n{text}", format::counted(found.count, "row")))
    }
}

impl Rows {
    fn read(session: &mut SourceSession, table: &Table) -> Result<Self, Failure> {
        let columns: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        let reading = Reading {
            table: &table.name,
            columns: &columns,
            range: &Range::Whole,
            batch_rows: BATCH_ROWS,
            batch_bytes: BATCH_BYTES,
            limit: None,
        };
        let mut reader = session.read(&reading)?;
        let mut rows = Self::default();
        while let Some(batch) = reader.next_batch()? {
            rows.add(batch.columns).map_err(|e| broken(&e))?;
        }
        reader.close()?;
        Ok(rows)
    }

    fn add(&mut self, batch: RecordBatch) -> Result<(), ArrowError> {
        self.count += batch.num_rows() as u64;
        let fields = batch.columns().iter().map(|c| SortField::new(c.data_type().clone())).collect();
        for row in &RowConverter::new(fields)?.convert_columns(batch.columns())? {
            // Always begins from the same keys, so that two sides agree.
            let mut hasher = DefaultHasher::new();
            hasher.write(row.data());
            self.fingerprint = self.fingerprint.wrapping_add(hasher.finish().into());
        }
        self.first.get_or_insert(batch);
        Ok(())
    }
}

fn broken(error: &ArrowError) -> Error {
    Error::new(Code::PluginLied, format!("Rows that were read back cannot be shown: {error}."))
}

fn lines(batch: &RecordBatch, rows: usize, width: u16) -> Result<String, ArrowError> {
    let options = FormatOptions::default().with_null("NULL");
    let shown = batch.columns().iter().take(COLUMNS_SHOWN);
    let columns: Vec<ArrayFormatter<'_>> =
        shown.map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<_, _>>()?;
    let schema = batch.schema();
    let names = schema.fields().iter().take(COLUMNS_SHOWN);
    let header: Vec<Column<'_>> = names
        .map(
            |field| {
                if field.data_type().is_numeric() { Column::Right(field.name()) } else { Column::Left(field.name()) }
            },
        )
        .collect();
    let value = |column: &ArrayFormatter<'_>, row| format::shortened(&column.value(row).to_string(), VALUE_WIDTH);
    let lines = (0..rows).map(|row| columns.iter().map(|column| value(column, row)).collect());
    Ok(screen::table(&header, lines, width))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn batch(ids: [i64; 3], names: [Option<&str>; 3]) -> RecordBatch {
        let balance = Decimal128Array::from(ids.map(|id| i128::from(id) * 100 + 5).to_vec());
        let schema = Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("name", DataType::Utf8, true),
            Field::new("balance", DataType::Decimal128(15, 2), false),
        ]);
        let balance = balance.with_precision_and_scale(15, 2).expect("a decimal");
        let columns: Vec<arrow::array::ArrayRef> = vec![
            Arc::new(Int64Array::from(ids.to_vec())),
            Arc::new(StringArray::from(names.to_vec())),
            Arc::new(balance),
        ];
        RecordBatch::try_new(Arc::new(schema), columns).expect("a batch")
    }

    fn contents(batches: Vec<RecordBatch>) -> Contents {
        let mut rows = Rows::default();
        for batch in batches {
            rows.add(batch).expect("rows");
        }
        Contents(BTreeMap::from([("customer".to_owned(), rows)]))
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_every_value_does() {
        let one = contents(vec![batch([1, 2, 3], [Some("a"), None, Some("c")])]);
        let turned = contents(vec![batch([3, 2, 1], [Some("c"), None, Some("a")])]);
        assert!(one.differences(&turned).is_empty());
        let other = contents(vec![batch([1, 2, 3], [Some("a"), Some(""), Some("c")])]);
        assert_eq!(one.differences(&other), ["customer"], "an empty text is no NULL");
        let twice = contents(vec![batch([1, 1, 3], [Some("a"), None, Some("c")])]);
        assert_eq!(one.differences(&twice), ["customer"]);
        assert_eq!(one.differences(&Contents(BTreeMap::new())), ["customer"]);
    }

    #[test]
    fn a_sample_shows_values_as_they_are() {
        let contents =
            contents(vec![batch([1, 2, 3], [Some("a name that is much too long for a demo"), None, Some("c")])]);
        insta::assert_snapshot!(contents.sample("customer", 2, 80).expect("text"));
    }
}
