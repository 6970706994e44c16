//! Serves one connection: the TLS handshake, requests, and the push transport that may take over the connection.

use std::sync::Arc;

use super::http::connection::HttpConnection;
use super::push::{Handover, eventsource, websocket};

/// Serves a connection to its end.
#[expect(clippy::manual_async_fn, reason = "an `async fn` would have room for its argument twice")]
pub(super) fn serve(mut connection: HttpConnection) -> impl Future<Output = ()> + Send {
    async move {
        if connection.net.stream.tls().is_some() {
            let HttpConnection { site, net } = &mut connection;
            // Boxed, because it is over before the rest of the task.
            if !Box::pin(net.secure(&site.context)).await {
                return;
            }
        }
        let Some(handover) = connection.serve().await else { return };
        let HttpConnection { site, net } = connection;
        let context = Arc::clone(&site.context);
        drop(site);
        match handover {
            Handover::WebSocket { server, peer, compresses } => {
                websocket::run(context, net, server, peer, compresses).await;
            }
            Handover::EventSource { server, peer, head } => {
                eventsource::run(context, net, server, peer, head).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The memory of a connection for its whole life, without its socket and its session.
    #[test]
    fn a_connection_that_waits_is_small() {
        fn size<F>(_: impl FnOnce(HttpConnection) -> F) -> usize {
            size_of::<F>()
        }
        assert!(size(serve) <= 960, "{}", size(serve));
    }
}
