//! The first rows of every table, read while planning: what a mapping does to real values is known before any row moves.
//!
//! A sample never makes a plan fail. What could not be read, or was not reached in time, is said in the evidence.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::scout::full;
use crate::catalog::TableName;
use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::event::{Event, Level, Observer};
use crate::plugin::{Cancel, Environment, Range, Reading, SourceSession};

/// Rows of one table at most. 1,000: a fault in one row of 200 is missed once in 150 times, and reading them takes no time.
const SAMPLE_ROWS: u32 = 1_000;
/// Bytes of one table, about, at most; one row is always read. 4 MiB: one batch, as a transfer holds several of (P6).
const SAMPLE_BYTES: u64 = 4 << 20;
/// For the samples of all tables together. 20 s: as long as a person waits for a plan, and enough for hundreds of tables
/// of a server that answers in good time.
const SAMPLE_TIME: Duration = Duration::from_secs(20);

/// What reading samples needs.
#[derive(Clone, Copy)]
pub struct Sampling<'a> {
    /// Surrounds the sessions; its switch stops the planning.
    pub environment: &'a Environment,
    /// Is told which table is looked at.
    pub observer: &'a dyn Observer,
}

/// What there is of a table's rows.
#[derive(Debug)]
pub(super) enum Sampled {
    /// Nobody asked.
    Unasked,
    /// Its first rows.
    Rows(Sample),
    /// [`SAMPLE_TIME`] was over.
    OutOfTime,
    /// The table could not be read.
    Unreadable(Error),
}

/// The first rows of a table.
#[derive(Debug, Default)]
pub(super) struct Sample {
    pub(super) batches: Vec<RecordBatch>,
    /// These are all rows.
    pub(super) whole: bool,
    /// The value that the source cannot hand over; the rows before it are here.
    pub(super) broken: Option<Error>,
    pub(super) bytes: u64,
}

impl Sample {
    pub(super) fn rows(&self) -> u64 {
        self.batches.iter().map(|b| b.num_rows() as u64).sum()
    }

    /// Whether rows that were asked for are left unread. All of them are read to the end, which leaves the source's session
    /// in order.
    fn is_too_large(&self) -> bool {
        self.rows() < u64::from(SAMPLE_ROWS) && self.bytes >= SAMPLE_BYTES
    }
}

/// Reads one sample after another, until time is over.
pub(super) struct Sampler<'a> {
    connection: &'a Connection,
    sampling: Sampling<'a>,
    /// With a switch of its own: it is thrown when time is over, and the planning goes on.
    environment: Environment,
    until: Instant,
    /// Gone with the sampler: then nobody needs the switch any more.
    _alive: Sender<()>,
    session: Option<SourceSession>,
    tables: usize,
    begun: usize,
}

impl<'a> Sampler<'a> {
    /// The clock of all `tables` begins to run.
    ///
    /// # Errors
    /// `system`: there is no thread for the clock.
    pub(super) fn new(connection: &'a Connection, sampling: Sampling<'a>, tables: usize) -> Result<Self> {
        let cancel = sampling.environment.cancel.child();
        let alive = cancel_after(SAMPLE_TIME, cancel.clone())?;
        let environment = Environment { cancel, ..sampling.environment.clone() };
        let until = Instant::now() + SAMPLE_TIME;
        Ok(Self { connection, sampling, environment, until, _alive: alive, session: None, tables, begun: 0 })
    }

    /// The first rows of the next table, whose rows have this schema.
    ///
    /// # Errors
    /// `cancelled` if the planning is stopped.
    pub(super) fn next(&mut self, table: &TableName, schema: &SchemaRef) -> Result<Sampled> {
        self.begun += 1;
        if self.is_over() {
            return self.stopped_or(Sampled::OutOfTime);
        }
        let message = format!("Profiling table {} ({} of {})", full(table), self.begun, self.tables);
        self.sampling.observer.observe(Event::Log { level: Level::Info, message });
        let mut sample = Sample::default();
        match self.read(table, schema, &mut sample) {
            Ok(()) => self.stopped_or(Sampled::Rows(sample)),
            Err(e) if e.code == Code::InvalidData => {
                sample.broken = Some(e);
                self.stopped_or(Sampled::Rows(sample))
            }
            Err(_) if self.is_over() && sample.rows() > 0 => self.stopped_or(Sampled::Rows(sample)),
            Err(_) if self.is_over() => self.stopped_or(Sampled::OutOfTime),
            Err(e) => self.stopped_or(Sampled::Unreadable(e)),
        }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until || self.environment.cancel.is_cancelled()
    }

    fn stopped_or(&self, sampled: Sampled) -> Result<Sampled> {
        if self.sampling.environment.cancel.is_cancelled() {
            return Err(Error::new(Code::Cancelled, "The planning was stopped."));
        }
        Ok(sampled)
    }

    /// A session whose reader was read to its end is used for the next table. One that broke, or whose reader was left
    /// half way, may be in the middle of an answer: it is closed.
    fn read(&mut self, table: &TableName, schema: &SchemaRef, sample: &mut Sample) -> Result<()> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => SourceSession::open(self.connection, self.environment.clone())?,
        };
        let columns: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let mut reader = session.read(&Reading {
            table,
            columns: &columns,
            range: &Range::Whole,
            batch_rows: SAMPLE_ROWS,
            batch_bytes: SAMPLE_BYTES,
            limit: Some(SAMPLE_ROWS.into()),
        })?;
        if reader.schema() != schema {
            return Err(
                Error::new(Code::Conflict, "The table was changed while the plan was made.").table_if(full(table))
            );
        }
        while !sample.is_too_large() {
            match reader.next_batch()? {
                Some(batch) => {
                    sample.bytes += batch.bytes() as u64;
                    sample.batches.push(batch.columns);
                }
                None => {
                    sample.whole = sample.rows() < u64::from(SAMPLE_ROWS);
                    reader.close()?;
                    self.session = Some(session);
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Throws the switch when the time is over, unless the returned value is gone before.
fn cancel_after(time: Duration, cancel: Cancel) -> Result<Sender<()>> {
    let (alive, gone) = channel::<()>();
    std::thread::Builder::new()
        .name("sample-clock".to_owned())
        .spawn(move || {
            if gone.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                cancel.cancel();
            }
        })
        .map_err(|e| Error::system("start a clock for the samples", &e))?;
    Ok(alive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_throws_its_switch_and_lets_go_of_what_is_done() {
        let late = Cancel::default();
        let _alive = cancel_after(Duration::from_millis(1), late.clone()).unwrap();
        let began = Instant::now();
        while !late.is_cancelled() && began.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert!(late.is_cancelled());

        let done = Cancel::default();
        drop(cancel_after(Duration::from_millis(20), done.clone()).unwrap());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!done.is_cancelled());
    }
}
