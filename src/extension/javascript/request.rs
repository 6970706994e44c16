//! The request of a message in the form of Node's `http.IncomingMessage`, with the parts that extensions use.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::peer::{Peer, Transport, without_own};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    method: &'a str,
    url: &'a str,
    http_version: &'a str,
    headers: BTreeMap<String, String>,
    connection: Connection,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    remote_address: Option<String>,
    remote_port: Option<u16>,
    encrypted: bool,
}

/// Headers with a single value; Node keeps the first one.
const SINGLE: &[&str] = &[
    "age",
    "authorization",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "from",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "proxy-authorization",
    "referer",
    "retry-after",
    "server",
    "user-agent",
];

/// Returns the JSON text of a request; `null` for a call within this process, as in Faye.
pub(super) fn describe(peer: &Peer) -> String {
    if peer.transport == Transport::InProcess {
        return "null".to_owned();
    }
    let described = Described {
        method: peer.head.method(),
        url: peer.head.target(),
        http_version: "1.1",
        headers: headers(peer),
        connection: Connection {
            remote_address: peer.address.map(|address| address.ip().to_string()),
            remote_port: peer.address.map(|address| address.port()),
            encrypted: peer.secure,
        },
    };
    serde_json::to_string(&described).unwrap_or_else(|_| "null".to_owned())
}

/// Returns the JSON text of the request that extensions see with a publication. A publication has many receivers, so
/// the request contains the mount and no client data.
pub(super) fn stand_in(mount: &str) -> String {
    let described = Described {
        method: "POST",
        url: mount,
        http_version: "1.1",
        headers: BTreeMap::new(),
        connection: Connection { remote_address: None, remote_port: None, encrypted: false },
    };
    serde_json::to_string(&described).unwrap_or_else(|_| "null".to_owned())
}

/// Returns the headers with names in lower case, repeated ones joined as in Node, without the server's own cookie.
fn headers(peer: &Peer) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in peer.head.headers() {
        let name = name.to_ascii_lowercase();
        // Node decodes the bytes as Latin-1.
        let mut value: String = value.iter().map(|byte| char::from(*byte)).collect();
        let is_cookie = name == "cookie";
        if is_cookie {
            value = without_own(&value).into_owned();
            if value.is_empty() {
                continue;
            }
        }
        let separator = if is_cookie { "; " } else { ", " };
        match headers.get_mut(&name) {
            Some(_) if SINGLE.contains(&name.as_str()) => {}
            Some(before) => {
                before.push_str(separator);
                before.push_str(&value);
            }
            None => {
                headers.insert(name, value);
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Head;

    #[test]
    fn a_request_is_nodes() {
        let text = b"GET /faye?a HTTP/1.1\r\nHost: x\r\nCookie: a=1\r\nX-A: \xe9\r\nx-a: 2\r\ncookie: b=2\r\nhost: y\r\n";
        let peer = Peer {
            address: Some(([10, 0, 0, 1], 5).into()),
            transport: Transport::WebSocket,
            head: Head::new(text, 4..11),
            secure: true,
            is_foreign: false,
        };
        assert_eq!(
            describe(&peer),
            r#"{"method":"GET","url":"/faye?a","httpVersion":"1.1","headers":{"cookie":"a=1; b=2","host":"x","#.to_owned()
                + r#""x-a":"é, 2"},"connection":{"remoteAddress":"10.0.0.1","remotePort":5,"encrypted":true}}"#
        );
        assert_eq!(describe(&Peer::in_process()), "null");
        assert_eq!(
            stand_in("/faye"),
            r#"{"method":"POST","url":"/faye","httpVersion":"1.1","headers":{},"#.to_owned()
                + r#""connection":{"remoteAddress":null,"remotePort":null,"encrypted":false}}"#
        );
    }
}
