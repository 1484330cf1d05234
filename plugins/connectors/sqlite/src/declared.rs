//! Declared types: what a column's author meant. SQLite itself only derives an affinity from the words
//! (<https://sqlite.org/datatype3.html>); what the values are is seen in [`crate::facts`].

use sensei_sdk::catalog::{Binary, Bits, DataType, Decimal, Integer, Text, Timestamp};

/// A declared type, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Declared {
    /// Upper case, words separated by one space, without arguments and comments.
    pub(crate) words: String,
    pub(crate) arguments: Vec<u32>,
    /// `/* sensei: ... */`: how a target of this connector's own keeps what the words cannot say.
    pub(crate) hint: Option<String>,
}

/// What a hint begins with.
pub(crate) const HINT: &str = "sensei:";

/// The template of a rule: arguments of the declared type fill it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meant {
    Boolean,
    Integer {
        bits: u8,
        signed: bool,
    },
    Float(u8),
    /// With (precision, scale); a number of any precision without.
    Decimal,
    Number,
    Text,
    /// Padded to its length.
    Char,
    Binary,
    FixedBinary,
    Date,
    Time,
    Timestamp {
        zoned: bool,
    },
    Duration,
    Interval,
    Uuid,
    Json,
    Bits {
        varying: bool,
    },
    /// Values are in a check of the column.
    Enumeration,
    Geometry,
}

/// Words -> meaning, in order; the first row whose words are the declared ones wins. A `*` at the end means any words
/// that begin so. What no row knows goes by SQLite's affinity.
#[rustfmt::skip]
pub(crate) const RULES: &[(&str, Meant)] = &[
    ("BOOL",                      Meant::Boolean),
    ("BOOLEAN",                   Meant::Boolean),
    ("TINYINT UNSIGNED",          Meant::Integer { bits: 8, signed: false }),
    ("TINYINT",                   Meant::Integer { bits: 8, signed: true }),
    ("SMALLINT UNSIGNED",         Meant::Integer { bits: 16, signed: false }),
    ("SMALLINT",                  Meant::Integer { bits: 16, signed: true }),
    ("INT2",                      Meant::Integer { bits: 16, signed: true }),
    ("MEDIUMINT UNSIGNED",        Meant::Integer { bits: 32, signed: false }),
    ("MEDIUMINT",                 Meant::Integer { bits: 32, signed: true }),
    ("INT4",                      Meant::Integer { bits: 32, signed: true }),
    ("INT UNSIGNED",              Meant::Integer { bits: 32, signed: false }),
    ("INTEGER UNSIGNED",          Meant::Integer { bits: 32, signed: false }),
    ("BIGINT UNSIGNED",           Meant::Integer { bits: 64, signed: false }),
    ("UNSIGNED BIG INT",          Meant::Integer { bits: 64, signed: false }),
    ("UNSIGNED64_TEXT",           Meant::Integer { bits: 64, signed: false }),
    ("INT",                       Meant::Integer { bits: 64, signed: true }),
    ("INTEGER",                   Meant::Integer { bits: 64, signed: true }),
    ("BIGINT",                    Meant::Integer { bits: 64, signed: true }),
    ("INT8",                      Meant::Integer { bits: 64, signed: true }),
    ("BIG INT",                   Meant::Integer { bits: 64, signed: true }),
    ("FLOAT4",                    Meant::Float(32)),
    ("REAL",                      Meant::Float(64)),
    ("FLOAT",                     Meant::Float(64)),
    ("FLOAT8",                    Meant::Float(64)),
    ("DOUBLE",                    Meant::Float(64)),
    ("DOUBLE PRECISION",          Meant::Float(64)),
    ("NUMBER_TEXT",               Meant::Number),
    ("DECIMAL_TEXT",              Meant::Decimal),
    ("NUMERIC",                   Meant::Decimal),
    ("DECIMAL",                   Meant::Decimal),
    ("DEC",                       Meant::Decimal),
    ("NUMBER",                    Meant::Decimal),
    ("MONEY",                     Meant::Number),
    ("CURRENCY",                  Meant::Number),
    ("CHAR",                      Meant::Char),
    ("CHARACTER",                 Meant::Char),
    ("NCHAR",                     Meant::Char),
    ("NATIVE CHARACTER",          Meant::Char),
    ("VARCHAR",                   Meant::Text),
    ("VARCHAR2",                  Meant::Text),
    ("NVARCHAR",                  Meant::Text),
    ("NVARCHAR2",                 Meant::Text),
    ("CHARACTER VARYING",         Meant::Text),
    ("VARYING CHARACTER",         Meant::Text),
    ("TEXT",                      Meant::Text),
    ("CLOB",                      Meant::Text),
    ("STRING",                    Meant::Text),
    ("BLOB",                      Meant::Binary),
    ("BYTEA",                     Meant::Binary),
    ("VARBINARY",                 Meant::Binary),
    ("BINARY",                    Meant::FixedBinary),
    ("DATE",                      Meant::Date),
    ("TIME",                      Meant::Time),
    ("DATETIME",                  Meant::Timestamp { zoned: false }),
    ("TIMESTAMP",                 Meant::Timestamp { zoned: false }),
    ("TIMESTAMP WITHOUT TIME ZONE", Meant::Timestamp { zoned: false }),
    ("TIMESTAMPTZ",               Meant::Timestamp { zoned: true }),
    ("TIMESTAMP WITH TIME ZONE",  Meant::Timestamp { zoned: true }),
    ("DURATION_TEXT",             Meant::Duration),
    ("INTERVAL",                  Meant::Interval),
    ("UUID",                      Meant::Uuid),
    ("GUID",                      Meant::Uuid),
    ("UNIQUEIDENTIFIER",          Meant::Uuid),
    ("JSON",                      Meant::Json),
    ("JSONB",                     Meant::Json),
    ("JSON_TEXT",                 Meant::Json),
    ("BIT_TEXT",                  Meant::Bits { varying: false }),
    ("VARBIT_TEXT",               Meant::Bits { varying: true }),
    ("ENUM_TEXT",                 Meant::Enumeration),
    ("GEOMETRY_BLOB",             Meant::Geometry),
    // Affinity, in SQLite's own order, as the last word.
    ("*INT*",                     Meant::Integer { bits: 64, signed: true }),
    ("*CHAR*",                    Meant::Text),
    ("*CLOB*",                    Meant::Text),
    ("*TEXT*",                    Meant::Text),
    ("*BLOB*",                    Meant::Binary),
    ("*REAL*",                    Meant::Float(64)),
    ("*FLOA*",                    Meant::Float(64)),
    ("*DOUB*",                    Meant::Float(64)),
    ("*",                         Meant::Decimal),
];

/// How SQLite converts what is stored in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

/// `sqlite3AffinityType`: the first that occurs; no words at all is BLOB.
const AFFINITIES: &[(&str, Affinity)] = &[
    ("INT", Affinity::Integer),
    ("CHAR", Affinity::Text),
    ("CLOB", Affinity::Text),
    ("TEXT", Affinity::Text),
    ("BLOB", Affinity::Blob),
    ("REAL", Affinity::Real),
    ("FLOA", Affinity::Real),
    ("DOUB", Affinity::Real),
];

/// The affinity of a declared type.
pub(crate) fn affinity(declared: &str) -> Affinity {
    let upper = Declared::parse(declared).words;
    if upper.is_empty() {
        return Affinity::Blob;
    }
    AFFINITIES.iter().find(|(part, _)| upper.contains(part)).map_or(Affinity::Numeric, |(_, affinity)| *affinity)
}

impl Declared {
    /// Takes a declared type apart.
    pub(crate) fn parse(text: &str) -> Self {
        let mut declared = Self::default();
        let mut inside = false;
        for token in crate::sql::tokens(text) {
            let part = &text[token.span];
            match part {
                "(" => inside = true,
                ")" => inside = false,
                _ if part.starts_with("/*") => {
                    let inner = part.trim_start_matches("/*").trim_end_matches("*/").trim();
                    if let Some(hint) = inner.strip_prefix(HINT) {
                        declared.hint = Some(hint.trim().to_owned());
                    }
                }
                _ if part.starts_with("--") => {}
                _ if inside => declared.arguments.extend(part.parse::<u32>()),
                _ => {
                    if !declared.words.is_empty() {
                        declared.words.push(' ');
                    }
                    declared.words.push_str(&crate::sql::unquoted(part).to_ascii_uppercase());
                }
            }
        }
        // A hint `as X` names the type that the words stand in for.
        declared
    }

    /// What its author meant; none if there are no words.
    pub(crate) fn meant(&self) -> Option<Meant> {
        let hinted = self.hint.as_deref().and_then(|h| h.strip_prefix("as ")).map(str::to_ascii_uppercase);
        let words = hinted.as_deref().unwrap_or(&self.words);
        let fits = |rule: &str| match rule.strip_prefix('*') {
            Some(part) => words.contains(part.trim_end_matches('*')),
            None => words == rule,
        };
        (!words.is_empty()).then(|| RULES.iter().find(|(rule, _)| fits(rule)).map(|(_, meant)| *meant)).flatten()
    }

    fn argument(&self, at: usize) -> Option<u32> {
        self.arguments.get(at).copied()
    }

    /// Fraction digits of a time: as declared, 6 at most.
    pub(crate) fn digits(&self) -> Option<u8> {
        self.argument(0).map(|digits| digits.min(6) as u8)
    }

    /// The neutral type that the words promise. An enumeration's values are filled in by the catalog.
    pub(crate) fn data_type(&self) -> DataType {
        let length = self.argument(0).filter(|n| *n > 0);
        match self.meant() {
            None => DataType::Text(Text { length: None, fixed: false }),
            Some(Meant::Boolean) => DataType::Boolean,
            Some(Meant::Integer { bits, signed }) => DataType::Integer(Integer { bits, signed }),
            Some(Meant::Float(bits)) => DataType::Float(bits),
            Some(Meant::Decimal) => match (self.argument(0), self.argument(1).unwrap_or(0)) {
                (Some(precision @ 1..=1000), scale) if scale <= precision => {
                    DataType::Decimal(Decimal { precision: precision as u16, scale: scale as u16 })
                }
                _ => DataType::Number,
            },
            Some(Meant::Number) => DataType::Number,
            Some(Meant::Text | Meant::Enumeration) => DataType::Text(Text { length, fixed: false }),
            Some(Meant::Char) => DataType::Text(Text { length, fixed: length.is_some() }),
            Some(Meant::Binary) => DataType::Binary(Binary { length, fixed: false }),
            Some(Meant::FixedBinary) => DataType::Binary(Binary { length, fixed: length.is_some() }),
            Some(Meant::Date) => DataType::Date,
            Some(Meant::Time) => DataType::Time(self.digits().unwrap_or(6)),
            Some(Meant::Timestamp { zoned }) => {
                DataType::Timestamp(Timestamp { precision: self.digits().unwrap_or(6), zoned })
            }
            Some(Meant::Duration) => DataType::Duration(self.digits().unwrap_or(6)),
            Some(Meant::Interval) => DataType::Interval,
            Some(Meant::Uuid) => DataType::Uuid,
            Some(Meant::Json) => DataType::Json,
            Some(Meant::Bits { varying }) => DataType::Bits(Bits { length, varying }),
            Some(Meant::Geometry) => DataType::Geometry(self.argument(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn declared_types_are_a_golden_table() {
        let mut table = String::new();
        let others = [
            "",
            "NVARCHAR(160)",
            "NUMERIC(10,2)",
            "numeric",
            "[NVARCHAR](40)",
            "INTEGER /* sensei: as INT4 */",
            "FLOATING POINT",
            "STRING",
            "VARCHAR(255) ",
            "TIMESTAMP(3)",
            "character varying (20)",
            "POINT",
            "WHATEVER",
            "DECIMAL(5,9)",
            "BIT_TEXT(8)",
        ];
        for words in RULES.iter().map(|(words, _)| *words).filter(|w| !w.contains('*')).chain(others) {
            writeln!(
                table,
                "{words:<32} {:<10} {:?}",
                format!("{:?}", affinity(words)),
                Declared::parse(words).data_type()
            )
            .unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_first_rule_wins_so_no_rule_is_behind_its_equal() {
        for (i, (words, _)) in RULES.iter().enumerate() {
            assert!(!RULES[..i].iter().any(|(earlier, _)| earlier == words), "{words} stands twice");
        }
    }
}
