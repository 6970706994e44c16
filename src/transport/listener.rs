//! Accepts connections, serves each in a separate task, and waits for them when the server stops.

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

use super::Context;
use super::connection::Connection;
use super::neighbours::{Neighbour, Neighbours};
use super::stream::Stream;
use crate::metrics::{Metrics, Reason};

/// Connections that the system completes before they are accepted.
const BACKLOG: i32 = 4096;
/// How long accepting pauses when the system cannot give a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How long an error that lasts is not said again.
const SILENCE: Duration = Duration::from_secs(10);

/// A bound socket.
pub struct Listener {
    socket: TcpListener,
    context: Arc<Context>,
    places: Arc<Semaphore>,
    capacity: u32,
    neighbours: Neighbours,
}

/// A connection's place among those that may be open.
struct Place {
    metrics: Metrics,
    permit: Option<(OwnedSemaphorePermit, Neighbour)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        // First, so that the place is free when the gauge changes.
        self.permit.take();
        self.metrics.connections.dec();
    }
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// What the system says, when the address is in use or not this machine's.
    pub fn bind(address: SocketAddr, context: Arc<Context>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            // Every address, whatever the default of the system is.
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        // What it accepts inherits that, on Linux and the BSDs.
        socket.set_tcp_nodelay(true)?;
        socket.listen(BACKLOG)?;
        let capacity = u32::try_from(context.limits.connections).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(capacity as usize));
        let socket = TcpListener::from_std(socket.into())?;
        Ok(Self { socket, context, places, capacity, neighbours: Neighbours::default() })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `draining` becomes true, then waits for the connections to end, for at most `patience`.
    /// True if all have ended.
    pub async fn serve(self, mut draining: watch::Receiver<bool>, patience: Duration) -> bool {
        let mut said = None;
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = drained(&mut draining) => break,
            };
            match accepted {
                Ok((stream, address)) => self.open(stream, address),
                Err(error) => self.pause(&error, &mut said).await,
            }
        }
        // From here on the system refuses connections.
        drop(self.socket);
        tokio::time::timeout(patience, self.places.acquire_many(self.capacity)).await.is_ok()
    }

    fn open(&self, stream: TcpStream, address: SocketAddr) {
        let metrics = &self.context.metrics;
        let Some(neighbour) = self.neighbours.admit(address.ip(), &self.context) else {
            metrics.refuse(Reason::connections_by_address);
            return;
        };
        let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else {
            metrics.refuse(Reason::connections);
            return;
        };
        metrics.connections_accepted.inc();
        metrics.connections.inc();
        let place = Place { metrics: metrics.clone(), permit: Some((permit, neighbour)) };
        let stream = match Stream::new(stream, self.context.tls.as_ref()) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::error!(%error, "cannot start TLS on a connection");
                metrics.refuse(Reason::tls);
                return;
            }
        };
        let connection = Connection::new(Arc::clone(&self.context), stream, address);
        tokio::spawn(async move {
            // A panic ends this connection alone, and is counted.
            if AssertUnwindSafe(connection.serve()).catch_unwind().await.is_err() {
                place.metrics.panics.inc();
            }
        });
    }

    /// Waits after an error, so that a lasting one does not keep a core busy. It is said again only after a while.
    async fn pause(&self, error: &io::Error, said: &mut Option<Instant>) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            tracing::debug!(%error, "connection closed before it was accepted");
            return;
        }
        // Mostly ENFILE or EMFILE: no file descriptor is left.
        self.context.metrics.refuse(Reason::descriptors);
        if said.is_none_or(|said| said.elapsed() >= SILENCE) {
            *said = Some(Instant::now());
            tracing::error!(
                %error,
                connections = self.context.metrics.connections.get(),
                "cannot accept connections; retrying. If file descriptors ran out, raise their limit (ulimit -Hn)"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn drained(draining: &mut watch::Receiver<bool>) {
    // It fails when the sender is gone, which is as final.
    let _ = draining.wait_for(|draining| *draining).await;
}
