//! Why a confidence is what it is: named evidence, each with a weight that is looked up, never made up for a column.
//!
//! A confidence is the product of its evidence's weights. Which evidence there is comes from the catalogs, the Arrow types, the
//! names and the sampled rows.

use super::Evidence;
use super::naming::Derivation;
use super::range::Extent;
use crate::expression::Conversion;
use crate::plugin::Fidelity;

/// What the target's type does to values.
const FIDELITY_WEIGHTS: [(Fidelity, f64, &str); 4] = [
    (Fidelity::Lossless, 1.0, "every value arrives and can come back equal"),
    (Fidelity::Widened, 0.97, "every value arrives; the type, or a property of it, does not"),
    (Fidelity::Lossy, 0.6, "some values may be refused"),
    (Fidelity::Unsupported, 0.0, "the target cannot hold this type"),
];
/// What the step between the Arrow types does.
const CONVERSION_WEIGHTS: [(Conversion, f64, &str); 4] = [
    (Conversion::Same, 1.0, "values travel as they are"),
    (Conversion::Exact, 1.0, "the conversion is exact for every value"),
    (Conversion::Checked, 0.85, "each value is converted and compared; one that does not fit is an error"),
    (Conversion::Unsupported, 0.0, "there is no exact conversion"),
];
/// How the target's name came about.
const NAME_WEIGHTS: [(Derivation, f64, &str); 4] = [
    (Derivation::Same, 1.0, "the source's own name"),
    (Derivation::Renamed, 0.99, "spelled by the naming policy"),
    (Derivation::Shortened, 0.9, "cut to the target's longest name"),
    (Derivation::Collided, 0.7, "numbered, because another column has the name"),
];
/// What the mapping did to the sampled values.
const SAMPLE_WEIGHTS: [(Tried, f64, &str); 4] = [
    (Tried::All, 1.0, "sampled values convert"),
    // Times the share that converts. Below 1 from the first one on: whoever approves should know that rows will stop.
    (Tried::NotAll, 0.9, "sampled values convert"),
    (Tried::Nothing, 1.0, "the table is empty"),
    (Tried::Unseen, 0.98, "no value was sampled"),
];
/// The target's type holds a smaller range, shorter values or fewer digits than the source's; what the sample says to it.
const RANGE_WEIGHTS: [(Room, f64, &str); 4] = [
    (Room::Unknown, 0.5, "range"),
    (Room::ForSample, 0.8, "sample_range"),
    (Room::ForTable, 0.95, "sample_range"),
    (Room::TooSmall, 0.3, "sample_range"),
];
/// NULL may arrive where none may be.
const NULL_WEIGHTS: [(Nulls, f64, &str); 2] = [
    (Nulls::Possible, 0.6, "the source allows NULL and the target does not"),
    (Nulls::NotSampled, 0.85, "the source allows NULL and the target does not; none was sampled"),
];
/// Sampled values are of a kind that the target refuses.
const SPECIAL_WEIGHTS: [(Decided, f64, &str); 2] =
    [(Decided::No, 0.3, "which the target refuses: see `remedies`"), (Decided::Yes, 1.0, "policy")];
/// What a person did to the mapping.
const PERSON_WEIGHTS: [(Person, f64, &str); 1] = [(Person::Overrode, 1.0, "a person's transformation")];

/// Of type fidelity: a plan's reader looks it up again.
const TYPE_FIDELITY: &str = "type_fidelity";
/// Evidence about the transformation itself, which falls with it.
const OF_TRANSFORMATION: [&str; 4] = ["conversion", "sample_cast", "sample_range", SAMPLE_SPECIAL];
const SAMPLE_SPECIAL: &str = "sample_special";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    All,
    NotAll,
    Nothing,
    Unseen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// No value was seen.
    Unknown,
    /// For every sampled value.
    ForSample,
    /// For every value of the table.
    ForTable,
    /// Not for every sampled value.
    TooSmall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Possible,
    /// The sample would have shown it.
    NotSampled,
}

/// Whether a policy says what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decided {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Person {
    Overrode,
}

/// What the sample says of one mapping.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    /// Nobody asked for a sample.
    Unasked,
    /// There is none, and why.
    Nothing(String),
    /// What became of it.
    Rows(Findings),
}

/// What became of the sampled values of one mapping.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    pub(super) sampled: u64,
    /// These are all rows of the table.
    pub(super) whole: bool,
    /// Values that the transfer would refuse, and why the first of them.
    pub(super) refused: u64,
    pub(super) first: Option<String>,
    /// How far the values that it would not refuse reach, where the target's type is narrower.
    pub(super) extent: Option<Extent>,
    /// Values of each kind that the target refuses, in the order of the mapping's kinds.
    pub(super) special: Vec<u64>,
}

impl Findings {
    /// Values that the engine or the target would refuse.
    pub(super) fn rejects(&self) -> u64 {
        self.refused + self.extent.map_or(0, |e| e.beyond)
    }
}

fn weighed<K: Copy + PartialEq>(kind: &str, weights: &[(K, f64, &str)], key: K) -> Evidence {
    let (weight, detail) = weights.iter().find(|(k, ..)| *k == key).map_or((0.0, "unknown"), |(_, w, d)| (*w, *d));
    Evidence { kind: kind.to_owned(), weight, detail: detail.to_owned() }
}

/// The product of the weights. Four digits: what a person compares, and the same on every machine.
pub(super) fn confidence(evidence: &[Evidence]) -> f64 {
    let product = evidence.iter().map(|e| e.weight).product::<f64>();
    (product * 10_000.0).round() / 10_000.0
}

pub(super) fn fidelity(fidelity: Fidelity) -> Evidence {
    weighed(TYPE_FIDELITY, &FIDELITY_WEIGHTS, fidelity)
}

/// What the target's connector said of the type, which stays in the evidence whatever the transformation is.
pub(super) fn fidelity_said(evidence: &[Evidence]) -> Option<Fidelity> {
    let said = evidence.iter().find(|e| e.kind == TYPE_FIDELITY)?;
    FIDELITY_WEIGHTS.iter().find(|(_, weight, _)| *weight == said.weight).map(|(fidelity, ..)| *fidelity)
}

pub(super) fn name(derivation: Derivation) -> Evidence {
    weighed("name_derivation", &NAME_WEIGHTS, derivation)
}

/// `types`: from which Arrow type to which.
pub(super) fn conversion(step: Conversion, types: &str) -> Evidence {
    let evidence = weighed("conversion", &CONVERSION_WEIGHTS, step);
    Evidence { detail: format!("{types}: {}", evidence.detail), ..evidence }
}

/// Of a target column that takes no NULL, from a source column that may have some.
pub(super) fn not_null(seen: &Seen) -> Evidence {
    let nulls = match seen {
        Seen::Rows(findings) if findings.sampled > 0 && findings.refused == 0 => Nulls::NotSampled,
        Seen::Rows(_) | Seen::Nothing(_) | Seen::Unasked => Nulls::Possible,
    };
    weighed("nullability", &NULL_WEIGHTS, nulls)
}

/// None where nobody asked for a sample.
pub(super) fn sample_cast(seen: &Seen) -> Option<Evidence> {
    let of = |tried| weighed("sample_cast", &SAMPLE_WEIGHTS, tried);
    let findings = match seen {
        Seen::Unasked => return None,
        Seen::Nothing(why) => {
            let evidence = of(Tried::Unseen);
            return Some(Evidence { detail: format!("{}: {why}", evidence.detail), ..evidence });
        }
        Seen::Rows(findings) => findings,
    };
    let Findings { sampled, refused, first, .. } = findings;
    if *sampled == 0 {
        return Some(of(Tried::Nothing));
    }
    let converted = sampled.saturating_sub(*refused);
    let tried = of(if *refused == 0 { Tried::All } else { Tried::NotAll });
    let why = first.as_ref().map(|reason| format!("; the first that does not, {reason}")).unwrap_or_default();
    Some(Evidence {
        weight: tried.weight * converted as f64 / *sampled as f64,
        detail: format!("{} of {} {}{why}", grouped(converted), grouped(*sampled), tried.detail),
        ..tried
    })
}

/// Of sampled values of a kind that the target refuses: `3 of 1,000 sampled values are zero dates`. `chosen`: what takes their
/// place.
pub(super) fn special(count: u64, sampled: u64, plural: &str, chosen: Option<&str>) -> Evidence {
    let evidence = weighed(SAMPLE_SPECIAL, &SPECIAL_WEIGHTS, if chosen.is_some() { Decided::Yes } else { Decided::No });
    let word = chosen.map(|word| format!(" `{word}`")).unwrap_or_default();
    Evidence {
        detail: format!(
            "{} of {} sampled values {plural}, {}{word}",
            grouped(count),
            grouped(sampled),
            evidence.detail
        ),
        ..evidence
    }
}

/// Of a target's type that is narrower than the source's: `narrower` says in what.
pub(super) fn range(narrower: &str, seen: &Seen) -> Evidence {
    let (room, said) = match seen {
        Seen::Unasked | Seen::Nothing(_) => (Room::Unknown, String::new()),
        Seen::Rows(findings) => {
            let rejects = findings.rejects();
            let room = match (rejects, findings.whole) {
                (0, true) => Room::ForTable,
                (0, false) => Room::ForSample,
                _ => Room::TooSmall,
            };
            let sampled = grouped(findings.sampled);
            let most = findings.extent.map(|e| format!(", with at most {} {}", grouped(e.most), e.unit));
            let fit = grouped(findings.sampled.saturating_sub(rejects));
            (room, format!("; {fit} of {sampled} sampled values fit{}", most.unwrap_or_default()))
        }
    };
    let kind = RANGE_WEIGHTS.iter().find(|(r, ..)| *r == room).map_or("range", |(_, _, kind)| kind);
    Evidence { detail: format!("{narrower}{said}"), ..weighed(kind, &RANGE_WEIGHTS, room) }
}

/// The evidence of a mapping whose transformation a person replaced: what was about the old one is gone.
pub(super) fn overridden(evidence: &[Evidence], old: &str) -> Vec<Evidence> {
    let kept = evidence.iter().filter(|e| !OF_TRANSFORMATION.contains(&e.kind.as_str())).cloned();
    let by_person = weighed("override", &PERSON_WEIGHTS, Person::Overrode);
    let by_person = Evidence { detail: format!("{} in place of `{old}`", by_person.detail), ..by_person };
    kept.chain([by_person]).collect()
}

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sampled: u64, refused: u64, whole: bool) -> Findings {
        let first = (refused > 0).then(|| "in row 3: no number".to_owned());
        Findings { sampled, refused, whole, first, extent: None, special: Vec::new() }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, wanted) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), wanted);
        }
    }

    #[test]
    fn a_sample_lowers_by_the_share_that_fails() {
        let found = |sampled, refused| {
            let e = sample_cast(&Seen::Rows(rows(sampled, refused, true))).unwrap();
            (e.weight, e.detail)
        };
        assert_eq!(found(1000, 0), (1.0, "1,000 of 1,000 sampled values convert".to_owned()));
        let (weight, detail) = found(1000, 100);
        assert!((weight - 0.81).abs() < 1e-9, "{weight}");
        assert_eq!(detail, "900 of 1,000 sampled values convert; the first that does not, in row 3: no number");
        assert_eq!(found(10, 10).0, 0.0);
        assert_eq!(found(0, 0), (1.0, "the table is empty".to_owned()));
        assert!(found(1000, 1).0 < 0.95, "one row that will stop is seen by whoever approves");
        assert!(sample_cast(&Seen::Unasked).is_none());
        let unseen = sample_cast(&Seen::Nothing("time was over".to_owned())).unwrap();
        assert_eq!((unseen.weight, unseen.detail.as_str()), (0.98, "no value was sampled: time was over"));
    }

    #[test]
    fn a_narrower_type_weighs_less_badly_when_what_was_seen_fits() {
        let extent = |beyond, most| Some(Extent { beyond, most, unit: "characters" });
        let found = |findings| range("40 characters instead of any number", &Seen::Rows(findings));
        let unknown = range("40 characters instead of any number", &Seen::Unasked);
        assert_eq!((unknown.kind.as_str(), unknown.weight), ("range", 0.5));
        let sample = found(Findings { extent: extent(0, 31), ..rows(1000, 0, false) });
        assert_eq!((sample.kind.as_str(), sample.weight), ("sample_range", 0.8));
        assert_eq!(
            sample.detail,
            "40 characters instead of any number; 1,000 of 1,000 sampled values fit, with at most 31 characters"
        );
        assert_eq!(found(Findings { extent: extent(0, 31), ..rows(20, 0, true) }).weight, 0.95);
        let beyond = found(Findings { extent: extent(2, 57), ..rows(20, 0, true) });
        assert_eq!(beyond.weight, 0.3);
        assert!(
            beyond.detail.ends_with("; 18 of 20 sampled values fit, with at most 57 characters"),
            "{}",
            beyond.detail
        );
    }

    #[test]
    fn what_was_said_of_a_type_can_be_read_back() {
        for (said, ..) in FIDELITY_WEIGHTS {
            assert_eq!(fidelity_said(&[name(Derivation::Same), fidelity(said)]), Some(said));
        }
        assert_eq!(fidelity_said(&[]), None);
    }

    #[test]
    fn an_override_takes_the_old_ones_evidence_with_it() {
        let old = [
            fidelity(Fidelity::Widened),
            conversion(Conversion::Checked, "Utf8 to Int64"),
            sample_cast(&Seen::Rows(rows(10, 5, true))).unwrap(),
            not_null(&Seen::Unasked),
        ];
        let new = overridden(&old, "PHONE");
        let kinds: Vec<&str> = new.iter().map(|e| e.kind.as_str()).collect();
        assert_eq!(kinds, [TYPE_FIDELITY, "nullability", "override"]);
        assert_eq!(confidence(&new), 0.582);
        assert_eq!(new[2].detail, "a person's transformation in place of `PHONE`");
    }
}
