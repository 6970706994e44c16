//! The server by TLS: every transport, slow and hostile clients, and ends in good order. What it shows for a certificate is
//! in `certificates.rs`.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use crate::support::tls::{answer, ask, connect, connect_only};
use crate::support::*;
use rustls::ClientConfig;
use serde_json::json;

const LONG: &[(&str, &str)] = &[("FAYE_LIMITS__HEADER_TIME", "10m"), ("FAYE_SERVER__TIMEOUT", "10m")];

/// A server, and a client that may connect to it.
fn start(settings: &[(&str, &str)]) -> (Faye, Arc<ClientConfig>) {
    let authority = Authority::new();
    let faye = Faye::start_with_tls(&authority, settings);
    (faye, Arc::new(authority.client(rustls::ALL_VERSIONS)))
}

const REFUSED: &str = "faye_refused_total{reason=\"tls\"}";

#[test]
fn every_transport_carries_messages() {
    let (faye, _) = start(&[]);
    for via in Via::ALL {
        let mut session = Session::subscribed(&faye, via, "/a");
        let texts: Vec<_> = (0..50).map(|number| format!("{via:?} {number} ä😀")).collect();
        for text in &texts {
            faye.publish("/a", text.as_str());
        }
        assert_eq!(session.take(texts.len()), texts, "{via:?}");
        // Several frames at once, of more than a record each.
        let large = ["a", "b", "c"].map(|letter| letter.repeat(300_000));
        for text in &large {
            // What a script is asked for by has to fit into a URL.
            if via == Via::Jsonp {
                faye.publish("/a", text.as_str());
            } else {
                session.publish("/a", text.as_str());
            }
        }
        assert!(session.take(3) == large, "{via:?}");
        session.disconnect();
    }
    faye.assert_serves();
    assert!(faye.metric("faye_tls_handshakes_total") > 5);
    assert_eq!(faye.metric(REFUSED), 0);
}

#[test]
fn who_takes_nothing_for_a_while_then_gets_everything_in_order() {
    let (faye, _) = start(&[("FAYE_MAILBOX__BYTES", "1GiB"), ("FAYE_LIMITS__WRITE_TIME", "10m")]);
    for via in [Via::WebSocket, Via::EventSource, Via::Polling] {
        let mut session = Session::subscribed(&faye, via, "/a");
        let mut texts = Vec::new();
        let sum = |name: &str| faye.metric(&format!("faye_{name}_total"));
        // More than the systems take, so that some of it waits here.
        while texts.len() < 40 || via != Via::Polling && sum("deliveries") == sum("deliveries_written") {
            texts.push(format!("{} {}", texts.len(), "x".repeat(90_000)));
            faye.publish("/a", texts.last().unwrap().as_str());
        }
        // Small ones behind it fill records that they share.
        for number in 0..1000 {
            texts.push(format!("small {number}"));
            faye.publish("/a", texts.last().unwrap().as_str());
        }
        assert!(session.take(texts.len()) == texts, "{via:?}");
        session.disconnect();
    }
    let written = faye.metric("faye_deliveries_written_total");
    assert_eq!(faye.metric("faye_deliveries_total"), written);
    faye.assert_serves();
}

#[test]
fn what_a_stuck_connection_has_not_sent_goes_by_the_next_one_and_nothing_twice() {
    let (faye, _) = start(&[("FAYE_MAILBOX__BYTES", "1GiB"), ("FAYE_LIMITS__WRITE_TIME", "10m")]);
    for via in [Via::WebSocket, Via::EventSource] {
        let mut session = Session::subscribed(&faye, via, "/a");
        let mut count = 0;
        let sum = |name: &str| faye.metric(&format!("faye_{name}_total"));
        while sum("deliveries") == sum("deliveries_written") {
            // Of all sizes, so that records end anywhere in messages.
            faye.publish("/a", format!("{count} {}", "x".repeat(count * 7919 % 60_000)));
            count += 1;
        }
        session.hand_over(&faye, Via::Polling);
        faye.publish("/a", "end");
        let numbers: Vec<usize> = session
            .take_until("end")
            .iter()
            .map(|data| data.as_str().unwrap().split(' ').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "{via:?}");
        session.disconnect();
    }
    faye.assert_serves();
}

#[test]
fn a_handshake_and_a_request_may_come_byte_by_byte() {
    let (faye, config) = start(LONG);
    let mut tls = connect_only(faye.listens, &config);
    tls.conn.writer().write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    while tls.conn.is_handshaking() || tls.conn.wants_write() {
        let mut records = Vec::new();
        while tls.conn.wants_write() {
            tls.conn.write_tls(&mut records).unwrap();
        }
        for byte in &records {
            tls.sock.write_all(&[*byte]).unwrap();
        }
        if tls.conn.is_handshaking() {
            tls.conn.read_tls(&mut tls.sock).unwrap();
            tls.conn.process_new_packets().unwrap();
        }
    }
    assert_eq!(answer(&mut tls), (200, "ok\n".to_owned()));
}

#[test]
fn what_comes_with_the_end_of_the_handshake_is_read() {
    let (faye, config) = start(LONG);
    for _ in 0..20 {
        let mut tls = connect_only(faye.listens, &config);
        // rustls sends it in one piece with its last word of the handshake.
        tls.conn.writer().write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(answer(&mut tls), (200, "ok\n".to_owned()));
    }
}

#[test]
fn both_versions_are_spoken_and_tickets_are_taken() {
    let authority = Authority::new();
    let faye = Faye::start_with_tls(&authority, &[]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = Arc::new(authority.client(&[version]));
        for kind in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
            let mut tls = connect(faye.listens, &config);
            assert_eq!(ask(&mut tls, "GET", "/healthz", ""), (200, "ok\n".to_owned()));
            assert_eq!(tls.conn.protocol_version(), Some(version.version));
            assert_eq!(tls.conn.handshake_kind(), Some(kind));
        }
    }
}

#[test]
fn only_http_1_is_spoken_inside() {
    let authority = Authority::new();
    let faye = Faye::start_with_tls(&authority, &[]);
    let offering = |protocols: &[&str]| {
        let mut config = authority.client(rustls::ALL_VERSIONS);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    };
    let mut tls = connect(faye.listens, &offering(&["h2", "http/1.1"]));
    assert_eq!(ask(&mut tls, "GET", "/healthz", "").0, 200);
    assert_eq!(tls.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    for protocols in [&["h2"][..], &["acme-tls/1"]] {
        let mut tls = connect_only(faye.listens, &offering(protocols));
        let error = tls.conn.complete_io(&mut tls.sock).unwrap_err();
        assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
    }
    faye.wait_for_metric(REFUSED, |now| now == 2);
}

#[test]
fn who_speaks_plain_http_is_told() {
    let (faye, _) = start(LONG);
    let mut http = Http::open(faye.listens);
    let response = http.request("POST", "/faye", &[], b"[]");
    assert_eq!((response.status, response.text().as_str()), (400, "This port speaks HTTPS.\n"));
    http.wait_for_end();
    let mut garbage = Http::open(faye.listens);
    garbage.send_raw(&[0xff; 100]);
    garbage.wait_for_end();
    faye.wait_for_metric(REFUSED, |now| now == 2);
    faye.assert_serves();
}

#[test]
fn a_handshake_that_does_not_end_is_cut() {
    let (faye, config) = start(&[("FAYE_LIMITS__HEADER_TIME", "300ms")]);
    let mut records = Vec::new();
    connect_only(faye.listens, &config).conn.write_tls(&mut records).unwrap();
    let mut half = Http::open(faye.listens);
    half.send_raw(&records[..records.len() / 2]);
    let mut whole = Http::open(faye.listens);
    whole.send_raw(&records);
    half.wait_for_end();
    whole.wait_for_end();
    faye.wait_for_metric(REFUSED, |now| now == 2);
    // One that says nothing is idle, and ends as quietly as without TLS.
    Http::open(faye.listens).wait_for_end();
    drop(Http::open(faye.listens));
    faye.wait_for_metric("faye_connections", |now| now == 1);
    assert_eq!(faye.metric(REFUSED), 2);
    assert_eq!(faye.metric("faye_refused_total{reason=\"header_time\"}"), 0);
}

#[test]
fn who_says_goodbye_in_the_middle_of_a_handshake_is_let_go() {
    let (faye, config) = start(LONG);
    let mut records = Vec::new();
    connect_only(faye.listens, &config).conn.write_tls(&mut records).unwrap();
    // `close_notify`; the socket stays open.
    records.extend_from_slice(&[21, 3, 3, 0, 2, 1, 0]);
    let mut leaving: Vec<_> = (0..20).map(|_| Http::open(faye.listens)).collect();
    leaving.iter_mut().for_each(|leaving| leaving.send_raw(&records));
    leaving.iter_mut().for_each(Http::wait_for_end);
    faye.wait_for_metric(REFUSED, |now| now == 20);
    faye.assert_serves();
}

#[test]
fn a_handshake_without_an_end_takes_bounded_memory() {
    let (faye, _) = start(LONG);
    let mut endless = Http::open(faye.listens);
    // A message of the handshake that claims to be long, in records that never complete it.
    let mut record = vec![22, 3, 1, 0x40, 0];
    record.extend_from_slice(&[1, 0, 0xff, 0xff]);
    record.resize(5 + 0x4000, 0);
    for _ in 0..4 {
        endless.send_raw(&record);
        record[5..9].fill(0);
    }
    endless.wait_for_end();
    faye.wait_for_metric(REFUSED, |now| now == 1);
}

/// A publication that is echoed to its own session, by frames of which each is a record of its own.
#[test]
fn keys_may_be_changed_while_the_server_writes() {
    let (faye, config) = start(LONG);
    let mut tls = connect(faye.listens, &config);
    let upgrade = "GET /faye HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    tls.write_all(upgrade.as_bytes()).unwrap();
    assert_eq!(answer(&mut tls).0, 101);
    let id = faye.client();
    let send = |tls: &mut crate::support::tls::Tls, message: serde_json::Value| {
        let frame = frame(Opcode::Text, true, message.to_string().as_bytes());
        tls.write_all(&frame).unwrap();
    };
    send(&mut tls, json!([subscribe(&id, "/a"), connect_now(&id, "websocket")]));
    let read = |tls: &mut crate::support::tls::Tls| {
        let mut head = [0; 4];
        tls.read_exact(&mut head[..2]).unwrap();
        let mut length = usize::from(head[1]);
        if length == 126 {
            tls.read_exact(&mut head[2..]).unwrap();
            length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        }
        let mut text = vec![0; length];
        tls.read_exact(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    assert!(read(&mut tls).contains("\"successful\":true"));
    for number in 0..10 {
        tls.conn.refresh_traffic_keys().unwrap();
        let mut records = Vec::new();
        while tls.conn.wants_write() {
            tls.conn.write_tls(&mut records).unwrap();
        }
        // Its record is cut in two, and between the two the server writes.
        let (first, second) = records.split_at(records.len() / 2);
        tls.sock.write_all(first).unwrap();
        faye.publish("/a", format!("between {number}"));
        assert!(read(&mut tls).contains(&format!("between {number}")));
        tls.sock.write_all(second).unwrap();
        send(&mut tls, json!([]));
        assert_eq!(read(&mut tls), "[]");
    }
    faye.assert_serves();
}

/// What the end of a connection looks like: in good order, or as if something were missing.
fn end(tls: &mut crate::support::tls::Tls) -> std::io::Result<usize> {
    let mut sink = [0; 4096];
    loop {
        match tls.read(&mut sink) {
            Ok(0) => return Ok(0),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}

#[test]
fn every_orderly_end_is_announced() {
    let (mut faye, config) = start(LONG);
    // By the answer.
    let mut closing = connect(faye.listens, &config);
    closing.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(answer(&mut closing).0, 200);
    assert_eq!(end(&mut closing).unwrap(), 0);
    // A mistake.
    let mut wrong = connect(faye.listens, &config);
    wrong.write_all(b"NONSENSE\r\n\r\n").unwrap();
    assert_eq!(answer(&mut wrong).0, 400);
    assert_eq!(end(&mut wrong).unwrap(), 0);
    // The server stops: an idle connection, and one that has said nothing.
    let mut idle = connect(faye.listens, &config);
    assert_eq!(ask(&mut idle, "GET", "/healthz", "").0, 200);
    let mut silent = connect(faye.listens, &config);
    faye.wait_for_metric("faye_tls_handshakes_total", |now| now >= 5);
    faye.terminate();
    assert_eq!(end(&mut idle).unwrap(), 0);
    assert_eq!(end(&mut silent).unwrap(), 0);
    assert_eq!(faye.wait(), Some(0));
}

#[test]
fn who_says_goodbye_is_gone() {
    let (faye, config) = start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut tls = connect(faye.listens, &config);
    let body = connect_message(&session.id);
    let request = format!("POST /faye HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    tls.write_all(request.as_bytes()).unwrap();
    faye.wait_for_polls(1);
    // By TLS only: the socket stays open.
    tls.conn.send_close_notify();
    tls.flush().unwrap();
    tls.conn.complete_io(&mut tls.sock).unwrap();
    faye.wait_for_polls(0);
    faye.publish("/a", "kept");
    let mut session = session;
    assert_eq!(session.take(1), ["kept"]);
}

fn connect_message(client: &str) -> String {
    crate::support::connect(client, "long-polling").to_string()
}

#[test]
fn everything_that_is_open_is_ended_in_its_own_way() {
    let (mut faye, _) = start(&[("FAYE_SERVER__TIMEOUT", "10m"), ("FAYE_SERVER__DRAIN_TIMEOUT", "10m")]);
    let polling = Session::begin(&faye, Via::Polling);
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &crate::support::connect(&polling.id, "long-polling"));
    let streaming = Session::begin(&faye, Via::Polling);
    let mut stream = Stream::open(&faye, &streaming.id);
    let mut socket = Socket::open(&faye);
    let mut idle = faye.http();
    assert_eq!(idle.request("GET", "/healthz", &[], b"").status, 200);
    faye.wait_for_polls(1);
    faye.terminate();
    let replies = poll.response().messages();
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_done(&replies[0]);
    assert_eq!(socket.frame(), Frame::Close(1000, String::new()));
    assert_eq!(stream.part(), Part::End);
    idle.wait_for_end();
    poll.wait_for_end();
    drop(socket);
    assert_eq!(faye.wait(), Some(0));
    assert!(faye.stderr().contains("every connection was closed"), "{}", faye.stderr());
}

#[test]
fn health_and_metrics_of_their_own_stay_plain() {
    let (faye, config) = start(&[("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]);
    assert_ne!(faye.admin, faye.listens);
    let mut plain = Http::open(faye.admin);
    assert_eq!(plain.request("GET", "/healthz", &[], b"").text(), "ok\n");
    let mut tls = connect_only(faye.admin, &config);
    let error = tls.conn.complete_io(&mut tls.sock).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::WouldBlock, "{error}");
    faye.assert_serves();
}
