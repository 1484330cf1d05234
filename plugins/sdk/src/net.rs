//! A granted endpoint as a buffered byte stream.

use std::io::{self, Read, Write};

#[cfg(target_arch = "wasm32")]
use crate::bindings::sensei::plugin::network::Socket;
use crate::bindings::sensei::plugin::network::TlsOptions;
#[cfg(not(target_arch = "wasm32"))]
use crate::native::Socket;
use crate::{Error, Kind, Result};

pub use crate::bindings::sensei::plugin::network::{TlsOptions as Tls, Verification};

/// Bytes asked of the host at a time: large enough that the crossing (25 ns and one copy) vanishes.
const READ_BYTES: u32 = 256 * 1024;
/// Bytes gathered before a write crosses to the host.
const WRITE_BYTES: usize = 256 * 1024;
/// A buffer that one large value made larger than this is given back. Twice the largest packet of MySQL and more:
/// what is given back and asked for again with each packet would scatter the heap.
const KEPT_BYTES: usize = 40 * 1024 * 1024;

/// One connection, buffered both ways. `flush` before waiting for an answer.
#[derive(Debug)]
pub struct Stream {
    host: Socket,
    read: Vec<u8>,
    /// How far `read` has been consumed.
    at: usize,
    write: Vec<u8>,
}

impl Stream {
    /// Connects to an endpoint that the configuration names.
    ///
    /// # Errors
    /// `permission-denied` if it was not granted, `unreachable` if nobody answers in time.
    pub fn connect(host: &str, port: u16) -> Result<Self> {
        Ok(Self { host: Socket::connect(host, port)?, read: Vec::new(), at: 0, write: Vec::new() })
    }

    /// Turns this into a TLS client stream; returns the peer's certificate (DER).
    ///
    /// # Errors
    /// `unauthorized` if the certificate does not verify.
    ///
    /// # Panics
    /// If bytes were read ahead in clear: a protocol must not let that happen.
    pub fn start_tls(&mut self, options: &TlsOptions) -> Result<Vec<u8>> {
        self.flush_out()?;
        assert!(self.buffered().is_empty(), "bytes read ahead of TLS");
        self.host.start_tls(options)
    }

    /// What has been read and not consumed.
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        &self.read[self.at..]
    }

    /// Consumes `count` of [`Self::buffered`].
    pub fn consume(&mut self, count: usize) {
        self.at += count;
        debug_assert!(self.at <= self.read.len());
        if self.at == self.read.len() && self.read.capacity() > KEPT_BYTES {
            (self.read, self.at) = (Vec::new(), 0);
        }
    }

    /// Waits until at least `count` bytes are buffered.
    ///
    /// # Errors
    /// `unreachable` if the peer closes first.
    pub fn fill(&mut self, count: usize) -> Result<&[u8]> {
        while self.read.len() - self.at < count {
            let more = self.host.read(READ_BYTES.max((count - self.buffered().len()) as u32))?;
            if more.is_empty() {
                return Err(Error::new(Kind::Unreachable, "The server closed the connection."));
            }
            if self.at == self.read.len() {
                self.read = more;
            } else {
                self.read.drain(..self.at);
                // A large message is asked for as a whole: room for it once, not by doubling.
                if count > KEPT_BYTES {
                    self.read.reserve_exact(count.saturating_sub(self.read.len()).max(more.len()));
                }
                self.read.extend_from_slice(&more);
            }
            self.at = 0;
        }
        Ok(&self.read[self.at..])
    }

    /// Gathers bytes; they cross to the host when enough are there or on [`Self::flush_out`].
    ///
    /// # Errors
    /// As the host's `write`.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.write.extend_from_slice(bytes);
        if self.write.len() >= WRITE_BYTES { self.flush_out() } else { Ok(()) }
    }

    /// The gathering buffer itself, for encoders that append in place; call [`Self::send`] with nothing,
    /// or [`Self::flush_out`], now and then.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.write
    }

    /// Hands everything gathered to the host.
    ///
    /// # Errors
    /// As the host's `write`.
    pub fn flush_out(&mut self) -> Result<()> {
        if !self.write.is_empty() {
            self.host.write(&self.write)?;
            self.write.clear();
            self.write.shrink_to(KEPT_BYTES);
        }
        Ok(())
    }
}

fn io(e: Error) -> io::Error {
    io::Error::other(e)
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.buffered().is_empty() {
            self.read = self.host.read(READ_BYTES).map_err(io)?;
            self.at = 0;
        }
        let count = out.len().min(self.buffered().len());
        out[..count].copy_from_slice(&self.buffered()[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes).map_err(io)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_out().map_err(io)
    }
}
