//! Push transports: WebSocket and EventSource, which write messages as they arrive. They take over a connection from HTTP.

pub(super) mod eventsource;
mod handover;
mod outbox;
mod socket;
mod watch;
pub(super) mod websocket;
mod wire_form;

pub(super) use handover::Handover;
