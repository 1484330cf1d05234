//! The comparison across systems.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::canonical::canonical;
use super::{ForeignKey, Kind, System, Table, Value, kind};

/// Differences listed in full; more are counted.
const LISTED: usize = 25;
/// Characters of a value shown.
const SHOWN: usize = 80;

/// What may differ.
#[derive(Clone, Debug)]
pub struct Rules {
    naming: fn(&str) -> String,
    lost_indexes: Vec<(&'static str, Vec<String>)>,
    skipped_columns: Vec<(&'static str, &'static str)>,
    left_out: Option<&'static str>,
}

impl Rules {
    /// Names in snake_case on one side or both; all else agrees.
    pub fn across() -> Self {
        Self { naming: snake, lost_indexes: Vec::new(), skipped_columns: Vec::new(), left_out: None }
    }

    /// Names agree to the letter.
    pub fn same_names() -> Self {
        Self { naming: str::to_owned, ..Self::across() }
    }

    /// The target does not have this index of the source: it has no such kind of index.
    #[must_use]
    pub fn without_index(mut self, table: &'static str, columns: &[&str]) -> Self {
        self.lost_indexes.push((table, columns.iter().map(|column| (*column).to_owned()).collect()));
        self
    }

    /// Tables whose names begin so were not to be moved.
    #[must_use]
    pub fn without_tables(mut self, prefix: &'static str) -> Self {
        self.left_out = Some(prefix);
        self
    }

    /// Values of this column are compared by the test itself.
    #[must_use]
    pub fn without_column(mut self, table: &'static str, column: &'static str) -> Self {
        self.skipped_columns.push((table, column));
        self
    }
}

/// Where two systems differ.
#[derive(Debug)]
pub struct Differences {
    found: Vec<String>,
    rows: usize,
}

impl Differences {
    /// All that was found.
    pub fn list(&self) -> &[String] {
        &self.found
    }

    pub(super) fn add(&mut self, more: Vec<String>) {
        self.found.extend(more);
    }

    /// Nothing differs.
    ///
    /// # Panics
    /// With the differences when there are any, and when there was nothing to compare.
    #[track_caller]
    pub fn assert_equal(&self) {
        assert!(self.found.is_empty(), "the databases differ:\n{self}");
        assert!(self.rows > 0, "there was no row to compare");
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in self.found.iter().take(LISTED) {
            writeln!(formatter, "  {difference}")?;
        }
        match self.found.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => writeln!(formatter, "  and {more} more"),
        }
    }
}

/// Compares shape and rows of `source` with those of `target`.
pub fn compare(source: &System, target: &System, rules: &Rules) -> Differences {
    let mut differences = Differences { found: Vec::new(), rows: 0 };
    let (sources, targets) = (named(source, rules.naming), named(target, rules.naming));
    for name in targets.keys().filter(|name| !sources.contains_key(*name)) {
        differences.found.push(format!("{name}: only the target has this table"));
    }
    let left_out = |name: &str| rules.left_out.is_some_and(|prefix| name.starts_with(prefix));
    for (name, one) in sources.iter().filter(|(name, _)| !left_out(name)) {
        let Some(two) = targets.get(name) else {
            differences.found.push(format!("{name}: the target has no such table"));
            continue;
        };
        let sides = Sides { name, table: &one.renamed, other: &two.renamed, rules };
        sides.columns(&mut differences.found);
        sides.keys(source, target, &mut differences.found);
        if one.table.columns.len() == two.table.columns.len() {
            let (rows, others) = (source.rows(&one.name, &one.table), target.rows(&two.name, &two.table));
            differences.rows += rows.len();
            sides.rows(rows, others, &mut differences.found);
        }
        for column in two.table.columns.iter().filter(|column| column.automatic) {
            let stuck = target.stuck(&two.name, &column.name);
            let what = format!("{name}.{}", column.name);
            differences.found.extend(stuck.map(|reason| format!("{what}: a new row collides: {reason}")));
        }
    }
    differences
}

/// A table as its system names things, and as the comparison does.
struct Named {
    name: String,
    table: Table,
    renamed: Table,
}

fn named(system: &System, naming: fn(&str) -> String) -> BTreeMap<String, Named> {
    let shape = system.shape().into_iter();
    shape
        .map(|(name, table)| {
            let renamed = renamed(table.clone(), naming);
            (naming(&name), Named { name, table, renamed })
        })
        .collect()
}

/// One table on both sides, under one name.
struct Sides<'a> {
    name: &'a str,
    table: &'a Table,
    other: &'a Table,
    rules: &'a Rules,
}

impl Sides<'_> {
    fn columns(&self, found: &mut Vec<String>) {
        let names = |table: &Table| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        if names(self.table) != names(self.other) {
            found.push(format!("{}: columns {:?}, target {:?}", self.name, names(self.table), names(self.other)));
            return;
        }
        for (column, other) in self.table.columns.iter().zip(&self.other.columns) {
            let what = format!("{}.{} ({}, {})", self.name, column.name, column.declared, other.declared);
            if column.nullable != other.nullable {
                found.push(format!("{what}: nullable {}, target {}", column.nullable, other.nullable));
            }
            let dynamic = [column.kind, other.kind].contains(&Kind::Dynamic);
            if column.automatic != other.automatic && !dynamic {
                found.push(format!("{what}: numbers itself {}, target {}", column.automatic, other.automatic));
            }
            if kind::common(column.kind, other.kind).is_none() {
                found.push(format!("{what}: {:?} and {:?} have no values in common", column.kind, other.kind));
            }
        }
    }

    fn keys(&self, source: &System, target: &System, found: &mut Vec<String>) {
        let name = self.name;
        if self.table.primary_key != self.other.primary_key {
            found
                .push(format!("{name}: primary key {:?}, target {:?}", self.table.primary_key, self.other.primary_key));
        }
        let lost = |columns: &Vec<String>| {
            self.rules.lost_indexes.iter().any(|(table, lost)| *table == name && lost == columns)
        };
        for columns in self.table.uniques.difference(&self.other.uniques).filter(|columns| !lost(columns)) {
            found.push(format!("{name}: {columns:?} is unique, not so in the target"));
        }
        for columns in self.other.uniques.difference(&self.table.uniques) {
            found.push(format!("{name}: {columns:?} is unique in the target alone"));
        }
        // MariaDB makes an index for each foreign key that has none.
        let made = |system: &System, table: &Table, columns: &Vec<String>| {
            matches!(system, System::MariaDb(_)) && table.foreign_keys.iter().any(|key| &key.columns == columns)
        };
        for columns in self.table.indexes.difference(&self.other.indexes) {
            if !lost(columns) && !made(source, self.table, columns) {
                found.push(format!("{name}: the target has no index on {columns:?}"));
            }
        }
        for columns in self.other.indexes.difference(&self.table.indexes) {
            if !made(target, self.other, columns) {
                found.push(format!("{name}: only the target has an index on {columns:?}"));
            }
        }
        for key in self.table.foreign_keys.difference(&self.other.foreign_keys) {
            found.push(format!("{name}: the target has no foreign key {key:?}"));
        }
        for key in self.other.foreign_keys.difference(&self.table.foreign_keys) {
            found.push(format!("{name}: only the target has a foreign key {key:?}"));
        }
    }

    fn rows(&self, rows: Vec<Vec<Value>>, others: Vec<Vec<Value>>, found: &mut Vec<String>) {
        let kinds: Vec<Kind> = self
            .table
            .columns
            .iter()
            .zip(&self.other.columns)
            .map(|(column, other)| kind::common(column.kind, other.kind).unwrap_or(Kind::Text))
            .collect();
        let skipped: Vec<bool> = self
            .table
            .columns
            .iter()
            .map(|column| self.rules.skipped_columns.iter().any(|skipped| *skipped == (self.name, &*column.name)))
            .collect();
        let prepare = |mut rows: Vec<Vec<Value>>| {
            for row in &mut rows {
                for ((value, kind), skipped) in row.iter_mut().zip(&kinds).zip(&skipped) {
                    *value = if *skipped { None } else { value.take().map(|value| canonical(&value, *kind)) };
                }
            }
            rows
        };
        let (rows, others) = (prepare(rows), prepare(others));
        if rows.len() != others.len() {
            found.push(format!("{}: {} rows, target {}", self.name, rows.len(), others.len()));
        }
        let key: Vec<usize> =
            self.table.primary_key.iter().filter_map(|name| Some(self.table.column(name)?.0)).collect();
        if key.is_empty() { self.unkeyed(rows, others, found) } else { self.keyed(&key, rows, others, found) }
    }

    fn keyed(&self, key: &[usize], rows: Vec<Vec<Value>>, others: Vec<Vec<Value>>, found: &mut Vec<String>) {
        let index = |rows: Vec<Vec<Value>>| -> BTreeMap<Vec<Value>, Vec<Value>> {
            rows.into_iter().map(|row| (key.iter().map(|position| row[*position].clone()).collect(), row)).collect()
        };
        let (rows, mut others) = (index(rows), index(others));
        for (key, row) in rows {
            let Some(other) = others.remove(&key) else {
                found.push(format!("{} {}: the target has no such row", self.name, shown_row(&key)));
                continue;
            };
            for ((column, value), other) in self.table.columns.iter().zip(&row).zip(&other) {
                if value != other {
                    let (table, key) = (self.name, shown_row(&key));
                    found.push(format!("{table} {key}, {}: {}, target {}", column.name, shown(value), shown(other)));
                }
            }
        }
        found
            .extend(others.keys().map(|key| format!("{} {}: only the target has this row", self.name, shown_row(key))));
    }

    fn unkeyed(&self, mut rows: Vec<Vec<Value>>, mut others: Vec<Vec<Value>>, found: &mut Vec<String>) {
        rows.sort();
        others.sort();
        if rows == others {
            return;
        }
        let (one, two): (BTreeSet<_>, BTreeSet<_>) = (rows.iter().collect(), others.iter().collect());
        let before = found.len();
        found.extend(one.difference(&two).map(|row| format!("{} {}: not in the target", self.name, shown_row(row))));
        found.extend(two.difference(&one).map(|row| format!("{} {}: in the target alone", self.name, shown_row(row))));
        if found.len() == before && rows.len() == others.len() {
            found.push(format!("{}: the same rows, but not as often", self.name));
        }
    }
}

fn shown_row(row: &[Value]) -> String {
    let values: Vec<String> = row.iter().map(shown).collect();
    format!("({})", values.join(", "))
}

fn shown(value: &Value) -> String {
    let Some(bytes) = value else { return "NULL".to_owned() };
    let text = String::from_utf8_lossy(bytes);
    let text: String = text.chars().take(SHOWN).collect();
    if bytes.len() > SHOWN { format!("{text:?}... ({} bytes)", bytes.len()) } else { format!("{text:?}") }
}

/// `PlaylistTrack` and `playlistTrack` are `playlist_track`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = ' ';
    for character in name.chars() {
        if character.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
        before = character;
    }
    snake
}

fn renamed(table: Table, naming: fn(&str) -> String) -> Table {
    let all = |names: Vec<String>| names.iter().map(|name| naming(name)).collect::<Vec<_>>();
    let key = |key: ForeignKey| ForeignKey {
        columns: all(key.columns),
        table: naming(&key.table),
        referenced: all(key.referenced),
        ..key
    };
    Table {
        columns: table
            .columns
            .into_iter()
            .map(|column| super::Column { name: naming(&column.name), ..column })
            .collect(),
        primary_key: all(table.primary_key),
        uniques: table.uniques.into_iter().map(all).collect(),
        indexes: table.indexes.into_iter().map(all).collect(),
        foreign_keys: table.foreign_keys.into_iter().map(key).collect(),
    }
}
