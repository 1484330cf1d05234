//! Whether the values of two columns are of one kind, by what samples of both say.

use crate::plan::Evidence;
use crate::plan::profile::{ColumnProfile, LooksLike};

/// Values of a sample from which on their range and number mean something.
const ENOUGH: u64 = 20;
/// As many different values at most are a list of codes.
const FEW: u64 = 10;
/// As many and more are none.
const MANY: u64 = 50;

/// What the two samples have in common, and what that is worth.
const WEIGHTS: [(Kinship, f64, &str); 5] = [
    (Kinship::SameLook, 1.0, "values of both look alike"),
    (Kinship::OtherLook, 0.75, "values of the two look like different things"),
    (Kinship::OneLooks, 0.88, "values of only one of them look like this"),
    (Kinship::Apart, 0.9, "no number of the one lies among those of the other"),
    (Kinship::FewAndMany, 0.9, "a few different values in one, many in the other"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kinship {
    SameLook,
    OtherLook,
    OneLooks,
    Apart,
    FewAndMany,
}

/// None where the samples say nothing, or nothing against the pair.
pub(in crate::plan) fn of_values(source: &ColumnProfile, target: &ColumnProfile, is_key: bool) -> Option<Evidence> {
    let present = |profile: &ColumnProfile| profile.sampled.saturating_sub(profile.nulls);
    if present(source) == 0 || present(target) == 0 {
        return None;
    }
    let enough = present(source) >= ENOUGH && present(target) >= ENOUGH;
    let (kinship, detail) = match (source.looks_like, target.looks_like) {
        (Some(a), Some(b)) if a == b => (Kinship::SameLook, word(a).to_owned()),
        (Some(a), Some(b)) => (Kinship::OtherLook, format!("{} and {}", word(a), word(b))),
        // Of few values it may be chance that all of them look like something.
        (Some(one), None) | (None, Some(one)) if enough && source.longest.is_some() && target.longest.is_some() => {
            (Kinship::OneLooks, word(one).to_owned())
        }
        // New keys are to lie apart, and each is another one.
        _ if !enough || is_key => return None,
        _ if lie_apart(source, target) => (Kinship::Apart, format!("{} and {}", range(source), range(target))),
        _ if (source.distinct <= FEW && target.distinct >= MANY)
            || (target.distinct <= FEW && source.distinct >= MANY) =>
        {
            (Kinship::FewAndMany, format!("{} and {}", source.distinct, target.distinct))
        }
        _ => return None,
    };
    let (weight, words) = WEIGHTS.iter().find(|(k, ..)| *k == kinship).map_or((0.0, "unknown"), |(_, w, d)| (*w, *d));
    Some(Evidence { kind: "value_profile".to_owned(), weight, detail: format!("{words} ({detail})") })
}

fn word(looks: LooksLike) -> &'static str {
    match looks {
        LooksLike::Uuid => "UUIDs",
        LooksLike::Json => "JSON",
        LooksLike::Boolean => "yes and no",
        LooksLike::Date => "dates",
        LooksLike::Email => "e-mail addresses",
    }
}

/// Of numbers alone: other times are what is expected of rows that are added.
fn lie_apart(a: &ColumnProfile, b: &ColumnProfile) -> bool {
    let ends = |p: &ColumnProfile| Some((p.min.as_ref()?.parse::<f64>().ok()?, p.max.as_ref()?.parse::<f64>().ok()?));
    matches!((ends(a), ends(b)), (Some((low, high)), Some((least, most))) if high < least || most < low)
}

fn range(profile: &ColumnProfile) -> String {
    let end = |end: &Option<String>| end.clone().unwrap_or_default();
    format!("{} to {}", end(&profile.min), end(&profile.max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(distinct: u64, ends: Option<(&str, &str)>, looks_like: Option<LooksLike>) -> ColumnProfile {
        ColumnProfile {
            column: "c".to_owned(),
            sampled: 100,
            nulls: 0,
            distinct,
            min: ends.map(|(min, _)| min.to_owned()),
            max: ends.map(|(_, max)| max.to_owned()),
            longest: ends.is_none().then_some(9),
            looks_like,
        }
    }

    #[test]
    fn values_speak_for_and_against_a_pair() {
        let number = |low, high| profile(100, Some((low, high)), None);
        let text = |looks| profile(100, None, looks);
        let of = |a: &ColumnProfile, b: &ColumnProfile, key| of_values(a, b, key).map(|e| e.weight);
        assert_eq!(of(&text(Some(LooksLike::Email)), &text(Some(LooksLike::Email)), false), Some(1.0));
        assert_eq!(of(&text(Some(LooksLike::Email)), &text(Some(LooksLike::Uuid)), false), Some(0.75));
        assert_eq!(of(&text(Some(LooksLike::Email)), &text(None), false), Some(0.88));
        assert_eq!(of(&text(None), &text(None), false), None);
        assert_eq!(of(&number("1", "9"), &number("100", "900"), false), Some(0.9));
        assert_eq!(of(&number("1", "9"), &number("100", "900"), true), None, "new keys lie apart");
        assert_eq!(of(&number("1", "200"), &number("100", "900"), false), None);
        assert_eq!(of(&profile(3, None, None), &text(None), false), Some(0.9));
        let few = ColumnProfile { sampled: 5, ..profile(3, None, None) };
        assert_eq!(of(&few, &text(None), false), None, "too few to tell");
        assert_eq!(of(&ColumnProfile { nulls: 100, ..text(None) }, &text(None), false), None);
    }
}
