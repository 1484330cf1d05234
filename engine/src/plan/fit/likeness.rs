//! How alike two names are: by their words, not their letters.
//!
//! A name is taken apart into words (`EMP_NO`, `EmpNo`, `emp no`), each word brought to its singular, and read as what it may
//! stand for. Words are paired with their best counterparts; what finds none counts against the pair.

use std::collections::BTreeSet;

use strsim::jaro_winkler;

use super::vocabulary::{LIGHT_WORDS, NOISE, OTHER_WORDS, PLURALS, SHORT_FORMS};
use crate::plan::Naming;
use crate::plan::naming::spell;

/// A short form that the vocabulary has, against the word itself.
const SHORT_FORM: f64 = 0.96;
/// A word against another that begins with it, from three letters on.
const BEGINNING: f64 = 0.85;
/// A word against another one's letters without vowels (`cstmr`).
const CONSONANTS: f64 = 0.85;
/// The same words written as one, or in another order.
const REARRANGED: f64 = 0.97;
/// Below this, two words that look a little alike are different words. Measured: `street` and `state` have 0.79, `customer` and
/// `custmer` 0.97.
const LOOKS_ALIKE: f64 = 0.92;
/// Least that two words have in common to be a pair.
const PAIR: f64 = 0.55;

/// A name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words(Vec<String>);

impl Words {
    /// Of any name.
    pub(super) fn of(name: &str) -> Self {
        let spelled = spell(name, Naming::Snake);
        let mut words: Vec<String> = Vec::new();
        for part in spelled.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
            // `address1` is two words.
            let cut = part.find(|c: char| c.is_numeric()).filter(|at| *at > 0).unwrap_or(part.len());
            let (letters, digits) = part.split_at(cut);
            words.push(singular(letters));
            words.extend((!digits.is_empty()).then(|| digits.to_owned()));
        }
        let telling: Vec<String> = words.iter().filter(|w| !NOISE.contains(&w.as_str())).cloned().collect();
        Self(if telling.is_empty() { words } else { telling })
    }

    /// The first word, where others follow.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.0.first().filter(|_| self.0.len() > 1).map(String::as_str)
    }

    /// Without its first word, where that is `prefix`.
    pub(super) fn without_prefix(&self, prefix: &str) -> Self {
        match self.prefix() {
            Some(first) if first == prefix => Self(self.0[1..].to_vec()),
            Some(_) | None => self.clone(),
        }
    }

    /// Without the words of its table at the beginning, where others follow: `EMP_NAME` of `EMPLOYEES` is a `name`.
    pub(super) fn without_table(&self, table: &Words) -> Option<Self> {
        let named = table.0.iter().zip(&self.0).take_while(|(of_table, own)| word(of_table, own) >= BEGINNING).count();
        if named == table.0.len() && named < self.0.len() {
            return Some(Self(self.0[named..].to_vec()));
        }
        // `empno` of `emp`.
        let first = self.0.first()?;
        let rest = (table.0.len() == 1).then(|| readings_of(&table.0[0])).into_iter().flatten();
        let rest = rest.filter_map(|short| first.strip_prefix(short.as_str()).map(str::to_owned)).find(|r| r.len() > 1);
        rest.map(|rest| Self(std::iter::once(singular(&rest)).chain(self.0[1..].iter().cloned()).collect()))
    }

    fn weight(&self) -> f64 {
        self.0.iter().map(|w| weight(w)).sum()
    }
}

/// 1: the same words. 0: nothing in common.
pub(super) fn likeness(a: &Words, b: &Words) -> f64 {
    if a == b {
        return 1.0;
    }
    let (joined_a, joined_b) = (a.0.concat(), b.0.concat());
    if joined_a == joined_b {
        return REARRANGED;
    }
    let together = |one: &Words, others: &Words| one.0.len() == 1 && others.0.len() > 1 && reads(&one.0[0], &others.0);
    if together(a, b) || together(b, a) {
        return SHORT_FORM * REARRANGED;
    }
    // As one word each, for words that go by one name (`zip`, `postal_code`).
    let as_one =
        OTHER_WORDS.iter().find(|(x, y, _)| (joined_a == *x && joined_b == *y) || (joined_a == *y && joined_b == *x));
    paired(a, b).max(as_one.map_or(0.0, |(.., alike)| *alike))
}

/// The best pairs of words first, each word once.
fn paired(a: &Words, b: &Words) -> f64 {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (i, one) in a.0.iter().enumerate() {
        pairs.extend(
            b.0.iter().enumerate().map(|(j, other)| (word(one, other), i, j)).filter(|(alike, ..)| *alike >= PAIR),
        );
    }
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let (mut left, mut right) = (BTreeSet::new(), BTreeSet::new());
    let (mut in_common, mut moved) = (0.0, false);
    for (alike, i, j) in pairs {
        if !left.contains(&i) && !right.contains(&j) {
            left.insert(i);
            right.insert(j);
            moved |= i != j && a.0.len() == b.0.len();
            in_common += alike * (weight(&a.0[i]) + weight(&b.0[j]));
        }
    }
    in_common / (a.weight() + b.weight()) * if moved { REARRANGED } else { 1.0 }
}

fn weight(word: &str) -> f64 {
    let word = readings_of(word).pop().unwrap_or_default();
    LIGHT_WORDS.iter().find(|(light, _)| *light == word).map_or(1.0, |(_, weight)| *weight)
}

/// How alike two words are.
pub(super) fn word(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    // Numbers, and words with digits, are themselves.
    if [a, b].iter().any(|w| w.contains(|c: char| c.is_numeric())) {
        return 0.0;
    }
    let stands_for = |short: &str, long: &str| SHORT_FORMS.iter().any(|(s, l)| *s == short && *l == long);
    if stands_for(a, b) || stands_for(b, a) {
        return SHORT_FORM;
    }
    let (of_a, of_b) = (readings_of(a), readings_of(b));
    if of_a.iter().any(|reading| of_b.contains(reading)) {
        return SHORT_FORM;
    }
    let other = |x: &str, y: &str| {
        let both = |(p, q, _): &&(&str, &str, f64)| (*p == x && *q == y) || (*p == y && *q == x);
        OTHER_WORDS.iter().find(both).map(|(.., alike)| *alike)
    };
    let other = of_a.iter().flat_map(|x| of_b.iter().filter_map(move |y| other(x, y))).fold(0.0, f64::max);
    let begins = |short: &str, long: &str| short.len() >= 3 && long.starts_with(short);
    let beginning = if begins(a, b) || begins(b, a) { BEGINNING } else { 0.0 };
    let consonants = if is_skeleton(a, b) || is_skeleton(b, a) { CONSONANTS } else { 0.0 };
    let letters = jaro_winkler(a, b);
    let letters = if letters >= LOOKS_ALIKE { letters * 0.95 } else { 0.0 };
    [other, beginning, consonants, letters].into_iter().fold(0.0, f64::max)
}

/// The word, and all that it may stand for.
fn readings_of(word: &str) -> Vec<String> {
    let stands = SHORT_FORMS.iter().filter(|(short, _)| *short == word).map(|(_, long)| (*long).to_owned());
    std::iter::once(word.to_owned()).chain(stands).collect()
}

/// Whether `one` is these words, or their short forms, written together.
fn reads(one: &str, words: &[String]) -> bool {
    let Some((first, rest)) = words.split_first() else { return one.is_empty() };
    let shorts = SHORT_FORMS.iter().filter(|(_, long)| long == first).map(|(short, _)| *short);
    let spelled = std::iter::once(first.as_str()).chain(shorts);
    let by_name = spelled.into_iter().any(|s| one.strip_prefix(s).is_some_and(|after| reads(after, rest)));
    // Any beginning of three letters or more is a short form as well.
    by_name
        || (3..first.len())
            .filter(|&end| first.is_char_boundary(end))
            .any(|end| one.strip_prefix(&first[..end]).is_some_and(|after| reads(after, rest)))
}

/// Whether `short` has the consonants of `long`, and nothing else: `cstmr`, `dscrptn`.
fn is_skeleton(short: &str, long: &str) -> bool {
    let is_vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u');
    let mut letters = long.chars();
    let first = letters.next();
    let skeleton: String = first.into_iter().chain(letters.filter(|c| !is_vowel(*c))).collect();
    short.len() >= 3 && short.len() < long.len() && short == skeleton
}

/// Of an English noun; a word that is none stays as it is.
fn singular(word: &str) -> String {
    if let Some((_, one)) = PLURALS.iter().find(|(many, _)| *many == word) {
        return (*one).to_owned();
    }
    let keeps_s = ["ss", "us", "is", "os"].iter().any(|end| word.ends_with(end));
    let cut = |n: usize, end: &str| format!("{}{end}", &word[..word.len() - n]);
    match word {
        _ if word.len() < 4 || keeps_s => word.to_owned(),
        _ if word.ends_with("ies") => cut(3, "y"),
        _ if ["sses", "xes", "ches", "shes", "uses", "zes"].iter().any(|end| word.ends_with(end)) => cut(2, ""),
        _ if word.ends_with('s') => cut(1, ""),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(a: &str, b: &str) -> f64 {
        likeness(&Words::of(a), &Words::of(b))
    }

    #[test]
    fn names_that_mean_the_same() {
        for (a, b, least) in [
            ("EMPLOYEES", "employee", 1.0),
            ("CustomerID", "customer_id", 1.0),
            ("EMP", "employees", 0.95),
            ("DEPTNO", "department_number", 0.9),
            ("QTY", "quantity", 0.95),
            ("ORDER_DT", "order_date", 0.95),
            ("custname", "customer_name", 0.9),
            ("firstname", "first_name", 0.95),
            ("created_date", "date_created", 0.95),
            ("PHONE_NO", "phone_number", 0.95),
            ("tbl_customers", "Customer", 1.0),
            ("SAL", "salary", 0.95),
            ("zip", "postal_code", 0.85),
            ("cstmr_nm", "customer_name", 0.85),
            ("ADDR1", "address_1", 0.95),
            ("categories", "category", 1.0),
            ("people", "person", 1.0),
        ] {
            let found = alike(a, b);
            assert!(found >= least, "{a} and {b}: {found}");
            assert_eq!(found, alike(b, a), "{a} and {b}");
        }
    }

    #[test]
    fn names_that_do_not() {
        for (a, b, most) in [
            ("first_name", "last_name", 0.65),
            ("customer_id", "order_id", 0.5),
            ("state", "status", 0.5),
            ("street", "state", 0.5),
            ("address1", "address2", 0.8),
            ("created_at", "updated_at", 0.5),
            ("price", "name", 0.0),
            ("billing_city", "shipping_city", 0.65),
            ("start_date", "end_date", 0.65),
            ("unit_price", "unit_cost", 0.9),
            ("film", "actor", 0.0),
        ] {
            let found = alike(a, b);
            assert!(found <= most, "{a} and {b}: {found}");
        }
    }

    #[test]
    fn a_table_is_named_in_its_columns() {
        let without =
            |column: &str, table: &str| Words::of(column).without_table(&Words::of(table)).map(|w| w.0.join(" "));
        assert_eq!(without("EMP_NAME", "EMPLOYEES").as_deref(), Some("name"));
        assert_eq!(without("empno", "emp").as_deref(), Some("no"));
        assert_eq!(without("order_line_id", "order_lines").as_deref(), Some("id"));
        assert_eq!(without("order_id", "order_lines"), None);
        assert_eq!(without("employee", "employees"), None);
    }
}
