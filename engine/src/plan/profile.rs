//! What a sample says of each column: how many NULLs and different values, how far they reach, what text looks like.
//!
//! A profile stands in the plan, which more people read than the rows: of text and bytes it tells lengths, never content.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{SortOptions, concat, sort_to_indices};
use arrow::datatypes::{DataType as ArrowType, Date32Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Deserialize, Serialize};

use super::sample::Sample;
use crate::catalog::{Column, DataType};

/// Different values that are counted. 100: more than a list of codes has, so that one is told from free values.
const DISTINCT_CAP: usize = 100;

/// One column of the sampled rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// In the source.
    pub column: String,
    /// Rows that were sampled.
    pub sampled: u64,
    /// NULLs among them.
    pub nulls: u64,
    /// Different values among them, NULL not counted; 100 stands for 100 or more.
    pub distinct: u64,
    /// Smallest number, date, time or boolean; none for other types.
    pub min: Option<String>,
    /// Largest.
    pub max: Option<String>,
    /// Longest text in characters, or longest bytes; none for other types.
    pub longest: Option<u64>,
    /// What every value of a column of texts or bytes looks like, if they all do.
    pub looks_like: Option<LooksLike>,
}

/// What text, or bytes, may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LooksLike {
    /// `550e8400-e29b-41d4-a716-446655440000`, or 16 bytes with the version and the variant of one (RFC 9562).
    Uuid,
    /// An object or a list of JSON.
    Json,
    /// `true`, `No`, `F` and the like.
    Boolean,
    /// `2024-02-29`.
    Date,
    /// `somebody@example.org`.
    Email,
}

/// One profile for each column; `columns` are those of the sample, in its order.
pub(super) fn profile(columns: &[Column], sample: &Sample) -> Vec<ColumnProfile> {
    let of_column = |(at, column): (usize, &Column)| {
        let pieces: Vec<ArrayRef> = sample.batches.iter().map(|b| Arc::clone(b.column(at))).collect();
        let extremes = |descending| extreme(&column.data_type, &pieces, descending);
        ColumnProfile {
            column: column.name.clone(),
            sampled: sample.rows(),
            nulls: pieces.iter().map(|p| p.null_count() as u64).sum(),
            distinct: distinct(&pieces),
            min: extremes(false),
            max: extremes(true),
            longest: pieces.iter().filter_map(longest).max(),
            looks_like: looks_like(&column.data_type, &pieces),
        }
    };
    columns.iter().enumerate().map(of_column).collect()
}

/// Characters of the longest text, or bytes of the longest bytes; none for other types, or where all are NULL.
pub(super) fn longest(array: &ArrayRef) -> Option<u64> {
    let most = match array.data_type() {
        ArrowType::Utf8 => array.as_string::<i32>().iter().flatten().map(|text| text.chars().count()).max(),
        ArrowType::Binary => array.as_binary::<i32>().iter().flatten().map(<[u8]>::len).max(),
        _ => None,
    };
    most.map(|n| n as u64)
}

fn distinct(pieces: &[ArrayRef]) -> u64 {
    let mut seen = HashSet::new();
    for piece in pieces {
        let mut see = |bytes: &[u8]| {
            if seen.len() < DISTINCT_CAP {
                seen.insert(blake3::hash(bytes));
            }
        };
        match piece.data_type() {
            ArrowType::Utf8 => piece.as_string::<i32>().iter().flatten().for_each(|text| see(text.as_bytes())),
            ArrowType::Binary => piece.as_binary::<i32>().iter().flatten().for_each(see),
            _ => {
                let valid = (0..piece.len()).filter(|&row| piece.is_valid(row));
                valid.filter_map(|row| written(&piece.slice(row, 1))).for_each(|text| see(text.as_bytes()));
            }
        }
    }
    seen.len() as u64
}

/// The smallest or largest value, where it may be shown.
fn extreme(data_type: &DataType, pieces: &[ArrayRef], descending: bool) -> Option<String> {
    match data_type {
        DataType::Boolean
        | DataType::Integer(_)
        | DataType::Float(_)
        | DataType::Decimal(_)
        | DataType::Date
        | DataType::Time(_)
        | DataType::Duration(_)
        | DataType::Timestamp(_)
        | DataType::Number => {}
        DataType::Text(_)
        | DataType::Binary(_)
        | DataType::Interval
        | DataType::Uuid
        | DataType::Json
        | DataType::Bits(_)
        | DataType::Enumeration(_)
        | DataType::Set(_)
        | DataType::Geometry(_)
        | DataType::Native => return None,
    }
    let order = SortOptions { descending, nulls_first: false };
    let ends = pieces.iter().filter_map(|piece| first_of(piece, order));
    let ends: Vec<ArrayRef> = ends.collect();
    let ends = concat(&ends.iter().map(|e| e.as_ref()).collect::<Vec<_>>()).ok()?;
    shown(&first_of(&ends, order)?)
}

/// The one value that comes first; none where all are NULL.
fn first_of(array: &ArrayRef, order: SortOptions) -> Option<ArrayRef> {
    let row = match array.data_type() {
        // Numbers of any precision travel as text.
        ArrowType::Utf8 => {
            let numbers = array.as_string::<i32>().iter().enumerate();
            let numbers = numbers.filter_map(|(row, text)| Some((row, text?.parse::<f64>().ok()?)));
            let by_number = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
            if order.descending { numbers.max_by(by_number)?.0 } else { numbers.min_by(by_number)?.0 }
        }
        _ => sort_to_indices(array, Some(order), Some(1)).ok()?.values().first().map(|row| *row as usize)?,
    };
    array.is_valid(row).then(|| array.slice(row, 1))
}

/// A value by itself, in words a person knows; the contract's special dates have theirs.
fn shown(value: &ArrayRef) -> Option<String> {
    let special = match value.data_type() {
        ArrowType::Date32 => match value.as_primitive::<Date32Type>().value(0) {
            i32::MAX => Some("infinity"),
            i32::MIN => Some("-infinity"),
            day => (day == i32::MIN + 1).then_some("0000-00-00"),
        },
        ArrowType::Timestamp(..) => match value.as_primitive_opt::<TimestampMicrosecondType>()?.value(0) {
            i64::MAX => Some("infinity"),
            i64::MIN => Some("-infinity"),
            moment => (moment == i64::MIN + 1).then_some("0000-00-00 00:00:00"),
        },
        _ => None,
    };
    special.map(str::to_owned).or_else(|| written(value))
}

/// The first value as Arrow writes it.
fn written(value: &ArrayRef) -> Option<String> {
    // Without its zone, which is always UTC: the formatter would have to know zones by name.
    let (value, zone): (ArrayRef, &str) = match value.data_type() {
        ArrowType::Timestamp(_, Some(_)) => {
            let moments = value.as_primitive_opt::<TimestampMicrosecondType>()?.clone();
            (Arc::new(moments.with_timezone_opt(None::<&str>)), "Z")
        }
        _ => (Arc::clone(value), ""),
    };
    let options = FormatOptions::default().with_display_error(true);
    let text = ArrayFormatter::try_new(&value, &options).ok()?.value(0).to_string();
    Some(text + zone)
}

type Look = fn(&str) -> bool;

/// Every look that text may have; the first that all values have counts.
const LOOKS: [(LooksLike, Look); 5] = [
    (LooksLike::Uuid, is_uuid),
    (LooksLike::Json, is_json),
    (LooksLike::Boolean, is_boolean),
    (LooksLike::Date, is_date),
    (LooksLike::Email, is_email),
];

fn looks_like(data_type: &DataType, pieces: &[ArrayRef]) -> Option<LooksLike> {
    if let DataType::Binary(_) = data_type {
        let bytes = || pieces.iter().filter_map(|p| p.as_binary_opt::<i32>()).flat_map(|p| p.iter().flatten());
        return (bytes().next().is_some() && bytes().all(is_uuid_of_bytes)).then_some(LooksLike::Uuid);
    }
    let DataType::Text(_) = data_type else { return None };
    let texts = || pieces.iter().filter_map(|p| p.as_string_opt::<i32>()).flat_map(|p| p.iter().flatten());
    texts().next()?;
    LOOKS.iter().find(|(_, look)| texts().all(look)).map(|(look, _)| *look)
}

fn is_uuid(text: &str) -> bool {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let right = |(at, b): (usize, u8)| if DASHES.contains(&at) { b == b'-' } else { b.is_ascii_hexdigit() };
    text.len() == 36 && text.bytes().enumerate().all(right)
}

/// RFC 9562, 4.1 and 4.2: a version from 1 to 8 in the high half of byte 6, the variant `10` in the first bits of byte 8. Of 16 bytes
/// that are anything else, one row in eight looks so.
fn is_uuid_of_bytes(bytes: &[u8]) -> bool {
    bytes.len() == 16 && (1..=8).contains(&(bytes[6] >> 4)) && bytes[8] >> 6 == 0b10
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn is_boolean(text: &str) -> bool {
    const WORDS: [&str; 8] = ["true", "false", "yes", "no", "t", "f", "y", "n"];
    WORDS.iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

fn is_date(text: &str) -> bool {
    text.len() == "2024-02-29".len() && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    plain(name) && plain(host) && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
