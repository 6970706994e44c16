//! `faye subscribe` prints what is published, one JSON message a line, and survives a restart of the server.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};

use crate::support::balancer::Balancer;
use crate::support::redis::Redis;
use crate::support::*;
use serde_json::Value;

/// A running `faye subscribe`.
struct Subscriber {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (lines, said) = mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
    said
}

impl Subscriber {
    fn start(pattern: &str, url: &str) -> Self {
        Self::start_with(&[pattern, "--url", url])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut command = binary();
        command.arg("subscribe").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let stdout = lines(child.stdout.take().expect("a pipe"));
        let stderr = lines(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// Waits for a line on standard error that begins so; all lines up to there.
    #[track_caller]
    fn wait_for(&self, begin: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.stderr.recv_timeout(WATCHDOG);
            lines.push(line.unwrap_or_else(|_| panic!("no line that begins with {begin:?}: {lines:?}")));
            if lines.last().is_some_and(|line| line.starts_with(begin)) {
                return lines;
            }
        }
    }

    /// Asks it to stop, by SIGTERM or SIGINT.
    fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// The next message.
    #[track_caller]
    fn message(&self) -> Value {
        let line = self.stdout.recv_timeout(WATCHDOG).expect("another line on standard output");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Waits for the end; the exit code and all lines of standard error.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String) {
        let said: Vec<String> = self.stderr.iter().collect();
        (self.child.wait().expect("an exit code").code(), said.join("\n"))
    }
}

#[test]
fn it_prints_each_message_as_a_line() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "1s")]);
    let subscriber = Subscriber::start("/a/**", &faye.url());
    subscriber.wait_for("subscribed to /a/**");
    for number in 0..3 {
        faye.publish("/a/b", number);
        faye.publish("/b", "not this");
        assert_eq!(subscriber.message(), publication("/a/b", number));
    }
    let body = b"{\"channel\": \"/a/b\",\n\"data\": \"two\\nlines\"}";
    assert_done(&faye.http().request("POST", "/faye", &[], body).messages()[0]);
    assert_eq!(subscriber.message(), publication("/a/b", "two\nlines"));
    // Its session lives on: others come and expire meanwhile.
    for number in 1..=2 {
        faye.client();
        faye.wait_for_metric("faye_sessions_expired_total", |now| now == number);
    }
    faye.publish("/a/b", "still here");
    assert_eq!(subscriber.message(), publication("/a/b", "still here"));
}

#[test]
fn a_message_whose_data_is_pretty_is_one_line() {
    let faye = Faye::start(&[]);
    let subscriber = Subscriber::start("/a", &faye.url());
    subscriber.wait_for("subscribed to /a");
    let body = b"{\"channel\": \"/a\",\n\"data\": {\n  \"x\": [\n    1\n  ]\n}}";
    assert_done(&faye.http().request("POST", "/faye", &[], body).messages()[0]);
    assert_eq!(subscriber.message(), publication("/a", serde_json::json!({"x": [1]})));
}

#[test]
fn it_survives_a_restart_of_the_server() {
    let mut faye = Faye::start(&[]);
    let subscriber = Subscriber::start("/a", &faye.url());
    subscriber.wait_for("subscribed to /a");
    faye.publish("/a", "before");
    assert_eq!(subscriber.message(), publication("/a", "before"));
    for round in 0..2 {
        faye = faye.restart();
        subscriber.wait_for("the connection to the server is lost");
        subscriber.wait_for("subscribed to /a");
        let said = subscriber.wait_for("messages of the last ");
        assert!(said.last().is_some_and(|line| line.ends_with(" s may be missing")), "{said:?}");
        faye.publish("/a", round);
        assert_eq!(subscriber.message(), publication("/a", round));
    }
}

#[test]
fn a_rolling_restart_of_joined_instances_loses_nothing() {
    let redis = Redis::start();
    let settings = [("FAYE_REDIS__URL", redis.url()), ("FAYE_REDIS__DRAIN_DELAY", "100ms".to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut current = Faye::start(&settings);
    let balancer = Balancer::start(current.address);
    let url = format!("http://{}{}", balancer.address, current.mount);
    let subscriber = Subscriber::start("/a", &url);
    subscriber.wait_for("subscribed to /a");
    let mut sent = 0;
    let mut got = 0;
    for _ in 0..3 {
        let next = Faye::start(&settings);
        // Its heartbeat has to be known before the other one looks for an instance that takes its sessions.
        next.wait_for_metric("faye_redis_up", |now| now == 1);
        balancer.direct_to(next.address);
        current.terminate();
        // Publications go on while the session moves.
        while current.is_running() {
            next.publish("/a", sent);
            sent += 1;
        }
        next.publish("/a", sent);
        sent += 1;
        let said = subscriber.wait_for("connected to ");
        assert!(said.last().is_some_and(|line| line.ends_with("with the same session")), "{said:?}");
        assert!(said.iter().all(|line| !line.contains("may be missing")), "{said:?}");
        while got < sent {
            assert_eq!(subscriber.message(), publication("/a", got));
            got += 1;
        }
        current = next;
    }
    subscriber.signal("-TERM");
    assert_eq!(subscriber.end(), (Some(0), String::new()));
}

#[test]
fn a_broken_connection_keeps_the_session_and_what_is_published_in_between() {
    let faye = Faye::start(&[]);
    let balancer = Balancer::start(faye.address);
    let subscriber = Subscriber::start("/a", &format!("http://{}{}", balancer.address, faye.mount));
    subscriber.wait_for("subscribed to /a");
    faye.wait_for_polls(1);
    // Nothing listens there for the time being.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    balancer.direct_to(nowhere);
    balancer.cut();
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    for number in 0..3 {
        faye.publish("/a", number);
    }
    balancer.direct_to(faye.address);
    let said = subscriber.wait_for("messages that were in flight");
    assert!(said.iter().any(|line| line.starts_with("connected to ")), "{said:?}");
    for number in 0..3 {
        assert_eq!(subscriber.message(), publication("/a", number));
    }
    assert_eq!(faye.metric("faye_sessions"), 1);
}

#[test]
fn an_expired_session_is_replaced_and_the_length_of_the_gap_reported() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "1s")]);
    let balancer = Balancer::start(faye.address);
    let subscriber = Subscriber::start("/a", &format!("http://{}{}", balancer.address, faye.mount));
    subscriber.wait_for("subscribed to /a");
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    balancer.direct_to(nowhere);
    balancer.cut();
    // The session expires after more than the timeout, so the outage is longer than a second.
    faye.wait_for_metric("faye_sessions_expired_total", |now| now == 1);
    balancer.direct_to(faye.address);
    subscriber.wait_for("subscribed to /a");
    let said = subscriber.wait_for("messages of the last ");
    let seconds = said.last().and_then(|line| line.split(' ').nth(4)?.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 1), "{said:?}");
    faye.publish("/a", "again");
    assert_eq!(subscriber.message(), publication("/a", "again"));
}

#[test]
fn it_closes_its_socket_before_it_reconnects() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let subscriber = Subscriber::start("/a", &url);
    let (mut stream, _) = listener.accept().unwrap();
    let mut socket = tungstenite::accept(stream.try_clone().unwrap()).unwrap();
    loop {
        let frame = socket.read().unwrap();
        let messages: Vec<Value> = serde_json::from_str(frame.to_text().unwrap()).unwrap();
        let mut reply = messages[0].clone();
        reply["successful"] = true.into();
        reply["clientId"] = "a".into();
        socket.send(tungstenite::Message::text(Value::from(vec![reply]).to_string())).unwrap();
        if messages[0]["channel"] == "/meta/subscribe" {
            break;
        }
    }
    subscriber.wait_for("subscribed to /a");
    socket.close(None).unwrap();
    socket.flush().unwrap();
    // No further connection is accepted, so that another one cannot replace this one.
    stream.set_read_timeout(Some(WATCHDOG)).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the end of the connection");
}

#[test]
fn its_session_ends_when_it_is_stopped() {
    let faye = Faye::start(&[]);
    for signal in ["-TERM", "-INT"] {
        let subscriber = Subscriber::start("/a", &faye.url());
        subscriber.wait_for("subscribed to /a");
        assert_eq!(faye.metric("faye_sessions"), 1);
        subscriber.signal(signal);
        assert_eq!(subscriber.end(), (Some(0), String::new()), "{signal}");
        faye.wait_for_metric("faye_sessions", |now| now == 0);
    }
    assert_eq!(faye.metric("faye_sessions_expired_total"), 0);
}

#[test]
fn it_says_what_went_wrong() {
    let faye = Faye::start(&[]);
    let url = faye.url();
    let wrong = format!("http://{}/wrong", faye.address);
    let cases = [
        ("bad", url.as_str(), "bad is not a channel or pattern; write for example /chat/*"),
        ("/meta/**", &url, "403:/meta/**:Forbidden channel"),
        ("/a", &wrong, "is the path right?"),
        ("/a", "127.0.0.1", "is not a URL of a server"),
    ];
    for (pattern, url, expected) in cases {
        let (code, said) = Subscriber::start(pattern, url).end();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    drop(faye);
    let (code, said) = Subscriber::start("/a", &url).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot reach") && said.contains("is the server running?"), "{said}");
}

#[test]
fn it_ends_quietly_when_its_reader_has_gone() {
    let faye = Faye::start(&[]);
    let mut command = binary();
    command.args(["subscribe", "/a", "--url", &faye.url()]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let said = lines(child.stderr.take().expect("a pipe"));
    let first = said.recv_timeout(WATCHDOG).expect("a line on standard error");
    assert!(first.starts_with("subscribed to /a"), "{first}");
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    faye.publish("/a", 1);
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    drop(reader);
    faye.publish("/a", 2);
    let rest: Vec<String> = said.iter().collect();
    assert_eq!((child.wait().expect("an exit code").code(), rest), (Some(0), Vec::new()));
}

#[test]
fn several_patterns_share_a_session() {
    let faye = Faye::start(&[]);
    let subscriber = Subscriber::start_with(&["/a", "/b/*", "/c/**", "--url", &faye.url()]);
    subscriber.wait_for("subscribed to /a /b/* /c/** on ");
    assert_eq!(faye.metric("faye_sessions"), 1);
    for channel in ["/a", "/b/x", "/c/x/y"] {
        faye.publish("/other", 0);
        faye.publish(channel, 1);
        assert_eq!(subscriber.message(), publication(channel, 1));
    }
    // One that is refused is an error.
    let (code, said) = Subscriber::start_with(&["/a", "/meta/**", "--url", &faye.url()]).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("403:/meta/**:Forbidden channel"), "{said}");
}

#[test]
fn the_state_of_the_connection_is_json_on_request() {
    let mut faye = Faye::start(&[]);
    let subscriber = Subscriber::start_with(&["/a", "/b", "--json", "--url", &faye.url()]);
    let first = subscriber.message();
    assert_eq!((&first["event"], &first["new_session"]), (&"subscribed".into(), &false.into()), "{first}");
    assert_eq!(first["patterns"], serde_json::json!(["/a", "/b"]));
    faye.publish("/a", 1);
    assert_eq!(subscriber.message(), publication("/a", 1));
    faye = faye.restart();
    let lost = subscriber.message();
    assert_eq!(lost["event"], "disconnected", "{lost}");
    let mut again = subscriber.message();
    while again["event"] == "disconnected" {
        again = subscriber.message();
    }
    assert_eq!((&again["event"], &again["new_session"]), (&"subscribed".into(), &true.into()), "{again}");
    let gap = subscriber.message();
    assert_eq!(gap["event"], "gap", "{gap}");
    assert!(gap["seconds"].as_u64().is_some_and(|seconds| seconds > 0), "{gap}");
    faye.publish("/b", 2);
    assert_eq!(subscriber.message(), publication("/b", 2));
}
