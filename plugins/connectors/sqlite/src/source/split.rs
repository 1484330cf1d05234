//! Chunks: ranges of the rowid.

use std::rc::Rc;

use sensei_sdk::{Chunk, Error, Range, Result};

use super::Readable;
use crate::database::Database;
use crate::sql::identifier;

/// How much longer than its number of rows a table's span of rowids may be, and still be cut into even parts. 2: no part
/// gets far more rows than the others, and the table need not be walked.
const SPARSE: u128 = 2;

/// Rows with `first <= rowid <= last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowidRange {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl RowidRange {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut words = text.split(' ');
        let parsed = (|| {
            (words.next()? == "rowid").then_some(())?;
            let range = Self { first: words.next()?.parse().ok()?, last: words.next()?.parse().ok()? };
            words.next().is_none().then_some(range)
        })();
        parsed.ok_or_else(|| Error::internal(format!("`{text}` is no range of rowids.")))
    }

    fn chunk(self, readable: &Readable, rows: u64) -> Chunk {
        let bytes = u128::from(readable.bytes) * u128::from(rows) / u128::from(readable.rows.max(1));
        Chunk {
            range: Range::Physical(format!("rowid {} {}", self.first, self.last)),
            rows,
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            // Without a key of its own a row may get another rowid by VACUUM.
            lasting: readable.rowid_is_key,
        }
    }
}

/// Divides a table. A table without rowids is one chunk.
pub(super) fn split(database: &Rc<Database>, table: &str, readable: &Readable, rows: u64) -> Result<Vec<Chunk>> {
    let whole = || vec![Chunk { range: Range::Whole, rows: readable.rows, bytes: readable.bytes, lasting: true }];
    let Some(rowid) = readable.rowid.as_deref() else { return Ok(whole()) };
    if readable.rows <= rows {
        return Ok(whole());
    }
    let from = identifier(table);
    let edge = |f: &str| database.integer(&format!("SELECT {f}({rowid}) FROM {from}"));
    let (Some(first), Some(last)) = (edge("min")?, edge("max")?) else { return Ok(whole()) };
    let span = (i128::from(last) - i128::from(first)) as u128 + 1;
    if span <= u128::from(readable.rows) * SPARSE {
        return Ok(evenly(first, span, readable, rows));
    }
    let query = format!("SELECT {rowid} FROM {from} WHERE {rowid} >= ?1 ORDER BY {rowid} LIMIT 1 OFFSET {rows}");
    let mut next = database.prepare(&query)?;
    let (mut chunks, mut begin) = (Vec::new(), first);
    loop {
        next.reset();
        next.bind_integer(0, begin)?;
        if !next.step()? {
            chunks.push(RowidRange { first: begin, last }.chunk(readable, rows));
            return Ok(chunks);
        }
        let end = next.integer(0);
        chunks.push(RowidRange { first: begin, last: end - 1 }.chunk(readable, rows));
        begin = end;
    }
}

fn evenly(first: i64, span: u128, readable: &Readable, rows: u64) -> Vec<Chunk> {
    let parts = u128::from(readable.rows.div_ceil(rows)).min(span);
    let edge = |part: u128| (i128::from(first) + (span * part / parts) as i128) as i64;
    let each = readable.rows / parts as u64;
    (0..parts)
        .map(|part| {
            let last = (i128::from(first) + (span * (part + 1) / parts) as i128 - 1) as i64;
            RowidRange { first: edge(part), last }.chunk(readable, each)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Access;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chunks_leave_nothing_out_and_do_not_overlap(
            ids in proptest::collection::btree_set(prop_oneof![any::<i64>(), -50..50i64, Just(i64::MIN), Just(i64::MAX)], 1..60),
            estimate in 1..100u64,
            rows in 1..20u64,
        ) {
            let db = Database::open(":memory:", Access::Create, 0).unwrap();
            db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)").unwrap();
            for id in &ids {
                db.execute(&format!("INSERT INTO t VALUES ({id})")).unwrap();
            }
            let readable = Readable { columns: vec![], rowid: Some("rowid".into()), rowid_is_key: true, rows: estimate, bytes: 0 };
            let chunks = split(&db, "t", &readable, rows).unwrap();
            let mut seen = 0;
            let mut behind = None;
            for chunk in &chunks {
                match &chunk.range {
                    Range::Whole => seen += ids.len(),
                    Range::Physical(text) => {
                        let range = RowidRange::parse(text).unwrap();
                        prop_assert!(behind.is_none_or(|last| last < range.first));
                        behind = Some(range.last);
                        seen += ids.range(range.first..=range.last).count();
                    }
                    Range::Keys(_) => prop_assert!(false, "no such range"),
                }
            }
            prop_assert_eq!(seen, ids.len());
        }
    }
}
