//! What becomes of values that the target does not hold: refused, unless somebody decided otherwise.
//!
//! A target's connector says which kinds of special values a column refuses; the table here says what may take their place.
//! What is chosen for all columns or for one (a request's [`Policies`]) is written into the mappings' transformations, where
//! everybody sees it; what could be chosen for one column stands beside its mapping, ready to be approved.

use std::collections::BTreeMap;

use arrow::datatypes::DataType as Arrow;
use serde::{Deserialize, Serialize};

use super::meant::{KEEP, READINGS};
use super::narrow::{NARROWINGS, WIDEN};
use super::scout::full;
use crate::catalog::{Column, DataType, Table, TableName};
use crate::error::{Code, Error, Result};
use crate::expression::Special;
use crate::plugin::Specials;

/// What stops the migration.
pub(super) const REJECT: &str = "reject";
/// What a choice of its own stands for in the table of choices: any date.
const A_DATE: &str = "1970-01-01";

/// A kind of special values, as people name it.
struct Kind {
    special: Special,
    /// In a request: `options.policies.zero_dates`.
    word: &'static str,
    /// In a sentence: `3 of 1,000 sampled values are zero dates`.
    plural: &'static str,
    flag: Specials,
}

const KINDS: [Kind; 5] = [
    Kind { special: Special::NulByte, word: "nul_bytes", plural: "hold NUL characters", flag: Specials::NUL_BYTE },
    Kind { special: Special::ZeroDate, word: "zero_dates", plural: "are zero dates", flag: Specials::ZERO_DATE },
    Kind {
        special: Special::FarDate,
        word: "far_dates",
        plural: "are infinite, or outside the years 0 to 9999",
        flag: Specials::FAR_DATE,
    },
    Kind { special: Special::Nan, word: "nan", plural: "are NaN", flag: Specials::NAN },
    Kind { special: Special::Infinity, word: "infinity", plural: "are infinite", flag: Specials::INFINITY },
];

/// What may take a value's place.
struct Choice {
    special: Special,
    word: &'static str,
    about: &'static str,
    /// `{}` stands for the column.
    transformation: &'static str,
    /// NULL is what takes the place.
    nulls: bool,
}

const fn choice(special: Special, word: &'static str, transformation: &'static str, about: &'static str) -> Choice {
    Choice { special, word, about, transformation, nulls: false }
}

const fn null(special: Special, transformation: &'static str) -> Choice {
    Choice { special, word: "null", about: "NULL takes their place.", transformation, nulls: true }
}

const CHOICES: [Choice; 8] = [
    choice(Special::NulByte, "strip", "replace_nul({}, '')", "The character is taken out of the text."),
    choice(Special::NulByte, "replace", "replace_nul({}, '\u{fffd}')", "U+FFFD takes the character's place."),
    null(Special::ZeroDate, "replace_zero_date({}, NULL)"),
    choice(
        Special::ZeroDate,
        A_DATE,
        "replace_zero_date({}, '1970-01-01')",
        "This date, or another one, takes their place.",
    ),
    null(Special::FarDate, "replace_far_date({}, NULL)"),
    choice(
        Special::FarDate,
        "clamp",
        "clamp_date({})",
        "The first day of the year 1, or the last second of 9999, takes their place.",
    ),
    null(Special::Nan, "replace_nan({}, NULL)"),
    null(Special::Infinity, "replace_infinity({}, NULL)"),
];

/// What is chosen of each kind: for all columns (`zero_dates`), or for one (`zero_dates:people.born`, which goes before).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policies(BTreeMap<String, String>);

/// Between a kind and the one column that it is chosen for.
const FOR: char = ':';

impl Policies {
    /// Names of the kinds.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        let readings = READINGS.iter().map(|reading| reading.policy);
        let mut kinds: Vec<&str> = KINDS.iter().map(|kind| kind.word).chain(readings).collect();
        kinds.extend(NARROWINGS.iter().map(|narrowing| narrowing.policy));
        kinds.dedup();
        kinds.into_iter()
    }

    /// The kind of a key, which may be of one column: `uuids` of `uuids:orders.id`.
    #[must_use]
    pub fn kind(key: &str) -> &str {
        key.split_once(FOR).map_or(key, |(kind, _)| kind)
    }

    /// Words that may be chosen for a kind; the first is what holds where nothing is chosen.
    #[must_use]
    pub fn words(kind: &str) -> Vec<&'static str> {
        if let Some(reading) = READINGS.iter().find(|reading| reading.policy == kind) {
            return vec![KEEP, reading.choice];
        }
        if NARROWINGS.iter().any(|narrowing| narrowing.policy == kind) {
            return vec![WIDEN, REJECT];
        }
        let of = KINDS.iter().find(|k| k.word == kind).map(|k| k.special);
        let words = CHOICES.iter().filter(|choice| Some(choice.special) == of).map(|choice| choice.word);
        if of.is_some() { std::iter::once(REJECT).chain(words).collect() } else { Vec::new() }
    }

    /// Chooses for a kind, or for a kind in one column: `uuids:orders.id`.
    ///
    /// # Errors
    /// `invalid_request`: there is no such kind, or it has no such choice.
    pub fn choose(&mut self, key: &str, word: &str) -> Result<()> {
        let invalid = |message| Err(Error::new(Code::InvalidRequest, message));
        let (kind, column) = key.split_once(FOR).map_or((key, None), |(kind, column)| (kind, Some(column)));
        let words = Self::words(kind);
        if words.is_empty() {
            let known: Vec<&str> = Self::kinds().collect();
            return invalid(format!("there is no policy `{}`; policies: {}", kind.escape_debug(), known.join(", ")));
        }
        if column.is_some_and(|column| !column.contains('.')) {
            let key = key.escape_debug();
            return invalid(format!("`{key}` names no column of a table, as `{kind}{FOR}orders.id` does"));
        }
        let dates = KINDS.iter().any(|k| k.word == kind && k.special == Special::ZeroDate);
        if !(words.contains(&word) || dates && is_date(word)) {
            let another = if dates { ", or another date" } else { "" };
            let (word, words) = (word.escape_debug(), words.join("`, `"));
            return invalid(format!("`{word}` is no choice for {kind}; choices: `{words}`{another}"));
        }
        if column.is_none() && words.first() == Some(&word) {
            self.0.remove(kind);
        } else {
            self.0.insert(key.to_owned(), word.to_owned());
        }
        Ok(())
    }

    /// Nothing is chosen: everything special is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Kinds (and columns) and what is chosen for them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(kind, word)| (kind.as_str(), word.as_str()))
    }

    /// What is chosen of a kind for a column; none where that is what holds anyway.
    pub(super) fn of(&self, kind: &str, table: &TableName, column: &str) -> Option<&str> {
        let chosen = |key: &str| key.split_once(FOR).is_some_and(|(k, name)| k == kind && names(name, table, column));
        let word = self.0.iter().find(|(key, _)| chosen(key)).map(|(_, word)| word).or_else(|| self.0.get(kind))?;
        (Self::words(kind).first() != Some(&word.as_str())).then_some(word)
    }

    /// Every column that something is chosen for is there.
    ///
    /// # Errors
    /// `invalid_request` naming the first that is not.
    pub(super) fn check(&self, tables: &[&Table]) -> Result<()> {
        for (kind, column) in self.0.keys().filter_map(|key| key.split_once(FOR)) {
            let there = |table: &&Table| table.columns.iter().any(|c| names(column, &table.name, &c.name));
            if !tables.iter().any(there) {
                let message = format!(
                    "`policies`: `{kind}{FOR}{column}` names no column that is moved. Write `table.column` or `schema.table.column`, as the source spells them."
                );
                return Err(Error::new(Code::InvalidRequest, message));
            }
        }
        Ok(())
    }

    fn chosen(&self, kind: &Kind, table: &TableName, column: &str) -> Option<(&'static Choice, &str)> {
        let word = self.of(kind.word, table, column)?;
        let of_kind = || CHOICES.iter().filter(|choice| choice.special == kind.special);
        let dated = || of_kind().find(|choice| choice.word == A_DATE);
        Some((of_kind().find(|choice| choice.word == word).or_else(dated)?, word))
    }
}

/// Whether `table.column` or `schema.table.column` is this column's name.
fn names(name: &str, table: &TableName, column: &str) -> bool {
    let rest = name.strip_suffix(column).and_then(|rest| rest.strip_suffix('.'));
    rest.is_some_and(|rest| rest == table.name || rest == full(table))
}

/// `2024-02-29`, of the calendar and of every system.
fn is_date(word: &str) -> bool {
    word.len() == A_DATE.len() && word >= "0001-01-01" && word.parse::<jiff::civil::Date>().is_ok()
}

/// One ready-made answer to values that a column refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// Which values: `zero_dates`.
    pub policy: String,
    /// `null`, `strip` ...
    pub choice: String,
    /// For people.
    pub about: String,
    /// To approve the mapping with.
    pub transformation: String,
}

/// A kind of values that one column refuses, and what is chosen for them.
#[derive(Clone)]
pub(super) struct Refused {
    kind: &'static Kind,
    chosen: Option<(&'static Choice, String)>,
}

impl Refused {
    pub(super) fn special(&self) -> Special {
        self.kind.special
    }

    pub(super) fn word(&self) -> &'static str {
        self.kind.word
    }

    pub(super) fn plural(&self) -> &'static str {
        self.kind.plural
    }

    /// What is chosen, in one word.
    pub(super) fn chosen(&self) -> Option<&str> {
        self.chosen.as_ref().map(|(_, word)| word.as_str())
    }

    /// NULL takes their place.
    pub(super) fn is_null(&self) -> bool {
        self.chosen.as_ref().is_some_and(|(choice, _)| choice.nulls)
    }

    /// They are refused after all.
    pub(super) fn forget(&mut self) {
        self.chosen = None;
    }

    /// What is chosen, done to a column (or to what is done to it already).
    pub(super) fn apply(&self, column: String) -> String {
        match &self.chosen {
            None => column,
            Some((choice, word)) => choice.transformation.replace(A_DATE, word).replace("{}", &column),
        }
    }

    /// What may be chosen; NULL only where the target takes it. `transformation` puts the column into a choice's words.
    pub(super) fn remedies(&self, nullable: bool, transformation: impl Fn(&str) -> String) -> Vec<Remedy> {
        let offered = |choice: &&Choice| choice.special == self.kind.special && (nullable || !choice.nulls);
        let remedy = |choice: &Choice| Remedy {
            policy: self.kind.word.to_owned(),
            choice: choice.word.to_owned(),
            about: choice.about.to_owned(),
            transformation: transformation(choice.transformation),
        };
        CHOICES.iter().filter(offered).map(remedy).collect()
    }
}

/// The kinds that a target's column refuses and the source's could hold, travelling as this Arrow type.
pub(super) fn refused(
    refuses: Specials,
    table: &TableName,
    source: &Column,
    travels: &Arrow,
    policies: &Policies,
) -> Vec<Refused> {
    // A number may travel as text, and a text is no number.
    let numbers = holds_numbers(&source.data_type);
    let fits = |special| match special {
        Special::NulByte => !numbers,
        Special::Nan | Special::Infinity => numbers,
        Special::ZeroDate | Special::FarDate => true,
    };
    let may = |kind: &&Kind| refuses.contains(kind.flag) && kind.special.may_be_in(travels) && fits(kind.special);
    let chosen = |kind| policies.chosen(kind, table, &source.name).map(|(choice, word)| (choice, word.to_owned()));
    KINDS.iter().filter(may).map(|kind| Refused { kind, chosen: chosen(kind) }).collect()
}

fn holds_numbers(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float(_) | DataType::Number | DataType::Decimal(_))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{column, table};
    use super::*;

    #[test]
    fn every_choice_is_an_expression_of_its_type() {
        use arrow::datatypes::{Field, Schema, TimeUnit};
        let fields = [
            ("text", Arrow::Utf8),
            ("day", Arrow::Date32),
            ("at", Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
            ("number", Arrow::Float64),
        ];
        let schema: arrow::datatypes::SchemaRef =
            Schema::new(fields.iter().map(|(name, held)| Field::new(*name, held.clone(), true)).collect::<Vec<_>>())
                .into();
        for Choice { special, transformation, .. } in &CHOICES {
            let fit = fields.iter().filter(|(_, held)| special.may_be_in(held));
            for (name, held) in fit {
                let sql = transformation.replace("{}", name);
                let expression = crate::expression::Expression::parse(&sql, &schema).unwrap();
                assert_eq!(expression.data_type(), held, "{sql}");
            }
        }
    }

    #[test]
    fn words_are_checked_and_told() {
        let mut policies = Policies::default();
        let said = |e: Error| e.message;
        assert_eq!(
            said(policies.choose("zero_date", "null").unwrap_err()),
            "there is no policy `zero_date`; policies: nul_bytes, zero_dates, far_dates, nan, infinity, flags, uuids, json_texts, long_texts, large_numbers"
        );
        assert_eq!(
            said(policies.choose("zero_dates", "2024-02-30").unwrap_err()),
            "`2024-02-30` is no choice for zero_dates; choices: `reject`, `null`, `1970-01-01`, or another date"
        );
        assert_eq!(
            said(policies.choose("nul_bytes", "null").unwrap_err()),
            "`null` is no choice for nul_bytes; choices: `reject`, `strip`, `replace`"
        );
        assert!(policies.is_empty());
        policies.choose("nul_bytes", "reject").unwrap();
        assert!(policies.is_empty());
        policies.choose("zero_dates", "0001-01-01").unwrap();
        let of = |policies: &Policies, column: &str| {
            let people = TableName { schema: "hr".to_owned(), name: "people".to_owned() };
            let both = Specials::ZERO_DATE | Specials::NUL_BYTE;
            let kinds = refused(both, &people, &column_of(column, DataType::Date), &Arrow::Date32, policies);
            assert_eq!(kinds.len(), 1);
            kinds[0].apply(column.to_owned())
        };
        assert_eq!(of(&policies, "born"), "replace_zero_date(born, '0001-01-01')");
        // One column's choice goes before all columns'.
        policies.choose("zero_dates:people.born", "null").unwrap();
        policies.choose("zero_dates:hr.people.died", "reject").unwrap();
        assert_eq!(of(&policies, "born"), "replace_zero_date(born, NULL)");
        assert_eq!(of(&policies, "died"), "died");
        assert_eq!(of(&policies, "seen"), "replace_zero_date(seen, '0001-01-01')");
        assert_eq!(
            said(policies.choose("zero_dates:born", "null").unwrap_err()),
            "`zero_dates:born` names no column of a table, as `zero_dates:orders.id` does"
        );
        let people = table("hr", "people", ["born", "died"].map(|name| column_of(name, DataType::Date)).to_vec());
        policies.check(&[&people]).unwrap();
        policies.choose("uuids:people.id", "uuid").unwrap();
        assert!(said(policies.check(&[&people]).unwrap_err()).contains("`uuids:people.id` names no column"));
    }

    fn column_of(name: &str, data_type: DataType) -> Column {
        column(name, "", data_type)
    }

    #[test]
    fn a_number_is_no_text_although_it_travels_as_one() {
        let all = Specials::all();
        let words = |held: &DataType| {
            let t = TableName { schema: String::new(), name: "t".to_owned() };
            let kinds = refused(all, &t, &column_of("c", held.clone()), &Arrow::Utf8, &Policies::default());
            kinds.iter().map(Refused::word).collect::<Vec<_>>()
        };
        assert_eq!(words(&DataType::Number), ["nan", "infinity"]);
        assert_eq!(words(&DataType::Json), ["nul_bytes"]);
    }
}
