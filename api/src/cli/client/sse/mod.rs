//! Server-Sent Events from bytes, as the HTML standard reads them.
//!
//! Bytes come in pieces of any size, a line's end or a character may lie across two of them. Lines end with CR LF, LF
//! or CR; a blank line ends an event; what is unknown is passed over. An event that the stream's end cuts off is none.

use std::mem;
use std::time::Duration;

/// Bytes of one event. A log line is far below; what is above would only fill memory.
const MOST_EVENT_BYTES: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// What kind; `message` where the server does not say.
    pub(super) name: String,
    /// Its lines, joined by LF.
    pub(super) data: String,
    /// The last id up to here: what to give as `Last-Event-ID` to go on after it.
    pub(super) id: String,
}

/// An event longer than [`MOST_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Reads one stream.
pub(super) struct Parser {
    /// The line so far.
    line: Vec<u8>,
    /// No line has ended yet.
    at_start: bool,
    /// The last line ended with CR: an LF belongs to it.
    after_cr: bool,
    name: String,
    data: String,
    id: String,
    last_event_id: String,
    retry: Option<Duration>,
}

impl Parser {
    /// For a stream that goes on after this event: a server may give ids rarely, so the last one holds until another comes.
    pub(super) fn after(last_event_id: &str) -> Self {
        Self {
            line: Vec::new(),
            at_start: true,
            after_cr: false,
            name: String::new(),
            data: String::new(),
            id: last_event_id.to_owned(),
            last_event_id: last_event_id.to_owned(),
            retry: None,
        }
    }

    /// Takes the next bytes and tells the events that end in them.
    ///
    /// # Errors
    /// An event is too long; the stream is of no use any more.
    pub(super) fn feed(&mut self, bytes: &[u8], mut tell: impl FnMut(Event)) -> Result<(), TooLong> {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if mem::take(&mut self.after_cr) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.keep(rest);
            };
            self.keep(&rest[..end])?;
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if let Some(event) = self.end_line() {
                tell(event);
            }
        }
        Ok(())
    }

    /// The id of the last event that ended.
    pub(super) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// How long the server wants clients to wait before they come again.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.data.len() + part.len() > MOST_EVENT_BYTES {
            return Err(TooLong);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = mem::take(&mut self.line);
        let line = if mem::take(&mut self.at_start) { without_mark(&line) } else { &line };
        if line.is_empty() {
            return self.end_event();
        }
        // No line's end is inside a character, so a line is decoded as the whole stream would be.
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value));
        None
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            // A comment has an empty name; others may come with a later standard.
            _ => {}
        }
    }

    fn end_event(&mut self) -> Option<Event> {
        self.id.clone_into(&mut self.last_event_id);
        let (name, mut data) = (mem::take(&mut self.name), mem::take(&mut self.data));
        if data.is_empty() {
            return None;
        }
        data.pop();
        let name = if name.is_empty() { "message".to_owned() } else { name };
        Some(Event { name, data, id: self.id.clone() })
    }
}

fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
}

#[cfg(test)]
mod tests;
