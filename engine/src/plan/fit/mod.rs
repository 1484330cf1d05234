//! Which tables and columns that the target has already are meant by those of the source.
//!
//! Pairs are scored by their names, types, keys and foreign keys, and taken best first, each table and column once. Tables are
//! paired twice: what their foreign keys refer to is known only once there are pairs. The score decides who is paired; how sure
//! that is, the evidence says, and what is doubtful is asked (a mapping below the line awaits a person).

mod likeness;
mod values;
mod vocabulary;

use std::collections::BTreeMap;

use likeness::{Words, likeness};
pub(super) use values::of_values;

use super::Evidence;
use super::scout::full;
use crate::catalog::{Column, DataType, Table};
use crate::error::{Code, Error, Result};

/// Shares of a pair of columns' score.
const OF_NAME: f64 = 0.75;
const OF_TYPE: f64 = 0.15;
const OF_ROLE: f64 = 0.10;
/// Shares of a pair of tables' score: a name may be chance, the columns hardly.
const OF_TABLE_NAME: f64 = 0.55;
const OF_COLUMNS: f64 = 0.45;
/// Least score of a pair. Measured on the pairs of `fit_tests`: wrong pairs of columns reach 0.62, right ones begin at 0.66.
const COLUMN_PAIR: f64 = 0.64;
const TABLE_PAIR: f64 = 0.6;
/// Tables whose columns are compared with those of one table: those with the names most alike. 12: of hundreds of tables whose
/// names share a word, the one that is meant shares more; and the time for the columns stays that of a plan.
const TABLES_LOOKED_AT: usize = 12;
/// A rival whose score comes as near as this makes a pair doubtful.
const NEAR: f64 = 0.07;
/// A name read in another way (without a prefix, without its table's name) is worth a little less.
const READ_OTHERWISE: f64 = 0.99;
/// Foreign keys to the same table: what the name is worth at least, where there is one such on each side, and else.
const ONLY_REFERENCE: f64 = 0.92;
const ONE_REFERENCE: f64 = 0.6;
/// Candidates that are named to whoever has to choose.
const CANDIDATES_NAMED: usize = 3;

/// Least score, and what a pair of tables is worth then.
const TABLE_WEIGHTS: [(f64, f64, &str); 4] = [
    (0.93, 1.0, "the same table by name and columns"),
    (0.82, 0.98, "alike by name and columns"),
    (0.72, 0.9, "somewhat alike by name and columns"),
    (0.0, 0.75, "hardly alike"),
];
/// Least likeness of names, and what a pair of columns is worth then.
const NAME_WEIGHTS: [(f64, f64, &str); 6] = [
    (0.999, 1.0, "the same words"),
    (0.94, 0.99, "the same words, in short or in another order"),
    (0.84, 0.96, "words that mean the same"),
    (0.74, 0.88, "alike in most words"),
    (0.6, 0.75, "alike in some words"),
    (0.0, 0.5, "hardly alike"),
];
/// What keys say.
const ROLE_WEIGHTS: [(Role, f64, &str); 5] = [
    (Role::BothKey, 1.0, "both are the primary key"),
    (Role::SameReference, 1.0, "both refer to the same table"),
    (Role::NoKey, 1.0, "neither is a key"),
    (Role::OneKey, 0.93, "only one of them is the primary key"),
    (Role::OtherReference, 0.7, "they refer to different tables"),
];
/// Another pair is nearly as good.
const RIVAL_WEIGHT: f64 = 0.7;
/// A person named the table, or the column.
const NAMED_WEIGHT: f64 = 1.0;
/// There is no table like it.
const NEW_TABLE_WEIGHT: f64 = 0.9;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    BothKey,
    SameReference,
    NoKey,
    OneKey,
    OtherReference,
}

/// What a source table's rows are to be added to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TableFit {
    /// Index into the target's tables.
    pub(super) target: usize,
    /// For each of its mappings.
    pub(super) evidence: Vec<Evidence>,
    /// In the order of the source's columns.
    pub(super) columns: Vec<ColumnFit>,
}

/// Where a source column goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColumnFit {
    /// To this column of the target's table.
    To { column: String, evidence: Vec<Evidence> },
    /// Nowhere that is known: a person has to say.
    Nowhere(Evidence),
    /// Nowhere, as a person said.
    LeftOut,
}

/// For each source table: the table of the target that is meant, if there is one in its home (the schema its rows are to land
/// in). `into`: source tables (`name` or `schema.name`) and the tables that a person chose for them; source columns
/// (`table.column`) and the columns chosen for them, nothing for those that are left out.
///
/// # Errors
/// `invalid_request` if `into` names what is not there.
pub(super) fn fit(
    sources: &[&Table],
    homes: &[String],
    targets: &[Table],
    into: &BTreeMap<String, String>,
) -> Result<Vec<Option<TableFit>>> {
    let mut wishes = Wishes::of(sources, homes, targets, into)?;
    let names = [sources.to_vec(), targets.iter().collect()].map(|tables| table_words(&tables));
    let mut paired: Vec<Option<usize>> = wishes.tables.clone();
    let candidates: Vec<Vec<usize>> = (0..sources.len())
        .map(|at| match wishes.tables[at] {
            Some(named) => vec![named],
            None => candidates(&names[0][at], &homes[at], targets, &names[1]),
        })
        .collect();
    let mut scored = Vec::new();
    for _ in 0..2 {
        let of = |at: usize, to: usize| Score::of(at, to, sources, targets, &names, &paired, &wishes);
        scored = (candidates.iter().enumerate())
            .map(|(at, candidates)| candidates.iter().map(|&to| (to, of(at, to))).collect())
            .collect::<Vec<Vec<(usize, Score)>>>();
        paired = pairs(&scored, &wishes.tables);
    }
    wishes.resolve(sources, targets, &paired)?;
    let fits = paired.iter().enumerate().map(|(at, to)| {
        let to = (*to)?;
        let score = Score::of(at, to, sources, targets, &names, &paired, &wishes);
        let named = wishes.tables[at].is_some();
        let mut evidence = vec![of_tables(&score, &sources[at].name.name, &targets[to], named)];
        if !named {
            evidence.extend(rival_tables(at, score.table, &scored, &paired, sources, targets));
        }
        Some(TableFit {
            target: to,
            evidence,
            columns: columns(sources[at], &targets[to], &score, &wishes.columns[at]),
        })
    });
    Ok(fits.collect())
}

/// Tables of a home whose columns are worth a look: where not even equal columns could make up for the names, they are not.
fn candidates(name: &Words, home: &str, targets: &[Table], names: &[Words]) -> Vec<usize> {
    let at_home = (0..targets.len()).filter(|to| targets[*to].name.schema == home);
    let mut alike: Vec<(f64, usize)> = at_home.map(|to| (likeness(name, &names[to]), to)).collect();
    alike.retain(|(name, _)| OF_TABLE_NAME * name + OF_COLUMNS >= TABLE_PAIR);
    alike.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
    alike.truncate(TABLES_LOOKED_AT);
    alike.into_iter().map(|(_, to)| to).collect()
}

/// For the mappings of a table that is made anew beside those that are there.
pub(super) fn new_table() -> Evidence {
    Evidence {
        kind: "table_match".to_owned(),
        weight: NEW_TABLE_WEIGHT,
        detail: "no table of the target is like this one: a new one is made".to_owned(),
    }
}

/// What a person said about one column.
#[derive(Debug, Clone, PartialEq)]
enum Wish {
    /// Its name in the target; its place is known once the tables are paired.
    Named(String),
    To(usize),
    LeftOut,
}

/// What a person said.
struct Wishes {
    /// For each source table.
    tables: Vec<Option<usize>>,
    /// For each of its columns.
    columns: Vec<Vec<Option<Wish>>>,
}

impl Wishes {
    fn of(sources: &[&Table], homes: &[String], targets: &[Table], into: &BTreeMap<String, String>) -> Result<Self> {
        let mut wishes = Self {
            tables: vec![None; sources.len()],
            columns: sources.iter().map(|t| vec![None; t.columns.len()]).collect(),
        };
        for (from, to) in into {
            let is_from = |t: &&Table| t.name.name == *from || full(&t.name) == *from;
            if let Some(at) = sources.iter().position(is_from) {
                let is_to = |t: &Table| (t.name.name == *to && t.name.schema == homes[at]) || full(&t.name) == *to;
                let found = targets.iter().position(is_to).ok_or_else(|| {
                    wrong(&format!("`{}` of the target has no table `{to}` for the rows of `{from}`.", homes[at]))
                })?;
                if wishes.tables.contains(&Some(found)) {
                    let what = format!("two tables are to go into `{to}`. Move one of them in another migration.");
                    return Err(wrong(&what));
                }
                wishes.tables[at] = Some(found);
                continue;
            }
            let place = sources.iter().enumerate().find_map(|(at, t)| {
                let prefixes = [format!("{}.", t.name.name), format!("{}.", full(&t.name))];
                let column = prefixes.iter().find_map(|prefix| from.strip_prefix(prefix.as_str()))?;
                Some((at, t.columns.iter().position(|c| c.name == column)?))
            });
            let (at, column) = place.ok_or_else(|| {
                wrong(&format!(
                    "the tables that are moved have no table and no column `{from}`. Write `table` or `table.column` as the source does."
                ))
            })?;
            wishes.columns[at][column] = Some(if to.is_empty() { Wish::LeftOut } else { Wish::Named(to.clone()) });
        }
        Ok(wishes)
    }

    /// Names of columns become places in the tables that are paired.
    fn resolve(&mut self, sources: &[&Table], targets: &[Table], paired: &[Option<usize>]) -> Result<()> {
        for (at, wishes) in self.columns.iter_mut().enumerate() {
            for (column, wish) in sources[at].columns.iter().zip(wishes).filter_map(|(c, w)| Some((c, w.as_mut()?))) {
                let from = format!("{}.{}", full(&sources[at].name), column.name);
                let target = paired[at].map(|to| &targets[to]).ok_or_else(|| {
                    wrong(&format!(
                        "`{from}` has no place: no table of the target is like its own. Name the table, too."
                    ))
                })?;
                if let Wish::Named(name) = wish {
                    let is_it = |c: &Column| c.name == *name && c.generated.is_none();
                    let to = target.columns.iter().position(is_it).ok_or_else(|| {
                        let table = full(&target.name);
                        wrong(&format!(
                            "`{table}` has no column `{name}` that can be written, for the values of `{from}`."
                        ))
                    })?;
                    *wish = Wish::To(to);
                }
            }
        }
        Ok(())
    }
}

fn wrong(what: &str) -> Error {
    Error::new(Code::InvalidRequest, format!("`into`: {what}"))
}

/// How two tables compare.
#[derive(Debug, Clone)]
struct Score {
    table: f64,
    name: f64,
    /// For each column of the source and each of the target.
    columns: Vec<Vec<Pair>>,
    /// For each column of the source: the target's that it is paired with.
    paired: Vec<Option<usize>>,
}

/// How two columns compare.
#[derive(Debug, Clone, Copy)]
struct Pair {
    score: f64,
    name: f64,
    role: Role,
}

impl Score {
    fn of(
        at: usize,
        to: usize,
        sources: &[&Table],
        targets: &[Table],
        names: &[Vec<Words>; 2],
        paired: &[Option<usize>],
        wishes: &Wishes,
    ) -> Self {
        let (source, target) = (sources[at], &targets[to]);
        let [of_source, of_target] = [column_words(source, &names[0][at]), column_words(target, &names[1][to])];
        let reference = |table: &Table, column: &Column| {
            let key = table.foreign_keys.iter().find(|key| key.columns == [column.name.clone()])?;
            Some((key.referenced_schema.clone(), key.referenced_table.clone()))
        };
        // The target's table that a source's column refers to, by the pairs so far.
        let referred = |column: &Column| {
            let (schema, name) = reference(source, column)?;
            let parent = sources.iter().position(|t| t.name.schema == schema && t.name.name == name)?;
            paired.get(parent).copied().flatten()
        };
        let refers = |column: &Column| {
            let (schema, name) = reference(target, column)?;
            targets.iter().position(|t| t.name.schema == schema && t.name.name == name)
        };
        let (referred, refers): (Vec<_>, Vec<_>) =
            (source.columns.iter().map(referred).collect(), target.columns.iter().map(refers).collect());
        let alone = |all: &[Option<usize>], one: usize| all.iter().filter(|r| **r == Some(one)).count() == 1;
        let pair = |i: usize, j: usize| {
            let (a, b) = (&source.columns[i], &target.columns[j]);
            let name = best_reading(&of_source[i], &of_target[j]);
            let (name, role) = match (referred[i], refers[j]) {
                (Some(x), Some(y)) if x == y => {
                    let least = if alone(&referred, x) && alone(&refers, x) { ONLY_REFERENCE } else { ONE_REFERENCE };
                    (name.max(least), Role::SameReference)
                }
                (Some(_), Some(_)) => (name, Role::OtherReference),
                _ => (name, role_of(source, a, target, b)),
            };
            let of_role = match role {
                Role::BothKey | Role::SameReference => 1.0,
                Role::NoKey => 0.7,
                Role::OneKey => 0.3,
                Role::OtherReference => 0.0,
            };
            let kin = kinship(&a.data_type, &b.data_type);
            let writable = b.generated.is_none() && kin > 0.0;
            let score = if writable { OF_NAME * name + OF_TYPE * kin + OF_ROLE * of_role } else { 0.0 };
            Pair { score, name, role }
        };
        let columns: Vec<Vec<Pair>> =
            (0..source.columns.len()).map(|i| (0..target.columns.len()).map(|j| pair(i, j)).collect()).collect();
        let wishes = &wishes.columns[at];
        let wished = |wish: &Option<Wish>| match wish {
            Some(Wish::To(column)) => Some(*column),
            Some(Wish::Named(_) | Wish::LeftOut) | None => None,
        };
        let scores: Vec<Vec<(usize, f64)>> = (columns.iter().zip(wishes))
            .map(|(row, wish)| match wish {
                Some(_) => Vec::new(),
                None => row.iter().enumerate().map(|(j, pair)| (j, pair.score)).collect(),
            })
            .collect();
        let paired = best_first(&scores, COLUMN_PAIR, &wishes.iter().map(wished).collect::<Vec<_>>());
        let fitting: f64 = paired.iter().enumerate().filter_map(|(i, j)| Some(columns[i][(*j)?].score)).sum();
        let of_columns = fitting / source.columns.len().max(1) as f64;
        let name = likeness(&names[0][at], &names[1][to]);
        Self { table: OF_TABLE_NAME * name + OF_COLUMNS * of_columns, name, columns, paired }
    }
}

fn role_of(source: &Table, a: &Column, target: &Table, b: &Column) -> Role {
    let key = |table: &Table, column: &Column| {
        table.primary_key.as_ref().is_some_and(|key| key.columns.contains(&column.name))
    };
    match (key(source, a), key(target, b)) {
        (true, true) => Role::BothKey,
        (false, false) => Role::NoKey,
        (true, false) | (false, true) => Role::OneKey,
    }
}

/// How well values of one neutral type go into another's: 1 the same kind, 0 not at all.
fn kinship(from: &DataType, to: &DataType) -> f64 {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Truth,
        Number,
        Text,
        Bytes,
        Day,
        Span,
        Id,
        Other,
    }
    let kind = |t: &DataType| match t {
        DataType::Boolean => Kind::Truth,
        DataType::Integer(_) | DataType::Float(_) | DataType::Decimal(_) | DataType::Number => Kind::Number,
        DataType::Text(_) | DataType::Json | DataType::Enumeration(_) | DataType::Set(_) => Kind::Text,
        DataType::Binary(_) => Kind::Bytes,
        DataType::Date | DataType::Timestamp(_) => Kind::Day,
        DataType::Time(_) | DataType::Duration(_) | DataType::Interval => Kind::Span,
        DataType::Uuid => Kind::Id,
        DataType::Bits(_) | DataType::Geometry(_) | DataType::Native => Kind::Other,
    };
    match (kind(from), kind(to)) {
        (a, b) if a == b => 1.0,
        (Kind::Truth, Kind::Number) | (Kind::Number, Kind::Truth) => 0.8,
        (Kind::Text, Kind::Id) | (Kind::Id, Kind::Text) | (Kind::Bytes, Kind::Id) => 0.7,
        (_, Kind::Text) => 0.5,
        (Kind::Text, _) => 0.4,
        _ => 0.0,
    }
}

/// Pairs, best first: each once; those that are `named` come before all others.
fn pairs(scored: &[Vec<(usize, Score)>], named: &[Option<usize>]) -> Vec<Option<usize>> {
    let scores: Vec<Vec<(usize, f64)>> =
        scored.iter().map(|row| row.iter().map(|(to, score)| (*to, score.table)).collect()).collect();
    best_first(&scores, TABLE_PAIR, named)
}

fn best_first(scores: &[Vec<(usize, f64)>], least: f64, named: &[Option<usize>]) -> Vec<Option<usize>> {
    let mut paired = named.to_vec();
    let mut taken: Vec<usize> = named.iter().flatten().copied().collect();
    let all = scores.iter().enumerate().flat_map(|(at, row)| row.iter().map(move |(to, score)| (*score, at, *to)));
    let mut all: Vec<(f64, usize, usize)> = all.filter(|(score, ..)| *score >= least).collect();
    all.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    for (_, at, to) in all {
        if paired[at].is_none() && !taken.contains(&to) {
            paired[at] = Some(to);
            taken.push(to);
        }
    }
    paired
}

fn columns(source: &Table, target: &Table, score: &Score, wishes: &[Option<Wish>]) -> Vec<ColumnFit> {
    let of = |at: usize| {
        let row = &score.columns[at];
        let to = match (&wishes[at], score.paired[at]) {
            (Some(Wish::LeftOut), _) => return ColumnFit::LeftOut,
            (_, None) => return ColumnFit::Nowhere(nowhere(row, target, score)),
            (_, Some(to)) => to,
        };
        let pair = row[to];
        if wishes[at].is_some() {
            let detail = format!("`{}` and `{}`: as asked", source.columns[at].name, target.columns[to].name);
            let asked = Evidence { kind: "name_match".to_owned(), weight: NAMED_WEIGHT, detail };
            return ColumnFit::To { column: target.columns[to].name.clone(), evidence: vec![asked] };
        }
        let names = format!("`{}` and `{}`", source.columns[at].name, target.columns[to].name);
        let mut evidence = vec![banded("name_match", &NAME_WEIGHTS, pair.name, &names), of_role(pair.role)];
        // What is as good and not another one's for better reasons; and who would fit here as well and has nothing.
        let better = |j: usize| {
            score
                .paired
                .iter()
                .enumerate()
                .any(|(i, p)| *p == Some(j) && i != at && score.columns[i][j].score > row[j].score + NEAR)
        };
        let rivals = (0..row.len()).filter(|&j| j != to && row[j].score >= pair.score - NEAR && !better(j));
        let mut rivals: Vec<String> = rivals.map(|j| format!("`{}` of the target", target.columns[j].name)).collect();
        let idle = (0..score.columns.len()).filter(|&i| i != at && score.paired[i].is_none() && wishes[i].is_none());
        let idle = idle.filter(|&i| score.columns[i][to].score >= pair.score - NEAR);
        rivals.extend(idle.map(|i| format!("`{}` of the source", source.columns[i].name)));
        evidence.extend(rival(&rivals));
        ColumnFit::To { column: target.columns[to].name.clone(), evidence }
    };
    (0..source.columns.len()).map(of).collect()
}

fn nowhere(row: &[Pair], target: &Table, score: &Score) -> Evidence {
    let free = (0..row.len()).filter(|j| !score.paired.contains(&Some(*j)) && row[*j].score > 0.0);
    let mut free: Vec<usize> = free.collect();
    free.sort_by(|x, y| row[*y].score.total_cmp(&row[*x].score));
    let free: Vec<String> =
        free.into_iter().take(CANDIDATES_NAMED).map(|j| format!("`{}`", target.columns[j].name)).collect();
    let detail = match free.as_slice() {
        [] => format!("no column of `{}` is left for it", target.name.name),
        free => format!("no column of `{}` is like it; free are {}", target.name.name, free.join(", ")),
    };
    Evidence { kind: "name_match".to_owned(), weight: 0.0, detail }
}

fn banded(kind: &str, weights: &[(f64, f64, &str)], value: f64, what: &str) -> Evidence {
    let band = weights.iter().find(|(least, ..)| value >= *least);
    let (weight, detail) = band.map_or((0.0, "nothing in common"), |(_, weight, detail)| (*weight, *detail));
    Evidence { kind: kind.to_owned(), weight, detail: format!("{what}: {detail}") }
}

fn of_role(role: Role) -> Evidence {
    let (weight, detail) = ROLE_WEIGHTS
        .iter()
        .find(|(r, ..)| *r == role)
        .map_or((0.0, "unknown"), |(_, weight, detail)| (*weight, *detail));
    Evidence { kind: "key_role".to_owned(), weight, detail: detail.to_owned() }
}

fn of_tables(score: &Score, source: &str, target: &Table, named: bool) -> Evidence {
    let names = format!("`{source}` and `{}`", target.name.name);
    if named {
        let detail = format!("{names}: as asked");
        return Evidence { kind: "table_match".to_owned(), weight: NAMED_WEIGHT, detail };
    }
    let columns = score.paired.iter().flatten().count();
    let found = banded("table_match", &TABLE_WEIGHTS, score.table, &names);
    let detail = format!(
        "{} ({} of {} columns fit, names {:.0} % alike)",
        found.detail,
        columns,
        score.paired.len(),
        score.name * 100.0
    );
    Evidence { detail, ..found }
}

/// Other tables that the rows may be meant for, and others that may be meant for the table.
fn rival_tables(
    at: usize,
    best: f64,
    scored: &[Vec<(usize, Score)>],
    paired: &[Option<usize>],
    sources: &[&Table],
    targets: &[Table],
) -> Option<Evidence> {
    let free = |to: &usize| !paired.contains(&Some(*to));
    let others = scored[at].iter().filter(|(to, score)| free(to) && score.table >= best - NEAR);
    let mut rivals: Vec<String> = others.map(|(to, _)| format!("`{}` of the target", targets[*to].name.name)).collect();
    let idle = (0..scored.len()).filter(|&other| paired[other].is_none());
    let as_good =
        |other: &usize| scored[*other].iter().any(|(to, score)| Some(*to) == paired[at] && score.table >= best - NEAR);
    rivals.extend(idle.filter(as_good).map(|other| format!("`{}` of the source", sources[other].name.name)));
    rival(&rivals)
}

fn rival(rivals: &[String]) -> Option<Evidence> {
    let detail = match rivals {
        [] => return None,
        some => format!("nearly as good: {}", some.join(", ")),
    };
    Some(Evidence { kind: "ambiguous".to_owned(), weight: RIVAL_WEIGHT, detail })
}

/// The tables' names, without a first word that nearly all of them have.
fn table_words(tables: &[&Table]) -> Vec<Words> {
    let words: Vec<Words> = tables.iter().map(|t| Words::of(&t.name.name)).collect();
    match shared_prefix(&words) {
        Some(prefix) => words.iter().map(|w| w.without_prefix(&prefix)).collect(),
        None => words,
    }
}

/// The ways in which a column's name may be read, the plainest first.
fn column_words(table: &Table, table_name: &Words) -> Vec<Vec<Words>> {
    let words: Vec<Words> = table.columns.iter().map(|c| Words::of(&c.name)).collect();
    let prefix = shared_prefix(&words);
    let readings = words.into_iter().map(|plain| {
        let bare = prefix.as_ref().map(|prefix| plain.without_prefix(prefix)).filter(|bare| *bare != plain);
        let mut readings: Vec<Words> = std::iter::once(plain).chain(bare).collect();
        readings.extend(readings.clone().iter().filter_map(|words| words.without_table(table_name)));
        readings
    });
    readings.collect()
}

/// A first word that four of five names have, of three names or more.
fn shared_prefix(words: &[Words]) -> Option<String> {
    let first = words.iter().find_map(Words::prefix)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    words.iter().filter_map(Words::prefix).for_each(|prefix| *counts.entry(prefix).or_insert(0) += 1);
    let (prefix, count) = counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or((first, 0));
    (words.len() >= 3 && count * 5 >= words.len() * 4).then(|| prefix.to_owned())
}

fn best_reading(a: &[Words], b: &[Words]) -> f64 {
    let of = |(i, x): (usize, &Words)| {
        let against = |(j, y): (usize, &Words)| likeness(x, y) * if i + j == 0 { 1.0 } else { READ_OTHERWISE };
        b.iter().enumerate().map(against).fold(0.0, f64::max)
    };
    a.iter().enumerate().map(of).fold(0.0, f64::max)
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
