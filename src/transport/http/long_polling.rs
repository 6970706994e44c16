//! Long-polling: the response to a request with messages, which is held while a connect in it waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::connection::HttpConnection;
use crate::peer::Peer;
use crate::router::{Attachment, Batch, ConnectAck, Detached, Held, Lease, Readiness, Session};
use crate::server::{Accepted, Received, Server};
use crate::transport::net::notify::Notify;
use crate::transport::net::wait::WaitResult;

/// A request as the transport of a session, until its response.
struct Poll {
    peer: Arc<Peer>,
    /// The session has another transport, or has ended.
    over: AtomicBool,
    /// Another instance has the session, because this instance drains.
    is_leaving: AtomicBool,
    /// Shared by all sessions of the request.
    notify: Arc<Notify>,
}

impl Poll {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

impl Attachment for Poll {
    fn flush(self: Arc<Self>, _session: &Arc<Session>) -> usize {
        self.notify.notify();
        0
    }

    fn detach(&self, _session: &Arc<Session>, why: Detached) {
        if why == (Detached::Moved { is_leaving: true }) {
            self.is_leaving.store(true, Ordering::Release);
        }
        self.over.store(true, Ordering::Release);
        self.notify.close();
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}

/// Detaches the request from the session when the wait ends.
struct Attaching<'a> {
    session: &'a Arc<Session>,
    attachment: Arc<dyn Attachment>,
}

impl Drop for Attaching<'_> {
    fn drop(&mut self) {
        self.session.detach(&self.attachment);
    }
}

/// The array of replies and messages of a response, with the leases of the messages. Leases that are not marked as written return
/// their messages.
pub(super) struct Answered {
    pub(super) array: Vec<u8>,
    leases: SmallVec<[Lease; 1]>,
    notify: Arc<Notify>,
    /// Another instance has a session of the response: the connection closes, so that the next request can reach that instance.
    pub(super) is_leaving: bool,
}

impl Answered {
    /// Takes the array.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.array)
    }

    pub(super) fn has_messages(&self) -> bool {
        !self.leases.is_empty()
    }

    /// Returns the notification that another transport waits for the messages: a response that cannot be written
    /// immediately then is abandoned.
    pub(super) fn notify(&self) -> Option<&Notify> {
        self.has_messages().then_some(&*self.notify)
    }

    /// Marks the messages as written: the system accepted the response, and the connection was alive.
    pub(super) fn written(self) {
        for mut lease in self.leases {
            lease.written(lease.items().len());
        }
    }

    /// Appends a reply, with its messages and its number if the session has acknowledged delivery.
    fn append_reply(&mut self, reply: &[u8], batch: Option<&Batch>) {
        match batch {
            Some(batch) => batch.write(reply, &mut self.array),
            None => self.append(reply),
        }
    }

    fn append(&mut self, object: &[u8]) {
        if self.array.len() > 1 {
            self.array.push(b',');
        }
        self.array.extend_from_slice(object);
    }
}

/// Waits until the connects of a request are answered. `None` if the peer has gone.
pub(super) async fn answer(
    connection: &mut HttpConnection,
    server: &Server,
    peer: &Arc<Peer>,
    received: Received,
) -> Option<Answered> {
    let Received { mut replies, connects, is_leaving, .. } = received;
    replies.insert(0, b'[');
    let mut answered =
        Answered { array: replies, leases: SmallVec::new(), notify: Arc::default(), is_leaving };
    let mut sessions = SmallVec::<[Arc<Session>; 1]>::new();
    for accepted in connects {
        let session = Arc::clone(&accepted.session);
        // A session that connects twice in one request gets its messages after the first reply.
        let again = sessions.iter().any(|other| Arc::ptr_eq(other, &session));
        sessions.push(session);
        let Outcome { reply, batch, lease, is_leaving } = if again {
            Outcome::without_messages(outgoing(server, peer, accepted.reply, accepted.is_unseen).await)
        } else {
            attach(connection, server, peer, accepted, &answered.notify).await?
        };
        answered.is_leaving |= is_leaving;
        if let Some(reply) = reply {
            answered.append_reply(&reply, batch.as_ref());
        }
        for publication in lease.iter().flat_map(Lease::items) {
            answered.append(publication.object());
        }
        answered.leases.extend(lease);
    }
    answered.array.push(b']');
    Some(answered)
}

/// The outcome of a connect.
struct Outcome {
    /// The reply, unless an extension dropped it.
    reply: Option<Vec<u8>>,
    /// The messages of a session with acknowledged delivery. They stay queued until the client has acknowledged them.
    batch: Option<Batch>,
    /// The messages of another session; `None` if there are none, or if the session is on another transport or instance.
    lease: Option<Lease>,
    /// Whether the session is on another instance because this instance drains.
    is_leaving: bool,
}

impl Outcome {
    fn without_messages(reply: Option<Vec<u8>>) -> Self {
        Self { reply, batch: None, lease: None, is_leaving: false }
    }
}

/// Passes a reply to the extensions, unless it has passed them already.
async fn outgoing(
    server: &Server,
    peer: &Arc<Peer>,
    reply: Option<Vec<u8>>,
    is_unseen: bool,
) -> Option<Vec<u8>> {
    if is_unseen { server.outgoing(reply?, peer).await } else { reply }
}

/// Attaches the request to a session until its connect is answered. `None` if the peer has closed the connection.
async fn attach(
    connection: &mut HttpConnection,
    server: &Server,
    peer: &Arc<Peer>,
    accepted: Accepted,
    notify: &Arc<Notify>,
) -> Option<Outcome> {
    let poll = Arc::new(Poll {
        peer: Arc::clone(peer),
        over: AtomicBool::new(false),
        is_leaving: AtomicBool::new(false),
        notify: Arc::clone(notify),
    });
    let attachment: Arc<dyn Attachment> = Arc::<Poll>::clone(&poll);
    if !accepted.attach(&attachment) {
        let reply = outgoing(server, peer, accepted.reply, accepted.is_unseen).await;
        return Some(Outcome::without_messages(reply));
    }
    let Accepted { session, reply, hold, is_unseen, ack, .. } = accepted;
    let attached = Attaching { session: &session, attachment };
    let held = wait(connection, &attached, &poll, hold, ack).await?;
    // Messages stay in the mailbox until the reply has passed the extensions: an active lease would keep them from a newer
    // transport.
    let reply = outgoing(server, peer, reply, is_unseen).await;
    drop(held);
    let batch = reply.as_ref().filter(|_| ack.is_on()).and_then(|_| session.take_batch(&attached.attachment));
    let lease = session.lease_all(&attached.attachment);
    Some(Outcome { reply, batch, lease, is_leaving: poll.is_leaving.load(Ordering::Acquire) })
}

/// Waits until a held connect has to be answered: messages arrived, its time passed, the session moved to another transport, or
/// the server drains. The session does not expire until the result is dropped. `None` if the peer has closed the connection.
async fn wait(
    connection: &mut HttpConnection,
    attached: &Attaching<'_>,
    poll: &Poll,
    hold: Duration,
    ack: ConnectAck,
) -> Option<Option<Held>> {
    if hold.is_zero() {
        return Some(None);
    }
    let held = attached.session.hold();
    let until = Instant::now() + hold;
    loop {
        let is_over = poll.is_over() || connection.net.deadline.is_draining();
        let pause = match attached.session.readiness(&attached.attachment, ack) {
            Readiness::Now => return Some(Some(held)),
            _ if is_over => return Some(Some(held)),
            Readiness::At(pause) if pause < until => Some(pause),
            Readiness::At(_) | Readiness::No => None,
        };
        match connection.read(pause.unwrap_or(until), Some(&poll.notify)).await {
            WaitResult::Closed | WaitResult::Exhausted => return None,
            WaitResult::Deadline if pause.is_none() => return Some(Some(held)),
            _ => {}
        }
    }
}
