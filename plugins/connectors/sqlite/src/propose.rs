//! How the file would hold a table of some other system, or of another file.

use std::collections::HashSet;

use arrow_schema::{Field, Schema};
use sensei_sdk::catalog::{Check, Column, DataType, DefaultValue, ForeignKey, Index, Integer, Table, Text};
use sensei_sdk::{ColumnNote, Fidelity, NATIVE_TYPE, Proposal, Specials, TableNote, arrow_field, rows};

use crate::catalog::DIALECT;
use crate::rules;
use crate::sql::{identifier, text};

/// Index methods that order values, or do as well by an index that does.
const METHODS: &[&str] = &["btree", "hash", ""];

/// What cannot be had, gathered while a table is proposed.
struct Notes(Vec<TableNote>);

impl Notes {
    fn add(&mut self, about: &str, note: impl Into<String>) {
        self.0.push(TableNote { about: about.to_owned(), note: note.into() });
    }
}

/// Proposals for tables that land in one file together.
pub(crate) fn propose(tables: Vec<Table>, dialect: &str) -> Vec<Proposal> {
    let same = dialect == DIALECT;
    // Tables and indexes share one space of names.
    let mut taken: HashSet<String> = tables.iter().map(|t| t.name.name.to_lowercase()).collect();
    let numbers = numbers(&tables);
    tables.into_iter().map(|table| one(table, same, &numbers, &mut taken)).collect()
}

fn one(mut table: Table, same: bool, numbers: &HashSet<(String, String)>, taken: &mut HashSet<String>) -> Proposal {
    let mut notes = Notes(Vec::new());
    let table_name = table.name.name.clone();
    let identity_key = identity_key(&table);
    let mut fields: Vec<Field> = Vec::with_capacity(table.columns.len());
    let mut column_notes = Vec::with_capacity(table.columns.len());
    let mut checks: Vec<Check> = Vec::new();
    for column in &mut table.columns {
        let travels = arrow_field(column);
        let rowid = identity_key.as_ref() == Some(&column.name);
        let refuses = if same { Specials::empty() } else { rules::refuses(&column.data_type) };
        let (fidelity, note) = if same {
            (Fidelity::Lossless, String::new())
        } else {
            retype(column, numbers.contains(&(table_name.clone(), column.name.clone())), rowid, &mut checks)
        };
        if column.identity.is_some() && !rowid {
            column.identity = None;
            notes.add(
                &column.name,
                "SQLite numbers rows in a table's only key column alone; this column gets no numbers of its own",
            );
        }
        if !same {
            foreign_words(column, &mut notes);
        }
        // What the file computes is not sent, and compared all the same.
        let mut metadata = travels.metadata().clone();
        metadata.insert(NATIVE_TYPE.to_owned(), column.native_type.clone());
        fields.push(travels.with_metadata(metadata));
        column_notes.push(ColumnNote { column: column.name.clone(), fidelity, note, refuses });
    }
    if !same && table.comment.take().is_some() {
        notes.add(&table.name.name, "SQLite keeps no comments");
    }
    table.checks.extend(checks);
    table.foreign_keys = std::mem::take(&mut table.foreign_keys).into_iter().map(in_this_file).collect();
    let name = table.name.name.clone();
    table.indexes = std::mem::take(&mut table.indexes)
        .into_iter()
        .filter_map(|index| propose_index(index, &name, same, taken, &mut notes))
        .collect();
    Proposal { columns: column_notes, notes: notes.0, row_schema: rows::encode_schema(&Schema::new(fields)), table }
}

/// Columns, by table, that hold numbers the system gave out: keys it numbers, and what refers to such a key. They must be
/// SQLite's integers, whatever their range was.
fn numbers(tables: &[Table]) -> HashSet<(String, String)> {
    let of = |table: &Table, column: &String| (table.name.name.clone(), column.clone());
    let mut all: HashSet<_> = tables.iter().filter_map(|t| identity_key(t).map(|column| of(t, &column))).collect();
    // A key may refer to a key that refers to a key: until nothing new is found.
    loop {
        let before = all.len();
        for table in tables {
            for key in &table.foreign_keys {
                for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
                    if all.contains(&(key.referenced_table.clone(), referenced.clone())) {
                        all.insert(of(table, column));
                    }
                }
            }
        }
        if all.len() == before {
            return all;
        }
    }
}

/// The column that can be SQLite's INTEGER PRIMARY KEY: numbered by the system, and the whole key.
pub(crate) fn identity_key(table: &Table) -> Option<String> {
    let [only] = table.primary_key.as_ref()?.columns.as_slice() else { return None };
    table
        .columns
        .iter()
        .find(|c| &c.name == only && c.identity.is_some() && matches!(c.data_type, DataType::Integer(_)))
        .map(|c| c.name.clone())
}

/// Gives a column this system's type; says what that costs.
fn retype(column: &mut Column, in_key: bool, rowid: bool, checks: &mut Vec<Check>) -> (Fidelity, String) {
    let (rule, name) = rules::held(&column.data_type, in_key);
    column.native_type = if rowid {
        // The rowid is always 64 bits wide and must be called INTEGER; a hint keeps the width it had.
        match &column.data_type {
            DataType::Integer(Integer { bits: 64, signed: true }) => "INTEGER".to_owned(),
            _ => format!("INTEGER /* {} as {name} */", crate::declared::HINT),
        }
    } else {
        name
    };
    if let DataType::Enumeration(e) = &column.data_type {
        let values: Vec<_> = e.values.iter().map(|v| text(v)).collect();
        let expression = format!("{} IN ({})", identifier(&column.name), values.join(", "));
        checks.push(Check { name: None, expression });
    }
    if rule.fidelity != Fidelity::Lossless && matches!(column.data_type, DataType::Set(_) | DataType::Native) {
        column.data_type = DataType::Text(Text { length: None, fixed: false });
    }
    (rule.fidelity, rule.note.to_owned())
}

/// What of a column another system has and SQLite has not: left out, with a note.
fn foreign_words(column: &mut Column, notes: &mut Notes) {
    if std::mem::take(&mut column.touched_on_update) {
        notes.add(&column.name, "is no longer set by each update of its row: SQLite would need a trigger");
    }
    if column.comment.take().is_some() {
        notes.add(&column.name, "SQLite keeps no comments");
    }
    column.character_set = None;
    column.collation = None;
}

/// There are no schemas to point into.
fn in_this_file(mut key: ForeignKey) -> ForeignKey {
    key.referenced_schema = crate::catalog::SCHEMA.to_owned();
    key
}

fn propose_index(
    mut index: Index,
    table: &str,
    same: bool,
    taken: &mut HashSet<String>,
    notes: &mut Notes,
) -> Option<Index> {
    if !same {
        if !METHODS.contains(&index.method.to_lowercase().as_str()) {
            notes.add(&index.name, format!("SQLite has no {} index; it is left out", index.method));
            return None;
        }
        if index.unique && index.parts.iter().any(|p| p.prefix_length.is_some()) {
            notes.add(
                &index.name,
                "the index is unique over the beginnings of values, which SQLite cannot say; it is left out",
            );
            return None;
        }
        if index.parts.iter().any(|p| p.prefix_length.is_some()) {
            notes.add(&index.name, "the index covers whole values here, not their beginnings");
        }
        if !index.included.is_empty() {
            notes.add(&index.name, "columns carried along in the index are left out of it");
        }
        index.included.clear();
        index.comment = None;
        index.method = "btree".to_owned();
        for part in &mut index.parts {
            part.prefix_length = None;
            part.operator_class = None;
            part.nulls_first = None;
        }
    }
    let wanted = index.name.clone();
    let candidates = std::iter::once(wanted.clone())
        .chain(std::iter::once(format!("{table}_{wanted}")))
        .chain((2..).map(|n| format!("{table}_{wanted}_{n}")));
    for candidate in candidates {
        if taken.insert(candidate.to_lowercase()) {
            if candidate != wanted {
                notes.add(&wanted, format!("is called {candidate}: names of indexes are unique in a file"));
            }
            index.name = candidate;
            break;
        }
    }
    Some(index)
}

/// A default in SQL.
pub(crate) fn default_sql(default: &DefaultValue, data_type: &DataType) -> String {
    match default {
        DefaultValue::Literal(value) => literal(value, data_type),
        DefaultValue::CurrentDate => "CURRENT_DATE".to_owned(),
        DefaultValue::CurrentTime => "CURRENT_TIME".to_owned(),
        DefaultValue::CurrentTimestamp(digits) => {
            let zoned = matches!(data_type, DataType::Timestamp(t) if t.zoned);
            let digits = match data_type {
                DataType::Timestamp(t) => t.precision.max(*digits).min(6),
                _ => (*digits).min(6),
            };
            if (digits, zoned) == (0, false) {
                "CURRENT_TIMESTAMP".to_owned()
            } else {
                format!("({})", rules::now(digits, zoned))
            }
        }
        DefaultValue::RandomUuid => format!("({})", rules::RANDOM_UUID),
        DefaultValue::Expression(expression) => format!("({expression})"),
    }
}

fn literal(value: &str, data_type: &DataType) -> String {
    let plain_number = |value: &str| crate::number::Parts::parse(value.as_bytes()).is_some();
    match data_type {
        DataType::Boolean if value.eq_ignore_ascii_case("true") => "1".to_owned(),
        DataType::Boolean if value.eq_ignore_ascii_case("false") => "0".to_owned(),
        DataType::Integer(_) | DataType::Float(_) if plain_number(value) => value.to_owned(),
        DataType::Binary(_) | DataType::Geometry(_) if is_hex(value) => format!("x'{}'", &value[2..]),
        _ => text(value),
    }
}

fn is_hex(value: &str) -> bool {
    value.strip_prefix("\\x").is_some_and(|hex| hex.len() % 2 == 0 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}
