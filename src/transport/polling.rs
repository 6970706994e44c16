//! Long-polling: the answer to a request that carries messages, held back while a connect in it waits.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::signal::Signal;
use super::writing::Writing;
use crate::peer::Peer;
use crate::router::{Attachment, Detached, Lease, Session};
use crate::server::{Accepted, Received, Server};

/// A request as the transport of a session, until it is answered.
struct Poll {
    peer: Arc<Peer>,
    writing: Arc<Writing>,
    signal: Signal,
}

impl Attachment for Poll {
    fn flush(&self, _session: &Arc<Session>) {
        self.signal.wake();
    }

    fn detach(&self, _session: &Arc<Session>, _why: Detached) {
        self.signal.end();
        self.writing.want();
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}

/// Takes the request off the session when it is answered or its peer has gone.
struct Attaching<'a> {
    session: &'a Arc<Session>,
    attachment: Arc<dyn Attachment>,
}

impl Drop for Attaching<'_> {
    fn drop(&mut self) {
        self.session.detach(&self.attachment);
    }
}

/// The array of replies and messages for a request, with the leases of the messages in it.
pub(super) async fn answer(
    server: &Server,
    peer: &Arc<Peer>,
    writing: &Arc<Writing>,
    received: Received,
) -> (Bytes, Vec<Lease>) {
    let mut array = Vec::with_capacity(received.replies.len() + 64);
    array.push(b'[');
    array.extend_from_slice(&received.replies);
    let mut append = |object: &[u8]| {
        if array.len() > 1 {
            array.push(b',');
        }
        array.extend_from_slice(object);
    };
    let mut leases = Vec::new();
    for (at, accepted) in received.connects.iter().enumerate() {
        // A session that connects twice in one request gets its messages behind the first reply.
        let again =
            received.connects[..at].iter().any(|other| Arc::ptr_eq(&other.session, &accepted.session));
        let lease = if again { None } else { wait(server, peer, writing, accepted).await };
        if let Some(reply) = &accepted.reply {
            append(reply);
        }
        for publication in lease.iter().flat_map(|lease| lease.items()) {
            append(publication.object());
        }
        leases.extend(lease);
    }
    array.push(b']');
    (array.into(), leases)
}

/// Waits for messages as long as the connect may be held; `None` if none came, or if the session is somebody else's
/// now.
async fn wait(
    server: &Server,
    peer: &Arc<Peer>,
    writing: &Arc<Writing>,
    accepted: &Accepted,
) -> Option<Lease> {
    let session = &accepted.session;
    let poll =
        Arc::new(Poll { peer: Arc::clone(peer), writing: Arc::clone(writing), signal: Signal::default() });
    let attachment: Arc<dyn Attachment> = Arc::<Poll>::clone(&poll);
    if !accepted.attach(&attachment) {
        return None;
    }
    let attached = Attaching { session, attachment };
    if accepted.hold.is_zero() {
        return session.lease_all(&attached.attachment);
    }
    let _held = session.hold();
    let end = tokio::time::sleep_until(Instant::now() + accepted.hold);
    let drained = server.drained();
    tokio::pin!(end, drained);
    loop {
        if poll.signal.is_over() {
            return None;
        }
        if let Some(lease) = session.lease_all(&attached.attachment) {
            return Some(lease);
        }
        tokio::select! {
            () = poll.signal.woken() => {}
            () = &mut end => return session.lease_all(&attached.attachment),
            () = &mut drained => return session.lease_all(&attached.attachment),
        }
    }
}
