//! What people decided about mappings, with who and when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Store, commit, failed, from_json, get, json};
use crate::error::Result;
use crate::plan::Decision;

/// A person's word on one mapping. The last one counts; the log has them all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MappingDecision {
    /// What was decided.
    pub decision: Decision,
    /// In their words.
    pub comment: Option<String>,
    /// The user of the key.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A decision and the plan it was made about.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDecision {
    /// Version of that plan.
    pub plan_version: u32,
    /// The decision.
    pub decision: MappingDecision,
}

impl Store {
    /// Keeps decisions about one version of a plan; each replaces an earlier one about the same mapping.
    ///
    /// # Errors
    /// `store`.
    pub async fn decide(&self, migration: &str, plan_version: u32, decisions: &[MappingDecision]) -> Result<()> {
        let mut tx = self.transaction().await?;
        for decision in decisions {
            sqlx::query(
                "INSERT INTO decisions (migration_id, mapping_id, plan_version, decision) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (migration_id, mapping_id)
                 DO UPDATE SET plan_version = excluded.plan_version, decision = excluded.decision",
            )
            .bind(migration)
            .bind(decision.decision.mapping.clone())
            .bind(i64::from(plan_version))
            .bind(json(decision)?)
            .execute(&mut *tx)
            .await
            .map_err(|e| failed("keep a decision", &e))?;
        }
        commit(tx).await
    }

    /// All decisions about this version of the plan.
    ///
    /// # Errors
    /// `store`.
    pub async fn decisions(&self, migration: &str, plan_version: u32) -> Result<Vec<StoredDecision>> {
        let rows = sqlx::query(
            "SELECT plan_version, decision FROM decisions WHERE migration_id = $1 AND plan_version = $2 ORDER BY mapping_id",
        )
        .bind(migration)
        .bind(i64::from(plan_version))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| failed("read decisions", &e))?;
        rows.iter()
            .map(|row| {
                Ok(StoredDecision { plan_version, decision: from_json("decision", &get::<String>(row, "decision")?)? })
            })
            .collect()
    }
}
