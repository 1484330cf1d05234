//! The supervisor of one server: takes migrations that need a server, under leases, and drives them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::command::Start;
use super::drive::{Driver, Signals};
use super::record::SCHEDULE;
use super::service::Service;
use super::state::Status;
use crate::error::{Code, Result};
use crate::store::fresh_id;

/// How often the supervisor looks for work that nobody told it of.
const LOOK: Duration = Duration::from_millis(500);

/// How a server works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisorSettings {
    /// Migrations that one server drives at the same time; others wait. Default 4: each has lanes, memory and connections
    /// of its own.
    pub max_migrations: u32,
    /// How long a lease lasts without being kept going: after this long, another server takes over from one that died.
    /// Default 15 s: longer than a slow moment of the store, shorter than a person's patience.
    pub lease: Duration,
    /// How long lanes may take to stop at a chunk when the server is asked to leave. Default 30 s; then they stop at once, and
    /// rows of unfinished chunks are moved again by whoever goes on.
    pub grace: Duration,
    /// How long a migration that is to pause at its next checkpoint may stand still: no byte, no row, no statement. Default 60 s:
    /// longer than a network's hiccups, shorter than a person's patience; then its connections are cut as by an immediate
    /// pause. While statements of the target alone are at work it waits for them.
    pub stall: Duration,
}

impl Default for SupervisorSettings {
    fn default() -> Self {
        Self {
            max_migrations: 4,
            lease: Duration::from_secs(15),
            grace: Duration::from_secs(30),
            stall: Duration::from_secs(60),
        }
    }
}

/// Drives migrations.
#[derive(Debug)]
pub struct Supervisor {
    service: Arc<Service>,
    settings: SupervisorSettings,
    owner: String,
}

/// Who is at work.
struct Crew {
    drivers: JoinSet<String>,
    /// Ends each driver at once.
    ends: HashMap<String, watch::Sender<bool>>,
    renewed: Instant,
}

impl Crew {
    fn end_all(&self) {
        for end in self.ends.values() {
            end.send_replace(true);
        }
    }
}

impl Supervisor {
    /// A supervisor with a name of its own among servers.
    ///
    /// # Errors
    /// `system` if the machine has no randomness.
    pub fn new(service: Arc<Service>, settings: SupervisorSettings) -> Result<Self> {
        Ok(Self { service, settings, owner: fresh_id("srv")? })
    }

    /// Works until `shutdown` is true; then lanes stop at a chunk and leases are let go.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut crew = Crew { drivers: JoinSet::new(), ends: HashMap::new(), renewed: Instant::now() };
        let mut look = tokio::time::interval(LOOK);
        let leaving = shutdown.clone();
        while !*shutdown.borrow() {
            if let Err(e) = self.attend(&mut crew, &leaving).await {
                tracing::error!(error = %e, "the state cannot be reached");
            }
            tokio::select! {
                _ = look.tick() => {}
                () = self.service.changed.notified() => {}
                Some(ended) = crew.drivers.join_next_with_id() => self.ended(&mut crew, ended.map(|(_, id)| id)).await,
                _ = shutdown.changed() => {}
            }
        }
        let until = Instant::now() + self.settings.grace;
        while !crew.drivers.is_empty() {
            if Instant::now() >= until {
                crew.end_all();
            }
            if let Err(e) = self.keep_leases(&mut crew).await {
                tracing::error!(error = %e, "leases cannot be kept");
            }
            tokio::select! {
                _ = look.tick() => {}
                Some(ended) = crew.drivers.join_next_with_id() => self.ended(&mut crew, ended.map(|(_, id)| id)).await,
            }
        }
    }

    async fn attend(&self, crew: &mut Crew, leaving: &watch::Receiver<bool>) -> Result<()> {
        self.keep_leases(crew).await?;
        self.wake().await?;
        let at_work = u32::try_from(crew.ends.len()).unwrap_or(u32::MAX);
        let free = self.settings.max_migrations.saturating_sub(at_work);
        if free == 0 {
            return Ok(());
        }
        let now = Timestamp::now();
        for id in self.service.store().take_work(&self.owner, now, self.lease_end(now), free).await? {
            let (end, lost) = watch::channel(false);
            crew.ends.insert(id.clone(), end);
            let signals = Signals { leaving: leaving.clone(), lost };
            let driver =
                Driver { service: Arc::clone(&self.service), id: id.clone(), signals, stall: self.settings.stall };
            crew.drivers.spawn(async move {
                if let Err(e) = driver.drive().await {
                    tracing::error!(migration = %driver.id, error = %e, "a migration could not be driven on; it will be tried again");
                    tokio::time::sleep(LOOK).await;
                }
                id
            });
        }
        Ok(())
    }

    async fn ended(&self, crew: &mut Crew, ended: std::result::Result<String, tokio::task::JoinError>) {
        let ids = match ended {
            Ok(id) => vec![id],
            Err(e) => {
                // Which one it was, its task took with it: all leases but those of drivers at work run out by themselves.
                tracing::error!(error = %e, "a driver broke down; this is a bug of Sensei");
                let gone = |end: &watch::Sender<bool>| end.receiver_count() == 0;
                crew.ends.iter().filter(|(_, end)| gone(end)).map(|(id, _)| id.clone()).collect()
            }
        };
        for id in ids {
            crew.ends.remove(&id);
            if let Err(e) = self.service.store().release(&self.owner, &id).await {
                tracing::warn!(migration = %id, error = %e, "a lease could not be let go: it ends by itself");
            }
        }
    }

    fn lease_end(&self, now: Timestamp) -> Timestamp {
        let lease = SignedDuration::try_from(self.settings.lease).unwrap_or(SignedDuration::from_secs(15));
        now.checked_add(lease).unwrap_or(Timestamp::MAX)
    }

    /// Keeps the leases going. One that is lost, or that nobody knows is kept, ends its driver: another server may have begun.
    async fn keep_leases(&self, crew: &mut Crew) -> Result<()> {
        if crew.renewed.elapsed() < self.settings.lease / 3 {
            return Ok(());
        }
        let ids: Vec<String> = crew.ends.keys().cloned().collect();
        match self.service.store().renew(&self.owner, &ids, self.lease_end(Timestamp::now())).await {
            Ok(lost) => {
                crew.renewed = Instant::now();
                for id in lost {
                    tracing::warn!(migration = %id, "the lease is lost; another server goes on");
                    if let Some(end) = crew.ends.get(&id) {
                        end.send_replace(true);
                    }
                }
                Ok(())
            }
            Err(e) => {
                if crew.renewed.elapsed() > self.settings.lease * 2 / 3 {
                    crew.end_all();
                }
                Err(e)
            }
        }
    }

    /// Starts and resumes what the schedule lets run.
    async fn wake(&self) -> Result<()> {
        for id in self.service.store().awake(Timestamp::now()).await? {
            let record = self.service.store().record(&id).await?;
            let woken = match record.status {
                Status::Approved => self.service.start(&id, Start::default(), SCHEDULE).await,
                Status::Paused => self.service.resume(&id, SCHEDULE).await,
                Status::Pending
                | Status::Planning
                | Status::PlanReady
                | Status::Running
                | Status::Pausing
                | Status::Validating
                | Status::Completed
                | Status::Failed
                | Status::Cancelled
                | Status::RollingBack
                | Status::RolledBack => continue,
            };
            match woken {
                Ok(_) => {}
                // Somebody else was quicker.
                Err(e) if e.code == Code::InvalidState => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
