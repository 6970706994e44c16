//! A proxy of TCP connections between a server and its Redis: delays what passes, or holds it from a certain request on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::WATCHDOG;

pub(crate) struct Gate {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    delay: Duration,
    /// The bytes of a request from which on nothing passes.
    until: Option<Vec<u8>>,
    /// Whether this request still passes, and only what follows is held.
    is_behind: bool,
    is_closed: bool,
}

impl Gate {
    /// Starts an open gate in front of an address.
    pub(crate) fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let (sharing, target) = (Arc::clone(&shared), target.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(server) = TcpStream::connect(&target) {
                    carry(&client, &server, &sharing, true);
                    carry(&server, &client, &sharing, false);
                }
            }
        });
        Self { address, shared }
    }

    /// The setting `redis.url` of a server behind the gate.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Delays what passes from now on, in each direction.
    pub(crate) fn delay(&self, delay: Duration) {
        self.shared.state.lock().delay = delay;
    }

    /// Closes the gate, in both directions and for all connections, when a request with these bytes arrives.
    pub(crate) fn close_at(&self, bytes: &[u8]) {
        let mut state = self.shared.state.lock();
        (state.until, state.is_behind) = (Some(bytes.to_vec()), false);
    }

    /// Closes the gate as [`Gate::close_at`] does, once the request has passed: its reply is held.
    pub(crate) fn close_behind(&self, bytes: &[u8]) {
        let mut state = self.shared.state.lock();
        (state.until, state.is_behind) = (Some(bytes.to_vec()), true);
    }

    /// Waits until the gate is closed.
    pub(crate) fn wait_until_closed(&self) {
        let mut state = self.shared.state.lock();
        let result = self.shared.changed.wait_while_for(&mut state, |state| !state.is_closed, WATCHDOG);
        assert!(!result.timed_out(), "the request does not arrive");
    }

    /// Opens the gate: what was held passes.
    pub(crate) fn open(&self) {
        self.shared.state.lock().is_closed = false;
        self.shared.changed.notify_all();
    }
}

fn carry(from: &TcpStream, to: &TcpStream, shared: &Arc<Shared>, is_request: bool) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            let mut state = shared.state.lock();
            let is_awaited =
                |until: &Vec<u8>| is_request && bytes.windows(until.len()).any(|window| window == until);
            if state.until.as_ref().is_some_and(is_awaited) {
                state.until = None;
                state.is_closed = true;
                // Under the lock, so that no reply overtakes the end.
                if state.is_behind && to.write_all(bytes).is_err() {
                    break;
                }
                shared.changed.notify_all();
                if state.is_behind {
                    continue;
                }
            }
            shared.changed.wait_while(&mut state, |state| state.is_closed);
            let delay = state.delay;
            drop(state);
            std::thread::sleep(delay);
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
