//! Names of what a migration makes in a file. There are no schemas, so a prefix keeps them apart.

use crate::sql::identifier;

/// Every name that a migration makes begins so.
const BEGINNING: &str = "sensei_";
/// Between a migration and a table's own name.
const SEPARATOR: &str = "__";
/// Between [`BEGINNING`] and a migration, for tables that were moved aside.
const OLD: &str = "old_";
/// Between [`BEGINNING`] and a migration, for what an interrupted run staged and a rehearsal must not meet.
const LEFT: &str = "left_";
/// Names of the ledger's tables, behind the migration.
const LEDGER: [&str; 3] = ["_chunks", "_statements", "_journal"];

/// A table, or an index, before the cutover.
pub(crate) fn staged(migration: &str, name: &str) -> String {
    format!("{BEGINNING}{migration}{SEPARATOR}{name}")
}

/// A table, or an index, that was there before and was replaced.
pub(crate) fn aside(migration: &str, name: &str) -> String {
    format!("{BEGINNING}{OLD}{migration}{SEPARATOR}{name}")
}

/// A staged table, or an index, while the migration is rehearsed.
pub(crate) fn left(migration: &str, name: &str) -> String {
    format!("{BEGINNING}{LEFT}{migration}{SEPARATOR}{name}")
}

/// The ledger's tables, as identifiers.
#[derive(Debug, Clone)]
pub(crate) struct LedgerNames {
    /// Bare name of the first: it is there if the ledger is.
    pub(crate) probe: String,
    pub(crate) chunks: String,
    pub(crate) statements: String,
    pub(crate) journal: String,
}

impl LedgerNames {
    pub(crate) fn of(migration: &str) -> Self {
        let [chunks, statements, journal] = LEDGER.map(|part| format!("{BEGINNING}{migration}{part}"));
        Self {
            chunks: identifier(&chunks),
            statements: identifier(&statements),
            journal: identifier(&journal),
            probe: chunks,
        }
    }
}

/// True for names of this connector's own making: a catalog does not list them.
pub(crate) fn is_staged(name: &str) -> bool {
    name.strip_prefix(BEGINNING)
        .is_some_and(|rest| rest.contains(SEPARATOR) || LEDGER.iter().any(|part| rest.ends_with(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_migration_makes_is_not_listed_and_the_rest_is() {
        let ledger = LedgerNames::of("m1").probe;
        for name in [staged("m1", "a"), aside("m1", "a"), ledger] {
            assert!(is_staged(&name), "{name}");
        }
        for name in ["sensei_users", "orders", "my_sensei_m1__a"] {
            assert!(!is_staged(name), "{name}");
        }
    }
}
