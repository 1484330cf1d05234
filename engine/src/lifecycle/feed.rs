//! Events as they happen: however many follow a migration, the store is read once.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::{Instant, timeout_at};

use crate::error::Result;
use crate::store::{EventQuery, Store, StoredEvent};

/// Events of one migration that are kept in memory: some minutes of a busy one. Whoever is further behind reads the store.
const RECENT: usize = 1_000;
/// Events of one page.
const PAGE: u32 = 500;
/// How often a store that other servers write to is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Migrations that nobody followed for this long are forgotten here.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// Hands events to followers.
#[derive(Debug)]
pub struct Feed {
    store: Store,
    channels: Mutex<HashMap<String, Arc<Channel>>>,
}

#[derive(Debug)]
struct Channel {
    grown: Notify,
    /// How often [`Feed::touch`] was called.
    touched: AtomicU64,
    recent: AsyncMutex<Recent>,
    used: Mutex<Instant>,
}

#[derive(Debug, Default)]
struct Recent {
    events: VecDeque<Arc<StoredEvent>>,
    /// The number of the last event that was read from the store.
    last: i64,
    /// When that was, and at which touch; none: not yet.
    read: Option<(Instant, u64)>,
}

impl Feed {
    pub(super) fn new(store: Store) -> Self {
        Self { store, channels: Mutex::default() }
    }

    /// A migration has new events.
    pub(super) fn touch(&self, migration: &str) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(migration) {
            channel.touched.fetch_add(1, Ordering::SeqCst);
            channel.grown.notify_waiters();
        }
    }

    /// Events after the number `after`, a page at most and in order; waits until there are some, and gives none after
    /// `patience`.
    ///
    /// # Errors
    /// `store`.
    pub async fn next(&self, migration: &str, after: i64, patience: Duration) -> Result<Vec<Arc<StoredEvent>>> {
        let channel = self.channel(migration);
        let deadline = Instant::now() + patience;
        loop {
            // Asked before looking, so that what happens in between wakes it.
            let grown = channel.grown.notified();
            let page = self.page(&channel, migration, after).await?;
            if !page.is_empty() || Instant::now() >= deadline {
                return Ok(page);
            }
            // Another server's events wake nobody here.
            let until = if self.store.is_shared() { deadline.min(Instant::now() + LOOK) } else { deadline };
            let _ = timeout_at(until, grown).await;
        }
    }

    fn channel(&self, migration: &str) -> Arc<Channel> {
        let now = Instant::now();
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.retain(|_, c| {
            let used = *c.used.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::strong_count(c) > 1 || now.duration_since(used) < FORGOTTEN
        });
        let channel = channels.entry(migration.to_owned()).or_insert_with(|| {
            Arc::new(Channel {
                grown: Notify::new(),
                touched: AtomicU64::new(0),
                recent: AsyncMutex::default(),
                used: Mutex::new(now),
            })
        });
        *channel.used.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Arc::clone(channel)
    }

    async fn page(&self, channel: &Channel, migration: &str, after: i64) -> Result<Vec<Arc<StoredEvent>>> {
        {
            let mut recent = channel.recent.lock().await;
            let (now, touched) = (Instant::now(), channel.touched.load(Ordering::SeqCst));
            let stale = |(at, touch): (Instant, u64)| {
                touch != touched || (self.store.is_shared() && now.duration_since(at) >= LOOK)
            };
            if recent.read.is_none() {
                recent.last = self.store.last_event(migration).await?;
            } else if recent.read.is_some_and(stale) {
                self.catch_up(&mut recent, migration).await?;
            }
            recent.read = Some((now, touched));
            let first = recent.events.front().map_or(recent.last + 1, |e| e.seq);
            if after >= first - 1 {
                let newer = recent.events.iter().filter(|e| e.seq > after).take(PAGE as usize);
                return Ok(newer.cloned().collect());
            }
        }
        let page = self.store.events(migration, &page_after(after)).await?;
        Ok(page.into_iter().map(Arc::new).collect())
    }

    /// Reads all that is new: what is left unread here would count as not told until the migration tells more.
    async fn catch_up(&self, recent: &mut Recent, migration: &str) -> Result<()> {
        loop {
            let page = self.store.events(migration, &page_after(recent.last)).await?;
            let is_last = page.len() < PAGE as usize;
            for event in page {
                recent.last = event.seq;
                recent.events.push_back(Arc::new(event));
                if recent.events.len() > RECENT {
                    recent.events.pop_front();
                }
            }
            if is_last {
                return Ok(());
            }
            // Nobody looked for long: what would be forgotten at once is not read.
            let kept_from = self.store.last_event(migration).await? - RECENT as i64;
            if kept_from > recent.last {
                recent.events.clear();
                recent.last = kept_from;
            }
        }
    }
}

fn page_after(after: i64) -> EventQuery {
    EventQuery { after, limit: PAGE, ..EventQuery::default() }
}
