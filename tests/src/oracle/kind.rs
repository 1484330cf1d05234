//! From a declared type to how its values are read.

/// How values of a column are read and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `t`, `f`, 0, 1.
    Boolean,
    /// Any whole or decimal number, exactly; scale is no part of the value.
    Number,
    /// 24 bits of mantissa.
    Float32,
    /// 53 bits of mantissa.
    Float64,
    /// Text as it is.
    Text,
    /// Text without trailing blanks.
    Padded,
    /// Bytes as they are.
    Bytes,
    /// A day.
    Date,
    /// A day and a time; UTC where there is a zone.
    Timestamp,
    /// Hours, minutes and seconds.
    Time,
    /// Months, days and microseconds.
    Interval,
    /// 128 bits.
    Uuid,
    /// JSON: blanks between tokens and the order of members are no part of the value.
    Json,
    /// `0` and `1`.
    Bits,
    /// Well-known binary, extended with the SRID where that is not 0.
    Geometry,
    /// Nothing declared that helps: the other side's kind says.
    Dynamic,
}

/// Beginning of a type's name in lower case -> kind; the first that fits. `(` and so on follow.
type Names = &'static [(&'static str, Kind)];

/// `format_type` of PostgreSQL.
pub(super) const POSTGRES: Names = &[
    ("boolean", Kind::Boolean),
    ("smallint", Kind::Number),
    ("integer", Kind::Number),
    ("bigint", Kind::Number),
    ("numeric", Kind::Number),
    ("money", Kind::Number),
    ("oid", Kind::Number),
    ("real", Kind::Float32),
    ("double precision", Kind::Float64),
    ("character varying", Kind::Text),
    ("character", Kind::Padded),
    ("bytea", Kind::Bytes),
    ("date", Kind::Date),
    ("timestamp", Kind::Timestamp),
    ("time with", Kind::Text),
    ("time", Kind::Time),
    ("interval", Kind::Interval),
    ("uuid", Kind::Uuid),
    ("json", Kind::Json),
    ("bit", Kind::Bits),
];

/// `COLUMN_TYPE` of MariaDB.
pub(super) const MARIADB: Names = &[
    ("tinyint", Kind::Number),
    ("smallint", Kind::Number),
    ("mediumint", Kind::Number),
    ("int", Kind::Number),
    ("bigint", Kind::Number),
    ("decimal", Kind::Number),
    ("year", Kind::Number),
    ("float", Kind::Float32),
    ("double", Kind::Float64),
    ("varchar", Kind::Text),
    ("char", Kind::Padded),
    ("binary", Kind::Bytes),
    ("varbinary", Kind::Bytes),
    ("tinyblob", Kind::Bytes),
    ("mediumblob", Kind::Bytes),
    ("longblob", Kind::Bytes),
    ("blob", Kind::Bytes),
    ("datetime", Kind::Timestamp),
    ("timestamp", Kind::Timestamp),
    ("date", Kind::Date),
    ("time", Kind::Time),
    ("uuid", Kind::Uuid),
    ("bit", Kind::Bits),
    ("geometrycollection", Kind::Geometry),
    ("geometry", Kind::Geometry),
    ("point", Kind::Geometry),
    ("linestring", Kind::Geometry),
    ("polygon", Kind::Geometry),
    ("multi", Kind::Geometry),
];

/// Names that are a beginning of a longer word.
const OPEN: [&str; 2] = ["json", "multi"];

/// What is not in a list is text: enums, sets, and whatever only one system has.
pub(super) fn of(declared: &str, names: Names) -> Kind {
    let declared = declared.to_lowercase();
    if declared.ends_with("[]") {
        return Kind::Text;
    }
    let fits = |name: &str| {
        let rest = declared.strip_prefix(name);
        // `date` is not the beginning of `datetime`; `json` and `multi` are the beginning of several.
        rest.is_some_and(|rest| OPEN.contains(&name) || !rest.starts_with(|next: char| next.is_ascii_alphabetic()))
    };
    names.iter().find(|(name, _)| fits(name)).map_or(Kind::Text, |(_, kind)| *kind)
}

/// The kind in which values of two columns are compared; `None` when they cannot be equal.
pub(super) fn common(one: Kind, other: Kind) -> Option<Kind> {
    use Kind::{
        Boolean, Bytes, Date, Dynamic, Float32, Float64, Geometry, Interval, Number, Padded, Text, Time, Timestamp,
        Uuid,
    };
    if one == other {
        return Some(one);
    }
    let pairs = [
        (Boolean, Number, Boolean),
        (Float32, Float64, Float32),
        (Number, Float64, Number),
        (Bytes, Geometry, Bytes),
        (Bytes, Uuid, Uuid),
        (Date, Timestamp, Timestamp),
        (Time, Interval, Interval),
        (Text, Padded, Padded),
        (Uuid, Padded, Uuid),
        (Interval, Padded, Interval),
    ];
    let known = pairs.iter().find(|(a, b, _)| (*a, *b) == (one, other) || (*b, *a) == (one, other));
    match (known, one, other) {
        (Some((_, _, kind)), _, _) => Some(*kind),
        (None, Dynamic | Text, kind) | (None, kind, Dynamic | Text) => Some(kind),
        (None, _, _) => None,
    }
}
