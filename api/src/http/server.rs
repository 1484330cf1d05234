//! Listens, answers, and leaves without cutting anybody off.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use sensei_engine::error::{Code, Error, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::limits::Limits;

/// A socket that is bound: requests wait in its queue until [`Server::run`].
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    acknowledge: Duration,
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
        let acknowledge = Duration::from_secs(limits.acknowledge_seconds.into());
        Ok(Self { listener, address, acknowledge, drain: Duration::from_secs(limits.drain_seconds.into()) })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is true, and then for as long as requests need that were there, within bounds.
    ///
    /// # Errors
    /// `system` when the socket breaks.
    pub(crate) async fn run(self, router: Router, shutdown: watch::Receiver<bool>) -> Result<()> {
        let milliseconds = u32::try_from(self.acknowledge.as_millis()).unwrap_or(u32::MAX);
        let listener = self.listener.tap_io(move |socket| {
            // Events are small and must not wait for each other.
            let set = socket.set_nodelay(true).and_then(|()| {
                rustix::net::sockopt::set_tcp_user_timeout(&*socket, milliseconds).map_err(std::io::Error::from)
            });
            if let Err(e) = set {
                tracing::debug!(error = %e, "a connection could not be tuned");
            }
        });
        let serving = axum::serve(listener, router).with_graceful_shutdown(asked_to_leave(shutdown.clone()));
        let drained = async {
            asked_to_leave(shutdown).await;
            tokio::time::sleep(self.drain).await;
        };
        tokio::select! {
            served = serving => served.map_err(|e| Error::system("serve HTTP", &e)),
            () = drained => {
                tracing::warn!("requests were cut off: they did not end in time");
                Ok(())
            }
        }
    }
}

/// Ends when `shutdown` is true, or when nobody is left to say so.
pub(super) async fn asked_to_leave(mut shutdown: watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|leave| *leave).await;
}
