//! How SQLite says what every system's SQL can say.
//!
//! Left out for what they mean here: `upper` and `lower` know ASCII alone, `concat` takes NULL for nothing.

use sensei_sdk::SqlWords;

use crate::catalog::DIALECT;

/// What a function is called in the contract, and here.
const FUNCTIONS: &[(&str, &str)] = &[
    ("coalesce", "coalesce"),
    ("coalesce", "ifnull"),
    ("nullif", "nullif"),
    ("if", "iif"),
    ("concat", "||"),
    ("length", "length"),
    ("trim", "trim"),
    ("replace", "replace"),
    ("abs", "abs"),
];

pub(crate) fn words() -> SqlWords {
    SqlWords {
        grammar: DIALECT.to_owned(),
        quote: '"',
        doubled: "'".to_owned(),
        decimals: false,
        exact_texts: true,
        whole: "{}".to_owned(),
        functions: FUNCTIONS.iter().map(|(common, own)| ((*common).to_owned(), (*own).to_owned())).collect(),
    }
}
