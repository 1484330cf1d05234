//! From text to a physical expression: parse, find the columns, plan, coerce, simplify.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion_common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion_common::utils::datafusion_strsim::levenshtein;
use datafusion_common::{DFSchema, Result as DataFusionResult};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::create_physical_expr;
use datafusion_physical_expr::expressions::{BinaryExpr, NegativeExpr};
use datafusion_physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast::{
    Expr as SqlExpr, Ident, ObjectNamePart, Spanned, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::{Location, Token};

use super::failure::unplannable;
use super::functions::{LANGUAGE, Language, Scope};
use super::position;
use super::precision::WithinPrecision;
use crate::error::{Code, Error, Result};

/// Names of columns an error lists at most: enough to see what they look like.
const NAMES_SHOWN: usize = 12;
/// A name counts as a slip of the pen when at most a third of it differs.
const SLIP_SHARE: usize = 3;

/// A column's name as an expression must write it: bare if it is a plain word, else in double quotes.
#[must_use]
pub fn quote(name: &str) -> String {
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if word && reads_as_column(name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Whether the parser takes this word for a column and not for a keyword (`current_date`, `case`).
fn reads_as_column(word: &str) -> bool {
    let is_word = |tree: &SqlExpr| matches!(tree, SqlExpr::Identifier(ident) if ident.value == word);
    let alone = parse(word).is_ok_and(|tree| is_word(&tree));
    let inside = parse(&format!("CAST({word} AS INT)"));
    alone && matches!(inside, Ok(SqlExpr::Cast { expr, .. }) if is_word(&expr))
}

pub(super) fn plan(sql: &str, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
    let mut tree = parse(sql)?;
    if let ControlFlow::Break(e) = VisitMut::visit(&mut tree, &mut Columns { sql, schema }) {
        return Err(*e);
    }
    let planned = physical(tree.clone(), schema, &LANGUAGE);
    planned.map_err(|e| unplannable(sql, Blame { sql, schema }.position(&tree), &e))
}

fn parse(sql: &str) -> Result<SqlExpr> {
    let wrong = |position: Option<u64>, what: &dyn std::fmt::Display| {
        let place = position.map(|c| format!(", character {c}")).unwrap_or_default();
        let message = format!("The expression `{sql}` cannot be read{place}: {what}.");
        Error::new(Code::InvalidExpression, message).at_character(position)
    };
    let unreadable = |e: ParserError| match e {
        ParserError::ParserError(what) | ParserError::TokenizerError(what) => {
            let (what, position) = position::told(sql, &what);
            wrong(position, &what)
        }
        ParserError::RecursionLimitExceeded => wrong(None, &"it is nested too deeply"),
    };
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(sql).map_err(unreadable)?;
    let tree = parser.parse_expr().map_err(unreadable)?;
    let rest = parser.next_token();
    match rest.token {
        Token::EOF => Ok(tree),
        other => {
            let position = position::character(sql, rest.span.start);
            Err(wrong(position, &format_args!("it should end before `{other}`")))
        }
    }
}

/// Finds where the innermost part begins that cannot be planned by itself: that is what does not fit, not the whole.
struct Blame<'a> {
    sql: &'a str,
    schema: &'a SchemaRef,
}

impl Visitor for Blame<'_> {
    type Break = Option<u64>;

    /// Parts come before the whole, from left to right.
    fn post_visit_expr(&mut self, part: &SqlExpr) -> ControlFlow<Self::Break> {
        match physical(part.clone(), self.schema, &LANGUAGE) {
            Ok(_) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(position::character(self.sql, part.span().start)),
        }
    }
}

impl Blame<'_> {
    fn position(mut self, tree: &SqlExpr) -> u64 {
        match Visit::visit(tree, &mut self) {
            ControlFlow::Break(position) => position.unwrap_or(position::FIRST),
            ControlFlow::Continue(()) => position::FIRST,
        }
    }
}

fn physical(tree: SqlExpr, schema: &SchemaRef, language: &Language) -> DataFusionResult<Arc<dyn PhysicalExpr>> {
    // Names alone matter to the planner; extension types of the contract mean nothing to it.
    let bare: Vec<_> = schema.fields().iter().map(|f| f.as_ref().clone().with_metadata(Default::default())).collect();
    let schema = Arc::new(DFSchema::try_from(Schema::new(bare))?);
    let options = ParserOptions::new()
        // Decimals never pass through floats: `price * 1.1` multiplies decimals.
        .with_parse_float_as_decimal(true)
        // The contract's text is Utf8.
        .with_map_string_types_to_utf8view(false);
    let planner_scope = Scope(language);
    let planner = SqlToRel::new_with_options(&planner_scope, options);
    let logical = planner.sql_to_expr(tree, &schema, &mut PlannerContext::new())?;
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(&schema))
        .with_config_options(Arc::clone(&language.options))
        .with_current_time()
        .build();
    let simplifier = ExprSimplifier::new(context);
    let logical = simplifier.simplify(simplifier.coerce(logical, &schema)?)?;
    let mut props = ExecutionProps::new();
    props.config_options = Some(Arc::clone(&language.options));
    let physical = create_physical_expr(&logical, &schema, &props, &PhysicalPlanningContext::default())?;
    physical.transform_up(|e| checked(e, schema.as_arrow())).data()
}

/// DataFusion's integers wrap around and its decimals outgrow their precision by default; ours fail (P2).
fn checked(e: Arc<dyn PhysicalExpr>, schema: &Schema) -> DataFusionResult<Transformed<Arc<dyn PhysicalExpr>>> {
    let computed: Arc<dyn PhysicalExpr> = match e.downcast_ref::<BinaryExpr>() {
        Some(binary) => Arc::new(binary.clone().with_fail_on_overflow(true)),
        None if e.is::<ScalarFunctionExpr>() || e.is::<NegativeExpr>() => e,
        None => return Ok(Transformed::no(e)),
    };
    let decimal = WithinPrecision::applies(&computed.data_type(schema)?);
    Ok(Transformed::yes(if decimal { Arc::new(WithinPrecision(computed)) } else { computed }))
}

/// Replaces each column by its exact name, quoted.
struct Columns<'a> {
    sql: &'a str,
    schema: &'a Schema,
}

impl VisitorMut for Columns<'_> {
    type Break = Box<Error>;

    fn pre_visit_expr(&mut self, e: &mut SqlExpr) -> ControlFlow<Self::Break> {
        match e {
            SqlExpr::Identifier(ident) => match self.find(ident) {
                Ok(name) => {
                    *ident = Ident { value: name.to_owned(), quote_style: Some('"'), span: ident.span };
                    ControlFlow::Continue(())
                }
                Err(e) => ControlFlow::Break(Box::new(e)),
            },
            SqlExpr::CompoundIdentifier(parts) => {
                let last = parts.last().map(|p| p.value.clone()).unwrap_or_default();
                ControlFlow::Break(Box::new(self.wrong(
                    parts.first().map(|p| p.span.start),
                    format!("columns are named without their table: write `{}`", quote(&last)),
                )))
            }
            SqlExpr::Function(function) => match function.name.0.as_slice() {
                [ObjectNamePart::Identifier(name)] if !LANGUAGE.has(&name.value) => {
                    ControlFlow::Break(Box::new(self.wrong(Some(name.span.start), unknown_function(&name.value))))
                }
                _ => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        }
    }
}

fn unknown_function(name: &str) -> String {
    match nearest(LANGUAGE.names(), &name.to_lowercase()) {
        Some(near) => format!("there is no function `{name}`; did you mean `{near}`?"),
        None => format!("there is no function `{name}` that computes one value from one row"),
    }
}

/// The name that was probably meant.
fn nearest<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Option<&'a str> {
    names
        .map(|n| (levenshtein(&n.to_lowercase(), wanted), n))
        .filter(|(distance, n)| *distance * SLIP_SHARE <= n.chars().count().max(wanted.chars().count()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, n)| n)
}

impl Columns<'_> {
    fn find(&self, ident: &Ident) -> Result<&str> {
        let names = || self.schema.fields().iter().map(|f| f.name().as_str());
        if let Some(exact) = names().find(|n| *n == ident.value) {
            return Ok(exact);
        }
        let wanted = ident.value.to_lowercase();
        let mut alike = names().filter(|n| n.to_lowercase() == wanted);
        match (alike.next(), alike.next()) {
            (Some(one), None) => Ok(one),
            (Some(one), Some(other)) => Err(self.wrong(
                Some(ident.span.start),
                format!("`{}` may be `{one}` or `{other}`: write it as the source does, in double quotes", ident.value),
            )),
            (None, _) => Err(self.wrong(Some(ident.span.start), self.unknown(&ident.value, &wanted))),
        }
    }

    fn unknown(&self, name: &str, wanted: &str) -> String {
        let names = || self.schema.fields().iter().map(|f| f.name().as_str());
        match nearest(names(), wanted) {
            Some(near) => format!("there is no column `{name}`; did you mean `{near}`?"),
            None => {
                let shown: Vec<&str> = names().take(NAMES_SHOWN).collect();
                let more = if self.schema.fields().len() > NAMES_SHOWN { ", ..." } else { "" };
                format!("there is no column `{name}`. Columns: {}{more}", shown.join(", "))
            }
        }
    }

    fn wrong(&self, at: Option<Location>, what: String) -> Error {
        let position = at.and_then(|place| position::character(self.sql, place));
        let place = position.map(|c| format!(", character {c}")).unwrap_or_default();
        let stop = if what.ends_with('?') { "" } else { "." };
        let message = format!("In the expression `{}`{place}: {what}{stop}", self.sql);
        Error::new(Code::InvalidExpression, message).at_character(position)
    }
}
