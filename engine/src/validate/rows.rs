//! Rows of one table, hashed alike on both sides.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Schema;

use super::digest::{BEGIN, Digest, finish};
use super::token::{Class, Tokens, class, fold_column, reader};
use crate::error::Result;
use crate::plan::TablePlan;
use crate::plugin::rows::decode_schema;

/// Rows that are hashed column by column together. 512: their hashes and tokens, 16 KiB, stay in the nearest cache.
const BLOCK_ROWS: usize = 512;

/// All of a table's rows, in percent.
pub(crate) const ALL: u8 = 100;

/// What of a table is compared, and how: follows from the plan alone, so that every run of it hashes alike.
#[derive(Debug, Clone)]
pub struct Comparison {
    columns: Vec<(String, Class)>,
    /// Columns that tell its rows apart in the target; empty: only all of them together do.
    key: Vec<String>,
    /// Of its rows, chosen by their keys.
    percent: u8,
}

impl Comparison {
    /// Of a table's rows as they are written, `percent` of them.
    ///
    /// # Errors
    /// `plugin_lied` if the plan holds no schema.
    pub fn of(table: &TablePlan, percent: u8) -> Result<Self> {
        let schema = decode_schema(&table.row_schema)?;
        let held = |name: &str| table.target.columns.iter().find(|c| c.name == name).map(|c| &c.data_type);
        let columns: Vec<(String, Class)> =
            schema.fields().iter().map(|f| (f.name().clone(), class(f, held(f.name())))).collect();
        let is_written = |name: &String| columns.iter().any(|(column, _)| column == name);
        let never_null =
            |name: &String| table.target.columns.iter().any(|column| &column.name == name && !column.nullable);
        let unique = table.target.unique_keys.iter().filter(|key| key.columns.iter().all(never_null));
        let keys = table.target.primary_key.iter().chain(unique);
        let key = keys.map(|key| &key.columns).find(|columns| columns.iter().all(is_written));
        Ok(Self { key: key.cloned().unwrap_or_default(), columns, percent })
    }

    /// Names of the columns.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn percent(&self) -> u8 {
        self.percent
    }

    /// Columns that tell rows apart; none: only all of them together do.
    pub(super) fn key(&self) -> &[String] {
        &self.key
    }

    /// Whether something less than a whole row tells rows apart.
    pub(super) fn has_key(&self) -> bool {
        !self.key.is_empty()
    }

    /// Columns that cannot be compared where values come in these types, and why.
    pub(super) fn unreadable(&self, read: &Schema) -> Vec<(String, String)> {
        let why = |(name, class): &(String, Class)| {
            let reason = match read.field_with_name(name).map(|field| field.data_type()) {
                Err(_) => "the target does not hand this column back".to_owned(),
                Ok(given) if reader(*class, given).is_some() => return None,
                Ok(given) => {
                    format!("the target hands it back as {given}, which cannot be compared with what was written")
                }
            };
            Some((name.clone(), reason))
        };
        self.columns.iter().filter_map(why).collect()
    }

    /// The same without these columns. A key that loses one tells rows apart no longer.
    pub(super) fn without(&self, left_out: &[String]) -> Self {
        let columns = self.columns.iter().filter(|(name, _)| !left_out.contains(name)).cloned().collect();
        let key = if self.key.iter().any(|name| left_out.contains(name)) { Vec::new() } else { self.key.clone() };
        Self { columns, key, percent: self.percent }
    }

    /// Hashes rows of this schema; columns that are not in it, or are [`Self::unreadable`], do not take part.
    #[must_use]
    pub fn hasher(&self, schema: &Schema) -> Hasher {
        let bind = |(name, class): &(String, Class)| {
            let at = schema.index_of(name).ok()?;
            let tokens = reader(*class, schema.field(at).data_type())?;
            Some(Column { at, class: *class, tokens })
        };
        let columns: Vec<Column> = self.columns.iter().filter_map(bind).collect();
        let key = self.key.iter().filter_map(|name| schema.index_of(name).ok());
        let key = key.filter_map(|at| columns.iter().find(|column| column.at == at).copied()).collect();
        Hasher { columns, key, percent: self.percent }
    }
}

#[derive(Debug, Clone, Copy)]
struct Column {
    at: usize,
    class: Class,
    tokens: Tokens,
}

/// A [`Comparison`] for batches of one schema.
#[derive(Debug, Clone)]
pub struct Hasher {
    columns: Vec<Column>,
    key: Vec<Column>,
    percent: u8,
}

impl Hasher {
    /// What a batch's rows add up to, those of the sample alone.
    #[must_use]
    pub fn digest(&self, batch: &RecordBatch) -> Digest {
        let mut digest = Digest::default();
        let hashes = if self.percent >= ALL { self.rows(batch) } else { self.rows(&self.sampled(batch)) };
        hashes.into_iter().for_each(|hash| digest.add_row(hash));
        digest
    }

    /// The batch's rows that are in the sample.
    pub(super) fn sampled(&self, batch: &RecordBatch) -> RecordBatch {
        if self.percent >= ALL {
            return batch.clone();
        }
        let chosen = |key: u128| (key >> 64) % u128::from(ALL) < u128::from(self.percent);
        pick(batch, self.keys(batch).into_iter().map(chosen))
    }

    /// Each row's hash.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Vec<u128> {
        hashes(batch, &self.columns)
    }

    /// Each row's key, hashed; of all its columns where it has no key.
    pub(super) fn keys(&self, batch: &RecordBatch) -> Vec<u128> {
        hashes(batch, if self.key.is_empty() { &self.columns } else { &self.key })
    }

    /// Hashes of each column by itself.
    pub(super) fn by_column(&self, batch: &RecordBatch) -> Vec<Vec<u128>> {
        self.columns.iter().map(|column| hashes(batch, std::slice::from_ref(column))).collect()
    }

    /// Positions of the key's columns in a batch; of all columns where there is no key.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = usize> {
        (if self.key.is_empty() { &self.columns } else { &self.key }).iter().map(|column| column.at)
    }
}

fn hashes(batch: &RecordBatch, columns: &[Column]) -> Vec<u128> {
    let mut hashes = vec![BEGIN; batch.num_rows()];
    let mut tokens = [0; BLOCK_ROWS];
    for (number, hashes) in hashes.chunks_mut(BLOCK_ROWS).enumerate() {
        for Column { at, class, tokens: read } in columns {
            let block = batch.column(*at).slice(number * BLOCK_ROWS, hashes.len());
            fold_column(&block, *class, *read, &mut tokens[..hashes.len()], hashes);
        }
        hashes.iter_mut().for_each(|hash| *hash = finish(*hash));
    }
    hashes
}

/// The rows of a batch that are wanted.
pub(super) fn pick(batch: &RecordBatch, wanted: impl Iterator<Item = bool>) -> RecordBatch {
    let mask: BooleanArray = wanted.map(Some).collect();
    // A mask of the batch's own length cannot fail.
    filter_record_batch(batch, &mask).unwrap_or_else(|_| batch.slice(0, 0))
}
