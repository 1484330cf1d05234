//! All rows in which two sides differ, to be repaired.
//!
//! Both sides are read three times: sums by bucket, as [`super::locate`] does; then the hashes of rows in buckets that differ;
//! then the rows themselves whose keys do. Memory is bounded by the constants here and by who asks, not by the table (P6).

use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;

use super::locate::{BUCKETS, Buckets, Sides, bucket};
use super::rows::{Hasher, pick};
use super::scan::Gather;
use crate::error::{Code, Error, Result};

/// Rows of one side whose hashes are kept. 2 million: 64 MiB.
const MOST_HASHES: u64 = 2_000_000;
/// Bytes of rows of one side that are kept. 256 MiB: what a repair sends is small, or it is a load.
const MOST_BYTES: usize = 256 << 20;

/// What makes the target's rows equal to the source's.
pub(crate) struct Differing {
    /// Rows as they are to be, in the plan's schema of the table.
    pub(crate) right: Vec<RecordBatch>,
    /// Rows of the target whose keys are to go first, as the target hands them back.
    pub(crate) extra: Vec<RecordBatch>,
    /// Columns that tell rows apart.
    pub(crate) key: Vec<String>,
    /// Only all columns together do.
    pub(crate) exact: bool,
}

impl Sides<'_> {
    /// The rows in which the sides differ, `most` keys at most.
    ///
    /// # Errors
    /// `conflict` where more differ; whatever reading reports.
    pub(super) fn differing(&self, most: u64) -> Result<Differing> {
        let (source, target) = self.both(Buckets::default)?;
        let differing: HashSet<usize> = (0..BUCKETS).filter(|&at| source.0[at] != target.0[at]).collect();
        let rows: u64 = differing.iter().map(|&at| source.0[at].rows.max(target.0[at].rows)).sum();
        if rows > MOST_HASHES {
            return Err(self.too_much());
        }
        let (source, target) = self.both(|| Hashes { buckets: &differing, rows: Vec::new() })?;
        let Keys { right, extra } = Keys::of(source.rows, target.rows);
        if right.union(&extra).count() as u64 > most {
            return Err(self.too_much());
        }
        let chosen = |keys| Chosen { keys, batches: Vec::new(), bytes: 0 };
        let one = |side: &super::Side<'_>, scan, keys| {
            let mut chosen = side.scan(std::slice::from_ref(scan), |_| chosen(keys))?;
            let Chosen { batches, bytes, .. } =
                chosen.pop().unwrap_or_else(|| Chosen { keys, batches: Vec::new(), bytes: 0 });
            if bytes > MOST_BYTES { Err(self.too_much()) } else { Ok(batches) }
        };
        let right = one(self.source, &self.source_scan, &right)?;
        let extra = one(self.target, &self.target_scan, &extra)?;
        let exact = !self.comparison.has_key();
        let key = if exact { self.comparison.names() } else { self.comparison.key().to_vec() };
        Ok(Differing { right, extra, key, exact })
    }

    fn too_much(&self) -> Error {
        let message = "More rows differ than are to be repaired, and nothing was changed. Look at what differs; raise `most_rows`, or move the table again.";
        Error::new(Code::Conflict, message).table_if(&self.target_scan.table.name)
    }
}

/// Keys, hashed, of rows that differ.
#[derive(Debug, Default, PartialEq, Eq)]
struct Keys {
    /// What the source has of them is what is right.
    right: HashSet<u128>,
    /// What the target has of them goes.
    extra: HashSet<u128>,
}

impl Keys {
    /// From key and hash of the rows of both sides. A row that is there once on both sides is changed in its place: others may
    /// refer to it.
    fn of(source: Vec<(u128, u128)>, target: Vec<(u128, u128)>) -> Self {
        let mut by_key: HashMap<u128, (Vec<u128>, Vec<u128>)> = HashMap::new();
        source.into_iter().for_each(|(key, row)| by_key.entry(key).or_default().0.push(row));
        target.into_iter().for_each(|(key, row)| by_key.entry(key).or_default().1.push(row));
        let mut keys = Self::default();
        for (key, (mut source, mut target)) in by_key {
            source.sort_unstable();
            target.sort_unstable();
            if source == target {
                continue;
            }
            if !source.is_empty() {
                keys.right.insert(key);
            }
            if !target.is_empty() && (source.len(), target.len()) != (1, 1) {
                keys.extra.insert(key);
            }
        }
        keys
    }
}

struct Hashes<'a> {
    buckets: &'a HashSet<usize>,
    rows: Vec<(u128, u128)>,
}

impl Gather for Hashes<'_> {
    fn take(&mut self, hasher: &Hasher, batch: &RecordBatch) {
        let batch = pick(batch, hasher.keys(batch).into_iter().map(|key| self.buckets.contains(&bucket(key))));
        self.rows.extend(hasher.keys(&batch).into_iter().zip(hasher.rows(&batch)));
    }

    fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
    }
}

struct Chosen<'a> {
    keys: &'a HashSet<u128>,
    batches: Vec<RecordBatch>,
    bytes: usize,
}

impl Gather for Chosen<'_> {
    fn take(&mut self, hasher: &Hasher, batch: &RecordBatch) {
        let batch = pick(batch, hasher.keys(batch).into_iter().map(|key| self.keys.contains(&key)));
        if batch.num_rows() == 0 {
            return;
        }
        self.bytes += batch.get_array_memory_size();
        if self.bytes <= MOST_BYTES {
            self.batches.push(batch);
        }
    }

    fn join(&mut self, other: Self) {
        self.bytes += other.bytes;
        if self.bytes <= MOST_BYTES {
            self.batches.extend(other.batches);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_once_is_changed_in_its_place() {
        let keys = |source: &[(u128, u128)], target: &[(u128, u128)]| {
            let Keys { right, extra } = Keys::of(source.to_vec(), target.to_vec());
            let sorted = |keys: HashSet<u128>| {
                let mut keys: Vec<u128> = keys.into_iter().collect();
                keys.sort_unstable();
                keys
            };
            (sorted(right), sorted(extra))
        };
        assert_eq!(keys(&[(1, 10), (2, 20)], &[(2, 20), (1, 10)]), (vec![], vec![]), "equal in any order");
        assert_eq!(keys(&[(1, 10)], &[(1, 11)]), (vec![1], vec![]), "different");
        assert_eq!(keys(&[(1, 10)], &[]), (vec![1], vec![]), "missing");
        assert_eq!(keys(&[], &[(1, 10)]), (vec![], vec![1]), "extra");
        assert_eq!(keys(&[(1, 10)], &[(1, 10), (1, 10)]), (vec![1], vec![1]), "doubled");
        assert_eq!(keys(&[(1, 10), (1, 10)], &[(1, 10)]), (vec![1], vec![1]), "once too few");
    }
}
