//! Compression on WebSockets (permessage-deflate), from outside: agreed on when it is on and offered, one compressed frame
//! for all who agreed, and the same messages for those who did not.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use crate::support::*;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use serde_json::{Value, json};

const ON: &[(&str, &str)] =
    &[("FAYE_WEBSOCKET__COMPRESSION", "1"), ("FAYE_WEBSOCKET__COMPRESSION_THRESHOLD", "256B")];

/// A client that offers compression, and what it was answered.
fn offering(faye: &Faye, offer: &str) -> (Option<String>, BufReader<TcpStream>) {
    let mut http = faye.http();
    let headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Extensions", offer),
    ];
    let response = http.request("GET", &faye.mount, &headers, b"");
    assert_eq!(response.status, 101, "{response:?}");
    (response.header("Sec-WebSocket-Extensions").map(str::to_owned), http.into_reader())
}

/// The first byte of the next frame, and its payload.
fn raw_frame(reader: &mut BufReader<TcpStream>) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    reader.read_exact(&mut head).unwrap();
    let mut length = u64::from(head[1]);
    if length >= 126 {
        let mut long = [0; 8];
        let bytes = if length == 126 { 2 } else { 8 };
        reader.read_exact(&mut long[8 - bytes..]).unwrap();
        length = u64::from_be_bytes(long);
    }
    let mut payload = vec![0; length as usize];
    reader.read_exact(&mut payload).unwrap();
    (head[0], payload)
}

fn inflated(payload: &[u8]) -> Value {
    let mut text = Vec::with_capacity(1 << 20);
    let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
    Decompress::new(false).decompress_vec(&whole, &mut text, FlushDecompress::Sync).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(1 << 20);
    let mut stream = Compress::new(Compression::best(), false);
    stream.compress_vec(text, &mut packed, FlushCompress::Sync).unwrap();
    packed.truncate(packed.len() - 4);
    packed
}

/// Sends messages, compressed or not, and reads the messages that come back in one frame.
fn ask(reader: &mut BufReader<TcpStream>, messages: &Value, is_compressed: bool) -> Value {
    let text = messages.to_string();
    let payload = if is_compressed { deflated(text.as_bytes()) } else { text.into_bytes() };
    let mut bytes = crate::support::frame(Opcode::Text, true, &payload);
    bytes[0] |= if is_compressed { 0x40 } else { 0 };
    reader.get_mut().write_all(&bytes).unwrap();
    match raw_frame(reader) {
        (0x81, payload) => serde_json::from_slice(&payload).unwrap(),
        (0xc1, payload) => inflated(&payload),
        other => panic!("{other:?}"),
    }
}

fn subscribed(faye: &Faye, channel: &str, is_compressed: bool) -> BufReader<TcpStream> {
    let (agreed, mut reader) = offering(faye, "permessage-deflate; client_max_window_bits");
    assert!(agreed.unwrap().starts_with("permessage-deflate; server_no_context_takeover"));
    let reply = ask(&mut reader, &json!([handshake()]), is_compressed);
    let client = reply[0]["clientId"].as_str().unwrap().to_owned();
    for message in [connect_now(&client, "websocket"), subscribe(&client, channel)] {
        assert_done(&ask(&mut reader, &json!([message]), is_compressed)[0]);
    }
    reader
}

#[test]
fn one_compressed_frame_serves_all_who_agreed() {
    let faye = Faye::start(ON);
    let mut plain = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut compressed = [subscribed(&faye, "/a", true), subscribed(&faye, "/a", false)];
    let long = json!({"text": "the same again and again ".repeat(400)});
    faye.publish("/a", long.clone());
    let frames = compressed.each_mut().map(raw_frame);
    assert_eq!(frames[0], frames[1]);
    let (head, payload) = &frames[0];
    assert_eq!(*head, 0xc1, "a text frame with RSV1");
    assert!(payload.len() < 500, "{}", payload.len());
    assert_eq!(inflated(payload)[0]["data"], long);
    assert_eq!(plain.take(1), [long]);
    // What is short is sent as it is.
    faye.publish("/a", "short");
    for reader in &mut compressed {
        let (head, payload) = raw_frame(reader);
        assert_eq!(head, 0x81);
        assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap()[0]["data"], "short");
    }
    assert_eq!(plain.take(1), ["short"]);
}

#[test]
fn what_inflates_beyond_the_limit_is_refused() {
    let faye = Faye::start(&[ON, &[("FAYE_LIMITS__MESSAGE", "64KiB")]].concat());
    let (_, mut reader) = offering(&faye, "permessage-deflate");
    let bomb = deflated(&vec![b' '; 10 << 20]);
    assert!(bomb.len() < 64 * 1024, "its frame is within the limit");
    let mut bytes = crate::support::frame(Opcode::Text, true, &bomb);
    bytes[0] |= 0x40;
    reader.get_mut().write_all(&bytes).unwrap();
    let (head, payload) = raw_frame(&mut reader);
    assert_eq!((head, &payload[..2]), (0x88, &1009_u16.to_be_bytes()[..]));
    faye.wait_for_refused("message", 1);
    faye.assert_serves();
}

#[test]
fn off_and_not_offered_agree_on_nothing() {
    let off = Faye::start(&[]);
    assert_eq!(offering(&off, "permessage-deflate").0, None);
    let on = Faye::start(ON);
    for offer in ["x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits=9", ""] {
        assert_eq!(offering(&on, offer).0, None, "{offer}");
    }
    // RSV1 without an agreement breaks the protocol.
    let (_, mut reader) = offering(&off, "permessage-deflate");
    let mut bytes = crate::support::frame(Opcode::Text, true, &deflated(b"[]"));
    bytes[0] |= 0x40;
    reader.get_mut().write_all(&bytes).unwrap();
    let (head, payload) = raw_frame(&mut reader);
    assert_eq!((head, &payload[..2]), (0x88, &1002_u16.to_be_bytes()[..]));
}
