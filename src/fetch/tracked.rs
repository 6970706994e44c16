//! Connections that record whether a response has started since the last written request. They do not parse HTTP: a
//! client writes a request, reads its response, and then writes the next request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use hyper::http::{Extensions, Uri};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;

/// The exchange of requests and responses on one connection.
#[derive(Debug, Default)]
pub(super) struct Exchange(AtomicU8);

const NEW: u8 = 0;
/// The first request was written.
const FIRST: u8 = 1;
/// Bytes of a response were read.
const ANSWERED: u8 = 2;
/// A later request was written.
const AGAIN: u8 = 3;

impl Exchange {
    fn wrote(&self) {
        match self.0.load(Ordering::Relaxed) {
            NEW => self.0.store(FIRST, Ordering::Relaxed),
            ANSWERED => self.0.store(AGAIN, Ordering::Relaxed),
            _ => {}
        }
    }

    fn read(&self) {
        self.0.store(ANSWERED, Ordering::Relaxed);
    }

    /// Whether the last request on a reused connection got no byte of a response. If such a connection is closed, the
    /// server has most likely closed it as idle while the request was in transit.
    pub(super) fn is_reused_without_response(&self) -> bool {
        self.0.load(Ordering::Relaxed) == AGAIN
    }

    /// Returns the exchange of the connection that a request used.
    pub(super) fn of(connected: &Connected) -> Option<Arc<Self>> {
        let mut extras = Extensions::new();
        connected.get_extras(&mut extras);
        extras.remove()
    }
}

/// Makes tracked connections.
#[derive(Clone)]
pub(super) struct Tracking<C>(pub(super) C);

impl<C> Service<Uri> for Tracking<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
{
    type Response = TokioIo<Tracked<C::Response>>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let connecting = self.0.call(url);
        Box::pin(async move {
            let stream = TokioIo::new(connecting.await?);
            Ok(TokioIo::new(Tracked { stream, exchange: Arc::default() }))
        })
    }
}

/// A tracked connection.
pub(super) struct Tracked<S> {
    stream: TokioIo<S>,
    exchange: Arc<Exchange>,
}

impl<S: Connection> Connection for Tracked<S> {
    fn connected(&self) -> Connected {
        self.stream.inner().connected().extra(Arc::clone(&self.exchange))
    }
}

impl<S: hyper::rt::Read + Unpin> AsyncRead for Tracked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.exchange.read();
        }
        Poll::Ready(result)
    }
}

impl<S: hyper::rt::Write + Unpin> AsyncWrite for Tracked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.exchange.wrote();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.exchange.wrote();
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
