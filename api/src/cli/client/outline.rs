//! An answer whose fields are the server's to choose, for people: facts first, then a table for each list of things.

use serde_json::{Map, Value};

use super::facts;
use crate::cli::screen::{Column, table};

/// Facts and tables of an answer.
#[derive(Default)]
struct Outline<'a> {
    facts: Vec<(String, String)>,
    tables: Vec<(String, Vec<&'a Map<String, Value>>)>,
}

/// The whole answer.
pub(super) fn text(answer: &Map<String, Value>, width: u16) -> String {
    let mut outline = Outline::default();
    outline.gather("", answer);
    let mut text = facts::lines(outline.facts.iter().map(|(label, value)| (label.as_str(), Some(value.clone()))));
    for (label, rows) in &outline.tables {
        let gap = if text.is_empty() { "" } else { "\n" };
        text += &format!("{gap}{label}\n{}", rows_text(rows, width));
    }
    text
}

impl<'a> Outline<'a> {
    fn gather(&mut self, within: &str, object: &'a Map<String, Value>) {
        for (name, value) in object {
            let label = format!("{within}{}", name.replace('_', " "));
            match value {
                Value::Null => {}
                Value::Object(inner) => self.gather(&format!("{label}: "), inner),
                Value::Array(items) => match items.iter().map(Value::as_object).collect::<Option<Vec<_>>>() {
                    Some(rows) if !rows.is_empty() => self.tables.push((label, rows)),
                    Some(_) | None => self.facts.push((label, cell(value))),
                },
                Value::Bool(_) | Value::Number(_) | Value::String(_) => self.facts.push((label, cell(value))),
            }
        }
    }
}

fn rows_text(rows: &[&Map<String, Value>], width: u16) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(|row| row.keys()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    // A column that no row has anything in says nothing.
    names.retain(|name| rows.iter().any(|row| row.get(*name).is_some_and(|value| !value.is_null())));
    let heads: Vec<String> = names.iter().map(|name| name.replace('_', " ")).collect();
    let is_number = |name: &str| rows.iter().all(|row| row.get(name).is_none_or(|v| v.is_number() || v.is_null()));
    let columns: Vec<Column<'_>> = names
        .iter()
        .zip(&heads)
        .map(|(name, head)| if is_number(name) { Column::Right(head) } else { Column::Left(head) })
        .collect();
    let cells = rows.iter().map(|row| names.iter().map(|name| row.get(*name).map(cell).unwrap_or_default()).collect());
    table(&columns, cells, width)
}

/// One value, on one line.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| format!("{name} {}", cell(value))).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_before_tables() {
        let answer = r#"{
            "migration_id": "mig_1",
            "tables": [
                {"table": "orders", "source_rows": 1500, "target_rows": 1500, "agrees": true, "note": null},
                {"table": "nation", "source_rows": 25, "target_rows": null, "agrees": false, "note": null,
                 "differing": {"keys": [1, 2]}}
            ],
            "status": "failed",
            "summary": {"tables": 2, "not_checked": []},
            "finished_at": null
        }"#;
        insta::assert_snapshot!(text(&serde_json::from_str(answer).expect("an object"), 100));
    }
}
