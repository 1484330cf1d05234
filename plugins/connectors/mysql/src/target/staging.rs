//! Where a migration keeps its things: names that follow from the migration and a schema alone.

use sensei_sdk::catalog::TableName;

use super::ddl::qualified;
use crate::catalog::STAGING;

/// Characters of an identifier.
const IDENTIFIER: usize = 64;

/// `prefix` and a schema's name; too long a name keeps its beginning and gets a hash of all of it.
fn derived(prefix: &str, schema: &str) -> String {
    let name = format!("{prefix}_{schema}");
    if name.chars().count() <= IDENTIFIER {
        return name;
    }
    // FNV-1a: stable in every build, and nobody attacks it.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let begin: String = name.chars().take(IDENTIFIER - 17).collect();
    format!("{begin}_{hash:016x}")
}

/// The database of the ledger.
pub(crate) fn ledger(migration: &str) -> String {
    format!("{STAGING}{migration}")
}

/// The database in which tables of a target schema are loaded.
pub(crate) fn schema(migration: &str, target: &str) -> String {
    derived(&ledger(migration), target)
}

/// The database that keeps what was in a target schema before.
pub(crate) fn old(migration: &str, target: &str) -> String {
    derived(&format!("{STAGING}old_{migration}"), target)
}

/// A table in staging, quoted.
pub(crate) fn table(migration: &str, name: &TableName) -> String {
    qualified(&schema(migration, &name.schema), &name.name)
}

/// A table of the ledger, quoted.
pub(crate) fn ledger_table(migration: &str, name: &str) -> String {
    qualified(&ledger(migration), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_differ() {
        assert_eq!(schema("m1", "shop"), "sensei_m1_shop");
        assert_eq!(old("m1", "shop"), "sensei_old_m1_shop");
        let (a, b) = (format!("{}a", "x".repeat(63)), format!("{}b", "x".repeat(63)));
        let (a, b) = (schema("m1", &a), schema("m1", &b));
        assert_ne!(a, b);
        assert_eq!((a.len(), b.len()), (64, 64));
    }
}
