//! From a definition in the source's words to a query that every system can say; or why it is none.
//!
//! What is not named here is not understood. That is meant: a view that is translated means the same.

use datafusion_sql::sqlparser::ast::{
    CreateView, Distinct, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, OrderBy,
    OrderByKind, Query as SqlQuery, Select as SqlSelect, SelectItem, SetExpr, SetOperator, SetQuantifier, Statement,
    TableFactor, TableWithJoins,
};
use datafusion_sql::sqlparser::dialect::dialect_from_str;
use datafusion_sql::sqlparser::parser::Parser;

use super::kind::Kind;
use super::query::{From, Order, Query, Select, Term};
use super::scope::{Rows, Scope, Typed, bare_name, column_name};
use crate::catalog::TableName;
use crate::plugin::{SqlWords, ViewPart};

/// Why a view is not translated, in words that follow "it".
pub(super) type Reading<T> = Result<T, String>;

/// What a query may read from.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) source: TableName,
    pub(super) target: TableName,
    pub(super) columns: Vec<RelationColumn>,
}

#[derive(Debug, Clone)]
pub(super) struct RelationColumn {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) kind: Kind,
    /// Of an enumeration, as far as they are known.
    pub(super) labels: Vec<String>,
}

/// What a definition says.
pub(super) struct Said {
    pub(super) text: Text,
    /// Names and kinds of the view's columns; none where they follow from a query that stays as it is.
    pub(super) outputs: Vec<(String, Kind)>,
    /// It compares, groups or orders texts: what is equal is for collations to say.
    pub(super) compares_texts: bool,
}

/// Reads the definition of a view of `schema` in the source's words, of `words` the first; what it says can be said in the
/// target's, the second.
pub(super) fn read(definition: &str, schema: &str, relations: &[Relation], words: [&SqlWords; 2]) -> Reading<Said> {
    let (query, names) = query_of(definition, words[0])?;
    let mut reader = Reader { schema, relations, words, compares_texts: false };
    let (query, mut outputs) = reader.query(query)?;
    if !names.is_empty() {
        if names.len() != outputs.len() {
            return Err("names more or fewer columns than it has".to_owned());
        }
        outputs.iter_mut().zip(names).for_each(|(output, name)| output.0 = name);
    }
    for (at, (name, _)) in outputs.iter().enumerate() {
        if name.is_empty() {
            return Err("shows a value without a name".to_owned());
        }
        if outputs[..at].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(format!("has two columns `{name}`"));
        }
    }
    Ok(Said { text: Text::Query(Box::new(query)), outputs, compares_texts: reader.compares_texts })
}

/// The query of a definition, and the names that it gives the view's columns, if it does.
pub(super) fn query_of(definition: &str, words: &SqlWords) -> Reading<(SqlQuery, Vec<String>)> {
    let dialect = dialect_from_str(&words.grammar).ok_or("is in a grammar that nobody here reads")?;
    let mut statements =
        Parser::parse_sql(&*dialect, definition).map_err(|_| "is written in a way that cannot be read")?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Ok((*query, Vec::new())),
        (
            Some(Statement::CreateView(CreateView { materialized: false, temporary: false, query, columns, .. })),
            true,
        ) => Ok((*query, columns.into_iter().map(|c| c.name.value).collect())),
        _ => Err("is no query alone".to_owned()),
    }
}

/// How it is said in the target.
pub(super) enum Text {
    Query(Box<Query>),
    /// As it stands; with the relations that it reads from.
    Verbatim {
        query: Vec<ViewPart>,
        reads: Vec<usize>,
    },
}

struct Reader<'a> {
    schema: &'a str,
    relations: &'a [Relation],
    words: [&'a SqlWords; 2],
    compares_texts: bool,
}

/// A view's columns.
type Outputs = Vec<(String, Kind)>;

impl Reader<'_> {
    fn query(&mut self, query: SqlQuery) -> Reading<(Query, Outputs)> {
        let SqlQuery {
            with: None,
            body,
            order_by,
            limit_clause: None,
            fetch: None,
            locks,
            for_clause: None,
            settings: None,
            format_clause: None,
            pipe_operators,
        } = query
        else {
            return Err("has WITH, LIMIT or another clause that systems differ in".to_owned());
        };
        if !locks.is_empty() || !pipe_operators.is_empty() {
            return Err("locks rows, or pipes them".to_owned());
        }
        let mut selects = Vec::new();
        let scope = self.body(*body, None, &mut selects)?;
        let mut selects = selects.into_iter();
        let Some((_, first, mut outputs)) = selects.next() else { return Err("selects nothing".to_owned()) };
        let mut others = Vec::new();
        for (all, select, more) in selects {
            if more.len() != outputs.len() {
                return Err("joins SELECTs of different length by UNION".to_owned());
            }
            for ((_, kind), (_, other)) in outputs.iter_mut().zip(&more) {
                let same = Some(*kind).filter(|kind| kind == other);
                *kind = same.or_else(|| kind.either(*other)).ok_or("joins SELECTs of different types by UNION")?;
            }
            self.compares_texts |= !all && outputs.iter().any(|o| o.1 == Kind::Text);
            others.push((all, select));
        }
        let order = match order_by {
            None => Vec::new(),
            Some(order) => self.order(order, &first, &outputs, others.is_empty().then_some(&scope))?,
        };
        Ok((Query { first, others, order }, outputs))
    }

    /// The SELECTs of a UNION from left to right, each with whether ALL of its rows are kept. Returns the last one's scope.
    fn body(&mut self, body: SetExpr, all: Option<bool>, into: &mut Vec<(bool, Select, Outputs)>) -> Reading<Scope> {
        match body {
            SetExpr::Select(select) => {
                let (select, outputs, scope) = self.select(*select)?;
                into.push((all.unwrap_or(true), select, outputs));
                Ok(scope)
            }
            SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } => {
                let keeps = match set_quantifier {
                    SetQuantifier::All => true,
                    SetQuantifier::Distinct | SetQuantifier::None => false,
                    _ => return Err("joins SELECTs by name".to_owned()),
                };
                // From left to right, without parentheses, is what is written.
                if !is_one(&right) {
                    return Err("nests UNIONs".to_owned());
                }
                self.body(*left, all, into)?;
                self.body(*right, Some(keeps), into)
            }
            SetExpr::Query(query) if is_bare(&query) => self.body(*query.body, all, into),
            _ => Err("has EXCEPT, INTERSECT, VALUES or a nested query".to_owned()),
        }
    }

    fn order(
        &mut self,
        order: OrderBy,
        first: &Select,
        outputs: &Outputs,
        scope: Option<&Scope>,
    ) -> Reading<Vec<(Order, bool)>> {
        let OrderBy { kind: OrderByKind::Expressions(terms), interpolate: None } = order else {
            return Err("orders rows in a way of its own".to_owned());
        };
        let mut ordered = Vec::new();
        for term in terms {
            if term.with_fill.is_some() || term.options.nulls_first.is_some() {
                return Err("says where NULL comes in the order".to_owned());
            }
            let last_first = term.options.asc == Some(false);
            let named = bare_name(&term.expr)
                .and_then(|name| outputs.iter().position(|(output, _)| output.eq_ignore_ascii_case(name)));
            let by = match (named, scope) {
                (Some(at), _) => Order::Output(at),
                (None, None) => return Err("orders a UNION by what is none of its columns".to_owned()),
                (None, Some(scope)) => {
                    let Typed { term, .. } = self.scoped(scope).value(&term.expr)?;
                    match first.outputs.iter().position(|output| *output == term) {
                        Some(at) => Order::Output(at),
                        None if first.distinct || !first.group.is_empty() || !matches!(term, Term::Column { .. }) => {
                            return Err("orders rows by what it does not show".to_owned());
                        }
                        None => Order::Term(term),
                    }
                }
            };
            ordered.push((by, last_first));
        }
        Ok(ordered)
    }

    fn select(&mut self, select: SqlSelect) -> Reading<(Select, Outputs, Scope)> {
        let SqlSelect {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers: None,
            top: None,
            top_before_distinct: _,
            projection,
            exclude: None,
            into: None,
            from,
            lateral_views,
            prewhere: None,
            selection,
            connect_by,
            group_by: GroupByExpr::Expressions(group_by, modifiers),
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify: None,
            window_before_qualify: _,
            value_table_mode: None,
            flavor: _,
        } = select
        else {
            return Err("has a clause that not every system has".to_owned());
        };
        let unknown = !lateral_views.is_empty() || !connect_by.is_empty() || !modifiers.is_empty();
        let unknown = unknown || !(cluster_by.is_empty() && distribute_by.is_empty() && sort_by.is_empty());
        if unknown || !named_window.is_empty() || !optimizer_hints.is_empty() {
            return Err("has a clause that not every system has".to_owned());
        }
        let distinct = match distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err("has DISTINCT ON".to_owned()),
        };
        let mut scope = Scope::default();
        let from = self.from(from, &mut scope)?;
        let mut rows = self.scoped(&scope);
        let filter = selection.map(|filter| rows.condition(&filter)).transpose()?;
        if filter.as_ref().is_some_and(Term::aggregates) {
            return Err("aggregates in its WHERE".to_owned());
        }
        let mut outputs = Vec::new();
        for item in projection {
            rows.outputs(item, &mut outputs)?;
        }
        let mut group = Vec::new();
        for term in &group_by {
            let Typed { term, kind } = rows.value(term)?;
            if !matches!(term, Term::Column { .. }) {
                return Err("groups rows by what is no column".to_owned());
            }
            rows.told_apart(kind)?;
            group.push(term);
        }
        let having = having.map(|having| rows.condition(&having)).transpose()?;
        let compares_texts = rows.compares_texts;
        self.compares_texts |= compares_texts;
        let aggregates = outputs.iter().any(|(_, o)| o.term.aggregates()) || having.is_some();
        let loose = |term: &Term| !term.is_made_of(&group);
        if (aggregates || !group.is_empty())
            && (outputs.iter().any(|(_, output)| loose(&output.term)) || having.as_ref().is_some_and(loose))
        {
            return Err("shows, of a group of rows, what is neither grouped by nor aggregated".to_owned());
        }
        if distinct {
            let mut rows = self.scoped(&scope);
            outputs.iter().try_for_each(|(_, output)| rows.told_apart(output.kind))?;
            let compares_texts = rows.compares_texts;
            self.compares_texts |= compares_texts;
        }
        let names = outputs.iter().map(|(name, output)| (name.clone(), output.kind)).collect();
        let outputs = outputs.into_iter().map(|(_, output)| output.term).collect();
        Ok((Select { distinct, outputs, from, filter, group, having }, names, scope))
    }

    fn scoped<'b>(&'b self, scope: &'b Scope) -> Rows<'b> {
        Rows { scope, relations: self.relations, words: self.words, compares_texts: false }
    }

    fn from(&mut self, from: Vec<TableWithJoins>, scope: &mut Scope) -> Reading<From> {
        let mut whole: Option<From> = None;
        for part in from {
            let part = self.joined(part, scope)?;
            whole = Some(match whole {
                None => part,
                Some(left) => From::Join { left: Box::new(left), right: Box::new(part), outer: false, on: None },
            });
        }
        whole.ok_or_else(|| "reads from no table".to_owned())
    }

    fn joined(&mut self, part: TableWithJoins, scope: &mut Scope) -> Reading<From> {
        let begin = scope.len();
        let mut left = self.factor(part.relation, scope)?;
        for Join { relation, global, join_operator } in part.joins {
            if global {
                return Err("has a global join".to_owned());
            }
            let (outer, constraint) = match join_operator {
                JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::CrossJoin(c) => (false, c),
                JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (true, c),
                _ => return Err("joins tables in a way that not every system has".to_owned()),
            };
            let middle = scope.len();
            let right = self.factor(relation, scope)?;
            let on = match constraint {
                JoinConstraint::On(on) => {
                    let mut rows = self.scoped(scope);
                    let on = rows.condition(&on)?;
                    let compares_texts = rows.compares_texts;
                    self.compares_texts |= compares_texts;
                    Some(on)
                }
                JoinConstraint::Using(columns) => Some(self.using(&columns, scope, begin, middle)?),
                JoinConstraint::Natural => return Err("has a natural join".to_owned()),
                JoinConstraint::None if outer => return Err("has an outer join without a condition".to_owned()),
                JoinConstraint::None => None,
            };
            left = From::Join { left: Box::new(left), right: Box::new(right), outer, on };
        }
        Ok(left)
    }

    /// The columns of these names on both sides are equal. The name alone means the left one from here on.
    fn using(&mut self, columns: &[ObjectName], scope: &mut Scope, begin: usize, middle: usize) -> Reading<Term> {
        let mut on: Option<Term> = None;
        for column in columns {
            let name = only(column)?.value.clone();
            let [left, right] =
                [begin..middle, middle..scope.len()].map(|part| scope.column(self.relations, part, &name));
            let (left, right) = (left?, right?);
            if !left.kind.compares(right.kind) {
                return Err(format!("joins by `{name}`, which systems compare differently"));
            }
            self.compares_texts |= left.kind == Kind::Text;
            scope.merge(self.relations, middle, &name);
            let equal = Term::Binary("=", Box::new(left.term), Box::new(right.term));
            on = Some(match on {
                None => equal,
                Some(before) => Term::Joined("AND", Box::new(before), Box::new(equal)),
            });
        }
        on.ok_or_else(|| "joins by no column".to_owned())
    }

    fn factor(&mut self, factor: TableFactor, scope: &mut Scope) -> Reading<From> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                let relation = find(self.relations, self.schema, &name)?;
                let alias = match alias {
                    None => last(&name)?.value.clone(),
                    Some(alias) if alias.columns.is_empty() => alias.name.value,
                    Some(_) => return Err("gives columns other names in its FROM".to_owned()),
                };
                scope.add(alias.clone(), relation)?;
                Ok(From::Relation { relation, alias })
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.joined(*table_with_joins, scope),
            _ => Err("reads from a subquery or a function".to_owned()),
        }
    }
}

/// The relation that a name means in a view of `schema`.
pub(super) fn find(relations: &[Relation], schema: &str, name: &ObjectName) -> Reading<usize> {
    let table = last(name)?;
    let given = match name.0.len() {
        1 => None,
        2 => name.0[0].as_ident(),
        _ => return Err(format!("reads from `{name}`")),
    };
    let schema = given.map_or(schema, |ident| ident.value.as_str());
    let same = |relation: &&Relation| relation.source.schema == schema && relation.source.name == table.value;
    let alike = |relation: &&Relation| {
        relation.source.schema.eq_ignore_ascii_case(schema) && relation.source.name.eq_ignore_ascii_case(&table.value)
    };
    let exactly = relations.iter().position(|relation| same(&relation));
    let found = exactly.or_else(|| relations.iter().position(|relation| alike(&relation)));
    found.ok_or_else(|| format!("reads from `{name}`, which is not moved"))
}

/// Parentheses and nothing else.
fn is_bare(query: &SqlQuery) -> bool {
    query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none() && query.with.is_none()
}

fn is_one(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) => true,
        SetExpr::Query(query) => is_one(&query.body),
        _ => false,
    }
}

pub(super) fn last(name: &ObjectName) -> Reading<&Ident> {
    name.0.last().and_then(|part| part.as_ident()).ok_or_else(|| "reads from a function".to_owned())
}

fn only(name: &ObjectName) -> Reading<&Ident> {
    if name.0.len() == 1 { last(name) } else { Err("joins by a qualified name".to_owned()) }
}

impl Rows<'_> {
    fn outputs(&mut self, item: SelectItem, into: &mut Vec<(String, Typed)>) -> Reading<()> {
        let (name, term) = match &item {
            SelectItem::UnnamedExpr(term) => {
                // The view, or the SELECT before it in a UNION, may have a name for it.
                let name = column_name(term).unwrap_or_default();
                (name.to_owned(), self.shown(term)?)
            }
            SelectItem::ExprWithAlias { expr, alias } => (alias.value.clone(), self.shown(expr)?),
            SelectItem::Wildcard(options) if *options == Default::default() => {
                let all = self.scope.all(self.relations);
                into.extend(all.ok_or("shows all columns of a view whose columns are not known")?);
                return Ok(());
            }
            _ => return Err("shows columns by a pattern".to_owned()),
        };
        into.push((name, term));
        Ok(())
    }

    /// A value as a column of the view has it.
    fn shown(&mut self, term: &Expr) -> Reading<Typed> {
        let shown = self.value(term)?;
        match shown.kind {
            Kind::Null => Err("shows a NULL of no type".to_owned()),
            Kind::Label => Err("shows a constant of a type of its own".to_owned()),
            Kind::Truth if !matches!(shown.term, Term::Column { .. }) => {
                Err("shows whether something is true: systems differ in what they show".to_owned())
            }
            _ => Ok(shown),
        }
    }
}
