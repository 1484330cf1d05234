//! The host, as far as a connector's native unit tests need one: plain TCP, the machine's clock and
//! randomness. TLS is the host's work and stays out. Nothing of this is in a guest.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::bindings::sensei::plugin::network::TlsOptions;
use crate::{Error, Kind, Result};

/// Stands where the guest has the host's socket.
#[derive(Debug)]
pub(crate) struct Socket(TcpStream);

impl Socket {
    pub(crate) fn connect(host: &str, port: u16) -> Result<Self> {
        let stream = TcpStream::connect((host, port))
            .map_err(|e| Error::new(Kind::Unreachable, format!("{host}:{port} cannot be reached: {e}.")))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    pub(crate) fn start_tls(&self, _: &TlsOptions) -> Result<Vec<u8>> {
        Err(Error::new(Kind::Unsupported, "TLS needs the host; a native test has none. Use sslmode disable."))
    }

    pub(crate) fn read(&self, max: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0; max as usize];
        let count = (&self.0).read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<()> {
        Ok((&self.0).write_all(bytes)?)
    }
}

pub(crate) mod log {
    use crate::host::Level;

    pub(crate) fn write(level: Level, message: &str) {
        eprintln!("{level:?}: {message}");
    }
}

pub(crate) mod clock {
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    pub(crate) fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
    }

    pub(crate) fn monotonic() -> u64 {
        thread_local!(static START: Instant = Instant::now());
        START.with(|s| s.elapsed().as_nanos() as u64)
    }
}

pub(crate) mod random {
    pub(crate) fn bytes(length: u32) -> Vec<u8> {
        let mut bytes = vec![0; length as usize];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        bytes
    }
}
