//! The log never stops the server: whatever becomes of standard error, clients are served and SIGTERM drains. Lines that
//! cannot be written are dropped and counted.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::support::disk::Disk;
use crate::support::*;
use serde_json::Value;

const DROPPED: &str = "faye_log_dropped_total";

/// Sends a request that a line of the level `debug` is about.
fn be_refused(http: &mut Http) {
    assert_eq!(http.request("POST", "/faye", &[], b"no JSON").status, 400);
}

fn debug(format: &str) -> [(&str, &str); 2] {
    [("FAYE_LOG__LEVEL", "debug"), ("FAYE_LOG__FORMAT", format)]
}

/// Has the server log in every way, and stop.
#[track_caller]
fn assert_goes_on_and_stops(mut faye: Faye) {
    let dropped = faye.metric(DROPPED);
    faye.hang_up();
    faye.wait_for_metric("faye_config_reloads_total", |now| now == 1);
    be_refused(&mut faye.http());
    faye.assert_serves();
    faye.wait_for_metric(DROPPED, |now| now > dropped);
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
}

#[test]
fn a_reader_of_the_log_that_goes_away_does_not_end_the_server() {
    for format in ["text", "json"] {
        let (reader, writer) = std::io::pipe().unwrap();
        let faye = Faye::start_with_log(writer, &debug(format));
        drop(reader);
        assert_goes_on_and_stops(faye);
    }
}

#[test]
fn a_log_on_a_full_disk_does_not_end_the_server() {
    for format in ["text", "json"] {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        assert_goes_on_and_stops(Faye::start_with_log(full, &debug(format)));
    }
}

#[test]
fn a_log_file_goes_on_when_the_disk_has_room_again() {
    let disk = Disk::make("64k");
    let (filler, path) = (disk.path().join("filler"), disk.path().join("log"));
    std::fs::write(&filler, vec![0; 32 * 1024]).unwrap();
    let file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let faye = Faye::start_with_log(file, &debug("json"));
    let mut http = faye.http();
    (0..1000).for_each(|_| be_refused(&mut http));
    faye.wait_for_metric(DROPPED, |now| now > 0);
    std::fs::remove_file(&filler).unwrap();
    be_refused(&mut http);
    let begin = tokio::time::Instant::now();
    // A line that fits into the last bytes of the disk is a good one, so there may be several reports.
    let mut said = None;
    while said != Some(faye.metric(DROPPED)) {
        let log = std::fs::read_to_string(&path).unwrap();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        said = Some(lines.filter_map(|line| line["dropped"].as_u64()).sum());
        assert!(begin.elapsed() < WATCHDOG, "{said:?} of {}", faye.metric(DROPPED));
    }
    faye.assert_serves();
}

#[test]
fn the_log_goes_on_when_it_can_be_written_again_and_says_how_many_lines_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo is missing: install coreutils");
    assert!(made.success());
    for format in ["text", "json"] {
        // Opening one end waits for the other.
        let (reader, writer) = both_ends(&path);
        let faye = Faye::start_with_log(writer, &debug(format));
        drop(reader);
        let mut http = faye.http();
        (0..5).for_each(|_| be_refused(&mut http));
        let dropped = faye.wait_for_metric(DROPPED, |now| now >= 5);
        let mut lines = BufReader::new(File::open(&path).unwrap()).lines().map(Result::unwrap);
        be_refused(&mut http);
        let found = lines.find(|line| line.contains("log lines dropped")).expect("a line that says it");
        if format == "json" {
            let line: Value = serde_json::from_str(&found).unwrap();
            assert_eq!(line["dropped"], dropped, "{line}");
            assert_eq!(line["level"], "WARN", "{line}");
        } else {
            assert!(found.contains(&format!("dropped={dropped}")), "{found}");
        }
        assert_eq!(faye.metric(DROPPED), dropped);
    }
}

fn both_ends(path: &Path) -> (File, File) {
    let reading = path.to_owned();
    let reader = std::thread::spawn(move || File::open(reading).unwrap());
    let writer = OpenOptions::new().write(true).open(path).unwrap();
    (reader.join().unwrap(), writer)
}

/// A server with a log that has no reader: its pipe and its queue are full.
fn stalled(format: &str) -> (Faye, PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    let settings = [&debug(format)[..], &[("FAYE_LOG__QUEUE", "64KiB")]].concat();
    let faye = Faye::start_with_log(writer, &settings);
    let mut http = faye.http();
    // Each is a line of about 100 bytes, and a pipe takes 64 KiB.
    (0..4000).for_each(|_| be_refused(&mut http));
    assert!(faye.metric(DROPPED) > 0, "the pipe took everything");
    (faye, reader)
}

#[test]
fn a_reader_of_the_log_that_stalls_holds_up_nothing() {
    for format in ["text", "json"] {
        let (mut faye, reader) = stalled(format);
        assert_eq!(faye.get("/healthz").status, 200);
        faye.assert_serves();
        faye.terminate();
        assert_eq!(faye.wait(), Some(0));
        drop(reader);
    }
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_reader_of_the_start_lines_that_stalls_holds_up_nothing() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let stdout = writer.try_clone().unwrap();
    // It ends when the reader goes, which is at the end of the test.
    let (filling, filled) = mpsc::channel();
    std::thread::spawn(move || while writer.write_all(&[b'x'; 4096]).is_ok() && filling.send(()).is_ok() {});
    // As much as a pipe takes; the next write waits.
    (0..16).for_each(|_| filled.recv_timeout(WATCHDOG).unwrap());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = binary();
    command.args(["--listen", &port.to_string()]).stdout(stdout).stderr(Stdio::null());
    let mut child = Killed(command.spawn().unwrap());
    let begin = tokio::time::Instant::now();
    while std::net::TcpStream::connect(port).is_err() {
        assert!(begin.elapsed() < WATCHDOG, "the server does not start");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(Http::open(port).request("GET", "/healthz", &[], b"").status, 200);
    let sent = Command::new("kill").args(["-TERM", &child.0.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    while child.0.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < WATCHDOG, "the server does not stop");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    drop(reader);
}

#[test]
fn every_line_is_whole_when_a_stalled_reader_reads_on() {
    let (mut faye, reader) = stalled("json");
    let (lines, read) = mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(reader).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
    let parsed = |line: String| -> Value { serde_json::from_str(&line).expect(&line) };
    let mut all = Vec::new();
    while all.last().is_none_or(|line: &Value| line["dropped"].is_null()) {
        all.push(parsed(read.recv_timeout(WATCHDOG).expect("a line that says how many were dropped")));
    }
    let dropped = faye.metric(DROPPED);
    assert_eq!(all.last().unwrap()["dropped"], dropped);
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
    all.extend(read.into_iter().map(parsed));
    let is_about_a_request = |line: &&Value| line["level"] == "DEBUG" && line["address"].is_string();
    let bad = all.iter().filter(is_about_a_request).count() as u64;
    assert_eq!(bad + dropped, 4000, "each line was written or counted");
    assert!(all.iter().any(|line| line["message"].as_str().is_some_and(|text| text.starts_with("stopped"))));
}

#[test]
fn with_json_logs_every_line_that_is_written_is_json() {
    let settings = [("FAYE_LOG__FORMAT", "json"), ("FAYE_ADMIN__LISTEN", "127.0.0.1:0")];
    let mut faye = Faye::start(&settings);
    faye.assert_serves();
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
    let (out, log) = (faye.stdout(), faye.stderr());
    assert!(out.len() >= 3, "{out:?}");
    for line in out.iter().map(String::as_str).chain(log.lines()) {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "message"] {
            assert!(line[field].is_string(), "{line}");
        }
    }
    // Also what keeps it from starting.
    let taken = Faye::start(&[]);
    let mut command = binary();
    command.args(["--listen", &taken.listens.to_string()]).env("FAYE_LOG__FORMAT", "json");
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let log = String::from_utf8(ended.stderr).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let last = lines.last().expect("a line");
    assert_eq!(last["level"], "ERROR", "{last}");
    assert_eq!(last["message"], "command failed");
    assert!(last["error"].as_str().unwrap().contains("cannot listen on"), "{last}");
}

#[test]
fn sessions_are_logged_if_the_settings_say_so() {
    let settings = [("FAYE_LOG__FORMAT", "json"), ("FAYE_LOG__SESSIONS", "true")];
    let mut faye = Faye::start(&settings);
    let mut session = Session::begin(&faye, Via::WebSocket);
    session.subscribe("/a");
    session.subscribe("/b/*");
    session.subscribe("/a");
    let unsubscribe = serde_json::json!(
        {"channel": "/meta/unsubscribe", "clientId": session.id.clone(), "subscription": "/a"}
    );
    assert_done(&session.ask(unsubscribe));
    let id = session.id.clone();
    session.disconnect();
    drop(session);
    faye.publish("/b/x", 1);
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
    let log = faye.stderr();
    assert!(!log.contains(&id), "{log}");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines.filter(|line| line["client"].is_string()).collect();
    let said: Vec<_> =
        lines.iter().map(|line| (line["message"].as_str().unwrap(), &line["channel"])).collect();
    let channel = |name: &str| Value::from(name);
    let expected = [
        ("handshake", &Value::Null),
        ("subscribe", &channel("/a")),
        ("subscribe", &channel("/b/*")),
        ("unsubscribe", &channel("/a")),
        ("disconnect", &Value::Null),
    ];
    assert_eq!(said, expected);
    assert_eq!(lines[0]["address"], "127.0.0.1");
    assert_eq!(lines[4]["subscriptions"], 1);
    assert!(
        lines.iter().all(|line| line["level"] == "INFO" && line["client"] == lines[0]["client"]),
        "{log}"
    );
    // Not unless they do.
    let quiet = Faye::start(&settings[..1]);
    quiet.assert_serves();
    assert!(!quiet.stderr().contains("handshake"), "{}", quiet.stderr());
}

/// Runs again as a process of its own, whose standard error takes nothing.
#[test]
fn a_panic_is_survived_where_nothing_can_be_logged() {
    const NAME: &str = "log::a_panic_is_survived_where_nothing_can_be_logged";
    if std::env::var_os("PANICS").is_some() {
        let log = faye_server::telemetry::start(&faye_server::config::Log::default()).unwrap();
        for _ in 0..100 {
            std::thread::spawn(|| panic!("on purpose")).join().unwrap_err();
        }
        log.flush();
        std::process::exit(7);
    }
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", NAME, "--nocapture"]).env("PANICS", "yes").stderr(full);
    assert_eq!(again.output().unwrap().status.code(), Some(7));
}

#[cfg(feature = "websub")]
#[test]
fn what_a_feed_contains_is_not_logged() {
    use crate::support::feed_hub::{feed, server};
    // The parser of HTML has a warning for each of these tags.
    let content = "&lt;table&gt;".to_owned() + &"&lt;b&gt;x".repeat(500);
    let document = format!(
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id><content type='html'>{content}</content></entry></feed>"
    );
    let web = Web::start(move |_| {
        Some(WebResponse::new(200, document.clone()).with("Content-Type", "application/atom+xml"))
    });
    let file = server(&[]) + &feed("blog", &web.url("/feed"));
    for level in ["info", "debug", "trace"] {
        let mut faye = Faye::start_with_file(&file, &[("FAYE_LOG__LEVEL", level)]);
        faye.wait_for_metric("faye_feed_polls_total{feed=\"blog\",result=\"changed\"}", |count| count > 0);
        faye.terminate();
        assert_eq!(faye.wait(), Some(0));
        let log = faye.stderr();
        assert!(!log.contains("foster parenting"), "{level}: {} bytes of log", log.len());
    }
}
