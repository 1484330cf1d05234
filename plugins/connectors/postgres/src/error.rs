//! SQLSTATE to the contract's kinds, and what a person should do about each.

use std::collections::BTreeMap;

use sensei_sdk::{Error, Kind};

/// One rule: a whole SQLSTATE (five characters) or a class (two), the kind, and what to do next.
struct Rule(&'static str, Kind, &'static str);

/// Ordered: the first rule whose code begins the SQLSTATE wins. Codes: PostgreSQL, Appendix A.
const RULES: &[Rule] = &[
    Rule("08006", Kind::Unreachable, "Check that the server is up and the network is stable, then resume."),
    Rule("08P01", Kind::Internal, "The server and Sensei disagree about the protocol; please report this."),
    Rule("08", Kind::Unreachable, "Check that the server is up and reachable, then resume."),
    Rule("0A", Kind::Unsupported, "The server cannot do this; see its message."),
    Rule("0L", Kind::PermissionDenied, "Grant the missing right to the user of the connection."),
    Rule("0P", Kind::PermissionDenied, "Grant the missing right to the user of the connection."),
    Rule("21", Kind::InvalidData, "Correct the value in the source, or transform its column in the plan."),
    Rule("22023", Kind::InvalidConfig, "The server refuses a parameter; see its message."),
    Rule(
        "22021",
        Kind::InvalidData,
        "Correct the value in the source, or transform its column in the plan. A source whose database has no encoding \
         (SQL_ASCII) is read as its connection's `invalid_text` says.",
    ),
    Rule("22", Kind::InvalidData, "Correct the value in the source, or transform its column in the plan."),
    Rule("23", Kind::ConstraintViolation, "Correct the rows in the source, or leave the constraint out of the plan."),
    Rule("25006", Kind::PermissionDenied, "The server is read-only (a standby?); connect to the primary."),
    Rule("25P02", Kind::Internal, "An earlier statement of the transaction failed."),
    Rule("25P03", Kind::Timeout, "The server ended an idle transaction; raise idle_in_transaction_session_timeout."),
    Rule("25P04", Kind::Timeout, "The server ended a long transaction; raise transaction_timeout."),
    Rule("25", Kind::Internal, "The session is in an unexpected transaction state."),
    Rule("28", Kind::Unauthorized, "Check the user, the password and the server's pg_hba.conf."),
    Rule("2BP01", Kind::Conflict, "Something still depends on it; remove that first."),
    Rule("2D", Kind::Internal, "The session is in an unexpected transaction state."),
    Rule("34", Kind::Internal, "The session is in an unexpected state."),
    Rule("3D000", Kind::NotFound, "Check the database's name."),
    Rule("3F000", Kind::NotFound, "Check the schema's name."),
    Rule("40001", Kind::Timeout, "Two transactions collided; it can be tried again."),
    Rule("40P01", Kind::Timeout, "Two transactions waited for each other; it can be tried again."),
    Rule(
        "40002",
        Kind::ConstraintViolation,
        "Correct the rows in the source, or leave the constraint out of the plan.",
    ),
    Rule("40", Kind::Timeout, "The transaction was rolled back; it can be tried again."),
    Rule("42501", Kind::PermissionDenied, "Grant the missing right to the user of the connection."),
    Rule("42601", Kind::Internal, "The server does not understand a statement; see its message."),
    Rule("42602", Kind::InvalidData, "Choose another name in the plan."),
    Rule("42622", Kind::InvalidData, "Choose a shorter name in the plan."),
    Rule(
        "42704",
        Kind::NotFound,
        "Make the missing type, collation or operator class on this server, or choose another in the plan.",
    ),
    Rule("42710", Kind::Conflict, "Something of this name is already there; rename or remove it."),
    Rule("42712", Kind::Conflict, "Something of this name is already there; rename or remove it."),
    Rule("42723", Kind::Conflict, "Something of this name is already there; rename or remove it."),
    Rule("42P04", Kind::Conflict, "Something of this name is already there; rename or remove it."),
    Rule("42P06", Kind::Conflict, "Something of this name is already there; rename or remove it."),
    Rule("42P07", Kind::Conflict, "Something of this name is already there; rename or remove it."),
    Rule("42701", Kind::Conflict, "Two columns have one name; rename one in the plan."),
    Rule("42703", Kind::NotFound, "The column is gone; plan again."),
    Rule("42P01", Kind::NotFound, "The table is gone; plan again."),
    Rule("42883", Kind::NotFound, "Make the missing function or operator on this server, or leave out what uses it."),
    Rule(
        "42830",
        Kind::ConstraintViolation,
        "The referenced columns need a unique key; leave the foreign key out of the plan or add the key.",
    ),
    Rule("42P16", Kind::Unsupported, "The server cannot hold this definition; see its message."),
    Rule("42P17", Kind::Unsupported, "The server cannot hold this definition; see its message."),
    Rule("428", Kind::Unsupported, "The server cannot hold this definition; see its message."),
    Rule("42", Kind::Internal, "The server does not accept a statement; see its message."),
    Rule("44", Kind::ConstraintViolation, "Correct the rows in the source."),
    Rule(
        "53300",
        Kind::ResourceExhausted,
        "The server has no connection left; lower the parallelism or raise max_connections.",
    ),
    Rule("53100", Kind::ResourceExhausted, "Make room on the server's disk, then resume."),
    Rule("53200", Kind::ResourceExhausted, "The server is out of memory; lower the parallelism, then resume."),
    Rule("53", Kind::ResourceExhausted, "The server has used up a resource; see its message, then resume."),
    Rule("54", Kind::ResourceExhausted, "A limit of the server is reached; see its message."),
    Rule("55P03", Kind::Timeout, "Somebody else holds a lock; it can be tried again."),
    Rule("55006", Kind::Conflict, "Somebody else uses it; try again later."),
    Rule("55000", Kind::Conflict, "It is not in a state that allows this; see the server's message."),
    Rule("55", Kind::Conflict, "It is not in a state that allows this; see the server's message."),
    Rule("57014", Kind::Timeout, "The statement was cancelled or timed out; it can be tried again."),
    Rule("57P01", Kind::Unreachable, "The server is shutting down or ended the session; resume when it is up."),
    Rule("57P02", Kind::Unreachable, "The server crashed and is restarting; resume when it is up."),
    Rule("57P03", Kind::Unreachable, "The server is starting up or shutting down; it can be tried again."),
    Rule("57P04", Kind::NotFound, "The database was dropped."),
    Rule("57P05", Kind::Timeout, "The server ended an idle session; raise idle_session_timeout."),
    Rule("57", Kind::Timeout, "An operator intervened; it can be tried again."),
    Rule("58", Kind::Unreachable, "The server has trouble with its machine (disk, files); see its log."),
    Rule("72", Kind::Timeout, "The snapshot is too old; start again."),
    Rule("F0", Kind::InvalidConfig, "The server's configuration file is wrong; see its log."),
    Rule("HV", Kind::Unsupported, "A foreign table failed; see the server's message."),
    Rule("P0001", Kind::Conflict, "See the server's message."),
    Rule("P0", Kind::Internal, "A routine of the server failed; see its message."),
    Rule("XX001", Kind::InvalidData, "The table's storage is damaged; repair it on the server."),
    Rule("XX002", Kind::InvalidData, "An index is damaged; REINDEX it on the server."),
    Rule("XX", Kind::Internal, "An internal error of the server; see its log."),
    Rule("01", Kind::Internal, "See the server's message."),
    Rule("03", Kind::Internal, "See the server's message."),
    Rule("", Kind::Internal, "See the server's message."),
];

/// Kind and advice for a SQLSTATE.
pub(crate) fn classify(state: &str) -> (Kind, &'static str) {
    RULES
        .iter()
        .find(|Rule(code, ..)| state.starts_with(code))
        .map_or((Kind::Internal, ""), |Rule(_, kind, advice)| (*kind, advice))
}

/// An `ErrorResponse` or `NoticeResponse`: its fields by their one-letter code (PostgreSQL, "Error and Notice
/// Message Fields").
#[derive(Debug, Default, Clone)]
pub(crate) struct Report {
    fields: BTreeMap<u8, String>,
}

impl Report {
    pub(crate) fn parse(mut body: &[u8]) -> Self {
        let mut fields = BTreeMap::new();
        while let [code @ 1..=u8::MAX, rest @ ..] = body {
            let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
            fields.insert(*code, String::from_utf8_lossy(&rest[..end]).into_owned());
            body = rest.get(end + 1..).unwrap_or_default();
        }
        Self { fields }
    }

    fn field(&self, code: u8) -> Option<&str> {
        self.fields.get(&code).map(String::as_str)
    }

    pub(crate) fn state(&self) -> &str {
        self.field(b'C').unwrap_or_default()
    }

    pub(crate) fn message(&self) -> &str {
        self.field(b'M').unwrap_or("no message")
    }

    /// The severity in English, whatever `lc_messages` says.
    pub(crate) fn severity(&self) -> &str {
        self.field(b'V').or(self.field(b'S')).unwrap_or("ERROR")
    }

    /// `COPY orders, line 17, column total: "..."`: row and column of a refused COPY.
    fn copy_position(&self) -> (Option<u64>, Option<&str>) {
        let Some(rest) = self.field(b'W').and_then(|w| w.strip_prefix("COPY ")) else { return (None, None) };
        let first = rest.lines().next().unwrap_or_default();
        let line = first
            .split_once(", line ")
            .and_then(|(_, r)| r.split(|c: char| !c.is_ascii_digit()).next())
            .and_then(|n| n.parse().ok());
        let column = first.split_once(", column ").map(|(_, r)| r.split(": ").next().unwrap_or(r));
        (line, column)
    }

    pub(crate) fn into_error(self, peer: &str) -> Error {
        let (kind, advice) = classify(self.state());
        let mut message = format!("{peer}: {}", self.message().trim_end_matches('.'));
        // A DETAIL may quote a whole row of the table: it says where, never more than a line of it.
        if let Some(detail) = self.field(b'D') {
            message.push_str(&format!(" ({})", first_line(detail, 300)));
        }
        message.push_str(". ");
        message.push_str(self.field(b'H').map_or(advice, |hint| first_line(hint, 300)));
        let mut error = Error::new(kind, message).native_code(self.state());
        let (line, copy_column) = self.copy_position();
        if let Some(table) = self.field(b't') {
            error = error.table(table);
        }
        if let Some(column) = self.field(b'c').or(copy_column) {
            error = error.column(column);
        }
        if let Some(line) = line {
            error = error.row(format!("row {line} of the chunk"));
        } else if let Some(constraint) = self.field(b'n') {
            error = error.row(format!("constraint {constraint}"));
        }
        error
    }
}

fn first_line(text: &str, limit: usize) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let mut end = line.len().min(limit);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_golden() {
        let lines: Vec<String> =
            RULES.iter().map(|Rule(code, kind, advice)| format!("{code:<6}{kind:?}: {advice}")).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn every_rule_can_be_reached() {
        for (at, Rule(code, ..)) in RULES.iter().enumerate() {
            let first = RULES.iter().position(|Rule(other, ..)| code.starts_with(other));
            assert_eq!(first, Some(at), "{code} is hidden by an earlier rule");
        }
    }

    #[test]
    fn codes_the_engine_acts_on() {
        for (state, kind) in [
            ("53100", Kind::ResourceExhausted),
            ("28P01", Kind::Unauthorized),
            ("28000", Kind::Unauthorized),
            ("3D000", Kind::NotFound),
            ("42501", Kind::PermissionDenied),
            ("40P01", Kind::Timeout),
            ("57014", Kind::Timeout),
            ("23505", Kind::ConstraintViolation),
            ("22003", Kind::InvalidData),
            ("57P01", Kind::Unreachable),
            ("99999", Kind::Internal),
        ] {
            assert_eq!(classify(state).0, kind, "{state}");
        }
    }

    #[test]
    fn a_refused_copy_names_its_row() {
        let body = b"SERROR\0VERROR\0C22P02\0Minvalid input syntax for type integer: \"x\"\0WCOPY orders, line 17, column total: \"x\"\0\0";
        let error = Report::parse(body).into_error("PostgreSQL at db:5432");
        assert_eq!(error.kind, Kind::InvalidData);
        assert_eq!(error.row.as_deref(), Some("row 17 of the chunk"));
        assert_eq!(error.column.as_deref(), Some("total"));
        assert_eq!(error.native_code.as_deref(), Some("22P02"));
    }
}
