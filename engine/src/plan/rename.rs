//! The source's tables under their target names: every reference follows, expressions included.

use std::collections::BTreeMap;

use super::naming::{Derivation, Name, assign, shorten, spell};
use super::rewrite::{Meaning, Names, rewrite};
use super::risk::Risks;
use super::scout::full;
use super::{Naming, Severity};
use crate::catalog::{Column, DataType, DefaultValue, ForeignKey, Index, IndexPart, Key, NamedType, Table, TableName};

/// How names are made for one target.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) naming: Naming,
    /// Longest identifier the target can make, in bytes.
    pub(super) limit: usize,
    pub(super) home: Home,
    /// Source and target understand each other's expressions: names inside them follow.
    pub(super) same_dialect: bool,
    /// The target tells schemas apart.
    pub(super) has_schemas: bool,
}

/// Where the tables of a source schema land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// All in one schema.
    One(String),
    /// All in one schema, with the source schema's name before the table's: several schemas go where there are none.
    Prefixed(String),
    /// Each schema in one of its own.
    Own,
}

/// A table under its target names, and how it got them.
#[derive(Debug, Clone)]
pub(super) struct Renamed {
    pub(super) source: TableName,
    pub(super) table: Table,
    /// In the order of the columns.
    pub(super) columns: Vec<Name>,
}

/// The tables, views and types of a plan under their target names.
pub(super) struct Renaming {
    pub(super) tables: Vec<Renamed>,
    /// As tables, of which they have the names and the columns.
    pub(super) views: Vec<Renamed>,
    pub(super) named_types: Vec<NamedType>,
}

/// Names that a table and its columns have in the target already; none: of a column that has no place there.
pub(super) struct Given {
    pub(super) table: TableName,
    pub(super) columns: Vec<Option<String>>,
}

/// Gives everything its target name; `given`, for each table, are those that it has there already. Tables and views share
/// their names.
pub(super) fn rename(
    tables: &[&Table],
    views: &[Table],
    named_types: &[NamedType],
    policy: &Policy,
    mut given: Vec<Option<Given>>,
    risks: &mut Risks,
) -> Renaming {
    let (only_tables, with_views) = (tables.len(), tables.len() + views.len());
    let parts: Vec<Table> = if policy.same_dialect { parts(tables) } else { Vec::new() };
    let tables: Vec<&Table> = tables.iter().copied().chain(views).chain(&parts).collect();
    given.resize_with(tables.len(), || None);
    let (tables, given) = (tables.as_slice(), given.as_slice());
    let schemas = policy.schemas(tables, named_types);
    let placed = policy.place(tables, &schemas, given, risks);
    let columns: Vec<Vec<Name>> = tables
        .iter()
        .zip(given)
        .map(|(table, given)| {
            if let Some(given) = given {
                return given.names(table);
            }
            let names = assign(table.columns.iter().map(|c| c.name.as_str()), policy.naming, policy.limit);
            names.iter().for_each(|name| tell(name, &format!("{}.{}", full(&table.name), name.source), risks));
            names
        })
        .collect();
    let mut types = Names::default();
    if policy.same_dialect {
        for t in named_types {
            types.insert(&t.name, &shorten(&spell(&t.name, policy.naming), policy.limit));
        }
    }
    let column_maps: Vec<Names> = columns.iter().map(|names| map(names)).collect();
    let known: BTreeMap<(&str, &str), usize> =
        tables.iter().enumerate().map(|(at, t)| ((t.name.schema.as_str(), t.name.name.as_str()), at)).collect();
    let renamer = Renamer { policy, tables, placed: &placed, column_maps: &column_maps, known, types, schemas };
    let mut renamed: Vec<Renamed> = (0..tables.len()).map(|at| renamer.table(at, &columns[at], risks)).collect();
    // Tables have the names of their partitions.
    renamed.truncate(with_views);
    let views = renamed.split_off(only_tables);
    let named_types = if policy.same_dialect { renamer.named_types(named_types, risks) } else { Vec::new() };
    Renaming { tables: renamed, views, named_types }
}

/// Partitions have names among those of tables.
fn parts(tables: &[&Table]) -> Vec<Table> {
    tables.iter().flat_map(|table| table.parts()).map(|part| Table::of(part.name.clone(), Vec::new())).collect()
}

fn map(names: &[Name]) -> Names {
    let mut map = Names::default();
    names.iter().for_each(|n| map.insert(&n.source, &n.target));
    map
}

/// Says so where a name is not the one a person would expect.
fn tell(name: &Name, place: &str, risks: &mut Risks) {
    match name.derivation {
        Derivation::Same | Derivation::Renamed => {}
        Derivation::Shortened => risks.add(
            Severity::Medium,
            "identifier_length",
            "Names longer than the target allows are cut, with a hash at the end.",
            format!("{place} -> {}", name.target),
            "Shorten them in the source, or take the new names into the applications.",
        ),
        Derivation::Collided => risks.add(
            Severity::High,
            "identifier_collision",
            "Two names become the same in the target; one gets a number.",
            format!("{place} -> {}", name.target),
            "Rename one in the source, or choose another naming.",
        ),
    }
}

/// Begins what stands for the name of a column without one: no system's name has it.
const NAMELESS: char = '\0';

impl Given {
    /// Whether this stands for the name of a column that has no place.
    pub(super) fn is_nameless(name: &str) -> bool {
        name.starts_with(NAMELESS)
    }

    /// A column that has no place keeps its own name, which nothing of the target has.
    fn names(&self, table: &Table) -> Vec<Name> {
        let of = |(column, given): (&Column, &Option<String>)| {
            let target = given.clone().unwrap_or_else(|| format!("{NAMELESS}{}", column.name));
            let derivation = if target == column.name { Derivation::Same } else { Derivation::Renamed };
            Name { source: column.name.clone(), target, derivation }
        };
        table.columns.iter().zip(&self.columns).map(of).collect()
    }
}

impl Policy {
    /// Whether two names of the target are one. Where schemas are, case may tell names apart; in a single file of tables it does
    /// not.
    pub(super) fn is_same(&self, a: &TableName, b: &TableName) -> bool {
        a == b || (!self.has_schemas && a.schema == b.schema && a.name.to_lowercase() == b.name.to_lowercase())
    }

    /// The target's schemas that tables go to, in the order of the tables.
    pub(super) fn homes(&self, tables: &[&Table]) -> Vec<String> {
        let schemas = self.schemas(tables, &[]);
        tables.iter().map(|table| schemas.of(&table.name.schema)).collect()
    }

    /// Source schema to target schema.
    fn schemas(&self, tables: &[&Table], named_types: &[NamedType]) -> Names {
        let mut schemas = Names::default();
        for schema in tables.iter().map(|t| &t.name.schema).chain(named_types.iter().map(|t| &t.schema)) {
            let home = match &self.home {
                Home::One(home) | Home::Prefixed(home) => home.clone(),
                Home::Own => shorten(&spell(schema, self.naming), self.limit),
            };
            schemas.insert(schema, &home);
        }
        schemas
    }

    /// The tables' target names, in their order: unique within each target schema.
    fn place(&self, tables: &[&Table], schemas: &Names, given: &[Option<Given>], risks: &mut Risks) -> Vec<TableName> {
        let mut by_home: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let new = tables.iter().enumerate().filter(|(at, _)| given[*at].is_none());
        for (at, table) in new {
            by_home.entry(schemas.of(&table.name.schema)).or_default().push(at);
        }
        let mut placed = vec![TableName { schema: String::new(), name: String::new() }; tables.len()];
        for (home, members) in by_home {
            let sources: Vec<String> = members.iter().map(|&at| self.plain_name(&tables[at].name)).collect();
            let names = assign(sources.iter().map(String::as_str), self.naming, self.limit);
            for (at, name) in members.into_iter().zip(names) {
                tell(&name, &full(&tables[at].name), risks);
                placed[at] = TableName { schema: home.clone(), name: name.target };
            }
        }
        for (placed, given) in placed.iter_mut().zip(given) {
            if let Some(given) = given {
                given.table.clone_into(placed);
            }
        }
        placed
    }

    fn plain_name(&self, name: &TableName) -> String {
        match self.home {
            Home::Prefixed(_) => format!("{}_{}", name.schema, name.name),
            Home::One(_) | Home::Own => name.name.clone(),
        }
    }
}

struct Renamer<'a> {
    policy: &'a Policy,
    tables: &'a [&'a Table],
    placed: &'a [TableName],
    column_maps: &'a [Names],
    known: BTreeMap<(&'a str, &'a str), usize>,
    types: Names,
    schemas: Names,
}

impl Renamer<'_> {
    fn table(&self, at: usize, names: &[Name], risks: &mut Risks) -> Renamed {
        let source = self.tables[at];
        let mut table = source.clone();
        table.name = self.placed[at].clone();
        let columns = &self.column_maps[at];
        for (column, name) in table.columns.iter_mut().zip(names) {
            name.target.clone_into(&mut column.name);
            self.native(column);
        }
        table.primary_key.iter_mut().chain(&mut table.unique_keys).for_each(|key| rename_key(key, columns));
        table.foreign_keys = source.foreign_keys.iter().filter_map(|f| self.foreign_key(f, at, risks)).collect();
        table.indexes.iter_mut().for_each(|index| rename_index(index, columns));
        self.name_constraints(&mut table);
        if self.policy.same_dialect {
            self.expressions(at, &mut table, risks);
            table.partitioning.iter_mut().flat_map(|p| &mut p.parts).for_each(|part| {
                for name in [&mut part.name, &mut part.parent] {
                    if let Some(&at) = self.known.get(&(name.schema.as_str(), name.name.as_str())) {
                        name.clone_from(&self.placed[at]);
                    }
                }
            });
        }
        Renamed { source: source.name.clone(), table, columns: names.to_vec() }
    }

    /// Names of keys, checks and indexes: unique within the table.
    fn name_constraints(&self, table: &mut Table) {
        let keys = table.primary_key.iter_mut().chain(&mut table.unique_keys).filter_map(|k| k.name.as_mut());
        let foreign = table.foreign_keys.iter_mut().filter_map(|f| f.name.as_mut());
        let checks = table.checks.iter_mut().filter_map(|c| c.name.as_mut());
        let indexes = table.indexes.iter_mut().map(|i| &mut i.name);
        let mut places: Vec<&mut String> = keys.chain(foreign).chain(checks).chain(indexes).collect();
        let sources: Vec<String> = places.iter().map(|name| (**name).clone()).collect();
        let names = assign(sources.iter().map(String::as_str), self.policy.naming, self.policy.limit);
        for (place, name) in places.iter_mut().zip(names) {
            **place = name.target;
        }
    }

    fn foreign_key(&self, key: &ForeignKey, at: usize, risks: &mut Risks) -> Option<ForeignKey> {
        let wanted = (key.referenced_schema.as_str(), key.referenced_table.as_str());
        // Some systems write a table's name in a reference in another case than it has.
        let alike = |(schema, name): &(&str, &str)| {
            schema.to_lowercase() == wanted.0.to_lowercase() && name.to_lowercase() == wanted.1.to_lowercase()
        };
        let found = self.known.get(&wanted).or_else(|| self.known.iter().find(|(k, _)| alike(k)).map(|(_, at)| at));
        let Some(&referenced) = found else {
            risks.add(
                Severity::Medium,
                "foreign_key_not_moved",
                format!(
                    "Foreign keys to `{}.{}`, which is not part of this migration, are left out.",
                    wanted.0, wanted.1
                ),
                format!("{} ({})", full(&self.tables[at].name), key.columns.join(", ")),
                "Move the table too, or make the foreign key by hand afterwards.",
            );
            return None;
        };
        let mut key = key.clone();
        (key.referenced_schema, key.referenced_table) =
            (self.placed[referenced].schema.clone(), self.placed[referenced].name.clone());
        rename_all(&mut key.columns, &self.column_maps[at]);
        rename_all(&mut key.referenced_columns, &self.column_maps[referenced]);
        Some(key)
    }

    /// Types with names of their own in a column's type.
    fn native(&self, column: &mut Column) {
        if !self.policy.same_dialect {
            return;
        }
        if let Some(text) = rewrite(&column.native_type, &self.of_types()) {
            column.native_type = text;
        }
        if let DataType::Enumeration(e) = &mut column.data_type {
            if let Some(name) = &mut e.name {
                *name = self.types.of(name);
            }
            if let Some(schema) = &mut e.schema {
                *schema = self.schemas.of(schema);
            }
        }
    }

    fn of_types(&self) -> Meaning<'_> {
        Meaning { columns: None, table: None, types: &self.types, schemas: &self.schemas }
    }

    fn named_types(&self, named_types: &[NamedType], risks: &mut Risks) -> Vec<NamedType> {
        let renamed = named_types.iter().filter_map(|t| {
            let definition = rewrite(&t.definition, &self.of_types());
            if definition.is_none() {
                unreadable(&format!("type {}.{}", t.schema, t.name), risks);
            }
            let (schema, name) = (self.schemas.of(&t.schema), self.types.of(&t.name));
            Some(NamedType { schema, name, kind: t.kind, definition: definition? })
        });
        renamed.collect()
    }

    /// Expressions under the new names; what cannot be read with certainty is left out.
    fn expressions(&self, at: usize, table: &mut Table, risks: &mut Risks) {
        let source = &self.tables[at].name;
        let meaning = Meaning {
            columns: Some(&self.column_maps[at]),
            table: Some((&source.name, &self.placed[at].name)),
            types: &self.types,
            schemas: &self.schemas,
        };
        let mut keep = |text: &mut String, what: &str| match rewrite(text, &meaning) {
            Some(rewritten) => {
                *text = rewritten;
                true
            }
            None => {
                unreadable(&format!("{}: {what}", full(source)), risks);
                false
            }
        };
        table
            .checks
            .retain_mut(|c| keep(&mut c.expression, &format!("check `{}`", c.name.as_deref().unwrap_or_default())));
        if let Some(partitioning) = &mut table.partitioning {
            let parts = partitioning.parts.iter_mut().filter_map(|part| part.by.as_mut());
            let mut texts = std::iter::once(&mut partitioning.by).chain(parts);
            if !texts.all(|text| keep(text, "partitions")) {
                table.partitioning = None;
            }
        }
        for column in &mut table.columns {
            if let Some(DefaultValue::Expression(text)) = &mut column.default
                && !keep(text, &format!("default of `{}`", column.name))
            {
                column.default = None;
            }
            if let Some(generated) = &mut column.generated
                && !keep(
                    &mut generated.expression,
                    &format!("generated column `{}`, moved as plain values", column.name),
                )
            {
                column.generated = None;
            }
        }
        table.indexes.retain_mut(|index| {
            let what = format!("index `{}`", index.name);
            let mut texts =
                index.parts.iter_mut().filter_map(|p| p.expression.as_mut()).chain(index.predicate.as_mut());
            texts.all(|text| keep(text, &what))
        });
    }
}

fn unreadable(what: &str, risks: &mut Risks) {
    risks.add(
        Severity::High,
        "expression_not_moved",
        "Expressions whose names cannot be told apart from their text with certainty are left out.",
        what,
        "Make them in the target by hand, or keep the source's names with `--naming preserve`.",
    );
}

fn rename_all(columns: &mut [String], names: &Names) {
    columns.iter_mut().for_each(|c| *c = names.of(c));
}

fn rename_key(key: &mut Key, names: &Names) {
    rename_all(&mut key.columns, names);
}

fn rename_index(index: &mut Index, names: &Names) {
    rename_all(&mut index.included, names);
    for IndexPart { column, .. } in &mut index.parts {
        if let Some(column) = column {
            *column = names.of(column);
        }
    }
}
