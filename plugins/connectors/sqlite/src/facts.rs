//! What a column really holds: SQLite lets any value into (almost) any column, so a type is only promised when every
//! value that was seen keeps it.
//!
//! One pass over a table gathers [`Facts`]; [`decide`] weighs them against the declared type. A table with more rows
//! than the connection's `profile_rows` is sampled in blocks spread evenly over its rowids; a value that the sample did not
//! show and that does not fit is refused when it is read, by table, column and row.

use sensei_sdk::catalog::{Binary, DataType, Decimal, Integer, Text, Timestamp};

use crate::database::{Class, Statement};
use crate::declared::{Declared, Meant};
use crate::number::{Parts, Shortest};
use crate::temporal::{self, Fraction, Style, Written};

/// Integers up to this one have an f64 each of their own.
pub(crate) const EXACT_IN_REAL: i64 = 1 << 53;

/// What the values of one column have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) nulls: u64,
    pub(crate) integers: u64,
    pub(crate) reals: u64,
    pub(crate) texts: u64,
    pub(crate) blobs: u64,
    smallest: i64,
    largest: i64,
    /// Some REAL is no f32.
    wide_real: bool,
    /// Some REAL is infinite: no decimal.
    infinite: bool,
    /// Digits of the widest decimal, before and after the point.
    whole: usize,
    scale: usize,
    shortest: Option<usize>,
    longest: usize,
    /// Some TEXT does not read as what the declared type means.
    misfit: bool,
    times: Digits,
    stamps: Stamps,
    blob_lengths: Option<(usize, usize)>,
}

/// Digits of fractions.
#[derive(Debug, Clone, Copy, Default)]
struct Digits {
    range: Option<(u8, u8)>,
}

impl Digits {
    fn see(&mut self, digits: u8) {
        let (low, high) = self.range.unwrap_or((digits, digits));
        self.range = Some((low.min(digits), high.max(digits)));
    }

    fn most(self) -> u8 {
        self.range.map_or(0, |(_, high)| high)
    }

    fn uniform(self) -> bool {
        self.range.is_none_or(|(low, high)| low == high)
    }
}

/// How the timestamps of a column are written.
#[derive(Debug, Clone, Default)]
struct Stamps {
    first: Option<Written>,
    /// Date without time, in a column of timestamps.
    dates: u64,
    mixed: bool,
    digits: Digits,
    /// Digits of the values whose fraction is not zero.
    spoken: Digits,
    /// Some zero fraction is written out; some fraction has a zero at its end.
    zero_written: bool,
    untrimmed: bool,
}

impl Stamps {
    fn see(&mut self, micros: i64, written: Written) {
        let first = *self.first.get_or_insert(written);
        self.mixed |= first.separator != written.separator
            || first.zone != written.zone
            || first.clock.seconds != written.clock.seconds;
        let digits = written.clock.digits;
        self.digits.see(digits);
        let needed = temporal::needed(micros);
        if needed > 0 {
            self.spoken.see(digits);
        }
        self.zero_written |= needed == 0 && digits > 0;
        self.untrimmed |= digits != needed;
    }

    /// The one way in which all are written; none if there is no such way. `digits` where there is no value to ask.
    fn style(&self, digits: u8, zoned: bool) -> Option<Style> {
        let Some(first) = self.first else { return Some(Style::plain(digits, zoned)) };
        let fraction = if self.digits.uniform() {
            Fraction::Fixed(self.digits.most())
        } else if self.spoken.uniform() && !self.zero_written {
            Fraction::Optional(self.digits.most())
        } else if !self.untrimmed {
            Fraction::Trimmed
        } else {
            return None;
        };
        (!self.mixed).then_some(Style {
            separator: first.separator,
            seconds: first.clock.seconds,
            fraction,
            zone: first.zone,
        })
    }
}

impl Facts {
    /// Takes one value in. What is asked of a text depends on what the column is declared to be.
    pub(crate) fn see(&mut self, row: &Statement, at: usize, meant: Option<Meant>) -> usize {
        match row.class(at) {
            Class::Null => {
                self.nulls += 1;
                0
            }
            Class::Integer => {
                let value = row.integer(at);
                if self.integers == 0 {
                    (self.smallest, self.largest) = (value, value);
                }
                self.integers += 1;
                self.smallest = self.smallest.min(value);
                self.largest = self.largest.max(value);
                size_of::<i64>()
            }
            Class::Real => {
                self.see_real(row.real(at));
                size_of::<f64>()
            }
            Class::Text => {
                let bytes = row.bytes(at);
                self.see_text(bytes, meant);
                bytes.len()
            }
            Class::Blob => {
                let length = row.bytes(at).len();
                let (low, high) = self.blob_lengths.unwrap_or((length, length));
                self.blob_lengths = Some((low.min(length), high.max(length)));
                self.blobs += 1;
                length
            }
        }
    }

    fn see_real(&mut self, value: f64) {
        self.reals += 1;
        self.wide_real |= f64::from(value as f32) != value;
        let finite = Shortest::of(value).is_some_and(|shortest| self.see_decimal(shortest.text()));
        self.infinite |= !finite;
    }

    fn see_decimal(&mut self, text: &[u8]) -> bool {
        let Some(parts) = Parts::parse(text) else { return false };
        self.whole = self.whole.max(parts.whole.len());
        self.scale = self.scale.max(parts.scale());
        true
    }

    fn see_text(&mut self, bytes: &[u8], meant: Option<Meant>) {
        self.texts += 1;
        let fits = match meant {
            Some(Meant::Text | Meant::Char) => {
                // Characters are counted by their first bytes; text that is not UTF-8 is refused when it is read.
                let length = bytes.iter().filter(|b| **b & 0xc0 != 0x80).count();
                self.longest = self.longest.max(length);
                self.shortest = Some(self.shortest.map_or(length, |s| s.min(length)));
                true
            }
            None | Some(Meant::Json | Meant::Enumeration) => true,
            Some(Meant::Integer { bits: 64, signed: false }) => Parts::parse(bytes)
                .is_some_and(|p| !p.negative && p.scaled(20, 0).is_some_and(|n| u64::try_from(n).is_ok())),
            Some(Meant::Boolean | Meant::Integer { .. } | Meant::Float(_)) => false,
            Some(Meant::Decimal) => self.see_decimal(bytes),
            Some(Meant::Number) => crate::number::is_number(bytes),
            Some(Meant::Date) => temporal::parse_date(bytes).is_some(),
            Some(Meant::Time) => {
                let parsed = temporal::parse_time(bytes).filter(|(_, clock)| clock.seconds);
                parsed.inspect(|(_, clock)| self.times.see(clock.digits)).is_some()
            }
            Some(Meant::Timestamp { .. }) => self.see_timestamp(bytes),
            Some(Meant::Duration) => temporal::parse_duration(bytes).is_some(),
            Some(Meant::Interval) => crate::interval::parse(bytes).is_some(),
            Some(Meant::Uuid) => crate::uuid::parse(bytes).is_some(),
            Some(Meant::Bits { .. }) => bytes.iter().all(|b| matches!(b, b'0' | b'1')),
            Some(Meant::Binary | Meant::FixedBinary | Meant::Geometry) => false,
        };
        self.misfit |= !fits;
    }

    fn see_timestamp(&mut self, bytes: &[u8]) -> bool {
        match temporal::parse_timestamp(bytes) {
            Some((micros, Some(written))) => self.stamps.see(micros, written),
            Some((_, None)) => {}
            None if temporal::parse_date(bytes).is_some() => self.stamps.dates += 1,
            None => return false,
        }
        true
    }

    fn values(&self) -> u64 {
        self.integers + self.reals + self.texts + self.blobs
    }

    fn only(&self, count: u64) -> bool {
        count == self.values()
    }

    fn within(&self, low: i64, high: i64) -> bool {
        self.integers == 0 || (low <= self.smallest && self.largest <= high)
    }

    fn exact_in_real(&self) -> bool {
        self.within(-EXACT_IN_REAL, EXACT_IN_REAL)
    }
}

/// A type and, where the declared words do not say it, what a hint must.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decided {
    pub(crate) data_type: DataType,
    pub(crate) hint: Option<String>,
    /// The values broke the declared type's promise.
    pub(crate) broken: bool,
}

impl Decided {
    /// What was declared, where all that breaks it are longer texts or larger numbers.
    pub(crate) fn declared(&self, declared: &Declared) -> Option<DataType> {
        let is_number = |t: &DataType| {
            matches!(t, DataType::Integer(_) | DataType::Float(_) | DataType::Decimal(_) | DataType::Number)
        };
        let promised = declared.data_type();
        let longer = matches!(
            (&promised, &self.data_type),
            (DataType::Text(Text { length: Some(_), .. }), DataType::Text(Text { length: None, .. }))
        );
        let larger = self.broken
            && matches!(promised, DataType::Integer(_) | DataType::Decimal(_))
            && is_number(&self.data_type);
        // A CHAR with shorter values keeps its length, as a VARCHAR.
        let unpadded = match promised {
            DataType::Text(text) => DataType::Text(Text { fixed: false, ..text }),
            other => other,
        };
        (longer || larger).then_some(unpadded)
    }
}

/// The type that holds every value that was seen.
pub(crate) fn decide(declared: &Declared, facts: &Facts) -> Decided {
    let plain = |data_type| Decided { data_type, hint: None, broken: false };
    let promised = declared.data_type();
    if facts.values() == 0 {
        return plain(promised);
    }
    if declared.words.is_empty() {
        return plain(by_class(facts));
    }
    let kept = match &promised {
        DataType::Boolean => facts.only(facts.integers) && facts.within(0, 1),
        DataType::Integer(Integer { bits: 64, signed: false }) => {
            facts.only(facts.integers + facts.texts) && facts.within(0, i64::MAX) && !facts.misfit
        }
        DataType::Integer(Integer { bits, signed }) => {
            let (low, high) = integer_range(*bits, *signed);
            facts.only(facts.integers) && facts.within(low, high)
        }
        DataType::Float(32) => {
            facts.only(facts.integers + facts.reals) && !facts.wide_real && facts.within(-(1 << 24), 1 << 24)
        }
        DataType::Float(_) => facts.only(facts.integers + facts.reals) && facts.exact_in_real(),
        DataType::Decimal(Decimal { precision, scale }) => {
            let whole = digits(facts.smallest).max(digits(facts.largest)) * usize::from(facts.integers > 0);
            facts.blobs == 0
                && !facts.misfit
                && !facts.infinite
                && facts.scale <= usize::from(*scale)
                && facts.whole.max(whole) + usize::from(*scale) <= usize::from(*precision)
        }
        DataType::Number => facts.blobs == 0 && !facts.misfit,
        DataType::Text(text) => {
            let Text { length, .. } = *text;
            // BLOBs in a column of texts are refused by name when they are read, unless there is nothing else.
            return if facts.texts == 0 && facts.blobs > 0 && facts.only(facts.blobs) {
                Decided { data_type: by_class(facts), hint: None, broken: true }
            } else {
                let kept = length.filter(|n| facts.longest <= *n as usize && facts.only(facts.texts));
                let exact = kept.is_some_and(|n| facts.shortest == Some(n as usize));
                let fixed = text.fixed && exact;
                plain(DataType::Text(Text { length: kept, fixed }))
            };
        }
        DataType::Binary(binary) => {
            if facts.texts > 0 && facts.only(facts.texts) {
                return Decided { data_type: by_class(facts), hint: None, broken: true };
            }
            let lengths = facts.blob_lengths.unwrap_or((0, 0));
            let kept = binary.length.filter(|n| lengths.1 <= *n as usize && facts.texts == 0);
            let fixed = binary.fixed && kept.is_some_and(|n| lengths.0 == n as usize);
            let broken = !facts.only(facts.blobs);
            return Decided { data_type: DataType::Binary(Binary { length: kept, fixed }), hint: None, broken };
        }
        DataType::Timestamp(timestamp) => {
            if let Some(decided) = decide_timestamp(declared, timestamp.zoned, facts) {
                return decided;
            }
            false
        }
        DataType::Time(_) => {
            if facts.only(facts.texts) && !facts.misfit && facts.times.uniform() {
                return plain(DataType::Time(facts.times.most()));
            }
            false
        }
        DataType::Uuid if facts.only(facts.blobs) => {
            if facts.blob_lengths == Some((16, 16)) {
                return Decided { hint: Some(UUID_AS_BLOB.to_owned()), ..plain(DataType::Uuid) };
            }
            false
        }
        DataType::Date | DataType::Duration(_) | DataType::Interval | DataType::Uuid | DataType::Bits(_) => {
            facts.only(facts.texts) && !facts.misfit
        }
        DataType::Json | DataType::Enumeration(_) | DataType::Set(_) | DataType::Native => facts.only(facts.texts),
        DataType::Geometry(_) => facts.only(facts.blobs),
    };
    if kept { plain(promised) } else { Decided { data_type: by_class(facts), hint: None, broken: true } }
}

/// Hint of a column whose UUIDs are 16 bytes each and not texts.
pub(crate) const UUID_AS_BLOB: &str = "bytes";

fn decide_timestamp(declared: &Declared, zoned: bool, facts: &Facts) -> Option<Decided> {
    if !facts.only(facts.texts) || facts.misfit {
        return None;
    }
    let stamps = &facts.stamps;
    if stamps.dates > 0 {
        // All of them dates: a column of dates. Some of them: a text is the only type that keeps both.
        let data_type = DataType::Date;
        return (stamps.dates == facts.texts).then_some(Decided { data_type, hint: None, broken: false });
    }
    let style = stamps.style(declared.digits().unwrap_or(6), zoned)?;
    let precision = match style.fraction {
        Fraction::Fixed(digits) | Fraction::Optional(digits) => digits,
        Fraction::Trimmed => stamps.digits.most(),
    };
    let zoned = style.zone != temporal::Zone::None;
    let data_type = DataType::Timestamp(Timestamp { precision, zoned });
    let hint = (style != Style::plain(precision, zoned)).then(|| style.hint());
    Some(Decided { data_type, hint, broken: false })
}

/// The type that the storage classes alone ask for.
fn by_class(facts: &Facts) -> DataType {
    if facts.blobs > 0 {
        DataType::Binary(Binary { length: None, fixed: false })
    } else if facts.texts > 0 || facts.values() == 0 {
        DataType::Text(Text { length: None, fixed: false })
    } else if facts.reals == 0 {
        DataType::Integer(Integer { bits: 64, signed: true })
    } else if facts.exact_in_real() {
        DataType::Float(64)
    } else {
        DataType::Number
    }
}

/// Smallest and largest value of an integer type, as far as SQLite can hold them.
pub(crate) fn integer_range(bits: u8, signed: bool) -> (i64, i64) {
    match (bits, signed) {
        (64.., true) => (i64::MIN, i64::MAX),
        (64.., false) => (0, i64::MAX),
        (bits, true) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        (bits, false) => (0, (1 << bits) - 1),
    }
}

fn digits(value: i64) -> usize {
    value.unsigned_abs().checked_ilog10().map_or(0, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Access, Database};

    fn decided(declared: &str, values: &str) -> String {
        let db = Database::open(":memory:", Access::Create, 0).unwrap();
        db.execute(&format!("CREATE TABLE t(c {declared}); INSERT INTO t VALUES {values}")).unwrap();
        let declared = Declared::parse(declared);
        let mut facts = Facts::default();
        let mut rows = db.prepare("SELECT c FROM t").unwrap();
        while rows.step().unwrap() {
            facts.see(&rows, 0, declared.meant());
        }
        let decided = decide(&declared, &facts);
        let narrower = decided.declared(&declared);
        let Decided { data_type, hint, broken } = decided;
        format!(
            "{data_type:?}{}{}{}",
            hint.map(|h| format!(" [{h}]")).unwrap_or_default(),
            if broken { " !" } else { "" },
            narrower.map(|t| format!(" < {t:?}")).unwrap_or_default()
        )
    }

    #[test]
    fn the_type_is_the_one_that_holds_every_value() {
        let cases = [
            ("INTEGER", "(1),(NULL)"),
            ("INTEGER", "(1),('x')"),
            ("INTEGER", "(1),(1.5)"),
            ("INTEGER", "(9223372036854775807),(1.5)"),
            ("TINYINT", "(-128),(127)"),
            ("TINYINT", "(128)"),
            ("BIGINT UNSIGNED", "(-1)"),
            ("UNSIGNED64_TEXT", "('18446744073709551615'),('0')"),
            ("NUMERIC(10,2)", "(0.99),(5),(12345678.9)"),
            ("NUMERIC(10,2)", "(0.999)"),
            ("NUMERIC(10,2)", "('abc'),(1)"),
            ("NUMERIC", "(0.1),(3)"),
            ("DECIMAL_TEXT(40,2)", "('12345678901234567890123456789012345678.12')"),
            ("FLOAT4", "(0.5)"),
            ("FLOAT4", "(0.1)"),
            ("NVARCHAR(5)", "('äöüß€')"),
            ("NVARCHAR(4)", "('äöüß€')"),
            ("CHAR(2)", "('ab'),('cd')"),
            ("CHAR(2)", "('ab'),('c')"),
            ("TEXT", "(x'00')"),
            ("TEXT", "('a'),(x'00')"),
            ("BLOB", "('a')"),
            ("BLOB", "('a'),(x'00')"),
            ("BOOLEAN", "(0),(1)"),
            ("BOOLEAN", "(2)"),
            ("BOOLEAN", "('true')"),
            ("DATE", "('2024-02-29')"),
            ("DATE", "('2023-02-29')"),
            ("DATETIME", "('2009-01-01 00:00:00')"),
            ("DATETIME", "('2009-01-01')"),
            ("DATETIME", "('2009-01-01'),('2009-01-01 00:00:00')"),
            ("DATETIME", "('2009-01-01T00:00:00.120Z')"),
            ("DATETIME", "('2009-01-01 00:00:00'),('2009-01-01 00:00:00.120000')"),
            ("DATETIME", "('2009-01-01 00:00:00'),('2009-01-01 00:00:00.12'),('2009-01-01 00:00:00.123')"),
            ("DATETIME", "('2009-01-01 00:00:00'),('2009-01-01T00:00:00')"),
            ("DATETIME", "(1234567890)"),
            ("TIME", "('12:00:00.50')"),
            ("UUID", "('0f8fad5b-d9cb-469f-a165-70867728950e')"),
            ("UUID", "('0F8FAD5B-D9CB-469F-A165-70867728950E')"),
            ("UUID", "(x'0f8fad5bd9cb469fa16570867728950e')"),
            ("JSON", "('{}'),(5)"),
            ("JSON", "('{}')"),
            ("", "(1),(2.5)"),
            ("", "(1),('a')"),
        ];
        let table: Vec<_> = cases
            .iter()
            .map(|(declared, values)| format!("{declared:<20} {values:<60} {}", decided(declared, values)))
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
