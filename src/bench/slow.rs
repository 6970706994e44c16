//! Subscribers that hardly read: a byte a second. They stand beside those that are measured, to see whether a server lets
//! them slow the others. What becomes of them is the server's policy, and no fault.

use std::time::Duration;

use socket2::SockRef;
use tokio::time::Instant;

use super::connection::{Plan, Role, Wire};
use super::pool::{Load, Pool};
use super::target::Target;
use super::{Failure, Options, system};

const EVERY: Duration = Duration::from_secs(1);
/// Bytes that the system may keep for one of them, about.
const ROOM: usize = 4096;

/// The subscribers. Their sockets are in a pool of their own, which is not turned.
pub(super) struct Slow {
    pool: Pool,
    count: usize,
    next: Instant,
}

/// What arrives while they subscribe is of no interest.
struct Nothing;

impl Load for Nothing {
    fn payload(&mut self, _pool: &mut Pool, _at: usize, _payload: &[u8]) -> Result<(), Failure> {
        Ok(())
    }
}

impl Slow {
    /// Subscribes so many to the one channel.
    pub(super) fn open(options: &Options, count: usize) -> Result<Self, Failure> {
        let mut pool = Pool::new(Target::resolve(options)?, options, 1)?;
        let plan = || Plan { role: Role::Subscriber, wire: Wire::WebSocket, channel: 0 };
        pool.open_all((0..count).map(|_| plan()), &mut Nothing)?;
        for at in 0..count {
            // A small buffer, so that what is not read soon waits in the server, and not in the system.
            let shrunk = SockRef::from(&*pool.connection(at).stream()).set_recv_buffer_size(ROOM);
            shrunk.map_err(system("cannot shrink the buffer of a socket"))?;
        }
        Ok(Self { pool, count, next: Instant::now() })
    }

    /// Reads a byte of each, if a second has gone by.
    pub(super) fn read(&mut self) {
        if self.count == 0 || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        for at in 0..self.count {
            // The server may have ended it.
            let _ = self.pool.connection(at).read(&mut [0]);
        }
    }
}
