//! A definition as it stands, but for the names of what it reads from: between systems of the same dialect.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query as SqlQuery, SetExpr, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use super::super::rewrite::mentions;
use super::read::{Reading, Relation, find, last, query_of};
use crate::plugin::{SqlWords, ViewPart};

/// Stands for a relation, by its number and an underscore, while the query is written.
const MARK: &str = "sensei_relation_";

/// What of the source's own the target has not: a view that speaks of it cannot be made there.
#[derive(Debug, Default, Clone)]
pub(super) struct Unmoved {
    /// Names of functions.
    pub(super) routines: Vec<String>,
    /// Names of types.
    pub(super) types: Vec<String>,
}

/// A query in the words of both systems, the relations that it reads from, and the names of the view's columns where they do not
/// follow from the query.
pub(super) struct Verbatim {
    pub(super) query: Vec<ViewPart>,
    pub(super) reads: Vec<usize>,
    pub(super) columns: Vec<String>,
}

pub(super) fn verbatim(
    definition: &str,
    schema: &str,
    relations: &[Relation],
    words: &SqlWords,
    unmoved: &Unmoved,
) -> Reading<Verbatim> {
    let (mut query, columns) = query_of(definition, words)?;
    if definition.contains(MARK) {
        return Err(format!("has a name with `{MARK}`"));
    }
    if let Some(name) = unmoved.types.iter().find(|name| mentions(definition, name)) {
        return Err(format!("speaks of the type `{name}`"));
    }
    let mut names = Ctes::default();
    let _: ControlFlow<()> = VisitMut::visit(&mut query, &mut names);
    let mut marker = Marker { schema, relations, words, unmoved, ctes: names.0, reads: Vec::new() };
    if let ControlFlow::Break(why) = VisitMut::visit(&mut query, &mut marker) {
        return Err(why);
    }
    let mut reads = marker.reads;
    reads.sort_unstable();
    reads.dedup();
    // What the parser read and wrote must be what stands there.
    let text = query.to_string();
    if query_of(&text, words)?.0 != query {
        return Err("is written in a way that is not safe to repeat".to_owned());
    }
    let mut parts = Vec::new();
    let mut pieces = text.split(MARK);
    parts.extend(pieces.next().map(|first| ViewPart::Sql(first.to_owned())));
    for piece in pieces {
        let (number, rest) = piece.split_once('_').unwrap_or((piece, ""));
        let relation = number.parse().ok().and_then(|at: usize| relations.get(at));
        let relation = relation.ok_or("is written in a way that is not safe to repeat")?;
        parts.extend([ViewPart::Table(relation.target.clone()), ViewPart::Sql(rest.to_owned())]);
    }
    Ok(Verbatim { query: parts, reads, columns })
}

/// Names that WITH gives.
#[derive(Default)]
struct Ctes(Vec<String>);

impl VisitorMut for Ctes {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut SqlQuery) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(ctes.map(|cte| cte.alias.name.value.clone()));
        ControlFlow::Continue(())
    }
}

struct Marker<'a> {
    schema: &'a str,
    relations: &'a [Relation],
    words: &'a SqlWords,
    unmoved: &'a Unmoved,
    ctes: Vec<String>,
    reads: Vec<usize>,
}

impl Marker<'_> {
    fn mark(&mut self, name: &mut ObjectName, alias: &mut Option<TableAlias>) -> Reading<()> {
        let own = last(name)?.value.clone();
        if name.0.len() == 1 && self.ctes.iter().any(|cte| cte.eq_ignore_ascii_case(&own)) {
            return Ok(());
        }
        let relation = find(self.relations, self.schema, name)?;
        if self.relations[relation].columns.iter().any(|column| column.source != column.target) {
            return Err(format!("reads from `{own}`, whose columns have other names in the target"));
        }
        if alias.is_none() {
            let name = Ident::with_quote(self.words.quote, own);
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(format!("{MARK}{relation}_")))]);
        self.reads.push(relation);
        Ok(())
    }
}

impl VisitorMut for Marker<'_> {
    type Break = String;

    fn pre_visit_query(&mut self, query: &mut SqlQuery) -> ControlFlow<String> {
        match *query.body {
            SetExpr::Table(_) => ControlFlow::Break("reads a TABLE".to_owned()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<String> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else { return ControlFlow::Continue(()) };
        match self.mark(name, alias) {
            Ok(()) => ControlFlow::Continue(()),
            Err(why) => ControlFlow::Break(why),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<String> {
        match expr {
            // A table is called by its bare name within the query.
            Expr::CompoundIdentifier(path) if path.len() == 3 => {
                path.remove(0);
            }
            Expr::Function(function) => {
                let name =
                    function.name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase());
                let own = name.filter(|name| self.unmoved.routines.iter().any(|own| own.to_lowercase() == *name));
                if let Some(name) = own {
                    return ControlFlow::Break(format!("calls `{name}`, a function of the source's own"));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
