//! The command line: settings from everywhere, errors that say what to do, and exit codes that scripts can trust.

mod demo;
mod help;
#[cfg(feature = "websub")]
mod hub_settings;
#[cfg(feature = "websub")]
mod lifestream;
mod publish;
mod token;
mod unreachable;

use std::path::{Path, PathBuf};

use crate::support::*;

/// What a command printed, and its exit code.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs a command to its end in a folder without settings.
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder");
    run_in(folder.path(), arguments, settings)
}

fn run_in(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    let mut command = binary();
    command.current_dir(folder).args(arguments).envs(settings.iter().copied());
    let output = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ran {
    #[track_caller]
    fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Fails unless it failed, and said all of this on standard error and nothing on standard output.
    #[track_caller]
    fn fails_with(self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {:?}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}

/// A folder with a file of settings.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, text).expect("a file");
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn check_finds_what_is_wrong_by_line_and_key() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/faye.toml");
    assert_eq!(run(&["check", shipped], &[]).succeeds(), format!("{shipped} is valid\n"));
    let (folder, path) = file("[server]\nmount = \"/x\"\ntimout = \"2s\"\n\n[limits]\nbatch = 0\n");
    let bad = [":3: server.timout: ", "write timeout", ":6: limits.batch: ", "at least 1"];
    run(&["check", text(&path)], &[]).fails_with(&bad);
    run(&["check", "--config", text(&path)], &[]).fails_with(&bad);
    run(&["check", "/no/such/file"], &[])
        .fails_with(&["/no/such/file: no such file; name an existing file, or none for the defaults"]);
    run(&["check", "--config", "/no/such/file"], &[]).fails_with(&["/no/such/file: no such file"]);
    run(&["check", "/"], &[]).fails_with(&["/: cannot read the file ("]);
    std::fs::rename(&path, folder.path().join("faye.toml")).expect("another name");
    run_in(folder.path(), &["check"], &[]).fails_with(&["faye.toml:3: server.timout"]);
}

#[test]
fn check_without_a_file_says_what_it_checked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().canonicalize().expect("a path");
    let said = run_in(folder.path(), &["check"], &[]).succeeds();
    let begin = format!("there is no faye.toml in {}; the defaults", place.display());
    assert_eq!(said, format!("{begin} are valid\n"));
    let said = run_in(folder.path(), &["check"], &[("FAYE_SERVER__TIMEOUT", "2s")]).succeeds();
    assert_eq!(said, format!("{begin} with FAYE_SERVER__TIMEOUT are valid\n"));
    run_in(folder.path(), &["check"], &[("FAYE_SERVER__TIMEOUT", "soon")])
        .fails_with(&["FAYE_SERVER__TIMEOUT: "]);
}

#[test]
fn check_prints_json() {
    let objects = |text: &str| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let (_folder, path) = file("[server]\ntimout = '2s'\n[limits]\nbatch = 0\n");
    let ran = run(&["check", "--json", text(&path)], &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{}", ran.stdout);
    let found = objects(&ran.stdout);
    let places: Vec<_> =
        found.iter().map(|object| (object["line"].as_u64(), object["key"].as_str())).collect();
    assert_eq!(places, [(Some(2), Some("server.timout")), (Some(4), Some("limits.batch")), (None, None)]);
    assert_eq!(found[0]["kind"], "error");
    assert!(found[0]["message"].as_str().is_some_and(|message| message.contains("timeout")), "{found:?}");
    assert_eq!(found[2], serde_json::json!({"kind": "result", "valid": false, "file": text(&path)}));
    let found = objects(&run(&["check", "--json"], &[("FAYE_SERVER_TIMEOUT", "2s")]).succeeds());
    assert_eq!(found[0]["kind"], "warning");
    assert_eq!(found[1], serde_json::json!({"kind": "result", "valid": true, "file": null}));
    let ran = run(&["check", "--json"], &[("FAYE_LIMITS__BATCH", "0")]);
    assert_eq!(objects(&ran.stdout)[0]["variable"], "FAYE_LIMITS__BATCH");
    let ran = run(&["check", "--json", "/no/such/file"], &[]);
    assert_eq!((ran.code, objects(&ran.stdout)[0]["kind"].as_str()), (Some(1), Some("error")));
}

/// A file of settings with a Redis that never answers: the listener keeps the port from other processes.
fn file_with_silent_redis() -> (std::net::TcpListener, tempfile::TempDir, PathBuf) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://{}", silent.local_addr().expect("an address"));
    let (folder, path) = file(&format!("[redis]\nurl = \"{url}\"\ndeadline = \"100ms\"\n"));
    (silent, folder, path)
}

#[test]
fn check_offline_does_not_need_redis() {
    let (_silent, _folder, path) = file_with_silent_redis();
    run(&["check", text(&path)], &[]).fails_with(&["redis.url"]);
    let good = format!("{} is valid\n", text(&path));
    assert_eq!(run(&["check", "--offline", text(&path)], &[]).succeeds(), good);

    let authority = [("FAYE_REDIS__URL", "rediss://127.0.0.1"), ("FAYE_REDIS__TLS_CA", "/no/such/file")];
    run(&["check", "--offline", text(&path)], &authority).fails_with(&["/no/such/file"]);
    run(&["check", "--offline", text(&path)], &[("FAYE_REDIS__URL", "http://127.0.0.1")])
        .fails_with(&["redis"]);
}

fn deployed(name: &str) -> String {
    std::fs::read_to_string(format!("{}/deploy/{name}", env!("CARGO_MANIFEST_DIR")))
        .expect("a file of deploy/")
}

#[test]
fn the_systemd_service_starts_and_reloads_while_redis_is_away() {
    let (_silent, _folder, path) = file_with_silent_redis();
    let unit = deployed("faye.service");
    for key in ["ExecStartPre=", "ExecReload="] {
        let command = unit.lines().find_map(|line| line.strip_prefix(key)).expect(key);
        let arguments = command.strip_prefix("/usr/local/bin/faye ").expect("the binary");
        let arguments = arguments.replace("/etc/faye/faye.toml", text(&path));
        run(&arguments.split(' ').collect::<Vec<_>>(), &[]).succeeds();
    }
}

#[test]
fn the_kubernetes_manifest_brings_no_secret_and_needs_one() {
    let manifest = deployed("kubernetes.yaml");
    assert!(!manifest.lines().any(|line| line == "kind: Secret"));
    let settings = manifest.lines().skip_while(|line| *line != "  faye.toml: |").skip(1);
    let settings: Vec<&str> = settings.take_while(|line| *line != "---").map(str::trim_start).collect();
    let (_folder, path) = file(&settings.join("\n"));
    run(&["check", text(&path)], &[]).fails_with(&["push.secret", "FAYE_PUSH_SECRET"]);
    run(&["check", text(&path)], &[("FAYE_PUSH_SECRET", "5df0b4f6e3a54d9d8f9f")]).succeeds();
}

/// Settings of which each line is doubtful, and what is said about it.
const DOUBTFUL: &str = "
[server]
listen = ':0'
page = 'on'

[push]
secret = 'change-me-0123456789'

[hook]
secret = 'short'

[[channel]]
match = '/a/**'

[[channel]]
match = '/a/b'
";

const DOUBTS: [&str; 7] = [
    "server.listen: :0 is open to other machines: messages and secrets are sent without TLS",
    "; /metrics, /healthz and /readyz are public (set admin.listen)",
    "; any visitor of the page at / may publish (set server.page = \"off\")",
    "push.secret: this is the secret of an example",
    "hook.secret: a secret of 5 bytes can be guessed",
    "channel[2].match: /a/b never applies: channel[1] (/a/**)",
    "FAYE_SERVER_TIMEOUT has no effect; write FAYE_SERVER__TIMEOUT",
];

#[test]
fn check_warns_about_what_is_doubtful() {
    let (_folder, path) = file(DOUBTFUL);
    let said = run(&["check", text(&path)], &[("FAYE_SERVER_TIMEOUT", "2s")]).succeeds();
    for doubt in DOUBTS {
        assert!(
            said.lines().any(|line| line.starts_with("warning: ") && line.contains(doubt)),
            "{doubt}: {said}"
        );
    }
    assert!(!said.contains("[[channel]]"), "{said}");
    assert_eq!(said.matches("open to other machines").count(), 1, "{said}");
    assert!(said.ends_with(" is valid\n"), "{said}");
    let (_folder, open) = file("[server]\nlisten = '0.0.0.0:8000'\n");
    let said = run(&["check", text(&open)], &[]).succeeds();
    assert!(
        said.contains(
            "server.listen: 0.0.0.0:8000 is open to other machines: any client may publish and subscribe to any channel"
        ),
        "{said}"
    );
    // A variable that the settings name is used as it is.
    let (_folder, named) = file("[push]\nsecret = 'env:FAYE_PUSH_SECRET'\n");
    let said = run(&["check", text(&named)], &[("FAYE_PUSH_SECRET", "0123456789abcdef\n")]).succeeds();
    assert_eq!(said, format!("{} is valid\n", text(&named)));
}

#[cfg(feature = "websub")]
#[test]
fn check_reads_the_settings_of_a_hub_from_file_and_variables() {
    let (_folder, path) =
        file("[hub]\nenabled = true\npolicy = 'open'\ncallback_networks = ['10.0.0.0/8']\n");
    run(&["check", text(&path)], &[])
        .fails_with(&[":2: hub.enabled: the hub needs server.public_url, because"]);
    let public = ("FAYE_SERVER__PUBLIC_URL", "https://push.example");
    let said = run(&["check", text(&path)], &[public]).succeeds();
    assert!(
        said.contains("hub.callback_networks: any subscriber can have this server send requests"),
        "{said}"
    );
    assert!(!said.contains("hub.policy"), "{said}");
    let said = run(&["check", text(&path)], &[public, ("FAYE_SERVER__LISTEN", ":0")]).succeeds();
    assert!(said.contains(":3: hub.policy: with \"open\" any client"), "{said}");
    let said = run(&["check", text(&path)], &[public, ("FAYE_HUB__POLICY", "listed")]).succeeds();
    assert!(said.contains("FAYE_HUB__POLICY: hub.policy: no topic is listed"), "{said}");
    let (_folder, ping) = file(
        "[api]\nkey = 'short'\n[[ping]]\nname = 'a'\nkind = 'gitea'\nsecret = 'short'\ntopics = ['https://a.example/']\n",
    );
    let said = run(&["check", text(&ping)], &[]).succeeds();
    for doubt in [
        "ping[1].name: the hub is off",
        "ping[1].secret: a secret of 5 bytes",
        "api.key: a secret of 5 bytes",
    ] {
        assert!(said.contains(doubt), "{doubt}: {said}");
    }
}

#[test]
fn the_start_warns_about_what_is_doubtful() {
    let (_folder, path) = file(DOUBTFUL);
    let faye = Faye::start_with_arguments(&["--config", text(&path)], &[("FAYE_SERVER_TIMEOUT", "2s")]);
    faye.assert_serves();
    for doubt in DOUBTS {
        faye.wait_for_stderr(doubt);
        let log = faye.stderr();
        assert!(log.lines().any(|line| line.contains(" WARN ") && line.contains(doubt)), "{doubt}: {log}");
    }
    let mut quiet = Faye::start(&[]);
    quiet.assert_serves();
    quiet.terminate();
    assert_eq!(quiet.wait(), Some(0));
    assert!(DOUBTS.iter().all(|doubt| !quiet.stderr().contains(doubt)), "{}", quiet.stderr());
    assert!(!quiet.stderr().contains("open to other machines"), "{}", quiet.stderr());
}

#[test]
fn a_name_and_a_port_alone_are_addresses() {
    let localhost =
        Faye::start_with_arguments(&["--listen", "localhost:0"], &[("FAYE_ADMIN__LISTEN", "localhost:0")]);
    assert!(localhost.listens.ip().is_loopback() && localhost.admin.ip().is_loopback());
    localhost.assert_serves();
    let all = Faye::start_with_arguments(
        &["--listen", ":0"],
        &[("FAYE_ADMIN__LISTEN", ":0"), ("FAYE_SERVER__PAGE", "on")],
    );
    assert!(all.listens.ip().is_unspecified() && all.admin.ip().is_unspecified());
    all.assert_serves();
    let open = format!("Open http://127.0.0.1:{}/ in a browser", all.listens.port());
    assert!(all.stdout().iter().any(|line| line.contains(&open)), "{:?}", all.stdout());
    // A client of the settings goes to this machine.
    let port = all.listens.port();
    for listen in [format!(":{port}"), format!("localhost:{port}"), format!("0.0.0.0:{port}")] {
        run(&["publish", "/a", "1", "--listen", &listen], &[]).succeeds();
    }
    run(&["--listen", "no-such-host.invalid:0"], &[])
        .fails_with(&["cannot listen on no-such-host.invalid:0", "--listen"]);
    run(&["bench", "floor", "--listen", "no-such-host.invalid:0"], &[])
        .fails_with(&["--listen no-such-host.invalid:0"]);
}

#[test]
fn a_server_does_not_start_with_settings_that_are_wrong() {
    run(&[], &[("FAYE_SERVER__TIMOUT", "2s")]).fails_with(&["FAYE_SERVER__TIMOUT", "FAYE_SERVER__TIMEOUT"]);
    run(&[], &[("FAYE_SERVER__TIMEOUT", "2 parsecs")]).fails_with(&["FAYE_SERVER__TIMEOUT", "25s"]);
    run(&["--listen", "nowhere"], &[]).fails_with(&["--listen", "127.0.0.1:9000"]);
    run(&["--mount", "faye"], &[]).fails_with(&["--mount", "/faye"]);
    run(&["--config", "/no/such/file"], &[]).fails_with(&["/no/such/file", "no such file"]);
    let (_folder, path) = file("[sever]\nlisten = \"127.0.0.1:0\"\n");
    run(&["--config", text(&path)], &[]).fails_with(&["sever", "[server]"]);
    let together = [("FAYE_SERVER__INTERVAL", "20s"), ("FAYE_SERVER__TIMEOUT", "10s")];
    run(&[], &together).fails_with(&["server.interval (20s) is more than server.timeout (10s)"]);
}

#[test]
fn arguments_that_do_not_exist_are_refused() {
    for arguments in
        [&["--nonsense"][..], &["nonsense"], &["publish"], &["subscribe"], &["completions"], &["demo", "x"]]
    {
        let ran = run(arguments, &[]);
        assert_eq!(ran.code, Some(2), "{arguments:?} {}", ran.stderr);
        assert!(ran.stderr.contains("Usage: faye"), "{}", ran.stderr);
    }
    assert_eq!(run(&["--version"], &[]).succeeds(), format!("faye {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn flags_override_variables_and_these_the_file() {
    let (_folder, path) =
        file("[server]\nlisten = \"127.0.0.1:1\"\nmount = \"/file\"\ntimeout = \"11s\"\ninterval = \"5s\"\n");
    let arguments = ["--config", text(&path), "--listen", "127.0.0.1:0", "--mount", "/flag"];
    let settings = [
        ("FAYE_SERVER__MOUNT", "/variable"),
        ("FAYE_SERVER__INTERVAL", "7s"),
        // Not ours: nothing stands for a section.
        ("FAYE_HOME", "anywhere"),
        ("FAYER", "x"),
    ];
    let faye = Faye::start_with_arguments(&arguments, &settings);
    assert_eq!(faye.mount, "/flag");
    let reply = faye.ask(&handshake());
    let expected = serde_json::json!({"reconnect": "retry", "interval": 7000, "timeout": 11_000});
    assert_eq!(reply["advice"], expected);
}

#[test]
fn the_file_of_the_folder_is_read() {
    let faye = Faye::start_with_file("[server]\nmount = \"/from/file\"\n", &[]);
    assert_eq!(faye.mount, "/from/file");
    faye.assert_serves();
}

#[test]
fn an_address_that_is_in_use_is_named() {
    let faye = Faye::start(&[]);
    let taken = faye.address.to_string();
    run(&["--listen", &taken], &[]).fails_with(&["cannot listen on", &taken, "in use", "--listen"]);
    run(&["--listen", "127.0.0.1:0"], &[("FAYE_ADMIN__LISTEN", &taken)]).fails_with(&[
        &taken,
        "in use",
        "admin.listen",
    ]);
    let said = run(&["--listen", &taken], &[]).stderr;
    assert_eq!(said.matches("in use").count(), 1, "{said}");
    assert!(!said.contains("os error"), "{said}");
    run(&["--listen", "192.0.2.1:80"], &[])
        .fails_with(&["cannot listen on 192.0.2.1:80: this machine has no such address"]);
    faye.assert_serves();
}

#[test]
fn what_cannot_be_printed_is_no_panic() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/faye.toml");
    let key = "[[key]]\nalgorithm = 'HS256'\nsecret = '0123456789abcdef0123456789abcdef'\n";
    let (_folder, path) = file(&format!("{key}[[channel]]\nmatch = '/**'\npublish = 'token'\n"));
    let faye = Faye::start(&[]);
    let url = faye.url();
    let commands: [&[&str]; 11] = [
        &["--help"],
        &["--version"],
        &["publish", "--help"],
        &["check", shipped],
        &["check", "--json", shipped],
        &["completions", "bash"],
        &["man"],
        &["demo"],
        &["token", "make", "--publish", "/a", "--config", text(&path)],
        &["publish", "/a", "1", "--url", &url],
        &["bench", "floor", "--listen", "127.0.0.1:0"],
    ];
    for arguments in commands {
        let mut command = binary();
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let ended = command.args(arguments).stdout(full).output().expect("the binary runs");
        let said = String::from_utf8(ended.stderr).expect("UTF-8");
        if !arguments.iter().any(|argument| matches!(*argument, "--help" | "--version")) {
            assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains("cannot write to standard output"), "{arguments:?}: {said}");
        }
        assert!(ended.status.code().is_some() && !said.contains("panicked"), "{arguments:?}: {said}");
        // A reader that has gone is no failure.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = command.stdout(writer).output().expect("the binary runs");
        assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()), "{arguments:?}");
    }
}

#[test]
fn publish_publishes() {
    let faye = Faye::start(&[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let url = faye.url();
    let said = run(&["publish", "/a", r#"{"x": [1, "ä"]}"#, "--url", &url], &[]).succeeds();
    assert_eq!(said, "published to /a\n");
    assert_eq!(session.take(1), [serde_json::json!({"x": [1, "ä"]})]);
    // Without a URL it goes where the settings say that the server listens.
    let listen = faye.address.to_string();
    run(&["publish", "/a", "2"], &[("FAYE_SERVER__LISTEN", &listen)]).succeeds();
    run(&["publish", "/a", "3", "--listen", &listen], &[]).succeeds();
    assert_eq!(session.take(2), [2, 3]);
}

#[test]
fn publish_says_what_went_wrong() {
    let faye = Faye::start(&[]);
    let url = faye.url();
    run(&["publish", "/a", "hello", "--url", &url], &[]).fails_with(&["the data is not JSON", "'\"hello\"'"]);
    run(&["publish", "/a*", "1", "--url", &url], &[])
        .fails_with(&["/a* is not a channel; write for example /chat/room"]);
    run(&["publish", "/meta/x", "1", "--url", &url], &[]).fails_with(&["403:/meta/x:Forbidden channel"]);
    let wrong = format!("http://{}/wrong", faye.address);
    run(&["publish", "/a", "1", "--url", &wrong], &[]).fails_with(&[
        &wrong,
        "status 404",
        "is the path right?",
    ]);
    for url in ["faye", "ftp://x/faye", ""] {
        run(&["publish", "/a", "1", "--url", url], &[]).fails_with(&["is not a URL of a server"]);
    }
    drop(faye);
    run(&["publish", "/a", "1", "--url", &url], &[]).fails_with(&[
        "cannot reach",
        &url,
        "is the server running?",
    ]);
}

#[test]
fn a_start_prints_the_address_then_what_is_open_then_the_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = binary();
    command.args(["--listen", "127.0.0.1:0"]).current_dir(folder.path());
    // In the order in which a terminal shows them.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    command.stdout(writer.try_clone().expect("a pipe")).stderr(writer);
    let mut child = command.spawn().expect("the binary runs");
    drop(command);
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(reader));
    let mut line = || lines.next().expect("a line").expect("a line");
    let first = line();
    let (_, url) = first.split_once(" is listening on ").expect("an address");
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/faye"), "{first}");
    let expected =
        "Any client may publish and subscribe, from pages of any origin; write rules: docs/security.md";
    assert_eq!(line(), expected);
    let page = url.strip_suffix("faye").expect("a URL");
    assert_eq!(line(), format!("Open {page} in a browser to see it work. Ctrl-C stops it."));
    child.kill().expect("an end");
    child.wait().expect("an end");
}

#[test]
fn a_start_prints_its_address_before_warnings() {
    let (_folder, path) = file(DOUBTFUL);
    let mut command = binary();
    command.args(["--config", text(&path)]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    command.stdout(writer.try_clone().expect("a pipe")).stderr(writer);
    let mut child = command.spawn().expect("the binary runs");
    drop(command);
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(reader)).map(|line| line.expect("a line"));
    assert!(lines.next().expect("a line").contains(" is listening on "));
    assert!(lines.next().expect("a line").starts_with("Any client may publish"));
    assert!(lines.any(|line| line.contains(" WARN ")));
    child.kill().expect("an end");
    child.wait().expect("an end");
}

#[test]
fn no_command_needs_standard_error() {
    let faye = Faye::start(&[]);
    let url = faye.url();
    let load = ["bench", "storm", "--sessions", "1", "--seconds", "0.1", "--warmup", "0", "--url", &url];
    let commands: [(&[&str], i32); 5] = [
        (&["publish", "/a", "1", "--url", &url], 0),
        (&["publish", "/meta/x", "1", "--url", &url], 1),
        (&["check", "/no/such/file"], 1),
        (&["check"], 0),
        (&load, 0),
    ];
    for (arguments, code) in commands {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let ended = binary().args(arguments).stderr(full).output().expect("the binary runs");
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}");
    }
}
