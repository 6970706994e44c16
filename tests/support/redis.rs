//! A real Redis of the test's own: one server, or a cluster of three masters. It goes when it is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tokio::time::Instant;

use super::{Authority, WATCHDOG};

/// Slots of a cluster are split among so many.
const MASTERS: usize = 3;

pub(crate) struct Redis {
    servers: Vec<Server>,
}

struct Server {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self { servers: vec![Server::start(&[])] }
    }

    /// Starts a server that wants a password.
    pub(crate) fn start_with_password(password: &str) -> Self {
        Self { servers: vec![Server::start(&["--requirepass", password])] }
    }

    /// Starts a server that speaks TLS alone, with a certificate of this authority.
    pub(crate) fn start_with_tls(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        authority.certificate().write(folder.path());
        std::fs::write(folder.path().join("ca.pem"), authority.root()).unwrap();
        let files =
            ["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "ca.pem"];
        let more = [&files[..], &["--tls-auth-clients", "no"]].concat();
        Self { servers: vec![Server::start_in(folder, "--tls-port", &["--port", "0"], &more)] }
    }

    /// Where the first server listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.servers[0].port)
    }

    pub(crate) fn start_cluster() -> Self {
        let servers: Vec<_> = (0..MASTERS).map(|_| Server::start(&["--cluster-enabled", "yes"])).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]);
        create.args(servers.iter().map(|server| format!("127.0.0.1:{}", server.port)));
        let output = create.arg("--cluster-yes").output().expect("redis-cli is missing: run make tools");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let since = Instant::now();
        for server in &servers {
            while !server.ask("CLUSTER INFO").contains("cluster_state:ok") {
                assert!(since.elapsed() < WATCHDOG, "the cluster does not come together");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
        Self { servers }
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        let scheme = if hosts.len() > 1 { "redis+cluster" } else { "redis" };
        format!("{scheme}://{}", hosts.join(","))
    }

    /// What all servers answer to a command, one behind the other.
    pub(crate) fn ask(&self, command: &str) -> String {
        self.servers.iter().map(|server| server.ask(command)).collect()
    }

    /// How often all servers ran a command since they started.
    pub(crate) fn calls_of(&self, command: &str) -> u64 {
        let prefix = format!("cmdstat_{command}:calls=");
        let all = self.ask("INFO commandstats");
        let counts =
            all.lines().filter_map(|line| line.strip_prefix(&prefix)?.split(',').next()?.parse::<u64>().ok());
        counts.sum()
    }
}

impl Server {
    fn start(more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "--port", &[], more)
    }

    fn start_in(folder: tempfile::TempDir, port_option: &str, before: &[&str], more: &[&str]) -> Self {
        // Nobody else is given a port that was just free. A cluster's own port is 10,000 above.
        let port = loop {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            if port < 50_000 {
                break port;
            }
        };
        let process = Command::new("redis-server")
            .args(before)
            .args([port_option, &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder.path())
            .args(more)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is missing: run make tools, or apt-get install redis-server");
        let server = Self { process, port, _folder: folder };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(since.elapsed() < WATCHDOG, "redis-server does not listen");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        server
    }

    /// The answer to a command of plain words: what stands in a bulk string, or the line itself.
    fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some(length) = line.strip_prefix('$').and_then(|length| length.trim().parse::<usize>().ok())
        else {
            return line;
        };
        let mut text = vec![0; length];
        reader.read_exact(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }
}
