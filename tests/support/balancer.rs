//! A balancer of TCP connections that a test directs: each new connection goes to the target of that moment.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;

pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    open: Mutex<Vec<TcpStream>>,
}

impl Balancer {
    pub(crate) fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { target: Mutex::new(target), open: Mutex::default() });
        let sharing = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = *sharing.target.lock();
                // A client of a target that is not there is told by the end of its connection.
                if let Ok(server) = TcpStream::connect(target) {
                    sharing.open.lock().push(client.try_clone().expect("a socket"));
                    carry(&client, &server);
                    carry(&server, &client);
                }
            }
        });
        Self { address, shared }
    }

    /// New connections go there.
    pub(crate) fn direct_to(&self, target: SocketAddr) {
        *self.shared.target.lock() = target;
    }

    /// Breaks every connection that is open.
    pub(crate) fn cut(&self) {
        for client in self.shared.open.lock().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

fn carry(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
