use super::*;
use crate::plan::fixtures;

const SILENT: Figures = Figures { present: None, least: None, greatest: None, total: None };

fn told(present: u64, least: &str, greatest: &str, total: &str) -> Figures {
    let text = |figure: &str| (!figure.is_empty()).then(|| figure.to_owned());
    Figures { present: Some(present), least: text(least), greatest: text(greatest), total: text(total) }
}

fn asked(name: &str, measure: Measure) -> Asked {
    Asked { source: name.to_uppercase(), target: name.to_owned(), measure }
}

#[test]
fn the_same_in_other_words_agrees_and_nothing_else_does() {
    let agree = |measure, one: &str, other: &str| spelling(measure, one) == spelling(measure, other);
    for (measure, one, other) in [
        (Measure::Number, "12.50", "12.5"),
        (Measure::Number, "00042", "42"),
        (Measure::Number, "0.000", "0"),
        (Measure::Number, "-1.25e1", "-12.5000"),
        (Measure::Number, "NaN", "NaN"),
        (Measure::Text, "1200", "1200.0"),
        (Measure::Real, "-0", "0"),
        (Measure::Real, "0.1", "1.0000000000000001e-1"),
        (Measure::Real, "Infinity", "inf"),
        (Measure::Moment, "2024-02-29", "2024-02-29 00:00:00.000000"),
        (Measure::Moment, "2024-02-29T12:30:00.120", "2024-02-29 12:30:00.12"),
        (Measure::Moment, "0044-03-15 BC", "0044-03-15 BC"),
        (Measure::Moment, "infinity", "infinity"),
    ] {
        assert!(agree(measure, one, other), "{one} {other}");
    }
    for (measure, one, other) in [
        (Measure::Number, "12.51", "12.5"),
        (Measure::Number, "100", "10"),
        (Measure::Number, "-7", "7"),
        (Measure::Real, "0.1", "0.10000000000000002"),
        (Measure::Moment, "2024-02-29 00:00:10", "2024-02-29 00:00:01"),
        (Measure::Moment, "0044-03-15 BC", "0044-03-15"),
        (Measure::Moment, "2024-02-29 10:00:00", "2024-02-29 11:00:00"),
    ] {
        assert!(!agree(measure, one, other), "{one} {other}");
    }
}

#[test]
fn what_differs_is_named_and_what_is_not_said_is_left_out() {
    let questions = Questions {
        asked: vec![asked("id", Measure::Number), asked("name", Measure::Text), asked("at", Measure::Moment)],
        key: Some(0),
    };
    let here = vec![told(3, "1", "3", "6"), told(3, "", "", "12"), SILENT];
    let there = vec![told(3, "1", "3", "6"), told(2, "", "", "12"), told(3, "2024-01-01", "2024-01-02", "")];
    let source = Testimony { ends: None, figures: here };
    let witness = questions.hear(3, &source, &there);
    assert_eq!((witness.rows, witness.agreed), (3, vec!["id".to_owned()]));
    let contradiction =
        Contradiction { column: "name".into(), figure: Figure::Present, source: "3".into(), target: "2".into() };
    assert_eq!(witness.contradictions, [contradiction]);
    let ends = Some(Ends { column: "ID".into(), below: 2, on_from: 3 });
    assert_eq!(questions.hear(9_999, &Testimony { ends, ..source }, &there).rows, 3);
}

#[test]
fn large_tables_are_asked_about_at_both_ends() {
    let extent = |least: &str, greatest: &str| told(0, least, greatest, "");
    let ends = |extent: &Figures, rows, most| ends("ID", extent, rows, most).map(|e| (e.below, e.on_from));
    assert_eq!(ends(&extent("1", "1000"), 1000, 100), Some((51, 951)));
    // Keys of which one in four is there.
    assert_eq!(ends(&extent("1", "4000"), 1000, 100), Some((201, 3801)));
    let widest = (i64::MIN.to_string(), i64::MAX.to_string());
    assert!(ends(&extent(&widest.0, &widest.1), 1000, 100).is_some());
    assert_eq!(ends(&extent("1", "18446744073709551615"), 1000, 100), None);
    assert_eq!(ends(&extent("a", "b"), 1000, 100), None);
}

#[test]
fn only_what_is_moved_as_it_is_can_be_asked_about() {
    let orders = fixtures::table("sales", "ORDERS", vec![fixtures::number("ORDER_ID"), fixtures::words("NOTE")]);
    let (here, there) = (fixtures::catalog("here", vec![orders]), fixtures::catalog("there", Vec::new()));
    let request = crate::plan::Request { schemas: vec!["sales".into()], ..fixtures::request() };
    let mut plan = fixtures::plan(&request, &here, &there).unwrap();
    let questions = Questions::of(&plan.tables[0]);
    let names: Vec<_> = questions.asked.iter().map(|a| (a.source.as_str(), a.target.as_str(), a.measure)).collect();
    assert_eq!(names, [("ORDER_ID", "order_id", Measure::Number), ("NOTE", "note", Measure::Text)]);
    assert_eq!(questions.key, Some(0));
    plan.tables[0].mappings[0].transformation = "\"ORDER_ID\" + 1".into();
    let questions = Questions::of(&plan.tables[0]);
    assert_eq!((questions.asked.len(), questions.key), (1, None));
}
