//! Decide: approve or reject mappings, or give them another transformation.

use jiff::Timestamp;
use serde_json::json;

use super::super::announce::Line;
use super::super::record::Record;
use super::super::review::{MappingStatus, Review};
use super::super::service::{Change, Service};
use super::super::state::{Input, Status};
use crate::error::{Code, Error, Result};
use crate::plan::Decision;
use crate::store::MappingDecision;

/// A person's word on one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decide {
    /// Its id.
    pub mapping: String,
    /// False: its column is left out.
    pub approved: bool,
    /// SQL over the source row, in place of what is proposed.
    pub override_transformation: Option<String>,
    /// The column that it is to fill, of a table that the target has already.
    pub target_column: Option<String>,
    /// For the record.
    pub comment: Option<String>,
}

impl Service {
    /// Records decisions about mappings; when nothing awaits a person any more, the migration is approved.
    ///
    /// # Errors
    /// `invalid_expression` with the character of an override that does not fit; `not_found` for an unknown mapping;
    /// `invalid_request` for a target column that cannot be chosen; `conflict` where decisions about one table do not go
    /// together; `plan_stale` when `plan_version` is no longer the plan's; `plan_not_ready`; `invalid_state` once it was started.
    pub async fn decide(
        &self,
        id: &str,
        plan_version: Option<u32>,
        decisions: Vec<Decide>,
        user: &str,
    ) -> Result<Review> {
        let review = self.review(id).await?;
        may_be_decided(&review.record, plan_version)?;
        let now = Timestamp::now();
        let mut made = Vec::with_capacity(decisions.len());
        for decide in decisions {
            if review.plan.mapping(&decide.mapping).is_none() {
                let message = format!("The plan has no mapping `{}`.", decide.mapping);
                return Err(Error::new(Code::NotFound, message));
            }
            let decision = Decision {
                mapping: decide.mapping,
                approved: decide.approved,
                transformation: decide.override_transformation,
                target_column: decide.target_column,
            };
            review.plan.check_decision(&decision)?;
            made.push(MappingDecision { decision, comment: decide.comment, by: user.to_owned(), at: now });
        }
        let earlier = review.mappings.iter().filter_map(|m| Some(m.decision.as_ref()?.decision.clone()));
        let standing = earlier.filter(|e| made.iter().all(|m| m.decision.mapping != e.mapping));
        let all: Vec<Decision> = standing.chain(made.iter().map(|m| m.decision.clone())).collect();
        review.plan.check_together(&all, review.record.spec.options.auto_approve_above)?;
        self.store().decide(id, review.record.plan_version, &made).await?;
        let review = self.review(id).await?;
        let input =
            if review.awaiting().is_empty() && review.blocked().is_empty() { Input::Reviewed } else { Input::Awaiting };
        let lines: Vec<Line> = made.iter().map(|d| line_of(&review, d)).collect();
        let version = review.record.plan_version;
        let (record, ()) = self
            .change(id, |record, now| {
                may_be_decided(record, Some(version))?;
                record.apply(input, now)?;
                Ok(Change::Save((), lines.clone()))
            })
            .await?;
        Ok(Review { record, ..review })
    }

    /// The same decision about everything that awaits a person.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub async fn decide_all(
        &self,
        id: &str,
        plan_version: Option<u32>,
        approved: bool,
        comment: Option<String>,
        user: &str,
    ) -> Result<Review> {
        let review = self.review(id).await?;
        let version = plan_version.or(Some(review.record.plan_version));
        let decide = |mapping: String| Decide {
            mapping,
            approved,
            override_transformation: None,
            target_column: None,
            comment: comment.clone(),
        };
        self.decide(id, version, review.awaiting().into_iter().map(decide).collect(), user).await
    }
}

fn may_be_decided(record: &Record, plan_version: Option<u32>) -> Result<()> {
    match record.status {
        Status::PlanReady | Status::Approved => {}
        Status::Pending | Status::Planning => {
            return Err(Error::new(
                Code::PlanNotReady,
                "The migration has no plan yet to decide about. Wait until it is `plan_ready`.",
            ));
        }
        Status::Running
        | Status::Pausing
        | Status::Paused
        | Status::Validating
        | Status::Completed
        | Status::Failed
        | Status::Cancelled
        | Status::RollingBack
        | Status::RolledBack => {
            let status = record.status.as_str();
            let message =
                format!("The migration is `{status}`: its mappings can be decided about before it is started.");
            return Err(Error::new(Code::InvalidState, message).with_details(json!({"status": record.status})));
        }
    }
    match plan_version {
        Some(version) if version != record.plan_version => Err(Error::new(
            Code::PlanStale,
            format!("The plan is version {} now, not {version}. Look at it again, then decide.", record.plan_version),
        )),
        Some(_) | None => Ok(()),
    }
}

fn line_of(review: &Review, made: &MappingDecision) -> Line {
    let place = review.plan.mapping(&made.decision.mapping).map_or_else(
        || made.decision.mapping.clone(),
        |(table, mapping)| format!("{}.{}", table.source.name, mapping.source_column),
    );
    let place = match &made.decision.target_column {
        Some(column) if made.decision.approved => format!("{place} into `{column}`"),
        Some(_) | None => place,
    };
    let what = match (made.decision.approved, &made.decision.transformation) {
        (true, None) => format!("approved {place}"),
        (true, Some(sql)) => format!("approved {place} as `{sql}`"),
        (false, _) => format!("rejected {place}"),
    };
    let comment = made.comment.as_ref().map(|c| format!(" ({c})")).unwrap_or_default();
    Line::info(format!("{} {what}{comment}.", made.by))
}

impl Review {
    /// Mappings that await a person.
    #[must_use]
    pub fn awaiting(&self) -> Vec<String> {
        self.with(|m| m.status == MappingStatus::PendingReview)
    }

    /// Rejected mappings whose columns cannot be left out.
    #[must_use]
    pub fn blocked(&self) -> Vec<String> {
        self.with(|m| m.blocked.is_some())
    }

    fn with(&self, keep: impl Fn(&super::super::ReviewedMapping) -> bool) -> Vec<String> {
        let kept = self.mappings.iter().filter(|m| keep(m));
        kept.map(|m| self.plan.tables[m.table].mappings[m.mapping].id.clone()).collect()
    }
}
