//! One synchronous connection: messages, the simple query protocol, COPY.
//!
//! Protocol: PostgreSQL, "Frontend/Backend Protocol", version 3.0.

mod authentication;
mod channel_binding;
mod query;
mod startup;

use std::collections::BTreeMap;

use sensei_sdk::net::Stream;
use sensei_sdk::{Error, Kind, Result, host};

use crate::error::Report;

/// One connection. Dropping it takes leave and closes it; the server rolls back what was open.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    /// Who and where, for messages.
    pub(crate) peer: String,
    /// What the server reported: `server_version`, `server_encoding` ...
    parameters: BTreeMap<String, String>,
    /// `I` idle, `T` in a transaction, `E` in a failed one.
    transaction: u8,
    /// A COPY is under way whose reader or writer may have been dropped.
    copy: Copying,
}

impl Drop for Connection {
    /// Takes leave, or the server's log would tell of a client that was lost. Not in a COPY: rows that nobody takes may lie in
    /// the way of a goodbye, and nobody waits for that.
    fn drop(&mut self) {
        if self.copy == Copying::No && self.put(b'X', &[]).is_ok() {
            let _ = self.stream.flush_out();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Copying {
    No,
    In,
    Out,
}

/// A message of the server, whole.
pub(crate) struct Message {
    pub(crate) tag: u8,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// The server's version as a number: 150018 is 15.18.
    pub(crate) fn version(&self) -> u32 {
        let text = self.parameters.get("server_version").map_or("0", String::as_str);
        let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|p| p.parse::<u32>().unwrap_or(0));
        let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        major * 10_000 + minor
    }

    /// For people: `PostgreSQL 15.18`.
    pub(crate) fn server(&self) -> String {
        let text = self.parameters.get("server_version").map_or("", String::as_str);
        format!("PostgreSQL {}", text.split(' ').next().unwrap_or_default())
    }

    /// The next message that is meant for us: notices and parameter changes are dealt with here.
    pub(crate) fn message(&mut self) -> Result<Message> {
        loop {
            let message = self.any_message()?;
            if !self.absorb(&message) {
                return Ok(message);
            }
        }
    }

    /// Deals with one message that may come at any time.
    pub(crate) fn aside(&mut self) -> Result<()> {
        let message = self.any_message()?;
        if self.absorb(&message) { Ok(()) } else { Err(self.unexpected(message.tag)) }
    }

    fn any_message(&mut self) -> Result<Message> {
        let header = self.stream.fill(5)?;
        let tag = header[0];
        let length = message_length(header)?;
        let body = self.stream.fill(1 + length)?[5..1 + length].to_vec();
        self.stream.consume(1 + length);
        Ok(Message { tag, body })
    }

    /// Whether the message was a notice, a parameter's new value or a notification.
    fn absorb(&mut self, message: &Message) -> bool {
        match message.tag {
            b'N' => notice(&Report::parse(&message.body)),
            b'S' => {
                let mut parts = message.body.split(|b| *b == 0).map(|p| String::from_utf8_lossy(p).into_owned());
                if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                    self.parameters.insert(name, value);
                }
            }
            b'A' => {}
            _ => return false,
        }
        true
    }

    pub(crate) fn failed(&self, body: &[u8]) -> Error {
        Report::parse(body).into_error(&self.peer)
    }

    pub(crate) fn unexpected(&self, tag: u8) -> Error {
        Error::internal(format!(
            "{}: the server sent a message that has no place here ({:?}).",
            self.peer,
            char::from(tag)
        ))
    }

    /// Begins a message; [`Self::end_message`] writes its length.
    fn begin_message(&mut self, tag: u8) -> usize {
        let out = self.stream.out();
        out.push(tag);
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        at
    }

    fn end_message(&mut self, at: usize) -> Result<()> {
        let out = self.stream.out();
        let length = u32::try_from(out.len() - at).map_err(|_| Error::internal("A message is longer than 4 GB."))?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Queues one message.
    pub(crate) fn put(&mut self, tag: u8, body: &[u8]) -> Result<()> {
        let at = self.begin_message(tag);
        self.stream.out().extend_from_slice(body);
        self.end_message(at)
    }
}

/// Length of a message, its length word included, the tag not.
pub(crate) fn message_length(header: &[u8]) -> Result<usize> {
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
    // The server's own limit of a message is 1 GB; anything else is no PostgreSQL.
    if (4..=0x4000_0004).contains(&length) {
        Ok(length)
    } else {
        Err(Error::new(Kind::Internal, "The server does not speak the PostgreSQL protocol. Check host and port."))
    }
}

/// Warnings go to the migration's log; NOTICE and below are chatter.
fn notice(report: &Report) {
    if report.severity() == "WARNING" {
        host::log(host::Level::Warning, &format!("{} ({})", report.message(), report.state()));
    }
}
