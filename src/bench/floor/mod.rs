//! The floor: a server with the least work that a fan-out needs, one send per receiver of a message.
//!
//! It has one thread and no sessions. A WebSocket on `/subscribe/N` receives every frame that arrives on one of
//! `/publish/N`, encoded once and sent at once. The cost of a server is reported as a multiple of this.

mod peer;

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use memchr::memmem;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tungstenite::handshake::derive_accept_key;

use super::frame::{self, Frame};
use super::{Failure, files, system};
use peer::{Peer, State};

const BACKLOG: i32 = 4096;
const EVENTS: usize = 1024;
const BUFFER: usize = 64 * 1024;
const LISTENER: Token = Token(usize::MAX);

/// The listening floor.
pub struct Floor {
    poll: Poll,
    listener: TcpListener,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    /// The receivers of each channel.
    channels: Vec<Vec<usize>>,
    numbers: HashMap<Box<str>, usize>,
    /// The frame to send.
    frame: Vec<u8>,
}

impl Floor {
    /// Listens on an address.
    ///
    /// # Errors
    /// [`Failure`] if the address cannot be bound.
    pub fn bind(address: SocketAddr) -> Result<Self, Failure> {
        files::allow(0)?;
        let poll = Poll::new().map_err(system("cannot wait for connections"))?;
        let listen = || -> std::io::Result<TcpListener> {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&SockAddr::from(address))?;
            socket.listen(BACKLOG)?;
            let mut listener = TcpListener::from_std(socket.into());
            poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
            Ok(listener)
        };
        let listener = listen().map_err(system("cannot listen"))?;
        Ok(Self {
            poll,
            listener,
            peers: Vec::new(),
            free: Vec::new(),
            channels: Vec::new(),
            numbers: HashMap::new(),
            frame: Vec::new(),
        })
    }

    /// Returns the bound address.
    ///
    /// # Errors
    /// [`Failure`] if the system does not report it.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        self.listener.local_addr().map_err(system("cannot read the bound address"))
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// [`Failure`] if the system cannot wait for connections.
    pub fn run(mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return Err(system("cannot wait for connections")(error));
                }
                _ => {}
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept();
                    continue;
                }
                let at = event.token().0;
                let mut alive = !event.is_writable() || self.flush(at);
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    alive = alive && self.read(at, &mut buffer);
                }
                if !alive {
                    self.close(at);
                }
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let at = self.free.pop().unwrap_or(self.peers.len());
            let both = Interest::READABLE | Interest::WRITABLE;
            // A connection that has ended already needs no handling.
            let _ = stream.set_nodelay(true);
            if self.poll.registry().register(&mut stream, Token(at), both).is_err() {
                self.free.push(at);
                continue;
            }
            let peer = Peer::new(stream);
            if at == self.peers.len() {
                self.peers.push(Some(peer));
            } else {
                self.peers[at] = Some(peer);
            }
        }
    }

    /// Reads and handles the input. Returns whether the connection is alive.
    fn read(&mut self, at: usize, buffer: &mut [u8]) -> bool {
        loop {
            let Some(Some(peer)) = self.peers.get_mut(at) else { return true };
            let count = match peer.stream.read(buffer) {
                Ok(0) => return false,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return false,
            };
            let mut rest = std::mem::take(&mut peer.rest);
            let input = if rest.is_empty() {
                &mut buffer[..count]
            } else {
                rest.extend_from_slice(&buffer[..count]);
                rest.as_mut_slice()
            };
            let Some(taken) = self.input(at, input) else { return false };
            let left = input[taken..].to_vec();
            if let Some(Some(peer)) = self.peers.get_mut(at) {
                peer.rest = left;
            }
            if count < buffer.len() {
                return true;
            }
        }
    }

    /// Handles complete frames and returns their length; `None` if the connection has to end.
    fn input(&mut self, at: usize, input: &mut [u8]) -> Option<usize> {
        let mut taken = 0;
        if matches!(self.peers[at].as_ref()?.state, State::Upgrading) {
            let Some(end) = memmem::find(input, b"\r\n\r\n") else { return Some(0) };
            self.upgrade(at, &input[..end])?;
            taken = end + 4;
        }
        while let Some(read) = Frame::read(&input[taken..]) {
            let payload = &mut input[taken + read.payload.start..taken + read.payload.end];
            if read.mask != [0; 4] {
                payload.iter_mut().zip(read.mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
            }
            match (read.opcode, self.peers[at].as_ref()?.state) {
                (frame::CLOSE, _) => return None,
                (frame::TEXT, State::Publisher(channel)) => self.send_on(channel, payload),
                _ => {}
            }
            taken += read.payload.end;
        }
        Some(taken)
    }

    fn upgrade(&mut self, at: usize, head: &[u8]) -> Option<()> {
        let head = std::str::from_utf8(head).ok()?;
        let path = head.strip_prefix("GET /")?.split(' ').next()?;
        let (role, channel) = path.split_once('/')?;
        let (_, key) = head.split_once("Sec-WebSocket-Key: ")?;
        let accept = derive_accept_key(key.lines().next()?.trim().as_bytes());
        let next = self.channels.len();
        let channel = *self.numbers.entry(channel.into()).or_insert(next);
        if channel == next {
            self.channels.push(Vec::new());
        }
        let peer = self.peers[at].as_mut()?;
        if role == "publish" {
            peer.state = State::Publisher(channel);
        } else {
            peer.state = State::Subscriber(channel);
            self.channels[channel].push(at);
        }
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        // It is the first write, so the socket has room for it.
        peer.stream.write_all(answer.as_bytes()).ok()
    }

    fn send_on(&mut self, channel: usize, payload: &[u8]) {
        self.frame.clear();
        frame::write(&mut self.frame, frame::TEXT, payload);
        for at in &self.channels[channel] {
            let Some(Some(peer)) = self.peers.get_mut(*at) else { continue };
            peer.send(&self.frame);
        }
    }

    fn flush(&mut self, at: usize) -> bool {
        self.peers.get_mut(at).and_then(Option::as_mut).is_none_or(Peer::flush)
    }

    fn close(&mut self, at: usize) {
        let Some(peer) = self.peers.get_mut(at).and_then(Option::take) else { return };
        if let State::Subscriber(channel) = peer.state {
            // The newest are at the end, and a storm ends those first.
            let receivers = &mut self.channels[channel];
            if let Some(index) = receivers.iter().rposition(|receiver| *receiver == at) {
                receivers.swap_remove(index);
            }
        }
        self.free.push(at);
    }
}
