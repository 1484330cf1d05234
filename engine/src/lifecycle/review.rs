//! The plan as a person reviews it: what is proposed, what was decided, and what still awaits a word.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::service::Service;
use super::state::Status;
use crate::error::Result;
use crate::plan::{PhaseEstimate, Plan, Rate};
use crate::store::{ListQuery, MappingDecision, Order, Sort};

/// A plan under review.
#[derive(Debug, Clone)]
pub struct Review {
    /// Whose.
    pub record: Record,
    /// As the architect made it: decisions are beside it.
    pub plan: Plan,
    /// In the plan's order.
    pub mappings: Vec<ReviewedMapping>,
    /// What it will take.
    pub phases: Vec<PhaseEstimate>,
}

/// One mapping and what is decided about it.
#[derive(Debug, Clone)]
pub struct ReviewedMapping {
    /// Index into the plan's tables.
    pub table: usize,
    /// Index into that table's mappings.
    pub mapping: usize,
    /// Where it stands.
    pub status: MappingStatus,
    /// The override if there is one, else what is proposed.
    pub transformation: String,
    /// The column that a person chose, else what is proposed; none where somebody has to choose one.
    pub target_column: Option<String>,
    /// What a person said.
    pub decision: Option<MappingDecision>,
    /// Why the migration cannot start before somebody decides otherwise: its column cannot be left out, or it has none.
    pub blocked: Option<String>,
}

/// Where a mapping stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingStatus {
    /// By a person, or by its confidence.
    Approved,
    /// A person must look at it.
    PendingReview,
    /// By a person: its column is left out.
    Rejected,
}

impl MappingStatus {
    /// As the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::PendingReview => "pending_review",
            Self::Rejected => "rejected",
        }
    }
}

impl Service {
    /// The plan of a migration, with everything decided about it.
    ///
    /// # Errors
    /// `plan_not_ready` while there is none.
    pub async fn review(&self, id: &str) -> Result<Review> {
        let record = self.store().record(id).await?;
        let plan = self.store().plan(id, record.plan_version).await?;
        let decisions = self.store().decisions(id, record.plan_version).await?;
        let phases = plan.estimate(self.rate(&record).await?);
        let mappings =
            reviewed(&plan, record.spec.options.auto_approve_above, decisions.into_iter().map(|d| d.decision));
        Ok(Review { record, plan, mappings, phases })
    }

    /// How fast rows go between these two systems: as the last migration between them did, else as a careful guess.
    async fn rate(&self, record: &Record) -> Result<Rate> {
        let query = ListQuery {
            status: Some(Status::Completed),
            source_id: Some(record.spec.source.connection_id.clone()),
            target_id: Some(record.spec.target.connection_id.clone()),
            created_after: None,
            created_before: None,
            limit: 1,
            offset: 0,
            sort: Sort::StartedAt,
            order: Order::Descending,
        };
        let earlier = self.store().list(&query).await?.page.into_iter().next();
        let Some((earlier, _)) = earlier else { return Ok(Rate::default()) };
        let measured = self.progress(&earlier.id).await?.filter(|p| p.average_records_per_second >= 1.0);
        Ok(measured.map_or_else(Rate::default, |p| Rate {
            rows_per_second: p.average_records_per_second,
            bytes_per_second: p.average_records_per_second * p.bytes_transferred as f64
                / p.records_processed.max(1) as f64,
        }))
    }
}

fn reviewed(plan: &Plan, line: f64, decisions: impl Iterator<Item = MappingDecision>) -> Vec<ReviewedMapping> {
    let mut decisions: HashMap<String, MappingDecision> = decisions.map(|d| (d.decision.mapping.clone(), d)).collect();
    let mut reviewed = Vec::new();
    for (table, of_table) in plan.tables.iter().enumerate() {
        for (mapping, proposed) in of_table.mappings.iter().enumerate() {
            let decision = decisions.remove(&proposed.id);
            let status = match &decision {
                Some(d) if d.decision.approved => MappingStatus::Approved,
                Some(_) => MappingStatus::Rejected,
                None if proposed.awaits(line) => MappingStatus::PendingReview,
                None => MappingStatus::Approved,
            };
            let overridden = decision.as_ref().and_then(|d| d.decision.transformation.clone());
            let blocked = match status {
                MappingStatus::Rejected => plan.why_required(&proposed.id),
                MappingStatus::PendingReview if proposed.is_unplaced() => Some(format!(
                    "No column of `{}` is known for it. Approve it with a `target_column`, or reject it: then it is left out.",
                    of_table.target.name.name
                )),
                MappingStatus::PendingReview | MappingStatus::Approved => None,
            };
            let chosen = decision.as_ref().and_then(|d| d.decision.target_column.clone());
            let target_column = chosen.or_else(|| Some(proposed.target_column.clone()).filter(|name| !name.is_empty()));
            let transformation = overridden.unwrap_or_else(|| proposed.transformation.clone());
            reviewed.push(ReviewedMapping { table, mapping, status, transformation, target_column, decision, blocked });
        }
    }
    reviewed
}
