//! Tables: groups of rows, how a key finds its group, and the way through a range of groups.

use sensei_sdk::catalog::{ForeignKey, Key, Table, TableName};
use sensei_sdk::{Chunk, Error, KeyRange, Kind, Range, Result};

use crate::column::MadeColumn;

/// Rows that a group has at most; a row's position is its group times this, plus its place in the group.
pub(crate) const GROUP_ROWS: u64 = 8;

/// Rows of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GroupSize {
    /// This many, all of them.
    Fixed(u64),
    /// As the function says, from 1 to [`GROUP_ROWS`].
    Varied(fn(u64) -> u64),
}

impl GroupSize {
    pub(crate) fn of(self, group: u64) -> u64 {
        match self {
            Self::Fixed(rows) => rows,
            Self::Varied(rows) => rows(group),
        }
    }

    /// For estimates.
    fn average(self) -> u64 {
        match self {
            Self::Fixed(rows) => rows,
            Self::Varied(_) => GROUP_ROWS / 2,
        }
    }
}

/// The first key column's value in each group.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keying {
    /// Without gaps, from this value on.
    From(u64),
    /// The first eight of each 32 values, from 1 on: TPC-H's order keys.
    Sparse,
}

impl Keying {
    pub(crate) const fn key(self, group: u64) -> u64 {
        match self {
            Self::From(first) => group + first,
            Self::Sparse => group / 8 * 32 + group % 8 + 1,
        }
    }

    /// The first group whose key is not less than `key`.
    fn group(self, key: i64) -> u64 {
        let key = u64::try_from(key).unwrap_or(0);
        match self {
            Self::From(first) => key.saturating_sub(first),
            Self::Sparse => match key.checked_sub(1) {
                Some(before) if before % 32 < 8 => before / 32 * 8 + before % 32,
                Some(before) => (before / 32 + 1) * 8,
                None => 0,
            },
        }
    }
}

/// One table of a dataset.
pub(crate) struct MadeTable {
    pub(crate) name: TableName,
    pub(crate) comment: &'static str,
    pub(crate) columns: Vec<MadeColumn>,
    /// The first of them is the column that `keying` is about.
    pub(crate) primary_key: Vec<&'static str>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    pub(crate) groups: u64,
    pub(crate) size: GroupSize,
    pub(crate) keying: Keying,
}

impl MadeTable {
    /// What the catalog says of it.
    pub(crate) fn describe(&self) -> Table {
        let rows = self.groups * self.size.average();
        Table {
            name: self.name.clone(),
            columns: self.columns.iter().map(|c| c.column.clone()).collect(),
            primary_key: Some(Key {
                name: Some(format!("{}_pkey", self.name.name)),
                columns: self.primary_key.iter().map(|c| (*c).to_owned()).collect(),
            }),
            unique_keys: Vec::new(),
            foreign_keys: self.foreign_keys.clone(),
            checks: Vec::new(),
            indexes: Vec::new(),
            partitioning: None,
            comment: Some(self.comment.to_owned()),
            rows,
            bytes: rows * self.row_bytes() * 2 / 3,
        }
    }

    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Result<&MadeColumn> {
        self.columns.iter().find(|c| c.column.name == name).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("The table `{}` has no column `{name}`.", self.name.name))
                .table(&self.name.name)
                .column(name)
        })
    }

    /// Bytes of a row at most.
    fn row_bytes(&self) -> u64 {
        self.columns.iter().map(|c| c.bytes).sum()
    }

    /// Exactly.
    pub(crate) fn count(&self) -> u64 {
        match self.size {
            GroupSize::Fixed(rows) => self.groups * rows,
            GroupSize::Varied(rows) => (0..self.groups).map(rows).sum(),
        }
    }

    /// Key ranges of about `rows` rows each.
    pub(crate) fn split(&self, rows: u64) -> Vec<Chunk> {
        let step = (rows / self.size.average()).max(1);
        let bound = |group: u64| vec![self.keying.key(group).to_string()];
        let mut chunks = Vec::new();
        let mut from: u64 = 0;
        loop {
            let to = from.saturating_add(step).min(self.groups);
            let last = to >= self.groups;
            let rows = (to - from) * self.size.average();
            let range = if from == 0 && last {
                Range::Whole
            } else {
                Range::Keys(KeyRange {
                    columns: vec![self.primary_key[0].to_owned()],
                    lower: (from > 0).then(|| bound(from)),
                    upper: (!last).then(|| bound(to)),
                })
            };
            chunks.push(Chunk { range, rows, bytes: rows * self.row_bytes() * 2 / 3, lasting: true });
            if last {
                return chunks;
            }
            from = to;
        }
    }

    /// The groups of a range.
    pub(crate) fn groups(&self, range: &Range) -> Result<std::ops::Range<u64>> {
        match range {
            Range::Whole => Ok(0..self.groups),
            Range::Keys(keys) => {
                if keys.columns.first().map(String::as_str) != self.primary_key.first().copied()
                    || keys.columns.len() != 1
                {
                    return Err(self.strange_range("its columns are not those that `split` names"));
                }
                let group = |bound: &Option<Vec<String>>| match bound.as_deref() {
                    None => Ok(None),
                    Some([key]) => {
                        let key = key.parse().map_err(|_| self.strange_range("a bound is no integer"))?;
                        Ok(Some(self.keying.group(key).min(self.groups)))
                    }
                    Some(_) => Err(self.strange_range("a bound has another number of values than there are columns")),
                };
                let from = group(&keys.lower)?.unwrap_or(0);
                let to = group(&keys.upper)?.unwrap_or(self.groups);
                Ok(from..to.max(from))
            }
            Range::Physical(_) => Err(self.strange_range("it is a physical one")),
        }
    }

    fn strange_range(&self, why: &str) -> Error {
        Error::internal(format!("This range is none of `{}`: {why}.", self.name.name)).table(&self.name.name)
    }
}

/// The way through the rows of a range of groups.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    groups: std::ops::Range<u64>,
    /// Rows of the first group that are already behind.
    within: u64,
    size: GroupSize,
}

impl Cursor {
    pub(crate) fn new(groups: std::ops::Range<u64>, size: GroupSize) -> Self {
        Self { groups, within: 0, size }
    }

    /// Puts the next `rows` positions, or as many as are left, into `positions`.
    pub(crate) fn advance(&mut self, rows: usize, positions: &mut Vec<u64>) {
        positions.clear();
        while positions.len() < rows && !self.groups.is_empty() {
            let group = self.groups.start;
            let size = self.size.of(group);
            let end = size.min(self.within + (rows - positions.len()) as u64);
            positions.extend((self.within..end).map(|i| group * GROUP_ROWS + i));
            self.within = end;
            if end == size {
                self.groups.start += 1;
                self.within = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_finds_its_group() {
        for keying in [Keying::From(0), Keying::From(1), Keying::Sparse] {
            for group in 0..100 {
                let key = keying.key(group) as i64;
                assert_eq!(keying.group(key), group, "{keying:?}");
                assert_eq!(keying.group(key + 1), group + 1, "{keying:?}: a key between two belongs to the next");
            }
            assert_eq!(keying.group(-5), 0);
            assert_eq!(keying.group(0), 0);
        }
    }
}
