//! All that clients make the server keep is bounded by `limits.memory`, by its real size; at the bound the sessions end that
//! never connected, then the fullest, and the others go on.

use crate::support::*;
use serde_json::json;

const MIB: u64 = 1 << 20;

/// On a slow machine a client of a test neither connects nor answers pings for minutes, and is to live all the same.
const PATIENT: [(&str, &str); 2] = [("FAYE_SERVER__TIMEOUT", "10m"), ("FAYE_WEBSOCKET__PING", "1h")];

fn start(memory: &str, more: &[(&str, &str)]) -> Faye {
    let mut settings = vec![("FAYE_LIMITS__MEMORY", memory)];
    settings.extend(PATIENT);
    settings.extend(more);
    Faye::start(&settings)
}

/// A session that polls now and then, and may get what it is subscribed to.
fn polling(faye: &Faye, channel: &str) -> String {
    let client = faye.client();
    assert_done(&faye.ask(&connect_now(&client, "long-polling")));
    assert_done(&faye.ask(&subscribe(&client, channel)));
    client
}

fn lives(faye: &Faye, client: &str) -> bool {
    faye.ask(&connect_now(client, "long-polling"))["successful"] == true
}

fn evicted(faye: &Faye) -> u64 {
    faye.metric("faye_sessions_evicted_total{cause=\"memory\"}")
}

#[test]
fn the_fullest_sessions_end_and_the_others_go_on() {
    let faye = start("8MiB", &[("FAYE_MAILBOX__BYTES", "1GiB")]);
    let [full, modest, other] = ["/full", "/modest", "/other"].map(|channel| polling(&faye, channel));
    let mut watching = Session::subscribed(&faye, Via::WebSocket, "/watched");
    for _ in 0..4 {
        faye.publish("/modest", "x".repeat(500_000));
    }
    for _ in 0..9 {
        faye.publish("/full", "x".repeat(900_000));
    }
    assert_eq!(evicted(&faye), 1);
    assert!(!lives(&faye, &full), "its client is told");
    assert_eq!(
        delivered(&faye.post(&connect_now(&modest, "long-polling"))).len(),
        4,
        "nothing of it was lost"
    );
    assert!(lives(&faye, &other));
    faye.publish("/watched", "still here");
    assert_eq!(watching.take(1), ["still here"]);
    faye.wait_for_metric("faye_memory_used_bytes", |used| used < MIB);
    assert_eq!(faye.metric("faye_memory_limit_bytes"), 8 * MIB);
    faye.wait_for_stderr("limits.memory exceeded; ending sessions");
    faye.assert_serves();
}

#[test]
fn sessions_that_never_connected_end_first() {
    let unbounded = [
        ("FAYE_MAILBOX__BYTES", "1GiB"),
        ("FAYE_LIMITS__UNCONNECTED_BYTES", "1GiB"),
        ("FAYE_LIMITS__UNCONNECTED_TIME", "1h"),
        ("FAYE_SERVER__TIMEOUT", "10m"),
    ];
    let faye = start("8MiB", &unbounded);
    let full = polling(&faye, "/full");
    let unconnected: Vec<_> = (0..9).map(|_| faye.client()).collect();
    for client in &unconnected {
        assert_done(&faye.ask(&subscribe(client, format!("/to/{client}"))));
    }
    for _ in 0..4 {
        faye.publish("/full", "x".repeat(900_000));
    }
    for client in &unconnected {
        faye.publish(&format!("/to/{client}"), "x".repeat(900_000));
    }
    assert!(evicted(&faye) > 0);
    assert_eq!(delivered(&faye.post(&connect_now(&full, "long-polling"))).len(), 4, "the fullest stays");
    assert!(!lives(&faye, &unconnected[0]), "the oldest ends");
    assert!(lives(&faye, &unconnected[8]), "and only as many as have to");
    faye.assert_serves();
}

/// The attack of a single connection: sessions that are never polled, each with megabytes waiting.
#[test]
fn sessions_without_number_with_mailboxes_without_end_stay_within_the_address_space() {
    // 1.5 GiB, of which the threads of the runtime and the allocator reserve a good part.
    let mut faye = Faye::start_with_limit("-v 1500000", &PATIENT);
    let limit = faye.metric("faye_memory_limit_bytes");
    assert!(limit < 400 * MIB, "a quarter of the address space: {limit}");
    let mut http = faye.http();
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let body = "x".repeat(900_000);
    for number in 0..1000 {
        let client = http.post(&faye.mount, &handshake())[0]["clientId"].as_str().unwrap().to_owned();
        let channel = format!("/to/{number}");
        let batch = json!([connect_now(&client, "long-polling"), subscribe(&client, channel.as_str())]);
        assert!(http.post(&faye.mount, &batch).iter().all(|reply| reply["successful"] == true));
        assert_done(&http.post(&faye.mount, &publication(&channel, body.as_str()))[0]);
    }
    assert!(evicted(&faye) > 0);
    faye.wait_for_metric("faye_memory_used_bytes", |used| used <= limit);
    assert!(faye.is_running());
    faye.publish("/a", "still here");
    assert_eq!(session.take(1), ["still here"]);
    faye.assert_serves();
}

#[test]
fn subscriptions_without_end_are_part_of_the_budget() {
    let faye = start("8MiB", &[]);
    let modest = polling(&faye, "/modest");
    for _ in 0..40 {
        let client = faye.client();
        assert_done(&faye.ask(&connect_now(&client, "long-polling")));
        let channels: Vec<_> = (0..1000).map(|number| format!("/{client}/{number}")).collect();
        faye.ask(&subscribe(&client, json!(channels)));
    }
    assert!(evicted(&faye) > 0);
    faye.wait_for_metric("faye_memory_used_bytes", |used| used <= 8 * MIB);
    assert!(lives(&faye, &modest));
    faye.assert_serves();
}

#[test]
fn tiny_messages_count_by_what_they_take() {
    let faye = start("8MiB", &[("FAYE_MAILBOX__MESSAGES", "1000000")]);
    let [full, modest] = ["/full", "/modest"].map(|channel| polling(&faye, channel));
    // Their text alone would be a tenth of the budget.
    let batch = vec![publication("/full", 1); 1000];
    for _ in 0..30 {
        assert_eq!(faye.post(&json!(batch)).len(), 1000);
    }
    assert_eq!(evicted(&faye), 1);
    assert!(!lives(&faye, &full) && lives(&faye, &modest));
}

#[test]
fn one_publication_for_many_sessions_counts_once() {
    let faye = start("8MiB", &[]);
    let clients: Vec<_> = (0..50).map(|_| polling(&faye, "/all")).collect();
    for number in 0..4 {
        faye.publish("/all", format!("{number}{}", "x".repeat(900_000)));
    }
    assert_eq!(evicted(&faye), 0, "180 MB would have to wait if each had its own");
    assert_eq!(delivered(&faye.post(&connect_now(&clients[49], "long-polling"))).len(), 4);
    faye.assert_serves();
}

#[test]
fn unfinished_input_is_part_of_the_budget() {
    let faye = start("4MiB", &[]);
    let whole = publication("/a", "x".repeat(900_000)).to_string().into_bytes();
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    // Over WebSockets in one frame, in fragments, and in bodies with and without a length: half of the budget is for those.
    let frames = frame(Opcode::Text, true, &whole);
    let mut sockets: Vec<_> = (0..4).map(|_| Socket::open(&faye)).collect();
    for (at, socket) in sockets.iter_mut().enumerate() {
        if at % 2 == 0 {
            socket.send_raw(&frames[..frames.len() - 1]);
        } else {
            socket.send_frame(Opcode::Text, false, &whole);
        }
    }
    faye.wait_for_metric("faye_refused_total{reason=\"memory\"}", |count| count >= 1);
    let mut body = faye.http();
    body.send_raw(b"POST /faye HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n");
    body.send_raw(&whole[..899_000]);
    assert_eq!(body.response().status, 503);
    let mut chunked = faye.http();
    chunked.send_raw(b"POST /faye HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\ndbba0\r\n");
    chunked.send_raw(&whole[..899_000]);
    assert_eq!(chunked.response().status, 503);
    // A short message that comes in pieces still gets through.
    let short = frame(Opcode::Text, true, json!([publication("/a", "short")]).to_string().as_bytes());
    let mut socket = Socket::open(&faye);
    socket.send_raw(&short[..9]);
    socket.send_raw(&short[9..]);
    assert_done(&socket.messages()[0]);
    assert_eq!(session.take(1), ["short"]);
    assert!(sockets.iter_mut().any(|socket| socket.close_code() == Some(1013)), "its client may try again");
    drop(sockets);
    faye.wait_for_metric("faye_memory_used_bytes", |used| used < MIB);
    faye.assert_serves();
}

#[test]
fn unsent_replies_are_part_of_the_budget() {
    let faye = start("1MiB", &[("FAYE_LIMITS__BATCH", "100000")]);
    let batch = json!(vec![json!({"channel": "/meta/unknown"}); 20_000]);
    // Each makes the server answer with some megabytes, and reads none of it.
    let mut sockets: Vec<_> = (0..10).map(|_| Socket::open(&faye)).collect();
    for socket in &mut sockets {
        for _ in 0..3 {
            socket.send(&batch);
        }
    }
    faye.wait_for_metric("faye_refused_total{reason=\"memory\"}", |count| count >= 1);
    let mut requests: Vec<_> = (0..10).map(|_| faye.http()).collect();
    for http in &mut requests {
        for _ in 0..3 {
            http.send_json(&faye.mount, &batch);
        }
    }
    faye.wait_for_metric("faye_refused_total{reason=\"memory\"}", |count| count >= 5);
    drop((sockets, requests));
    faye.wait_for_metric("faye_memory_used_bytes", |used| used < MIB / 2);
    faye.assert_serves();
}

/// Sessions that connect once and then do nothing are small, and so are those of honest clients.
#[test]
fn clients_that_are_there_outlast_many_small_sessions() {
    let faye = start("4MiB", &[]);
    let mut honest: Vec<_> =
        (0..20).map(|_| Session::subscribed(&faye, Via::WebSocket, "/honest/*")).collect();
    let mut http = faye.http();
    for _ in 0..15 {
        let replies = http.post(&faye.mount, &json!(vec![handshake(); 1000]));
        let connects: Vec<_> = replies
            .iter()
            .filter_map(|reply| reply["clientId"].as_str())
            .map(|client| connect_now(client, "long-polling"))
            .collect();
        http.post(&faye.mount, &json!(connects));
    }
    assert!(evicted(&faye) > 0);
    faye.publish("/honest/a", "still here");
    for session in &mut honest {
        assert_eq!(session.take(1), ["still here"]);
    }
    faye.assert_serves();
}

#[test]
fn buffers_of_connections_end_no_session() {
    let faye = start("2MiB", &[]);
    let honest: Vec<_> = (0..20).map(|_| polling(&faye, "/honest")).collect();
    let part = frame(Opcode::Text, true, &vec![b' '; 900_000])[..10_200].to_vec();
    let mut sockets: Vec<_> = (0..300).map(|_| Socket::open(&faye)).collect();
    for socket in &mut sockets {
        socket.send_raw(&part);
    }
    faye.wait_for_metric("faye_refused_total{reason=\"memory\"}", |count| count > 100);
    assert_eq!(evicted(&faye), 0);
    assert!(honest.iter().all(|client| lives(&faye, client)));
    faye.assert_serves();
}

#[test]
fn what_many_sessions_share_is_held_against_none_of_them() {
    let faye = start("12MiB", &[]);
    let honest: Vec<_> = (0..50).map(|_| polling(&faye, "/shared")).collect();
    for number in 0..4 {
        faye.publish("/shared", format!("{number}{}", "x".repeat(900_000)));
    }
    let own: Vec<_> = (0..12).map(|number| (polling(&faye, &format!("/own/{number}")), number)).collect();
    for (_, number) in &own {
        faye.publish(&format!("/own/{number}"), "x".repeat(880_000));
    }
    assert!(evicted(&faye) > 0);
    assert!(honest.iter().all(|client| lives(&faye, client)));
    assert!(own.iter().any(|(client, _)| !lives(&faye, client)));
}

/// The memory of a message that was handled is freed, though the beginning of the next one came with it.
#[test]
fn unfinished_input_keeps_no_memory_of_what_came_before_it() {
    let faye = start("64MiB", &[("FAYE_LIMITS__BODY_TIME", "1h")]);
    let whole = publication("/a", "x".repeat(900_000)).to_string().into_bytes();
    let mut bytes = frame(Opcode::Text, true, &whole);
    bytes.extend(&frame(Opcode::Text, true, &whole)[..6000]);
    let mut sockets: Vec<_> = (0..100).map(|_| Socket::open(&faye)).collect();
    for socket in &mut sockets {
        socket.send_raw(&bytes);
        assert_done(&socket.messages()[0]);
    }
    let used = faye.wait_for_metric("faye_memory_used_bytes", |used| used >= 600_000);
    assert!(used < 2 * MIB, "{used}");
    // The allocator gives memory back to the system after a while, if it is used at all.
    let begin = tokio::time::Instant::now();
    while faye.resident() > 60 * MIB {
        assert!(begin.elapsed() < WATCHDOG, "{} bytes stay in use for 600 kB", faye.resident());
        for _ in 0..20 {
            faye.publish("/b", "x".repeat(1000));
        }
    }
}
