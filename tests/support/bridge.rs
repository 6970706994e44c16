//! A running `faye bridge`, and a wire to put between it and a server, which can be cut.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use parking_lot::Mutex;

use super::{Faye, WATCHDOG, binary};

/// A running `faye bridge`. It is killed when this is dropped.
pub(crate) struct Bridge {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    /// What it wrote to standard error, as far as somebody waited for it.
    said: String,
}

/// What has become of the messages of one direction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) forwarded: u64,
    pub(crate) duplicates: u64,
    pub(crate) refused: u64,
    pub(crate) dropped: u64,
}

impl Bridge {
    /// Starts a bridge with these arguments, and does not wait for anything.
    pub(crate) fn spawn(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = binary();
        command.arg("bridge").args(arguments).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let stdout = lines(child.stdout.take().expect("a pipe"));
        let stderr = lines(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr, said: String::new() }
    }

    /// Starts a bridge, and waits until it carries.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut bridge = Self::spawn(arguments, variables);
        match bridge.stdout.recv_timeout(WATCHDOG) {
            Ok(line) => assert!(line.starts_with("carrying "), "{line}"),
            Err(_) => panic!("the bridge does not begin: {:?}", bridge.end()),
        }
        bridge
    }

    /// Starts a bridge for these patterns between two servers.
    #[track_caller]
    pub(crate) fn between(theirs: &Faye, ours: &Faye, patterns: &[&str]) -> Self {
        let (theirs, ours) = (theirs.url(), ours.url());
        Self::start(&[&[theirs.as_str()], patterns, &["--url", &ours]].concat())
    }

    /// Waits for a line on standard error that has this text.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.stderr.recv_timeout(WATCHDOG) else {
                panic!("{text} was not written: {}", self.said);
            };
            self.said = format!("{}{line}\n", self.said);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Stops it. What it has counted, inwards and outwards.
    #[track_caller]
    pub(crate) fn stop(mut self) -> [Counts; 2] {
        self.terminate();
        let (code, said) = self.end();
        assert_eq!(code, Some(0), "{said}");
        ["in", "out"].map(|way| Counts::read(way, &said))
    }

    /// Waits for its end. The exit code, and all that it wrote to standard error.
    pub(crate) fn end(&mut self) -> (Option<i32>, String) {
        while let Ok(line) = self.stderr.recv_timeout(WATCHDOG) {
            self.said = format!("{}{line}\n", self.said);
        }
        (self.child.wait().expect("an exit code").code(), self.said.clone())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("standard error of the bridge:\n{}", self.said);
            self.stderr.try_iter().for_each(|line| println!("{line}"));
        }
    }
}

impl Counts {
    /// Reads them from the last line of the log.
    #[track_caller]
    fn read(way: &str, said: &str) -> Self {
        let way = format!("direction=\"{way}\"");
        let line = said.lines().rfind(|line| line.contains("is_final=true") && line.contains(&way));
        let line = line.unwrap_or_else(|| panic!("no counts for {way}: {said}"));
        let count = |name: &str| {
            let found = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name}: {line}"))
        };
        Self {
            received: count("received"),
            forwarded: count("forwarded"),
            duplicates: count("duplicates"),
            refused: count("refused"),
            dropped: count("dropped"),
        }
    }
}

/// A wire to a server.
pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Wire {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock();
                if state.is_cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    std::thread::spawn(move || relay(from, to));
                }
                state.open.extend([client, server]);
            }
        });
        Self { address, state }
    }

    /// The URL of the server at the other end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/faye", self.address)
    }

    /// Cuts the wire: nothing that is open goes on, and nothing can be opened.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock();
        state.is_cut = true;
        state.open.drain(..).for_each(|socket| {
            let _ = socket.shutdown(Shutdown::Both);
        });
    }

    /// Mends it.
    pub(crate) fn mend(&self) {
        self.state.lock().is_cut = false;
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// The lines of a pipe, as they come.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (lines, said) = mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
    said
}
