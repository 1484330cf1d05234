//! A second witness: both systems' own words about every column, with none of our code between them and the values.
//!
//! The digests of [`super::compare`] see rows as our readers and writers see them: what a connector reads wrongly on one side
//! and writes as wrongly on the other would pass. So each server is also asked, in its own aggregates, for how many values
//! there are, the least, the greatest, and their sum or length together. Only columns that are moved as they are can be
//! asked about; what a system cannot tell exactly it leaves out.

use serde::{Deserialize, Serialize};

use crate::catalog::{Binary, DataType, TableName, Text};
use crate::error::{Code, Error, Result};
use crate::expression::{quote, spelled};
use crate::plan::TablePlan;
use crate::plugin::{Ends, Figures, Measure, Question, SourceSession};

/// What both systems say of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Rows that were asked about: all, or those at both ends of the key of a large table.
    pub rows: u64,
    /// Target columns of which both say the same.
    pub agreed: Vec<String>,
    /// Where they do not.
    pub contradictions: Vec<Contradiction>,
}

impl Witness {
    /// Nothing that both say differs.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.contradictions.is_empty()
    }
}

/// A figure of which the systems say different things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// In the target.
    pub column: String,
    /// Which figure.
    pub figure: Figure,
    /// What the source says.
    pub source: String,
    /// What the target says.
    pub target: String,
}

/// What is told of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// How many are not NULL.
    Present,
    /// The least.
    Least,
    /// The greatest.
    Greatest,
    /// Of numbers their sum, of texts and bytes their length together, in bytes.
    Total,
}

/// What the source said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Testimony {
    ends: Option<Ends>,
    figures: Vec<Figures>,
}

/// A column that is moved as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    source: String,
    target: String,
    measure: Measure,
}

/// What both sides of a table are asked; follows from the plan alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Questions {
    asked: Vec<Asked>,
    /// The one of `asked` that rows can be counted by, and found by from both ends: an integer that leads the primary key.
    key: Option<usize>,
}

/// What can be compared between two systems of values that both hold as this type. The order of texts is each system's own;
/// the length of CHAR and BINARY is, too.
fn measure(data_type: &DataType) -> Measure {
    match data_type {
        DataType::Integer(_) | DataType::Decimal(_) | DataType::Number => Measure::Number,
        DataType::Float(_) => Measure::Real,
        DataType::Text(Text { fixed: false, .. }) | DataType::Enumeration(_) | DataType::Set(_) => Measure::Text,
        DataType::Binary(Binary { fixed: false, .. }) => Measure::Binary,
        DataType::Date | DataType::Timestamp(_) => Measure::Moment,
        DataType::Text(_)
        | DataType::Binary(_)
        | DataType::Boolean
        | DataType::Time(_)
        | DataType::Duration(_)
        | DataType::Interval
        | DataType::Uuid
        | DataType::Json
        | DataType::Bits(_)
        | DataType::Geometry(_)
        | DataType::Native => Measure::Presence,
    }
}

impl Questions {
    pub(crate) fn of(table: &TablePlan) -> Self {
        let plain = table.mappings.iter().filter(|m| m.transformation == quote(&m.source_column));
        let held = plain.filter_map(|m| Some((m, table.target.columns.iter().find(|c| c.name == m.target_column)?)));
        let asked = held.map(|(m, column)| Asked {
            source: m.source_column.clone(),
            target: m.target_column.clone(),
            measure: measure(&column.data_type),
        });
        let asked: Vec<Asked> = asked.collect();
        let leads = table.target.primary_key.as_ref().and_then(|key| key.columns.first());
        let leads = leads.and_then(|name| table.target.columns.iter().find(|column| column.name == *name));
        let leads = leads.filter(|column| matches!(column.data_type, DataType::Integer(_)));
        let key = leads.and_then(|column| asked.iter().position(|asked| asked.target == column.name));
        Self { asked, key }
    }

    fn questions(&self, of: impl Fn(&Asked) -> &String) -> Vec<Question> {
        self.asked.iter().map(|asked| Question { column: of(asked).clone(), measure: asked.measure }).collect()
    }

    /// Asks the source, of whose table `rows` are known to be there. Of more than `most` rows only about so many are asked
    /// about, at both ends of the key; none where it has no such key, or nothing to say.
    ///
    /// # Errors
    /// Whatever breaks the connection or the plugin. That a system has no answer is none.
    pub(crate) fn ask_source(
        &self,
        session: &mut SourceSession,
        table: &TableName,
        rows: u64,
        most: u64,
    ) -> Result<Option<Testimony>> {
        if self.asked.is_empty() {
            return Ok(None);
        }
        let ends = if rows <= most {
            None
        } else {
            let Some(key) = self.key.map(|at| &self.asked[at].source) else { return Ok(None) };
            let extent = Question { column: key.clone(), measure: Measure::Extent };
            let Some(told) = or_silent(session.figures(table, &[extent], None), table)? else { return Ok(None) };
            let Some(ends) = told.first().and_then(|told| ends(key, told, rows, most)) else { return Ok(None) };
            Some(ends)
        };
        let figures = or_silent(session.figures(table, &self.questions(|a| &a.source), ends.as_ref()), table)?;
        Ok(figures.map(|figures| Testimony { ends, figures }))
    }

    /// Asks the target the same, and compares. `rows` are all of the table's.
    ///
    /// # Errors
    /// As for [`Self::ask_source`].
    pub(crate) fn ask_target(
        &self,
        session: &mut SourceSession,
        table: &TableName,
        rows: u64,
        source: &Testimony,
    ) -> Result<Option<Witness>> {
        let renamed = |ends: &Ends| Some(Ends { column: self.asked.get(self.key?)?.target.clone(), ..ends.clone() });
        let ends = source.ends.as_ref().and_then(renamed);
        let questions = self.questions(|asked| &asked.target);
        let figures = or_silent(session.figures(table, &questions, ends.as_ref()), table)?;
        Ok(figures.map(|target| self.hear(rows, source, &target)))
    }

    fn hear(&self, rows: u64, source: &Testimony, target: &[Figures]) -> Witness {
        let counted = self.key.and_then(|key| source.figures.get(key)?.present);
        let mut witness = Witness {
            rows: if source.ends.is_some() { counted.unwrap_or(0) } else { rows },
            agreed: Vec::new(),
            contradictions: Vec::new(),
        };
        for ((asked, here), there) in self.asked.iter().zip(&source.figures).zip(target) {
            let said = said_by_both(here, there);
            let before = witness.contradictions.len();
            let word = |told: &str| spelling(asked.measure, told);
            let differ = said.iter().filter(|(_, here, there)| word(here) != word(there));
            witness.contradictions.extend(differ.map(|(figure, here, there)| Contradiction {
                column: asked.target.clone(),
                figure: *figure,
                source: here.clone(),
                target: there.clone(),
            }));
            if !said.is_empty() && witness.contradictions.len() == before {
                witness.agreed.push(asked.target.clone());
            }
        }
        witness
    }
}

/// What a system has no answer to is left out; what breaks is an error.
fn or_silent(told: Result<Vec<Figures>>, table: &TableName) -> Result<Option<Vec<Figures>>> {
    match told {
        Ok(told) => Ok(Some(told)),
        Err(error) if is_silence(&error) => {
            tracing::info!(table = %table.name, %error, "a system says nothing of a table's figures");
            Ok(None)
        }
        Err(error) => Err(error.table_if(&table.name)),
    }
}

/// The statement could not be answered; the session goes on.
fn is_silence(error: &Error) -> bool {
    matches!(
        error.code,
        Code::Unsupported
            | Code::InvalidData
            | Code::InvalidConfig
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::ConnectorInternal
    )
}

/// So much at both ends of a key that about `most` of `rows` rows lie there, if they lie evenly.
fn ends(column: &str, extent: &Figures, rows: u64, most: u64) -> Option<Ends> {
    let bound = |told: &Option<String>| told.as_deref()?.parse::<i64>().ok();
    let (least, greatest) = (bound(&extent.least)?, bound(&extent.greatest)?);
    let span = (i128::from(greatest) - i128::from(least)).checked_add(1)?;
    let each = span.checked_mul(i128::from(most / 2))? / i128::from(rows.max(1));
    let (below, on_from) = (i128::from(least) + each, i128::from(greatest) + 1 - each);
    let (below, on_from) = (i64::try_from(below).ok()?, i64::try_from(on_from).ok()?);
    (below <= on_from).then(|| Ends { column: column.to_owned(), below, on_from })
}

/// Figures that both sides tell, as they tell them.
fn said_by_both(here: &Figures, there: &Figures) -> Vec<(Figure, String, String)> {
    let text = |count: Option<u64>| count.map(|count| count.to_string());
    let pairs = [
        (Figure::Present, text(here.present), text(there.present)),
        (Figure::Least, here.least.clone(), there.least.clone()),
        (Figure::Greatest, here.greatest.clone(), there.greatest.clone()),
        (Figure::Total, here.total.clone(), there.total.clone()),
    ];
    pairs.into_iter().filter_map(|(figure, here, there)| Some((figure, here?, there?))).collect()
}

/// The one spelling of a figure, whichever system wrote it; what is not understood stays as it is.
fn spelling(measure: Measure, figure: &str) -> String {
    match measure {
        // Zero has two signs in some systems, and one in others.
        Measure::Real => figure.trim().parse::<f64>().map_or_else(|_| figure.to_owned(), |n| (n + 0.0).to_string()),
        Measure::Moment => moment(figure),
        Measure::Presence | Measure::Number | Measure::Extent | Measure::Text | Measure::Binary => number(figure),
    }
}

/// `-12.50` and `-1.25e1` -> `-125e-1`.
fn number(figure: &str) -> String {
    match spelled(figure.trim()) {
        Some((_, digits, _)) if digits.is_empty() => "0".to_owned(),
        Some((negative, digits, exponent)) => format!("{}{digits}e{exponent}", if negative { "-" } else { "" }),
        None => figure.to_owned(),
    }
}

/// A date is the first moment of it; zeros that end a second's fraction say nothing.
fn moment(figure: &str) -> String {
    let figure = figure.trim();
    let Some((date, time)) = figure.split_once([' ', 'T']).filter(|(date, _)| date.len() >= "2024-02-29".len()) else {
        return if figure.ends_with(|c: char| c.is_ascii_digit()) {
            format!("{figure} 00:00:00")
        } else {
            figure.into()
        };
    };
    let (time, era) = time.split_once(' ').map_or((time, String::new()), |(time, era)| (time, format!(" {era}")));
    let time = if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.') } else { time };
    format!("{date} {time}{era}")
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
