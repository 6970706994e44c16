//! The server under test: a process of its own, on a port that the system chose.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use super::{Authority, Http, Response, WATCHDOG, assert_done, publication, tls};

/// A running server. It is killed when this is dropped.
pub(crate) struct Faye {
    child: Child,
    /// Where clients reach it: where it listens, or where the tunnel does that leads there.
    pub(crate) address: SocketAddr,
    /// Where it listens.
    pub(crate) listens: SocketAddr,
    /// Where it serves health and metrics.
    pub(crate) admin: SocketAddr,
    /// The path of the Bayeux server.
    pub(crate) mount: String,
    stdout: Arc<Mutex<Vec<String>>>,
    stderr: Arc<Mutex<String>>,
    /// Reads standard error to its end.
    collecting: Option<JoinHandle<()>>,
    settings: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

/// A command that runs the binary, with none of this process's settings.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faye"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FAYE_")) {
        command.env_remove(name);
    }
    command
}

impl Faye {
    /// Starts a server with these variables in its environment.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with_file("", settings)
    }

    /// Starts a server with this text as its `faye.toml`.
    pub(crate) fn start_with_file(file: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("faye.toml"), file).expect("a file of settings");
        Self::start_in(folder, settings)
    }

    /// Starts a server in this folder, with what is in it. Where all tests are to go by TLS, so does this one, unless it
    /// has settings of that itself.
    pub(crate) fn start_in(folder: tempfile::TempDir, settings: &[(&str, &str)]) -> Self {
        let is_plain = settings.iter().all(|(name, _)| !name.starts_with("FAYE_TLS"));
        if is_plain && std::env::var_os("BY_TLS").is_some() {
            return Self::start_in_with_tls(folder, &Authority::new(), settings);
        }
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::spawn(folder, settings, &["--listen", "127.0.0.1:0"])
    }

    /// Starts a server that speaks TLS, with a new certificate, and a tunnel to it, so that all clients reach it as ever.
    pub(crate) fn start_with_tls(authority: &Authority, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_in_with_tls(folder, authority, settings)
    }

    fn start_in_with_tls(
        folder: tempfile::TempDir,
        authority: &Authority,
        settings: &[(&str, &str)],
    ) -> Self {
        authority.certificate().write(folder.path());
        let mut faye = Self::start_in(folder, &[&tls::SETTINGS, settings].concat());
        faye.address = tls::tunnel(faye.listens, Arc::new(authority.client(rustls::ALL_VERSIONS)));
        if faye.admin == faye.listens {
            faye.admin = faye.address;
        }
        faye
    }

    /// Starts a server with these arguments, of which one says where it listens.
    pub(crate) fn start_with_arguments(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::spawn(folder, settings, arguments)
    }

    /// Starts a server with a limit of the system, in the words of the shell's `ulimit`: `-n 300`.
    pub(crate) fn start_with_limit(limit: &str, settings: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
        let binary = binary();
        shell.args(["-c", &script]).arg(binary.get_program());
        shell.args(["--listen", "127.0.0.1:0"]);
        let removed = binary.get_envs().filter(|(_, value)| value.is_none());
        removed.for_each(|(name, _)| {
            shell.env_remove(name);
        });
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::run(shell, folder, settings.collect(), Stdio::piped())
    }

    /// Starts a server that logs to this file or pipe. [`Faye::stderr`] stays empty.
    pub(crate) fn start_with_log(log: impl Into<Stdio>, settings: &[(&str, &str)]) -> Self {
        let mut command = binary();
        command.args(["--listen", "127.0.0.1:0"]);
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::run(command, tempfile::tempdir().expect("a temporary folder"), settings, log.into())
    }

    /// Starts a copy of the binary in this folder, with what is in it; the path of the copy.
    pub(crate) fn start_copy_in(folder: tempfile::TempDir) -> (Self, PathBuf) {
        let copy = folder.path().join("faye");
        let binary = binary();
        std::fs::copy(binary.get_program(), &copy).expect("a copy of the binary");
        let mut command = Command::new(&copy);
        binary.get_envs().filter(|(_, value)| value.is_none()).for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.args(["--listen", "127.0.0.1:0"]);
        (Self::run(command, folder, Vec::new(), Stdio::piped()), copy)
    }

    fn spawn(folder: tempfile::TempDir, settings: Vec<(String, String)>, arguments: &[&str]) -> Self {
        let mut command = binary();
        command.args(arguments);
        Self::run(command, folder, settings, Stdio::piped())
    }

    fn run(
        mut command: Command,
        folder: tempfile::TempDir,
        settings: Vec<(String, String)>,
        log: Stdio,
    ) -> Self {
        command.current_dir(folder.path());
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the binary runs");
        let stderr = Arc::new(Mutex::new(String::new()));
        let collecting = child.stderr.take().map(|errors| {
            let collected = Arc::clone(&stderr);
            std::thread::spawn(move || collect(errors, &collected))
        });
        let (lines, said) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let has_admin = settings.iter().any(|(name, _)| name == "FAYE_ADMIN__LISTEN");
        let stdout = Arc::new(Mutex::new(Vec::new()));
        let mut url = None;
        let mut admin = None;
        while url.is_none() || (has_admin && admin.is_none()) {
            let Ok(line) = said.recv_timeout(WATCHDOG) else {
                // What it wrote before it ended may still be on its way.
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server did not start: {}", stderr.lock());
            };
            stdout.lock().push(line.clone());
            // With JSON logs it is a JSON object, whose message is the line.
            let line = match serde_json::from_str::<Value>(&line) {
                Ok(object) => object["message"].as_str().expect("a message").to_owned(),
                Err(_) => line,
            };
            if let Some((_, found)) = line.split_once("listening on ") {
                url = found.split_once("://").map(|(_, found)| found.to_owned());
            }
            if let Some((_, rest)) = line.split_once("Health and metrics are on http://") {
                admin = rest.split('/').next().map(|address| address.parse().expect("an address"));
            }
        }
        // The thread that reads lines goes on, so that the server never writes to a closed pipe.
        let later = Arc::clone(&stdout);
        std::thread::spawn(move || said.into_iter().for_each(|line| later.lock().push(line)));
        let url = url.expect("it was found");
        let (address, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        let address: SocketAddr = address.parse().expect("an address");
        Self {
            child,
            address,
            listens: address,
            admin: admin.unwrap_or(address),
            mount: path.to_owned(),
            stdout,
            stderr,
            collecting,
            settings,
            folder,
        }
    }

    /// Kills the server, and starts one with the same settings on the same port.
    pub(crate) fn restart(mut self) -> Self {
        self.kill();
        let settings = std::mem::take(&mut self.settings);
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a temporary folder"));
        Self::spawn(folder, settings, &["--listen", &self.listens.to_string()])
    }

    /// The URL that clients are given.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.mount)
    }

    /// The file of settings that the server has read.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A new connection.
    pub(crate) fn http(&self) -> Http {
        Http::open(self.address)
    }

    /// Posts one message or an array of them over a connection of its own; the array that is answered.
    pub(crate) fn post(&self, messages: &Value) -> Vec<Value> {
        self.http().post(&self.mount, messages)
    }

    /// Posts one message; its reply.
    pub(crate) fn ask(&self, message: &Value) -> Value {
        self.post(message).into_iter().next().unwrap_or_else(|| panic!("no reply to {message}"))
    }

    /// Begins a session that has never connected; its identifier.
    pub(crate) fn client(&self) -> String {
        let reply = self.ask(&super::handshake());
        reply["clientId"].as_str().unwrap_or_else(|| panic!("no session: {reply}")).to_owned()
    }

    /// Publishes without a session.
    pub(crate) fn publish(&self, channel: &str, data: impl Into<Value>) {
        assert_done(&self.ask(&publication(channel, data)));
    }

    /// Gets a path.
    pub(crate) fn get(&self, target: &str) -> Response {
        self.http().request("GET", target, &[], b"")
    }

    /// A figure of `/metrics`, named with its labels; 0 if it is not there.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = Http::open(self.admin).request("GET", "/metrics", &[], b"").text();
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.map_or(0, |number| number.parse().unwrap_or_else(|_| panic!("{name} is {number}")))
    }

    /// Waits until a figure of `/metrics` is as wished.
    #[track_caller]
    pub(crate) fn wait_for_metric(&self, name: &str, wished: impl Fn(u64) -> bool) -> u64 {
        let begin = Instant::now();
        loop {
            let now = self.metric(name);
            if wished(now) {
                return now;
            }
            assert!(begin.elapsed() < WATCHDOG, "{name} stays {now}; stderr: {}", self.stderr());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Waits until so many connects are held.
    #[track_caller]
    pub(crate) fn wait_for_polls(&self, count: u64) {
        self.wait_for_metric("faye_held_connects", |now| now == count);
    }

    /// Waits until a limit has been counted this often.
    #[track_caller]
    pub(crate) fn wait_for_refused(&self, reason: &str, count: u64) {
        self.wait_for_metric(&format!("faye_refused_total{{reason=\"{reason}\"}}"), |now| now == count);
    }

    /// Fails unless the server serves a session from its beginning to its end, and nothing in it has panicked.
    #[track_caller]
    pub(crate) fn assert_serves(&self) {
        let client = self.client();
        let channel = "/assert/serves";
        let answer = self.post(&super::subscribe(&client, channel));
        assert_done(&answer[0]);
        self.publish(channel, 1);
        let answer = self.post(&super::connect(&client, "long-polling"));
        assert_eq!(super::data(&super::delivered(&answer)), [1], "{answer:?}");
        let end = serde_json::json!({"channel": "/meta/disconnect", "clientId": client});
        assert_done(&self.ask(&end));
        assert_eq!(self.metric("faye_panics_total"), 0, "{}", self.stderr());
    }

    /// The lines that the server wrote to standard output so far.
    pub(crate) fn stdout(&self) -> Vec<String> {
        self.stdout.lock().clone()
    }

    /// What the server wrote to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().clone()
    }

    /// Asks the server to stop.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Asks the server to read its settings again.
    pub(crate) fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until the server has written a text to standard error.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&self, text: &str) {
        let begin = Instant::now();
        while !self.stderr().contains(text) {
            assert!(begin.elapsed() < WATCHDOG, "{text} was not written: {}", self.stderr());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Ends the server without a warning.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Bytes of memory of the process that are resident.
    pub(crate) fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("Linux");
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.expect("a number of pages") * 4096
    }

    /// The number of the process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process is there.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Waits until the server has ended and all that it wrote was read; its exit code.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let begin = Instant::now();
        loop {
            let is_read = self.collecting.as_ref().is_none_or(JoinHandle::is_finished);
            if let Some(status) = self.child.try_wait().expect("a child")
                && is_read
            {
                return status.code();
            }
            assert!(begin.elapsed() < WATCHDOG, "the server does not end: {}", self.stderr());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Faye {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            // Where the harness captures it, next to the failure.
            println!("standard error of the server:\n{}", self.stderr());
        }
    }
}

fn collect(mut from: impl Read, into: &Mutex<String>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        into.lock().push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}
