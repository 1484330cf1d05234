//! How PostgreSQL would hold tables of any dialect.

use std::collections::HashSet;

use arrow_schema::Schema;
use sensei_sdk::catalog::{
    Binary, Column, DataType, Decimal, DefaultValue, Enumeration, ForeignKey, Generated, Index, IndexPart, Integer,
    Key, Table, Text,
};
use sensei_sdk::{ColumnNote, Fidelity, Proposal, Specials, TableNote, arrow_field, rows};

use super::names::Names;
use super::rules::{self, Context};
use super::touch::can_be_touched;
use crate::catalog::DIALECT;
use crate::sql::{identifier, qualified};

/// Longest text column that is indexed whole where the source indexed a prefix: an index entry has 2704 bytes at most,
/// a character up to 4.
const WHOLE_INDEX_CHARACTERS: u32 = 600;

/// Proposals for these tables, in their order. A pure function.
pub(super) fn propose(tables: &[Table], dialect: &str) -> Vec<Proposal> {
    let same = dialect == DIALECT;
    let mut names = Names::default();
    for table in tables {
        names.reserve(&table.name.schema, &table.name.name);
    }
    let small = if same { HashSet::new() } else { below_2_63(tables) };
    let mut proposals: Vec<Proposal> = tables
        .iter()
        .map(|table| {
            let mut draft = Draft { source: table, same, names: &mut names, notes: vec![], columns: vec![] };
            let table = draft.table(&small);
            // What the server computes is not sent, and compared all the same.
            let fields: Vec<_> = (draft.source.columns.iter().zip(&table.columns))
                .map(|(given, held)| {
                    let field = arrow_field(given);
                    let metadata = [(sensei_sdk::NATIVE_TYPE.to_owned(), held.native_type.clone())];
                    let mut all = field.metadata().clone();
                    all.extend(metadata);
                    field.with_name(&held.name).with_nullable(held.nullable).with_metadata(all)
                })
                .collect();
            let row_schema = rows::encode_schema(&Schema::new(fields));
            Proposal { columns: draft.columns, notes: draft.notes, table, row_schema }
        })
        .collect();
    foreign_keys(tables, &mut proposals);
    proposals
}

/// Unsigned 64-bit columns whose values are known to fit `bigint`: an auto-increment that has not come so far, and
/// what refers to one, at any distance.
fn below_2_63(tables: &[Table]) -> HashSet<(&str, &str, &str)> {
    let wide = |c: &Column| matches!(&c.data_type, DataType::Integer(Integer { bits: 33..=64, signed: false }));
    let mut small = HashSet::new();
    for table in tables {
        for column in table.columns.iter().filter(|c| wide(c)) {
            if column.identity.as_ref().is_some_and(|i| i.next.is_some_and(|next| next >= 0)) {
                small.insert((table.name.schema.as_str(), table.name.name.as_str(), column.name.as_str()));
            }
        }
    }
    loop {
        let before = small.len();
        for table in tables {
            for key in &table.foreign_keys {
                for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
                    let target = (key.referenced_schema.as_str(), key.referenced_table.as_str(), referenced.as_str());
                    if small.contains(&target) && table.columns.iter().any(|c| &c.name == column && wide(c)) {
                        small.insert((table.name.schema.as_str(), table.name.name.as_str(), column.as_str()));
                    }
                }
            }
        }
        if small.len() == before {
            return small;
        }
    }
}

struct Draft<'a> {
    source: &'a Table,
    same: bool,
    names: &'a mut Names,
    notes: Vec<TableNote>,
    columns: Vec<ColumnNote>,
}

impl Draft<'_> {
    fn note(&mut self, about: &str, note: &str) {
        self.notes.push(TableNote { about: about.to_owned(), note: note.to_owned() });
    }

    fn table(&mut self, small: &HashSet<(&str, &str, &str)>) -> Table {
        let source = self.source;
        let (schema, name) = (source.name.schema.as_str(), source.name.name.as_str());
        let columns: Vec<Column> = source
            .columns
            .iter()
            .map(|c| {
                let context = Context { below_2_63: small.contains(&(schema, name, c.name.as_str())) };
                if self.same { self.same_column(c) } else { self.other_column(c, context) }
            })
            .collect();
        let primary_key = source.primary_key.as_ref().map(|key| {
            // MySQL calls every primary key PRIMARY.
            let given = key.name.as_deref().filter(|n| self.same || !n.eq_ignore_ascii_case("primary"));
            let wanted = given.map_or_else(|| format!("{name}_pkey"), ToOwned::to_owned);
            self.key(key, &wanted)
        });
        let unique_keys = source.unique_keys.iter().map(|key| {
            let wanted = key.name.clone().unwrap_or_else(|| format!("{name}_{}_key", key.columns.join("_")));
            self.key(key, &wanted)
        });
        let unique_keys = unique_keys.collect();
        let indexes = source.indexes.iter().filter_map(|index| self.index(index)).collect();
        Table {
            name: source.name.clone(),
            columns,
            primary_key,
            unique_keys,
            foreign_keys: source.foreign_keys.clone(),
            checks: source.checks.clone(),
            indexes,
            comment: source.comment.clone(),
            partitioning: source.partitioning.clone(),
            rows: source.rows,
            bytes: source.bytes,
        }
    }

    fn key(&mut self, key: &Key, wanted: &str) -> Key {
        let name = self.names.unique(&self.source.name.schema, &self.source.name.name, wanted);
        Key { name: Some(name), columns: key.columns.clone() }
    }

    fn same_column(&mut self, column: &Column) -> Column {
        self.columns.push(ColumnNote {
            column: column.name.clone(),
            fidelity: Fidelity::Lossless,
            note: String::new(),
            refuses: Specials::empty(),
        });
        column.clone()
    }

    fn other_column(&mut self, column: &Column, context: Context) -> Column {
        let rule = rules::find(&column.data_type, context);
        let mut note = rule.note.to_owned();
        let (native_type, data_type) = if rule.native == rules::ENUM {
            self.enumeration(column)
        } else {
            let native = rules::fill(rule.native, &column.data_type);
            let held = held_as(&native, &column.data_type);
            (native, held)
        };
        let case_folded = column.collation.as_deref().is_some_and(|c| c.contains("_ci"));
        if case_folded && self.in_key(&column.name) {
            note.push_str(" The source's collation ignores case; comparisons and keys here do not.");
        }
        let touched_on_update = column.touched_on_update && can_be_touched(column);
        if column.touched_on_update {
            note.push_str(if touched_on_update {
                " Each update of a row sets it, as in the source: here by a trigger."
            } else {
                " Set by each update in the source, and not here."
            });
        }
        if column.generated.as_ref().is_some_and(|generated| !generated.stored) {
            self.note(&column.name, "Computed when it is read in the source; here when its row is written.");
        }
        let default = column.default.clone().and_then(|d| self.default(column, d));
        self.columns.push(ColumnNote {
            column: column.name.clone(),
            fidelity: rule.fidelity,
            note: note.trim_start().to_owned(),
            refuses: rules::refuses(&column.data_type),
        });
        Column {
            name: column.name.clone(),
            native_type,
            data_type,
            nullable: column.nullable,
            default,
            identity: column.identity,
            generated: column.generated.clone().map(|generated| Generated { stored: true, ..generated }),
            touched_on_update,
            declared: None,
            flag: false,
            character_set: None,
            collation: None,
            comment: column.comment.clone(),
        }
    }

    fn in_key(&self, column: &str) -> bool {
        let keys = self.source.primary_key.iter().chain(&self.source.unique_keys);
        keys.flat_map(|k| &k.columns).any(|c| c == column)
    }

    /// A type of its own for an enumeration: `<table>_<column>`.
    fn enumeration(&mut self, column: &Column) -> (String, DataType) {
        let DataType::Enumeration(given) = &column.data_type else {
            return ("text".to_owned(), column.data_type.clone());
        };
        let schema = &self.source.name.schema;
        let table = &self.source.name.name;
        let name = self.names.unique(schema, table, &format!("{table}_{}", column.name));
        let mut seen = HashSet::new();
        let values = given.values.iter().filter(|v| seen.insert(v.as_str())).cloned().collect();
        let held = Enumeration { schema: Some(schema.clone()), name: Some(name.clone()), values };
        (qualified(schema, &name), DataType::Enumeration(held))
    }

    /// What of a default PostgreSQL understands.
    fn default(&mut self, column: &Column, default: DefaultValue) -> Option<DefaultValue> {
        let left_out = match &default {
            DefaultValue::Literal(text) => literal_problem(text, &column.data_type).map(ToOwned::to_owned),
            DefaultValue::CurrentDate
            | DefaultValue::CurrentTime
            | DefaultValue::CurrentTimestamp(_)
            | DefaultValue::RandomUuid
            | DefaultValue::Expression(_) => None,
        };
        match left_out {
            Some(note) => {
                self.note(&column.name, &note);
                None
            }
            None => Some(default),
        }
    }

    fn index(&mut self, index: &Index) -> Option<Index> {
        if self.same {
            let name = self.names.unique(&self.source.name.schema, &self.source.name.name, &index.name);
            return Some(Index { name, ..index.clone() });
        }
        let about = format!("index {}", index.name);
        let method = rules::INDEX_METHODS.iter().find(|(name, _)| index.method.eq_ignore_ascii_case(name));
        let method = match method.map_or(Ok("btree"), |(_, here)| *here) {
            Ok(method) if method == "hash" && (index.unique || index.parts.len() > 1) => "btree",
            Ok(method) => method,
            Err(why) => {
                self.note(&about, why);
                return None;
            }
        };
        let prefixed = index.parts.iter().any(|p| p.prefix_length.is_some());
        let parts = index.parts.iter().map(|p| self.part(p, index.unique)).collect::<Option<Vec<_>>>()?;
        if parts.is_empty() {
            return None;
        }
        if prefixed {
            let cut = |(own, part): (&IndexPart, &IndexPart)| own.prefix_length.is_some() && part.expression.is_some();
            let whole = !index.parts.iter().zip(&parts).any(cut);
            let note = if whole {
                "The source indexes only the first characters; here the whole column is indexed."
            } else {
                "The source indexes only the first characters; here an expression index does the same: queries must use the same expression."
            };
            self.note(&about, note);
        }
        let name = self.names.unique(&self.source.name.schema, &self.source.name.name, &index.name);
        Some(Index {
            name,
            unique: index.unique,
            method: method.to_owned(),
            parts,
            predicate: index.predicate.clone(),
            included: vec![],
            comment: index.comment.clone(),
        })
    }

    fn part(&self, part: &IndexPart, unique: bool) -> Option<IndexPart> {
        if part.expression.is_some() {
            return Some(IndexPart { nulls_first: None, operator_class: None, ..part.clone() });
        }
        let name = part.column.as_deref()?;
        let column = self.source.columns.iter().find(|c| c.name == name)?;
        let expression = part.prefix_length.and_then(|length| match &column.data_type {
            // A unique prefix must stay one; a long text does not fit an index whole.
            DataType::Text(t) if unique || t.length.is_none_or(|l| l > WHOLE_INDEX_CHARACTERS) => {
                Some(format!("\"left\"({}, {length})", identifier(name)))
            }
            DataType::Binary(_) | DataType::Geometry(_) => {
                Some(format!("substring({}, 1, {length})", identifier(name)))
            }
            _ => None,
        });
        Some(IndexPart {
            column: part.column.clone().filter(|_| expression.is_none()),
            expression,
            prefix_length: None,
            descending: part.descending,
            nulls_first: None,
            operator_class: None,
        })
    }
}

/// Why PostgreSQL would not take a literal default of this type.
fn literal_problem(text: &str, data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::Date | DataType::Timestamp(_) if text.starts_with("0000-") || text.contains("-00") => {
            Some("Default left out: PostgreSQL has no zero date.")
        }
        DataType::Enumeration(e) if !e.values.iter().any(|v| v == text) => {
            Some("Default left out: it is none of the enumeration's labels.")
        }
        _ if text.contains('\0') => Some("Default left out: PostgreSQL's text holds no NUL character."),
        _ => None,
    }
}

/// The neutral type that PostgreSQL's own catalog gives for the native types of [`rules`] that change it.
fn held_as(native: &str, given: &DataType) -> DataType {
    let integer = |bits| DataType::Integer(Integer { bits, signed: true });
    match native {
        "smallint" => integer(16),
        "integer" => integer(32),
        "bigint" => integer(64),
        "numeric(20,0)" => DataType::Decimal(Decimal { precision: 20, scale: 0 }),
        "numeric" => DataType::Number,
        "bytea" => DataType::Binary(Binary { length: None, fixed: false }),
        "interval" => DataType::Interval,
        "text" => DataType::Text(Text { length: None, fixed: false }),
        _ => given.clone(),
    }
}

/// Keeps the foreign keys that can be made: both tables are moved, and the referenced columns are a key here.
fn foreign_keys(tables: &[Table], proposals: &mut [Proposal]) {
    let is_key = |table: &Table, columns: &[String]| {
        let same = |key: &[String]| key.len() == columns.len() && columns.iter().all(|c| key.contains(c));
        let unique = table
            .indexes
            .iter()
            .filter(|i| i.unique && i.predicate.is_none())
            .filter_map(|i| i.parts.iter().map(|p| p.column.clone()).collect::<Option<Vec<_>>>());
        table.primary_key.iter().chain(&table.unique_keys).any(|k| same(&k.columns))
            || unique.into_iter().any(|c| same(&c))
    };
    let problem = |key: &ForeignKey| {
        let referenced =
            tables.iter().find(|t| t.name.schema == key.referenced_schema && t.name.name == key.referenced_table);
        match referenced {
            None => Some("Left out: the table it refers to is not part of this migration."),
            Some(table) if !is_key(table, &key.referenced_columns) => {
                Some("Left out: the columns it refers to are no unique key, which PostgreSQL wants.")
            }
            Some(_) => None,
        }
    };
    for proposal in proposals {
        let table = proposal.table.name.name.clone();
        let mut taken = Names::default();
        for check in &proposal.table.checks {
            taken.reserve("", check.name.as_deref().unwrap_or_default());
        }
        let given = std::mem::take(&mut proposal.table.foreign_keys);
        for mut key in given {
            let wanted = key.name.take().unwrap_or_else(|| format!("{table}_{}_fkey", key.columns.join("_")));
            if let Some(note) = problem(&key) {
                proposal.notes.push(TableNote { about: format!("foreign key {wanted}"), note: note.to_owned() });
                continue;
            }
            key.name = Some(taken.unique("", &table, &wanted));
            proposal.table.foreign_keys.push(key);
        }
    }
}
