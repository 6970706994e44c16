//! `faye subscribe` prints what is published, one JSON message a line, and survives a restart of the server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "also what a test calls is a test")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};

use serde_json::Value;
use support::*;

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
        let mut command = binary();
        command.args(["subscribe", pattern, "--url", url]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let stdout = lines(child.stdout.take().expect("a pipe"));
        let stderr = lines(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// Waits for a line on standard error that begins so.
    #[track_caller]
    fn wait_for(&self, begin: &str) {
        loop {
            let line = self.stderr.recv_timeout(WATCHDOG).expect("another line on standard error");
            if line.starts_with(begin) {
                return;
            }
        }
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
        faye.publish("/a", round);
        assert_eq!(subscriber.message(), publication("/a", round));
    }
}

#[test]
fn it_says_what_went_wrong() {
    let faye = Faye::start(&[]);
    let url = faye.url();
    let wrong = format!("http://{}/wrong", faye.address);
    let cases = [
        ("bad", url.as_str(), "the server refused it: 405:bad:Invalid channel"),
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
