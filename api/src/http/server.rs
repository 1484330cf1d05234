//! Listens, answers, and leaves without cutting anybody off.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener, ListenerExt};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt;
use sensei_engine::error::{Code, Error, Result};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, watch};

use super::limits::Limits;

/// A socket that is bound: requests wait in its queue until [`Server::run`].
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    places: Places,
    head: Duration,
    acknowledge: Duration,
    send_buffer: usize,
    drain: Duration,
}

impl Server {
    /// Binds `listen`, such as `127.0.0.1:8080`; port 0 is a free one.
    ///
    /// # Errors
    /// `invalid_config` names the address that cannot be had.
    pub(crate) async fn bind(listen: &str, limits: &Limits) -> Result<Self> {
        let refused = |e: std::io::Error| {
            let message = format!("Sensei cannot listen on `{listen}`: {e}. Choose another address with --listen.");
            Error::new(Code::InvalidConfig, message)
        };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Ok(Self {
            listener,
            address,
            places: Places::new(limits.connections),
            head: seconds(limits.head_seconds),
            acknowledge: seconds(limits.acknowledge_seconds),
            send_buffer: limits.send_buffer_bytes as usize,
            drain: seconds(limits.drain_seconds),
        })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is true, and then for as long as requests need that were there, within bounds.
    pub(crate) async fn run(self, router: Router, shutdown: watch::Receiver<bool>) {
        let milliseconds = u32::try_from(self.acknowledge.as_millis()).unwrap_or(u32::MAX);
        let send_buffer = self.send_buffer;
        let mut listener = self.listener.tap_io(move |socket| {
            // Events are small and must not wait for each other.
            let set = socket.set_nodelay(true).and_then(|()| {
                sockopt::set_tcp_user_timeout(&*socket, milliseconds)?;
                sockopt::set_socket_send_buffer_size(&*socket, send_buffer)?;
                Ok(())
            });
            if let Err(e) = set {
                tracing::debug!(error = %e, "a connection could not be tuned");
            }
        });
        // HTTP/1 alone: to tell it from another version, the first bytes would be awaited without a limit.
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.head);
        let service = TowerToHyperService::new(router);
        let mut leaving = pin!(asked_to_leave(shutdown.clone()));
        loop {
            let (place, socket) = tokio::select! {
                biased;
                () = &mut leaving => break,
                arrived = self.places.next(&mut listener) => arrived,
            };
            let connection = builder.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
            let leaving = asked_to_leave(shutdown.clone());
            tokio::spawn(async move {
                let (mut connection, mut leaving) = (pin!(connection), pin!(leaving));
                let ended = tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = &mut leaving => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                };
                if let Err(e) = ended {
                    tracing::debug!(error = e, "a connection ended early");
                }
                drop(place);
            });
        }
        // Nobody waits for a server that leaves.
        drop(listener);
        if tokio::time::timeout(self.drain, self.places.all_free()).await.is_err() {
            tracing::warn!("requests were cut off: they did not end in time");
        }
    }
}

/// Places for connections.
#[derive(Debug)]
struct Places {
    free: Arc<Semaphore>,
    all: u32,
}

impl Places {
    fn new(all: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// The next connection, once there is a place for it.
    async fn next<L: Listener>(&self, listener: &mut L) -> (Option<OwnedSemaphorePermit>, L::Io) {
        let place = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(place) => Some(place),
            Err(TryAcquireError::NoPermits) => {
                tracing::warn!(connections = self.all, "every place for a connection is taken: others wait");
                Arc::clone(&self.free).acquire_owned().await.ok()
            }
            Err(TryAcquireError::Closed) => None,
        };
        (place, listener.accept().await.0)
    }

    /// Ends when the last connection is closed.
    async fn all_free(&self) {
        let _ = self.free.acquire_many(self.all).await;
    }
}

/// Ends when `shutdown` is true, or when nobody is left to say so.
pub(super) async fn asked_to_leave(mut shutdown: watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|leave| *leave).await;
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::JoinHandle;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";
    /// How long the one route takes.
    const TAKES: Duration = Duration::from_millis(400);

    async fn serve(limits: &Limits) -> (SocketAddr, watch::Sender<bool>, JoinHandle<()>) {
        let server = Server::bind("127.0.0.1:0", limits).await.expect("a port");
        let address = server.address();
        let answer = || async {
            tokio::time::sleep(TAKES).await;
            "done"
        };
        let (leave, leaving) = watch::channel(false);
        let running = tokio::spawn(server.run(Router::new().route("/", get(answer)), leaving));
        (address, leave, running)
    }

    async fn connect(address: SocketAddr, sent: &[u8]) -> TcpStream {
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        socket.write_all(sent).await.expect("it takes it");
        socket
    }

    async fn answer(socket: &mut TcpStream) -> String {
        let mut answer = vec![0; 1024];
        let length = socket.read(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    #[tokio::test]
    async fn who_sends_no_request_does_not_keep_others_out() {
        let limits = Limits { connections: 8, head_seconds: 1, ..Limits::default() };
        let (address, _leave, _running) = serve(&limits).await;
        let mut idle = Vec::new();
        for n in 0..40 {
            // Some say nothing at all, some begin.
            idle.push(connect(address, if n % 2 == 0 { b"" } else { b"GET / HT" }).await);
        }
        let began = Instant::now();
        let mut asking = connect(address, REQUEST).await;
        // One byte now and then is no request either.
        for socket in &mut idle[..8] {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = socket.write_all(b"T").await;
        }
        assert!(answer(&mut asking).await.starts_with("HTTP/1.1 200"));
        let waited = began.elapsed();
        assert!(waited > Duration::from_secs(4) && waited < Duration::from_secs(20), "five times eight: {waited:?}");
        for socket in &mut idle {
            let _ = socket.read_to_end(&mut Vec::new()).await;
        }
        // Nor does a connection that is kept for a next request and gets none.
        assert_eq!(asking.read(&mut [0; 8]).await.expect("an end"), 0);
    }

    #[tokio::test]
    async fn a_server_that_leaves_ends_what_it_began() {
        let (address, leave, running) = serve(&Limits::default()).await;
        let (mut asking, mut idle) = (connect(address, REQUEST).await, connect(address, b"").await);
        tokio::time::sleep(TAKES / 4).await;
        leave.send_replace(true);
        assert!(answer(&mut asking).await.starts_with("HTTP/1.1 200"));
        assert_eq!(idle.read(&mut [0; 8]).await.expect("an end"), 0);
        tokio::time::timeout(Duration::from_secs(5), running).await.expect("it left").expect("in good order");
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_server_that_leaves_does_not_wait_for_ever() {
        let (address, leave, running) = serve(&Limits { drain_seconds: 1, ..Limits::default() }).await;
        let _begun = connect(address, b"GET / HT").await;
        tokio::time::sleep(TAKES / 4).await;
        leave.send_replace(true);
        tokio::time::timeout(Duration::from_secs(5), running).await.expect("it left").expect("in good order");
    }
}
