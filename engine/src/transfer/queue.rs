//! The one queue that all lanes take their work from: chunks, largest table first, and tables to complete.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result, Retry};
use crate::migration::Stop;
use crate::plugin::Chunk;

/// Pause before a chunk's second attempt; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long an idle lane sleeps before it looks for a pause that has ended, and whether a stop was asked for.
const IDLE_LOOK: Duration = Duration::from_millis(100);

/// A chunk to be moved.
#[derive(Debug, Clone)]
pub(super) struct ChunkTask {
    /// Index into the plan's tables.
    pub(super) table: usize,
    /// Number within its table.
    pub(super) number: u32,
    pub(super) chunk: Chunk,
    /// From 1.
    pub(super) attempt: u32,
    not_before: Option<Instant>,
}

/// What a lane does next.
#[derive(Debug)]
pub(super) enum Work {
    Move(ChunkTask),
    /// All chunks of the table are durable: keys and indexes.
    Complete(usize),
}

/// Shared by all lanes and the splitter.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    attempts: u32,
    stop: Stop,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<ChunkTask>,
    completions: VecDeque<usize>,
    /// Chunks not yet durable, by table; a table leaves when it is complete.
    open: BTreeMap<usize, usize>,
    split_done: bool,
    failed: Option<Error>,
}

impl Queue {
    pub(super) fn new(attempts: u32, stop: Stop) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), attempts, stop }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A table's chunks that are not durable yet. None left: it is to be completed at once.
    pub(super) fn add_table(&self, table: usize, chunks: impl IntoIterator<Item = (u32, Chunk)>) {
        let mut state = self.lock();
        let before = state.chunks.len();
        let tasks =
            chunks.into_iter().map(|(number, chunk)| ChunkTask { table, number, chunk, attempt: 1, not_before: None });
        state.chunks.extend(tasks);
        let added = state.chunks.len() - before;
        state.open.insert(table, added);
        if added == 0 {
            state.completions.push_back(table);
        }
        self.changed.notify_all();
    }

    /// Every table has been added.
    pub(super) fn all_added(&self) {
        self.lock().split_done = true;
        self.changed.notify_all();
    }

    /// The next piece of work; waits for it. None when everything is done, the run has failed or was asked to stop.
    pub(super) fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            let done = state.split_done && state.open.is_empty();
            if done || state.failed.is_some() || self.stop.is_asked() {
                return None;
            }
            // Completing takes long and nothing else can do it: first.
            if let Some(table) = state.completions.pop_front() {
                return Some(Work::Complete(table));
            }
            let now = Instant::now();
            let ready = state.chunks.iter().position(|c| c.not_before.is_none_or(|t| t <= now));
            if let Some(task) = ready.and_then(|at| state.chunks.remove(at)) {
                return Some(Work::Move(task));
            }
            state = self.changed.wait_timeout(state, IDLE_LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A chunk is durable. True: it was its table's last.
    pub(super) fn chunk_done(&self, table: usize) -> bool {
        let mut state = self.lock();
        let Some(open) = state.open.get_mut(&table) else { return false };
        *open -= 1;
        let last = *open == 0;
        if last {
            state.completions.push_back(table);
        }
        self.changed.notify_all();
        last
    }

    /// A table has its keys and indexes.
    pub(super) fn table_done(&self, table: usize) {
        self.lock().open.remove(&table);
        self.changed.notify_all();
    }

    /// A chunk failed: queued again after a pause when that may help (the attempt that comes next is returned), otherwise
    /// the run fails.
    pub(super) fn chunk_failed(&self, task: ChunkTask, error: Error) -> Option<u32> {
        match error.code.retry() {
            Retry::Later if task.attempt < self.attempts => {
                let pause = FIRST_PAUSE.saturating_mul(1 << (task.attempt - 1).min(16)).min(LONGEST_PAUSE);
                let attempt = task.attempt + 1;
                let again = ChunkTask { attempt, not_before: Some(Instant::now() + pause), ..task };
                self.lock().chunks.push_front(again);
                Some(attempt)
            }
            Retry::Later | Retry::Never => {
                self.fail(error);
                None
            }
        }
    }

    /// The run fails; the first reason is kept. Lanes that were cancelled because of it are not a reason.
    pub(super) fn fail(&self, error: Error) {
        let mut state = self.lock();
        match &state.failed {
            Some(first) if first.code != Code::Cancelled => {}
            _ => state.failed = Some(error),
        }
        self.changed.notify_all();
    }

    /// No more work is handed out: the run failed, or was asked to stop.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_asked() || self.lock().failed.is_some()
    }

    /// How the run ended. A stop that came too late to leave anything undone is one all the same.
    pub(super) fn outcome(&self) -> Result<()> {
        self.lock().failed.clone().map_or_else(|| self.stop.check(), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Range;

    fn chunk() -> Chunk {
        Chunk { range: Range::Whole, rows: 1, bytes: 1, lasting: true }
    }

    fn queue(attempts: u32) -> Queue {
        Queue::new(attempts, Stop::default())
    }

    fn next_chunk(queue: &Queue) -> ChunkTask {
        match queue.next() {
            Some(Work::Move(task)) => task,
            other => panic!("wanted a chunk, got {other:?}"),
        }
    }

    #[test]
    fn a_table_is_completed_after_its_last_chunk_and_before_other_chunks() {
        let queue = queue(1);
        queue.add_table(7, [(0, chunk()), (1, chunk())]);
        queue.add_table(8, [(0, chunk())]);
        queue.all_added();
        let (_, _) = (next_chunk(&queue), next_chunk(&queue));
        assert!(!queue.chunk_done(7));
        assert!(queue.chunk_done(7));
        assert!(matches!(queue.next(), Some(Work::Complete(7))));
        queue.table_done(7);
        assert_eq!(next_chunk(&queue).table, 8);
        queue.chunk_done(8);
        assert!(matches!(queue.next(), Some(Work::Complete(8))));
        queue.table_done(8);
        assert!(queue.next().is_none());
        assert!(queue.outcome().is_ok());
    }

    #[test]
    fn a_table_without_open_chunks_is_completed_at_once() {
        let queue = queue(1);
        queue.add_table(0, []);
        assert!(matches!(queue.next(), Some(Work::Complete(0))));
    }

    #[test]
    fn passing_errors_are_tried_again_and_others_end_the_run() {
        let queue = queue(2);
        queue.add_table(0, [(0, chunk())]);
        queue.all_added();
        let broke = || Error::new(Code::Unreachable, "gone");
        assert_eq!(queue.chunk_failed(next_chunk(&queue), broke()), Some(2));
        let again = next_chunk(&queue);
        assert_eq!(again.attempt, 2);
        assert_eq!(queue.chunk_failed(again, broke()), None, "attempts are used up");
        assert!(queue.next().is_none());
        assert_eq!(queue.outcome().unwrap_err().code, Code::Unreachable);
    }

    #[test]
    fn the_first_reason_is_kept_and_cancellation_is_none() {
        let queue = queue(1);
        queue.fail(Error::new(Code::Cancelled, "stop"));
        queue.fail(Error::new(Code::InvalidData, "bad"));
        queue.fail(Error::new(Code::Unreachable, "gone"));
        assert_eq!(queue.outcome().unwrap_err().code, Code::InvalidData);
    }

    #[test]
    fn a_stop_hands_out_nothing_more_and_lets_what_was_handed_out_end() {
        let stop = Stop::default();
        let queue = Queue::new(5, stop.clone());
        queue.add_table(0, [(0, chunk()), (1, chunk())]);
        let at_work = next_chunk(&queue);
        stop.ask();
        assert!(queue.is_over());
        assert!(queue.next().is_none(), "a chunk began after the stop");
        assert!(!queue.chunk_done(at_work.table), "the chunk at work counts");
        assert!(queue.next().is_none());
        assert_eq!(queue.outcome().unwrap_err().code, Code::Cancelled);
    }

    #[test]
    fn a_stop_ends_the_wait_for_a_chunk_that_is_to_be_tried_again() {
        let stop = Stop::default();
        let queue = Queue::new(5, stop.clone());
        queue.add_table(0, [(0, chunk())]);
        queue.all_added();
        assert_eq!(queue.chunk_failed(next_chunk(&queue), Error::new(Code::Unreachable, "gone")), Some(2));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.next().is_none());
            stop.ask();
            assert!(waiting.join().unwrap(), "the chunk was handed out");
        });
        assert_eq!(queue.outcome().unwrap_err().code, Code::Cancelled);
    }

    #[test]
    fn no_table_is_completed_after_a_stop() {
        let stop = Stop::default();
        let queue = Queue::new(1, stop.clone());
        queue.add_table(0, []);
        stop.ask();
        assert!(queue.next().is_none());
    }

    #[test]
    fn a_failure_outweighs_a_stop() {
        let stop = Stop::default();
        let queue = Queue::new(1, stop.clone());
        stop.ask();
        queue.fail(Error::new(Code::InvalidData, "bad"));
        assert_eq!(queue.outcome().unwrap_err().code, Code::InvalidData);
    }
}
