//! Accepts connections, serves HTTP on each in a task of its own, and waits for them when the server stops.

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::Context;
use super::http::Connection;
use super::writing::{Reported, Writing};
use crate::metrics::{Metrics, Reason};

/// Connections that the system completes before they are accepted.
const BACKLOG: i32 = 4096;
/// How long a stopping server waits for the rest of a request, and for answers to be taken.
const UNFINISHED: Duration = Duration::from_secs(5);
/// How long accepting pauses when the system cannot give a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
pub struct Listener {
    socket: TcpListener,
    context: Arc<Context>,
    places: Arc<Semaphore>,
    capacity: u32,
}

/// A connection's place among those that may be open; it lives as long as the connection, upgraded or not.
pub(super) struct Open {
    metrics: Metrics,
    _place: OwnedSemaphorePermit,
}

impl Open {
    /// Runs the work of a connection. A panic in it ends this connection alone, and is counted.
    pub(super) async fn guard(&self, work: impl Future<Output = ()>) {
        if AssertUnwindSafe(work).catch_unwind().await.is_err() {
            self.metrics.panics.inc();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
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
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let capacity = u32::try_from(context.limits.connections).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(capacity as usize));
        Ok(Self { socket: TcpListener::from_std(socket.into())?, context, places, capacity })
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
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = drained(&mut draining) => break,
            };
            match accepted {
                Ok((stream, address)) => self.open(stream, address, draining.clone()),
                Err(error) => self.pause(&error).await,
            }
        }
        // From here on the system refuses connections.
        drop(self.socket);
        tokio::time::timeout(patience, self.places.acquire_many(self.capacity)).await.is_ok()
    }

    fn open(&self, stream: TcpStream, address: SocketAddr, draining: watch::Receiver<bool>) {
        let metrics = &self.context.metrics;
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            metrics.refuse(Reason::connections);
            return;
        };
        metrics.connections_accepted.inc();
        metrics.connections.inc();
        let open = Arc::new(Open { metrics: metrics.clone(), _place: place });
        // It fails only on a socket that is gone, which the first read will show.
        let _ = stream.set_nodelay(true);
        let context = Arc::clone(&self.context);
        tokio::spawn(async move {
            let guard = Arc::clone(&open);
            guard.guard(connection(context, stream, address, open, draining)).await;
        });
    }

    async fn pause(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            tracing::debug!(%error, "a connection went away before it was accepted");
            return;
        }
        // Mostly ENFILE or EMFILE: no file descriptor is left.
        self.context.metrics.refuse(Reason::descriptors);
        tracing::error!(%error, "cannot accept a connection; if descriptors are short, raise their limit (ulimit -n)");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn connection(
    context: Arc<Context>,
    stream: TcpStream,
    address: SocketAddr,
    open: Arc<Open>,
    mut draining: watch::Receiver<bool>,
) {
    let writing = Arc::new(Writing::default());
    let limits = context.limits.clone();
    let metrics = context.metrics.clone();
    let io = TokioIo::new(Reported::new(stream, Arc::clone(&writing), limits.write_time, metrics.clone()));
    let shared = Arc::new(Connection { context, address, writing: Arc::clone(&writing), open });
    let service = service_fn(move |request| Arc::clone(&shared).serve(request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_header_size(limits.header)
        .title_case_headers(true);
    let served = http.serve_connection(io, service).with_upgrades();
    tokio::pin!(served);
    let mut stopping = false;
    let patience = tokio::time::sleep(Duration::MAX);
    tokio::pin!(patience);
    let result = loop {
        tokio::select! {
            biased;
            result = &mut served => break result,
            () = writing.wanted() => {
                // Somebody waits for messages that this connection was given. It has just been looked at, so if it
                // still has not written them it is stuck: cut it, and they go back.
                if writing.owes() {
                    return;
                }
            }
            () = drained(&mut draining), if !stopping => {
                stopping = true;
                served.as_mut().graceful_shutdown();
                patience.as_mut().reset(Instant::now() + UNFINISHED);
            }
            () = &mut patience, if stopping => {
                // The rest of a request has not come, or the peer does not take its answer.
                if !writing.is_working() {
                    return;
                }
                patience.as_mut().reset(Instant::now() + UNFINISHED);
            }
        }
    };
    if let Err(error) = result {
        if error.is_parse_too_large() {
            metrics.refuse(Reason::header);
        } else if error.is_timeout() && writing.has_heard() {
            // Otherwise it was only idle.
            metrics.refuse(Reason::header_time);
        } else if error.is_parse() {
            metrics.refuse(Reason::syntax);
        }
        tracing::debug!(%address, %error, "connection ended");
    }
}

async fn drained(draining: &mut watch::Receiver<bool>) {
    // It fails when whoever could say so has gone, which is as final.
    let _ = draining.wait_for(|draining| *draining).await;
}
