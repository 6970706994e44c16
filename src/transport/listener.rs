//! Accepts connections, serves each in a task, and waits for the tasks when the server drains.

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::connection_limit::{ConnectionLimit, CountedConnection};
use super::http::connection::HttpConnection;
use super::http::site::Site;
use super::net::stream::Stream;
use super::serve::serve;
use crate::metrics::{Metrics, Reason};

/// Connections that the system completes before they are accepted.
const BACKLOG: i32 = 4096;
/// The pause after an error of the system.
const PAUSE: Duration = Duration::from_millis(100);

/// The interval of repeated log messages of a lasting error.
const SILENCE: Duration = Duration::from_secs(10);

/// A bound socket.
pub struct Listener {
    socket: TcpListener,
    site: Arc<Site>,
    slots: Arc<Semaphore>,
    capacity: u32,
    limit: ConnectionLimit,
}

/// The slot of an open connection.
struct Slot {
    metrics: Metrics,
    permit: Option<(OwnedSemaphorePermit, CountedConnection)>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        // First, so that the slot is free when the gauge changes.
        self.permit.take();
        self.metrics.connections.dec();
    }
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// Errors of the system: the address is in use or not of this machine.
    pub fn bind(address: SocketAddr, site: Arc<Site>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            // All addresses, whatever the default of the system.
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        // Accepted sockets inherit the option on Linux and the BSDs.
        socket.set_tcp_nodelay(true)?;
        socket.listen(BACKLOG)?;
        let capacity = u32::try_from(site.context.limits.connections).unwrap_or(u32::MAX);
        let slots = Arc::new(Semaphore::new(capacity as usize));
        let socket = TcpListener::from_std(socket.into())?;
        Ok(Self { socket, site, slots, capacity, limit: ConnectionLimit::default() })
    }

    /// Returns the bound address.
    ///
    /// # Errors
    /// Errors of the system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `draining` becomes true, then waits at most `patience` for the connections to end. True if all have ended.
    pub async fn serve(self, mut draining: watch::Receiver<bool>, patience: Duration) -> bool {
        let mut logged = None;
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = drained(&mut draining) => break,
            };
            match accepted {
                Ok((stream, address)) => self.open(stream, address),
                Err(error) => self.pause(&error, &mut logged).await,
            }
        }
        // From here on the system refuses connections.
        drop(self.socket);
        tokio::time::timeout(patience, self.slots.acquire_many(self.capacity)).await.is_ok()
    }

    fn open(&self, stream: TcpStream, address: SocketAddr) {
        let context = &self.site.context;
        let metrics = &context.metrics;
        let Some(counted) = self.limit.admit(address.ip(), context) else {
            metrics.refuse(Reason::connections_by_address);
            return;
        };
        let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() else {
            metrics.refuse(Reason::connections);
            return;
        };
        metrics.connections_accepted.inc();
        metrics.connections.inc();
        let slot = Slot { metrics: metrics.clone(), permit: Some((permit, counted)) };
        let stream = match Stream::new(stream, context.tls.as_ref()) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::error!(%error, "cannot start TLS on a connection");
                metrics.refuse(Reason::tls);
                return;
            }
        };
        let connection = HttpConnection::new(Arc::clone(&self.site), stream, address);
        tokio::spawn(async move {
            // A panic ends this connection only, and is counted.
            if AssertUnwindSafe(serve(connection)).catch_unwind().await.is_err() {
                slot.metrics.panics.inc();
            }
        });
    }

    /// Pauses after an error, so that a lasting error does not occupy a core. The error is logged again only after [`SILENCE`].
    async fn pause(&self, error: &io::Error, logged: &mut Option<Instant>) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            tracing::debug!(%error, "connection closed before it was accepted");
            return;
        }
        // Mostly ENFILE or EMFILE: file descriptors ran out.
        self.site.context.metrics.refuse(Reason::descriptors);
        if logged.is_none_or(|at| at.elapsed() >= SILENCE) {
            *logged = Some(Instant::now());
            tracing::error!(
                %error,
                connections = self.site.context.metrics.connections.get(),
                "cannot accept connections; retrying. If file descriptors ran out, raise their limit (ulimit -Hn)"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn drained(draining: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is equally final.
    let _ = draining.wait_for(|draining| *draining).await;
}
