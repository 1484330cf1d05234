//! Views over the tables that move: translated where what they say means the same in every system, otherwise told of.
//!
//! [`read`] takes a definition to a [`query::Query`] and refuses what it does not know; [`write`] says that in the target's words.
//! Which words those are is for the connectors to say ([`SqlWords`]). Between systems of the same dialect a definition that says
//! more stays as it stands, but for the names of what it reads from ([`verbatim`](verbatim::verbatim)).

mod expression;
mod kind;
mod query;
mod read;
mod scope;
#[cfg(test)]
mod tests;
mod verbatim;
mod write;

use serde::{Deserialize, Serialize};

pub(super) use self::expression::proposals;
use self::kind::Kind;
use self::read::{Reading, Relation, RelationColumn, Said, Text};
use self::verbatim::{Unmoved, Verbatim, verbatim};
use super::naming::Name;
use super::rename::Renamed;
use super::risk::Risks;
use super::scout::{full, is_named_as_a_table, name_of};
use super::{OnExisting, Severity, TablePlan};
use crate::catalog::{Catalog, Column, DataType, NamedType, Object, ObjectKind, Table, TableName};
use crate::error::{Code, Error, Result, Role};
use crate::plugin::{SqlWords, View, ViewPart};

/// A view that is made in the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewPlan {
    /// In the source.
    pub source: TableName,
    /// As the target will have it.
    pub view: View,
    /// Columns of the target's new tables that it speaks of.
    pub uses: Vec<UsedColumn>,
}

/// A column that a view speaks of, by its name in the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedColumn {
    /// Of this table.
    pub table: TableName,
    /// Its name.
    pub column: String,
}

impl ViewPlan {
    /// Its query, for people.
    #[must_use]
    pub fn sql(&self) -> String {
        let written = |part: &ViewPart| match part {
            ViewPart::Sql(sql) => sql.clone(),
            ViewPart::Table(name) => full(name),
        };
        self.view.query.iter().map(written).collect()
    }
}

/// The views that are to move, and both systems' words.
pub(super) struct Input<'a> {
    pub(super) objects: &'a [&'a Object],
    /// Under their target names; those whose definition can be read at all.
    pub(super) renamed: &'a [Renamed],
    pub(super) words: [Option<&'a SqlWords>; 2],
    pub(super) moved: &'a [&'a Table],
    pub(super) tables: &'a [TablePlan],
    pub(super) columns: &'a [Renamed],
    pub(super) on_existing: OnExisting,
    pub(super) source: &'a Catalog,
    pub(super) target: &'a Catalog,
    /// Whether two names are one in the target.
    pub(super) same: &'a dyn Fn(&TableName, &TableName) -> bool,
}

/// What the names of views are made of before anything is known of the target: views with their columns, in the form of
/// tables.
pub(super) fn outlines(
    objects: &[&Object],
    moved: &[&Table],
    words: Option<&SqlWords>,
    source: &Catalog,
    target: &Catalog,
) -> Vec<Table> {
    let Some(words) = words else { return Vec::new() };
    let of_table = |table: &&Table| {
        let columns = table.columns.iter().map(|c| RelationColumn {
            source: c.name.clone(),
            target: c.name.clone(),
            kind: Kind::of(&c.data_type, &c.data_type, words.decimals),
            labels: labels(&c.data_type),
        });
        Relation { source: table.name.clone(), target: table.name.clone(), columns: columns.collect() }
    };
    let own = |object: &Object, said: &Said| {
        Some((name_of(object), said.outputs.iter().map(|(name, _)| name.clone()).collect()))
    };
    let unmoved = unmoved(source, target);
    let found = in_order(objects, moved.iter().map(of_table).collect(), [words, words], unmoved.as_ref(), own);
    found.views.iter().map(|(object, said)| outline(object, said)).collect()
}

fn outline(object: &Object, said: &Said) -> Table {
    let column = |(name, _): &(String, Kind)| Column {
        name: name.clone(),
        native_type: String::new(),
        data_type: DataType::Native,
        nullable: true,
        default: None,
        identity: None,
        generated: None,
        touched_on_update: false,
        declared: None,
        flag: false,
        character_set: None,
        collation: None,
        comment: None,
    };
    Table::of(name_of(object), said.outputs.iter().map(column).collect())
}

/// Plans the views, in an order in which each comes after those that it reads from.
///
/// # Errors
/// `conflict` where something of the target has the name of one.
pub(super) fn plan(input: &Input<'_>, risks: &mut Risks) -> Result<Vec<ViewPlan>> {
    let [Some(from), Some(to)] = input.words else {
        let why = "is in words that one of the two connectors does not tell";
        input.objects.iter().for_each(|object| not_translated(object, why, risks));
        return Ok(Vec::new());
    };
    let renamed = |object: &Object| input.renamed.iter().find(|renamed| renamed.source == name_of(object));
    let stays = |object: &&&Object| {
        let there = renamed(object).map(|renamed| in_the_way(&renamed.table.name, input));
        input.on_existing == OnExisting::Append && matches!(there, Some(Ok(Some(_))))
    };
    let (staying, objects): (Vec<&Object>, Vec<&Object>) = input.objects.iter().partition(stays);
    for object in staying {
        not_translated(object, "has the name of a view that the target has, and that stays", risks);
    }
    let tables = relations(input, to.decimals);
    let bases = tables.len();
    let named = |object: &Object, _: &Said| {
        let renamed = renamed(object)?;
        Some((renamed.table.name.clone(), renamed.columns.iter().map(|name| name.target.clone()).collect()))
    };
    let unmoved = unmoved(input.source, input.target);
    let InOrder { relations, views, refused } = in_order(&objects, tables, [from, to], unmoved.as_ref(), named);
    refused.into_iter().for_each(|(object, why)| not_translated(object, &why, risks));
    let mut planned = Vec::with_capacity(views.len());
    for ((object, said), relation) in views.into_iter().zip(&relations[bases..]) {
        let replaced = in_the_way(&relation.target, input)?;
        told(object, &said, replaced.is_some(), risks);
        let (query, used) = match said.text {
            Text::Query(query) => (write::write(&query, &relations, to), query.columns()),
            Text::Verbatim { query, reads } => {
                let all = |at: usize| (0..relations[at].columns.len()).map(move |column| (at, column));
                (query, reads.into_iter().flat_map(all).collect())
            }
        };
        let uses = used.into_iter().filter(|(relation, _)| *relation < bases).map(|(at, column)| UsedColumn {
            table: relations[at].target.clone(),
            column: relations[at].columns[column].target.clone(),
        });
        let columns = relation.columns.iter().map(|column| column.target.clone()).collect();
        let view = View { name: relation.target.clone(), columns, query, replaced };
        planned.push(ViewPlan { source: name_of(object), uses: uses.collect(), view });
    }
    Ok(planned)
}

/// The definition of the target's view of this name.
fn in_the_way(wanted: &TableName, input: &Input<'_>) -> Result<Option<String>> {
    let conflict = |what: String| {
        let message = format!(
            "The target has {what} already, and a view of this name is to be made. Leave the view out by `exclude_tables`, or choose another `target_schema`."
        );
        Err(Error::new(Code::Conflict, message).role_if(Some(Role::Target)))
    };
    if let Some(table) = input.target.tables.iter().find(|table| (input.same)(&table.name, wanted)) {
        return conflict(format!("a table `{}`", full(&table.name)));
    }
    let is_it = |o: &&Object| is_named_as_a_table(o.kind) && (input.same)(&name_of(o), wanted);
    let found = input.target.objects.iter().find(is_it);
    match (found, input.on_existing) {
        (None, _) => Ok(None),
        (Some(view), OnExisting::Replace | OnExisting::Append) if view.kind == ObjectKind::View => {
            Ok(Some(view.definition.clone().unwrap_or_default()))
        }
        (Some(other), _) => conflict(format!("a view or sequence `{}`", full(&name_of(other)))),
    }
}

/// The tables that the plan makes. One that others have rows in would show those, too.
fn relations(input: &Input<'_>, decimals: bool) -> Vec<Relation> {
    let mut relations = Vec::new();
    for ((source, plan), renamed) in input.moved.iter().zip(input.tables).zip(input.columns) {
        if plan.existing.is_some() {
            continue;
        }
        relations.push(relation_of(source, &plan.target, renamed, decimals));
    }
    relations
}

fn labels(data_type: &DataType) -> Vec<String> {
    match data_type {
        DataType::Enumeration(enumeration) => enumeration.values.clone(),
        _ => Vec::new(),
    }
}

/// A table and what the target makes of it: the columns that both have.
fn relation_of(source: &Table, target: &Table, renamed: &Renamed, decimals: bool) -> Relation {
    let column = |(own, name): (&Column, &Name)| {
        let target = target.columns.iter().find(|c| c.name == name.target)?;
        let kind = Kind::of(&own.data_type, &target.data_type, decimals);
        let labels = labels(&own.data_type);
        Some(RelationColumn { source: own.name.clone(), target: name.target.clone(), kind, labels })
    };
    let columns = source.columns.iter().zip(&renamed.columns).filter_map(column).collect();
    Relation { source: source.name.clone(), target: target.name.clone(), columns }
}

/// Views in an order in which each comes after those that it reads from.
struct InOrder<'a> {
    /// What queries read from: tables, and behind them the views, in their order.
    relations: Vec<Relation>,
    views: Vec<(&'a Object, Said)>,
    /// Those that cannot be made, and why.
    refused: Vec<(&'a Object, String)>,
}

/// Reads views until no more of them can be read. `words` are the source's and the target's; where the target understands all
/// that the source says, `unmoved` is what it has not. A view that has no name counts as one that is not moved.
fn in_order<'a>(
    objects: &[&'a Object],
    mut relations: Vec<Relation>,
    words: [&SqlWords; 2],
    unmoved: Option<&Unmoved>,
    named: impl Fn(&Object, &Said) -> Option<(TableName, Vec<String>)>,
) -> InOrder<'a> {
    let (mut views, mut open) = (Vec::new(), objects.to_vec());
    loop {
        let mut refused = Vec::new();
        let before = open.len();
        for object in std::mem::take(&mut open) {
            let said = definition(object).and_then(|sql| said(sql, &object.schema, &relations, words, unmoved));
            let said = said.and_then(|said| Ok((named(object, &said).ok_or("has no name in the target")?, said)));
            match said {
                Ok(((target, names), said)) => {
                    let columns = said.outputs.iter().zip(names).map(|((own, kind), target)| RelationColumn {
                        source: own.clone(),
                        target,
                        kind: *kind,
                        labels: Vec::new(),
                    });
                    relations.push(Relation { source: name_of(object), target, columns: columns.collect() });
                    views.push((object, said));
                }
                Err(why) => refused.push((object, why)),
            }
        }
        if refused.len() == before {
            return InOrder { relations, views, refused };
        }
        open = refused.iter().map(|(object, _)| *object).collect();
    }
}

fn said(
    sql: &str,
    schema: &str,
    relations: &[Relation],
    words: [&SqlWords; 2],
    unmoved: Option<&Unmoved>,
) -> Reading<Said> {
    let common = read::read(sql, schema, relations, words);
    let (Err(_), Some(unmoved)) = (&common, unmoved) else { return common };
    let Verbatim { query, reads, columns } = verbatim(sql, schema, relations, words[0], unmoved)?;
    let outputs = columns.into_iter().map(|name| (name, Kind::Other)).collect();
    Ok(Said { text: Text::Verbatim { query, reads }, outputs, compares_texts: false })
}

/// What a target of the same dialect has not; none where it is of another.
fn unmoved(source: &Catalog, target: &Catalog) -> Option<Unmoved> {
    let routines = source.objects.iter().filter(|object| object.kind == ObjectKind::Routine);
    let bare = |object: &Object| object.name.split('(').next().unwrap_or_default().to_owned();
    // What some keep beside their tables has their names.
    let is_type = |named: &&NamedType| source.tables.iter().all(|table| table.name.name != named.name);
    let types = source.named_types.iter().filter(is_type).map(|named| named.name.clone()).collect();
    (source.dialect == target.dialect).then(|| Unmoved { routines: routines.map(bare).collect(), types })
}

fn definition(object: &Object) -> Reading<&str> {
    let text = object.definition.as_deref().filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| "has a text that this user may not see".to_owned())
}

fn not_translated(object: &Object, why: &str, risks: &mut Risks) {
    risks.add(
        Severity::Medium,
        "view_not_moved",
        "Views that say more than every system can, or that read from what is not moved, are listed and not made.",
        format!("{}: it {why}", full(&name_of(object))),
        "Write them for the target by hand; their definitions stand in the plan.",
    );
}

fn told(object: &Object, said: &Said, replaces: bool, risks: &mut Risks) {
    if said.compares_texts {
        risks.add(
            Severity::Medium,
            "view_compares_texts",
            "Views compare or group texts: whether `a` is `A` is for the collations of each system to say.",
            full(&name_of(object)),
            "Look at what they show in both systems before applications use them.",
        );
    }
    if replaces {
        risks.add(
            Severity::High,
            "view_replaced",
            "Views of these names are in the target already. At the end others take their place.",
            full(&name_of(object)),
            "Make sure nobody needs them as they are.",
        );
    }
}
