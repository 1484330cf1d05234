//! Target names from source names: the policy, then length, then uniqueness.

use std::collections::HashSet;

use super::Naming;

/// Hexadecimal digits of the hash that ends a shortened name: 32 bits, enough to tell the names of one schema apart.
const HASH_DIGITS: usize = 8;

/// How a target name came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Derivation {
    /// The source's own name.
    Same,
    /// The policy's spelling of it.
    Renamed,
    /// Cut to the target's longest identifier, with a hash of the whole.
    Shortened,
    /// Numbered, because another one has the name.
    Collided,
}

/// A name in the source and in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) derivation: Derivation,
}

/// The policy's spelling of one name.
pub(super) fn spell(name: &str, naming: Naming) -> String {
    match naming {
        Naming::Preserve => name.to_owned(),
        Naming::Lower => name.to_lowercase(),
        Naming::Snake => snake(name),
    }
}

/// Names of one scope, in order: unique without regard to case, at most `limit` bytes. A name that keeps
/// its spelling goes before one that would only get it.
pub(super) fn assign<'a>(sources: impl IntoIterator<Item = &'a str>, naming: Naming, limit: usize) -> Vec<Name> {
    let mut names: Vec<Name> = sources
        .into_iter()
        .map(|source| {
            let spelled = spell(source, naming);
            let target = shorten(&spelled, limit);
            let derivation = match () {
                () if target == source => Derivation::Same,
                () if target == spelled => Derivation::Renamed,
                () => Derivation::Shortened,
            };
            Name { source: source.to_owned(), target, derivation }
        })
        .collect();
    let mut taken = HashSet::new();
    let (unchanged, changed): (Vec<_>, Vec<_>) = names.iter_mut().partition(|name| name.derivation == Derivation::Same);
    for name in unchanged.into_iter().chain(changed) {
        if !taken.insert(name.target.to_lowercase()) {
            (name.target, name.derivation) = (numbered(&name.target, limit, &mut taken), Derivation::Collided);
        }
    }
    names
}

fn numbered(name: &str, limit: usize, taken: &mut HashSet<String>) -> String {
    let candidates = (2_u64..).map(|n| {
        let suffix = format!("_{n}");
        format!("{}{suffix}", head(name, limit.saturating_sub(suffix.len())))
    });
    // The numbers do not end before the names of one scope do.
    candidates.into_iter().find(|c| taken.insert(c.to_lowercase())).unwrap_or_else(|| name.to_owned())
}

/// At most `limit` bytes: as much of the beginning as fits, and a hash of the whole.
pub(super) fn shorten(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_owned();
    }
    let hash = blake3::hash(name.as_bytes()).to_hex();
    let hash = &hash[..HASH_DIGITS.min(limit)];
    match head(name, limit.saturating_sub(hash.len() + 1)) {
        "" => hash.to_owned(),
        head => format!("{head}_{hash}"),
    }
}

fn head(name: &str, bytes: usize) -> &str {
    let end = name.floor_char_boundary(bytes);
    &name[..end]
}

/// `CustomerId`, `CUSTOMER-ID`, `customer id` -> `customer_id`.
///
/// A word begins at an upper-case letter after a lower-case one or a digit, and at the last letter of a
/// run of capitals that goes on in lower case (`HTTPServer`), except where all that follows is a plural s (`IDs`).
/// A name that is snake case already stays as it is, to the last underscore.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    // A separator is written when the next word begins, so that there is none at the ends.
    let mut separated = false;
    for (at, &c) in letters.iter().enumerate() {
        if is_separator(c) {
            separated = !out.is_empty();
            continue;
        }
        let before = at.checked_sub(1).map(|i| letters[i]);
        if (separated && c != '_' && !out.ends_with('_')) || begins_word(before, c, &letters[at + 1..]) {
            out.push('_');
        }
        separated = false;
        out.extend(c.to_lowercase());
    }
    match out.chars().next() {
        None => "_".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{out}"),
        Some(_) => out,
    }
}

/// Blanks, quotes, punctuation. Beyond ASCII only blanks: combining marks and symbols are part of a name.
fn is_separator(c: char) -> bool {
    if c.is_ascii() { !c.is_ascii_alphanumeric() && c != '_' } else { c.is_whitespace() }
}

fn begins_word(before: Option<char>, c: char, after: &[char]) -> bool {
    let Some(before) = before else { return false };
    // Some capitals have no small letter (𝔻): a boundary before them would depend on what was written already.
    let capital = |c: char| c.is_uppercase() && !c.to_lowercase().eq([c]);
    if !capital(c) {
        return false;
    }
    if before.is_lowercase() || before.is_numeric() {
        return true;
    }
    let plural = after.first() == Some(&'s') && !after.get(1).is_some_and(|c| c.is_alphanumeric());
    capital(before) && after.first().is_some_and(|c| c.is_lowercase()) && !plural
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Derivation, assign, shorten, snake, spell};
    use crate::plan::Naming;

    #[test]
    fn snake_case_of_what_people_call_things() {
        const GOLDEN: [(&str, &str); 38] = [
            ("customer_id", "customer_id"),
            ("CustomerId", "customer_id"),
            ("customerId", "customer_id"),
            ("CUSTOMER_ID", "customer_id"),
            ("CUSTOMER-ID", "customer_id"),
            ("Customer ID", "customer_id"),
            ("CustomerID", "customer_id"),
            ("CustomerIDs", "customer_ids"),
            ("IDs", "ids"),
            ("HTTPServer", "http_server"),
            ("parseHTTPResponse", "parse_http_response"),
            ("AddressLine2", "address_line2"),
            ("Line2Text", "line2_text"),
            ("T1", "t1"),
            ("A1B2", "a1_b2"),
            ("EMPLOYEES", "employees"),
            ("employees", "employees"),
            ("_private", "_private"),
            ("__v", "__v"),
            ("a__b", "a__b"),
            ("trailing_", "trailing_"),
            ("Snake_Case", "snake_case"),
            ("Mixed_caseName", "mixed_case_name"),
            ("  padded  ", "padded"),
            ("a - b", "a_b"),
            ("a _ b", "a_b"),
            ("`quoted`", "quoted"),
            ("say \"hi\"", "say_hi"),
            ("order$", "order"),
            ("price€", "price€"),
            ("50%", "_50"),
            ("2020 Sales", "_2020_sales"),
            ("Größe", "größe"),
            ("ÅngströmUnit", "ångström_unit"),
            ("ΑθήναΠόλη", "αθήνα_πόλη"),
            ("客户编号", "客户编号"),
            ("***", "_"),
            ("schema.table", "schema_table"),
        ];
        for (name, wanted) in GOLDEN {
            assert_eq!(snake(name), wanted, "of {name:?}");
        }
    }

    #[test]
    fn policies() {
        for (naming, wanted) in
            [(Naming::Snake, "order_line"), (Naming::Lower, "orderline"), (Naming::Preserve, "OrderLine")]
        {
            assert_eq!(spell("OrderLine", naming), wanted);
        }
    }

    fn targets(names: &[&str], limit: usize) -> Vec<(String, Derivation)> {
        assign(names.iter().copied(), Naming::Snake, limit).into_iter().map(|n| (n.target, n.derivation)).collect()
    }

    #[test]
    fn collisions_are_numbered_and_an_unchanged_name_stays() {
        let found = targets(&["UserId", "user_id", "USER_ID", "user_id_2"], 63);
        let wanted = [
            ("user_id_3", Derivation::Collided),
            ("user_id", Derivation::Same),
            ("user_id_4", Derivation::Collided),
            ("user_id_2", Derivation::Same),
        ];
        assert_eq!(found, wanted.map(|(name, derivation)| (name.to_owned(), derivation)));
    }

    #[test]
    fn long_names_keep_their_beginning_and_stay_apart() {
        let (one, other) = ("a".repeat(70) + "x", "a".repeat(70) + "y");
        let found = targets(&[&one, &other], 63);
        assert!(
            found.iter().all(|(name, d)| name.len() == 63 && name.starts_with("aaaa") && *d == Derivation::Shortened)
        );
        assert_ne!(found[0], found[1]);
        assert_eq!(shorten("größe", 5).len(), 5);
    }

    proptest! {
        #[test]
        fn snake_is_settled_after_once(name in any::<String>()) {
            let once = snake(&name);
            prop_assert!(!once.is_empty());
            prop_assert_eq!(snake(&once), once);
        }

        #[test]
        fn names_are_unique_and_short(names in proptest::collection::vec("[aAbB_ ]{1,6}", 1..20), limit in 4_usize..12) {
            let found = assign(names.iter().map(String::as_str), Naming::Snake, limit);
            let mut lower: Vec<String> = found.iter().map(|n| n.target.to_lowercase()).collect();
            prop_assert!(lower.iter().all(|n| n.len() <= limit));
            lower.sort();
            lower.dedup();
            prop_assert_eq!(lower.len(), names.len());
        }
    }
}
