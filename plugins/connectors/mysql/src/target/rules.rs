//! How a column of another system is held: an ordered table. The first rule that fits decides.

use sensei_sdk::catalog::DataType;
use sensei_sdk::{Fidelity, Specials};

use crate::connection::{Server, literal};

/// The longest CHAR, in characters.
const CHAR: u32 = 255;
/// The longest VARCHAR in utf8mb4, in characters: a row has 65535 bytes.
const VARCHAR: u32 = 16_383;
/// What a key column of unlimited text gets, in characters: three of them fit a key of 3072 bytes.
const KEY_TEXT: u32 = 255;

/// What a rule is for.
#[derive(Clone, Copy, Debug)]
enum Pattern {
    Boolean,
    Integer {
        bits: u8,
        signed: bool,
    },
    /// Up to so many bits.
    Float(u8),
    /// Up to so many digits in all, and after the point.
    Decimal(u16, u16),
    Number,
    /// Padded, up to so many characters.
    FixedText(u32),
    /// With a length of up to so many characters.
    Text(u32),
    /// With any length, or none.
    AnyText,
    FixedBinary(u32),
    Binary(u32),
    AnyBinary,
    Date,
    Time,
    Duration,
    /// Zoned?
    Timestamp(bool),
    Interval,
    Uuid,
    Json,
    /// Of a fixed length of up to so many.
    FixedBits(u32),
    Bits,
    /// Members that the server keeps as they are.
    Members,
    AnyMembers,
    Geometry,
    Native,
}

/// When a rule is for it.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// The column is part of a key, or refers to one.
    Key,
    MySql,
}

/// `{p}` precision, `{s}` scale, `{n}` length, `{f}` digits of a second's fraction, `{v}` members.
struct Rule {
    pattern: Pattern,
    when: When,
    native: &'static str,
    fidelity: Fidelity,
    note: &'static str,
}

const fn rule(pattern: Pattern, when: When, native: &'static str, fidelity: Fidelity, note: &'static str) -> Rule {
    Rule { pattern, when, native, fidelity, note }
}

use Fidelity::{Lossless, Lossy, Widened};
use When::{Always, Key, MySql};

const DATES: &str = "Dates before the year 0 or after 9999, and infinity, are refused.";
const KEYS: &str = "A key needs a length here: values longer than 255 are refused.";

const RULES: &[Rule] = &[
    rule(Pattern::Boolean, Always, "tinyint(1)", Lossless, "True is 1, false is 0."),
    rule(Pattern::Integer { bits: 8, signed: true }, Always, "tinyint", Lossless, ""),
    rule(Pattern::Integer { bits: 8, signed: false }, Always, "tinyint unsigned", Lossless, ""),
    rule(Pattern::Integer { bits: 16, signed: true }, Always, "smallint", Lossless, ""),
    rule(Pattern::Integer { bits: 16, signed: false }, Always, "smallint unsigned", Lossless, ""),
    rule(Pattern::Integer { bits: 32, signed: true }, Always, "int", Lossless, ""),
    rule(Pattern::Integer { bits: 32, signed: false }, Always, "int unsigned", Lossless, ""),
    rule(Pattern::Integer { bits: 64, signed: true }, Always, "bigint", Lossless, ""),
    rule(Pattern::Integer { bits: 64, signed: false }, Always, "bigint unsigned", Lossless, ""),
    rule(Pattern::Float(32), Always, "float", Lossy, "NaN and infinity are refused. Negative zero becomes 0."),
    rule(Pattern::Float(64), Always, "double", Lossy, "NaN and infinity are refused. Negative zero becomes 0."),
    rule(Pattern::Decimal(65, 30), Always, "decimal({p},{s})", Lossless, ""),
    rule(
        Pattern::Number,
        Always,
        "decimal(65,30)",
        Lossy,
        "Numbers of more than 35 digits before the point or 30 after it, NaN and infinity are refused. All are shown \
         with 30 digits after the point.",
    ),
    rule(Pattern::FixedText(CHAR), Always, "char({n})", Lossless, ""),
    rule(Pattern::FixedText(VARCHAR), Always, "varchar({n})", Lossless, ""),
    rule(Pattern::Text(VARCHAR), Always, "varchar({n})", Lossless, ""),
    rule(Pattern::AnyText, Key, "varchar(255)", Lossy, KEYS),
    rule(Pattern::AnyText, Always, "longtext", Lossless, ""),
    rule(Pattern::FixedBinary(CHAR), Always, "binary({n})", Lossless, ""),
    rule(Pattern::Binary(65_000), Always, "varbinary({n})", Lossless, ""),
    rule(Pattern::AnyBinary, Key, "varbinary(255)", Lossy, KEYS),
    rule(Pattern::AnyBinary, Always, "longblob", Lossless, ""),
    rule(Pattern::Date, Always, "date", Lossy, DATES),
    rule(Pattern::Time, Always, "time{f}", Lossless, ""),
    rule(Pattern::Duration, Always, "time{f}", Lossy, "Spans of more than 838:59:59 are refused."),
    rule(Pattern::Timestamp(false), Always, "datetime{f}", Lossy, DATES),
    rule(
        Pattern::Timestamp(true),
        Always,
        "datetime{f}",
        Lossy,
        "Instants are kept as their reading in UTC. Those before the year 0 or after 9999, and infinity, are refused.",
    ),
    rule(Pattern::Interval, Always, "varchar(64)", Widened, "Kept as ISO 8601 text (P1Y2M3DT4H5M6S)."),
    // MariaDB's own type refuses UUIDs whose version and variant contradict each other, such as hashes.
    rule(Pattern::Uuid, Always, "char(36) character set ascii collate ascii_general_ci", Widened, "Kept as text."),
    rule(
        Pattern::Json,
        MySql,
        "json",
        Lossy,
        "The value is kept, its text is not: spaces, the order of keys and repeated keys go, and numbers beyond 64 bits \
         become floating point.",
    ),
    rule(Pattern::Json, Always, "json", Lossless, ""),
    rule(Pattern::FixedBits(64), Always, "bit({n})", Lossless, ""),
    rule(Pattern::Bits, Key, "varchar(255)", Lossy, KEYS),
    rule(Pattern::Bits, Always, "longtext", Widened, "Kept as text of 0 and 1."),
    rule(Pattern::Members, Always, "{v}", Lossless, ""),
    rule(Pattern::AnyMembers, Always, "varchar(255)", Widened, "Kept as text: the server would change the members."),
    rule(Pattern::Geometry, Always, "geometry", Lossy, "Geometries with Z or M are refused."),
    rule(Pattern::Native, Key, "varchar(255)", Lossy, KEYS),
    rule(Pattern::Native, Always, "longtext", Widened, "Kept as text."),
    // What is left is a decimal of more digits than the server has.
    rule(Pattern::Decimal(u16::MAX, u16::MAX), Key, "varchar(255)", Lossy, KEYS),
    rule(Pattern::Decimal(u16::MAX, u16::MAX), Always, "longtext", Widened, "Kept as text: arithmetic needs a CAST."),
];

/// Special values that the server has no place for; what is kept as text keeps them all.
pub(super) fn refuses(data_type: &DataType) -> Specials {
    match data_type {
        DataType::Float(_) | DataType::Number => Specials::NAN | Specials::INFINITY,
        DataType::Date | DataType::Timestamp(_) => Specials::FAR_DATE,
        _ => Specials::empty(),
    }
}

/// Whether the server keeps members as they are: it takes spaces off their ends, and sets a limit to each.
fn kept(members: &[String], most: usize) -> bool {
    let fits = |m: &String| !m.ends_with(' ') && m.chars().count() <= 255;
    !members.is_empty() && members.len() <= most && members.iter().all(fits)
}

impl Pattern {
    fn fits(self, data_type: &DataType) -> bool {
        match (self, data_type) {
            (Self::Boolean, DataType::Boolean)
            | (Self::Number, DataType::Number)
            | (Self::AnyText, DataType::Text(_))
            | (Self::AnyBinary, DataType::Binary(_))
            | (Self::Date, DataType::Date)
            | (Self::Time, DataType::Time(_))
            | (Self::Duration, DataType::Duration(_))
            | (Self::Interval, DataType::Interval)
            | (Self::Uuid, DataType::Uuid)
            | (Self::Json, DataType::Json)
            | (Self::Bits, DataType::Bits(_))
            | (Self::AnyMembers, DataType::Enumeration(_) | DataType::Set(_))
            | (Self::Geometry, DataType::Geometry(_))
            | (Self::Native, DataType::Native) => true,
            (Self::Integer { bits, signed }, DataType::Integer(i)) => i.bits <= bits && i.signed == signed,
            (Self::Float(bits), DataType::Float(b)) => *b <= bits,
            (Self::Decimal(p, s), DataType::Decimal(d)) => d.precision <= p && d.scale <= s && d.scale <= d.precision,
            (Self::FixedText(most), DataType::Text(t)) => t.fixed && t.length.is_some_and(|n| n <= most),
            (Self::Text(most), DataType::Text(t)) => t.length.is_some_and(|n| n <= most),
            (Self::FixedBinary(most), DataType::Binary(b)) => b.fixed && b.length.is_some_and(|n| n <= most),
            (Self::Binary(most), DataType::Binary(b)) => b.length.is_some_and(|n| n <= most),
            (Self::Timestamp(zoned), DataType::Timestamp(t)) => t.zoned == zoned,
            (Self::FixedBits(most), DataType::Bits(b)) => {
                !b.varying && b.length.is_some_and(|n| (1..=most).contains(&n))
            }
            (Self::Members, DataType::Enumeration(e)) => kept(&e.values, 65_535),
            (Self::Members, DataType::Set(members)) => kept(members, 64) && !members.iter().any(|m| m.contains(',')),
            _ => false,
        }
    }
}

impl When {
    fn holds(self, server: &Server, key: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Key => key,
            Self::MySql => !server.maria,
        }
    }
}

/// A column as it would be held.
pub(crate) struct Held {
    pub(crate) native: String,
    pub(crate) fidelity: Fidelity,
    pub(crate) note: &'static str,
}

/// Finds the rule for a type.
pub(crate) fn held(data_type: &DataType, server: &Server, key: bool) -> Held {
    match RULES.iter().find(|r| r.pattern.fits(data_type) && r.when.holds(server, key)) {
        Some(rule) => Held { native: fill(rule.native, data_type), fidelity: rule.fidelity, note: rule.note },
        None => {
            Held { native: String::new(), fidelity: Fidelity::Unsupported, note: "No type of the server holds it." }
        }
    }
}

/// `enum('a','b')`.
fn members(word: &str, members: &[String]) -> String {
    let quoted: Vec<String> = members.iter().map(|m| literal(m)).collect();
    format!("{word}({})", quoted.join(","))
}

/// Puts a type's numbers into a rule's text.
fn fill(template: &str, data_type: &DataType) -> String {
    let length = |n: Option<u32>| template.replace("{n}", &n.unwrap_or(KEY_TEXT).max(1).to_string());
    let fraction =
        |digits: u8| template.replace("{f}", &if digits == 0 { String::new() } else { format!("({})", digits.min(6)) });
    match data_type {
        DataType::Decimal(d) => {
            template.replace("{p}", &d.precision.max(1).to_string()).replace("{s}", &d.scale.to_string())
        }
        DataType::Text(t) => length(t.length),
        DataType::Binary(b) => length(b.length),
        DataType::Bits(b) => length(b.length),
        DataType::Time(digits) | DataType::Duration(digits) => fraction(*digits),
        DataType::Timestamp(t) => fraction(t.precision),
        DataType::Enumeration(e) => template.replace("{v}", &members("enum", &e.values)),
        DataType::Set(values) => template.replace("{v}", &members("set", values)),
        DataType::Boolean
        | DataType::Integer(_)
        | DataType::Float(_)
        | DataType::Number
        | DataType::Date
        | DataType::Interval
        | DataType::Uuid
        | DataType::Json
        | DataType::Geometry(_)
        | DataType::Native => template.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use sensei_sdk::catalog::{Binary, Bits, Decimal, Enumeration, Integer, Text, Timestamp};

    use super::*;

    #[test]
    fn types_of_other_systems() {
        let mut types = vec![DataType::Boolean, DataType::Float(32), DataType::Float(64), DataType::Number];
        for bits in [8, 16, 32, 64] {
            types.extend([true, false].map(|signed| DataType::Integer(Integer { bits, signed })));
        }
        for (precision, scale) in [(10, 0), (38, 10), (65, 30), (66, 0), (65, 31), (1000, 500)] {
            types.push(DataType::Decimal(Decimal { precision, scale }));
        }
        for (length, fixed) in [
            (Some(1), true),
            (Some(300), true),
            (Some(40), false),
            (Some(16_383), false),
            (Some(20_000), false),
            (None, false),
        ] {
            types.push(DataType::Text(Text { length, fixed }));
            types.push(DataType::Binary(Binary { length, fixed }));
        }
        types.extend([DataType::Date, DataType::Time(6), DataType::Time(0), DataType::Duration(3)]);
        types.extend([true, false].map(|zoned| DataType::Timestamp(Timestamp { precision: 6, zoned })));
        types.extend([DataType::Interval, DataType::Uuid, DataType::Json, DataType::Geometry(None), DataType::Native]);
        for (length, varying) in [(Some(1), false), (Some(64), false), (Some(65), false), (Some(8), true), (None, true)]
        {
            types.push(DataType::Bits(Bits { length, varying }));
        }
        for values in [vec!["a", "it's"], vec!["a "], vec![]] {
            let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
            types.push(DataType::Set(values.clone()));
            types.push(DataType::Enumeration(Enumeration { schema: None, name: None, values }));
        }
        let mut table = String::new();
        for t in &types {
            let line = |server: &str, key| {
                let held = held(t, &Server::new(server), key);
                format!("{} | {:?} | {}", held.native, held.fidelity, held.note)
            };
            let (maria, mysql, key) =
                (line("10.11.6-MariaDB", false), line("8.4.0", false), line("10.11.6-MariaDB", true));
            table.push_str(&format!("{t:?}\n    {maria}\n"));
            if mysql != maria {
                table.push_str(&format!("    MySQL: {mysql}\n"));
            }
            if key != maria {
                table.push_str(&format!("    key: {key}\n"));
            }
        }
        insta::assert_snapshot!(table);
    }
}
