//! Start: begin what was planned, or begin again after a failure.

use jiff::Timestamp;
use serde_json::json;

use super::super::announce::Line;
use super::super::record::{Cutover, Record, Started};
use super::super::review::Review;
use super::super::service::{CHANGE_ATTEMPTS, Change, Service};
use super::super::state::{Input, Status};
use crate::error::{Code, Error, Result};
use crate::event::Phase;

/// How to start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Start {
    /// Begin although mappings await a person: they are executed as proposed.
    pub skip_approval: bool,
    /// Begin at this phase. What is durable is kept, so every phase before it must have been completed; at
    /// `schema_migration` everything is thrown away and begun anew.
    pub start_from_phase: Option<Phase>,
}

impl Service {
    /// Starts a migration. One that runs already is a success.
    ///
    /// # Errors
    /// `plan_not_ready`; `approval_required` lists the mappings that await a person; `invalid_state`;
    /// `invalid_request` for a phase that cannot be begun at.
    pub async fn start(&self, id: &str, how: Start, user: &str) -> Result<Record> {
        if how.start_from_phase == Some(Phase::Planning) {
            return Err(Error::new(
                Code::InvalidRequest,
                "`start_from_phase`: planning is not started but asked for anew, at `plan/regenerate`.",
            )
            .with_details(json!({"field": "start_from_phase"})));
        }
        for _ in 0..CHANGE_ATTEMPTS {
            let record = self.store().record(id).await?;
            let seen = match record.status {
                Status::PlanReady => Seen::of(&self.review(id).await?),
                Status::Failed if record.plan_version > 0 => Seen::of(&self.review(id).await?),
                Status::Failed => {
                    let message =
                        "The migration failed before it had a plan. Ask for one at `plan/regenerate`, then start.";
                    return Err(Error::new(Code::PlanNotReady, message));
                }
                Status::Pending
                | Status::Planning
                | Status::Approved
                | Status::Running
                | Status::Pausing
                | Status::Paused
                | Status::Validating
                | Status::Completed
                | Status::Cancelled
                | Status::RollingBack
                | Status::RolledBack => Seen { version: record.version, awaiting: vec![], blocked: vec![] },
            };
            if let Some(record) = self.start_as_seen(id, how, &seen, user).await? {
                return Ok(record);
            }
        }
        Err(Error::new(Code::Store, "The migration is changed by others all the time. Try again in a moment."))
    }

    /// Starts what was reviewed; none: it is not that any more, and must be looked at again.
    async fn start_as_seen(&self, id: &str, how: Start, seen: &Seen, user: &str) -> Result<Option<Record>> {
        let (record, is_as_seen) = self
            .change(id, |record, now| {
                if record.version != seen.version {
                    return Ok(Change::Leave(false));
                }
                seen.check(how)?;
                start(record, how, !seen.awaiting.is_empty(), user, now)
            })
            .await?;
        Ok(is_as_seen.then_some(record))
    }
}

/// What stands in the way of a start, at one version of the record: a decision saves the record, so the version tells.
#[derive(Debug)]
struct Seen {
    version: i64,
    /// Mappings that await a person.
    awaiting: Vec<String>,
    /// Mappings whose columns cannot be left out, though they were rejected, or that have none.
    blocked: Vec<String>,
}

impl Seen {
    fn of(review: &Review) -> Self {
        Self { version: review.record.version, awaiting: review.awaiting(), blocked: review.blocked() }
    }

    fn check(&self, how: Start) -> Result<()> {
        if !self.blocked.is_empty() {
            let message = "Mappings fill columns that cannot be left out, or have no column: see `blocked` of each. Decide about them again.";
            return Err(Error::new(Code::ApprovalRequired, message).with_details(json!({"blocked": self.blocked})));
        }
        if !self.awaiting.is_empty() && !how.skip_approval {
            let message = format!(
                "{} mappings await a person. Approve or reject them, or start with `skip_approval`.",
                self.awaiting.len()
            );
            return Err(Error::new(Code::ApprovalRequired, message).with_details(json!({"mappings": self.awaiting})));
        }
        Ok(())
    }
}

fn start(record: &mut Record, how: Start, unreviewed: bool, user: &str, now: Timestamp) -> Result<Change<bool>> {
    let input = if unreviewed { Input::StartUnreviewed } else { Input::Start };
    let from_the_beginning = how.start_from_phase == Some(Phase::SchemaMigration);
    if let Some(phase) = how.start_from_phase
        && !from_the_beginning
    {
        let missing = [Phase::SchemaMigration, Phase::DataTransfer, Phase::Validation]
            .into_iter()
            .take_while(|before| *before != phase)
            .find(|before| !record.has_completed(*before));
        if let Some(missing) = missing {
            let message = format!(
                "`start_from_phase`: `{}` cannot be begun at, since `{}` has not been completed.",
                phase.as_str(),
                missing.as_str()
            );
            return Err(Error::new(Code::InvalidState, message)
                .with_details(json!({"field": "start_from_phase", "not_completed": missing})));
        }
    }
    if !record.apply(input, now)? {
        return Ok(Change::Leave(true));
    }
    record.started_by = Some(Started { by: user.to_owned(), unreviewed });
    record.restart |= from_the_beginning;
    // A cutover that was asked for was one of what was loaded then.
    record.cutover = Cutover::default();
    if from_the_beginning {
        record.phases.retain(|p| p.name == Phase::Planning);
    }
    record.phase = Some(how.start_from_phase.unwrap_or(Phase::SchemaMigration));
    let passed_over = if unreviewed { ", passing over mappings that await a person" } else { "" };
    Ok(Change::Save(true, vec![Line::info(format!("Started by {user}{passed_over}."))]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use std::sync::Arc;

    use super::*;
    use crate::lifecycle::{NotificationsSpec, OptionsSpec, SourceSpec, Spec, TargetSpec};
    use crate::plugin::{Host, Limits, Registry};
    use crate::seal::SealingKey;
    use crate::store::{DEFAULT_URL, Store, fresh_id};

    async fn service(folder: &tempfile::TempDir) -> Service {
        let (scheme, _) = DEFAULT_URL.split_once(':').unwrap();
        let store = Store::open(&format!("{scheme}:{}", folder.path().join("state").display())).await.unwrap();
        let seal = SealingKey::from_base64(&crate::base64::encode(&[1; 32])).unwrap();
        let registry = Arc::new(Registry::new(Host::new(Limits::default(), None).unwrap()));
        Service::new(store, registry, seal, None)
    }

    async fn failed_with_a_plan(service: &Service) -> Record {
        let spec = Spec {
            name: "a".to_owned(),
            description: None,
            source: SourceSpec { connection_id: "conn_a".into(), schemas: vec![], exclude_tables: vec![] },
            target: TargetSpec { connection_id: "conn_b".into(), schema: None, into: BTreeMap::new() },
            options: OptionsSpec::default(),
            schedule: Default::default(),
            notifications: NotificationsSpec::default(),
        };
        let mut record = Record::new(fresh_id("mig").unwrap(), spec, "user_a".into(), Timestamp::now());
        (record.status, record.plan_version) = (Status::Failed, 1);
        service.store().create(&mut record, &[], &[]).await.unwrap();
        record
    }

    #[tokio::test]
    async fn a_decision_that_comes_in_between_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let service = service(&folder).await;
        let record = failed_with_a_plan(&service).await;
        let (id, how) = (record.id.as_str(), Start::default());
        let seen = Seen { version: record.version, awaiting: vec![], blocked: vec![] };
        let decided = service.change(id, |_, _| Ok(Change::Save((), vec![Line::info("decided")]))).await.unwrap().0;

        assert!(service.start_as_seen(id, how, &seen, "user_a").await.unwrap().is_none());
        assert_eq!(service.store().record(id).await.unwrap().status, Status::Failed);

        let seen = Seen { version: decided.version, awaiting: vec![], blocked: vec!["map_a".to_owned()] };
        let refused =
            service.start_as_seen(id, Start { skip_approval: true, ..how }, &seen, "user_a").await.unwrap_err();
        assert_eq!(refused.code, Code::ApprovalRequired);
        let seen = Seen { blocked: vec![], ..seen };
        let started = service.start_as_seen(id, how, &seen, "user_a").await.unwrap().unwrap();
        assert_eq!((started.status, started.started_by.unwrap().unreviewed), (Status::Running, false));
    }
}
