//! What targets share in reading staged tables back.

use crate::bindings::sensei::plugin::catalog::{Table, TableName};
use crate::{Error, Kind, Result};

/// The tables of these names, in their order.
///
/// # Errors
/// `not-found` names one that is not among them.
pub fn in_order(names: &[TableName], mut tables: Vec<Table>) -> Result<Vec<Table>> {
    let take = |name: &TableName| match tables.iter().position(|table| table.name == *name) {
        Some(at) => Ok(tables.swap_remove(at)),
        None => {
            let message = "The table was staged and is not there any more: somebody removed it. Begin anew.";
            Err(Error::new(Kind::NotFound, message).table(format!("{}.{}", name.schema, name.name)))
        }
    };
    names.iter().map(take).collect()
}
