//! Slow subscribers, which read one byte per second. They show whether a server lets them delay the measured ones. The
//! server may end them; that is its policy and no fault.

use std::time::Duration;

use socket2::SockRef;
use tokio::time::Instant;

use super::connection::{Plan, Role, Wire};
use super::pool::{Load, Pool};
use super::target::Target;
use super::{Failure, Options, system};

const EVERY: Duration = Duration::from_secs(1);
/// The receive buffer of each, approximately.
const ROOM: usize = 4096;

/// The subscribers, in a pool that is not polled.
pub(super) struct Slow {
    pool: Pool,
    count: usize,
    next: Instant,
}

/// Ignores the messages that arrive while they subscribe.
struct Nothing;

impl Load for Nothing {
    fn payload(&mut self, _pool: &mut Pool, _at: usize, _payload: &[u8]) -> Result<(), Failure> {
        Ok(())
    }
}

impl Slow {
    /// Subscribes a number of them to the one channel.
    pub(super) fn open(options: &Options, count: usize) -> Result<Self, Failure> {
        let mut pool = Pool::new(Target::resolve(options)?, options, 1)?;
        let plan = || Plan { role: Role::Subscriber, wire: Wire::WebSocket, channel: 0 };
        pool.open_all((0..count).map(|_| plan()), &mut Nothing)?;
        for at in 0..count {
            // With a small buffer unread messages wait in the server, and not in the system.
            let shrunk = SockRef::from(&*pool.connection(at).stream()).set_recv_buffer_size(ROOM);
            shrunk.map_err(system("cannot shrink the buffer of a socket"))?;
        }
        Ok(Self { pool, count, next: Instant::now() })
    }

    /// Reads one byte of each, once per second.
    pub(super) fn read(&mut self) {
        if self.count == 0 || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        for at in 0..self.count {
            // An error means that the server has ended it.
            let _ = self.pool.connection(at).read(&mut [0]);
        }
    }
}
