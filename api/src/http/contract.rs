//! The contract itself, for tests: what its examples have, ours must have too.

use std::fs;

use serde_json::Value;

/// The JSON under a bold line of an endpoint's section; none where the contract is not there.
pub(super) fn example(endpoint: &str, heading: &str) -> Option<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/spec/migrations-api.md");
    let Ok(page) = fs::read_to_string(path) else {
        tracing::warn!("skipped: ../shared/spec is absent ({endpoint})");
        return None;
    };
    let section = page.split("\n### ").find(|s| s.lines().next() == Some(endpoint)).expect("the endpoint's section");
    let (_, below) = section.split_once(&format!("**{heading}")).expect("the heading");
    let (_, block) = below.split_once("```json\n").expect("a block of JSON");
    let (json, _) = block.split_once("```").expect("its end");
    Some(serde_json::from_str(json).expect("JSON"))
}

/// Every field of the contract's example is there, under the same name and with a value of the same kind.
pub(super) fn assert_holds(contract: &Value, ours: &Value) {
    let mut missing = Vec::new();
    compare("", contract, ours, &mut missing);
    assert!(missing.is_empty(), "{missing:?} in {ours:#}");
}

fn compare(path: &str, contract: &Value, ours: &Value, missing: &mut Vec<String>) {
    match (contract, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (name, value) in theirs {
                let path = format!("{path}.{name}");
                match ours.get(name) {
                    Some(ours) => compare(&path, value, ours, missing),
                    None => missing.push(path),
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            // Of each kind of entry there is one: fields that some entries lack must be in another.
            for (at, value) in theirs.iter().enumerate() {
                let fits = |ours: &&Value| {
                    let mut missing = Vec::new();
                    compare("", value, ours, &mut missing);
                    missing.is_empty()
                };
                if !ours.iter().any(|ours| fits(&ours)) {
                    missing.push(format!("{path}[{at}]"));
                }
            }
        }
        (Value::Null, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => {}
        (_, ours) => missing.push(format!("{path}: {ours}")),
    }
}
