//! `faye bench`: every load runs against a real server, and what goes wrong with messages is found.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;

use crate::support::*;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// Runs a load and returns its exit code, what it printed, and its errors.
fn bench(load: &[&str], url: &str) -> (Option<i32>, String, String) {
    let output = binary().arg("bench").args(load).args(["--url", url]).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs a load to its good end, and returns its figures.
#[track_caller]
fn figures(load: &[&str], more: &[&str], url: &str) -> Value {
    let seconds = if more.contains(&"--seconds") { &[][..] } else { &["--seconds", "0.3"] };
    let all = [load, seconds, &["--warmup", "0.1", "--json"], more].concat();
    let (code, stdout, stderr) = bench(&all, url);
    assert_eq!(code, Some(0), "{all:?} {stdout}{stderr}");
    assert_eq!(stderr, "", "no progress where there is no terminal");
    let figures: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(figures["load"], all[0]);
    figures
}

#[track_caller]
fn assert_counted(figures: &Value, keys: &[&str]) {
    for key in keys {
        assert!(figures[key].as_f64().is_some_and(|value| value > 0.0), "{key} in {figures}");
    }
}

/// Figures that every load of publications has when nothing went wrong.
#[track_caller]
fn assert_delivered(figures: &Value) {
    assert_counted(figures, &["deliveries_per_second", "delivered", "published", "latency_max_us"]);
    for key in ["lost", "doubled", "misordered", "stray", "stalled"] {
        assert_eq!(figures[key], 0, "{key} in {figures}");
    }
    let expected = figures["published"].as_u64().unwrap() * figures["subscribers"].as_u64().unwrap()
        / figures["publishers"].as_u64().unwrap();
    assert_eq!(figures["delivered"], expected, "{figures}");
}

fn url(faye: &Faye) -> String {
    format!("http://{}{}", faye.address, faye.mount)
}

#[test]
fn publications_are_counted_and_none_is_lost() {
    let faye = Faye::start(&[]);
    for load in [
        &["fanout", "--subscribers", "20"][..],
        &["fanout", "--subscribers", "20", "--window", "4", "--payload", "1024"],
        &["fanout", "--subscribers", "20", "--batch", "8", "--window", "16"],
        &["fanout", "--subscribers", "20", "--rate", "200"],
        &["pairs", "--pairs", "10", "--window", "4"],
        &["poll", "--subscribers", "20", "--window", "2"],
    ] {
        let figures = figures(load, &[], &url(&faye));
        assert_delivered(&figures);
        assert_eq!(figures["unacknowledged"], 0, "{figures}");
    }
}

#[test]
fn no_load_leaves_a_session_behind() {
    let faye = Faye::start(&[]);
    for load in [
        &["fanout", "--subscribers", "5", "--slow", "2"][..],
        &["pairs", "--pairs", "5"],
        &["poll", "--subscribers", "5"],
        &["idle", "--sessions", "60"],
        &["idle", "--sessions", "5", "--poll"],
        &["storm", "--sessions", "4"],
    ] {
        figures(load, &[], &url(&faye));
        assert_eq!(faye.metric("faye_sessions"), 0, "{load:?}");
    }
    assert_eq!(faye.metric("faye_sessions_expired_total"), 0);
}

#[test]
fn a_load_that_is_stopped_leaves_no_session_behind() {
    let faye = Faye::start(&[]);
    for signal in ["-INT", "-TERM"] {
        let mut command = binary();
        command.args(["bench", "fanout", "--subscribers", "5", "--seconds", "3600", "--url", &url(&faye)]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        faye.wait_for_metric("faye_sessions", |now| now == 6);
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let output = child.wait_with_output().expect("an end");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "stopped before the end\n");
        assert_eq!(faye.metric("faye_sessions"), 0);
    }
}

#[test]
fn each_run_has_a_channel_of_its_own() {
    let rule = "[[channel]]\nmatch = \"/bench/**\"\nsubscribe = \"anyone\"\npublish = \"anyone\"\n";
    let faye = Faye::start_with_file(rule, &[]);
    let mut listener = Session::subscribed(&faye, Via::WebSocket, "/bench/*");
    for _ in 0..2 {
        figures(&["fanout", "--subscribers", "1", "--rate", "10"], &[], &url(&faye));
    }
    listener.publish("/bench/end", "end");
    let mut channels: Vec<String> = Vec::new();
    loop {
        let message = listener.next();
        let channel = message["channel"].as_str().expect("a channel").to_owned();
        if channel == "/bench/end" {
            break;
        }
        if channels.last() != Some(&channel) {
            channels.push(channel);
        }
    }
    assert_eq!(channels.len(), 2, "{channels:?}");
    assert_ne!(channels[0], channels[1]);
}

#[test]
fn idle_sessions_and_storms_are_measured() {
    // A connect is held so long that sessions outlive the second in which the burst is not read.
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "2s")]);
    for more in [&["--seconds", "3"][..], &["--seconds", "3", "--poll"]] {
        let idle = figures(&["idle", "--sessions", "20", "--burst", "2"], more, &url(&faye));
        assert_counted(&idle, &["sessions", "sessions_per_second", "connects_per_second"]);
        assert_eq!(idle["lost"], 0);
        assert_eq!(idle["bytes_per_session"], Value::Null, "that takes --pid");
    }
    let storm = figures(&["storm", "--sessions", "4"], &[], &url(&faye));
    assert_counted(&storm, &["sessions", "sessions_per_second"]);
}

#[test]
#[cfg(target_os = "linux")]
fn the_use_of_a_process_is_measured() {
    let faye = Faye::start(&[]);
    // Not this process: the servers of other tests, which end at any time, are its children.
    let pid = faye.process_id().to_string();
    let figures = figures(&["fanout", "--subscribers", "20"], &["--pid", &pid], &url(&faye));
    assert_counted(&figures, &["cpu_us_per_delivery", "server_cpu", "server_resident_mb"]);
    let (code, stdout, stderr) = bench(&["storm", "--pid", "4194305"], &url(&faye));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("no process 4194305"), "{stderr}");
}

#[test]
fn a_table_has_the_figures_for_people() {
    let faye = Faye::start(&[]);
    let load = ["fanout", "--subscribers", "5", "--seconds", "0.2", "--warmup", "0"];
    // The name may have an address on which unreachable listens, too.
    let (code, stdout, stderr) = bench(&load, &url(&faye).replace("127.0.0.1", "localhost"));
    assert_eq!(code, Some(0), "{stderr}");
    for part in [
        "fanout on http://",
        "deliveries per second",
        "server CPU and memory need --pid",
        "latency, p99.9",
        "messages lost",
    ] {
        assert!(stdout.contains(part), "{part:?} is not in {stdout}");
    }
}

/// The floor as a process, killed when it is dropped.
struct Floor(Child, String);

impl Floor {
    fn start() -> Self {
        let mut command = binary();
        command.args(["bench", "floor", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).expect("a line");
        let (_, url) = line.trim().split_once("listening on ").expect("a URL");
        Self(child, url.to_owned())
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_floor_carries_the_loads_of_websockets() {
    let floor = Floor::start();
    for load in [
        &["fanout", "--subscribers", "20", "--window", "4"][..],
        &["fanout", "--subscribers", "20", "--batch", "8"],
        &["fanout", "--subscribers", "20", "--rate", "100", "--payload", "100000"],
        &["pairs", "--pairs", "10", "--window", "4"],
    ] {
        assert_delivered(&figures(load, &["--floor"], &floor.1));
    }
    assert_counted(&figures(&["storm", "--sessions", "4"], &["--floor"], &floor.1), &["sessions"]);
    assert_counted(&figures(&["idle", "--sessions", "20"], &["--floor"], &floor.1), &["sessions"]);
}

#[test]
fn what_cannot_be_run_is_said_clearly() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = format!("http://{closed}/faye");
    let faye = Faye::start(&[]);
    let elsewhere = format!("http://{}/elsewhere", faye.address);
    for (load, url, part) in [
        (&["fanout"][..], unreachable.as_str(), "is the server running?"),
        (&["poll"], &unreachable, "is the server running?"),
        (&["storm"], &unreachable, "is the server running?"),
        (&["fanout"], "nonsense", "is not a URL"),
        (&["fanout"], "ftp://127.0.0.1/faye", "is not a URL"),
        (&["fanout"], &elsewhere, "is the path right?"),
        (&["poll"], &elsewhere, "is the path right?"),
        (&["fanout", "--channel", "no channel"], &url(&faye), "the server refused it"),
        (&["fanout", "--payload", "10"], &url(&faye), "30 bytes at least"),
        (&["fanout", "--subscribers", "0"], &url(&faye), "0 is no load"),
        (&["fanout", "--subscribers", "100000000"], &url(&faye), "open files"),
        (&["poll", "--floor"], &url(&faye), "WebSockets only"),
    ] {
        let (code, stdout, stderr) = bench(load, url);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{load:?} {stderr}");
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    }
    let (code, _, stderr) = bench(&["fanout", "--seconds", "never"], &unreachable);
    assert_eq!(code, Some(2), "{stderr}");
}

/// What a bad server does with the publications that it gets.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    Drops,
    Doubles,
    Swaps,
    ToEverybody,
}

/// The subscribers of a bad server, each with its channel.
type Receivers = Arc<Mutex<Vec<(String, WebSocket<TcpStream>)>>>;

/// A server of Bayeux on WebSockets that treats the tenth publication of each publisher badly. Returns its URL.
fn bad_server(flaw: Flaw) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let receivers = Receivers::default();
        for stream in listener.incoming() {
            let receivers = Arc::clone(&receivers);
            std::thread::spawn(move || {
                let stream = stream.unwrap();
                let other = WebSocket::from_raw_socket(
                    stream.try_clone().unwrap(),
                    tungstenite::protocol::Role::Server,
                    None,
                );
                serve(tungstenite::accept(stream).unwrap(), other, &receivers, flaw);
            });
        }
    });
    url
}

fn serve(mut socket: WebSocket<TcpStream>, other: WebSocket<TcpStream>, receivers: &Receivers, flaw: Flaw) {
    let mut other = Some(other);
    let mut late = None;
    let mut count = 0;
    while let Ok(Message::Text(text)) = socket.read() {
        let messages: Vec<Value> = serde_json::from_str(&text).unwrap();
        for message in messages {
            let channel = message["channel"].as_str().unwrap();
            match channel {
                "/meta/connect" => continue,
                "/meta/subscribe" => {
                    let subscription = message["subscription"].as_str().unwrap().to_owned();
                    receivers.lock().push((subscription, other.take().unwrap()));
                }
                "/meta/handshake" => {}
                _ => {
                    count += 1;
                    let publication = json!([{"data": message["data"], "channel": channel}]);
                    let bad = count == 10;
                    let send = |publication: &Value| {
                        for (subscription, receiver) in receivers.lock().iter_mut() {
                            if subscription == channel || (bad && matches!(flaw, Flaw::ToEverybody)) {
                                let _ = receiver.send(Message::text(publication.to_string()));
                            }
                        }
                    };
                    match flaw {
                        Flaw::Drops if bad => {}
                        Flaw::Swaps if bad => late = Some(publication),
                        _ => {
                            send(&publication);
                            if matches!(flaw, Flaw::Doubles) && bad {
                                send(&publication);
                            }
                            if let Some(late) = late.take() {
                                send(&late);
                            }
                        }
                    }
                }
            }
            let reply = json!([{"channel": channel, "successful": true, "clientId": "x"}]);
            let _ = socket.send(Message::text(reply.to_string()));
        }
    }
}

#[test]
fn lost_doubled_swapped_and_stray_messages_are_found() {
    for (flaw, key, others) in [
        (Flaw::Drops, "lost", ["doubled", "misordered", "stray"]),
        (Flaw::Doubles, "doubled", ["lost", "misordered", "stray"]),
        (Flaw::Swaps, "misordered", ["lost", "doubled", "stray"]),
        (Flaw::ToEverybody, "stray", ["lost", "doubled", "misordered"]),
    ] {
        let load = ["pairs", "--pairs", "2", "--rate", "200", "--seconds", "0.5", "--warmup", "0", "--json"];
        let (code, stdout, stderr) = bench(&load, &bad_server(flaw));
        assert_eq!(code, Some(1), "{flaw:?} {stdout}{stderr}");
        assert!(stderr.contains("messages went wrong"), "{stderr}");
        let figures: Value = serde_json::from_str(&stdout).expect("JSON");
        assert_counted(&figures, &[key]);
        for other in others {
            assert_eq!(figures[other], 0, "{other} with {flaw:?}: {figures}");
        }
    }
}

/// The lines of a comparison in JSON.
fn compared(more: &[&str], url: &str) -> (Option<i32>, Vec<Value>, String) {
    let load = ["fanout", "--subscribers", "5", "--seconds", "0.2", "--warmup", "0.1", "--json"];
    let (code, stdout, stderr) = bench(&[&load[..], more].concat(), url);
    (code, stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), stderr)
}

#[test]
fn two_servers_are_loaded_in_turn() {
    let [ours, theirs] = [Faye::start(&[]), Faye::start(&[])];
    let against = url(&theirs);
    let [pid, against_pid] = [&ours, &theirs].map(|server| server.process_id().to_string());
    let more = ["--against", &against, "--rounds", "3", "--pid", &pid, "--against-pid", &against_pid];
    let (code, lines, stderr) = compared(&more, &url(&ours));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let turns: Vec<_> =
        lines.iter().filter_map(|line| Some((line["round"].as_u64()?, line["server"].as_str()?))).collect();
    let expected = [(1, "url"), (1, "against"), (2, "against"), (2, "url"), (3, "url"), (3, "against")];
    assert_eq!(turns, expected);
    lines[..6].iter().for_each(assert_delivered);
    let medians = &lines[6]["comparison"];
    for (side, server) in [("url", &ours), ("against", &theirs)] {
        let side = &medians[side];
        assert_eq!((side["url"].as_str(), &side["rounds"]), (Some(url(server).as_str()), &json!(3)));
        assert_counted(
            side,
            &["deliveries_per_second", "latency_p50_us", "latency_p99_us", "cpu_us_per_delivery"],
        );
        assert_eq!(side["errors"], Value::Null, "{side}");
        // A value of the middle round.
        let rate = side["deliveries_per_second"].as_u64();
        assert!(lines[..6].iter().any(|line| line["deliveries_per_second"].as_u64() == rate), "{lines:?}");
        assert_eq!(server.metric("faye_sessions"), 0);
    }
}

#[test]
fn a_comparison_is_one_table() {
    let [ours, theirs] = [Faye::start(&[]), Faye::start(&[])];
    let against = url(&theirs);
    let load = ["poll", "--subscribers", "3", "--seconds", "0.2", "--warmup", "0", "--rounds", "1"];
    let (code, stdout, stderr) = bench(&[&load[..], &["--against", &against]].concat(), &url(&ours));
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    let labels =
        ["deliveries per second", "latency, p50", "latency, p99 ", "server CPU and memory need --pid"];
    for part in
        [&["A / B", &format!("  A  {}", url(&ours)), &format!("  B  {against}")], &labels[..]].concat()
    {
        assert_eq!(stdout.matches(part).count(), 1, "{part:?} in {stdout}");
    }
    let row = stdout.lines().find(|line| line.contains("deliveries per second")).expect("a row");
    assert_eq!(row.split_whitespace().count(), 6, "{row}");
}

#[test]
fn a_comparison_with_an_unreachable_server_fails_before_the_first_round() {
    let faye = Faye::start(&[]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = format!("http://{closed}/faye");
    for (url, against) in [(url(&faye), unreachable.clone()), (unreachable.clone(), url(&faye))] {
        let (code, stdout, stderr) = bench(&["fanout", "--json", "--against", &against], &url);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.contains(&format!("cannot reach {unreachable}: connection refused")), "{stderr}");
        assert!(!stderr.contains("round 1"), "{stderr}");
    }
    assert_eq!(faye.metric("faye_publications_total"), 0);
}

#[test]
fn a_failure_of_one_server_does_not_hide_the_other() {
    let faye = Faye::start(&[]);
    // Lost messages are a failure of their server, too.
    let bad = bad_server(Flaw::Drops);
    let load =
        ["pairs", "--pairs", "2", "--rate", "200", "--seconds", "0.5", "--warmup", "0", "--rounds", "1"];
    let (code, stdout, stderr) = bench(&[&load[..], &["--against", &url(&faye)]].concat(), &bad);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("A failed in round 1: messages went wrong"), "{stdout}");
    assert!(stderr.contains(&bad), "{stderr}");
    // What belongs to a comparison needs one.
    for arguments in [&["--against-pid", "1"][..], &["--rounds", "2"], &["--floor", "--against", "http://x/"]]
    {
        let (code, _, stderr) = bench(&[&["fanout"], arguments].concat(), &bad);
        assert_eq!(code, Some(2), "{arguments:?} {stderr}");
    }
}

#[test]
fn a_comparison_that_is_stopped_ends_at_once() {
    let [ours, theirs] = [Faye::start(&[]), Faye::start(&[])];
    let mut command = binary();
    command.args(["bench", "fanout", "--subscribers", "5", "--seconds", "3600"]);
    command.args(["--url", &url(&ours), "--against", &url(&theirs)]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    ours.wait_for_metric("faye_sessions", |now| now == 6);
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "stopped before the end\n");
}

/// A terminal shows the progress; a file gets the results only.
#[test]
#[cfg(target_os = "linux")]
fn progress_goes_to_the_terminal_only() {
    let [ours, theirs] = [Faye::start(&[]), Faye::start(&[])];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = binary().get_program().to_str().expect("UTF-8").to_owned();
    let load = "fanout --subscribers 5 --seconds 1 --warmup 0 --json --rounds 1";
    let line = format!("{program} bench {load} --url {} --against {} > out.json", url(&ours), url(&theirs));
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path()).stdin(Stdio::null());
    let output = command.output().expect("script is installed (apt-get install bsdutils)");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    for part in ["\r\x1b[Kround 1 of 1, ", &url(&theirs), " deliveries, ", " s left"] {
        assert!(shown.contains(part), "{part:?} is not in {shown:?}");
    }
    let results = std::fs::read_to_string(folder.path().join("out.json")).expect("a file");
    assert_eq!(results.lines().count(), 3, "{results}");
    results.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).expect("JSON")));
}
