//! A view's query, as far as every system can say it.
//!
//! Names are the source's; a column is told by the relation of its scope and its own place there.

/// One or several SELECTs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) first: Select,
    /// UNION, with or without ALL.
    pub(super) others: Vec<(bool, Select)>,
    /// What rows are ordered by, and whether from the last to the first.
    pub(super) order: Vec<(Order, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Order {
    /// A column of the view, counted from 0.
    Output(usize),
    Term(Term),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Select {
    pub(super) distinct: bool,
    /// The view's columns, in order.
    pub(super) outputs: Vec<Term>,
    pub(super) from: From,
    pub(super) filter: Option<Term>,
    pub(super) group: Vec<Term>,
    pub(super) having: Option<Term>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum From {
    /// A relation under the name that the query has for it.
    Relation {
        relation: usize,
        alias: String,
    },
    Join {
        left: Box<From>,
        right: Box<From>,
        outer: bool,
        on: Option<Term>,
    },
}

/// A value, or a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Column {
        alias: String,
        relation: usize,
        column: usize,
    },
    Number(String),
    Text(String),
    Truth(bool),
    Null,
    /// Of two values, by the operator's sign.
    Binary(&'static str, Box<Term>, Box<Term>),
    /// AND, OR.
    Joined(&'static str, Box<Term>, Box<Term>),
    Not(Box<Term>),
    Negative(Box<Term>),
    /// A whole number that is computed with: in 64 bits, whatever its type.
    Whole(Box<Term>),
    IsNull {
        term: Box<Term>,
        not: bool,
    },
    Between {
        term: Box<Term>,
        not: bool,
        low: Box<Term>,
        high: Box<Term>,
    },
    In {
        term: Box<Term>,
        not: bool,
        list: Vec<Term>,
    },
    Case {
        whens: Vec<(Term, Term)>,
        otherwise: Option<Box<Term>>,
    },
    /// By its name in the contract.
    Call {
        function: String,
        arguments: Vec<Term>,
    },
    /// `count`, `sum`, `min`, `max`; without an argument of all rows.
    Aggregate {
        function: &'static str,
        distinct: bool,
        argument: Option<Box<Term>>,
    },
}

impl Term {
    /// The terms that it is made of.
    fn parts(&self) -> Vec<&Term> {
        match self {
            Self::Column { .. } | Self::Number(_) | Self::Text(_) | Self::Truth(_) | Self::Null => Vec::new(),
            Self::Binary(_, left, right) | Self::Joined(_, left, right) => vec![left, right],
            Self::Not(term) | Self::Negative(term) | Self::Whole(term) | Self::IsNull { term, .. } => vec![term],
            Self::Between { term, low, high, .. } => vec![term, low, high],
            Self::In { term, list, .. } => std::iter::once(&**term).chain(list).collect(),
            Self::Case { whens, otherwise } => {
                whens.iter().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref()).collect()
            }
            Self::Call { arguments, .. } => arguments.iter().collect(),
            Self::Aggregate { argument, .. } => argument.as_deref().into_iter().collect(),
        }
    }

    /// Whether it is of a group of rows.
    pub(super) fn aggregates(&self) -> bool {
        matches!(self, Self::Aggregate { .. }) || self.parts().into_iter().any(Self::aggregates)
    }

    /// Whether, apart from aggregates, it is made of these and of constants.
    pub(super) fn is_made_of(&self, group: &[Self]) -> bool {
        group.contains(self)
            || match self {
                Self::Aggregate { .. } => true,
                Self::Column { .. } => false,
                _ => self.parts().into_iter().all(|part| part.is_made_of(group)),
            }
    }

    /// Whether constant texts are compared with one another: what collation they have no column says, and a system may insist on one.
    pub(super) fn compares_constants(&self) -> bool {
        let compares = match self {
            Self::Binary(..) | Self::Between { .. } | Self::In { .. } => true,
            Self::Call { function, .. } => matches!(function.as_str(), "nullif" | "replace"),
            _ => false,
        };
        let mut columns = Vec::new();
        self.columns(&mut columns);
        (compares && columns.is_empty() && self.has_text()) || self.parts().into_iter().any(Self::compares_constants)
    }

    fn has_text(&self) -> bool {
        matches!(self, Self::Text(_)) || self.parts().into_iter().any(Self::has_text)
    }

    /// The columns that it speaks of: relations, and their columns.
    pub(super) fn columns(&self, found: &mut Vec<(usize, usize)>) {
        if let Self::Column { relation, column, .. } = self {
            found.push((*relation, *column));
        }
        self.parts().into_iter().for_each(|part| part.columns(found));
    }
}

impl From {
    fn columns(&self, found: &mut Vec<(usize, usize)>) {
        if let Self::Join { left, right, on, .. } = self {
            left.columns(found);
            right.columns(found);
            on.iter().for_each(|on| on.columns(found));
        }
    }
}

impl Query {
    pub(super) fn selects(&self) -> impl Iterator<Item = &Select> {
        std::iter::once(&self.first).chain(self.others.iter().map(|(_, select)| select))
    }

    /// The columns it speaks of: relations, and their columns.
    pub(super) fn columns(&self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for select in self.selects() {
            select.from.columns(&mut found);
            let terms = select.outputs.iter().chain(&select.filter).chain(&select.group).chain(&select.having);
            terms.for_each(|term| term.columns(&mut found));
        }
        for (order, _) in &self.order {
            if let Order::Term(term) = order {
                term.columns(&mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
