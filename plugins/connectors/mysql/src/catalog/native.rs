//! From a column's native type to its neutral type: an ordered table, and the little grammar of
//! `name(arguments) attributes`.

use sensei_sdk::catalog::{Binary, Bits, DataType, Decimal, Enumeration, Integer, Text, Timestamp};

/// What a type's name says; lengths and attributes come from the rest of its text.
#[derive(Clone, Copy, Debug)]
enum Family {
    Integer(u8),
    Float(u8),
    Decimal,
    /// Fixed?
    Text(bool),
    /// As large as its name says; the length is no promise to keep.
    LargeText,
    Binary(bool),
    LargeBinary,
    Date,
    Time,
    /// Zoned?
    Timestamp(bool),
    Year,
    Bits,
    Enumeration,
    Set,
    Json,
    Uuid,
    Geometry,
}

/// Every type of MySQL 8.4 and MariaDB 11 with a neutral form; a name that is not here travels as text (`native`).
const FAMILIES: &[(&str, Family)] = &[
    ("tinyint", Family::Integer(8)),
    ("smallint", Family::Integer(16)),
    ("mediumint", Family::Integer(32)),
    ("int", Family::Integer(32)),
    ("bigint", Family::Integer(64)),
    ("float", Family::Float(32)),
    ("double", Family::Float(64)),
    ("decimal", Family::Decimal),
    ("char", Family::Text(true)),
    ("varchar", Family::Text(false)),
    ("tinytext", Family::LargeText),
    ("text", Family::LargeText),
    ("mediumtext", Family::LargeText),
    ("longtext", Family::LargeText),
    ("binary", Family::Binary(true)),
    ("varbinary", Family::Binary(false)),
    ("tinyblob", Family::LargeBinary),
    ("blob", Family::LargeBinary),
    ("mediumblob", Family::LargeBinary),
    ("longblob", Family::LargeBinary),
    ("date", Family::Date),
    ("time", Family::Time),
    ("datetime", Family::Timestamp(false)),
    ("timestamp", Family::Timestamp(true)),
    ("year", Family::Year),
    ("bit", Family::Bits),
    ("enum", Family::Enumeration),
    ("set", Family::Set),
    ("json", Family::Json),
    ("uuid", Family::Uuid),
    ("geometry", Family::Geometry),
    ("point", Family::Geometry),
    ("linestring", Family::Geometry),
    ("polygon", Family::Geometry),
    ("multipoint", Family::Geometry),
    ("multilinestring", Family::Geometry),
    ("multipolygon", Family::Geometry),
    ("geometrycollection", Family::Geometry),
    ("geomcollection", Family::Geometry),
];

/// The neutral type of a `COLUMN_TYPE`.
pub(crate) fn data_type(native: &str) -> DataType {
    let native = native.trim();
    let name_ends = native.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(native.len());
    let name = native[..name_ends].to_ascii_lowercase();
    let rest = &native[name_ends..];
    let Some((_, family)) = FAMILIES.iter().find(|f| f.0 == name) else { return DataType::Native };
    let numbers = numbers(rest);
    let first = numbers.first().copied();
    match *family {
        Family::Integer(bits) => {
            DataType::Integer(Integer { bits, signed: !rest.to_ascii_lowercase().contains("unsigned") })
        }
        Family::Float(bits) => DataType::Float(bits),
        Family::Decimal => DataType::Decimal(Decimal {
            precision: first.unwrap_or(10) as u16,
            scale: numbers.get(1).copied().unwrap_or(0) as u16,
        }),
        Family::Text(fixed) => DataType::Text(Text { length: Some(first.unwrap_or(1)), fixed }),
        Family::LargeText => DataType::Text(Text { length: None, fixed: false }),
        Family::Binary(fixed) => DataType::Binary(Binary { length: Some(first.unwrap_or(1)), fixed }),
        Family::LargeBinary => DataType::Binary(Binary { length: None, fixed: false }),
        Family::Date => DataType::Date,
        Family::Time => DataType::Duration(first.unwrap_or(0) as u8),
        Family::Timestamp(zoned) => DataType::Timestamp(Timestamp { precision: first.unwrap_or(0) as u8, zoned }),
        Family::Year => DataType::Integer(Integer { bits: 16, signed: true }),
        Family::Bits => DataType::Bits(Bits { length: Some(first.unwrap_or(1)), varying: false }),
        Family::Enumeration => DataType::Enumeration(Enumeration { schema: None, name: None, values: members(rest) }),
        Family::Set => DataType::Set(members(rest)),
        Family::Json => DataType::Json,
        Family::Uuid => DataType::Uuid,
        Family::Geometry => DataType::Geometry(None),
    }
}

/// The numbers between the first parentheses.
fn numbers(rest: &str) -> Vec<u32> {
    let Some(inner) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) else { return Vec::new() };
    inner.0.split(',').filter_map(|n| n.trim().parse().ok()).collect()
}

/// The members of `('a','it''s')`.
fn members(rest: &str) -> Vec<String> {
    let mut members = Vec::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        if c == ')' {
            break;
        }
        if c != '\'' {
            continue;
        }
        let mut member = String::new();
        while let Some(c) = chars.next() {
            if c != '\'' {
                member.push(c);
            } else if chars.next_if_eq(&'\'').is_some() {
                member.push('\'');
            } else {
                break;
            }
        }
        members.push(member);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neutral_types() {
        let natives = [
            "tinyint(1)",
            "tinyint(3) unsigned",
            "smallint(6)",
            "mediumint(8) unsigned zerofill",
            "int",
            "int unsigned",
            "bigint(20) unsigned",
            "float",
            "float unsigned",
            "double(10,2)",
            "decimal(65,30)",
            "decimal(10)",
            "char(1)",
            "varchar(40)",
            "tinytext",
            "longtext",
            "binary(16)",
            "varbinary(255)",
            "longblob",
            "date",
            "time(3)",
            "datetime",
            "datetime(6)",
            "timestamp(6)",
            "year(4)",
            "bit(64)",
            "enum('a','it''s','x,y)')",
            "set('r','w')",
            "json",
            "uuid",
            "point",
            "geomcollection",
            "inet6",
            "vector(3)",
        ];
        let table: String = natives.iter().map(|n| format!("{n:34} {:?}\n", data_type(n))).collect();
        insta::assert_snapshot!(table);
    }
}
