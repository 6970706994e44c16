//! Every limit refuses what is beyond it and nothing else, says so, is counted, and the server goes on.

use std::io::Write;

use crate::support::*;
use serde_json::{Value, json};

fn limited(limit: &str, value: &str) -> Faye {
    Faye::start(&[(&format!("FAYE_LIMITS__{}", limit.to_uppercase()), value)])
}

/// Fails unless exactly so much was refused for this reason, and the server goes on.
#[track_caller]
fn assert_refused(faye: &Faye, reason: &str, count: u64) {
    faye.wait_for_refused(reason, count);
    faye.assert_serves();
}

/// A body of exactly so many bytes: one publication.
fn payload(size: usize) -> Vec<u8> {
    let rest = publication("/a", "").to_string().len();
    publication("/a", "x".repeat(size - rest)).to_string().into_bytes()
}

#[test]
fn body() {
    let faye = limited("body", "1KiB");
    assert_done(&faye.http().request("POST", "/faye", &[], &payload(1024)).messages()[0]);
    let refused = faye.http().request("POST", "/faye", &[("Origin", "http://o")], &payload(1025));
    assert_eq!(refused.status, 413);
    assert_eq!(refused.header("Access-Control-Allow-Origin"), Some("http://o"));
    // One that does not say how long it is.
    for (size, status) in [(1024, 200), (1025, 413)] {
        let mut http = faye.http();
        http.send_raw(b"POST /faye HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        for chunk in payload(size).chunks(100) {
            http.send_raw(format!("{:x}\r\n", chunk.len()).as_bytes());
            http.send_raw(chunk);
            http.send_raw(b"\r\n");
        }
        http.send_raw(b"0\r\n\r\n");
        assert_eq!(http.response().status, status, "{size}");
    }
    // One that only promises to be large is not waited for.
    let mut http = faye.http();
    http.send_raw(b"POST /faye HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n");
    assert_eq!(http.response().status, 413);
    http.wait_for_end();
    assert_refused(&faye, "body", 3);
}

#[test]
fn body_time() {
    let faye = limited("body_time", "200ms");
    let mut http = faye.http();
    http.send_raw(b"POST /faye HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n[");
    assert_eq!(http.response().status, 408);
    http.wait_for_end();
    assert_refused(&faye, "body_time", 1);
}

#[test]
fn frame() {
    let faye = limited("frame", "1KiB");
    let mut socket = Socket::open(&faye);
    socket.send_frame(Opcode::Text, true, &payload(1024));
    assert_done(&socket.messages()[0]);
    socket.send_frame(Opcode::Text, true, &payload(1025));
    assert_eq!(socket.close_code(), Some(1009));
    assert_refused(&faye, "frame", 1);
}

#[test]
fn message() {
    let faye = limited("message", "2KiB");
    let mut socket = Socket::open(&faye);
    let send = |socket: &mut Socket, size: usize| {
        let body = payload(size);
        let (first, rest) = body.split_at(1000);
        let (second, third) = rest.split_at(1000);
        socket.send_frame(Opcode::Text, false, first);
        socket.send_frame(Opcode::Continuation, false, second);
        socket.send_frame(Opcode::Continuation, true, third);
    };
    send(&mut socket, 2048);
    assert_done(&socket.messages()[0]);
    send(&mut socket, 2049);
    assert_eq!(socket.close_code(), Some(1009));
    assert_refused(&faye, "message", 1);
}

#[test]
fn batch() {
    let faye = limited("batch", "3");
    let batch = |size: usize| json!(vec![publication("/a", 1); size]);
    assert_eq!(faye.post(&batch(3)).len(), 3);
    let json = [("Content-Type", "application/json")];
    let refused = faye.http().request("POST", "/faye", &json, batch(4).to_string().as_bytes());
    assert_eq!(refused.status, 413);
    let form = format!("message={}&message={}", batch(2), batch(2));
    assert_eq!(faye.http().request("POST", "/faye", &[], form.as_bytes()).status, 413);
    let mut socket = Socket::open(&faye);
    assert_eq!(socket.ask(&batch(3)).len(), 3);
    socket.send(&batch(4));
    assert_eq!(socket.close_code(), Some(1009));
    assert_eq!(faye.metric("faye_publications_total"), 6, "nothing of what is refused takes effect");
    assert_refused(&faye, "batch", 3);
}

#[test]
fn depth() {
    let faye = limited("depth", "5");
    let nested = |depth: usize| -> Value { (1..depth).fold(json!([]), |inner, _| json!([inner])) };
    assert_done(&faye.ask(&publication("/a", nested(4))));
    let mut batch = vec![publication("/a", nested(5)), publication("/a", 1)];
    let answer = faye.post(&json!(batch));
    assert_eq!(answer[0]["error"], "413:5:Message nested too deeply");
    assert_done(&answer[1]);
    batch[0]["data"] = json!(1);
    batch[0]["anything"] = nested(100);
    assert_eq!(faye.post(&json!(batch))[0]["error"], "413:5:Message nested too deeply");
    let mut deep = handshake();
    deep["ext"] = nested(9);
    assert_eq!(faye.ask(&deep)["error"], "413:5:Message nested too deeply");
    assert_eq!(faye.metric("faye_sessions"), 0);
    assert_refused(&faye, "depth", 3);
}

#[test]
fn nesting_without_end_is_refused_whole() {
    let faye = Faye::start(&[]);
    for bracket in ["[", "{\"a\":"] {
        let text = bracket.repeat(100_000);
        assert_eq!(faye.http().request("POST", "/faye", &[], text.as_bytes()).status, 400);
        let mut socket = Socket::open(&faye);
        socket.send_frame(Opcode::Text, true, text.as_bytes());
        assert!(socket.ask(&json!([])).is_empty());
    }
    assert_refused(&faye, "syntax", 4);
}

#[test]
fn header() {
    let faye = limited("header", "8KiB");
    let fits = "x".repeat(7000);
    assert_eq!(faye.http().request("GET", "/healthz", &[("X-Any", &fits)], b"").status, 200);
    let long = "x".repeat(9000);
    assert_eq!(faye.http().request("GET", "/healthz", &[("X-Any", &long)], b"").status, 431);
    faye.wait_for_refused("header", 1);
    let mut http = faye.http();
    http.send_raw(format!("GET /{long}").as_bytes());
    http.wait_for_end();
    assert_refused(&faye, "header", 2);
}

#[test]
fn header_time() {
    let faye = limited("header_time", "200ms");
    let mut http = faye.http();
    http.send_raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n");
    http.wait_for_end();
    assert_refused(&faye, "header_time", 1);
}

#[test]
fn idle_time() {
    let faye = Faye::start(&[("FAYE_LIMITS__HEADER_TIME", "2s"), ("FAYE_LIMITS__IDLE_TIME", "1h")]);
    let mut idle = faye.http();
    assert_eq!(idle.request("GET", "/healthz", &[], b"").status, 200);
    // Both begin later and end by header_time: a connection without a request, and one with an incomplete second head.
    let (mut silent, mut slow) = (faye.http(), faye.http());
    assert_eq!(slow.request("GET", "/healthz", &[], b"").status, 200);
    slow.send_raw(b"GET /healthz HTTP/1.1\r\n");
    silent.wait_for_end();
    slow.wait_for_end();
    assert_eq!(idle.request("GET", "/healthz", &[], b"").status, 200);
    faye.wait_for_refused("header_time", 1);
    // The end of an idle connection is not counted.
    let faye = Faye::start(&[("FAYE_LIMITS__HEADER_TIME", "1h"), ("FAYE_LIMITS__IDLE_TIME", "200ms")]);
    let mut idle = faye.http();
    assert_eq!(idle.request("GET", "/healthz", &[], b"").status, 200);
    idle.wait_for_end();
    assert_eq!(faye.metric("faye_refused_total{reason=\"header_time\"}"), 0);
}

#[test]
fn subscriptions() {
    let faye = limited("subscriptions", "3");
    let client = faye.client();
    assert_done(&faye.ask(&subscribe(&client, json!(["/1", "/2", "/2", "/3", "/3", "/1"]))));
    let reply = faye.ask(&subscribe(&client, json!(["/3", "/4"])));
    assert_eq!(reply["error"], "413:3:Too many subscriptions");
    assert_eq!(faye.metric("faye_subscriptions"), 3);
    let end = json!({"channel": "/meta/unsubscribe", "clientId": client, "subscription": "/1"});
    assert_done(&faye.ask(&end));
    assert_done(&faye.ask(&subscribe(&client, "/4")));
    assert_done(&faye.ask(&subscribe(&faye.client(), json!(["/5", "/6", "/7"]))));
    assert_refused(&faye, "subscriptions", 1);
}

#[test]
fn sessions() {
    let faye = limited("sessions", "2");
    let [first, second] = [faye.client(), faye.client()];
    for client in [&first, &second] {
        assert_done(&faye.ask(&connect_now(client, "long-polling")));
    }
    let reply = faye.ask(&handshake());
    assert_eq!(reply["error"], "503:2:Too many sessions");
    assert_eq!(reply["advice"]["reconnect"], "handshake");
    assert_eq!(reply["advice"]["interval"], 0, "{reply}");
    assert!(faye.ask(&handshake())["advice"]["interval"].as_u64() > Some(0));
    assert_eq!(reply["clientId"], json!(null));
    assert_done(&faye.ask(&json!({"channel": "/meta/disconnect", "clientId": first})));
    assert_refused(&faye, "sessions", 2);
}

#[test]
fn connections() {
    let faye = Faye::start(&[("FAYE_LIMITS__CONNECTIONS", "3"), ("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]);
    let session = Session::subscribed(&faye, Via::WebSocket, "/a");
    faye.wait_for_metric("faye_connections", |now| now == 2);
    let mut open = [faye.http(), faye.http()];
    for http in &mut open {
        assert_eq!(http.request("GET", "/", &[], b"").status, 200);
    }
    let mut beyond = faye.http();
    beyond.send("GET", "/", &[], b"");
    assert!(beyond.response_or_end().is_none());
    faye.wait_for_refused("connections", 1);
    let [mut staying, going] = open;
    drop(going);
    faye.wait_for_metric("faye_connections", |now| now == 3);
    assert_done(&staying.post(&faye.mount, &publication("/a", 1))[0]);
    drop(session);
    faye.wait_for_metric("faye_connections", |now| now == 2);
    // One place is free, and the connection of the metric may still have another one.
    assert_done(&faye.http().post(&faye.mount, &publication("/a", 2))[0]);
    faye.wait_for_refused("connections", 1);
}

#[test]
fn channel() {
    let faye = limited("channel", "32");
    let (fits, long) = (format!("/{}", "x".repeat(31)), format!("/{}", "x".repeat(32)));
    let client = faye.client();
    assert_done(&faye.ask(&subscribe(&client, fits.as_str())));
    let error = "413:32:Channel name too long";
    assert_eq!(faye.ask(&subscribe(&client, long.as_str()))["error"], error);
    assert_done(&faye.ask(&publication(&fits, 1)));
    assert_eq!(faye.ask(&publication(&long, 1))["error"], error);
    let answer = faye.post(&connect(&client, "long-polling"));
    assert_eq!(data(&delivered(&answer)), [1]);
    assert_refused(&faye, "channel", 2);
}

#[test]
fn segments() {
    let faye = limited("segments", "3");
    let client = faye.client();
    let error = "413:3:Too many segments in the channel";
    for fits in ["/a/b/c", "/a/b/**"] {
        assert_done(&faye.ask(&subscribe(&client, fits)));
    }
    for long in ["/a/b/c/d", "/a/b/c/*"] {
        assert_eq!(faye.ask(&subscribe(&client, long))["error"], error);
    }
    assert_done(&faye.ask(&publication("/a/b/c", 1)));
    assert_eq!(faye.ask(&publication("/a/b/c/d", 1))["error"], error);
    let answer = faye.post(&connect(&client, "long-polling"));
    assert_eq!(data(&delivered(&answer)), [1]);
    assert_refused(&faye, "segments", 3);
}

#[test]
fn callback() {
    let faye = limited("callback", "10");
    let get = |name: &str| faye.get(&format!("/faye?message=%5B%5D&jsonp={name}"));
    assert_eq!(get("abcdefghij").text(), "/**/abcdefghij([]);");
    assert_eq!(get("abcdefghijk").status, 400);
    assert_refused(&faye, "callback", 1);
}

#[test]
fn connections_by_address() {
    let faye =
        Faye::start(&[("FAYE_LIMITS__CONNECTIONS_BY_ADDRESS", "2"), ("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]);
    let mut one = faye.http();
    assert_eq!(one.post(&faye.mount, &handshake()).len(), 1);
    let mut two = faye.http();
    assert_eq!(two.post(&faye.mount, &handshake()).len(), 1);
    let mut three = faye.http();
    three.wait_for_end();
    faye.wait_for_refused("connections_by_address", 1);
    drop(one);
    faye.wait_for_metric("faye_connections", |now| now <= 2);
    loop {
        // Until the server has seen the end of the first.
        let mut again = faye.http();
        again.send_json(&faye.mount, &handshake());
        if again.response_or_end().is_some() {
            break;
        }
    }
}

#[test]
fn a_session_that_never_connected_gives_way_when_the_table_is_full() {
    let faye = limited("sessions", "2");
    let connected = faye.client();
    assert_done(&faye.ask(&connect_now(&connected, "long-polling")));
    let silent = faye.client();
    let newest = faye.client();
    assert_done(&faye.ask(&connect_now(&newest, "long-polling")));
    assert_done(&faye.ask(&connect_now(&connected, "long-polling")));
    assert_eq!(faye.ask(&connect_now(&silent, "long-polling"))["successful"], false);
    assert_eq!(faye.metric("faye_sessions_evicted_total{cause=\"sessions\"}"), 1);
    assert_eq!(faye.ask(&handshake())["error"], "503:2:Too many sessions");
}

#[test]
fn unconnected_by_address() {
    let faye = limited("unconnected_by_address", "3");
    let connected = faye.client();
    assert_done(&faye.ask(&connect_now(&connected, "long-polling")));
    let waiting: Vec<_> = (0..5).map(|_| faye.client()).collect();
    assert_eq!(faye.metric("faye_sessions_evicted_total{cause=\"unconnected_by_address\"}"), 2);
    let lives = |client: &String| faye.ask(&connect_now(client, "long-polling"))["successful"] == true;
    assert_eq!(
        waiting.iter().map(lives).collect::<Vec<_>>(),
        [false, false, true, true, true],
        "the oldest end"
    );
    assert!(lives(&connected), "one that has connected is not counted");
    // Those that have connected by now make room.
    let again: Vec<_> = (0..3).map(|_| faye.client()).collect();
    assert!(again.iter().all(lives));
    assert_eq!(faye.metric("faye_sessions_evicted_total{cause=\"unconnected_by_address\"}"), 2);
    faye.assert_serves();
}

#[test]
fn unconnected_by_address_counts_the_clients_of_a_trusted_proxy_apart() {
    let settings =
        [("FAYE_LIMITS__UNCONNECTED_BY_ADDRESS", "1"), ("FAYE_SERVER__TRUSTED_PROXIES", "127.0.0.1")];
    let faye = Faye::start(&settings);
    let begin = |address: &str| {
        let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", address)];
        let body = handshake().to_string();
        let answer = faye.http().request("POST", "/faye", &headers, body.as_bytes());
        answer.messages()[0]["clientId"].as_str().expect("a session").to_owned()
    };
    let clients = [begin("192.0.2.1"), begin("192.0.2.2"), begin("192.0.2.1")];
    let lives = clients.map(|client| faye.ask(&connect_now(&client, "long-polling"))["successful"] == true);
    assert_eq!(lives, [false, true, true]);
}

#[test]
fn unconnected_time() {
    let faye = limited("unconnected_time", "200ms");
    let connected = faye.client();
    assert_done(&faye.ask(&connect_now(&connected, "long-polling")));
    let silent = faye.client();
    faye.wait_for_metric("faye_sessions_expired_total", |count| count == 1);
    assert_eq!(faye.ask(&connect_now(&silent, "long-polling"))["successful"], false);
    assert_done(&faye.ask(&connect_now(&connected, "long-polling")));
    faye.assert_serves();
}

/// A session that has never connected, subscribed to a channel.
fn unconnected(faye: &Faye, channel: &str) -> String {
    let client = faye.client();
    assert_done(&faye.ask(&subscribe(&client, channel)));
    client
}

#[test]
fn unconnected_messages() {
    let faye = limited("unconnected_messages", "3");
    let fits = unconnected(&faye, "/fits");
    for number in 1..=3 {
        faye.publish("/fits", number);
    }
    let answer = faye.post(&connect(&fits, "long-polling"));
    assert_eq!(data(&delivered(&answer)), [1, 2, 3]);
    // After its first connect it may hold more.
    for number in 1..=9 {
        faye.publish("/fits", number);
    }
    assert_eq!(delivered(&faye.post(&connect_now(&fits, "long-polling"))).len(), 9);
    let beyond = unconnected(&faye, "/beyond");
    for number in 1..=4 {
        faye.publish("/beyond", number);
    }
    assert_eq!(faye.ask(&connect_now(&beyond, "long-polling"))["successful"], false);
    assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 1);
    faye.assert_serves();
}

#[test]
fn unconnected_bytes() {
    let faye = limited("unconnected_bytes", "10KiB");
    let [fits, beyond] = [unconnected(&faye, "/fits"), unconnected(&faye, "/beyond")];
    // One message always fits, however large.
    faye.publish("/fits", "x".repeat(20 * 1024));
    assert_eq!(delivered(&faye.post(&connect_now(&fits, "long-polling"))).len(), 1);
    for _ in 0..2 {
        faye.publish("/beyond", "x".repeat(9 * 1024));
    }
    assert_eq!(faye.ask(&connect_now(&beyond, "long-polling"))["successful"], false);
    assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 1);
    faye.assert_serves();
}

#[test]
fn a_websocket_message_that_was_begun_has_to_come_whole() {
    let faye = limited("body_time", "500ms");
    let whole = payload(100_000);
    // A frame of which a byte comes now and then.
    let mut unfinished = Socket::open(&faye);
    let bytes = crate::support::frame(Opcode::Text, true, &whole);
    unfinished.send_raw(&bytes[..50_000]);
    let mut stream = unfinished.stream().try_clone().unwrap();
    let trickle = std::thread::spawn(move || {
        for byte in &bytes[50_000..] {
            std::thread::sleep(std::time::Duration::from_millis(20));
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
        }
    });
    assert_eq!(unfinished.close_code(), Some(1008));
    drop(unfinished);
    trickle.join().unwrap();
    // Fragments without a last one, with pings between them.
    let mut fragments = Socket::open(&faye);
    fragments.send_frame(Opcode::Text, false, &whole);
    fragments.send_frame(Opcode::Ping, true, b"still here");
    assert_eq!(fragments.close_code(), Some(1008));
    faye.wait_for_refused("body_time", 2);
    faye.assert_serves();
}

#[test]
fn a_websocket_that_always_has_a_message_under_way_is_served() {
    let faye = limited("body_time", "300ms");
    let mut socket = Socket::open(&faye);
    let message = crate::support::frame(Opcode::Text, true, &payload(1000));
    // Each write ends in the middle of a message, for longer than one may take.
    socket.send_raw(&message[..500]);
    let begin = tokio::time::Instant::now();
    let mut count = 0;
    while begin.elapsed() < std::time::Duration::from_secs(1) {
        socket.send_raw(&message[500..]);
        socket.send_raw(&message[..500]);
        assert_done(&socket.messages()[0]);
        count += 1;
    }
    assert!(count > 0);
    assert_eq!(faye.metric("faye_refused_total{reason=\"body_time\"}"), 0);
}
