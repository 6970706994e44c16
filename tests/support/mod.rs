//! What the black-box tests share: the binary as a process, and clients that speak to it over real sockets and can
//! misbehave at will. Nothing here knows the library.

#![allow(dead_code, unused_imports, reason = "each program uses its part")]
#![allow(clippy::print_stdout, reason = "shown if a test fails")]

mod acked;
pub(crate) mod acme;
mod application;
pub(crate) mod balancer;
pub(crate) mod bridge;
pub(crate) mod disk;
mod eventsource;
mod faye;
pub(crate) mod feed_hub;
pub(crate) mod gate;
mod http;
pub(crate) mod hub;
pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod script;
pub(crate) mod scripts;
mod session;
pub(crate) mod tls;
mod web;
mod websocket;

use std::time::Duration;

use serde_json::{Value, json};

pub(crate) use acked::{Acked, acked_handshake, acking};
pub(crate) use application::{Application, Asked};
pub(crate) use eventsource::{Part, Stream};
pub(crate) use faye::{Faye, binary};
pub(crate) use http::{Http, Response};
pub(crate) use session::{Session, Via, encode};
pub(crate) use tls::Authority;
pub(crate) use web::{Web, WebRequest, WebResponse};
pub(crate) use websocket::{Frame, Opcode, Socket, UPGRADE, frame};

/// How long anything may take before a test is taken to have failed. No test passes or fails by a shorter time.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(60);

/// A handshake as a polling client sends it.
pub(crate) fn handshake() -> Value {
    json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]})
}

/// A connect of this session.
pub(crate) fn connect(client: &str, kind: &str) -> Value {
    json!({"channel": "/meta/connect", "clientId": client, "connectionType": kind})
}

/// A connect that is answered at once.
pub(crate) fn connect_now(client: &str, kind: &str) -> Value {
    let mut connect = connect(client, kind);
    connect["advice"] = json!({"timeout": 0});
    connect
}

/// A subscription to one channel, or to several if `subscription` is an array.
pub(crate) fn subscribe(client: &str, subscription: impl Into<Value>) -> Value {
    json!({"channel": "/meta/subscribe", "clientId": client, "subscription": subscription.into()})
}

/// A publication without a session.
pub(crate) fn publication(channel: &str, data: impl Into<Value>) -> Value {
    json!({"channel": channel, "data": data.into()})
}

/// The `data` of each message.
pub(crate) fn data(messages: &[Value]) -> Vec<Value> {
    messages.iter().map(|message| message["data"].clone()).collect()
}

/// The messages in an answer that are no replies.
pub(crate) fn delivered(answer: &[Value]) -> Vec<Value> {
    answer.iter().filter(|message| message.get("successful").is_none()).cloned().collect()
}

/// Fails unless a reply is one of success.
#[track_caller]
pub(crate) fn assert_done(reply: &Value) {
    assert_eq!(reply["successful"], true, "{reply}");
}
