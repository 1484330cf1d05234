//! A TCP proxy that can misbehave: it slows, holds, cuts, and stops at a text it was told to look for.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Between looks at whether traffic may go on.
const PAUSE: Duration = Duration::from_millis(2);
/// Bytes moved at a time: small, so that a cut falls in the middle of things.
const BUFFER: usize = 16 * 1024;

/// A proxy to one port of 127.0.0.1. It lives in threads of its own until the process ends.
#[derive(Clone, Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    upstream: u16,
    /// Bytes per second in each direction of each connection; 0 is as fast as it goes.
    rate: AtomicU64,
    from_client: AtomicU64,
    from_server: AtomicU64,
    accepted: AtomicU64,
    holding: AtomicBool,
    refusing: AtomicBool,
    /// Those that still pass bytes: when both of a connection's threads have ended, its sockets close.
    connections: Mutex<Vec<Weak<Connection>>>,
    trap: Mutex<Option<Vec<u8>>>,
    sprung: Mutex<bool>,
    spring: Condvar,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    cut: AtomicBool,
}

impl Proxy {
    /// Listens on a free port and passes everything to `port`.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let state = Arc::new(State {
            upstream: port,
            rate: AtomicU64::new(0),
            from_client: AtomicU64::new(0),
            from_server: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            holding: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            connections: Mutex::new(Vec::new()),
            trap: Mutex::new(None),
            sprung: Mutex::new(false),
            spring: Condvar::new(),
        });
        let port = listener.local_addr().expect("bound").port();
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.accept(client);
            }
        });
        Self { port, state }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// At most so many bytes per second in each direction of each connection from now on; 0 lifts the limit.
    pub fn slow(&self, bytes_per_second: u64) {
        self.state.rate.store(bytes_per_second, Ordering::Relaxed);
    }

    /// Bytes that came from clients so far.
    pub fn from_client(&self) -> u64 {
        self.state.from_client.load(Ordering::Relaxed)
    }

    /// Bytes that came from the server so far.
    pub fn from_server(&self) -> u64 {
        self.state.from_server.load(Ordering::Relaxed)
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::Relaxed)
    }

    /// Breaks every connection now. New ones are taken.
    ///
    /// # Panics
    /// When a proxy thread panicked.
    pub fn cut(&self) {
        let connections = std::mem::take(&mut *self.state.connections.lock().expect("connections"));
        connections.iter().filter_map(Weak::upgrade).for_each(|connection| connection.close());
    }

    /// Nothing passes any more, nothing is closed: a network that went away.
    pub fn hold(&self) {
        self.state.holding.store(true, Ordering::SeqCst);
    }

    /// Lets traffic pass again, what was held first.
    pub fn release(&self) {
        self.state.holding.store(false, Ordering::SeqCst);
    }

    /// Closes new connections at once, or no longer.
    pub fn refuse(&self, refuse: bool) {
        self.state.refusing.store(refuse, Ordering::SeqCst);
    }

    /// Holds everything as soon as a client sends `text`, in capitals or not. The bytes that end it are held, not passed on.
    ///
    /// # Panics
    /// When a proxy thread panicked.
    pub fn trap(&self, text: &str) {
        *self.state.sprung.lock().expect("sprung") = false;
        *self.state.trap.lock().expect("trap") = Some(text.as_bytes().to_vec());
    }

    /// Waits until the trap has sprung; false when it did not in time.
    ///
    /// # Panics
    /// When a proxy thread panicked.
    pub fn wait_trapped(&self, limit: Duration) -> bool {
        let sprung = self.state.sprung.lock().expect("sprung");
        *self.state.spring.wait_timeout_while(sprung, limit, |sprung| !*sprung).expect("sprung").0
    }
}

impl Connection {
    fn close(&self) {
        self.cut.store(true, Ordering::SeqCst);
        drop(self.client.shutdown(Shutdown::Both));
        drop(self.server.shutdown(Shutdown::Both));
    }
}

impl State {
    fn accept(self: &Arc<Self>, client: TcpStream) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        if self.refusing.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.upstream)) else { return };
        drop(client.set_nodelay(true));
        drop(server.set_nodelay(true));
        let connection = Arc::new(Connection { client, server, cut: AtomicBool::new(false) });
        self.connections.lock().expect("connections").push(Arc::downgrade(&connection));
        for from_client in [true, false] {
            let (state, connection) = (Arc::clone(self), Arc::clone(&connection));
            thread::spawn(move || state.pass(&connection, from_client));
        }
    }

    /// Moves one direction's bytes until either side closes.
    fn pass(&self, connection: &Connection, from_client: bool) {
        let (mut from, mut to): (&TcpStream, &TcpStream) = match from_client {
            true => (&connection.client, &connection.server),
            false => (&connection.server, &connection.client),
        };
        let counter = if from_client { &self.from_client } else { &self.from_server };
        let mut buffer = vec![0; BUFFER];
        let mut seen = Vec::new();
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..length];
            counter.fetch_add(length as u64, Ordering::Relaxed);
            if from_client {
                self.look_for_trap(&mut seen, bytes);
            }
            while self.holding.load(Ordering::SeqCst) && !connection.cut.load(Ordering::SeqCst) {
                thread::sleep(PAUSE);
            }
            let begin = Instant::now();
            if to.write_all(bytes).is_err() {
                // Nobody takes the bytes: the other side must not go on sending them.
                connection.close();
                return;
            }
            if let rate @ 1.. = self.rate.load(Ordering::Relaxed) {
                let due = Duration::from_secs_f64(length as f64 / rate as f64);
                thread::sleep(due.saturating_sub(begin.elapsed()));
            }
        }
        drop(to.shutdown(Shutdown::Write));
    }

    fn look_for_trap(&self, seen: &mut Vec<u8>, bytes: &[u8]) {
        let mut trap = self.trap.lock().expect("trap");
        let Some(text) = trap.as_deref() else { return };
        seen.extend_from_slice(bytes);
        if seen.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text)) {
            *trap = None;
            self.holding.store(true, Ordering::SeqCst);
            *self.sprung.lock().expect("sprung") = true;
            self.spring.notify_all();
        } else {
            let kept = seen.len().min(text.len() - 1);
            seen.drain(..seen.len() - kept);
        }
    }
}
