//! What a request needs: the store, the connectors, and changes of state that are whole.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::announce::{self, Before, Line};
use super::feed::Feed;
use super::record::Record;
use super::spec::Spec;
use crate::error::{Code, Error, Result};
use crate::migration::{Job, Stop};
use crate::plan::{Decision, Plan};
use crate::plugin::{Cancel, Registry, Traffic};
use crate::seal::SealingKey;
use crate::store::{Store, fresh_id};

/// How often a change is tried when others change the same record at the same time. 20: each loses against one that won.
pub(super) const CHANGE_ATTEMPTS: u32 = 20;

/// Takes commands.
#[derive(Debug)]
pub struct Service {
    store: Store,
    registry: Arc<Registry>,
    seal: SealingKey,
    feed: Feed,
    /// Where people find the API, for links in notifications.
    base_url: Option<String>,
    /// Wakes the supervisor: a record changed.
    pub(super) changed: Notify,
    /// Wakes the postman: mail was written.
    pub(super) posted: Notify,
}

/// What a change came to.
pub(super) enum Change<T> {
    /// Save the record and tell these lines.
    Save(T, Vec<Line>),
    /// There is nothing to save.
    Leave(T),
}

impl Service {
    /// Over a store and connectors.
    #[must_use]
    pub fn new(store: Store, registry: Arc<Registry>, seal: SealingKey, base_url: Option<String>) -> Self {
        let feed = Feed::new(store.clone());
        Self { store, registry, seal, feed, base_url, changed: Notify::new(), posted: Notify::new() }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The connectors on board.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Seals and opens secrets.
    #[must_use]
    pub fn seal(&self) -> &SealingKey {
        &self.seal
    }

    /// Events, live.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Somebody put mail into the outbox.
    pub fn mail_posted(&self) {
        self.posted.notify_one();
    }

    /// Creates a migration: pending, and the supervisor begins with its plan at once.
    ///
    /// # Errors
    /// `invalid_request` names a connection that is not there.
    pub async fn create(&self, spec: Spec, user: &str) -> Result<Record> {
        for (field, id) in [("source", &spec.source.connection_id), ("target", &spec.target.connection_id)] {
            self.store.connection(id).await.map_err(|e| match e.code {
                Code::NotFound => {
                    let message = format!("`{field}.connection_id`: {}", e.message);
                    let details = serde_json::json!({"field": format!("{field}.connection_id")});
                    Error::new(Code::InvalidRequest, message).with_details(details)
                }
                _ => e,
            })?;
        }
        let now = Timestamp::now();
        let mut record = Record::new(fresh_id("mig")?, spec, user.to_owned(), now);
        let lines = [Line::info(format!("Created by {user}."))];
        let webhooks = self.store.webhooks().await?;
        let events = announce::events(&record, None, &lines, now);
        let kinds = Before::tells(None, &record);
        let mail = announce::mail(&record, &kinds, &lines, &webhooks, self.base_url.as_deref(), now);
        self.store.create(&mut record, &events, &mail).await?;
        self.told(&record.id, !mail.is_empty());
        Ok(record)
    }

    /// Changes a record: reads it, lets `decide` change it, saves it with its events and notifications in one
    /// transaction; all of that again when somebody else saved it in between.
    pub(super) async fn change<T>(
        &self,
        id: &str,
        decide: impl FnMut(&mut Record, Timestamp) -> Result<Change<T>>,
    ) -> Result<(Record, T)> {
        self.change_at(None, id, decide).await
    }

    /// The same for what happened a moment ago.
    pub(super) async fn change_at<T>(
        &self,
        at: Option<Timestamp>,
        id: &str,
        mut decide: impl FnMut(&mut Record, Timestamp) -> Result<Change<T>>,
    ) -> Result<(Record, T)> {
        for _ in 0..CHANGE_ATTEMPTS {
            let mut record = self.store.record(id).await?;
            let (before, now) = (Before::of(&record), at.unwrap_or_else(Timestamp::now));
            let (value, lines) = match decide(&mut record, now)? {
                Change::Leave(value) => return Ok((record, value)),
                Change::Save(value, lines) => (value, lines),
            };
            let kinds = Before::tells(Some(before), &record);
            let webhooks = if kinds.is_empty() { Vec::new() } else { self.store.webhooks().await? };
            let events = announce::events(&record, Some(before), &lines, now);
            let mail = announce::mail(&record, &kinds, &lines, &webhooks, self.base_url.as_deref(), now);
            let wake_at = record.wake_at(now);
            if self.store.save(&mut record, wake_at, &events, &mail).await? {
                self.told(id, !mail.is_empty());
                return Ok((record, value));
            }
        }
        Err(Error::new(Code::Store, "The migration is changed by others all the time. Try again in a moment."))
    }

    fn told(&self, id: &str, mail: bool) {
        self.feed.touch(id);
        self.changed.notify_waiters();
        if mail {
            self.posted.notify_one();
        }
    }

    /// A job of the engine for this migration. Nothing is connected to.
    pub(super) async fn job(&self, record: &Record) -> Result<Job> {
        let source = self.connection(&record.spec.source.connection_id).await?;
        let target = self.connection(&record.spec.target.connection_id).await?;
        Ok(Job {
            source,
            target,
            request: record.spec.request(),
            options: record.spec.run_options(),
            observer: Arc::new(()),
            traffic: Arc::new(Traffic::default()),
            cancel: Cancel::default(),
            stop: Stop::default(),
            gate: Arc::new(()),
            restart: record.restart,
            name: Some(record.id.clone()),
            keep_ledger: true,
        })
    }

    /// The plan as it is executed: with what people decided.
    pub(super) async fn decided_plan(&self, record: &Record) -> Result<Plan> {
        let plan = self.store.plan(&record.id, record.plan_version).await?;
        let decisions: Vec<Decision> = self
            .store
            .decisions(&record.id, record.plan_version)
            .await?
            .into_iter()
            .map(|d| d.decision.decision)
            .collect();
        plan.decided(&decisions)
    }
}
