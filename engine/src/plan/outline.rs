//! What can be said of a table in the catalog's neutral words: to see whether one table has what another has (P2).
//!
//! A proposal is compared with the source's table before anything is made, and the table that the target describes once it is
//! made with the proposal. Text in a system's own words (defaults, conditions, computed columns) is only looked for: a system
//! writes it its own way once it has it.

use std::collections::BTreeMap;

use crate::catalog::{Action, Column, ForeignKey, Index, IndexPart, Table};

/// What of a table is not as it was planned, in words; empty when all is.
pub(crate) fn differences(planned: &Table, found: &Table) -> Vec<String> {
    let mut differences = columns(planned, found);
    differences.extend(missing(planned, found).into_iter().map(|fact| format!("{} is missing", fact.words)));
    let unplanned = missing(found, planned).into_iter().filter(|fact| !fact.words.starts_with(INDEX));
    differences.extend(unplanned.map(|fact| format!("{} was not planned", fact.words)));
    differences
}

/// What the first table has and the second has not, besides the types of columns.
pub(super) fn missing(has: &Table, lacks: &Table) -> Vec<Fact> {
    let mut there: BTreeMap<String, usize> = BTreeMap::new();
    facts(lacks).into_iter().for_each(|fact| *there.entry(fact.words).or_insert(0) += 1);
    let mut missing = facts(has);
    missing.retain(|fact| match there.get_mut(&fact.words) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        Some(_) | None => true,
    });
    missing
}

/// One thing that a table has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// `the unique key (a, b)`: equal for equal things.
    pub(super) words: String,
    /// What a note about it may call it: a column's name, a constraint's.
    pub(super) names: Vec<String>,
}

impl Fact {
    fn new(words: String, names: impl IntoIterator<Item = String>) -> Self {
        Self { words, names: names.into_iter().filter(|name| !name.is_empty()).collect() }
    }
}

/// How an index begins that may be there unplanned: systems make some for foreign keys, and they change no row.
const INDEX: &str = "an index on ";

fn columns(planned: &Table, found: &Table) -> Vec<String> {
    let names = |table: &Table| table.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    if names(planned) != names(found) {
        return vec![format!("its columns are {}", names(found).join(", "))];
    }
    // A type that holds another one's values (a boolean as a number) is known by its own name alone.
    let same = |p: &Column, f: &Column| {
        p.data_type == f.data_type || words(&p.native_type).eq_ignore_ascii_case(words(&f.native_type))
    };
    let pairs = planned.columns.iter().zip(&found.columns);
    let differing = pairs.filter(|(planned, found)| !same(planned, found));
    differing.map(|(p, f)| format!("`{}` is {}, not {}", p.name, f.native_type, p.native_type)).collect()
}

/// A type without a remark at its end, which no database acts on.
fn words(native_type: &str) -> &str {
    native_type.split("/*").next().unwrap_or_default().trim_end()
}

fn facts(table: &Table) -> Vec<Fact> {
    let Table {
        name,
        columns,
        primary_key,
        unique_keys,
        foreign_keys,
        checks,
        indexes,
        comment,
        partitioning,
        rows: _,
        bytes: _,
    } = table;
    let primary = primary_key.as_ref().map_or(&[][..], |key| &key.columns);
    let mut facts: Vec<Fact> = columns.iter().flat_map(|column| of_column(column, primary)).collect();
    facts.extend(primary_key.iter().map(|key| {
        let names = key.name.iter().cloned().chain(["primary key".to_owned()]);
        Fact::new(format!("the primary key ({})", key.columns.join(", ")), names)
    }));
    facts.extend(unique_keys.iter().map(|key| Fact::new(unique(&key.columns), named(&key.name, "unique key"))));
    facts.extend(indexes.iter().map(|index| Fact::new(of_index(index), [index.name.clone()])));
    facts.extend(foreign_keys.iter().map(|key| Fact::new(of_foreign_key(key), named(&key.name, "foreign key"))));
    facts.extend(checks.iter().map(|check| Fact::new("a check".to_owned(), named(&check.name, "check"))));
    let divided = || ["partitions".to_owned()];
    facts.extend(partitioning.iter().map(|_| Fact::new("the dividing of its rows".to_owned(), divided())));
    facts.extend(table.parts().map(|part| Fact::new(format!("the partition `{}`", part.name.name), divided())));
    facts.extend(comment.iter().map(|text| Fact::new(format!("the comment '{text}'"), [name.name.clone()])));
    facts
}

/// What a note calls a thing: its name, or what it is.
fn named(name: &Option<String>, otherwise: &str) -> [String; 1] {
    [name.clone().unwrap_or_else(|| otherwise.to_owned())]
}

fn of_column(column: &Column, primary: &[String]) -> Vec<Fact> {
    let Column {
        name,
        native_type: _,
        data_type: _,
        nullable,
        default,
        identity,
        generated,
        touched_on_update,
        declared: _,
        flag: _,
        character_set: _,
        collation: _,
        comment,
    } = column;
    let computed = |stored| if stored { "stored" } else { "not stored" };
    let words = [
        (!nullable || primary.contains(name)).then(|| format!("NOT NULL of `{name}`")),
        default.as_ref().filter(|_| identity.is_none()).map(|_| format!("the default of `{name}`")),
        identity.map(|_| format!("the numbering of `{name}`")),
        generated.as_ref().map(|g| format!("the computing of `{name}` ({})", computed(g.stored))),
        touched_on_update.then(|| format!("the time of update in `{name}`")),
        comment.as_ref().map(|text| format!("the comment '{text}' of `{name}`")),
    ];
    words.into_iter().flatten().map(|words| Fact::new(words, [name.clone()])).collect()
}

/// A unique constraint and a plain unique index keep out the same rows, and some systems have one word for both.
fn unique(columns: &[String]) -> String {
    format!("the unique key ({})", columns.join(", "))
}

fn of_index(index: &Index) -> String {
    let plain = |part: &IndexPart| {
        let IndexPart { column, expression: _, prefix_length, descending, nulls_first: _, operator_class: _ } = part;
        column.clone().filter(|_| prefix_length.is_none() && !descending)
    };
    let columns: Option<Vec<String>> = index.parts.iter().map(plain).collect();
    match columns {
        Some(columns) if index.unique && index.predicate.is_none() && index.included.is_empty() => unique(&columns),
        Some(_) | None => {
            let parts: Vec<String> = index.parts.iter().map(of_part).collect();
            let what = if index.unique { "a unique index on " } else { INDEX };
            let of_some = if index.predicate.is_some() { ", of some rows" } else { "" };
            let with = index.included.join(", ");
            let with = if with.is_empty() { with } else { format!(", with {with}") };
            format!("{what}({}){of_some}{with}", parts.join(", "))
        }
    }
}

fn of_part(part: &IndexPart) -> String {
    let name = part.column.as_deref().unwrap_or("an expression");
    let length = part.prefix_length.map_or_else(String::new, |length| format!("({length})"));
    format!("{name}{length}{}", if part.descending { " DESC" } else { "" })
}

fn of_foreign_key(key: &ForeignKey) -> String {
    let action = |action| match action {
        // They differ only within a transaction, and not every system keeps them apart.
        Action::NoAction | Action::Restrict => "refuse",
        Action::Cascade => "cascade",
        Action::SetNull => "set NULL",
        Action::SetDefault => "set the default",
    };
    let deferred = match (key.deferrable, key.initially_deferred) {
        (true, true) => ", deferred",
        (true, false) => ", deferrable",
        (false, _) => "",
    };
    format!(
        "the foreign key ({}) to {} ({}), {} on update, {} on delete{deferred}",
        key.columns.join(", "),
        key.referenced_table,
        key.referenced_columns.join(", "),
        action(key.on_update),
        action(key.on_delete)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Check, DataType, DefaultValue, Integer, Key, TableName};

    fn column(name: &str, bits: u8) -> Column {
        Column {
            name: name.into(),
            native_type: format!("int{bits}"),
            data_type: DataType::Integer(Integer { bits, signed: true }),
            nullable: false,
            default: Some(DefaultValue::Literal("1".into())),
            identity: None,
            generated: None,
            touched_on_update: false,
            declared: None,
            flag: false,
            character_set: None,
            collation: None,
            comment: Some("why".into()),
        }
    }

    fn key(columns: &[&str]) -> Key {
        Key { name: None, columns: columns.iter().map(|c| (*c).to_owned()).collect() }
    }

    fn index(column: &str, unique: bool) -> Index {
        Index {
            name: format!("by_{column}"),
            unique,
            method: "btree".into(),
            parts: vec![IndexPart {
                column: Some(column.into()),
                expression: None,
                prefix_length: None,
                descending: false,
                nulls_first: None,
                operator_class: None,
            }],
            predicate: None,
            included: Vec::new(),
            comment: None,
        }
    }

    fn table() -> Table {
        Table {
            primary_key: Some(key(&["a"])),
            unique_keys: vec![key(&["b"])],
            checks: vec![Check { name: None, expression: "a > 1".into() }],
            indexes: vec![index("b", false)],
            comment: Some("all of it".into()),
            ..Table::of(TableName { schema: "s".into(), name: "t".into() }, vec![column("a", 32), column("b", 64)])
        }
    }

    #[test]
    fn the_same_in_other_words_is_no_difference() {
        let mut found = Table { rows: 9, ..table() };
        found.checks[0].expression = "(a > 1)".into();
        found.columns[0].default = Some(DefaultValue::Expression("0 + 1".into()));
        // A unique key read back as a unique index, and an index that the system made for itself.
        found.unique_keys.clear();
        found.indexes.extend([index("b", true), index("a", false)]);
        assert_eq!(differences(&table(), &found), [""; 0]);
    }

    #[test]
    fn every_difference_is_told() {
        let mut found = table();
        found.columns[1] = Column { nullable: true, default: None, comment: None, ..column("b", 32) };
        (found.primary_key, found.comment) = (None, None);
        found.unique_keys[0] = key(&["a", "b"]);
        found.checks.push(found.checks[0].clone());
        found.indexes[0].parts[0].descending = true;
        assert_eq!(
            differences(&table(), &found),
            [
                "`b` is int32, not int64",
                "NOT NULL of `b` is missing",
                "the default of `b` is missing",
                "the comment 'why' of `b` is missing",
                "the primary key (a) is missing",
                "the unique key (b) is missing",
                "an index on (b) is missing",
                "the comment 'all of it' is missing",
                "the unique key (a, b) was not planned",
                "a check was not planned",
            ]
        );
        found.columns.pop();
        assert_eq!(differences(&table(), &found)[0], "its columns are a");
    }
    #[test]
    fn a_remark_in_a_type_is_no_part_of_it() {
        let (mut planned, mut found) = (table(), table());
        planned.columns[0].native_type = "longtext /* json */".to_owned();
        found.columns[0].native_type = "LONGTEXT".to_owned();
        found.columns[0].data_type = DataType::Json;
        assert_eq!(differences(&planned, &found), [""; 0]);
        found.columns[0].native_type = "mediumtext".to_owned();
        assert_eq!(differences(&planned, &found), ["`a` is mediumtext, not longtext /* json */"]);
    }
}
