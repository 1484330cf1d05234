//! Values between PostgreSQL's binary and text forms and Arrow's.
//!
//! Binary forms: the `*_send` and `*_recv` functions in `src/backend/utils/adt` of PostgreSQL.

pub(crate) mod calendar;
pub(crate) mod interval;
pub(crate) mod numeric;

/// Why a value cannot cross; the caller adds table, column and row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// What a decoder or an encoder of one value returns.
pub(crate) type Value<T> = Result<T, Refused>;

/// The wire form is not what the type's `send` function makes.
pub(crate) const MALFORMED: Refused = Refused("the server sent a form of this type that Sensei does not know");
