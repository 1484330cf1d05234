//! A lane: one reader and one writer with a bounded queue between them.
//!
//! The reader thread takes work from the [`Queue`], reads a chunk from the source, evaluates the mappings and
//! passes batches on; the writer thread puts them into the target and commits. The writer alone settles a
//! chunk (durable, again, or the run fails), so a chunk has one outcome whichever side broke.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::Transfer;
use super::budget::{Budget, Permit};
use super::project::Projector;
use super::queue::{ChunkTask, Queue, Work};
use super::tally::Tally;
use crate::error::{Code, Error, Result, Role};
use crate::event::Event;
use crate::plan::TablePlan;
use crate::plugin::rows::{Batch, CheckedBatch, decode_schema};
use crate::plugin::{Reading, SourceSession, Stage, TargetSession};
use crate::validate::{Comparison, Digest, Hasher};

/// What passes from reader to writer.
enum Message {
    Begin(ChunkTask),
    Rows {
        batch: Ready,
        rows: u64,
        bytes: u64,
        permit: Permit,
    },
    /// The chunk is whole, and its rows add up to this.
    End(Option<Digest>),
    /// The reader broke; the chunk is not whole.
    Broken(Error),
    Complete(usize),
}

/// A batch on its way to the target: as it came, or as the mappings made it.
enum Ready {
    AsItCame(CheckedBatch),
    Mapped(arrow::array::RecordBatch),
}

impl Ready {
    fn columns(&self) -> &arrow::array::RecordBatch {
        match self {
            Self::AsItCame(batch) => &batch.columns,
            Self::Mapped(batch) => batch,
        }
    }

    fn into_contract(self) -> Result<Batch> {
        match self {
            Self::AsItCame(batch) => Ok(batch.into_raw()),
            Self::Mapped(batch) => crate::plugin::rows::encode(&batch),
        }
    }
}

/// What a chunk's rows add up to, so far.
struct Content {
    hasher: Hasher,
    digest: Digest,
}

impl Content {
    fn of(table: &TablePlan, percent: u8) -> Result<Self> {
        // Batches that go on as they came have the source's names; their columns stand where the target's do.
        let hasher = Comparison::of(table, percent)?.hasher(&*decode_schema(&table.row_schema)?);
        Ok(Self { hasher, digest: Digest::default() })
    }

    fn take(&mut self, rows: &arrow::array::RecordBatch) {
        self.digest.add(self.hasher.digest(rows));
    }
}

/// The reader's half.
pub(super) struct ReadingHalf<'a> {
    pub(super) transfer: &'a Transfer<'a>,
    pub(super) queue: &'a Queue,
    pub(super) pool: &'a rayon::ThreadPool,
    /// In the snapshot; replaced after an error.
    pub(super) session: Option<SourceSession>,
    budget: Budget,
    sender: Sender<Message>,
}

/// The writer's half.
pub(super) struct WritingHalf<'a> {
    pub(super) transfer: &'a Transfer<'a>,
    pub(super) queue: &'a Queue,
    pub(super) tally: &'a Tally,
    session: Option<TargetSession>,
    receiver: Receiver<Message>,
    writes: Arc<Writes>,
}

/// Held by each writer for as long as it is at work.
pub(super) struct Writes;

/// Both halves of a lane.
pub(super) fn lane<'a>(
    transfer: &'a Transfer<'a>,
    queue: &'a Queue,
    tally: &'a Tally,
    pool: &'a rayon::ThreadPool,
    session: SourceSession,
    writers: &Arc<Writes>,
) -> (ReadingHalf<'a>, WritingHalf<'a>) {
    // Bytes are bounded by the budget; messages hold nothing else that grows.
    let (sender, receiver) = crossbeam_channel::unbounded();
    let budget = Budget::new(transfer.options.queue_bytes);
    (
        ReadingHalf { transfer, queue, pool, session: Some(session), budget, sender },
        WritingHalf { transfer, queue, tally, session: None, receiver, writes: Arc::clone(writers) },
    )
}

/// The other half is gone: it has told the queue why, or was asked to stop.
struct Gone;

/// How completing a table ended, other than by an error.
enum Completed {
    Whole,
    /// At a statement's end, because of a stop.
    Stopped,
}

/// A lane that panics must not leave the others waiting for its chunk.
struct TellPanic<'a>(&'a Queue, &'a Transfer<'a>);

impl Drop for TellPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let message =
                "A lane of the transfer broke down; this is a bug of Sensei. Run the same command again to resume.";
            self.0.fail(Error::new(Code::System, message));
            self.1.cancel.cancel();
        }
    }
}

impl ReadingHalf<'_> {
    /// Until there is no more work.
    pub(super) fn run(mut self) {
        let _tell = TellPanic(self.queue, self.transfer);
        while let Some(work) = self.queue.next() {
            let sent = match work {
                Work::Complete(table) => self.sender.send(Message::Complete(table)).map_err(|_| Gone),
                Work::Move(task) => self.sender.send(Message::Begin(task.clone())).map_err(|_| Gone).and_then(|()| {
                    let end = match self.read(&task) {
                        Ok(Ok(digest)) => Message::End(digest),
                        Ok(Err(Gone)) => return Err(Gone),
                        Err(e) => {
                            self.session = None;
                            Message::Broken(e)
                        }
                    };
                    self.sender.send(end).map_err(|_| Gone)
                }),
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// Reads a chunk, and passes it on as the target is to have it; what its rows add up to.
    fn read(&mut self, task: &ChunkTask) -> Result<Result<Option<Digest>, Gone>> {
        let transfer = self.transfer;
        let table = &transfer.plan.tables[task.table];
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(transfer.rejoin()?),
        };
        let mut reader = session.read(&Reading {
            table: &table.source,
            columns: &table.reads,
            range: &task.chunk.range,
            batch_rows: transfer.options.batch_rows,
            batch_bytes: transfer.options.batch_bytes,
            limit: None,
        })?;
        let projector = Projector::compile(reader.schema(), table)?;
        let mut content = transfer.digested.map(|percent| Content::of(table, percent)).transpose()?;
        while let Some(batch) = reader.next_batch()? {
            let (rows, bytes) = (batch.columns.num_rows() as u64, batch.bytes() as u64);
            let batch = match &projector {
                Projector::Identity => Ready::AsItCame(batch),
                Projector::Mapped(projection) => {
                    Ready::Mapped(super::project::evaluate(self.pool, projection, &batch.columns)?)
                }
            };
            if let Some(content) = &mut content {
                content.take(batch.columns());
            }
            let permit = self.budget.take(bytes);
            if self.sender.send(Message::Rows { batch, rows, bytes, permit }).is_err() {
                return Ok(Err(Gone));
            }
        }
        reader.close()?;
        Ok(Ok(content.map(|content| content.digest)))
    }
}

impl WritingHalf<'_> {
    /// Until the reader has no more work, or a stop was asked for and what had begun is durable.
    pub(super) fn run(mut self) {
        let _tell = TellPanic(self.queue, self.transfer);
        self.work();
        // Without its receiver, a reader that is ahead is let go at its next batch.
        let Self { transfer, writes, session, receiver, .. } = self;
        drop((session, receiver));
        // Splitting, counting, and reading a chunk that nobody writes may take long, and nothing is lost with them.
        if Arc::into_inner(writes).is_some() && transfer.stop.is_asked() {
            transfer.cancel.cancel();
        }
    }

    fn work(&mut self) {
        while let Ok(message) = self.receiver.recv() {
            match message {
                // The reader may be ahead; what was not begun here was not begun.
                Message::Begin(_) | Message::Complete(_) if self.transfer.stop.is_asked() => return,
                Message::Begin(task) => self.chunk(task),
                Message::Complete(table) => match self.complete(table) {
                    Ok(Completed::Whole) => self.queue.table_done(table),
                    Ok(Completed::Stopped) => return,
                    Err(e) => self.give_up(e.table_if(self.transfer.target_name(table))),
                },
                // What is left of a chunk that was settled as failed.
                Message::Rows { .. } | Message::End(_) | Message::Broken(_) => {}
            }
        }
    }

    fn give_up(&mut self, error: Error) {
        self.session = None;
        self.queue.fail(error);
        self.transfer.cancel.cancel();
    }

    fn chunk(&mut self, task: ChunkTask) {
        let (table, chunk, rows) = (task.table, task.number, task.chunk.rows);
        self.transfer.observer.observe(Event::ChunkStarted { table, chunk, rows });
        let mut accepted = 0;
        match self.write(&task, &mut accepted) {
            Ok((rows, digest)) => {
                self.tally.committed(task.table, rows, digest);
                self.transfer.observer.observe(Event::ChunkCommitted { table: task.table, chunk: task.number, rows });
                if self.queue.chunk_done(task.table) {
                    self.transfer.observer.observe(Event::TableLoaded { table: task.table });
                }
            }
            Err(error) => {
                self.session = None;
                let error = error.table_if(self.transfer.target_name(task.table));
                let (table, reason) = (task.table, error.to_string());
                match self.queue.chunk_failed(task, error) {
                    Some(attempt) => {
                        self.transfer.observer.observe(Event::ChunkRetried { table, rows: accepted, attempt, reason });
                    }
                    None => self.transfer.cancel.cancel(),
                }
            }
        }
    }

    /// Writes one chunk and commits it; the rows that are durable, and what they add up to.
    fn write(&mut self, task: &ChunkTask, accepted: &mut u64) -> Result<(u64, Option<Digest>)> {
        let transfer = self.transfer;
        let table = &transfer.plan.tables[task.table];
        self.tally.began(task.table);
        let session = transfer.writing(&mut self.session)?;
        let mut writer = session.write(&transfer.plan.migration, &table.target, task.number, &table.row_schema)?;
        let digest = loop {
            match self.receiver.recv() {
                Ok(Message::Rows { batch, rows, bytes, permit }) => {
                    writer.write(&batch.into_contract()?)?;
                    drop(permit);
                    *accepted += rows;
                    self.tally.moved(task.table, bytes);
                    transfer.observer.observe(Event::Rows { table: task.table, rows, bytes });
                }
                Ok(Message::End(digest)) => break digest,
                Ok(Message::Broken(e)) => return Err(e),
                Ok(Message::Begin(_) | Message::Complete(_)) | Err(_) => {
                    return Err(Error::new(Code::Cancelled, "The migration was asked to stop."));
                }
            }
        };
        let noted = transfer.digested.zip(digest).map(|(percent, digest)| digest.noted(percent));
        match writer.commit(noted.as_deref()) {
            Ok(rows) if rows == *accepted => Ok((rows, digest)),
            Ok(rows) => Err(Error::new(
                Code::PluginLied,
                format!("The target committed {rows} rows of a chunk of {accepted}. Nothing of it counts; report this to the connector's author."),
            )
            .role_if(Some(Role::Target))),
            // An earlier attempt became durable although its answer was lost: exactly once all the same (P1).
            Err(e) if e.code == Code::Conflict => {
                self.session = None;
                Ok((*accepted, digest))
            }
            Err(e) => Err(e),
        }
    }

    /// Keys and indexes of a loaded table, then its rows as the target counts them.
    fn complete(&mut self, table: usize) -> Result<Completed> {
        let transfer = self.transfer;
        let name = &transfer.plan.tables[table].target.name;
        let session = transfer.writing(&mut self.session)?;
        for statement in transfer.statements(Stage::CompleteTable) {
            if transfer.stop.is_asked() {
                return Ok(Completed::Stopped);
            }
            if statement.table.as_ref() == Some(name) {
                super::execute_one(session, transfer, statement)?;
            }
        }
        if transfer.stop.is_asked() {
            return Ok(Completed::Stopped);
        }
        let began = Instant::now();
        let rows = session.count(&transfer.plan.migration, name, true)?;
        tracing::debug!(table = %name.name, rows, seconds = began.elapsed().as_secs_f64(), "counted target");
        self.tally.counted_target(table, rows);
        Ok(Completed::Whole)
    }
}
