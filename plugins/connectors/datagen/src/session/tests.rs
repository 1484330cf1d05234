use arrow_select::concat::concat_batches;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::settings::tests::settings;

/// As much as a reader gives at once.
const ALL_ROWS: u32 = u32::MAX;
const ALL_BYTES: u64 = 1 << 40;

fn open(given: serde_json::Value) -> Session {
    Session::open(&settings(given)).expect("a session")
}

fn names(table: &MadeTable) -> Vec<String> {
    table.columns.iter().map(|c| c.column.name.clone()).collect()
}

/// All rows of some chunks, one after the other.
fn read(session: &mut Session, table: &MadeTable, chunks: &[Chunk], batch_rows: u32, batch_bytes: u64) -> RecordBatch {
    let mut batches = Vec::new();
    let mut schema = None;
    for chunk in chunks {
        let request = ReadRequest {
            table: table.name.clone(),
            columns: names(table),
            range: chunk.range.clone(),
            batch_rows,
            batch_bytes,
            limit: None,
        };
        let mut reader = session.read(request).expect("a reader");
        while let Some(batch) = reader.next_rows().expect("rows") {
            assert!(batch.num_rows() <= batch_rows as usize);
            let sliced: usize =
                batch.columns().iter().map(|c| c.to_data().get_slice_memory_size().expect("a size")).sum();
            assert!(batch.num_rows() == 1 || sliced as u64 <= batch_bytes + 16 * batch.num_columns() as u64);
            batches.push(batch);
        }
        schema = Some(reader.schema.clone());
    }
    concat_batches(&schema.expect("a chunk"), &batches).expect("batches of one schema")
}

fn whole() -> [Chunk; 1] {
    [Chunk { range: sensei_sdk::Range::Whole, rows: 0, bytes: 0, lasting: true }]
}

fn all_tables(session: &Session) -> Vec<Rc<MadeTable>> {
    session.tables.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_depend_on_their_position_alone(
        random in any::<bool>(), edges in any::<bool>(), chunk_rows in 1_u64..400, batch_rows in 1_u32..200, batch_bytes in 1_u64..100_000,
    ) {
        let dataset = if random { "random" } else { "tpch" };
        let mut session = open(json!({"dataset": dataset, "scale": 0.0005, "rows": 333, "tables": 2, "edges": edges}));
        for table in all_tables(&session) {
            let chunks = session.split(table.name.clone(), chunk_rows).expect("chunks");
            let expected = read(&mut session, &table, &whole(), ALL_ROWS, ALL_BYTES);
            let cut = read(&mut session, &table, &chunks, batch_rows, batch_bytes);
            // By their bytes: a NaN is no NaN's equal.
            let bytes = |rows: &RecordBatch| {
                let rows = rows::encode_batch(rows).expect("encodable");
                (rows.message, rows.body)
            };
            prop_assert_eq!(bytes(&expected), bytes(&cut), "{}", &table.name.name);
            prop_assert_eq!(expected.num_rows() as u64, session.count(table.name.clone()).expect("a count"));
        }
    }
}

#[test]
fn tpch_has_the_right_number_of_rows() {
    let mut session = open(json!({"scale": 0.1}));
    let counts: Vec<(String, u64)> = all_tables(&session)
        .iter()
        .map(|t| (t.name.name.clone(), session.count(t.name.clone()).expect("a count")))
        .collect();
    insta::assert_debug_snapshot!(counts);
}

#[test]
fn the_catalogs_are_as_agreed() {
    insta::assert_debug_snapshot!("tpch_catalog", open(json!({})).catalog(Vec::new()).expect("a catalog"));
    let random = open(json!({"dataset": "random"})).catalog(vec!["random".into()]).expect("a catalog");
    insta::assert_debug_snapshot!("random_catalog", random);
}

/// Rows as people read them: golden, because a change of them would break a migration that goes on after an update.
#[test]
fn the_first_rows_are_as_ever() {
    let mut text = String::new();
    for given in [json!({}), json!({"dataset": "random"}), json!({"dataset": "random", "edges": true})] {
        let mut session = open(given);
        for table in all_tables(&session) {
            let rows = read(&mut session, &table, &whole(), ALL_ROWS, ALL_BYTES);
            text.push_str(&format!("{}\n", table.name.name));
            for (name, column) in names(&table).iter().zip(rows.columns()) {
                text.push_str(&format!("  {name}: {:?}\n", column.slice(0, 5.min(column.len()))));
            }
        }
    }
    insta::assert_snapshot!(text);
}

/// Keys are unique and every reference finds its row.
#[test]
fn tpch_keeps_its_keys() {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int32Type, Int64Type};
    use std::collections::{HashMap, HashSet};

    let mut session = open(json!({"scale": 0.002}));
    let mut rows = HashMap::new();
    for table in all_tables(&session) {
        rows.insert(table.name.name.clone(), read(&mut session, &table, &whole(), ALL_ROWS, ALL_BYTES));
    }
    let keys = |table: &str, columns: &[String]| -> Vec<Vec<i64>> {
        let batch = &rows[table];
        let value = |name: &String, row: usize| {
            let column = batch.column_by_name(name).expect("a column");
            match column.as_primitive_opt::<Int32Type>() {
                Some(ints) => i64::from(ints.value(row)),
                None => column.as_primitive::<Int64Type>().value(row),
            }
        };
        (0..batch.num_rows()).map(|row| columns.iter().map(|c| value(c, row)).collect()).collect()
    };
    for table in session.catalog(Vec::new()).expect("a catalog").tables {
        let name = &table.name.name;
        let own = keys(name, &table.primary_key.expect("a key").columns);
        assert_eq!(own.iter().collect::<HashSet<_>>().len(), own.len(), "{name} has a key twice");
        assert!(own.is_sorted() || name == "partsupp", "{name} is in the order of its key");
        for reference in table.foreign_keys {
            let there: HashSet<_> =
                keys(&reference.referenced_table, &reference.referenced_columns).into_iter().collect();
            let here = keys(name, &reference.columns);
            assert!(here.iter().all(|k| there.contains(k)), "{name}: {reference:?} points nowhere");
        }
    }
}

#[test]
fn what_does_not_exist_is_named() {
    let mut session = open(json!({}));
    let table = TableName { schema: "tpch".into(), name: "nobody".into() };
    assert_eq!(session.count(table).expect_err("no such table").kind, Kind::NotFound);
    assert_eq!(session.catalog(vec!["public".into()]).expect_err("no such schema").kind, Kind::NotFound);
    let region = TableName { schema: "tpch".into(), name: "region".into() };
    let error = session.row_schema(region, vec!["r_size".into()]).expect_err("no such column");
    assert_eq!((error.kind, error.column.as_deref()), (Kind::NotFound, Some("r_size")));
}

#[test]
fn every_column_has_the_contracts_type() {
    let mut session = open(json!({"dataset": "random", "rows": 500}));
    let table = all_tables(&session).remove(0);
    let rows = read(&mut session, &table, &whole(), ALL_ROWS, ALL_BYTES);
    for (made, array) in table.columns.iter().zip(rows.columns()) {
        assert_eq!(*array.data_type(), sensei_sdk::arrow_type(&made.column.data_type), "{}", made.column.name);
        let nulls = if made.column.name == "id" { 0..1 } else { 20..90 };
        assert!(nulls.contains(&array.null_count()), "{}: {} NULLs", made.column.name, array.null_count());
    }
}

#[test]
fn nothing_is_missing_of_a_schema_that_is_there() {
    let mut session = open(json!({"dataset": "tpch", "scale": 0.001}));
    assert_eq!(session.missing_rights(vec![]).expect("an answer"), [""; 0]);
    assert_eq!(session.missing_rights(vec!["tpch".into()]).expect("an answer"), [""; 0]);
    assert_eq!(session.missing_rights(vec!["hr".into()]).expect_err("no such schema").kind, Kind::NotFound);
}
