//! How MySQL says what every system's SQL can say.
//!
//! Left out for what they mean here: `length` counts bytes, `upper` and `lower` follow the collation.

use sensei_sdk::SqlWords;

use crate::catalog::DIALECT;

/// What a function is called in the contract, and here.
const FUNCTIONS: &[(&str, &str)] = &[
    ("coalesce", "coalesce"),
    ("coalesce", "ifnull"),
    ("nullif", "nullif"),
    ("if", "if"),
    ("concat", "concat"),
    ("length", "char_length"),
    ("length", "character_length"),
    ("trim", "trim"),
    ("replace", "replace"),
    ("abs", "abs"),
];

pub(crate) fn words() -> SqlWords {
    SqlWords {
        grammar: DIALECT.to_owned(),
        quote: '`',
        doubled: "'\\".to_owned(),
        decimals: true,
        exact_texts: false,
        whole: "{}".to_owned(),
        functions: FUNCTIONS.iter().map(|(common, own)| ((*common).to_owned(), (*own).to_owned())).collect(),
    }
}
