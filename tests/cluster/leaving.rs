//! A client that leaves while the server waits with a message of it, for another instance or for the application, gets its
//! messages with its next connection: nothing is written to a connection whose other side has gone.

use std::net::{Shutdown, TcpStream};

use crate::support::redis::Redis;
use crate::support::*;
use socket2::SockRef;
use tokio::time::Instant;

const RULES: &str = "[[channel]]\nmatch = \"/kept/**\"\nhistory = { messages = 1000, age = \"1h\" }\n";

fn node(redis: &Redis) -> Faye {
    let url = redis.url();
    let settings =
        [("FAYE_REDIS__URL", url.as_str()), ("FAYE_REDIS__HEARTBEAT", "200ms"), ("FAYE_REDIS__LEASE", "2s")];
    Faye::start_with_file(RULES, &settings)
}

/// How a client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// By a close frame in the same segment as its last message.
    WithLastMessage,
    CloseFrame,
    End,
    Reset,
}

impl Leaves {
    fn leave(self, stream: &TcpStream) {
        if self == Self::Reset {
            SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        } else {
            stream.shutdown(Shutdown::Write).unwrap();
        }
    }
}

fn close_frame() -> Vec<u8> {
    frame(Opcode::Close, true, &1000_u16.to_be_bytes())
}

/// The last message of a client.
fn last_message(leaves: Leaves, message: &serde_json::Value) -> Vec<u8> {
    let mut bytes = frame(Opcode::Text, true, message.to_string().as_bytes());
    if leaves == Leaves::WithLastMessage {
        bytes.extend(close_frame());
    }
    bytes
}

/// Waits until the server has read everything that was sent to it, by the queue of its socket.
fn wait_until_read(stream: &TcpStream) {
    let (local, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    let (here, there) = (format!(":{:04X}", peer.port()), format!(":{:04X}", local.port()));
    let begin = Instant::now();
    loop {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let queue = sockets.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let is_it = fields.get(1)?.ends_with(&here) && fields.get(2)?.ends_with(&there);
            is_it.then(|| fields[4].split(':').nth(1) == Some("00000000"))
        });
        if queue == Some(true) {
            return;
        }
        assert!(begin.elapsed() < WATCHDOG, "the server does not read");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Has a session's instance die, opens a connection for it at another, leaves while that waits for the lease of the dead
/// one to end, and checks that the next connection gets everything.
fn assert_nothing_is_swallowed(leaves: Leaves, open: impl Fn(&Faye, &str) -> TcpStream) {
    let redis = Redis::start();
    let (mut first, second) = (node(&redis), node(&redis));
    let client = first.client();
    assert_done(&first.ask(&connect_now(&client, "long-polling")));
    assert_done(&first.ask(&subscribe(&client, "/kept/a")));
    first.publish("/kept/a", 0);
    assert_eq!(data(&delivered(&first.post(&connect(&client, "long-polling")))), [0]);
    first.kill();
    let stream = open(&second, &client);
    wait_until_read(&stream);
    leaves.leave(&stream);
    if leaves == Leaves::Reset {
        drop(stream);
    }
    // More than a session may hold before its first connect.
    let count = 300;
    for number in 1..count {
        second.publish("/kept/a", number);
    }
    second.wait_for_metric("faye_sessions_adopted_total", |count| count == 1);
    second.publish("/kept/a", count);
    let mut got = Vec::new();
    while got.last() != Some(&serde_json::json!(count)) {
        let answer = second.post(&connect(&client, "long-polling"));
        got.extend(data(&delivered(&answer)));
        assert_eq!(
            answer.iter().filter(|reply| reply["successful"] == false).count(),
            0,
            "{leaves:?}: {answer:?}"
        );
    }
    // What was written before the end of the lease may come again; nothing may be missing.
    let expected: Vec<_> = (1..=count).map(serde_json::Value::from).collect();
    assert_eq!(got.iter().filter(|data| **data != 0).cloned().collect::<Vec<_>>(), expected, "{leaves:?}");
}

#[test]
fn a_websocket_that_closes_during_an_adoption_swallows_nothing() {
    for leaves in [Leaves::WithLastMessage, Leaves::CloseFrame, Leaves::End, Leaves::Reset] {
        assert_nothing_is_swallowed(leaves, |node, client| {
            let mut socket = Socket::open(node);
            socket.send_raw(&last_message(leaves, &connect(client, "websocket")));
            wait_until_read(socket.stream());
            if leaves == Leaves::CloseFrame {
                socket.send_raw(&close_frame());
            }
            socket.stream().try_clone().unwrap()
        });
    }
}

#[test]
fn a_stream_that_closes_during_an_adoption_swallows_nothing() {
    for leaves in [Leaves::End, Leaves::Reset] {
        assert_nothing_is_swallowed(leaves, |node, client| {
            let mut http = node.http();
            http.send("GET", &format!("{}/{client}", node.mount), &[("Accept", "text/event-stream")], b"");
            http.into_reader().into_inner()
        });
    }
}

#[test]
fn a_poll_that_closes_during_an_adoption_swallows_nothing() {
    for leaves in [Leaves::End, Leaves::Reset] {
        assert_nothing_is_swallowed(leaves, |node, client| {
            let mut http = node.http();
            http.send_json(&node.mount, &connect(client, "long-polling"));
            http.into_reader().into_inner()
        });
    }
}

#[test]
fn a_websocket_that_closes_while_the_application_is_asked_swallows_nothing() {
    let application = Application::start(|_| None);
    let rules = format!(
        "[hook]\nurl = \"{}\"\ndeadline = \"1m\"\n[[channel]]\nmatch = \"/asked\"\npublish = \"hook\"\n",
        application.url()
    );
    for leaves in [Leaves::WithLastMessage, Leaves::CloseFrame, Leaves::End, Leaves::Reset] {
        let faye = Faye::start_with_file(&rules, &[]);
        let client = faye.client();
        assert_done(&faye.ask(&connect_now(&client, "long-polling")));
        assert_done(&faye.ask(&subscribe(&client, "/a")));
        let mut socket = Socket::open(&faye);
        socket.send(&connect(&client, "websocket"));
        faye.wait_for_polls(1);
        socket.send_raw(&last_message(leaves, &publication("/asked", 1)));
        application.next();
        match leaves {
            Leaves::WithLastMessage => {}
            Leaves::CloseFrame => socket.send_raw(&close_frame()),
            Leaves::End | Leaves::Reset => leaves.leave(socket.stream()),
        }
        if leaves == Leaves::Reset {
            drop(socket);
        }
        // The connect that the socket held is over, though the application has not answered.
        faye.wait_for_polls(0);
        for number in 1..=9 {
            faye.publish("/a", number);
        }
        let answer = faye.post(&connect(&client, "long-polling"));
        assert_eq!(data(&delivered(&answer)), [1, 2, 3, 4, 5, 6, 7, 8, 9], "{leaves:?}");
    }
}

#[test]
fn a_session_that_was_handed_over_lives_as_long_as_one_that_has_connected() {
    let redis = Redis::start();
    let url = redis.url();
    let settings = [
        ("FAYE_REDIS__URL", url.as_str()),
        ("FAYE_REDIS__DRAIN_DELAY", "0s"),
        ("FAYE_LIMITS__UNCONNECTED_TIME", "300ms"),
    ];
    let (first, second) = (Faye::start(&settings), Faye::start(&settings));
    for faye in [&first, &second] {
        faye.wait_for_metric("faye_redis_up", |now| now == 1);
    }
    let client = first.client();
    assert_done(&first.ask(&connect_now(&client, "long-polling")));
    assert_done(&first.ask(&subscribe(&client, "/a")));
    first.terminate();
    second.wait_for_metric("faye_sessions_imported_total", |count| count == 1);
    // Another session expires because its first connect does not come. This one is not such a session.
    second.client();
    second.wait_for_metric("faye_sessions_expired_total", |count| count == 1);
    second.publish("/a", 1);
    let answer = second.post(&connect(&client, "long-polling"));
    assert_eq!(data(&delivered(&answer)), [1]);
}

#[test]
fn readiness_tells_a_stop_from_an_outage_of_redis() {
    let redis = Redis::start();
    let url = redis.url();
    let faye = Faye::start(&[("FAYE_REDIS__URL", url.as_str()), ("FAYE_REDIS__DRAIN_DELAY", "10m")]);
    faye.wait_for_metric("faye_redis_up", |now| now == 1);
    assert_eq!(faye.get("/readyz").text(), "ready\n");
    faye.terminate();
    let stopping = loop {
        let ready = faye.get("/readyz");
        if ready.status != 200 {
            break ready;
        }
        std::thread::yield_now();
    };
    assert_eq!((stopping.status, stopping.text().as_str()), (503, "not ready: stopping\n"));
}
