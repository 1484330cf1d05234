//! Dividing a table into chunks.
//!
//! Two ways. *Key ranges* last: a resumed migration goes on with them. *Page ranges* (`ctid`, PostgreSQL 14 and later)
//! need no key and read the table in the order it lies on disk, and hold for one snapshot. Measured with TPC-H
//! lineitem, 6 M rows in 60 chunks, CPU of the server for a binary COPY: key ranges 5.6 s, page ranges 5.5 s, noise
//! 0.3 s. That is for a table that lies in the order of its key. In a table that does not, every key range touches
//! every page; so a key is taken only where a sample shows the two orders to agree.

use sensei_sdk::catalog::TableName;
use sensei_sdk::{Chunk, Error, KeyRange, Kind, Range, Result};
use serde::{Deserialize, Serialize};

use super::{Shape, is_whole};
use crate::catalog::{ReadableColumn, Relation, planned_rows};
use crate::connection::Connection;
use crate::sql::{identifier, literal, qualified};

/// Pages sampled for each chunk: the sizes of key ranges then differ by about a quarter.
const SAMPLED_PAGES_PER_CHUNK: f64 = 20.0;
/// At most so many pages are sampled (400 MB), however many chunks there are.
const SAMPLED_PAGES_MAX: f64 = 50_000.0;
/// Rows taken of each sampled page: neighbours say little more than one of them.
const SAMPLED_ROWS_PER_PAGE: u32 = 2;
/// How well key order and disk order must agree (correlation of ranks) for key ranges to be read without detours.
const ORDERED: f64 = 0.9;
/// Chunks of one table at most; more would only make lists longer.
const CHUNKS_MAX: u64 = 20_000;
/// First version that reads a range of `ctid` without reading the pages before it.
const PAGE_RANGES_SINCE: u32 = 140_000;

/// Pages of one relation: a table, or one partition of it.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq, Clone)]
struct Pages {
    schema: String,
    relation: String,
    foreign: bool,
    from: Option<u64>,
    to: Option<u64>,
}

#[derive(Deserialize)]
struct Leaf {
    schema: String,
    name: String,
    kind: char,
    pages: u64,
    bytes: u64,
}

/// The columns to split by: of the primary key, or else of the shortest unique index without NULLs, whose order the
/// operators of `pg_catalog` know. Empty if there is none.
pub(super) fn key_columns(
    connection: &mut Connection,
    table: &TableName,
    columns: &[ReadableColumn],
) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Key {
        columns: Vec<String>,
    }
    let attributes = if connection.version() >= 110_000 { "i.indnkeyatts" } else { "i.indnatts" };
    let keys: Vec<Key> = connection.records(&format!(
        "SELECT k.columns FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = x.relam \
         CROSS JOIN LATERAL (SELECT pg_catalog.array_agg(a.attname::text ORDER BY p) AS columns, \
             pg_catalog.count(*) FILTER (WHERE a.attnotnull) AS required \
           FROM pg_catalog.generate_series(0, {attributes} - 1) p \
           LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p] AND a.attnum > 0) k \
         WHERE n.nspname = {} AND c.relname = {} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL \
           AND m.amname = 'btree' AND k.required = {attributes} \
         ORDER BY i.indisprimary DESC, {attributes}, x.relname",
        literal(&table.schema),
        literal(&table.name)
    ))?;
    let known = |name: &String| columns.iter().any(|c| &c.column.name == name && c.built_in);
    Ok(keys.into_iter().map(|k| k.columns).find(|names| names.iter().all(known)).unwrap_or_default())
}

/// `ONLY` a table: what inherits from it is a table of its own in the catalog. Partitions are not.
pub(super) fn rows_of(table: &TableName, relation: Relation) -> String {
    let name = qualified(&table.schema, &table.name);
    match relation {
        Relation::Ordinary => format!("ONLY {name}"),
        Relation::Partitioned | Relation::Foreign => name,
    }
}

/// What follows FROM for a range of a table.
pub(super) fn from_where(range: &Range, table: &TableName, shape: &Shape) -> Result<String> {
    match range {
        range if is_whole(range) => Ok(rows_of(table, shape.relation)),
        Range::Whole => Ok(rows_of(table, shape.relation)),
        Range::Keys(keys) => Ok(format!("{} WHERE {}", rows_of(table, shape.relation), key_condition(keys, shape)?)),
        Range::Physical(text) => {
            let pages: Pages = serde_json::from_str(text).map_err(|_| unknown_range(text))?;
            let name = qualified(&pages.schema, &pages.relation);
            let bounds: Vec<String> = [(">=", pages.from), ("<", pages.to)]
                .iter()
                .filter_map(|(operator, page)| page.map(|p| format!("ctid {operator} '({p},0)'::tid")))
                .collect();
            let only = if pages.foreign { "" } else { "ONLY " };
            let condition = if bounds.is_empty() { String::new() } else { format!(" WHERE {}", bounds.join(" AND ")) };
            Ok(format!("{only}{name}{condition}"))
        }
    }
}

fn unknown_range(text: &str) -> Error {
    Error::internal(format!("The chunk's range is not one of this connector: {text}."))
}

fn key_condition(keys: &KeyRange, shape: &Shape) -> Result<String> {
    let types: Vec<&str> = keys
        .columns
        .iter()
        .map(|name| {
            shape.column(name).map(|c| c.column.native_type.as_str()).ok_or_else(|| {
                Error::new(Kind::NotFound, format!("The key column {name:?} is gone. Plan again.")).column(name)
            })
        })
        .collect::<Result<_>>()?;
    let names: Vec<String> = keys.columns.iter().map(|c| identifier(c)).collect();
    let mut bounds = Vec::with_capacity(2);
    for (operator, values) in [(">=", &keys.lower), ("<", &keys.upper)] {
        let Some(values) = values else { continue };
        if values.len() != types.len() {
            return Err(unknown_range(&describe(&Range::Keys(keys.clone()))));
        }
        let values: Vec<String> = values.iter().zip(&types).map(|(v, t)| format!("{}::{t}", literal(v))).collect();
        bounds.push(match &names[..] {
            [one] => format!("{one} {operator} {}", values[0]),
            several => format!("({}) {operator} ({})", several.join(", "), values.join(", ")),
        });
    }
    Ok(bounds.join(" AND "))
}

/// A range for people.
pub(super) fn describe(range: &Range) -> String {
    match range {
        Range::Whole => "(whole table)".to_owned(),
        Range::Keys(keys) => {
            let bound =
                |b: &Option<Vec<String>>| b.as_ref().map_or("the end".to_owned(), |v| format!("({})", v.join(", ")));
            format!("({}) from {} to {}", keys.columns.join(", "), bound(&keys.lower), bound(&keys.upper))
        }
        Range::Physical(text) => text.clone(),
    }
}

/// Chunks of about `rows` rows.
pub(super) fn split(connection: &mut Connection, table: &TableName, shape: &Shape, rows: u64) -> Result<Vec<Chunk>> {
    let total = u64::try_from(planned_rows(connection, table)?).unwrap_or(0);
    let leaves = leaves(connection, table)?;
    let bytes = leaves.iter().map(|l| l.bytes).sum();
    let count = total.div_ceil(rows).min(CHUNKS_MAX);
    if count <= 1 {
        return Ok(vec![Chunk { range: Range::Whole, rows: total, bytes, lasting: true }]);
    }
    let page_ranges = connection.version() >= PAGE_RANGES_SINCE;
    match shape.relation {
        Relation::Foreign => Ok(vec![Chunk { range: Range::Whole, rows: total, bytes, lasting: true }]),
        Relation::Partitioned => pages(&leaves, total, rows, page_ranges),
        Relation::Ordinary => {
            let sample =
                if shape.key.is_empty() { None } else { sample(connection, table, &shape.key, &leaves, count)? };
            match sample {
                Some(s) if s.ordered >= ORDERED || !page_ranges => Ok(key_ranges(&shape.key, s.bounds, total, bytes)),
                Some(_) | None if page_ranges => pages(&leaves, total, rows, true),
                Some(_) | None => Ok(vec![Chunk { range: Range::Whole, rows: total, bytes, lasting: true }]),
            }
        }
    }
}

/// The relations that hold the table's rows: itself, or its partitions.
fn leaves(connection: &mut Connection, table: &TableName) -> Result<Vec<Leaf>> {
    connection.records(&format!(
        "WITH RECURSIVE tree(id) AS ( \
           SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           WHERE n.nspname = {} AND c.relname = {} \
           UNION ALL SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_class p ON p.oid = t.id AND p.relkind = 'p' \
             JOIN pg_catalog.pg_inherits i ON i.inhparent = t.id) \
         SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, \
           CASE WHEN c.relkind = 'r' THEN pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END \
             AS pages, \
           CASE WHEN c.relkind = 'r' THEN pg_catalog.pg_table_size(c.oid) ELSE 0 END AS bytes \
         FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.id \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'f') ORDER BY c.oid",
        literal(&table.schema),
        literal(&table.name)
    ))
}

/// Page ranges of equal size; where they are not to be had, whole partitions. The last range of a relation has no end.
fn pages(leaves: &[Leaf], total: u64, rows: u64, page_ranges: bool) -> Result<Vec<Chunk>> {
    let all: u64 = leaves.iter().map(|l| l.pages).sum::<u64>().max(1);
    // Pages that hold about `rows` rows, but no more chunks than are allowed.
    let step = (u128::from(all) * u128::from(rows) / u128::from(total.max(1))).max(1) as u64;
    let step = step.max(all.div_ceil(CHUNKS_MAX));
    let mut chunks = Vec::new();
    for leaf in leaves {
        let foreign = leaf.kind == 'f';
        let count = if page_ranges && !foreign { leaf.pages.div_ceil(step).max(1) } else { 1 };
        for at in 0..count {
            let from = (at > 0).then_some(at * step);
            let to = (at + 1 < count).then_some((at + 1) * step);
            let range = Pages { schema: leaf.schema.clone(), relation: leaf.name.clone(), foreign, from, to };
            let text = serde_json::to_string(&range)
                .map_err(|e| Error::internal(format!("A range cannot be written: {e}.")))?;
            let share = to.unwrap_or(leaf.pages).saturating_sub(from.unwrap_or(0));
            chunks.push(Chunk {
                range: Range::Physical(text),
                rows: (u128::from(total) * u128::from(share) / u128::from(all)) as u64,
                bytes: leaf.bytes / count,
                lasting: count == 1,
            });
        }
    }
    if chunks.is_empty() {
        chunks.push(Chunk { range: Range::Whole, rows: total, bytes: 0, lasting: true });
    }
    Ok(chunks)
}

struct Sample {
    /// How well the order of the key and that of the pages agree, 0 to 1.
    ordered: f64,
    bounds: Vec<Vec<String>>,
}

/// Looks at a few pages all over the table. Nothing is sorted but the sample.
fn sample(
    connection: &mut Connection,
    table: &TableName,
    key: &[String],
    leaves: &[Leaf],
    count: u64,
) -> Result<Option<Sample>> {
    let pages = leaves.iter().map(|l| l.pages).sum::<u64>().max(1) as f64;
    let wanted = (count as f64 * SAMPLED_PAGES_PER_CHUNK).min(SAMPLED_PAGES_MAX);
    let percent = (100.0 * wanted / pages).min(100.0);
    let keys: Vec<String> = key.iter().enumerate().map(|(at, k)| format!("{} AS k{at}", identifier(k))).collect();
    let aliases: Vec<String> = (0..key.len()).map(|at| format!("k{at}")).collect();
    let texts: Vec<String> = aliases.iter().map(|k| format!("({k})::text")).collect();
    let (keys, order, texts) = (keys.join(", "), aliases.join(", "), texts.join(", "));
    let rows = connection.query(&format!(
        "WITH s AS (SELECT {keys}, (ctid::text::point)[0] AS page FROM ONLY {} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1) \
           WHERE (ctid::text::point)[1] <= {SAMPLED_ROWS_PER_PAGE}), \
         r AS (SELECT {order}, page, pg_catalog.row_number() OVER (ORDER BY {order}) AS at, \
           pg_catalog.count(*) OVER () AS total FROM s) \
         SELECT (SELECT abs(pg_catalog.corr(at, page)) FROM r), {texts} FROM r \
         WHERE at > 1 AND at % greatest(total / {count}, 1) = 0 AND at <= total - total / {count} / 2 ORDER BY at",
        qualified(&table.schema, &table.name)
    ))?;
    let ordered = rows.first().and_then(|row| row.first()?.as_ref()?.parse::<f64>().ok()).unwrap_or(0.0);
    let bounds: Vec<Vec<String>> = rows.into_iter().filter_map(|row| row.into_iter().skip(1).collect()).collect();
    Ok(if bounds.is_empty() { None } else { Some(Sample { ordered, bounds }) })
}

/// Ranges between bounds. The first column of the key is enough where it alone tells the bounds apart.
fn key_ranges(key: &[String], bounds: Vec<Vec<String>>, total: u64, bytes: u64) -> Vec<Chunk> {
    let apart = bounds.windows(2).all(|pair| pair[0][0] != pair[1][0]);
    let width = if apart { 1 } else { key.len() };
    let mut cuts: Vec<Vec<String>> = bounds.into_iter().map(|b| b.into_iter().take(width).collect()).collect();
    cuts.dedup();
    let count = cuts.len() as u64 + 1;
    let lowers = std::iter::once(None).chain(cuts.iter().cloned().map(Some));
    let uppers = cuts.iter().cloned().map(Some).chain(std::iter::once(None));
    lowers
        .zip(uppers)
        .map(|(lower, upper)| Chunk {
            range: Range::Keys(KeyRange { columns: key[..width].to_vec(), lower, upper }),
            rows: total / count,
            bytes: bytes / count,
            lasting: true,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(name: &str, pages: u64) -> Leaf {
        Leaf { schema: "s".to_owned(), name: name.to_owned(), kind: 'r', pages, bytes: pages * 8192 }
    }

    fn page_bounds(chunk: &Chunk) -> (String, Option<u64>, Option<u64>) {
        let Range::Physical(text) = &chunk.range else { panic!("{chunk:?}") };
        let pages: Pages = serde_json::from_str(text).unwrap();
        (pages.relation, pages.from, pages.to)
    }

    #[test]
    fn page_ranges_leave_nothing_out() {
        let chunks = pages(&[leaf("a", 25), leaf("b", 0)], 1000, 400, true).unwrap();
        let bounds: Vec<_> = chunks.iter().map(page_bounds).collect();
        assert_eq!(
            bounds,
            [
                ("a".to_owned(), None, Some(10)),
                ("a".to_owned(), Some(10), Some(20)),
                ("a".to_owned(), Some(20), None),
                ("b".to_owned(), None, None)
            ]
        );
        assert_eq!(chunks.iter().map(|c| c.lasting).collect::<Vec<_>>(), [false, false, false, true]);
    }

    #[test]
    fn the_first_key_column_suffices_when_it_tells_bounds_apart() {
        let key = ["a".to_owned(), "b".to_owned()];
        let bound = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let apart = key_ranges(&key, vec![bound("1", "5"), bound("2", "5")], 30, 300);
        assert_eq!(apart.len(), 3);
        assert_eq!(describe(&apart[1].range), "(a) from (1) to (2)");
        let not = key_ranges(&key, vec![bound("1", "5"), bound("1", "9")], 30, 300);
        assert_eq!(describe(&not[2].range), "(a, b) from (1, 9) to the end");
    }
}
