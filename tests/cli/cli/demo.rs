//! `faye demo`: a server, a ticker and two clients, from the first line to the counts at the end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use super::run;
use crate::support::*;

/// A running demo.
struct Demo {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    fn start(folder: &std::path::Path) -> Self {
        let mut command = binary();
        command
            .arg("demo")
            .current_dir(folder)
            .env("SSL_CERT_FILE", "/no/such/file")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut demo = Self { child, stdout, url: String::new() };
        let first = demo.line();
        assert!(first.starts_with("Open http://127.0.0.1:") && first.contains("Ctrl-C"), "{first}");
        let second = demo.line();
        let (_, url) = second.split_once(" is listening on ").expect("a URL");
        url.clone_into(&mut demo.url);
        let page = first.split(' ').nth(1).expect("a page");
        assert_eq!(format!("{page}faye"), demo.url);
        let third = demo.line();
        assert!(third.contains("/demo/ticker"), "{third}");
        demo
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Sends a signal and returns the lines at the end.
    fn stop(mut self, signal: &str) -> Vec<String> {
        let sent = std::process::Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("the end");
        assert_eq!(self.child.wait().expect("an exit code").code(), Some(0), "{rest}");
        let mut errors = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("the end");
        assert_eq!(errors, "");
        rest.lines().map(str::to_owned).collect()
    }
}

#[test]
fn the_demo_counts_what_two_clients_receive() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // It needs no settings, and is not disturbed by any.
    std::fs::write(folder.path().join("faye.toml"), "[sever]\n").expect("a file");
    for signal in ["-INT", "-TERM"] {
        let demo = Demo::start(folder.path());
        // Another client sees the ticker.
        let mut command = binary();
        command.args(["subscribe", "/demo/ticker", "--url", &demo.url]);
        let mut subscriber =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(subscriber.stdout.take().expect("a pipe")).lines();
        let mut numbers = Vec::new();
        while numbers.len() < 3 {
            let line = lines.next().expect("a message").expect("a line");
            let message: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!(message["channel"], "/demo/ticker");
            numbers.push(message["data"]["number"].as_u64().expect("a number"));
        }
        assert_eq!(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2]);
        subscriber.kill().expect("an end");
        subscriber.wait().expect("an end");
        let lines = demo.stop(signal);
        let words: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
        let published: u64 = words[0][1].parse().expect("a number");
        assert!(published >= numbers[2], "{lines:?}");
        assert_eq!(words[1], ["client", "delivered", "lost", "reconnects"]);
        let published = published.to_string();
        assert_eq!(words[2], ["WebSocket", &published, "0", "0"], "{lines:?}");
        assert_eq!(words[3], ["long-polling", &published, "0", "0"], "{lines:?}");
        assert_eq!(lines.len(), 4);
    }
}

#[test]
fn the_demo_serves_the_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(folder.path());
    let address =
        demo.url["http://".len()..].strip_suffix("/faye").expect("a URL").parse().expect("an address");
    let page = Http::open(address).request("GET", "/", &[], b"");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<html"), "{}", page.text());
}

#[test]
fn the_demo_says_which_settings_it_takes() {
    run(&["demo", "--config", "x.toml"], &[]).fails_with(&["uses no settings but --listen"]);
    run(&["demo", "--listen", "nowhere"], &[]).fails_with(&["--listen", "127.0.0.1:8000"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    run(&["demo", "--listen", &address], &[]).fails_with(&["cannot listen on", &address, "in use"]);
}
