//! Opens a session over a WebSocket or long-polling, and keeps it alive.

use super::{Load, Pool};
use crate::bench::connection::{Connection, Role, Stage, Wire};
use crate::bench::{Failure, frame, http, message};

/// Continues after the TCP connection is open.
pub(super) fn begin(pool: &mut Pool, at: usize) -> Result<(), Failure> {
    let connection = pool.connection(at);
    if connection.wire == Wire::Polling {
        return handshake(pool, at);
    }
    connection.stage = Stage::Upgrading;
    let (role, channel) = (connection.role, connection.channel);
    let path = match role {
        _ if !pool.target.floor => pool.target.path.clone(),
        Role::Subscriber => format!("/subscribe/{channel}"),
        Role::Publisher => format!("/publish/{channel}"),
    };
    let request = http::upgrade(&pool.target, &path);
    pool.send(at, &request)
}

/// Continues after the WebSocket is open.
pub(super) fn upgraded(pool: &mut Pool, at: usize, load: &mut impl Load) -> Result<(), Failure> {
    if pool.target.floor { ready(pool, at, load) } else { handshake(pool, at) }
}

fn handshake(pool: &mut Pool, at: usize) -> Result<(), Failure> {
    let connection = pool.connection(at);
    connection.stage = Stage::Handshaking;
    let wire = connection.wire;
    let text = packed(pool, wire, &message::handshake(wire, &pool.target.ext));
    pool.send(at, &text)
}

/// Handles the text of a frame or response.
#[inline]
pub(super) fn payload(
    pool: &mut Pool,
    at: usize,
    payload: &[u8],
    load: &mut impl Load,
) -> Result<(), Failure> {
    match pool.connection(at).stage {
        Stage::Ready => load.payload(pool, at, payload),
        Stage::Handshaking => handshaken(pool, at, payload, load),
        _ => subscribed(pool, at, payload, load),
    }
}

fn handshaken(pool: &mut Pool, at: usize, payload: &[u8], load: &mut impl Load) -> Result<(), Failure> {
    let Some(client) = message::client(&message::replies(payload)?) else {
        return Err(Failure::NotBayeux("the reply to a handshake has no clientId".to_owned()));
    };
    let Connection { role, wire, channel, .. } = *pool.connection(at);
    let connect = packed(pool, wire, &message::connect(wire, &client, &pool.target.ext));
    let subscribe =
        packed(pool, wire, &message::subscribe(&client, &pool.channel_name(channel), &pool.target.ext));
    let connection = pool.connection(at);
    connection.client = client;
    connection.connect = connect.into_boxed_slice();
    connection.stage = Stage::Subscribing;
    match (role, wire) {
        (Role::Publisher, _) => {
            // Without a connect the session of a publisher would expire.
            pool.send_connect(at)?;
            ready(pool, at, load)
        }
        // Both are sent in one packet.
        (Role::Subscriber, Wire::WebSocket) => {
            let both = [&pool.connection(at).connect, subscribe.as_slice()].concat();
            pool.send(at, &both)
        }
        (Role::Subscriber, Wire::Polling) => pool.send(at, &subscribe),
    }
}

fn subscribed(pool: &mut Pool, at: usize, payload: &[u8], load: &mut impl Load) -> Result<(), Failure> {
    let replies = message::replies(payload)?;
    let is_connected = message::reply_on(&replies, "/meta/connect").is_some();
    if message::reply_on(&replies, "/meta/subscribe").is_some() {
        ready(pool, at, load)?;
    }
    let connection = pool.connection(at);
    if connection.stage != Stage::Closed && (is_connected || connection.wire == Wire::Polling) {
        pool.send_connect(at)?;
    }
    Ok(())
}

fn ready(pool: &mut Pool, at: usize, load: &mut impl Load) -> Result<(), Failure> {
    pool.connection(at).stage = Stage::Ready;
    pool.ready += 1;
    load.ready(pool, at)
}

impl Pool {
    /// Sends the next connect if this was the reply to one. Returns whether it was.
    #[cold]
    pub(in crate::bench) fn keep_alive(&mut self, at: usize, payload: &[u8]) -> Result<bool, Failure> {
        let is_answered = message::reply_on(&message::replies(payload)?, "/meta/connect").is_some();
        if is_answered {
            self.send_connect(at)?;
        }
        Ok(is_answered)
    }
}

/// Returns a text as a frame or request.
fn packed(pool: &Pool, wire: Wire, text: &str) -> Vec<u8> {
    match wire {
        Wire::WebSocket => {
            let mut out = Vec::new();
            frame::write_masked(&mut out, frame::TEXT, text.as_bytes());
            out
        }
        Wire::Polling => http::post(&pool.target, text.as_bytes()),
    }
}
