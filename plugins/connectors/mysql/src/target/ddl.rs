//! Columns, keys and references as DDL text.

use sensei_sdk::catalog::{Action, Column, DataType, DefaultValue, ForeignKey, Index, Key, Table};

use super::propose::is_text;
use crate::catalog::native;
use crate::connection::{Server, identifier, literal};

/// A quoted table of a schema.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

fn list(columns: &[String]) -> String {
    let quoted: Vec<String> = columns.iter().map(|c| identifier(c)).collect();
    quoted.join(", ")
}

/// A constant default in SQL; none where the column's type has no such value.
pub(crate) fn literal_default(column: &Column, text: &str) -> Option<String> {
    let number = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if column.data_type == DataType::Boolean {
        return match text {
            "true" | "t" | "1" => Some("1".to_owned()),
            "false" | "f" | "0" => Some("0".to_owned()),
            _ => None,
        };
    }
    let held = native::data_type(&column.native_type);
    Some(match held {
        DataType::Integer(_) | DataType::Float(_) | DataType::Decimal(_) => {
            return number(text).then(|| text.to_owned());
        }
        DataType::Bits(_) => {
            return text.bytes().all(|b| b == b'0' || b == b'1').then(|| format!("b'{text}'"));
        }
        DataType::Binary(_) => {
            let digits =
                text.strip_prefix("\\x").filter(|d| d.len() % 2 == 0 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            format!("x'{digits}'")
        }
        DataType::Timestamp(_) => {
            // An instant's zone goes only where it is UTC, which is how instants are held.
            let bare =
                text.strip_suffix("+00").or(text.strip_suffix("+00:00")).or(text.strip_suffix('Z')).unwrap_or(text);
            let plain = bare.len() >= 10 && bare.bytes().all(|b| b.is_ascii_digit() || b"-:. T".contains(&b));
            return plain.then(|| format!("'{bare}'"));
        }
        DataType::Date | DataType::Duration(_) | DataType::Time(_) => {
            return text.bytes().all(|b| b.is_ascii_digit() || b"-:.".contains(&b)).then(|| format!("'{text}'"));
        }
        DataType::Geometry(_) => return None,
        _ => literal(text),
    })
}

/// The DEFAULT clause, with a space before it; empty for none.
fn default_clause(column: &Column) -> String {
    let held = native::data_type(&column.native_type);
    let fraction = match (&held, column.native_type.starts_with("timestamp")) {
        (DataType::Timestamp(t), _) if t.precision > 0 => format!("({})", t.precision),
        _ => String::new(),
    };
    let large = matches!(
        &held,
        DataType::Json
            | DataType::Text(sensei_sdk::catalog::Text { length: None, .. })
            | DataType::Binary(sensei_sdk::catalog::Binary { length: None, .. })
    );
    let sql = match &column.default {
        None => return String::new(),
        Some(DefaultValue::Literal(text)) => match literal_default(column, text) {
            // The server takes a constant for a large column only as an expression.
            Some(sql) if large => format!("({sql})"),
            Some(sql) => sql,
            None => return String::new(),
        },
        // A zoned instant that is held as its reading in UTC.
        Some(DefaultValue::CurrentTimestamp(_))
            if matches!(&column.data_type, DataType::Timestamp(t) if t.zoned)
                && column.native_type.starts_with("datetime") =>
        {
            format!("(UTC_TIMESTAMP{})", if fraction.is_empty() { "()" } else { &fraction })
        }
        Some(DefaultValue::CurrentTimestamp(_)) if matches!(held, DataType::Timestamp(_)) => {
            format!("CURRENT_TIMESTAMP{fraction}")
        }
        Some(DefaultValue::CurrentTimestamp(digits)) => format!("(CURRENT_TIMESTAMP({digits}))"),
        Some(DefaultValue::CurrentDate) => "(CURDATE())".to_owned(),
        Some(DefaultValue::CurrentTime) => "(CURTIME())".to_owned(),
        Some(DefaultValue::RandomUuid) => "(UUID())".to_owned(),
        Some(DefaultValue::Expression(text)) => format!("({text})"),
    };
    format!(" DEFAULT {sql}")
}

/// A column in CREATE TABLE.
pub(crate) fn column(column: &Column, server: &Server) -> String {
    let mut sql = format!("{} {}", identifier(&column.name), column.native_type);
    if is_text(&column.native_type) && !column.native_type.contains("character set") {
        if let Some(set) = &column.character_set {
            sql.push_str(&format!(" CHARACTER SET {set}"));
        }
        if let Some(collation) = &column.collation {
            sql.push_str(&format!(" COLLATE {collation}"));
        }
    }
    if let DataType::Geometry(Some(srid)) = column.data_type
        && !server.maria
        && matches!(native::data_type(&column.native_type), DataType::Geometry(_))
    {
        sql.push_str(&format!(" SRID {srid}"));
    }
    if let Some(generated) = &column.generated {
        let kept = if generated.stored { "STORED" } else { "VIRTUAL" };
        sql.push_str(&format!(" GENERATED ALWAYS AS ({}) {kept}", generated.expression));
        // MariaDB takes no NOT NULL there.
        if !column.nullable && !server.maria {
            sql.push_str(" NOT NULL");
        }
    } else {
        sql.push_str(if column.nullable { " NULL" } else { " NOT NULL" });
        sql.push_str(&default_clause(column));
        if column.touched_on_update {
            let digits = match native::data_type(&column.native_type) {
                DataType::Timestamp(t) if t.precision > 0 => format!("({})", t.precision),
                _ => String::new(),
            };
            sql.push_str(&format!(" ON UPDATE CURRENT_TIMESTAMP{digits}"));
        }
        if column.identity.is_some() {
            sql.push_str(" AUTO_INCREMENT");
        }
    }
    if let Some(comment) = &column.comment {
        sql.push_str(&format!(" COMMENT {}", literal(comment)));
    }
    sql
}

/// `UNIQUE KEY name (columns)`.
pub(crate) fn unique_key(key: &Key) -> String {
    let name = key.name.as_ref().map(|n| format!("{} ", identifier(n))).unwrap_or_default();
    format!("UNIQUE KEY {name}({})", list(&key.columns))
}

/// `KEY name (parts)`, of whichever kind.
pub(crate) fn index(index: &Index) -> String {
    let kind = match (index.method.as_str(), index.unique) {
        ("fulltext", _) => "FULLTEXT KEY",
        ("spatial" | "rtree", _) => "SPATIAL KEY",
        (_, true) => "UNIQUE KEY",
        (_, false) => "KEY",
    };
    let parts: Vec<String> = index
        .parts
        .iter()
        .map(|p| {
            let mut part = match (&p.column, &p.expression) {
                (Some(column), _) => identifier(column),
                (None, Some(expression)) => format!("({expression})"),
                (None, None) => String::new(),
            };
            if let Some(length) = p.prefix_length {
                part.push_str(&format!("({length})"));
            }
            if p.descending {
                part.push_str(" DESC");
            }
            part
        })
        .collect();
    let comment = index.comment.as_ref().map(|c| format!(" COMMENT {}", literal(c))).unwrap_or_default();
    format!("{kind} {} ({}){comment}", identifier(&index.name), parts.join(", "))
}

/// Whether an index has to be made in a statement of its own.
pub(crate) fn alone(index: &Index) -> bool {
    matches!(index.method.as_str(), "fulltext" | "spatial" | "rtree")
}

/// ` ON DELETE CASCADE`. RESTRICT is what no clause means; said aloud, MariaDB makes NO ACTION of it.
fn action(event: &str, action: Action) -> String {
    let word = match action {
        Action::Restrict => return String::new(),
        Action::NoAction => "NO ACTION",
        Action::Cascade => "CASCADE",
        Action::SetNull => "SET NULL",
        Action::SetDefault => "SET DEFAULT",
    };
    format!(" ON {event} {word}")
}

/// A reference, to a table at `referenced`.
pub(crate) fn foreign_key(foreign: &ForeignKey, name: Option<&str>, referenced: &str, server: &Server) -> String {
    let constraint = name.map(|n| format!("CONSTRAINT {} ", identifier(n))).unwrap_or_default();
    // MySQL says by a number of its own that it is there, MariaDB by one that means other things too.
    let unless = if server.maria && name.is_some() { "IF NOT EXISTS " } else { "" };
    format!(
        "{constraint}FOREIGN KEY {unless}({}) REFERENCES {referenced} ({}){}{}",
        list(&foreign.columns),
        list(&foreign.referenced_columns),
        action("UPDATE", foreign.on_update),
        action("DELETE", foreign.on_delete)
    )
}

/// The key that an AUTO_INCREMENT column needs from the start, other than the primary key: the unique keys' or
/// indexes' place.
pub(crate) enum Counting {
    Unique(usize),
    Index(usize),
}

/// Finds it; none if the primary key serves, or nothing counts.
pub(crate) fn counting_key(table: &Table) -> Option<Counting> {
    let column = &table.columns.iter().find(|c| c.identity.is_some())?.name;
    if table.primary_key.as_ref().is_some_and(|k| k.columns.first() == Some(column)) {
        return None;
    }
    let unique = table.unique_keys.iter().position(|k| k.columns.first() == Some(column)).map(Counting::Unique);
    let first = |i: &Index| i.parts.first().and_then(|p| p.column.as_ref()) == Some(column);
    unique.or_else(|| table.indexes.iter().position(first).map(Counting::Index))
}

/// CREATE TABLE with what the load needs: columns, primary key (InnoDB clusters by it), checks. `own`: their names are of this
/// system.
pub(crate) fn create_table(table: &Table, place: &str, server: &Server, own: bool) -> String {
    let mut lines: Vec<String> = table.columns.iter().map(|c| column(c, server)).collect();
    if let Some(key) = &table.primary_key {
        lines.push(format!("PRIMARY KEY ({})", list(&key.columns)));
    }
    match counting_key(table) {
        Some(Counting::Unique(at)) => lines.push(unique_key(&table.unique_keys[at])),
        Some(Counting::Index(at)) => lines.push(index(&table.indexes[at])),
        None => {}
    }
    for check in &table.checks {
        // MySQL knows a check by its name alone, whatever its table: another system's names may be there already.
        let name = check.name.as_ref().filter(|_| own || server.maria);
        let name = name.map(|n| format!("CONSTRAINT {} ", identifier(n))).unwrap_or_default();
        lines.push(format!("{name}CHECK ({})", check.expression));
    }
    let comment = table.comment.as_ref().map(|c| format!(" COMMENT={}", literal(c))).unwrap_or_default();
    let by = table.partitioning.as_ref().map(|partitioning| format!("\n{}", partitioning.by)).unwrap_or_default();
    let lines = lines.join(",\n  ");
    format!("CREATE TABLE {place} (\n  {lines}\n) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4{comment}{by}")
}

/// Rows that refer to nothing: a query that has a row only if there are any.
pub(crate) fn orphans(foreign: &ForeignKey, place: &str, referenced: &str) -> String {
    let pairs: Vec<String> = foreign
        .columns
        .iter()
        .zip(&foreign.referenced_columns)
        .map(|(c, r)| format!("p.{} = c.{}", identifier(r), identifier(c)))
        .collect();
    let set: Vec<String> = foreign.columns.iter().map(|c| format!("c.{} IS NOT NULL", identifier(c))).collect();
    let shown: Vec<String> = foreign.columns.iter().map(|c| format!("c.{}", identifier(c))).collect();
    format!(
        "SELECT {} FROM {place} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {referenced} p WHERE {}) LIMIT 1",
        shown.join(", "),
        set.join(" AND "),
        pairs.join(" AND ")
    )
}
