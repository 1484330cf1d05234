//! Dividing a table into chunks of about as many rows as asked for.
//!
//! A key that begins with an integer is cut between its smallest and largest value, each piece is estimated by the
//! server from the index (microseconds), and what is too large is cut again: gaps and skew do not matter.
//! Where one value alone has too many rows, the key's next column is cut within it. Any other key is walked along its
//! index (0.1 microseconds a row).

use sensei_sdk::catalog::{Column, DataType, TableName};
use sensei_sdk::{Chunk, KeyRange, Range, Result};

use super::range::{Key, Side, bound, condition, divides, find, from_index, key_text};
use crate::connection::{Connection, identifier, literal};

/// A piece may have this many times the rows asked for: estimates are not exact.
const TOLERANCE: u64 = 2;
/// The most pieces one cut makes.
const MAX_PIECES: u64 = 512;
/// The most chunks of a table; beyond, chunks grow.
const MAX_CHUNKS: u64 = 100_000;
/// The most often a piece is cut again: 2^64 values are down to one in 64 halvings.
const MAX_DEPTH: u32 = 64;

type Values = Vec<String>;

/// A range between two bounds, and the rows it is thought to have.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    lower: Option<Values>,
    upper: Option<Values>,
    rows: u64,
}

/// A table to be divided.
struct Split<'a> {
    connection: &'a mut Connection,
    table: &'a TableName,
    key: &'a Key,
    columns: Vec<&'a Column>,
    rows: u64,
}

/// Divides a table by the best of its keys.
pub(crate) fn split(
    connection: &mut Connection,
    table: &TableName,
    columns: &[Column],
    keys: &[Key],
    rows: u64,
) -> Result<Vec<Chunk>> {
    let size = connection.table(&format!(
        "SELECT TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(&table.schema),
        literal(&table.name)
    ))?;
    let number = |at: usize| size.first().and_then(|r| r[at].as_deref()).and_then(|n| n.parse().ok()).unwrap_or(0_u64);
    let (total, bytes) = (number(0), number(1));
    let whole = Chunk { range: Range::Whole, rows: total, bytes, lasting: true };
    let usable = keys.iter().find_map(|key| {
        let columns = find(columns, &key.columns, table).ok()?;
        let leading = columns.iter().take_while(|c| divides(c)).count();
        (leading > 0).then(|| (key, columns[..leading].to_vec()))
    });
    let Some((key, columns)) = usable else { return Ok(vec![whole]) };
    let rows = rows.max(1).max(total / MAX_CHUNKS);
    let mut it = Split { connection, table, key, columns, rows };
    let all = it.estimate(None, None)?.max(total);
    if all <= rows + rows / 2 {
        return Ok(vec![whole]);
    }
    let pieces = if integer(it.columns[0]) { it.cut(&[], None, None, all, 0)? } else { it.walk()? };
    let pieces = merge(scale(pieces, total), rows);
    if pieces.len() == 1 {
        return Ok(vec![whole]);
    }
    let names: Vec<String> = it.columns.iter().map(|c| c.name.clone()).collect();
    let width = bytes.checked_div(total.max(1)).unwrap_or(0);
    Ok(pieces
        .into_iter()
        .map(|p| Chunk {
            range: Range::Keys(KeyRange { columns: names.clone(), lower: p.lower, upper: p.upper }),
            rows: p.rows,
            bytes: p.rows.saturating_mul(width),
            lasting: true,
        })
        .collect())
}

fn integer(column: &Column) -> bool {
    matches!(column.data_type, DataType::Integer(_))
}

/// Makes estimates add up to the table's rows: those of small ranges are often twice too high.
fn scale(mut pieces: Vec<Piece>, total: u64) -> Vec<Piece> {
    let sum: u64 = pieces.iter().map(|p| p.rows).sum();
    if total > 0 && sum > total {
        for piece in &mut pieces {
            piece.rows = (u128::from(piece.rows) * u128::from(total) / u128::from(sum)) as u64;
        }
    }
    pieces
}

/// Joins neighbours that together have no more rows than asked for. Bounds that nobody needs go.
fn merge(pieces: Vec<Piece>, rows: u64) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match merged.last_mut() {
            Some(last) if last.rows + piece.rows <= rows => {
                last.upper = piece.upper;
                last.rows += piece.rows;
            }
            Some(_) | None => merged.push(piece),
        }
    }
    merged
}

/// Equal steps from `low` to `high`: where each of at most `pieces` begins, the first left out.
fn steps(low: i128, high: i128, pieces: u64) -> Vec<i128> {
    let span = (high - low + 1) as u128;
    let pieces = u128::from(pieces).min(span);
    // Whole steps and a remainder apart: the product would not fit.
    let (step, rest) = (span / pieces, span % pieces);
    (1..pieces).map(|at| low + (step * at + rest * at / pieces) as i128).collect()
}

impl Split<'_> {
    fn from(&self) -> String {
        from_index(self.table, Some(self.key))
    }

    /// Rows of a range, as the server estimates them from the index.
    fn estimate(&mut self, lower: Option<&Values>, upper: Option<&Values>) -> Result<u64> {
        let condition = condition(&self.columns, lower.map(Vec::as_slice), upper.map(Vec::as_slice))?;
        let condition = condition.map(|c| format!(" WHERE {c}")).unwrap_or_default();
        let name = identifier(&self.columns[0].name);
        let plan = self.connection.table(&format!("EXPLAIN SELECT {name} {}{condition}", self.from()))?;
        // MariaDB: id, select_type, table, type, possible_keys, key, key_len, ref, rows, Extra. MySQL has `partitions`
        // before `type`. Without a row in the range there is a plan without `rows`.
        let rows = plan.first().and_then(|row| row[if row.len() > 10 { 9 } else { 8 }].as_deref()?.parse().ok());
        Ok(rows.unwrap_or(0))
    }

    /// Smallest and largest value of the key's column after `prefix`; none without rows.
    fn extent(&mut self, prefix: &[String]) -> Result<Option<(i128, i128)>> {
        let name = identifier(&self.columns[prefix.len()].name);
        let mut condition = String::new();
        for (column, value) in self.columns.iter().zip(prefix) {
            let and = if condition.is_empty() { " WHERE " } else { " AND " };
            condition.push_str(&format!("{and}{} = {value}", identifier(&column.name)));
        }
        let sql = format!("SELECT MIN({name}), MAX({name}) {}{condition}", self.from());
        let row = self.connection.table(&sql)?.into_iter().next().unwrap_or_default();
        let mut numbers = row.into_iter().map(|n| n.and_then(|n| n.parse().ok()));
        Ok(numbers.next().flatten().zip(numbers.next().flatten()))
    }

    /// Cuts what lies between two bounds, in which all keys begin with `prefix`, into pieces small enough.
    fn cut(
        &mut self,
        prefix: &[String],
        lower: Option<Values>,
        upper: Option<Values>,
        rows: u64,
        depth: u32,
    ) -> Result<Vec<Piece>> {
        let whole = Piece { lower: lower.clone(), upper: upper.clone(), rows };
        let Some((low, high)) = self.extent(prefix)? else { return Ok(vec![whole]) };
        let mut pieces = Vec::new();
        self.cut_numbers(prefix, (low, high), whole, depth, &mut pieces)?;
        Ok(pieces)
    }

    /// Cuts a piece whose values after `prefix` lie between two numbers, both included.
    fn cut_numbers(
        &mut self,
        prefix: &[String],
        (low, high): (i128, i128),
        piece: Piece,
        depth: u32,
        pieces: &mut Vec<Piece>,
    ) -> Result<()> {
        let key = |number: i128| {
            let mut values = prefix.to_vec();
            values.push(number.to_string());
            values
        };
        if piece.rows <= self.rows * TOLERANCE || depth >= MAX_DEPTH {
            pieces.push(piece);
            return Ok(());
        }
        if low >= high {
            // One value has it all: its rows are told apart by the key's next column, if that counts too.
            let prefix = key(low);
            if self.columns.get(prefix.len()).is_some_and(|c| integer(c)) {
                pieces.extend(self.cut(&prefix, piece.lower, piece.upper, piece.rows, depth + 1)?);
            } else {
                pieces.push(piece);
            }
            return Ok(());
        }
        let wanted = piece.rows.div_ceil(self.rows).clamp(2, MAX_PIECES);
        let mut begins = vec![low];
        begins.extend(steps(low, high, wanted));
        for (at, &begin) in begins.iter().enumerate() {
            let next = begins.get(at + 1).copied();
            let lower = if at == 0 { piece.lower.clone() } else { Some(key(begin)) };
            let upper = next.map(key).or_else(|| piece.upper.clone());
            let rows = self.estimate(lower.as_ref(), upper.as_ref())?;
            let end = next.map_or(high, |n| n - 1);
            self.cut_numbers(prefix, (begin, end), Piece { lower, upper, rows }, depth + 1, pieces)?;
        }
        Ok(())
    }

    /// Walks along the index, and puts a bound after every so many rows.
    fn walk(&mut self) -> Result<Vec<Piece>> {
        let texts: Vec<String> = self.columns.iter().map(|c| key_text(c)).collect();
        let order: Vec<String> = self.columns.iter().map(|c| identifier(&c.name)).collect();
        let (texts, order, from) = (texts.join(", "), order.join(", "), self.from());
        let mut pieces: Vec<Piece> = Vec::new();
        let mut lower: Option<Values> = None;
        loop {
            let condition = condition(&self.columns, lower.as_deref(), None)?;
            let condition = condition.map(|c| format!(" WHERE {c}")).unwrap_or_default();
            let sql = format!("SELECT {texts} {from}{condition} ORDER BY {order} LIMIT 1 OFFSET {}", self.rows);
            let next = self.connection.table(&sql)?.into_iter().next();
            let next: Option<Values> = next.and_then(|row| row.into_iter().collect());
            // A prefix of the key that has more rows than asked for makes the same bound again.
            let (next, stuck) = match next {
                Some(next) if lower.as_ref() == Some(&next) => (self.next_after(&next)?, true),
                next => (next, false),
            };
            let rows = if stuck { self.estimate(lower.as_ref(), next.as_ref())? } else { self.rows };
            pieces.push(Piece { lower, upper: next.clone(), rows });
            match next {
                Some(next) => lower = Some(next),
                None => return Ok(pieces),
            }
        }
    }

    /// The first key beyond all rows that begin with `values`.
    fn next_after(&mut self, values: &Values) -> Result<Option<Values>> {
        let texts: Vec<String> = self.columns.iter().map(|c| key_text(c)).collect();
        let order: Vec<String> = self.columns.iter().map(|c| identifier(&c.name)).collect();
        let after = bound(&self.columns, values, Side::After)?;
        let sql =
            format!("SELECT {} {} WHERE {after} ORDER BY {} LIMIT 1", texts.join(", "), self.from(), order.join(", "));
        let next = self.connection.table(&sql)?.into_iter().next();
        Ok(next.and_then(|row| row.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    proptest! {
        #[test]
        fn steps_rise_and_stay_inside(a in any::<i64>(), b in any::<u64>(), pieces in 1_u64..600) {
            let (low, high) = (i128::from(a), i128::from(a) + i128::from(b));
            let steps = steps(low, high, pieces);
            assert!(steps.windows(2).all(|w| w[0] < w[1]));
            assert!(steps.iter().all(|s| low < *s && *s <= high));
            assert_eq!(steps.len() as u128, u128::from(pieces).min(u128::from(b) + 1) - 1);
        }
    }

    #[test]
    fn neighbours_join() {
        let piece = |lower: u32, upper: u32, rows| Piece {
            lower: Some(vec![lower.to_string()]),
            upper: Some(vec![upper.to_string()]),
            rows,
        };
        let merged = merge(vec![piece(0, 1, 5), piece(1, 2, 5), piece(2, 3, 1), piece(3, 4, 20)], 10);
        assert_eq!(merged, [piece(0, 2, 10), piece(2, 3, 1), piece(3, 4, 20)]);
    }
}
