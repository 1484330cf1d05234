//! The pass over a table that sees what its columns hold.

use std::rc::Rc;

use sensei_sdk::Result;

use crate::database::Database;
use crate::declared::Meant;
use crate::facts::Facts;
use crate::sql;

/// Blocks in which a table with more rows than the limit is sampled, spread evenly from its first row to its last.
/// 64: finds what changed over a table's life; a seek for each costs nothing beside its rows.
const SAMPLE_BLOCKS: u64 = 64;

/// What one pass saw.
#[derive(Debug)]
pub(crate) struct Profile {
    /// One for each column, in order.
    pub(crate) facts: Vec<Facts>,
    /// Rows of the table: exact where every row was seen, else an estimate.
    pub(crate) rows: u64,
    /// Bytes of values, likewise.
    pub(crate) bytes: u64,
}

/// What to look at.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) table: &'a str,
    pub(crate) columns: &'a [(String, Option<Meant>)],
    /// A name under which the table's rowid can be asked for; none in a table without one.
    pub(crate) rowid: Option<&'a str>,
}

struct Pass {
    facts: Vec<Facts>,
    seen: u64,
    bytes: u64,
}

impl Subject<'_> {
    fn select(&self, key: &str) -> String {
        let names = self.columns.iter().map(|(name, _)| sql::identifier(name)).collect::<Vec<_>>().join(", ");
        let from = sql::identifier(self.table);
        if key.is_empty() {
            format!("SELECT {names} FROM {from}")
        } else {
            format!("SELECT {names}, {key} FROM {from}")
        }
    }

    /// Sees every row of a table with at most `limit`, a sample of a larger one.
    pub(crate) fn profile(&self, database: &Rc<Database>, limit: u64) -> Result<Profile> {
        let mut pass = Pass { facts: vec![Facts::default(); self.columns.len()], seen: 0, bytes: 0 };
        let rows = match self.rowid {
            Some(rowid) => self.by_rowid(database, rowid, limit, &mut pass)?,
            None => self.in_key_order(database, limit, &mut pass)?,
        };
        // Bytes of the rows that were not seen are taken to be like those of the rows that were.
        let bytes = u128::from(pass.bytes) * u128::from(rows) / u128::from(pass.seen.max(1));
        Ok(Profile { facts: pass.facts, rows, bytes: u64::try_from(bytes).unwrap_or(u64::MAX) })
    }

    fn in_key_order(&self, database: &Rc<Database>, limit: u64, pass: &mut Pass) -> Result<u64> {
        let mut rows = database.prepare(&format!("{} LIMIT {limit}", self.select("")))?;
        while rows.step()? {
            pass.see(self.columns, &rows);
        }
        if pass.seen < limit {
            return Ok(pass.seen);
        }
        let count = database.integer(&format!("SELECT count(*) FROM {}", sql::identifier(self.table)))?;
        Ok(count.unwrap_or(0) as u64)
    }

    fn by_rowid(&self, database: &Rc<Database>, rowid: &str, limit: u64, pass: &mut Pass) -> Result<u64> {
        let from = sql::identifier(self.table);
        let edge = |f: &str| database.integer(&format!("SELECT {f}({rowid}) FROM {from}"));
        let (Some(first), Some(last)) = (edge("min")?, edge("max")?) else { return Ok(0) };
        let span = (i128::from(last) - i128::from(first)) as u128 + 1;
        let blocks = if span <= u128::from(limit) { 1 } else { u128::from(SAMPLE_BLOCKS) };
        let each = u128::from(limit).div_ceil(blocks);
        let query = format!("{} WHERE {rowid} >= ?1 ORDER BY {rowid} LIMIT {each}", self.select(rowid));
        let mut rows = database.prepare(&query)?;
        let key = self.columns.len();
        // Distance that the rows of full blocks cover: what is between blocks is taken to be as dense.
        let (mut covered, mut next) = (0u128, i128::from(first));
        for block in 0..blocks {
            let begin = (i128::from(first) + (span * block / blocks) as i128).max(next);
            if begin > i128::from(last) {
                break;
            }
            rows.bind_integer(0, begin as i64)?;
            let mut here = 0;
            while rows.step()? {
                pass.see(self.columns, &rows);
                next = i128::from(rows.integer(key)) + 1;
                here += 1;
            }
            rows.reset();
            covered +=
                if here == each { (next - begin) as u128 } else { (i128::from(last) + 1 - begin).max(0) as u128 };
            if here < each {
                break;
            }
        }
        Ok(if blocks == 1 || covered >= span {
            pass.seen
        } else {
            u64::try_from(u128::from(pass.seen) * span / covered.max(1)).unwrap_or(u64::MAX)
        })
    }
}

impl Pass {
    fn see(&mut self, columns: &[(String, Option<Meant>)], row: &crate::database::Statement) {
        self.seen += 1;
        for (at, ((_, meant), facts)) in columns.iter().zip(&mut self.facts).enumerate() {
            self.bytes += facts.see(row, at, *meant) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Access;

    fn rows(make: &str, limit: u64) -> (u64, u64) {
        let db = Database::open(":memory:", Access::Create, 0).unwrap();
        db.execute(&format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, x); WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             INSERT INTO t SELECT {make}, 'abcd' FROM n"
        ))
        .unwrap();
        let columns = [("id".to_owned(), Some(Meant::Text)), ("x".to_owned(), None)];
        let profile = Subject { table: "t", columns: &columns, rowid: Some("rowid") }.profile(&db, limit).unwrap();
        (profile.rows, profile.facts[1].texts)
    }

    #[test]
    fn small_tables_are_seen_whole_and_large_ones_in_part() {
        assert_eq!(rows("i", 20_000), (10_000, 10_000));
        let (estimate, seen) = rows("i * 7", 640);
        assert_eq!(seen, 640);
        assert!((9_000..=11_000).contains(&estimate), "{estimate}");
        // Rowids far apart: more distance than the limit, fewer rows.
        assert_eq!(rows("i * 1000000000000", 640_000), (10_000, 10_000));
        let (estimate, _) = rows("i - 5000 + 4611686018427387904 * (i % 2)", 640);
        assert!(estimate > 640);
    }
}
