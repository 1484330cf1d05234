//! The simple query protocol, and the frame of COPY.

use sensei_sdk::{Error, Result};
use serde::de::DeserializeOwned;

use super::{Connection, Copying};

/// A row of text values.
pub(crate) type Row = Vec<Option<String>>;

impl Connection {
    /// Executes statements, returns the rows of all of them. For small answers.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Vec<Row>> {
        self.settle()?;
        self.put_query(sql)?;
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            let message = self.message()?;
            match message.tag {
                b'D' => rows.push(data_row(&message.body)?),
                b'T' | b'C' | b'I' => {}
                b'E' => failure = Some(self.failed(&message.body)),
                b'Z' => {
                    self.transaction = message.body.first().copied().unwrap_or(b'I');
                    return failure.map_or(Ok(rows), Err);
                }
                tag => return Err(self.unexpected(tag)),
            }
        }
    }

    /// Executes statements whose rows do not matter.
    pub(crate) fn execute(&mut self, sql: &str) -> Result<()> {
        self.query(sql).map(drop)
    }

    /// The first value of the first row.
    pub(crate) fn value(&mut self, sql: &str) -> Result<Option<String>> {
        Ok(self.query(sql)?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// The rows of a query as structs: the server makes JSON of each.
    pub(crate) fn records<T: DeserializeOwned>(&mut self, sql: &str) -> Result<Vec<T>> {
        let rows = self.query(&format!("SELECT pg_catalog.row_to_json(r)::text FROM (\n{sql}\n) r"))?;
        rows.into_iter()
            .flatten()
            .flatten()
            .map(|json| {
                serde_json::from_str(&json)
                    .map_err(|e| Error::internal(format!("{}: a catalog row does not fit: {e}.", self.peer)))
            })
            .collect()
    }

    /// Whether a transaction is open (or failed).
    pub(crate) fn in_transaction(&self) -> bool {
        self.transaction != b'I'
    }

    /// Ends whatever transaction is open; what was done in it is undone.
    pub(crate) fn rollback(&mut self) -> Result<()> {
        self.settle()?;
        if self.in_transaction() { self.execute("ROLLBACK") } else { Ok(()) }
    }

    /// Begins `COPY .. TO STDOUT`; messages `d` follow. A setup statement may come before it, separated by `;`.
    pub(crate) fn copy_out(&mut self, sql: &str) -> Result<()> {
        self.begin_copy(sql, b'H', Copying::Out)
    }

    /// Begins `COPY .. FROM STDIN`.
    pub(crate) fn copy_in(&mut self, sql: &str) -> Result<()> {
        self.begin_copy(sql, b'G', Copying::In)
    }

    fn begin_copy(&mut self, sql: &str, answer: u8, copy: Copying) -> Result<()> {
        self.settle()?;
        self.put_query(sql)?;
        loop {
            let message = self.message()?;
            match message.tag {
                b'T' | b'D' | b'C' => {}
                b'E' => {
                    let failure = self.failed(&message.body);
                    self.drain()?;
                    return Err(failure);
                }
                tag if tag == answer => {
                    self.copy = copy;
                    return Ok(());
                }
                tag => return Err(self.unexpected(tag)),
            }
        }
    }

    /// After the last row of a COPY, in or out: returns the rows that the server counted.
    pub(crate) fn end_copy(&mut self) -> Result<u64> {
        if self.copy == Copying::In {
            self.put(b'c', &[])?;
            self.stream.flush_out()?;
        }
        self.copy = Copying::No;
        let (mut counted, mut failure) = (None, None);
        loop {
            let message = self.message()?;
            match message.tag {
                b'c' => {}
                b'C' => counted = copied(&message.body),
                b'E' => failure = Some(self.failed(&message.body)),
                b'Z' => {
                    self.transaction = message.body.first().copied().unwrap_or(b'I');
                    return match (failure, counted) {
                        (Some(failure), _) => Err(failure),
                        (None, Some(rows)) => Ok(rows),
                        (None, None) => Err(Error::internal("The server ended a COPY without counting it.")),
                    };
                }
                tag => return Err(self.unexpected(tag)),
            }
        }
    }

    /// Begins a CopyData message: rows are appended to `stream.out()`.
    pub(crate) fn begin_copy_data(&mut self) -> usize {
        self.begin_message(b'd')
    }

    /// Ends it; it is sent now or with what follows.
    pub(crate) fn end_copy_data(&mut self, frame: usize) -> Result<()> {
        self.end_message(frame)?;
        self.stream.send(&[])
    }

    /// Takes an unfinished message back.
    pub(crate) fn drop_copy_data(&mut self, frame: usize) {
        self.stream.out().truncate(frame - 1);
    }

    /// A COPY failed while its rows were read: reads on to where the session can be used again.
    pub(crate) fn fail_copy(&mut self, body: &[u8]) -> Error {
        self.copy = Copying::No;
        let failure = self.failed(body);
        match self.drain() {
            Ok(()) => failure,
            Err(worse) => worse,
        }
    }

    /// Leaves a COPY that nobody wants any more; before the next query.
    fn settle(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.copy, Copying::No) {
            Copying::No => {}
            Copying::Out => self.drain()?,
            Copying::In => {
                // Whatever is half in the buffer is a whole number of messages: writers end each before they return.
                self.put(b'f', b"abandoned\0")?;
                self.stream.flush_out()?;
                self.drain()?;
            }
        }
        Ok(())
    }

    /// Marks a COPY as over: its reader saw the end.
    fn drain(&mut self) -> Result<()> {
        loop {
            let message = self.message()?;
            if message.tag == b'Z' {
                self.transaction = message.body.first().copied().unwrap_or(b'I');
                return Ok(());
            }
        }
    }

    fn put_query(&mut self, sql: &str) -> Result<()> {
        if sql.contains('\0') {
            return Err(Error::internal("A statement holds a NUL character."));
        }
        let at = self.begin_message(b'Q');
        let out = self.stream.out();
        out.extend_from_slice(sql.as_bytes());
        out.push(0);
        self.end_message(at)?;
        self.stream.flush_out()
    }
}

fn data_row(body: &[u8]) -> Result<Row> {
    let broken = || Error::internal("A row of the server is cut short.");
    let (count, mut rest) = body.split_first_chunk::<2>().ok_or_else(broken)?;
    let mut row = Vec::with_capacity(usize::from(u16::from_be_bytes(*count)));
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        rest = after;
        match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => row.push(None),
            Ok(length) => {
                let (value, after) = rest.split_at_checked(length).ok_or_else(broken)?;
                rest = after;
                let text = String::from_utf8(value.to_vec()).map_err(|_| {
                    Error::new(sensei_sdk::Kind::InvalidData, "The catalog holds a name that is not UTF-8.")
                })?;
                row.push(Some(text));
            }
        }
    }
    Ok(row)
}

/// `COPY 17`.
fn copied(body: &[u8]) -> Option<u64> {
    let tag = std::str::from_utf8(body).ok()?.trim_end_matches('\0');
    tag.strip_prefix("COPY ")?.parse().ok()
}
