//! How tables of any system would be held here, and what of them cannot be.

use std::collections::{BTreeMap, HashSet};

use arrow_schema::Schema;
use sensei_sdk::catalog::{Action, Binary, Column, DataType, DefaultValue, Index, Table, Text};
use sensei_sdk::{ColumnNote, Fidelity, Proposal, Specials, TableNote, arrow_field, rows};

use super::rules::{held, refuses};
use crate::catalog::{DIALECT, native};
use crate::connection::Server;

/// Bytes a row may have, all columns of fixed and VARCHAR types together.
const ROW_BYTES: u64 = 65_535;
/// What columns without a length of their own may take of it, in all: pointers, NULL bits.
const ROW_SLACK: u64 = 1_024;
/// Bytes of a key (InnoDB, ROW_FORMAT=DYNAMIC).
const KEY_BYTES: u32 = 3_072;
/// Characters of a text that an index takes when the column is too long for it.
const PREFIX_CHARACTERS: u32 = 191;
/// Bytes of a character in utf8mb4.
const CHARACTER_BYTES: u32 = 4;

/// Types that only MariaDB has; elsewhere they go by the rules.
const MARIA_TYPES: &[&str] = &["uuid", "inet4", "inet6"];

/// Collations of one system, and what comes closest in the other: MySQL's name, MariaDB's.
const COLLATIONS: &[(&str, &str)] = &[
    ("utf8mb4_0900_ai_ci", "utf8mb4_uca1400_nopad_ai_ci"),
    ("utf8mb4_0900_as_ci", "utf8mb4_uca1400_nopad_as_ci"),
    ("utf8mb4_0900_as_cs", "utf8mb4_uca1400_nopad_as_cs"),
    ("utf8mb4_0900_bin", "utf8mb4_nopad_bin"),
    ("utf8mb4_0900_ai_ci", "utf8mb4_uca1400_ai_ci"),
    ("utf8mb4_0900_ai_ci", "utf8mb4_unicode_520_nopad_ci"),
    ("utf8mb4_unicode_520_ci", "utf8mb4_unicode_520_ci"),
];

/// What the server can collate by; asked once a session.
pub(crate) type Collations = HashSet<String>;

/// Compares as most other systems do: equal means the same characters, spaces at the end included.
fn exact_collation(collations: &Collations) -> &'static str {
    let wanted = ["utf8mb4_nopad_bin", "utf8mb4_0900_bin"];
    wanted.into_iter().find(|c| collations.contains(*c)).unwrap_or("utf8mb4_bin")
}

/// A collation that is here, for one that may not be.
fn nearest_collation(wanted: &str, collations: &Collations) -> Option<String> {
    if collations.contains(wanted) {
        return Some(wanted.to_owned());
    }
    let other = |(a, b): &(&'static str, &'static str)| match wanted {
        w if w == *a => Some(*b),
        w if w == *b => Some(*a),
        _ => None,
    };
    // MariaDB's catalog leaves the character set out of the newest names.
    let named = COLLATIONS.iter().filter_map(other).find(|c| collations.contains(*c));
    named.map(str::to_owned)
}

/// Proposes all tables; what refers to what is looked up among them.
pub(crate) fn propose(tables: Vec<Table>, dialect: &str, server: &Server, collations: &Collations) -> Vec<Proposal> {
    let keys = key_columns(&tables);
    let none = HashSet::new();
    tables
        .into_iter()
        .map(|table| {
            let name = (table.name.schema.clone(), table.name.name.clone());
            let keys = keys.get(&name).unwrap_or(&none);
            Proposer { own: dialect == DIALECT, server, collations, keys, notes: Vec::new() }.table(table)
        })
        .collect()
}

/// Columns, by table, that take part in a key or in a reference.
fn key_columns(tables: &[Table]) -> BTreeMap<(String, String), HashSet<String>> {
    let mut keys: BTreeMap<_, HashSet<String>> = BTreeMap::new();
    for table in tables {
        let own = keys.entry((table.name.schema.clone(), table.name.name.clone())).or_default();
        own.extend(table.primary_key.iter().chain(&table.unique_keys).flat_map(|k| k.columns.clone()));
        own.extend(table.indexes.iter().filter(|i| i.unique).flat_map(|i| &i.parts).filter_map(|p| p.column.clone()));
        own.extend(table.foreign_keys.iter().flat_map(|f| f.columns.clone()));
    }
    for foreign in tables.iter().flat_map(|t| &t.foreign_keys) {
        let name = (foreign.referenced_schema.clone(), foreign.referenced_table.clone());
        keys.entry(name).or_default().extend(foreign.referenced_columns.iter().cloned());
    }
    keys
}

/// Characters or bytes in the parentheses of a native type.
fn declared_length(native: &str) -> Option<u32> {
    native.split_once('(')?.1.split_once(')')?.0.parse().ok()
}

/// Whether a native type's text has a character set.
pub(super) fn is_text(native: &str) -> bool {
    let name = native.split(['(', ' ']).next().unwrap_or_default();
    matches!(name, "char" | "varchar" | "enum" | "set") || name.ends_with("text")
}

/// Whether an index needs a prefix length for a column.
fn is_large(native: &str) -> bool {
    let name = native.split(['(', ' ']).next().unwrap_or_default();
    name.ends_with("text") || name.ends_with("blob") || name == "json"
}

/// Bytes a column takes of the row's most, and of a key.
fn bytes(native: &str) -> u64 {
    let name = native.split(['(', ' ']).next().unwrap_or_default();
    let width = if native.contains("character set ascii") { 1 } else { u64::from(CHARACTER_BYTES) };
    match (name, declared_length(native)) {
        ("char" | "varchar", Some(n)) => u64::from(n) * width + 2,
        ("binary" | "varbinary", Some(n)) => u64::from(n) + 2,
        ("decimal", _) => 30,
        _ => 12,
    }
}

struct Proposer<'a> {
    /// The tables come from this kind of system: its own words are understood.
    own: bool,
    server: &'a Server,
    collations: &'a Collations,
    keys: &'a HashSet<String>,
    notes: Vec<TableNote>,
}

impl Proposer<'_> {
    fn note(&mut self, about: &str, note: impl Into<String>) {
        self.notes.push(TableNote { about: about.to_owned(), note: note.into() });
    }

    fn table(mut self, mut table: Table) -> Proposal {
        let mut columns: Vec<ColumnNote> = table.columns.iter_mut().map(|c| self.column(c)).collect();
        if !self.own {
            self.fit_row(&mut table, &mut columns);
        }
        self.keys_and_indexes(&mut table);
        self.identity(&mut table);
        self.references(&mut table);
        let fields: Vec<_> = table.columns.iter().map(arrow_field).collect();
        let row_schema = rows::encode_schema(&Schema::new(fields));
        Proposal { table, columns, notes: self.notes, row_schema }
    }

    /// One column: type, collation, default, generation.
    fn column(&mut self, column: &mut Column) -> ColumnNote {
        let mut note = ColumnNote {
            column: column.name.clone(),
            fidelity: Fidelity::Lossless,
            note: String::new(),
            refuses: if self.own { Specials::empty() } else { refuses(&column.data_type) },
        };
        let name = column.native_type.split(['(', ' ']).next().unwrap_or_default();
        let foreign = !self.own || !self.server.maria && MARIA_TYPES.contains(&name);
        if foreign {
            let held = held(&column.data_type, self.server, self.keys.contains(&column.name));
            column.native_type = held.native;
            narrow(column);
            note.fidelity = held.fidelity;
            note.note = held.note.to_owned();
            // A type that brings its own character set keeps it.
            let text = is_text(&column.native_type) && !column.native_type.contains("character set");
            column.character_set = text.then(|| "utf8mb4".to_owned());
            column.collation = text.then(|| exact_collation(self.collations).to_owned());
        } else if column.data_type == DataType::Json {
            // MariaDB shows its JSON as longtext with a check.
            column.native_type = "json".to_owned();
            (column.character_set, column.collation) = (None, None);
        } else if let Some(wanted) = column.collation.take() {
            column.collation = nearest_collation(&wanted, self.collations);
            if column.collation.as_ref() != Some(&wanted) {
                note.fidelity = Fidelity::Widened;
                note.note = format!(
                    "The server has no collation {wanted}; text is compared by {} instead.",
                    column.collation.as_deref().unwrap_or("the character set's own")
                );
            }
        }
        if column.generated.is_some() && self.server.maria && !column.nullable {
            column.nullable = true;
            self.note(&column.name, "Without NOT NULL, which MariaDB does not take for what it computes.");
        }
        if !self.own {
            self.default(column);
        }
        note
    }

    /// A default of another system.
    fn default(&mut self, column: &mut Column) {
        let Some(default) = column.default.take() else { return };
        let temporal = matches!(column.data_type, DataType::Timestamp(_));
        let fits = match &default {
            DefaultValue::Literal(text) => super::ddl::literal_default(column, text).is_some(),
            DefaultValue::CurrentTimestamp(_) => temporal || is_text(&column.native_type),
            DefaultValue::CurrentDate | DefaultValue::CurrentTime => true,
            DefaultValue::RandomUuid => matches!(column.data_type, DataType::Uuid | DataType::Text(_)),
            DefaultValue::Expression(_) => true,
        };
        if fits {
            column.default = Some(default);
        } else {
            let text = match default {
                DefaultValue::Literal(text) | DefaultValue::Expression(text) => text,
                other => format!("{other:?}"),
            };
            self.note(&column.name, format!("Its default ({text}) has no equal here and is left out."));
        }
    }

    /// Turns the longest VARCHARs into TEXT until a row fits.
    fn fit_row(&mut self, table: &mut Table, notes: &mut [ColumnNote]) {
        loop {
            let total: u64 = table.columns.iter().map(|c| bytes(&c.native_type)).sum();
            if total + ROW_SLACK <= ROW_BYTES {
                return;
            }
            let movable = |c: &&mut Column| c.native_type.starts_with("var") && !self.keys.contains(&c.name);
            let Some(column) = table.columns.iter_mut().filter(movable).max_by_key(|c| bytes(&c.native_type)) else {
                return;
            };
            column.native_type = if column.native_type.starts_with("varchar") { "text" } else { "blob" }.to_owned();
            if let Some(note) = notes.iter_mut().find(|n| n.column == column.name) {
                note.fidelity = Fidelity::Widened;
                note.note =
                    "Without a length of its own: the table's columns together exceed a row's bytes.".to_owned();
            }
        }
    }

    /// The bytes that columns take of a key.
    fn key_bytes(all: &[Column], columns: &[String]) -> u64 {
        let of = |name: &String| all.iter().find(|c| c.name == *name).map_or(0, |c| bytes(&c.native_type));
        columns.iter().map(of).sum()
    }

    /// Leaves out what the server has no index for.
    fn keys_and_indexes(&mut self, table: &mut Table) {
        if self.server.maria {
            let (kept, gone) = std::mem::take(&mut table.indexes)
                .into_iter()
                .partition(|i: &Index| i.parts.iter().all(|p| p.expression.is_none()));
            table.indexes = kept;
            for index in gone {
                self.note(&index.name, "MariaDB has no indexes on expressions: it is left out.");
            }
        }
        if self.own {
            return;
        }
        if let Some(key) =
            table.primary_key.take_if(|k| Self::key_bytes(&table.columns, &k.columns) > u64::from(KEY_BYTES))
        {
            let why =
                format!("The primary key ({}) exceeds {KEY_BYTES} bytes and is left out.", key.columns.join(", "));
            self.note("primary key", why);
        }
        let long = |k: &sensei_sdk::catalog::Key| Self::key_bytes(&table.columns, &k.columns) > u64::from(KEY_BYTES);
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut table.unique_keys).into_iter().partition(long);
        table.unique_keys = kept;
        for key in gone {
            let name = key.name.clone().unwrap_or_else(|| "unique key".to_owned());
            self.note(
                &name,
                format!("The unique key exceeds {KEY_BYTES} bytes and is left out: duplicates are not noticed."),
            );
        }
        for index in std::mem::take(&mut table.indexes) {
            if let Some(index) = self.index(table, index) {
                table.indexes.push(index);
            }
        }
    }

    /// An index of another system, as far as it can be had.
    fn index(&mut self, table: &Table, mut index: Index) -> Option<Index> {
        let name = index.name.clone();
        if index.predicate.is_some() {
            self.note(&name, "The server has no partial indexes: it is left out.");
            return None;
        }
        match index.method.as_str() {
            "btree" => {}
            "hash" => index.method = "btree".to_owned(),
            method => {
                self.note(&name, format!("The server has no {method} index: it is left out."));
                return None;
            }
        }
        if !index.included.is_empty() {
            self.note(&name, "The columns it only carries along are left out.");
            index.included.clear();
        }
        let columns: Vec<String> = index.parts.iter().filter_map(|p| p.column.clone()).collect();
        let native =
            |c: &Option<String>| table.columns.iter().find(|t| Some(&t.name) == c.as_ref()).map(|t| &t.native_type);
        let large = index.parts.iter().any(|p| native(&p.column).is_some_and(|n| is_large(n)));
        if large || Self::key_bytes(&table.columns, &columns) > u64::from(KEY_BYTES) {
            if index.unique {
                self.note(
                    &name,
                    format!("The unique index exceeds {KEY_BYTES} bytes and is left out: duplicates are not noticed."),
                );
                return None;
            }
            for part in &mut index.parts {
                let long = native(&part.column).is_some_and(|n| {
                    is_large(n) || n.starts_with("var") && declared_length(n) > Some(PREFIX_CHARACTERS)
                });
                if long {
                    part.prefix_length = Some(PREFIX_CHARACTERS);
                }
            }
            self.note(&name, format!("It covers the first {PREFIX_CHARACTERS} characters of long columns."));
        }
        for part in &mut index.parts {
            part.operator_class = None;
            part.nulls_first = None;
        }
        Some(index)
    }

    /// Only one column counts, and it must be the first of some key.
    fn identity(&mut self, table: &mut Table) {
        let leads = |name: &str| {
            let first = |columns: &[String]| columns.first().is_some_and(|c| c == name);
            table.primary_key.iter().chain(&table.unique_keys).any(|k| first(&k.columns))
                || table.indexes.iter().any(|i| i.parts.first().and_then(|p| p.column.as_deref()) == Some(name))
        };
        let led: HashSet<String> = table.columns.iter().filter(|c| leads(&c.name)).map(|c| c.name.clone()).collect();
        let mut taken = false;
        for column in &mut table.columns {
            if column.identity.is_none() {
                continue;
            }
            let integer = matches!(native::data_type(&column.native_type), DataType::Integer(_) | DataType::Float(_));
            if taken || !integer || !led.contains(&column.name) {
                column.identity = None;
                let why =
                    "Only one column of a table counts by itself, an integer that leads a key: this one does not here.";
                self.note(&column.name, why);
            } else {
                taken = true;
                column.default = None;
            }
        }
    }

    /// What InnoDB does not do for references.
    fn references(&mut self, table: &mut Table) {
        for foreign in &mut table.foreign_keys {
            let about = foreign.name.clone().unwrap_or_else(|| "foreign key".to_owned());
            if foreign.deferrable {
                (foreign.deferrable, foreign.initially_deferred) = (false, false);
                self.notes.push(TableNote {
                    about: about.clone(),
                    note: "It is checked at once: the server defers nothing.".into(),
                });
            }
            for action in [&mut foreign.on_update, &mut foreign.on_delete] {
                if *action == Action::SetDefault {
                    *action = Action::NoAction;
                    let note = "SET DEFAULT becomes NO ACTION: the server does not have it.".into();
                    self.notes.push(TableNote { about: about.clone(), note });
                }
            }
        }
    }
}

/// Where the native type has a limit that the neutral one has not, the neutral one gets it: who plans sees what values
/// must fit into, and the engine refuses what does not before it is sent.
fn narrow(column: &mut Column) {
    match (&mut column.data_type, native::data_type(&column.native_type)) {
        (neutral @ DataType::Number, held @ DataType::Decimal(_)) => *neutral = held,
        (DataType::Text(Text { length, .. }), DataType::Text(Text { length: Some(held), .. }))
        | (DataType::Binary(Binary { length, .. }), DataType::Binary(Binary { length: Some(held), .. })) => {
            *length = Some(length.map_or(held, |length| length.min(held)));
        }
        _ => {}
    }
}
