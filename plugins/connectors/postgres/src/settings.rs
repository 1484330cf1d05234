//! What every session is set to, so that text forms are exact and nothing is silently left out.

/// One run-time parameter: name, value, why.
pub(crate) type Setting = (&'static str, &'static str, &'static str);

/// For every session. A server that does not know one of them is not asked to set it.
pub(crate) const SESSION: &[Setting] = &[
    ("client_encoding", "UTF8", "Arrow text is UTF-8"),
    ("DateStyle", "ISO, YMD", "dates as text are ISO 8601, whatever the database prefers"),
    ("IntervalStyle", "postgres", "the one style that every server reads back exactly"),
    ("extra_float_digits", "3", "floats as text come back equal (servers before 12 round otherwise)"),
    ("bytea_output", "hex", "one text form of bytes"),
    ("TimeZone", "UTC", "instants as text are in UTC"),
    ("search_path", "", "every name that the server prints is qualified"),
    ("statement_timeout", "0", "a long chunk is no mistake; cancelling closes the connection"),
    ("transaction_timeout", "0", "as statement_timeout"),
    ("idle_in_transaction_session_timeout", "0", "a lane may wait for the other side"),
    ("idle_session_timeout", "0", "as above, between chunks"),
    ("client_connection_check_interval", "10s", "a killed run's statements end soon, so that a resumed run can claim"),
    ("row_security", "off", "rows hidden by a policy are an error, not a silent loss"),
    ("jit", "off", "chunks are scans; compiling them costs more than it saves"),
    ("synchronous_commit", "on", "a committed chunk survives a crash of the server"),
    ("standard_conforming_strings", "on", "backslashes in literals are backslashes"),
    ("escape_string_warning", "off", "literals with backslashes are written E''"),
    ("check_function_bodies", "off", "an expression may use a function that is restored later"),
];

/// For sessions that read: lanes are the parallelism.
pub(crate) const SOURCE: &[Setting] =
    &[("max_parallel_workers_per_gather", "0", "lanes already keep every core of the server busy")];

/// Where the database has no encoding, texts are handed over as they are: asked for UTF-8, the server refuses those that are none.
pub(crate) const BYTES_AS_THEY_ARE: &str = "SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) \
     WHERE pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'";

/// The statement that sets them.
pub(crate) fn statement(settings: &[&[Setting]]) -> String {
    let rows: Vec<String> = settings
        .iter()
        .flat_map(|s| s.iter())
        .map(|(name, value, _)| format!("({}, {})", crate::sql::literal(name), crate::sql::literal(value)))
        .collect();
    format!(
        "SELECT count(pg_catalog.set_config(s.name, v.value, false)) FROM (VALUES {}) v(name, value) \
         JOIN pg_catalog.pg_settings s ON lower(s.name) = lower(v.name)",
        rows.join(", ")
    )
}
