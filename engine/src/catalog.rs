//! The neutral description of what a database holds, as `wit/catalog.wit` defines it.

pub use crate::plugin::contract_catalog::*;

impl Table {
    /// A table with these columns and nothing else.
    #[must_use]
    pub fn of(name: TableName, columns: Vec<Column>) -> Self {
        Self {
            name,
            columns,
            primary_key: None,
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
            comment: None,
            partitioning: None,
            rows: 0,
            bytes: 0,
        }
    }

    /// Its partitions that are relations of their own, parents first.
    pub fn parts(&self) -> impl Iterator<Item = &Partition> {
        self.partitioning.iter().flat_map(|partitioning| &partitioning.parts)
    }
}
