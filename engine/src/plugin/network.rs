//! Sockets for guests: granted endpoints only, TLS by the host, bytes counted, cancellable.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use wasmtime::component::Resource;

use super::bindings::sensei::plugin::errors::{Error, Kind};
use super::bindings::sensei::plugin::network::{self, TlsOptions};
use super::cancel::Watched;
use super::guest::Guest;
use super::outcome::{Limit, to_guest};
use super::tls;

/// How long the host tries one address before the next. 10 s: longer than any handshake across an ocean,
/// shorter than a person's patience.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes read from the operating system at a time; what is there is handed over at once.
const READ_BYTES: usize = 256 * 1024;

/// One connection of a guest.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Socket {
    host: String,
    stream: Stream,
    _watched: Watched,
    /// Reused between reads, so that a small answer costs a small copy.
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// Between the two, and after a failed handshake.
    Gone,
}

impl Socket {
    fn read(&mut self, max: usize) -> io::Result<Vec<u8>> {
        let wanted = max.min(READ_BYTES.max(self.buffer.len()));
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let buffer = &mut self.buffer[..wanted];
        let count = loop {
            let result = match &mut self.stream {
                Stream::Plain(s) => s.read(buffer),
                Stream::Tls(s) => s.read(buffer),
                Stream::Gone => return Err(io::ErrorKind::NotConnected.into()),
            };
            match result {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // A peer that closes without TLS's goodbye; the protocol above knows whether it was done.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break 0,
                other => break other?,
            }
        };
        Ok(buffer[..count].to_vec())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(s) => s.write_all(bytes),
            Stream::Tls(s) => s.write_all(bytes).and_then(|()| s.flush()),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Guest {
    fn broken(&self, host: &str, e: &io::Error) -> Error {
        if self.environment.cancel.is_cancelled() {
            to_guest(Kind::Cancelled, "The migration was asked to stop.")
        } else {
            to_guest(Kind::Unreachable, format!("The connection to {host} broke: {e}."))
        }
    }

    fn open_socket(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        if self.environment.cancel.is_cancelled() {
            return Err(to_guest(Kind::Cancelled, "The migration was asked to stop."));
        }
        let unreachable = |what: String| {
            to_guest(
                Kind::Unreachable,
                format!("{what} Check host and port, and that a firewall lets this machine through."),
            )
        };
        let addresses = (host, port)
            .to_socket_addrs()
            .map_err(|e| unreachable(format!("The host name `{host}` could not be resolved ({e}).")))?;
        let mut last = None;
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(socket) => {
                    // Requests are small and wait for answers.
                    let _ = socket.set_nodelay(true);
                    let _ = rustix::net::sockopt::set_socket_keepalive(&socket, true);
                    return Ok(socket);
                }
                Err(e) => last = Some(e),
            }
        }
        let why = last.map_or_else(|| "the name has no address".to_owned(), |e| e.to_string());
        Err(unreachable(format!("Nothing answers at {host}:{port} ({why}).")))
    }
}

impl network::Host for Guest {}

impl network::HostSocket for Guest {
    fn connect(&mut self, host: String, port: u16) -> wasmtime::Result<Result<Resource<Socket>, Error>> {
        if !self.grant.allows(&host, port) {
            let message =
                format!("This connection's configuration does not name {host}:{port}; its connector may not reach it.");
            return Ok(Err(to_guest(Kind::PermissionDenied, message)));
        }
        self.take_handle()?;
        let opened = self.open_socket(&host, port);
        self.progressed();
        match opened {
            Ok(tcp) => {
                let watched = self.environment.cancel.watch(&tcp);
                let host = format!("{host}:{port}");
                let socket = Socket { host, stream: Stream::Plain(tcp), _watched: watched, buffer: Vec::new() };
                Ok(Ok(self.table.push(socket)?))
            }
            Err(e) => {
                self.handles -= 1;
                Ok(Err(e))
            }
        }
    }

    fn start_tls(&mut self, this: Resource<Socket>, options: TlsOptions) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let socket = self.table.get_mut(&this)?;
        let Stream::Plain(tcp) = std::mem::replace(&mut socket.stream, Stream::Gone) else {
            return Ok(Err(to_guest(Kind::Internal, "TLS can be started once, on a plain connection.")));
        };
        let name = socket.host.rsplit_once(':').map_or(socket.host.as_str(), |(host, _)| host).to_owned();
        let result = tls::handshake(&name, tcp, options).map(|(stream, certificate)| {
            socket.stream = Stream::Tls(Box::new(stream));
            certificate
        });
        self.progressed();
        Ok(result)
    }

    fn read(&mut self, this: Resource<Socket>, max: u32) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let max = max.min(self.limits.read_bytes) as usize;
        let socket = self.table.get_mut(&this)?;
        let result = socket.read(max);
        let host = result.is_err().then(|| socket.host.clone());
        self.progressed();
        if self.environment.cancel.is_cancelled() {
            return Ok(Err(to_guest(Kind::Cancelled, "The migration was asked to stop.")));
        }
        Ok(match result {
            Ok(bytes) => {
                self.environment.traffic.add_received(bytes.len());
                Ok(bytes)
            }
            Err(e) => Err(self.broken(&host.unwrap_or_default(), &e)),
        })
    }

    fn write(&mut self, this: Resource<Socket>, bytes: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        let socket = self.table.get_mut(&this)?;
        let result = socket.write(&bytes);
        let host = result.is_err().then(|| socket.host.clone());
        self.environment.traffic.add_sent(bytes.len());
        self.progressed();
        Ok(result.map_err(|e| self.broken(&host.unwrap_or_default(), &e)))
    }

    fn drop(&mut self, this: Resource<Socket>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        self.handles -= 1;
        Ok(())
    }
}

impl Guest {
    /// Counts one more socket or file.
    pub(super) fn take_handle(&mut self) -> wasmtime::Result<()> {
        if self.handles >= self.limits.handles {
            return Err(Limit::Handles.into());
        }
        self.handles += 1;
        Ok(())
    }
}
