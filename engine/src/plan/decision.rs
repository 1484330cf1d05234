//! What a person decides about mappings, and the plan as it is then executed.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::draft::summary;
use super::rewrite::mentions;
use super::scout::full;
use super::{Mapping, Plan, TablePlan, ViewPlan, columns_read, evidence};
use crate::catalog::{Column, Index, Table};
use crate::error::{Code, Error, Result};
use crate::expression::Projection;
use crate::plugin::rows::{decode_schema, encode_schema};

/// A decision about one mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The mapping's id.
    pub mapping: String,
    /// False: its column is left out.
    pub approved: bool,
    /// Takes the place of the mapping's own transformation; means nothing for one that is not approved.
    pub transformation: Option<String>,
    /// The column of a table that is there already which it is to fill; none: the one that is proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_column: Option<String>,
}

impl Plan {
    /// The mapping of this id, with its table.
    #[must_use]
    pub fn mapping(&self, id: &str) -> Option<(&TablePlan, &Mapping)> {
        self.tables.iter().find_map(|t| t.mappings.iter().find(|m| m.id == id).map(|m| (t, m)))
    }

    /// Mappings that a person must look at.
    #[must_use]
    pub fn awaiting(&self, auto_approve_above: f64) -> Vec<&Mapping> {
        self.tables.iter().flat_map(|t| &t.mappings).filter(|m| m.awaits(auto_approve_above)).collect()
    }

    /// Whether the decision can stand by itself: its transformation, over any columns of the source row, gives what its target
    /// column takes, and there is such a column.
    ///
    /// # Errors
    /// `invalid_expression`, with the character where it is known; `not_found` for an unknown mapping or column;
    /// `invalid_request` for a target column that cannot be chosen, or has to be.
    pub fn check_decision(&self, decision: &Decision) -> Result<()> {
        let (table, at) = self.locate(&decision.mapping)?;
        if !decision.approved {
            return Ok(());
        }
        let mut table = self.tables[table].clone();
        let sql = decision.transformation.as_deref();
        if let Some(column) = &decision.target_column {
            table.place(at, column, sql)?;
        }
        let mapping = &table.mappings[at];
        match &table.existing {
            Some(_) if mapping.is_unplaced() => {
                let message = format!(
                    "`target_column`: say which column of `{}` the values of `{}` go to, or reject the mapping: {}.",
                    full(&table.target.name),
                    mapping.source_column,
                    mapping.evidence.last().map(|e| e.detail.as_str()).unwrap_or_default()
                );
                Err(Error::new(Code::InvalidRequest, message).table_if(full(&table.target.name)))
            }
            Some(existing) if decision.target_column.is_some() => {
                let to: SchemaRef = Arc::new(Schema::new(vec![existing.field(&mapping.target_column)?]));
                let row = decode_schema(&table.read_schema)?;
                let done = Projection::compile(&row, &to, std::slice::from_ref(&mapping.transformation));
                done.map(drop).map_err(|e| e.table_if(full(&table.target.name)))
            }
            Some(_) | None => sql.map_or(Ok(()), |sql| check(&table, at, sql)),
        }
    }

    /// Whether the mapping could have this transformation: over any columns of its source row, into its target column.
    ///
    /// # Errors
    /// As [`Self::check_decision`].
    pub fn check_transformation(&self, mapping: &str, sql: &str) -> Result<()> {
        let (mapping, transformation) = (mapping.to_owned(), Some(sql.to_owned()));
        self.check_decision(&Decision { mapping, approved: true, transformation, target_column: None })
    }

    /// Whether decisions about tables that are there already can stand together, of those about which everything is decided.
    ///
    /// # Errors
    /// As [`Self::decided`].
    pub fn check_together(&self, decisions: &[Decision], auto_approve_above: f64) -> Result<()> {
        let open = |m: &&Mapping| decisions.iter().all(|d| d.mapping != m.id);
        let open: Vec<&str> =
            self.awaiting(auto_approve_above).into_iter().filter(open).map(|m| m.id.as_str()).collect();
        let is_decided =
            |t: &&TablePlan| t.existing.is_some() && t.mappings.iter().all(|m| !open.contains(&m.id.as_str()));
        let tables: Vec<TablePlan> = self.tables.iter().filter(is_decided).cloned().collect();
        let of_them = |d: &&Decision| tables.iter().any(|t| t.mappings.iter().any(|m| m.id == d.mapping));
        let decisions: Vec<Decision> = decisions.iter().filter(of_them).cloned().collect();
        Self { tables, ..self.clone() }.decided(&decisions).map(drop)
    }

    /// Why a rejected mapping's column cannot simply be left out, in words for a person; none where it can, or where there is
    /// no such mapping.
    #[must_use]
    pub fn why_required(&self, mapping: &str) -> Option<String> {
        let (table, mapping) = self.mapping(mapping)?;
        let column = &mapping.target_column;
        // Its keys are there whatever is staged; what has to be filled is seen when everything is decided.
        if table.existing.is_some() {
            return None;
        }
        let why = if table.mappings.len() == 1 {
            "it is the only column of its table that is moved".to_owned()
        } else {
            required_by_table(&table.target, column)
                .or_else(|| self.required_by_reference(&table.target, column))
                .or_else(|| self.required_by_view(&table.target, column))?
        };
        Some(format!("The column `{column}` of `{}` cannot be left out: {why}.", table.target.name.name))
    }

    /// The plan that is executed: other transformations are in their place, rejected mappings are gone with their columns. Of
    /// two decisions about one mapping the later counts.
    ///
    /// # Errors
    /// `invalid_expression` as [`Self::check_decision`]; `approval_required` for a mapping that has no target column; `conflict` names a rejected column that is needed;
    /// `not_found` for an unknown mapping.
    pub fn decided(&self, decisions: &[Decision]) -> Result<Self> {
        let mut plan = self.clone();
        let overruled = |at: usize, d: &Decision| decisions[at + 1..].iter().any(|later| later.mapping == d.mapping);
        let standing = decisions.iter().enumerate().filter(|(at, d)| !overruled(*at, d)).map(|(_, d)| d);
        for decision in standing {
            let (table, at) = plan.locate(&decision.mapping)?;
            if plan.tables[table].existing.is_some() {
                decide(&mut plan.tables[table], at, decision)?;
                continue;
            }
            match (decision.approved, &decision.transformation) {
                (true, _) if decision.target_column.is_some() => plan.check_decision(decision)?,
                (true, None) => {}
                (true, Some(sql)) => {
                    check(&plan.tables[table], at, sql)?;
                    replace(&mut plan.tables[table], at, sql)?;
                }
                (false, _) => {
                    if let Some(why) = plan.why_required(&decision.mapping) {
                        let column = plan.tables[table].mappings[at].target_column.clone();
                        let error = Error { column: Some(column), ..Error::new(Code::Conflict, why) };
                        return Err(error.table_if(full(&plan.tables[table].target.name)));
                    }
                    leave_out(&mut plan.tables[table], at)?;
                }
            }
        }
        for table in &mut plan.tables {
            table.settle()?;
        }
        plan.summary = summary(&plan.tables);
        Ok(plan)
    }

    fn locate(&self, mapping: &str) -> Result<(usize, usize)> {
        let place = |(table, t): (usize, &TablePlan)| Some((table, t.mappings.iter().position(|m| m.id == mapping)?));
        let unknown = || Error::new(Code::NotFound, format!("The plan has no mapping `{mapping}`."));
        self.tables.iter().enumerate().find_map(place).ok_or_else(unknown)
    }

    /// A view that speaks of the column.
    fn required_by_view(&self, table: &Table, column: &String) -> Option<String> {
        let speaks = |view: &&ViewPlan| view.uses.iter().any(|u| u.table == table.name && u.column == *column);
        let view = self.views.iter().find(speaks)?;
        Some(format!("the view `{0}` speaks of it (leave that out by `exclude_tables` `{0}`)", view.source.name))
    }

    /// A foreign key of any table that refers to the column.
    fn required_by_reference(&self, table: &Table, column: &String) -> Option<String> {
        let refers = |other: &&Table| {
            other.foreign_keys.iter().any(|key| {
                (&key.referenced_schema, &key.referenced_table) == (&table.name.schema, &table.name.name)
                    && key.referenced_columns.contains(column)
            })
        };
        let other = self.tables.iter().map(|t| &t.target).find(refers)?;
        Some(format!("a foreign key of `{}` refers to it", other.name.name))
    }
}

/// A decision about a table that is there already.
fn decide(table: &mut TablePlan, at: usize, decision: &Decision) -> Result<()> {
    if !decision.approved {
        table.mappings.remove(at);
        return Ok(());
    }
    let sql = decision.transformation.as_deref();
    let old = table.mappings[at].transformation.clone();
    if let Some(column) = &decision.target_column {
        table.place(at, column, sql)?;
    }
    let mapping = &mut table.mappings[at];
    if let Some(sql) = sql {
        sql.clone_into(&mut mapping.transformation);
    }
    if mapping.transformation != old || decision.target_column.is_some() {
        mapping.evidence = evidence::overridden(&mapping.evidence, &old);
        mapping.confidence = evidence::confidence(&mapping.evidence);
    }
    Ok(())
}

fn required_by_table(table: &Table, column: &String) -> Option<String> {
    let named = |name: &Option<String>| name.as_ref().map(|n| format!(" `{n}`")).unwrap_or_default();
    let primary = || {
        let key = table.primary_key.as_ref().filter(|k| k.columns.contains(column))?;
        Some(format!("it is part of the primary key{}", named(&key.name)))
    };
    let unique = || {
        let key = table.unique_keys.iter().find(|k| k.columns.contains(column))?;
        Some(format!("it is part of the unique key{}", named(&key.name)))
    };
    let foreign = || {
        let key = table.foreign_keys.iter().find(|k| k.columns.contains(column))?;
        Some(format!("it is part of the foreign key{}", named(&key.name)))
    };
    let index = || {
        let index = table.indexes.iter().find(|i| is_indexed(i, column))?;
        Some(format!("the index `{}` is made of it", index.name))
    };
    let check = || {
        let check = table.checks.iter().find(|c| mentions(&c.expression, column))?;
        Some(format!("the check{} speaks of it", named(&check.name)))
    };
    let generated = || {
        let others = table.columns.iter().filter(|c| c.name != *column);
        let computed =
            |c: &&Column| c.generated.as_ref().is_some_and(|generated| mentions(&generated.expression, column));
        Some(format!("the column `{}` is computed from it", others.into_iter().find(computed)?.name))
    };
    primary().or_else(unique).or_else(foreign).or_else(index).or_else(check).or_else(generated)
}

fn is_indexed(index: &Index, column: &String) -> bool {
    let of_part = |p: &crate::catalog::IndexPart| {
        p.column.as_ref() == Some(column) || p.expression.as_ref().is_some_and(|text| mentions(text, column))
    };
    index.parts.iter().any(of_part)
        || index.included.contains(column)
        || index.predicate.as_ref().is_some_and(|text| mentions(text, column))
}

/// Parsed, planned and typed as the transfer will do it.
fn check(table: &TablePlan, at: usize, sql: &str) -> Result<()> {
    let column = &table.mappings[at].target_column;
    if let Some(computed) = computed_from(&table.target, column) {
        let message = format!(
            "`transformation`: `{computed}` of `{}` is computed by the target from its columns as they are. Approve the mapping without a transformation, or change the column after the migration.",
            full(&table.target.name)
        );
        let error = Error { column: Some(column.clone()), ..Error::new(Code::InvalidRequest, message) };
        return Err(error.table_if(full(&table.target.name)));
    }
    let row = decode_schema(&table.read_schema)?;
    let target = decode_schema(&table.row_schema)?;
    let field = target.fields().get(at).ok_or_else(|| damaged(table))?;
    let target: SchemaRef = Arc::new(Schema::new(vec![Arc::clone(field)]));
    Projection::compile(&row, &target, &[sql.to_owned()]).map(drop).map_err(|e| e.table_if(full(&table.target.name)))
}

/// The column that the target computes, if it is this one, or is computed from this one.
fn computed_from<'t>(table: &'t Table, column: &str) -> Option<&'t str> {
    let speaks =
        |c: &&Column| c.generated.as_ref().is_some_and(|g| c.name == column || mentions(&g.expression, column));
    table.columns.iter().find(speaks).map(|c| c.name.as_str())
}

fn replace(table: &mut TablePlan, at: usize, sql: &str) -> Result<()> {
    let row = decode_schema(&table.read_schema)?;
    let mapping = &mut table.mappings[at];
    mapping.evidence = evidence::overridden(&mapping.evidence, &mapping.transformation);
    mapping.confidence = evidence::confidence(&mapping.evidence);
    // That there was no conversion was said of the old transformation; what the connector said of the type stays.
    mapping.fidelity = evidence::fidelity_said(&mapping.evidence).unwrap_or(mapping.fidelity);
    sql.clone_into(&mut mapping.transformation);
    table.reads = columns_read(&row, &table.mappings);
    Ok(())
}

fn leave_out(table: &mut TablePlan, at: usize) -> Result<()> {
    let row = decode_schema(&table.read_schema)?;
    let written = decode_schema(&table.row_schema)?;
    if written.fields().len() != table.mappings.len() {
        return Err(damaged(table));
    }
    let mut fields = written.fields().to_vec();
    fields.remove(at);
    table.row_schema = encode_schema(&Schema::new_with_metadata(fields, written.metadata().clone()));
    let gone = table.mappings.remove(at).target_column;
    table.target.columns.retain(|c| c.name != gone);
    table.reads = columns_read(&row, &table.mappings);
    Ok(())
}

fn damaged(table: &TablePlan) -> Error {
    let message = "The plan's rows and mappings do not belong together; make the plan again.";
    Error::new(Code::PlanStale, message).table_if(full(&table.target.name))
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
