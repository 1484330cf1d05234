//! Plans: each version of a migration's plan, whole.

use super::{Store, failed, from_json, get, json};
use crate::error::{Code, Error, Result};
use crate::plan::Plan;

impl Store {
    /// Keeps a plan. Called before the record names its version, so that a version on a record is always there.
    ///
    /// # Errors
    /// `store`.
    pub async fn keep_plan(&self, migration: &str, version: u32, plan: &Plan) -> Result<()> {
        sqlx::query(
            "INSERT INTO plans (migration_id, version, plan) VALUES ($1, $2, $3)
             ON CONFLICT (migration_id, version) DO UPDATE SET plan = excluded.plan",
        )
        .bind(migration)
        .bind(i64::from(version))
        .bind(json(plan)?)
        .execute(&self.pool)
        .await
        .map_err(|e| failed("keep a plan", &e))?;
        Ok(())
    }

    /// A plan, as the architect made it: decisions are not in it.
    ///
    /// # Errors
    /// `plan_not_ready` when there is none of this version.
    pub async fn plan(&self, migration: &str, version: u32) -> Result<Plan> {
        let row = sqlx::query("SELECT plan FROM plans WHERE migration_id = $1 AND version = $2")
            .bind(migration)
            .bind(i64::from(version))
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("read a plan", &e))?
            .ok_or_else(|| {
                Error::new(
                    Code::PlanNotReady,
                    "The migration has no plan yet. Wait until its status is `plan_ready` or `approved`.",
                )
            })?;
        from_json("plan", &get::<String>(&row, "plan")?)
    }
}
