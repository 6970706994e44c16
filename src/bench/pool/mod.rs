//! All connections of a load on one thread.

mod session;
mod turn;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use tokio::time::Instant;

use super::connection::{Connection, Plan, Role, Stage};
use super::progress::Progress;
use super::target::Target;
use super::{Failure, Options, dial, files, leave, system};
use crate::tls::ConnectError;

/// Events per poll.
const EVENTS: usize = 1024;
/// Bytes per read. All connections share the buffer.
const BUFFER: usize = 256 * 1024;
/// Connections to open at a time.
const WIDTH: usize = 128;
/// How long the opening may continue without a new session.
const PATIENCE: Duration = Duration::from_secs(15);

/// A load, which handles the events of connections.
pub(super) trait Load {
    /// A session is ready.
    fn ready(&mut self, pool: &mut Pool, at: usize) -> Result<(), Failure> {
        let _ = (pool, at);
        Ok(())
    }

    /// A frame or response arrived for a session that is ready.
    fn payload(&mut self, pool: &mut Pool, at: usize, payload: &[u8]) -> Result<(), Failure>;
}

/// The connections of a load.
pub(super) struct Pool {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    connections: Vec<Connection>,
    /// The server.
    pub(super) target: Target,
    /// The prefix of the channels; the number of the channel follows if there are several.
    pub(super) channel: String,
    /// The number of channels.
    pub(super) channels: u32,
    /// Sessions that are ready.
    pub(super) ready: usize,
    /// Sessions whose connections were reset, as JSON.
    left: Vec<Box<str>>,
    stop: Arc<AtomicBool>,
    /// The prefix of each line of progress.
    pub(super) progress: String,
    begun: Instant,
    opened: usize,
}

impl Drop for Pool {
    /// Ends the sessions of the load on the server, also after a failure.
    fn drop(&mut self) {
        let mut clients = std::mem::take(&mut self.left);
        clients.extend(self.connections.iter_mut().map(|connection| std::mem::take(&mut connection.client)));
        clients.retain(|client| !client.is_empty());
        if let Err(failure) = leave::leave(&self.target, &clients) {
            // A standard error that is closed has no reader to inform.
            let _ = writeln!(
                std::io::stderr(),
                "some sessions of the load remain on the server until they expire: {failure}"
            );
        }
    }
}

impl Pool {
    /// Creates a pool without connections.
    pub(super) fn new(target: Target, options: &Options, channels: u32) -> Result<Self, Failure> {
        Ok(Self {
            poll: Poll::new().map_err(system("cannot wait for connections"))?,
            events: Events::with_capacity(EVENTS),
            buffer: vec![0; BUFFER],
            connections: Vec::new(),
            target,
            channel: options.channel.clone(),
            channels,
            ready: 0,
            left: Vec::new(),
            stop: Arc::clone(&options.stop),
            progress: options.progress.clone(),
            begun: Instant::now(),
            opened: 0,
        })
    }

    /// Microseconds since the start of the load.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }

    /// Returns a connection.
    #[inline]
    pub(super) fn connection(&mut self, at: usize) -> &mut Connection {
        &mut self.connections[at]
    }

    /// Returns the name of a channel.
    pub(super) fn channel_name(&self, number: u32) -> String {
        if self.channels == 1 { self.channel.clone() } else { format!("{}/{number}", self.channel) }
    }

    /// Returns the number of connections.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether a session is being opened.
    pub(super) fn is_opening(&self) -> bool {
        self.connections.iter().any(|connection| !matches!(connection.stage, Stage::Ready | Stage::Closed))
    }

    /// Opens further sessions, and waits until they are ready.
    pub(super) fn open_all(
        &mut self,
        plans: impl ExactSizeIterator<Item = Plan>,
        load: &mut impl Load,
    ) -> Result<(), Failure> {
        let wanted = self.ready + plans.len();
        files::allow(self.len() + plans.len())?;
        let mut progress = Progress::new(&self.progress);
        let mut plans = plans;
        let mut last = (Instant::now(), self.ready);
        while self.ready < wanted {
            while self.len() - self.ready < WIDTH
                && let Some(plan) = plans.next()
            {
                self.open(&plan)?;
            }
            self.turn(Some(Duration::from_millis(100)), load)?;
            progress.show(|| format!("{} of {wanted} sessions are open", self.ready));
            if self.ready > last.1 {
                last = (Instant::now(), self.ready);
            } else if last.0.elapsed() > PATIENCE {
                return Err(Failure::Stuck { ready: self.ready, wanted, seconds: PATIENCE.as_secs() });
            }
        }
        Ok(())
    }

    /// Starts to open a further connection.
    pub(super) fn open(&mut self, plan: &Plan) -> Result<(), Failure> {
        let at = self.len();
        let connection = self.dial(at, plan)?;
        self.connections.push(connection);
        Ok(())
    }

    /// Marks a connection as closed. It is reset when it is opened again.
    pub(super) fn reset(&mut self, at: usize) -> Result<(), Failure> {
        let connection = &mut self.connections[at];
        connection.stage = Stage::Closed;
        self.left.push(std::mem::take(&mut connection.client));
        connection.reset_on_drop().map_err(system("cannot reset a connection"))
    }

    /// Starts to open a connection in the place of a closed one.
    pub(super) fn reopen(&mut self, at: usize, plan: &Plan) -> Result<(), Failure> {
        self.connections[at] = self.dial(at, plan)?;
        Ok(())
    }

    fn dial(&mut self, at: usize, plan: &Plan) -> Result<Connection, Failure> {
        let stream = dial::dial(self.target.address, at).map_err(|error| self.unreachable(&error))?;
        self.opened += 1;
        let connection = Connection::new(stream, self.target.tls.as_ref(), plan);
        let mut connection = connection.map_err(|error| self.unreachable(&std::io::Error::other(error)))?;
        let both = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(connection.stream(), Token(at), both);
        registered.map_err(system("cannot wait for a connection"))?;
        Ok(connection)
    }

    /// Sends bytes on a connection.
    pub(super) fn send(&mut self, at: usize, bytes: &[u8]) -> Result<(), Failure> {
        self.connections[at].send(bytes).map_err(|error| self.lost(at, &error))
    }

    /// Sends the connect on a connection.
    pub(super) fn send_connect(&mut self, at: usize) -> Result<(), Failure> {
        self.connections[at].send_connect().map_err(|error| self.lost(at, &error))
    }

    fn unreachable(&self, why: &std::io::Error) -> Failure {
        let mut why = ConnectError::of(why);
        if self.ready > 0 {
            why = ConnectError::Other(format!(
                "{why}, with {} of {} connections made",
                self.ready, self.opened
            ));
        }
        Failure::Unreachable { url: self.target.url.clone(), why }
    }

    /// Returns the failure for an error of an open socket. During the TLS handshake it means that there is no
    /// connection.
    fn broken(&self, at: usize, error: &std::io::Error) -> Failure {
        let found = ConnectError::of(error);
        match (self.connections[at].stage, &found) {
            (_, ConnectError::Other(_)) | (Stage::Ready, _) => self.lost(at, error),
            _ => Failure::Unreachable { url: self.target.url.clone(), why: found },
        }
    }

    fn lost(&self, at: usize, why: &dyn std::fmt::Display) -> Failure {
        let connection = &self.connections[at];
        let role = match connection.role {
            Role::Subscriber => "subscriber",
            Role::Publisher => "publisher",
        };
        let who = match connection.stage {
            Stage::Ready => format!("the connection of {role} {at}"),
            stage => format!("connection {at} while {stage:?}").to_lowercase(),
        };
        Failure::Lost { who, why: why.to_string() }
    }
}
