//! Values and conditions over the rows of a FROM.

use std::ops::Range;

use datafusion_sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType as SqlType, DuplicateTreatment, ExactNumberInfo, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArguments, Ident, TrimWhereField, UnaryOperator, Value,
};

use super::kind::Kind;
use super::query::Term;
use super::read::{Reading, Relation};
use crate::plugin::SqlWords;

/// A term and what sort of value it has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Typed {
    pub(super) term: Term,
    pub(super) kind: Kind,
}

/// What names mean within a SELECT.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// What is read, each under its name.
    sources: Vec<(String, usize)>,
    /// Columns of a source that a USING made one with another: their name alone means the other.
    merged: Vec<(usize, usize)>,
}

impl Scope {
    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }

    pub(super) fn add(&mut self, alias: String, relation: usize) -> Reading<()> {
        if self.sources.iter().any(|(other, _)| other.eq_ignore_ascii_case(&alias)) {
            return Err(format!("reads from two tables as `{alias}`"));
        }
        self.sources.push((alias, relation));
        Ok(())
    }

    pub(super) fn merge(&mut self, relations: &[Relation], from: usize, name: &str) {
        let of = |at: usize| Some((at, place(&relations[self.sources[at].1], name)?));
        let merged: Vec<_> = (from..self.sources.len()).filter_map(of).collect();
        self.merged.extend(merged);
    }

    /// The one column of this name among these sources.
    pub(super) fn column(&self, relations: &[Relation], among: Range<usize>, name: &str) -> Reading<Typed> {
        let of = |at: usize| Some((at, place(&relations[self.sources[at].1], name)?));
        let mut found = among.filter_map(of).filter(|column| !self.merged.contains(column));
        match (found.next(), found.next()) {
            (Some((at, column)), None) => Ok(self.typed(relations, at, column)),
            (Some(_), Some(_)) => Err(format!("speaks of `{name}`, which may be either of two columns")),
            (None, _) => Err(format!("speaks of `{name}`, which is no column that is moved")),
        }
    }

    fn typed(&self, relations: &[Relation], at: usize, column: usize) -> Typed {
        let (alias, relation) = &self.sources[at];
        let kind = relations[*relation].columns[column].kind;
        Typed { term: Term::Column { alias: alias.clone(), relation: *relation, column }, kind }
    }

    /// All columns, in order, as `*` means them; none where they are not known.
    pub(super) fn all(&self, relations: &[Relation]) -> Option<Vec<(String, Typed)>> {
        let is_known = |(_, relation): &(String, usize)| !relations[*relation].columns.is_empty();
        if !self.sources.iter().all(is_known) {
            return None;
        }
        let of = |at: usize| {
            let columns = &relations[self.sources[at].1].columns;
            let apart = (0..columns.len()).filter(move |column| !self.merged.contains(&(at, *column)));
            apart.map(move |column| (columns[column].source.clone(), self.typed(relations, at, column)))
        };
        Some((0..self.sources.len()).flat_map(of).collect())
    }
}

fn place(relation: &Relation, name: &str) -> Option<usize> {
    by_name(relation.columns.iter().map(|c| c.source.as_str()), name)
}

/// Where the name stands: as it is written, or else in another case.
fn by_name<'a>(names: impl Iterator<Item = &'a str> + Clone, wanted: &str) -> Option<usize> {
    let exactly = names.clone().position(|name| name == wanted);
    exactly.or_else(|| names.clone().position(|name| name.eq_ignore_ascii_case(wanted)))
}

/// The name, where the expression is one and nothing else.
pub(super) fn bare_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        _ => None,
    }
}

/// The column's name, where the expression is a column.
pub(super) fn column_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(path) => path.last().map(|ident| ident.value.as_str()),
        _ => None,
    }
}

/// Reads terms over the rows of a scope.
pub(super) struct Rows<'a> {
    pub(super) scope: &'a Scope,
    pub(super) relations: &'a [Relation],
    /// The source's and the target's.
    pub(super) words: [&'a SqlWords; 2],
    pub(super) compares_texts: bool,
}

impl Rows<'_> {
    pub(super) fn value(&mut self, expr: &Expr) -> Reading<Typed> {
        let condition = |term: Term| Ok(Typed { term, kind: Kind::Truth });
        match expr {
            Expr::Nested(inner) => self.value(inner),
            Expr::Identifier(ident) => self.scope.column(self.relations, 0..self.scope.len(), &ident.value),
            Expr::CompoundIdentifier(path) => self.qualified(path),
            Expr::Value(value) => literal(&value.value),
            // A text's character set says nothing of ASCII, or of what is Unicode anyway.
            Expr::Prefixed { prefix, value } => {
                let value = self.value(value)?;
                match &value.term {
                    Term::Text(text) if text.is_ascii() || prefix.value.starts_with("_utf8") => Ok(value),
                    _ => Err(format!("has a text in the character set `{}`", prefix.value)),
                }
            }
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type,
                array: false,
                format: None,
            } => {
                let value = uncast(self.value(expr)?, data_type);
                value.ok_or_else(|| format!("casts to {data_type}"))
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                let Typed { term, kind } = self.value(expr)?;
                match term {
                    Term::Number(digits) if !digits.starts_with('-') => {
                        Ok(Typed { term: Term::Number(format!("-{digits}")), kind })
                    }
                    term if kind.is_exact() => {
                        let term = self.whole(Typed { term, kind });
                        Ok(Typed { term: Term::Negative(Box::new(term)), kind })
                    }
                    _ => Err("negates what is no exact number".to_owned()),
                }
            }
            Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, expr } => {
                condition(Term::Not(Box::new(self.condition(expr)?)))
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(expr) => condition(Term::IsNull { term: Box::new(self.value(expr)?.term), not: false }),
            Expr::IsNotNull(expr) => condition(Term::IsNull { term: Box::new(self.value(expr)?.term), not: true }),
            Expr::Between { expr, negated, low, high } => {
                let (term, low, high) = (self.value(expr)?, self.value(low)?, self.value(high)?);
                self.compared(term.kind, low.kind)?;
                self.compared(term.kind, high.kind)?;
                let [term, low, high] = [term, low, high].map(|t| Box::new(t.term));
                condition(Term::Between { term, not: *negated, low, high })
            }
            Expr::InList { expr, list, negated } => condition(self.among(expr, list, *negated)?),
            // How some write IN.
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some: false } => {
                condition(self.among(left, members(right)?, false)?)
            }
            Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => {
                condition(self.among(left, members(right)?, true)?)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Trim {
                trim_where: None | Some(TrimWhereField::Both),
                trim_what: None,
                expr,
                trim_characters: None,
            } => {
                let text = self.value(expr)?;
                self.call("trim", vec![text])
            }
            Expr::Function(function) => self.function(function),
            Expr::Like { .. } => Err("has LIKE, in which systems differ".to_owned()),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => Err("has a subquery".to_owned()),
            other => Err(format!("says `{other}`")),
        }
    }

    /// A condition: a number is true unless it is 0, for systems that take one for a condition.
    pub(super) fn condition(&mut self, expr: &Expr) -> Reading<Term> {
        let Typed { term, kind } = self.value(expr)?;
        match kind {
            Kind::Truth | Kind::Flag | Kind::Null => Ok(term),
            kind if kind.is_exact() => Ok(Term::Binary("<>", Box::new(term), Box::new(Term::Number("0".to_owned())))),
            _ => Err(format!("takes `{expr}` for a condition")),
        }
    }

    /// Values of this kind are equal to the same others everywhere.
    pub(super) fn told_apart(&mut self, kind: Kind) -> Reading<()> {
        match kind {
            Kind::Other | Kind::Label | Kind::Float => Err("groups values that systems compare differently".to_owned()),
            _ => {
                self.compares_texts |= kind == Kind::Text;
                Ok(())
            }
        }
    }

    /// For `=` and `<>`.
    fn equal(&mut self, left: &Typed, right: &Typed) -> Reading<()> {
        match (left.kind, right.kind) {
            (Kind::Enumeration, _) => self.is_label(left, right),
            (_, Kind::Enumeration) => self.is_label(right, left),
            (left, right) => self.compared(left, right),
        }
    }

    /// A label as it is written in the type: whatever the collation, no other one is taken for it.
    fn is_label(&self, column: &Typed, value: &Typed) -> Reading<()> {
        match (&column.term, &value.term) {
            (_, Term::Null) => Ok(()),
            (Term::Column { relation, column, .. }, Term::Text(text))
                if self.relations[*relation].columns[*column].labels.contains(text) =>
            {
                Ok(())
            }
            _ => Err("compares an enumeration with what is none of its labels".to_owned()),
        }
    }

    fn compared(&mut self, left: Kind, right: Kind) -> Reading<()> {
        if !left.compares(right) {
            return Err("compares values that systems compare differently".to_owned());
        }
        self.compares_texts |= left == Kind::Text || right == Kind::Text;
        Ok(())
    }

    /// Both systems come to the same digits.
    fn computed(&self, kind: Kind) -> Reading<()> {
        if matches!(kind, Kind::Decimal | Kind::Number) && !self.words.iter().all(|words| words.decimals) {
            return Err("computes with decimals, which one of the systems does with floating point numbers".to_owned());
        }
        Ok(())
    }

    /// A number that is computed with. Some systems do that in the type of the numbers, others in 64 bits always; in a system of
    /// the same words nothing has to be said.
    fn whole(&self, value: Typed) -> Term {
        let computed = matches!(value.term, Term::Number(_) | Term::Binary("+" | "-" | "*", ..) | Term::Whole(_));
        let same = self.words[0].grammar == self.words[1].grammar;
        if value.kind == Kind::Whole && !computed && !same { Term::Whole(Box::new(value.term)) } else { value.term }
    }

    fn qualified(&self, path: &[Ident]) -> Reading<Typed> {
        let names: Vec<&str> = path.iter().map(|ident| ident.value.as_str()).collect();
        let (alias, name) = match names.as_slice() {
            [alias, name] | [_, alias, name] => (alias, name),
            _ => return Err(format!("speaks of `{}`", names.join("."))),
        };
        let sources = &self.scope.sources;
        let at = by_name(sources.iter().map(|(own, _)| own.as_str()), alias);
        let at = at.ok_or_else(|| format!("speaks of `{alias}`, which it does not read from"))?;
        let column = place(&self.relations[sources[at].1], name);
        let column = column.ok_or_else(|| format!("speaks of `{alias}.{name}`, which is no column that is moved"))?;
        Ok(self.scope.typed(self.relations, at, column))
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Reading<Typed> {
        let joined = match op {
            BinaryOperator::And => Some("AND"),
            BinaryOperator::Or => Some("OR"),
            _ => None,
        };
        if let Some(word) = joined {
            let (left, right) = (self.condition(left)?, self.condition(right)?);
            return Ok(Typed { term: Term::Joined(word, Box::new(left), Box::new(right)), kind: Kind::Truth });
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        if *op == BinaryOperator::StringConcat {
            let function = self.common("||").ok_or("says `||`, which does not join texts there")?;
            return self.call(&function, vec![left, right]);
        }
        let (left, right) = match (left.kind, right.kind) {
            (Kind::Flag, _) => (left, truth(right)),
            (_, Kind::Flag) => (truth(left), right),
            _ => (left, right),
        };
        let sign = match op {
            BinaryOperator::Eq => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            BinaryOperator::Plus => "+",
            BinaryOperator::Minus => "-",
            BinaryOperator::Multiply => "*",
            other => return Err(format!("has the operator {other}, in which systems differ")),
        };
        let kind = if matches!(sign, "+" | "-" | "*") {
            if !left.kind.is_exact() || !right.kind.is_exact() {
                return Err("computes with what is no exact number".to_owned());
            }
            let kind = counted(&left).widest(counted(&right));
            self.computed(kind)?;
            if sign == "*" && kind == Kind::Number {
                return Err("multiplies numbers of any length, which not every system keeps whole".to_owned());
            }
            let [left, right] = [left, right].map(|value| Box::new(self.whole(value)));
            return Ok(Typed { term: Term::Binary(sign, left, right), kind });
        } else {
            let orders = !matches!(sign, "=" | "<>");
            if orders {
                self.compared(left.kind, right.kind)?
            } else {
                self.equal(&left, &right)?
            }
            if orders
                && [left.kind, right.kind]
                    .iter()
                    .any(|k| matches!(k, Kind::Text | Kind::Uuid | Kind::Truth | Kind::Flag))
            {
                return Err("orders what systems order differently".to_owned());
            }
            Kind::Truth
        };
        Ok(Typed { term: Term::Binary(sign, Box::new(left.term), Box::new(right.term)), kind })
    }

    fn among(&mut self, expr: &Expr, list: &[Expr], not: bool) -> Reading<Term> {
        let term = self.value(expr)?;
        let mut members = Vec::with_capacity(list.len());
        for member in list {
            let member = self.value(member)?;
            self.equal(&term, &member)?;
            members.push(member.term);
        }
        Ok(Term::In { term: Box::new(term.term), not, list: members })
    }

    fn case(&mut self, operand: Option<&Expr>, conditions: &[CaseWhen], otherwise: Option<&Expr>) -> Reading<Typed> {
        let operand = operand.map(|operand| self.value(operand)).transpose()?;
        let mut kind = Kind::Null;
        let mut whens = Vec::with_capacity(conditions.len());
        for CaseWhen { condition, result } in conditions {
            let when = match &operand {
                None => self.condition(condition)?,
                Some(operand) => {
                    let value = self.value(condition)?;
                    self.equal(operand, &value)?;
                    Term::Binary("=", Box::new(operand.term.clone()), Box::new(value.term))
                }
            };
            let then = self.value(result)?;
            kind = kind.either(then.kind).ok_or("has a CASE of values of different types")?;
            whens.push((when, then.term));
        }
        let otherwise = otherwise.map(|otherwise| self.value(otherwise)).transpose()?;
        if let Some(otherwise) = &otherwise {
            kind = kind.either(otherwise.kind).ok_or("has a CASE of values of different types")?;
        }
        let otherwise = otherwise.map(|otherwise| Box::new(otherwise.term));
        Ok(Typed { term: Term::Case { whens, otherwise }, kind })
    }

    fn function(&mut self, function: &Function) -> Reading<Typed> {
        let name = function.name.to_string().to_lowercase();
        let unknown = || format!("calls `{name}`, which does not mean the same everywhere");
        let FunctionArguments::List(list) = &function.args else { return Err(unknown()) };
        let plain = function.parameters == FunctionArguments::None
            && function.filter.is_none()
            && function.null_treatment.is_none()
            && function.over.is_none()
            && function.within_group.is_empty()
            && !function.uses_odbc_syntax
            && list.clauses.is_empty();
        if !plain {
            return Err(format!("calls `{name}` over a window, with a filter or in an order"));
        }
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let aggregate = ["count", "sum", "min", "max"].into_iter().find(|aggregate| *aggregate == name);
        if let Some(aggregate) = aggregate {
            return match list.args.as_slice() {
                [argument] => self.aggregate(aggregate, distinct, argument),
                _ => Err(unknown()),
            };
        }
        let common = self.common(&name).filter(|_| !distinct).ok_or_else(unknown)?;
        let mut arguments = Vec::with_capacity(list.args.len());
        for (at, argument) in list.args.iter().enumerate() {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else { return Err(unknown()) };
            arguments.push(if common == "if" && at == 0 {
                Typed { term: self.condition(expr)?, kind: Kind::Truth }
            } else {
                self.value(expr)?
            });
        }
        self.call(&common, arguments)
    }

    /// The contract's name of a function of the source.
    fn common(&self, own: &str) -> Option<String> {
        let found = self.words[0].functions.iter().find(|(_, name)| name == own);
        found.map(|(common, _)| common.clone())
    }

    fn aggregate(&mut self, function: &'static str, distinct: bool, argument: &FunctionArg) -> Reading<Typed> {
        let FunctionArg::Unnamed(argument) = argument else { return Err("names an argument".to_owned()) };
        let counted = |argument| {
            let term = Term::Aggregate { function: "count", distinct, argument };
            Ok(Typed { term, kind: Kind::Whole })
        };
        let argument = match argument {
            FunctionArgExpr::Wildcard if function == "count" && !distinct => return counted(None),
            FunctionArgExpr::Expr(expr) => self.value(expr)?,
            _ => return Err("aggregates all columns at once".to_owned()),
        };
        if argument.term.aggregates() {
            return Err("aggregates aggregates".to_owned());
        }
        if function == "count" {
            // Of a constant: of all rows.
            if matches!(argument.term, Term::Number(_) | Term::Text(_) | Term::Truth(_)) && !distinct {
                return counted(None);
            }
            if distinct {
                self.told_apart(argument.kind)?;
            }
            return counted(Some(Box::new(argument.term)));
        }
        let kind = argument.kind;
        let same = match function {
            "sum" => {
                self.computed(kind)?;
                kind.is_exact()
            }
            _ => kind.is_exact() || matches!(kind, Kind::Float | Kind::Date),
        };
        if !same {
            return Err(format!("takes the {function} of what systems order or add differently"));
        }
        let kind = if function == "sum" { kind.widest(Kind::Whole) } else { kind };
        Ok(Typed { term: Term::Aggregate { function, distinct, argument: Some(Box::new(argument.term)) }, kind })
    }

    /// A function by its name in the contract.
    fn call(&mut self, function: &str, arguments: Vec<Typed>) -> Reading<Typed> {
        if function != "if" && !self.words[1].functions.iter().any(|(common, _)| common == function) {
            return Err(format!("calls `{function}`, for which the target has no word"));
        }
        let kinds: Vec<Kind> = arguments.iter().map(|argument| argument.kind).collect();
        let texts = kinds.iter().all(|kind| matches!(kind, Kind::Text | Kind::Null));
        let either = |kinds: &[Kind]| kinds.iter().try_fold(Kind::Null, |kind, other| kind.either(*other));
        let kind = match (function, kinds.as_slice()) {
            ("coalesce", [_, _, ..]) => either(&kinds),
            ("nullif", [left, right]) => {
                self.compared(*left, *right)?;
                Some(*left)
            }
            ("if", [_, then, otherwise]) => either(&[*then, *otherwise]),
            ("concat", [_, _, ..]) | ("trim", [_]) | ("replace", [_, _, _]) if texts => Some(Kind::Text),
            ("length", [_]) if texts => Some(Kind::Whole),
            ("abs", [kind]) if kind.is_exact() => Some(*kind),
            _ => None,
        };
        let kind = kind.filter(|kind| *kind != Kind::Other);
        let kind = kind.ok_or_else(|| format!("calls `{function}` with values that systems treat differently"))?;
        let mut terms = arguments.into_iter().map(|argument| argument.term);
        let term = match function {
            "if" => {
                let when = terms.next().zip(terms.next()).into_iter().collect();
                Term::Case { whens: when, otherwise: terms.next().map(Box::new) }
            }
            // One within another is one.
            "concat" => {
                let flat = terms.flat_map(|term| match term {
                    Term::Call { function, arguments } if function == "concat" => arguments,
                    other => vec![other],
                });
                Term::Call { function: "concat".to_owned(), arguments: flat.collect() }
            }
            _ => Term::Call { function: function.to_owned(), arguments: terms.collect() },
        };
        Ok(Typed { term, kind })
    }
}

fn members(array: &Expr) -> Reading<&[Expr]> {
    match array {
        Expr::Nested(inner) => members(inner),
        Expr::Array(array) => Ok(&array.elem),
        // `(ARRAY['a'::character varying])::text[]`.
        Expr::Cast { expr, data_type: SqlType::Array(_), .. } => members(expr),
        other => Err(format!("says `{other}`")),
    }
}

/// What sort of number is computed with: one that stands in the text may have digits after the point.
fn counted(value: &Typed) -> Kind {
    match &value.term {
        Term::Number(digits) if digits.contains('.') => Kind::Decimal,
        _ => value.kind,
    }
}

/// What is compared with a flag.
fn truth(value: Typed) -> Typed {
    let truth = match &value.term {
        Term::Number(digit) if digit == "0" || digit == "1" => digit == "1",
        _ => return value,
    };
    Typed { term: Term::Truth(truth), kind: Kind::Flag }
}

fn literal(value: &Value) -> Reading<Typed> {
    let (term, kind) = match value {
        Value::Number(digits, false) if digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            (Term::Number(digits.to_string()), Kind::Literal)
        }
        Value::SingleQuotedString(text) if !text.contains('\0') => (Term::Text(text.clone()), Kind::Text),
        Value::Boolean(truth) => (Term::Truth(*truth), Kind::Truth),
        Value::Null => (Term::Null, Kind::Null),
        other => return Err(format!("says `{other}`")),
    };
    Ok(Typed { term, kind })
}

/// The value, where a cast changes nothing: some systems write one wherever types are not the same, and numbers below zero as
/// texts.
fn uncast(value: Typed, to: &SqlType) -> Option<Typed> {
    let text = matches!(to, SqlType::Text | SqlType::Varchar(None) | SqlType::CharacterVarying(None));
    let exact = matches!(to, SqlType::Numeric(ExactNumberInfo::None));
    let whole =
        matches!(to, SqlType::BigInt(None) | SqlType::Int(None) | SqlType::Integer(None) | SqlType::SmallInt(None));
    let is_number = |digits: &str| {
        let digits = digits.strip_prefix('-').unwrap_or(digits);
        digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.bytes().all(|b| b.is_ascii_digit() || (b == b'.' && exact))
            && digits.matches('.').count() <= 1
    };
    let harmless = match (value.kind, &value.term) {
        (Kind::Text, Term::Text(digits)) if (whole || exact) && is_number(digits) => {
            return Some(Typed { term: Term::Number(digits.clone()), kind: Kind::Literal });
        }
        (Kind::Text, Term::Text(_)) if matches!(to, SqlType::Custom(..)) => {
            return Some(Typed { kind: Kind::Label, ..value });
        }
        (Kind::Text, _) => text,
        (Kind::Literal, Term::Number(digits)) => {
            exact || (whole && !digits.contains('.')) || matches!(to, SqlType::DoublePrecision)
        }
        // Some compute in the type of their numbers: who wants 64 bits says so.
        (Kind::Whole, _) if matches!(to, SqlType::BigInt(None)) => {
            return Some(Typed { term: Term::Whole(Box::new(value.term)), kind: Kind::Whole });
        }
        (Kind::Whole | Kind::Decimal | Kind::Number, _) => exact,
        (Kind::Null, _) => true,
        (
            Kind::Literal
            | Kind::Float
            | Kind::Truth
            | Kind::Flag
            | Kind::Date
            | Kind::Uuid
            | Kind::Enumeration
            | Kind::Label
            | Kind::Other,
            _,
        ) => false,
    };
    harmless.then_some(value)
}
