//! From the server's error numbers to the contract's kinds.

use sensei_sdk::{Error, Kind};

/// Error number, kind, and what a person does next. Numbers are those of MySQL 8.0's and MariaDB 10.11's error
/// reference; where the two differ (from 1900 on in MariaDB, 3000 on in MySQL) they do not overlap here.
const KINDS: &[(u16, Kind, &str)] = &[
    (
        1021,
        Kind::ResourceExhausted,
        "Free disk space on the server and start again: the migration goes on where it stopped.",
    ),
    (1037, Kind::ResourceExhausted, "The server is out of memory; give it more or lower its load."),
    (1038, Kind::ResourceExhausted, "Raise sort_buffer_size on the server."),
    (1040, Kind::ResourceExhausted, "Raise max_connections on the server, or lower the parallelism."),
    (1041, Kind::ResourceExhausted, "The server is out of memory; give it more or lower its load."),
    (1044, Kind::PermissionDenied, "Grant the account what it needs on this database."),
    (1045, Kind::Unauthorized, "Check user and password of the connection."),
    (1046, Kind::InvalidConfig, "Name a database in the connection."),
    (1048, Kind::ConstraintViolation, "The column does not take NULL."),
    (1049, Kind::NotFound, "Check the database's name, or create it."),
    (1050, Kind::Conflict, "Choose to replace it, or give the table another name."),
    (1051, Kind::NotFound, ""),
    (1053, Kind::Unreachable, "The server is shutting down."),
    (1054, Kind::NotFound, "The table has changed since it was described: plan again."),
    (
        1062,
        Kind::ConstraintViolation,
        "Two rows have the same key in the target; a collation may call different values equal.",
    ),
    (1067, Kind::Unsupported, "Leave the column's default out, or give it a value of its type."),
    (1068, Kind::Conflict, ""),
    (1069, Kind::Unsupported, "The server allows 64 indexes a table."),
    (1071, Kind::Unsupported, "Leave a column out of the index, or index only a prefix of it."),
    (1114, Kind::ResourceExhausted, "The disk or the tablespace is full: free space and start again."),
    (1117, Kind::Unsupported, "Split the table: the server allows 4096 columns, 1017 in InnoDB."),
    (1118, Kind::Unsupported, "Move wide text columns to TEXT types."),
    (1129, Kind::Unreachable, "The server has blocked this host: run FLUSH HOSTS there."),
    (1130, Kind::Unauthorized, "The account may not log in from this host: create it for this host."),
    (1131, Kind::Unauthorized, ""),
    (1132, Kind::PermissionDenied, ""),
    (1133, Kind::Unauthorized, ""),
    (1135, Kind::ResourceExhausted, "The server cannot start another thread; lower the parallelism."),
    (1142, Kind::PermissionDenied, "Grant the account this right on the table."),
    (1143, Kind::PermissionDenied, "Grant the account this right on the column."),
    (1146, Kind::NotFound, "The table has gone or was renamed: plan again."),
    (1148, Kind::Unsupported, "Set local_infile=1 on the server, or let rows be inserted."),
    (1152, Kind::Unreachable, ""),
    (1153, Kind::ResourceExhausted, "Raise max_allowed_packet on the server above the largest value."),
    (1158, Kind::Unreachable, ""),
    (1159, Kind::Unreachable, ""),
    (1160, Kind::Unreachable, ""),
    (1161, Kind::Unreachable, ""),
    (1184, Kind::Unreachable, ""),
    (
        1203,
        Kind::ResourceExhausted,
        "The account has its most connections; raise max_user_connections or lower the parallelism.",
    ),
    (1205, Kind::Timeout, "Another transaction holds a lock."),
    (1206, Kind::ResourceExhausted, "Raise innodb_buffer_pool_size: the lock table is full."),
    (1213, Kind::Timeout, "Two transactions locked each other; one had to give up."),
    (1216, Kind::ConstraintViolation, "A row refers to one that is not there."),
    (1217, Kind::ConstraintViolation, "A row is still referred to."),
    (1226, Kind::ResourceExhausted, "The account has used up a limit of its own; raise it."),
    (1227, Kind::PermissionDenied, "Grant the account this right."),
    (1235, Kind::Unsupported, ""),
    (1264, Kind::InvalidData, "Give the target column a wider type."),
    (1265, Kind::InvalidData, "Give the target column a type that holds the value."),
    (
        1290,
        Kind::PermissionDenied,
        "The server runs read-only or with an option that forbids this: connect to the primary.",
    ),
    (1292, Kind::InvalidData, "Give the target column a type that holds the value."),
    (1300, Kind::InvalidData, "The bytes are no text of the column's character set."),
    (1317, Kind::Cancelled, "Somebody killed the statement."),
    (1366, Kind::InvalidData, "Give the target column a type and character set that hold the value."),
    (1367, Kind::InvalidData, ""),
    (1370, Kind::PermissionDenied, ""),
    (1396, Kind::PermissionDenied, ""),
    (1406, Kind::InvalidData, "Give the target column a larger length."),
    (1411, Kind::InvalidData, ""),
    (1416, Kind::InvalidData, "The bytes are no geometry."),
    (
        1435,
        Kind::Unsupported,
        "A table with triggers cannot change its database: drop the triggers of the old table first.",
    ),
    (1451, Kind::ConstraintViolation, "A row is still referred to."),
    (1452, Kind::ConstraintViolation, "A row refers to one that is not there: the source has orphans."),
    (1524, Kind::Unauthorized, "The server lacks the plugin that the account logs in with."),
    (1526, Kind::InvalidData, "No partition takes the value."),
    (1568, Kind::Conflict, ""),
    (1615, Kind::Timeout, "The table changed under a prepared statement."),
    (1637, Kind::ResourceExhausted, ""),
    (1690, Kind::InvalidData, "A value is out of its type's range."),
    (1698, Kind::Unauthorized, "The account logs in through a socket only: use one that has a password."),
    (1792, Kind::Conflict, ""),
    (1820, Kind::Unauthorized, "The password has expired: set a new one."),
    (1836, Kind::PermissionDenied, "The server is read-only: connect to the primary."),
    (1862, Kind::Unauthorized, "The password has expired: set a new one."),
    (1888, Kind::ConstraintViolation, ""),
    (1927, Kind::Unreachable, "The server ended the connection."),
    (1969, Kind::Timeout, "Raise max_statement_time for the account."),
    (3024, Kind::Timeout, "Raise max_execution_time."),
    (3113, Kind::Timeout, ""),
    (3118, Kind::Unauthorized, "The account is locked."),
    (3140, Kind::InvalidData, "The text is no JSON."),
    (3144, Kind::InvalidData, "JSON needs the character set utf8mb4."),
    (3157, Kind::InvalidData, "The JSON is nested too deeply."),
    (3159, Kind::Unauthorized, "The server takes encrypted connections only: set sslmode to require."),
    (3572, Kind::Timeout, ""),
    (3643, Kind::InvalidData, "The geometry has another SRID than the column."),
    (3819, Kind::ConstraintViolation, "A row breaks a check of the target."),
    (3948, Kind::Unsupported, "Set local_infile=1 on the server, or let rows be inserted."),
    (4025, Kind::ConstraintViolation, "A row breaks a check of the target."),
    (4031, Kind::Unreachable, "The server ended an idle connection."),
    (4038, Kind::InvalidData, "The text is no JSON."),
    (4078, Kind::InvalidData, ""),
    (4151, Kind::Unauthorized, "The account is locked."),
];

/// What the class of an SQLSTATE means, for numbers that [`KINDS`] lacks.
const CLASSES: &[(&str, Kind)] = &[
    ("08", Kind::Unreachable),
    ("21", Kind::InvalidData),
    ("22", Kind::InvalidData),
    ("23", Kind::ConstraintViolation),
    ("25", Kind::Conflict),
    ("28", Kind::Unauthorized),
    ("40", Kind::Timeout),
    ("70", Kind::Cancelled),
];

/// Numbers of "it is already so": what a statement of schema changes may answer when it runs again.
const ALREADY_SO: &[(u16, &str)] = &[
    (1007, "database exists"),
    (1008, "database does not exist"),
    (1050, "table exists"),
    (1051, "unknown table"),
    (1060, "column exists"),
    (1061, "index exists"),
    (1068, "primary key exists"),
    (1091, "nothing of that name to drop"),
    (1826, "foreign key exists"),
];

/// The kind of an error number, and advice (may be empty).
fn classify(number: u16, state: &str) -> (Kind, &'static str) {
    if let Ok(at) = KINDS.binary_search_by_key(&number, |k| k.0) {
        return (KINDS[at].1, KINDS[at].2);
    }
    let class = CLASSES.iter().find(|c| state.starts_with(c.0));
    (class.map_or(Kind::Internal, |c| c.1), "")
}

/// The contract's error for one of the server's.
pub(crate) fn server_error(number: u16, state: &str, message: &str) -> Error {
    let (kind, advice) = classify(number, state);
    let stop = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    let space = if advice.is_empty() { "" } else { " " };
    Error::new(kind, format!("The server says: {message}{stop}{space}{advice}")).native_code(number.to_string())
}

/// Whether an error only says that the change was made before.
pub(crate) fn already_so(error: &Error) -> bool {
    number(error).is_some_and(|n| ALREADY_SO.iter().any(|a| a.0 == n))
}

/// The server's error number, if the error came from the server.
pub(crate) fn number(error: &Error) -> Option<u16> {
    error.native_code.as_deref()?.parse().ok()
}

/// The answer makes no sense to us.
pub(crate) fn protocol(what: &str) -> Error {
    Error::internal(format!("The server's answer is not MySQL protocol as this connector knows it: {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_sorted_and_unique() {
        assert!(KINDS.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn kinds_of_numbers() {
        let table: String = KINDS.iter().map(|k| format!("{} {:?} {}\n", k.0, k.1, k.2)).collect();
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_number_nobody_listed_goes_by_its_class() {
        assert_eq!(classify(60000, "23000").0, Kind::ConstraintViolation);
        assert_eq!(classify(60000, "HY000").0, Kind::Internal);
    }

    #[test]
    fn a_message_ends_once_and_carries_advice() {
        let e = server_error(1049, "42000", "Unknown database 'x'");
        assert_eq!(e.message, "The server says: Unknown database 'x'. Check the database's name, or create it.");
        assert!(already_so(&server_error(1061, "42000", "Duplicate key name 'k'")));
        assert!(!already_so(&e));
    }
}
