//! Random schemas with random values, the same for the same seed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::vocabulary::{Engine, Native};

/// Rows of a table at most.
const ROWS: usize = 40;
/// Columns beside its key at most.
const COLUMNS: usize = 7;
/// Tables of a schema at most.
const TABLES: usize = 3;

/// A schema and its rows.
#[derive(Debug)]
pub struct Schema {
    /// Tables, those that are referred to first.
    pub tables: Vec<Table>,
    engine: Engine,
}

/// One table.
#[derive(Debug)]
pub struct Table {
    /// Its name, as given.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    key: Key,
    /// Positions of columns.
    unique: Option<Vec<usize>>,
    index: Option<Vec<usize>>,
    /// An own column that holds the key of an earlier table.
    parent: Option<(usize, String)>,
    /// Position of a column that another one is computed from: the same again.
    computed: Option<usize>,
    rows: Vec<Vec<String>>,
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name, as given.
    pub name: String,
    native: &'static Native,
    required: bool,
    default: bool,
    /// Values that are nobody's edge.
    plain: bool,
}

/// A table's primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    None,
    /// An integer column of its own, `id`.
    Number,
    /// One that numbers itself.
    Automatic,
    /// The first columns, so many.
    Columns(usize),
}

/// Names that somebody finds hard. No two of them are one in snake_case, or without case.
const NAMES: [&str; 24] = [
    "plain",
    "with space",
    "select",
    "order",
    "group",
    "Mixed Case",
    "camelCase",
    "ümläut",
    "it's",
    "per%cent",
    "under_score",
    "user",
    "table",
    "a",
    "_leading",
    "x1",
    "quo\"te",
    "dash-ed",
    "dot.ted",
    "漢字",
    "rowid2",
    "key",
    "value",
    "name",
];

impl Schema {
    /// The schema of a seed. Columns of `plain` (`table.column`) hold no edges.
    pub fn of(engine: Engine, seed: u64, plain: &BTreeSet<(String, String)>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let many = random.usize(1..=TABLES);
        let mut tables: Vec<Table> = Vec::new();
        for name in some_names(&mut random, many) {
            let table = Table::of(engine, &mut random, format!("{name} {}", tables.len()), &tables, plain);
            tables.push(table);
        }
        Self { tables, engine }
    }

    /// The column that a refusal names, if it may hold other values.
    pub fn blamed(&self, refusal: &str) -> Option<(String, String)> {
        let all = self.tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
        let named = |(table, column): &(&Table, &Column)| {
            !column.plain && refusal.contains(&table.name) && refusal.contains(&column.name)
        };
        // A name may be part of another one.
        let named = all.filter(named).max_by_key(|(table, column)| (table.name.len(), column.name.len()));
        named.map(|(table, column)| (table.name.clone(), column.name.clone()))
    }

    /// What makes it.
    pub fn script(&self) -> String {
        let mut script = self.engine.preamble().to_owned();
        let needs: BTreeSet<&str> = self.tables.iter().flat_map(|t| t.columns.iter().map(|c| c.native.needs)).collect();
        script.extend(needs);
        for table in &self.tables {
            table.write(self, &mut script);
        }
        script
    }
}

impl Table {
    fn of(
        engine: Engine,
        random: &mut fastrand::Rng,
        name: String,
        earlier: &[Self],
        plain: &BTreeSet<(String, String)>,
    ) -> Self {
        let types = engine.types();
        let many = random.usize(1..=COLUMNS);
        let key = match random.u32(0..6) {
            0 => Key::None,
            1 | 2 => Key::Number,
            3 => Key::Automatic,
            _ => Key::Columns(random.usize(1..=2).min(many)),
        };
        let keyed = if let Key::Columns(n) = key { n } else { 0 };
        let keys: Vec<&'static Native> = types.iter().filter(|native| native.key).collect();
        let columns: Vec<Column> = some_names(random, many)
            .into_iter()
            .enumerate()
            .map(|(at, column)| {
                let in_key = at < keyed;
                let native =
                    if in_key { keys[random.usize(..keys.len())] } else { &types[random.usize(..types.len())] };
                let required = in_key || random.u32(0..4) == 0;
                // Some of MariaDB's types take no default, and SQLite's take expressions in brackets alone.
                let default = !in_key && native.key && random.u32(0..4) == 0;
                Column {
                    plain: plain.contains(&(name.clone(), column.to_owned())),
                    name: column.to_owned(),
                    native,
                    required,
                    default,
                }
            })
            .collect();
        let some_keys = |random: &mut fastrand::Rng| {
            let fit: Vec<usize> = (0..many).filter(|at| columns[*at].native.key).collect();
            let first = fit.get(random.usize(0..=fit.len()))?;
            let second = fit.get(random.usize(0..=fit.len()));
            Some(std::iter::once(*first).chain(second.copied().filter(|second| second != first)).collect::<Vec<_>>())
        };
        let (unique, index) = (some_keys(random), some_keys(random));
        let unique = unique.filter(|columns| Some(columns) != index.as_ref() && key != Key::Columns(columns.len()));
        let parents: Vec<usize> =
            (0..earlier.len()).filter(|at| matches!(earlier[*at].key, Key::Number | Key::Automatic)).collect();
        let parent = parents.get(random.usize(0..=parents.len())).map(|at| (*at, "parent of".to_owned()));
        let many = if random.u32(0..10) == 0 { 0 } else { random.usize(1..=ROWS) };
        let rows = (0..many).map(|_| columns.iter().map(|column| column.value(random)).collect()).collect();
        // Drawn apart, so that old seeds make what they made.
        let computed = some_keys(&mut random.clone()).map(|columns| columns[0]).filter(|at| *at >= keyed);
        Self { name, columns, key, unique, index, parent, computed, rows }
    }

    fn write(&self, schema: &Schema, script: &mut String) {
        let engine = schema.engine;
        let name = engine.quoted(&self.name);
        let quoted = |at: &usize| engine.quoted(&self.columns[*at].name);
        let list = |columns: &[usize]| columns.iter().map(quoted).collect::<Vec<_>>().join(", ");
        let (mut parts, mut constraints): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        match (self.key, engine) {
            (Key::None, _) => {}
            (Key::Number, _) => parts.push("id integer not null primary key".to_owned()),
            (Key::Automatic, Engine::Postgres) => {
                parts.push("id integer generated by default as identity primary key".to_owned());
            }
            (Key::Automatic, Engine::MariaDb) => {
                parts.push("id integer not null auto_increment primary key".to_owned())
            }
            (Key::Automatic, Engine::Sqlite) => parts.push("id integer not null primary key autoincrement".to_owned()),
            (Key::Columns(_), _) => {}
        }
        for column in &self.columns {
            let default = if column.default { format!(" default {}", column.native.values[0]) } else { String::new() };
            let required = if column.required { " not null" } else { "" };
            let declared = column.native.declared;
            // `timestamp null` says already that it may be.
            let declared = if column.required { declared.trim_end_matches(" null") } else { declared };
            parts.push(format!("{} {declared}{default}{required}", engine.quoted(&column.name)));
        }
        if let Some((at, column)) = &self.parent {
            let (column, parent) = (engine.quoted(column), engine.quoted(&schema.tables[*at].name));
            parts.push(format!("{column} integer"));
            constraints.push(format!("foreign key ({column}) references {parent} (id) on delete cascade"));
        }
        if let Some(column) = self.computed.map(|at| &self.columns[at]) {
            let again = engine.quoted(&format!("{} again", column.name));
            let declared = column.native.declared.trim_end_matches(" null");
            parts.push(format!("{again} {declared} generated always as ({}) stored", engine.quoted(&column.name)));
        }
        parts.extend(constraints);
        if let Key::Columns(many) = self.key {
            parts.push(format!("primary key ({})", list(&(0..many).collect::<Vec<_>>())));
        }
        if let Some(columns) = &self.unique {
            parts.push(format!("unique ({})", list(columns)));
        }
        let _ = writeln!(script, "create table {name} (\n  {}\n);", parts.join(",\n  "));
        if let Some(columns) = &self.index {
            let _ = writeln!(
                script,
                "create index {} on {name} ({});",
                engine.quoted(&format!("{} by", self.name)),
                list(columns)
            );
        }
        for (at, row) in self.rows.iter().enumerate() {
            let mut values = row.clone();
            if matches!(self.key, Key::Number | Key::Automatic) {
                values.insert(0, (at * 3 + 1).to_string());
            }
            if let Some((parent, _)) = &self.parent {
                let parents = schema.tables[*parent].rows.len();
                let many = engine.quoted(&schema.tables[*parent].name);
                // A row that a key refused is no parent.
                let one = format!("(select id from {many} where id = {})", at * 3 % (parents * 3).max(1) + 1);
                values.push(if parents == 0 { "null".to_owned() } else { one });
            }
            // Two of them leave it out by themselves.
            if self.computed.is_some() && engine == Engine::MariaDb {
                values.push("default".to_owned());
            }
            let values = values.join(", ");
            let _ = match engine {
                Engine::Postgres => writeln!(script, "insert into {name} values ({values}) on conflict do nothing;"),
                Engine::Sqlite => writeln!(script, "insert or ignore into {name} values ({values});"),
                Engine::MariaDb => {
                    // Ignoring would bend values too; this does nothing to a row that is there.
                    let any = engine.quoted(&self.columns[0].name);
                    writeln!(
                        script,
                        "insert into {name} values ({values}) on duplicate key update {any} = {name}.{any};"
                    )
                }
            };
        }
    }
}

impl Column {
    fn value(&self, random: &mut fastrand::Rng) -> String {
        if !self.required && random.u32(0..8) == 0 {
            return "null".to_owned();
        }
        let edges = self.native.values;
        let edge = edges[random.usize(..edges.len())];
        let drawn = self.native.draw.filter(|_| random.bool()).map(|draw| draw(random));
        match (self.plain, drawn) {
            (true, _) => edges[0].to_owned(),
            (false, Some(drawn)) => drawn,
            (false, None) => edge.to_owned(),
        }
    }
}

fn some_names(random: &mut fastrand::Rng, many: usize) -> Vec<&'static str> {
    let mut names = NAMES;
    random.shuffle(&mut names);
    names[..many].to_vec()
}
