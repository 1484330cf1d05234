//! A table that the target has already, and what of it is staged.

use arrow::datatypes::{Field, Schema};
use serde::{Deserialize, Serialize};

use super::scout::full;
use super::{Fidelity, Mapping, Plan, TablePlan, columns_read, hex};
use crate::catalog::{Column, ForeignKey, Key, Table};
use crate::error::{Code, Error, Result};
use crate::expression::{Conversion, Projection, conversion, quote, sql_type};
use crate::plugin::rows::{decode_schema, encode_schema};
use crate::plugin::{Proposal, Specials};

/// A table of the target to which rows are added at the cutover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Existing {
    /// Its columns that can be written, and its keys.
    pub table: Table,
    /// Arrow schema of these columns (contract `rows`), in hex.
    #[serde(with = "hex")]
    pub row_schema: Vec<u8>,
    /// What its rows refer to.
    pub foreign_keys: Vec<ForeignKey>,
    /// Columns that take no NULL and get no value of their own: something has to fill them.
    pub required: Vec<String>,
}

impl Existing {
    /// The columns of a live table that rows can be written to, as they are staged: without what gives them values by itself.
    pub(crate) fn writable(live: &Table) -> Table {
        let plain = |column: &Column| Column {
            default: None,
            identity: None,
            touched_on_update: false,
            declared: None,
            flag: false,
            comment: None,
            ..column.clone()
        };
        Table {
            columns: live.columns.iter().filter(|c| c.generated.is_none()).map(plain).collect(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
            comment: None,
            partitioning: None,
            ..live.clone()
        }
    }

    /// `proposal`: of the target's own connector, for [`Self::writable`] of `live`.
    pub(super) fn new(live: &Table, proposal: Proposal) -> Self {
        let valueless = |c: &&Column| {
            !c.nullable && c.default.is_none() && c.identity.is_none() && c.generated.is_none() && !c.touched_on_update
        };
        Self {
            table: proposal.table,
            row_schema: proposal.row_schema,
            foreign_keys: live.foreign_keys.clone(),
            required: live.columns.iter().filter(valueless).map(|c| c.name.clone()).collect(),
        }
    }

    /// The table that these of its columns are staged as, in their order, with the keys that they make; and its Arrow schema.
    ///
    /// # Errors
    /// `not_found` for a column that it has not, or that cannot be written.
    pub(super) fn staged(&self, columns: &[String]) -> Result<(Table, Vec<u8>)> {
        let schema = decode_schema(&self.row_schema)?;
        let mut held = Vec::with_capacity(columns.len());
        let mut fields = Vec::with_capacity(columns.len());
        for name in columns {
            held.push(self.table.columns.iter().find(|c| c.name == *name).ok_or_else(|| self.unknown(name))?.clone());
            fields.push(schema.field_with_name(name).map_err(|_| self.unknown(name))?.clone());
        }
        let made = |key: &&Key| key.columns.iter().all(|column| columns.contains(column));
        let table = Table {
            columns: held,
            primary_key: self.table.primary_key.as_ref().filter(made).cloned(),
            unique_keys: self.table.unique_keys.iter().filter(made).cloned().collect(),
            ..self.table.clone()
        };
        Ok((table, encode_schema(&Schema::new_with_metadata(fields, schema.metadata().clone()))))
    }

    /// The Arrow field of one of its columns.
    ///
    /// # Errors
    /// `not_found`, as [`Self::staged`].
    pub(super) fn field(&self, column: &str) -> Result<Field> {
        decode_schema(&self.row_schema)?.field_with_name(column).cloned().map_err(|_| self.unknown(column))
    }

    fn unknown(&self, column: &str) -> Error {
        let names: Vec<&str> = self.table.columns.iter().map(|c| c.name.as_str()).collect();
        let message = format!(
            "`{}` of the target has no column `{column}` that can be written. It has: {}.",
            full(&self.table.name),
            names.join(", ")
        );
        Error::new(Code::NotFound, message).table_if(full(&self.table.name))
    }

    /// Whether rows that are added can be told from the others by a key made of these columns, so that they can be taken out
    /// again.
    pub(super) fn is_reversible(&self, columns: &[String]) -> bool {
        let is_not_null = |name: &String| self.table.columns.iter().any(|c| c.name == *name && !c.nullable);
        let made = |key: &Key| key.columns.iter().all(|c| columns.contains(c));
        self.table.primary_key.as_ref().is_some_and(made)
            || self.table.unique_keys.iter().any(|key| made(key) && key.columns.iter().all(is_not_null))
    }
}

/// What fills a column of the type `to` from one of the type `from`. An exact conversion is written down as a CAST. One that
/// must be checked is not: a CAST may round, the engine's own step into the target's type may not.
pub(super) fn transformation(column: String, from: &Field, to: &Field) -> String {
    match (conversion(from.data_type(), to.data_type()), sql_type(to.data_type())) {
        (Conversion::Exact, Some(sql)) => format!("CAST({column} AS {sql})"),
        (Conversion::Exact, None) | (Conversion::Same | Conversion::Checked | Conversion::Unsupported, _) => column,
    }
}

/// Values that a source's other dialect may have and the table refuses, by the name of the target's column: what the target's
/// connector says of a column that it would make itself.
pub(super) fn refuses(proposal: &Proposal, column: &str) -> Specials {
    proposal.columns.iter().find(|note| note.column == column).map_or(Specials::empty(), |note| note.refuses)
}

impl Mapping {
    /// No column of the target is known for it: a person has to say which, or that it is left out.
    #[must_use]
    pub fn is_unplaced(&self) -> bool {
        self.target_column.is_empty()
    }

    /// Whether a person must look at it: it is below the line, the target cannot hold its values, or it has no column there.
    #[must_use]
    pub fn awaits(&self, auto_approve_above: f64) -> bool {
        self.confidence < auto_approve_above || self.fidelity == Fidelity::Unsupported || self.is_unplaced()
    }
}

impl Plan {
    /// The plan of the tables that are the migration's own once they are live, and can be compared with the source then: not of
    /// those whose rows were added to others.
    ///
    /// # Errors
    /// `invalid_state` where there are none.
    pub fn comparable_live(&self) -> Result<Self> {
        let own: Vec<TablePlan> = self.tables.iter().filter(|t| t.existing.is_none()).cloned().collect();
        if own.is_empty() {
            let message = "All rows were added to tables that had rows of their own: these cannot be compared with the source. Before the cutover they were, in staging.";
            return Err(Error::new(Code::InvalidState, message));
        }
        Ok(Self { tables: own, ..self.clone() })
    }
}

impl TablePlan {
    /// Puts a mapping into another column of the table that is there. The plan of the table is [settled](Self::settle) after
    /// the last of them.
    pub(super) fn place(&mut self, at: usize, column: &str, sql: Option<&str>) -> Result<()> {
        let Some(existing) = &self.existing else {
            let message = format!(
                "`target_column`: `{}` is made by the migration; its columns are those of the source.",
                full(&self.target.name)
            );
            return Err(Error::new(Code::InvalidRequest, message).table_if(full(&self.target.name)));
        };
        let to = existing.field(column)?;
        let row = decode_schema(&self.read_schema)?;
        let mapping = &mut self.mappings[at];
        let proposed = match row.field_with_name(&mapping.source_column) {
            Ok(from) => transformation(quote(&mapping.source_column), from, &to),
            Err(_) => quote(&mapping.source_column),
        };
        mapping.transformation = sql.map_or(proposed, str::to_owned);
        column.clone_into(&mut mapping.target_column);
        let held = existing.table.columns.iter().find(|c| c.name == column);
        mapping.target_type = held.map(|c| c.native_type.clone()).unwrap_or_default();
        mapping.remedies.clear();
        Ok(())
    }

    /// The staged table for its mappings as they are now.
    ///
    /// # Errors
    /// `approval_required` for a mapping that has no column yet; `conflict` where two fill one column, or nothing fills one
    /// that has to be; `invalid_expression` for a transformation that does not fit its column.
    pub(super) fn settle(&mut self) -> Result<()> {
        let Some(existing) = &self.existing else { return Ok(()) };
        let table = full(&self.target.name);
        let conflict = |code, message: String, column: &str| {
            Err(Error { column: Some(column.to_owned()), ..Error::new(code, message).table_if(table.clone()) })
        };
        for (at, mapping) in self.mappings.iter().enumerate() {
            if mapping.is_unplaced() {
                let message = format!(
                    "No column of `{table}` is known for `{0}` of `{1}`. Approve the mapping `{2}` with a `target_column`, reject it, or say by `into` which column `{1}.{0}` means: none leaves it out.",
                    mapping.source_column, self.source.name, mapping.id
                );
                return conflict(Code::ApprovalRequired, message, &mapping.source_column);
            }
            let column = &mapping.target_column;
            if let Some(other) = self.mappings[..at].iter().find(|m| m.target_column == *column) {
                let message = format!(
                    "`{}` and `{}` would both fill `{column}` of `{table}`. Reject one of the two mappings, or give it another `target_column`.",
                    other.source_column, mapping.source_column
                );
                return conflict(Code::Conflict, message, column);
            }
        }
        if let Some(column) = existing.required.iter().find(|c| self.mappings.iter().all(|m| m.target_column != **c)) {
            let message = format!(
                "`{column}` of `{table}` must have a value, it has no default, and no mapping fills it. Approve a mapping with `target_column` `{column}`, say by `into` which column of the source means it, or give it a default in the target."
            );
            return conflict(Code::Conflict, message, column);
        }
        let columns: Vec<String> = self.mappings.iter().map(|m| m.target_column.clone()).collect();
        (self.target, self.row_schema) = existing.staged(&columns)?;
        let row = decode_schema(&self.read_schema)?;
        let transformations: Vec<String> = self.mappings.iter().map(|m| m.transformation.clone()).collect();
        Projection::compile(&row, &decode_schema(&self.row_schema)?, &transformations)
            .map_err(|e| e.table_if(table.clone()))?;
        self.reads = columns_read(&row, &self.mappings);
        Ok(())
    }
}
