//! Long-polling: the answer to a request that carries messages, held back while a connect in it waits.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use smallvec::SmallVec;
use socket2::SockRef;
use tokio::time::Instant;

use super::connection::{Connection, Woken};
use super::signal::Signal;
use super::stream::Stream;
use crate::peer::Peer;
use crate::router::{Attachment, Detached, Held, Lease, Session};
use crate::server::{Accepted, Received, Server};

/// A request as the transport of a session, until it is answered.
struct Poll {
    peer: Arc<Peer>,
    /// The session has another transport now, or has ended.
    over: AtomicBool,
    /// Another instance has the session, because this one is stopping.
    is_leaving: AtomicBool,
    /// One for all the sessions that a request connects.
    signal: Arc<Signal>,
}

impl Poll {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

impl Attachment for Poll {
    fn flush(self: Arc<Self>, _session: &Arc<Session>) -> usize {
        self.signal.wake();
        0
    }

    fn detach(&self, _session: &Arc<Session>, why: Detached) {
        if why == (Detached::Moved { is_leaving: true }) {
            self.is_leaving.store(true, Ordering::Release);
        }
        self.over.store(true, Ordering::Release);
        self.signal.end();
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}

/// Takes the request off the session when its messages are there, or its peer has gone.
struct Attaching<'a> {
    session: &'a Arc<Session>,
    attachment: Arc<dyn Attachment>,
}

impl Drop for Attaching<'_> {
    fn drop(&mut self) {
        self.session.detach(&self.attachment);
    }
}

/// The array of replies and messages for a request, with the leases of the messages in it: they go back unless it is
/// said that they were written.
pub(super) struct Answered {
    pub(super) array: Vec<u8>,
    leases: SmallVec<[Lease; 1]>,
    signal: Arc<Signal>,
    /// A session in it is on another instance now: the connection is closed, so that the next request can go there.
    pub(super) is_leaving: bool,
}

impl Answered {
    /// The array, for the writer.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.array)
    }

    pub(super) fn has_messages(&self) -> bool {
        !self.leases.is_empty()
    }

    /// The signal that another transport waits for the messages: if they cannot be written at once then, they never are.
    pub(super) fn signal(&self) -> Option<&Signal> {
        self.has_messages().then_some(&*self.signal)
    }

    /// The system took it all, for a connection that was alive.
    pub(super) fn written(self) {
        for mut lease in self.leases {
            lease.written(lease.items().len());
        }
    }

    fn append(&mut self, object: &[u8]) {
        if self.array.len() > 1 {
            self.array.push(b',');
        }
        self.array.extend_from_slice(object);
    }
}

/// Whether a peer has closed its side: messages that are written to it would be lost.
pub(super) fn has_gone(connection: &mut Connection) -> bool {
    let Stream::Plain(tcp) = &connection.stream else { return connection.has_ended() };
    let mut byte = [MaybeUninit::uninit()];
    match SockRef::from(tcp).peek(&mut byte) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

/// Waits until the connects of a request are to be answered. `None` if the peer has gone.
pub(super) async fn answer(
    connection: &mut Connection,
    server: &Server,
    peer: &Arc<Peer>,
    received: Received,
) -> Option<Answered> {
    let Received { mut replies, connects, is_leaving, .. } = received;
    replies.insert(0, b'[');
    let mut answered =
        Answered { array: replies, leases: SmallVec::new(), signal: Arc::default(), is_leaving };
    let mut sessions = SmallVec::<[Arc<Session>; 1]>::new();
    for accepted in connects {
        let session = Arc::clone(&accepted.session);
        // A session that connects twice in one request gets its messages behind the first reply.
        let again = sessions.iter().any(|other| Arc::ptr_eq(other, &session));
        sessions.push(session);
        let Left { reply, lease, is_leaving } = if again {
            let reply = outgoing(server, peer, accepted.reply, accepted.is_unseen).await;
            Left { reply, lease: None, is_leaving: false }
        } else {
            attach(connection, server, peer, accepted, &answered.signal).await?
        };
        answered.is_leaving |= is_leaving;
        if let Some(reply) = reply {
            answered.append(&reply);
        }
        for publication in lease.iter().flat_map(Lease::items) {
            answered.append(publication.object());
        }
        answered.leases.extend(lease);
    }
    answered.array.push(b']');
    Some(answered)
}

/// What leaves when a connect is over.
struct Left {
    /// The reply, unless an extension dropped it.
    reply: Option<Vec<u8>>,
    /// The messages; none if none came, or if the session is another transport's or instance's now.
    lease: Option<Lease>,
    /// Whether the session is on another instance because this one is stopping.
    is_leaving: bool,
}

/// Shows a reply to the extensions, if they have not seen it.
async fn outgoing(
    server: &Server,
    peer: &Arc<Peer>,
    reply: Option<Vec<u8>>,
    is_unseen: bool,
) -> Option<Vec<u8>> {
    if is_unseen { server.outgoing(reply?, peer).await } else { reply }
}

/// Makes the request the transport of a session for as long as its connect may be held. `None` if the peer has closed the
/// connection.
async fn attach(
    connection: &mut Connection,
    server: &Server,
    peer: &Arc<Peer>,
    accepted: Accepted,
    signal: &Arc<Signal>,
) -> Option<Left> {
    let poll = Arc::new(Poll {
        peer: Arc::clone(peer),
        over: AtomicBool::new(false),
        is_leaving: AtomicBool::new(false),
        signal: Arc::clone(signal),
    });
    let attachment: Arc<dyn Attachment> = Arc::<Poll>::clone(&poll);
    if !accepted.attach(&attachment) {
        let reply = outgoing(server, peer, accepted.reply, accepted.is_unseen).await;
        return Some(Left { reply, lease: None, is_leaving: false });
    }
    let Accepted { session, reply, hold, is_unseen, .. } = accepted;
    let attached = Attaching { session: &session, attachment };
    let held = wait(connection, &attached, &poll, hold).await?;
    // Messages stay in the mailbox until extensions have seen the reply: a lease that is out keeps them from a newer
    // transport.
    let reply = outgoing(server, peer, reply, is_unseen).await;
    drop(held);
    let lease = attached.session.lease_all(&attached.attachment);
    Some(Left { reply, lease, is_leaving: poll.is_leaving.load(Ordering::Acquire) })
}

/// Waits until a held connect is to be answered: there are messages, its time is over, the session is another
/// transport's, or the server drains. Until the returned value is dropped, the session does not expire. `None` if the peer
/// has closed the connection.
async fn wait(
    connection: &mut Connection,
    attached: &Attaching<'_>,
    poll: &Poll,
    hold: Duration,
) -> Option<Option<Held>> {
    if hold.is_zero() {
        return Some(None);
    }
    let held = attached.session.hold();
    let until = Instant::now() + hold;
    loop {
        let is_over = poll.is_over() || connection.alarm.is_draining();
        if is_over || attached.session.can_lease(&attached.attachment) {
            return Some(Some(held));
        }
        match connection.read(until, Some(&poll.signal)).await {
            Woken::Ended | Woken::Exhausted => return None,
            Woken::Due => return Some(Some(held)),
            _ => {}
        }
    }
}
