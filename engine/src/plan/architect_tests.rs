//! What sampled rows do to a plan.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType as ArrowType, Field};

use super::super::fixtures::{catalog, number, request, risk, sampled_plan_with, table, words};
use super::*;
use crate::catalog::{DataType, Integer, Text};
use crate::plan::Plan;

/// People with a number and a phone, into a target that holds the phone as `held` and, in Arrow, as `arrow`.
fn people(held: DataType, arrow: ArrowType, sampled: impl Fn() -> Sampled) -> Plan {
    let source = catalog("same", vec![table("hr", "People", vec![number("id"), words("Phone")])]);
    let target = catalog("other", Vec::new());
    let change = |p: &mut Proposal| {
        p.table.columns[1].data_type = held.clone();
        p.row_schema = encode_schema(&Schema::new(vec![
            Field::new("id", ArrowType::Int64, false),
            Field::new("phone", arrow.clone(), false),
        ]));
    };
    sampled_plan_with(&request(), &source, &target, true, change, |_| sampled()).unwrap()
}

fn text(length: Option<u32>) -> DataType {
    DataType::Text(Text { length, fixed: false })
}

fn rows(phones: &[&str], whole: bool) -> Sampled {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=phones.len() as i64));
    let phones: ArrayRef = Arc::new(StringArray::from(phones.to_vec()));
    let batch = RecordBatch::try_from_iter([("id", ids), ("Phone", phones)]).unwrap();
    // In two pieces, as batches come.
    let half = batch.num_rows() / 2;
    let batches = vec![batch.slice(0, half), batch.slice(half, batch.num_rows() - half)];
    Sampled::Rows(Sample { batches, whole, ..Sample::default() })
}

fn told(plan: &Plan) -> Vec<(String, String)> {
    plan.tables[0].mappings[1].evidence.iter().map(|e| (e.kind.clone(), e.detail.clone())).collect()
}

fn confidence(plan: &Plan) -> f64 {
    plan.tables[0].mappings[1].confidence
}

#[test]
fn a_sample_that_fits_makes_a_narrower_type_less_of_a_risk() {
    let utf8 = ArrowType::Utf8;
    let of = |phones: &'static [&'static str], whole| people(text(Some(5)), utf8.clone(), move || rows(phones, whole));
    let unseen = people(text(Some(5)), utf8.clone(), || Sampled::Unasked);
    let (some, all, long) =
        (of(&["12", "345"], false), of(&["12", "345"], true), of(&["12", "345", "67", "123456"], true));
    assert_eq!([&unseen, &some, &all, &long].map(confidence), [0.495, 0.792, 0.9405, 0.297]);
    assert!(!all.risks.iter().any(|r| r.kind == "sample_rejects"));
    assert_eq!(risk(&long, "sample_rejects").affected, ["hr.People.Phone"]);
    insta::assert_debug_snapshot!(told(&long));
}

#[test]
fn values_that_do_not_convert_lower_the_confidence_and_are_no_secret() {
    let int = ArrowType::Int64;
    let held = DataType::Integer(Integer { bits: 64, signed: true });
    let plan = people(held.clone(), int.clone(), || rows(&["12", "555-Ada", "", "7"], false));
    // Renamed 0.99, checked 0.85, two of four at 0.9.
    assert_eq!(confidence(&plan), 0.3787);
    assert_eq!(risk(&plan, "sample_rejects").affected, ["hr.People.Phone"]);
    insta::assert_debug_snapshot!(told(&plan));
    assert!(!serde_json::to_string(&plan).unwrap().contains("555-Ada"), "text of a row stands in no plan");
    let good = people(held, int, || rows(&["12", "7"], false));
    assert!(!good.risks.iter().any(|r| r.kind == "sample_rejects"));
    assert_eq!(confidence(&good), 0.8415);
}

#[test]
fn a_profile_has_every_column_of_the_source() {
    let plan = people(text(None), ArrowType::Utf8, || rows(&["12", "12", "7"], true));
    let profile = &plan.tables[0].profile;
    assert_eq!(profile.len(), 2);
    assert_eq!((profile[0].min.as_deref(), profile[0].max.as_deref()), (Some("1"), Some("3")));
    assert_eq!((profile[1].sampled, profile[1].distinct, profile[1].longest), (3, 2, Some(2)));
}

#[test]
fn tables_without_a_sample_say_why() {
    let utf8 = || ArrowType::Utf8;
    let late = people(text(None), utf8(), || Sampled::OutOfTime);
    assert!(late.tables[0].profile.is_empty());
    assert_eq!(risk(&late, "not_sampled").affected, ["hr.People"]);
    assert_eq!(told(&late)[2].1, "no value was sampled: The planning's time for samples was over");
    assert_eq!(confidence(&late), 0.9702);

    let denied = || Sampled::Unreadable(Error::new(Code::PermissionDenied, "You may not read it."));
    let denied = people(text(None), utf8(), denied);
    assert_eq!(risk(&denied, "not_sampled").severity, Severity::Medium);
    assert!(risk(&denied, "not_sampled").description.contains("You may not read it."));

    let empty = people(text(Some(5)), utf8(), || Sampled::Rows(Sample { whole: true, ..Sample::default() }));
    assert_eq!(told(&empty).last().unwrap().1, "the table is empty");
    assert_eq!((empty.tables[0].profile.len(), confidence(&empty)), (2, 0.9405));
}

#[test]
fn a_value_that_the_source_cannot_hand_over_is_a_predicted_reject() {
    let broken = |column: Option<&str>| {
        let error = Error { column: column.map(str::to_owned), ..Error::new(Code::InvalidData, "Not UTF-8.") };
        people(text(None), ArrowType::Utf8, move || match rows(&["12"], false) {
            Sampled::Rows(sample) => Sampled::Rows(Sample { broken: Some(error.clone()), ..sample }),
            other => other,
        })
    };
    let of_column = broken(Some("Phone"));
    assert_eq!(risk(&of_column, "sample_rejects").affected, ["hr.People.Phone"]);
    let evidence = &told(&of_column)[2].1;
    assert_eq!(evidence, "1 of 2 sampled values convert; the first that does not, in row 2 of the sample: Not UTF-8.");
    assert_eq!(risk(&broken(None), "sample_rejects").affected, ["hr.People"]);
    let error = Error { column: Some("id".to_owned()), ..Error::new(Code::InvalidData, "Not a number.") };
    let at_once = || Sampled::Rows(Sample { broken: Some(error.clone()), ..Sample::default() });
    let at_once = people(text(None), ArrowType::Utf8, at_once);
    assert_eq!(told(&at_once)[2].1, "no value was sampled: Not a number.");
    assert_eq!(at_once.tables[0].mappings[0].confidence, 0.0);
}

#[test]
fn null_where_none_may_be_is_less_of_a_doubt_when_none_was_seen() {
    let mut phone = words("Phone");
    phone.nullable = true;
    let source = catalog("same", vec![table("hr", "People", vec![number("id"), phone])]);
    let plan = |sampled: fn() -> Sampled| {
        let change = |p: &mut Proposal| p.table.columns[1].nullable = false;
        sampled_plan_with(&request(), &source, &catalog("other", Vec::new()), true, change, |_| sampled()).unwrap()
    };
    let confidences = [plan(|| Sampled::Unasked), plan(|| rows(&["1", "2"], false))].map(|p| confidence(&p));
    assert_eq!(confidences, [0.594, 0.8415]);
}
