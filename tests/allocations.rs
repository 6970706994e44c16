//! One more receiver of a publication costs no allocation: what the server's thread allocates for a publication is the
//! same for few receivers and for many.
//!
//! A program of its own, because its global allocator counts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails there")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use faye_server::app::App;
use faye_server::bayeux::{ClientId, Publication, parse};
use faye_server::budget::Budget;
use faye_server::config::{Config, Overflow};
use faye_server::metrics::Metrics;
use faye_server::router::{Bounds, Change, PendingFlush, Session, Sessions, Terms, Trie};
use tikv_jemalloc_ctl::thread;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long anything may take on a slow machine before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const FEW: usize = 3;
const MANY: usize = 300;
/// The first publications make room for lists; of the others the cheapest counts, which no clock fell into.
const ROUNDS: usize = 10;

/// A server on a thread of its own, which tells how many bytes that thread has allocated.
struct Server {
    address: SocketAddr,
    asked: tokio::sync::mpsc::Sender<mpsc::Sender<u64>>,
}

impl Server {
    fn start() -> Self {
        let (started, address) = mpsc::channel();
        let (asked, mut questions) = tokio::sync::mpsc::channel::<mpsc::Sender<u64>>(1);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut config = Config::default();
                config.server.listen.set_port(0);
                let app = App::bind(&config, &[]).await.unwrap();
                let url = app.url().unwrap();
                started.send(url[7..].split('/').next().unwrap().parse().unwrap()).unwrap();
                tokio::spawn(app.run(std::future::pending()));
                let allocated = thread::allocatedp::read().unwrap();
                while let Some(answer) = questions.recv().await {
                    answer.send(allocated.get()).unwrap();
                }
            });
        });
        Self { address: address.recv_timeout(PATIENCE).unwrap(), asked }
    }

    fn allocated(&self) -> u64 {
        let (answer, answered) = mpsc::channel();
        self.asked.blocking_send(answer).unwrap();
        answered.recv_timeout(PATIENCE).unwrap()
    }
}

/// A session on a WebSocket.
struct Client {
    stream: TcpStream,
    id: String,
}

impl Client {
    fn open(server: &Server) -> Self {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let request = "GET /faye HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        let mut client = Self { stream, id: String::new() };
        let handshake =
            r#"[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["websocket"]}]"#;
        let reply = client.ask(handshake);
        client.id = reply.split("\"clientId\":\"").nth(1).unwrap()[..31].to_owned();
        let connect = format!(
            r#"[{{"channel":"/meta/connect","clientId":"{}","connectionType":"websocket"}}]"#,
            client.id
        );
        assert!(client.ask(&connect).contains("\"successful\":true"));
        client
    }

    fn subscribed(server: &Server, channel: &str) -> Self {
        let mut client = Self::open(server);
        let subscribe = format!(
            r#"[{{"channel":"/meta/subscribe","clientId":"{}","subscription":"{channel}"}}]"#,
            client.id
        );
        assert!(client.ask(&subscribe).contains("\"successful\":true"));
        client
    }

    fn ask(&mut self, text: &str) -> String {
        assert!(text.len() < 126 * 100);
        // A mask of zeros leaves the payload as it is.
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend_from_slice(&(text.len() as u16).to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame).unwrap();
        self.text()
    }

    /// The text of the next frame.
    fn text(&mut self) -> String {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        assert_eq!(head[0], 0x81);
        let mut length = usize::from(head[1]);
        if length == 126 {
            let mut long = [0; 2];
            self.stream.read_exact(&mut long).unwrap();
            length = usize::from(u16::from_be_bytes(long));
        }
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).unwrap();
        String::from_utf8(payload).unwrap()
    }
}

/// Bytes that one publication to so many receivers makes the server allocate.
fn cost(server: &Server, receivers: usize) -> u64 {
    // As long for few as for many, or the name itself would make the difference.
    let channel = format!("/to/{receivers:05}");
    let mut receivers: Vec<_> = (0..receivers).map(|_| Client::subscribed(server, &channel)).collect();
    let mut publisher = Client::open(server);
    let mut cheapest = u64::MAX;
    for round in 0..ROUNDS {
        let before = server.allocated();
        let data = format!("message {round:05}");
        let publication =
            format!(r#"[{{"channel":"{channel}","clientId":"{}","id":"1","data":"{data}"}}]"#, publisher.id);
        assert!(publisher.ask(&publication).contains("\"successful\":true"));
        for receiver in &mut receivers {
            assert!(receiver.text().contains(&data));
        }
        cheapest = cheapest.min(server.allocated() - before);
    }
    cheapest
}

#[test]
fn one_more_receiver_costs_no_allocation() {
    faye_server::descriptors::raise();
    let server = Server::start();
    let (few, many) = (cost(&server, FEW), cost(&server, MANY));
    assert!(few > 0, "nothing is counted");
    assert_eq!(few, many, "for {FEW} receivers and for {MANY}");
}

/// A table of sessions and a trie, charged to a budget.
struct Node {
    budget: Arc<Budget>,
    sessions: Sessions,
    trie: Trie,
}

impl Node {
    fn new() -> Self {
        let metrics = Metrics::default();
        let budget = Budget::unlimited();
        let bounds = Bounds { messages: usize::MAX, bytes: usize::MAX };
        let hour = tokio::time::Duration::from_secs(3600);
        let terms = Terms { budget: Arc::clone(&budget), ..Terms::new(bounds, hour, metrics.clone()) };
        Self { sessions: Sessions::new(1_000_000, terms), trie: Trie::new(&budget, metrics), budget }
    }

    fn begin(&self, number: u32) -> Arc<Session> {
        let mut bits = [0; 20];
        bits[..4].copy_from_slice(&number.to_be_bytes());
        self.sessions.create(ClientId::from_random(bits)).unwrap()
    }

    fn subscribe(&self, session: &Arc<Session>, pattern: &str) {
        assert_eq!(self.trie.subscribe(session, pattern, usize::MAX), Change::Changed);
    }

    fn publish(&self, channel: &str, data: &str, dropped: &str) {
        let text = format!(r#"{{"channel":"{channel}","data":"{data}","advice":"{dropped}"}}"#);
        let message = parse::parse_one(&text.into()).unwrap();
        let publication = Arc::new(Publication::new(channel, message));
        self.trie.deliver(&publication, Overflow::Disconnect, &mut PendingFlush::default(), None);
        // The wire form of a WebSocket, as if one of the subscribers had one.
        publication.frame(bytes::Bytes::copy_from_slice);
    }
}

/// Fails unless what `fill` makes a node keep is charged by about what the allocator gave for it, and is released again.
fn assert_charged(what: &str, fill: impl Fn(&Node, &mut Vec<Arc<Session>>)) {
    let node = Node::new();
    let (allocated, freed) = (thread::allocatedp::read().unwrap(), thread::deallocatedp::read().unwrap());
    let in_use = || allocated.get() as i64 - freed.get() as i64;
    let mut sessions = Vec::with_capacity(100_000);
    let (before, charged_before) = (in_use(), node.budget.used());
    fill(&node, &mut sessions);
    let real = (in_use() - before) as f64;
    let charged = (node.budget.used() - charged_before) as f64;
    assert!((0.75..1.35).contains(&(charged / real)), "{what}: {charged} bytes charged for {real}");
    for session in sessions.drain(..) {
        for pattern in session.end().unwrap() {
            node.trie.remove(&session, &pattern);
        }
        node.sessions.forget(&session);
    }
    assert_eq!(node.budget.used(), charged_before, "{what}: not all is released");
}

#[test]
fn what_is_charged_to_the_budget_is_what_the_allocator_gives() {
    assert_charged("sessions", |node, sessions| {
        sessions.extend((0..5000).map(|number| node.begin(number)));
    });
    let subscribed = |node: &Node, sessions: &mut Vec<Arc<Session>>, pattern: &dyn Fn(u32, u32) -> String| {
        for number in 0..20 {
            let session = node.begin(number);
            for at in 0..1000 {
                node.subscribe(&session, &pattern(number, at));
            }
            sessions.push(session);
        }
    };
    assert_charged("subscriptions to channels of two segments", |node, sessions| {
        subscribed(node, sessions, &|number, at| format!("/{number}/{at}"));
    });
    assert_charged("subscriptions to long channels of their own", |node, sessions| {
        subscribed(node, sessions, &|number, at| format!("/{number}x{at}/{}", "a".repeat(200)));
    });
    assert_charged("subscriptions to patterns of 32 segments", |node, sessions| {
        subscribed(node, sessions, &|number, at| format!("/{number}x{at}{}/*", "/a".repeat(30)));
    });
    assert_charged("subscriptions of many sessions to the same channels", |node, sessions| {
        subscribed(node, sessions, &|_, at| format!("/shared/{at}"));
    });
    let waiting = |node: &Node, sessions: &mut Vec<Arc<Session>>, count: usize, data: &str, dropped: &str| {
        for number in 0..10 {
            let session = node.begin(number);
            node.subscribe(&session, &format!("/to/{number}"));
            sessions.push(session);
            for _ in 0..count {
                node.publish(&format!("/to/{number}"), data, dropped);
            }
        }
    };
    assert_charged("tiny messages", |node, sessions| waiting(node, sessions, 10_000, "1", ""));
    assert_charged("messages of a kilobyte", |node, sessions| {
        waiting(node, sessions, 1000, &"x".repeat(1000), "");
    });
    assert_charged("large messages", |node, sessions| waiting(node, sessions, 10, &"x".repeat(500_000), ""));
    assert_charged("messages with a field that no subscriber gets", |node, sessions| {
        waiting(node, sessions, 100, "1", &"x".repeat(60_000));
    });
}
