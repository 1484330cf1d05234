//! Errors for people: one paragraph that says what happened and what to do, and the exit code.

use std::io;
use std::process;

use sensei_engine::error::{Code, Error};

use super::client::Refusal;
use super::format::printable;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Everything that was asked is done; of a migration: every count agrees.
    Done = 0,
    /// It is not.
    Failed = 1,
    /// The command line makes no sense as it is.
    Usage = 2,
}

/// What a command ends with when it does not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command line must be changed.
    Usage(String),
    /// The engine's error, and whether the same command would resume.
    Engine(Box<Error>, Staging),
    /// The server of the Migrations API said no.
    Refused(Box<Refusal>),
    /// Nobody agreed; nothing was done.
    Declined,
}

/// Whether an unfinished migration left something in the target that the next run goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Staging {
    /// Nothing was made.
    None,
    /// What is loaded so far stays.
    Kept,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(Box::new(error), Staging::None)
    }
}

impl Failure {
    /// This machine refused something.
    pub(super) fn machine(doing: &str, error: &io::Error) -> Self {
        Error::system(doing, error).into()
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Engine(..) | Self::Refused(_) | Self::Declined => Exit::Failed,
        }
    }

    /// One paragraph, ended.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Usage(message) => format!("error: {message}\n"),
            Self::Refused(refusal) => refusal.text(),
            Self::Declined => "Nothing was moved.\n".to_owned(),
            Self::Engine(error, staging) => {
                let codes: Vec<String> =
                    [Some(word(error.code)), error.native_code.clone()].into_iter().flatten().collect();
                let message = one_paragraph(&error.to_string());
                let hint = hint(error.code, *staging).map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
                format!("error: {message} ({})\n{hint}", codes.join(", "))
            }
        }
    }
}

/// The code as clients see it: `permission_denied`.
fn word(code: Code) -> String {
    let json = serde_json::to_value(code).unwrap_or_default();
    json.as_str().unwrap_or("unknown").to_owned()
}

/// What the message cannot know: which command goes on from here.
fn hint(code: Code, staging: Staging) -> Option<&'static str> {
    const RESUME: &str = "What is loaded so far is kept. Put that right and run the same command again: it resumes.";
    const AGAIN: &str = "What is loaded so far is kept. Run the same command again: it resumes.";
    const REPORT: &str =
        "This is a bug, not a mistake of yours: please report it with the log that SENSEI_LOG=debug gives.";
    match (code, staging) {
        // Their messages say all there is to do.
        (
            Code::CountMismatch | Code::ContentMismatch | Code::SchemaMismatch | Code::PlanStale | Code::Cancelled,
            Staging::Kept,
        ) => None,
        (Code::Unreachable | Code::Timeout | Code::Conflict, Staging::Kept) => Some(AGAIN),
        (
            Code::Unauthorized
            | Code::PermissionDenied
            | Code::NotFound
            | Code::InvalidConfig
            | Code::InvalidRequest
            | Code::Unsupported
            | Code::InvalidData
            | Code::ConstraintViolation
            | Code::ResourceExhausted
            | Code::InvalidExpression
            | Code::PluginInvalid
            | Code::System,
            Staging::Kept,
        ) => Some(RESUME),
        (Code::ConnectorInternal | Code::PluginLimit | Code::PluginTrapped | Code::PluginLied, _) => Some(REPORT),
        // A server's: no command that moves rows itself meets them.
        (
            Code::MigrationNotFound
            | Code::InvalidState
            | Code::PlanNotReady
            | Code::ApprovalRequired
            | Code::RollbackFailed
            | Code::Store,
            _,
        ) => None,
        (
            Code::Unreachable
            | Code::Unauthorized
            | Code::PermissionDenied
            | Code::NotFound
            | Code::InvalidConfig
            | Code::InvalidRequest
            | Code::Unsupported
            | Code::InvalidData
            | Code::ConstraintViolation
            | Code::Conflict
            | Code::Timeout
            | Code::Cancelled
            | Code::ResourceExhausted
            | Code::PluginInvalid
            | Code::InvalidExpression
            | Code::CountMismatch
            | Code::ContentMismatch
            | Code::SchemaMismatch
            | Code::PlanStale
            | Code::System,
            Staging::None,
        ) => None,
    }
}

/// Line breaks of a server's own text would tear the paragraph apart.
pub(super) fn one_paragraph(text: &str) -> String {
    let words = text.split_whitespace().map(printable);
    words.collect::<Vec<_>>().join(" ")
}

/// Hides passwords of URLs and API keys in text that quotes the command line: `x://user:***@host?password=***`.
pub(super) fn without_passwords(text: &str) -> String {
    text.split_inclusive(|c: char| c.is_whitespace() || c == '\'').map(hide_in_word).collect()
}

fn hide_in_word(word: &str) -> String {
    const HIDDEN: &str = "***";
    let mut word = word.to_owned();
    if let Some(authority) = word.find("://").map(|at| at + 3) {
        // The last `@`: a password that was not escaped may hold one.
        let end = word.rfind('@').filter(|end| *end > authority);
        let begin = word[authority..].find(':').map(|at| authority + at + 1);
        if let (Some(begin), Some(end)) = (begin, end)
            && begin < end
        {
            word.replace_range(begin..end, HIDDEN);
        }
    }
    for name in ["password=", "passphrase=", "secret=", "token=", "sk_live_"] {
        if let Some(begin) = word.find(name).map(|at| at + name.len()) {
            let end = word[begin..].find(['&', '\'', '\n', ' ']).map_or(word.len(), |at| begin + at);
            word.replace_range(begin..end, HIDDEN);
        }
    }
    word
}

/// Ends the program at once, for those who ask twice. The code is what shells give for a signal.
pub(super) fn leave(signal: i32) -> ! {
    process::exit(128 + signal)
}

#[cfg(test)]
mod tests {
    use sensei_engine::error::Role;

    use super::*;

    fn failure(code: Code, staging: Staging) -> Failure {
        let mut error = Error::new(code, "The server\n closed the connection.").role_if(Some(Role::Target));
        error.native_code = Some("57P01".into());
        Failure::Engine(Box::new(error.table_if("public.orders")), staging)
    }

    #[test]
    fn an_error_is_one_paragraph_with_its_codes() {
        assert_eq!(
            failure(Code::Unreachable, Staging::None).text(),
            "error: target: public.orders: The server closed the connection. (unreachable, 57P01)\n"
        );
        insta::assert_snapshot!(failure(Code::Unreachable, Staging::Kept).text());
        insta::assert_snapshot!(failure(Code::InvalidData, Staging::Kept).text());
    }

    #[test]
    fn exit_codes_tell_usage_from_failure() {
        assert_eq!(Failure::Usage("Add --yes.".into()).exit(), Exit::Usage);
        assert_eq!(failure(Code::Timeout, Staging::None).exit(), Exit::Failed);
        assert_eq!(Failure::Declined.exit(), Exit::Failed);
        assert_eq!(Failure::Usage("Add --yes.".into()).text(), "error: Add --yes.\n");
    }

    #[test]
    fn quoted_urls_lose_their_passwords() {
        let cases = [
            (
                "error: unexpected argument 'db://me:p@ss/w:rd@host/shop' found",
                "error: unexpected argument 'db://me:***@host/shop' found",
            ),
            ("db://me@host:5432/shop", "db://me@host:5432/shop"),
            ("db://host:5432/a@b", "db://host:***@b"),
            ("db://h/s?password=abc&mode=x", "db://h/s?password=***&mode=x"),
            ("error: unexpected argument 'sk_live_abc' found", "error: unexpected argument 'sk_live_***' found"),
            ("plain text: no URL, a@b.c", "plain text: no URL, a@b.c"),
        ];
        for (text, hidden) in cases {
            assert_eq!(without_passwords(text), hidden);
        }
    }
}
