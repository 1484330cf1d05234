//! Tables of random columns, one or more of every neutral type.

mod kinds;

use arrow_array::types::Int64Type;
use sensei_sdk::catalog::{Generation, Identity, TableName};
use sensei_sdk::{Error, Kind as ErrorKind, Result};

use crate::column::{MadeColumn, integer};
use crate::draw::Draw;
use crate::settings::Settings;
use crate::table::{GROUP_ROWS, GroupSize, Keying, MadeTable};
use kinds::{KINDS, Kind, Values};

/// The one schema of this dataset.
pub(crate) const SCHEMA: &str = "random";

/// All tables: `table_1`, `table_2` ..., each with an `id` and the columns that were asked for.
pub(crate) fn tables(settings: &Settings) -> Result<Vec<MadeTable>> {
    let kinds = kinds_of(&settings.columns)?;
    Ok((1..=settings.tables).map(|number| table(settings, number, &kinds)).collect())
}

/// `all`, or names separated by commas.
fn kinds_of(list: &str) -> Result<Vec<&'static Kind>> {
    if list.trim() == "all" {
        return Ok(KINDS.iter().collect());
    }
    let named = |name: &str| {
        KINDS.iter().find(|k| k.name == name).ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|k| k.name).collect();
            let message = format!("`columns` names `{name}`, which is no type. Types: {}.", known.join(", "));
            Error::new(ErrorKind::InvalidConfig, message)
        })
    };
    list.split(',').map(|name| named(name.trim())).collect()
}

fn table(settings: &Settings, number: u32, kinds: &[&Kind]) -> MadeTable {
    let mut id = integer::<Int64Type>("id", |p| (p / GROUP_ROWS) as i64 + 1);
    id.column.identity =
        Some(Identity { generation: Generation::ByDefault, next: Some(settings.rows as i64 + 1), increment: 1 });
    let mut columns = vec![id];
    for kind in kinds {
        let name = free_name(&columns, kind.name);
        let stream =
            |what: &str| Draw::named(what).seeded(settings.seed).seeded(number.into()).seeded(columns.len() as u64);
        let values = Values { stream: stream("value"), edges: settings.edges };
        let column =
            MadeColumn::new(&name, kind.native_type.to_owned(), (kind.data_type)(), kind.bytes, (kind.make)(values));
        columns.push(column.with_nulls(settings.nulls, stream("null")));
    }
    MadeTable {
        name: TableName { schema: SCHEMA.into(), name: format!("table_{number}") },
        comment: "Random rows.",
        columns,
        primary_key: vec!["id"],
        foreign_keys: Vec::new(),
        groups: settings.rows,
        size: GroupSize::Fixed(1),
        keying: Keying::From(1),
    }
}

/// `c_int64`, or `c_int64_2` for the second of them.
fn free_name(columns: &[MadeColumn], kind: &str) -> String {
    let first = format!("c_{kind}");
    let taken = |name: &String| columns.iter().any(|c| c.column.name == *name);
    if !taken(&first) {
        return first;
    }
    (2..).map(|n| format!("{first}_{n}")).find(|name| !taken(name)).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_after_their_types() {
        let kinds = kinds_of("int64, text,int64").expect("known types");
        let read = crate::settings::tests::settings(serde_json::json!({"dataset": "random"}));
        let table = table(&Settings::read(&read).expect("settings"), 1, &kinds);
        let names: Vec<&str> = table.columns.iter().map(|c| c.column.name.as_str()).collect();
        assert_eq!(names, ["id", "c_int64", "c_text", "c_int64_2"]);
    }

    #[test]
    fn an_unknown_type_is_named() {
        let error = kinds_of("int64,int65").err().expect("an error");
        assert_eq!(error.kind, ErrorKind::InvalidConfig);
        assert!(error.message.contains("`int65`"), "{}", error.message);
    }
}
