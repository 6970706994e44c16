//! `faye publish` with one message and with the lines of standard input.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::{file, run, text};
use crate::support::*;

/// Runs `faye publish` with this as standard input: the exit code, standard output and standard error.
fn publish(arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = start(arguments);
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that fails early reads nothing.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    end(child)
}

fn start(arguments: &[&str]) -> Child {
    let mut command = binary();
    command.arg("publish").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary runs")
}

fn end(child: Child) -> (Option<i32>, String, String) {
    let ended = child.wait_with_output().expect("an end");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn lines_of_standard_input_arrive_in_their_order() {
    let faye = Faye::start(&[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let lines: String = (0..2500).map(|number| format!("{number}\n\n")).collect();
    let (code, stdout, stderr) = publish(&["/a", "--url", &faye.url()], &lines);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), "published 2500 messages to /a\n", ""));
    assert_eq!(session.take(2500), (0..2500).map(Value::from).collect::<Vec<_>>());
    // The same with -, and without a line end behind the last line.
    let (code, stdout, _) = publish(&["/a", "-", "--url", &faye.url()], "{\"x\": \"ä\"}");
    assert_eq!((code, stdout.as_str()), (Some(0), "published 1 message to /a\n"));
    assert_eq!(session.take(1), [json!({"x": "ä"})]);
    // Far fewer requests than lines.
    let (code, stdout, _) = publish(&["/a", "--url", &faye.url()], "");
    assert_eq!((code, stdout.as_str()), (Some(0), "published 0 messages to /a\n"));
}

#[test]
fn a_line_is_published_when_it_arrives() {
    let faye = Faye::start(&[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut child = start(&["/a", "--json", "--url", &faye.url()]);
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    for number in 1..4 {
        writeln!(stdin, "{number}").expect("a pipe");
        assert_eq!(session.take(1), [number]);
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        assert_eq!(objects(&line), [json!({"channel": "/a", "line": number, "successful": true})]);
    }
    drop(stdin);
    assert_eq!(end(child), (Some(0), String::new(), String::new()));
}

#[test]
fn lines_that_cannot_be_published_are_reported_and_skipped() {
    let rule = "[[channel]]\nmatch = '/closed'\npublish = 'nobody'\n";
    let faye = Faye::start_with_file(rule, &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let url = faye.url();
    let input = "1\nhello\n2\n";
    let (code, stdout, stderr) = publish(&["/a", "--url", &url], input);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    for part in ["line 2: the data is not JSON", "published 2 messages to /a; 1 message failed"] {
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    }
    assert_eq!(session.take(2), [1, 2]);
    let (code, stdout, stderr) = publish(&["/a", "--json", "--url", &url], input);
    assert_eq!(code, Some(1), "{stderr}");
    let results = objects(&stdout);
    let successful: Vec<_> = results.iter().map(|result| result["successful"] == true).collect();
    assert_eq!(successful, [true, false, true], "{stdout}");
    assert!(results[1]["error"].as_str().is_some_and(|error| error.contains("not JSON")), "{stdout}");
    let (code, stdout, stderr) = publish(&["/closed", "--json", "--url", &url], "1\n2\n");
    assert_eq!(code, Some(1), "{stderr}");
    let errors: Vec<_> = objects(&stdout).iter().map(|result| result["error"].clone()).collect();
    assert_eq!(errors, ["403:/closed:Forbidden channel", "403:/closed:Forbidden channel"], "{stdout}");
    // Many failures are counted, and do not fill the terminal.
    let (_, _, stderr) = publish(&["/closed", "--url", &url], &"1\n".repeat(1000));
    assert!(stderr.contains("1000 messages failed") && stderr.lines().count() < 30, "{stderr}");
}

#[test]
fn a_batch_that_is_too_large_for_the_server_is_split() {
    for limits in [("FAYE_LIMITS__BODY", "2KiB"), ("FAYE_LIMITS__BATCH", "3")] {
        let faye = Faye::start(&[limits]);
        let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
        let mut lines: Vec<Value> =
            (0..100).map(|number| format!("{number} {}", "x".repeat(50)).into()).collect();
        let (code, stdout, stderr) = publish(
            &["/a", "--url", &faye.url()],
            &lines.iter().map(|line| format!("{line}\n")).collect::<String>(),
        );
        assert_eq!(
            (code, stdout.as_str()),
            (Some(0), "published 100 messages to /a\n"),
            "{limits:?} {stderr}"
        );
        assert_eq!(session.take(100), lines);
        // A message that is too large alone is the only one that fails.
        lines.truncate(2);
        lines.insert(1, "x".repeat(4096).into());
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let (code, _, stderr) = publish(&["/a", "--url", &faye.url()], &input);
        if limits.0 == "FAYE_LIMITS__BODY" {
            assert_eq!(code, Some(1), "{stderr}");
            assert!(stderr.contains("line 2: ") && stderr.contains("larger than it allows"), "{stderr}");
            assert_eq!(session.take(2), [lines[0].clone(), lines[2].clone()]);
        }
    }
}

#[test]
fn a_server_that_goes_away_ends_the_stream() {
    let faye = Faye::start(&[]);
    let url = faye.url();
    let mut child = start(&["/a", "--json", "--url", &url]);
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    writeln!(stdin, "1").expect("a pipe");
    stdout.read_line(&mut String::new()).expect("a line");
    drop(faye);
    writeln!(stdin, "2").expect("a pipe");
    let (code, _, stderr) = end(child);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("published 1 message to /a, then failed: line 2: cannot reach"), "{stderr}");
    // From the start.
    let (code, stdout, stderr) = publish(&["/a", "--url", &url], "1\n");
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("published 0 messages") && stderr.contains("is the server running?"), "{stderr}");
}

#[test]
fn messages_of_a_kept_connection_that_was_cut_may_have_been_published() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/faye", listener.local_addr().expect("an address"));
    let mut child = start(&["/a", "--url", &url]);
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"1\n").expect("a reader");
    let (mut connection, _) = listener.accept().expect("a client");
    read_request(&connection);
    let reply = r#"[{"id":"1","channel":"/a","successful":true}]"#;
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}", reply.len());
    connection.write_all(format!("{head}\r\n\r\n{reply}").as_bytes()).expect("a reader");
    stdin.write_all(b"2\n").expect("a reader");
    read_request(&connection);
    // The server has the second request, and is gone when the client repeats it.
    drop(listener);
    drop(connection);
    let (code, _, stderr) = end(child);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("published 1 message to /a, then failed"), "{stderr}");
    assert!(stderr.contains("1 message more may have been published"), "{stderr}");
}

/// Reads a request with a `Content-Length`.
fn read_request(connection: &std::net::TcpStream) {
    let mut reader = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).expect("a request"), 0);
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length");
        }
        if line == "\r\n" {
            break;
        }
    }
    std::io::Read::read_exact(&mut reader, &mut vec![0; length]).expect("a body");
}

#[test]
fn a_stream_that_is_stopped_says_how_far_it_came() {
    let faye = Faye::start(&[]);
    for signal in ["-INT", "-TERM"] {
        let mut child = start(&["/a", "--json", "--url", &faye.url()]);
        let mut stdin = child.stdin.take().expect("a pipe");
        writeln!(stdin, "1").expect("a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut String::new()).expect("a line");
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let (code, _, stderr) = end(child);
        assert_eq!(code, Some(1));
        assert_eq!(stderr, "stopped before the end: published 1 message to /a\n");
        drop(stdin);
    }
}

#[test]
fn one_message_has_a_result_in_json() {
    let faye = Faye::start_with_file("[[channel]]\nmatch = '/closed'\npublish = 'nobody'\n", &[]);
    let url = faye.url();
    let said = run(&["publish", "/a", "1", "--json", "--url", &url], &[]).succeeds();
    assert_eq!(objects(&said), [json!({"channel": "/a", "successful": true})]);
    let refused = run(&["publish", "/closed", "1", "--json", "--url", &url], &[]);
    assert_eq!(refused.code, Some(1));
    let expected =
        json!({"channel": "/closed", "successful": false, "error": "403:/closed:Forbidden channel"});
    assert_eq!(objects(&refused.stdout), [expected]);
    run(&["publish", "/a", "-5", "--url", &url], &[]).succeeds();
}

#[test]
fn a_message_that_an_extension_drops_is_reported_as_such() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = "module.exports = { incoming(message, callback) { \
                  callback(message.channel === '/dropped' ? null : message); } };";
    std::fs::write(folder.path().join("drop.js"), script).expect("a file");
    std::fs::write(folder.path().join("faye.toml"), "[extensions]\nfiles = ['drop.js']\n").expect("a file");
    let faye = Faye::start_in(folder, &[]);
    let url = faye.url();
    run(&["publish", "/dropped", "1", "--url", &url], &[]).fails_with(&[
        "accepted the request but returned no reply",
        "an extension of the server may have dropped it",
    ]);
    run(&["publish", "/a", "1", "--url", &url], &[]).succeeds();
    let (code, stdout, stderr) = publish(&["/dropped", "--json", "--url", &url], "1\n");
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(objects(&stdout)[0]["successful"], false);
}

#[test]
fn client_commands_need_no_other_secret_of_the_server() {
    let faye = Faye::start_with_file(
        "[push]\nsecret = '0123456789abcdef'\n[[channel]]\nmatch = '/**'\npublish = 'secret'\n",
        &[],
    );
    let hook = "[hook]\nsecret = 'env:NO_SUCH_VARIABLE'\n[redis]\nurl = 'file:/no/such/file'\n";
    let listen = format!("[server]\nlisten = '{}'\n", faye.address);
    let (_folder, path) = file(&format!("{listen}{hook}[push]\nsecret = '0123456789abcdef'\n"));
    let config = ["--config", text(&path)];
    run(&[&["publish", "/a", "1"][..], &config].concat(), &[]).succeeds();
    let bench = ["bench", "idle", "--sessions", "1", "--seconds", "0", "--warmup", "0"];
    run(&[&bench[..], &config].concat(), &[]).succeeds();
    let key = "[[key]]\nalgorithm = 'HS256'\nsecret = '0123456789abcdef0123456789abcdef'\n";
    let (_folder, path) = file(&format!("{listen}{hook}[push]\nsecret = 'env:NO_SUCH_VARIABLE'\n{key}"));
    let config = ["--config", text(&path)];
    run(&[&["token", "make", "--publish", "/a"][..], &config].concat(), &[]).succeeds();
    // The one that it needs is named, unless it is given.
    run(&[&["publish", "/a", "1"][..], &config].concat(), &[])
        .fails_with(&["push.secret", "NO_SUCH_VARIABLE"]);
    let ext = ["--ext", r#"{"password":"0123456789abcdef"}"#];
    run(&[&["publish", "/a", "1"][..], &config, &ext].concat(), &[]).succeeds();
    // A server needs all of them.
    run(&config, &[]).fails_with(&["hook.secret", "redis.url", "push.secret"]);
}
