//! How PostgreSQL says what every system's SQL can say.
//!
//! Left out for what they mean here: `concat` takes NULL for nothing, `upper` and `lower` follow the locale.

use sensei_sdk::SqlWords;

use crate::catalog::DIALECT;

/// What a function is called in the contract, and here.
const FUNCTIONS: &[(&str, &str)] = &[
    ("coalesce", "coalesce"),
    ("nullif", "nullif"),
    ("concat", "||"),
    ("length", "char_length"),
    ("length", "character_length"),
    ("length", "length"),
    ("trim", "btrim"),
    ("replace", "replace"),
    ("abs", "abs"),
];

pub(crate) fn words() -> SqlWords {
    SqlWords {
        grammar: DIALECT.to_owned(),
        quote: '"',
        doubled: "'".to_owned(),
        decimals: true,
        exact_texts: true,
        whole: "CAST({} AS bigint)".to_owned(),
        functions: FUNCTIONS.iter().map(|(common, own)| ((*common).to_owned(), (*own).to_owned())).collect(),
    }
}
