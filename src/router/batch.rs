//! Sessions with acknowledged delivery (`ext.ack`): messages leave in connect replies only, and stay in the mailbox until the
//! client has acknowledged the reply. Writing a reply settles nothing, so there is no lease.

use std::sync::Arc;

use tokio::time::Instant;

use super::ack::{Ack, Numbered};
use super::batched::{Batched, ConnectAck};
use super::holder::LeaseHolder;
use super::mailbox::Items;
use super::session::{Attachment, Session, State};
use crate::bayeux::reply;
use crate::budget::Budget;

/// Whether a held connect has to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// There are messages.
    Now,
    /// The messages may be sent again at that time.
    At(Instant),
    /// There is no message.
    No,
}

/// The messages of a connect reply, and its number.
pub struct Batch {
    number: u64,
    items: Items,
}

impl Batch {
    /// Appends the messages and then the reply, a JSON object, to a list of objects with commas between them.
    pub fn write(&self, reply: &[u8], out: &mut Vec<u8>) {
        let begin = |out: &mut Vec<u8>| {
            if !matches!(out.last(), None | Some(b'[')) {
                out.push(b',');
            }
        };
        for publication in &self.items {
            begin(out);
            out.extend_from_slice(publication.object());
        }
        begin(out);
        reply::numbered(out, reply, self.number);
    }
}

impl Session {
    /// Turns acknowledged delivery on. Called before the session has received messages.
    pub fn enable_ack(&self) {
        self.lock().batch(Ack::default(), self.budget());
    }

    /// Whether the session has acknowledged delivery.
    #[must_use]
    pub fn has_ack(&self) -> bool {
        self.lock().batched().is_some()
    }

    /// Returns the number of the next reply; `None` without acknowledged delivery.
    #[must_use]
    pub fn next_reply(&self) -> Option<u64> {
        self.lock().batched().map(|batched| batched.ack.next())
    }

    /// Whether a connect that a transport holds has to be answered, because there are messages for it.
    #[must_use]
    pub fn readiness(&self, holder: &Arc<dyn Attachment>, ack: ConnectAck) -> Readiness {
        let state = self.lock();
        let Some(batched) = state.batched() else {
            return if state.can_lease(holder) { Readiness::Now } else { Readiness::No };
        };
        let queued = state.mailbox().len();
        let is_due = if ack == ConnectAck::Present { queued > 0 } else { batched.ack.has_unsent(queued) };
        if !is_due || !state.is_attached(holder) {
            return Readiness::No;
        }
        batched.paused_until().filter(|until| *until > Instant::now()).map_or(Readiness::Now, Readiness::At)
    }

    /// Assigns a number to a connect reply of a session with acknowledged delivery, and returns the messages that it carries.
    /// `None` without acknowledged delivery, and if the transport is not attached: the reply then has neither.
    #[must_use]
    pub fn take_batch(&self, holder: &Arc<dyn Attachment>) -> Option<Batch> {
        let mut state = self.lock();
        if !state.is_attached(holder) || !state.life.is_live() {
            return None;
        }
        let (messages, bytes) = state.batched()?.ack.limits();
        let now = Instant::now();
        let is_paused = state.batched()?.paused_until().is_some_and(|until| until > now);
        let items = if is_paused { Items::new() } else { state.mailbox().prefix(messages, bytes) };
        let batched = state.batched_mut()?;
        let Numbered { number, resent } = batched.ack.send(items.len());
        if !items.is_empty() {
            batched.sent = now;
        }
        drop(state);
        self.metrics().deliveries_written.inc_by((items.len() - resent) as u64);
        self.metrics().ack_resent.inc_by(resent as u64);
        Some(Batch { number, items })
    }
}

impl State {
    /// Returns the acknowledged delivery, if the client has asked for it.
    pub(super) fn batched(&self) -> Option<&Batched> {
        match &self.holder {
            LeaseHolder::Never(batched) => Some(batched),
            LeaseHolder::Free | LeaseHolder::Attached | LeaseHolder::Former(_) => None,
        }
    }

    pub(super) fn batched_mut(&mut self) -> Option<&mut Batched> {
        match &mut self.holder {
            LeaseHolder::Never(batched) => Some(batched),
            LeaseHolder::Free | LeaseHolder::Attached | LeaseHolder::Former(_) => None,
        }
    }

    /// Sets the state of acknowledged delivery, and charges its memory.
    pub(super) fn batch(&mut self, ack: Ack, budget: &Budget) {
        let before = self.batched_memory();
        self.holder = LeaseHolder::Never(Box::new(Batched::new(ack)));
        budget.change(before, self.batched_memory());
    }

    /// Returns the bytes of memory for acknowledged delivery.
    pub(super) fn batched_memory(&self) -> usize {
        if self.batched().is_some() { Batched::MEMORY } else { 0 }
    }

    /// Returns the state of acknowledged delivery.
    pub(super) fn ack(&self) -> Option<Ack> {
        self.batched().map(|batched| batched.ack.clone())
    }

    /// Removes the messages from the mailbox that the client has received, as it tells with a connect.
    pub(super) fn acknowledge(&mut self, received: Option<u64>, budget: &Budget) -> ConnectAck {
        let Some(batched) = self.batched_mut() else { return ConnectAck::Off };
        let Some(number) = received else { return ConnectAck::Missing };
        let count = batched.ack.acknowledge(number);
        self.change(budget, |mailbox| mailbox.discard(count));
        ConnectAck::Present
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Duration;

    use super::*;
    use crate::bayeux::parse::parse_one;
    use crate::bayeux::{ClientId, Partition, Publication, StreamPosition};
    use crate::config::Overflow;
    use crate::metrics::Metrics;
    use crate::peer::Peer;
    use crate::router::batched::PAUSE;
    use crate::router::{Bounds, Contents, Detached, Sessions, Terms};

    struct Silent(Arc<Peer>);

    impl Attachment for Silent {
        fn flush(self: Arc<Self>, _: &Arc<Session>) -> usize {
            0
        }

        fn detach(&self, _: &Arc<Session>, _: Detached) {}

        fn peer(&self) -> &Arc<Peer> {
            &self.0
        }
    }

    fn transport() -> Arc<dyn Attachment> {
        Arc::new(Silent(Arc::new(Peer::in_process())))
    }

    /// A session with acknowledged delivery, whose client has connected.
    fn session() -> Arc<Session> {
        let bounds = Bounds { messages: 100, bytes: 1 << 20 };
        let terms = Terms::new(bounds, Duration::from_secs(60), Metrics::default());
        let session = Sessions::new(1, terms).create(ClientId::from_random([0; 20])).unwrap();
        session.enable_ack();
        session.connect(None).unwrap();
        session
    }

    fn push(session: &Session, data: usize) {
        let text = format!(r#"{{"channel":"/a","data":{data}}}"#);
        let publication = Arc::new(Publication::new("/a", parse_one(&text.into()).unwrap()));
        session.push(&publication, Overflow::Disconnect).unwrap();
    }

    fn reply(batch: &Batch) -> String {
        let mut out = b"[".to_vec();
        batch.write(b"{}", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_messages_are_sent_at_most_once_a_second() {
        let (session, me) = (session(), transport());
        assert!(session.attach(&me));
        assert_eq!(session.readiness(&me, ConnectAck::Present), Readiness::No);
        push(&session, 1);
        for number in 1..4 {
            assert_eq!(session.readiness(&me, ConnectAck::Present), Readiness::Now);
            let batch = session.take_batch(&me).unwrap();
            let expected = format!(r#"[{{"channel":"/a","data":1}},{{"ext":{{"ack":{number}}}}}"#);
            assert_eq!(reply(&batch), expected);
        }
        let pause = Instant::now() + PAUSE;
        push(&session, 2);
        tokio::time::advance(PAUSE / 2).await;
        assert_eq!(session.readiness(&me, ConnectAck::Present), Readiness::At(pause));
        assert_eq!(session.readiness(&me, ConnectAck::Missing), Readiness::At(pause));
        assert_eq!(reply(&session.take_batch(&me).unwrap()), r#"[{"ext":{"ack":4}}"#);
        tokio::time::advance(PAUSE / 2).await;
        assert_eq!(session.readiness(&me, ConnectAck::Present), Readiness::Now);
        let batch = session.take_batch(&me).unwrap();
        assert_eq!(batch.items.len(), 2);
        assert_eq!(session.connect(Some(batch.number)).unwrap().ack, ConnectAck::Present);
        assert_eq!(session.readiness(&me, ConnectAck::Present), Readiness::No);
        let metrics = session.metrics();
        assert_eq!((metrics.ack_resent.get(), metrics.deliveries_written.get()), (3, 2));
    }

    #[test]
    fn only_a_connect_with_a_number_is_answered_with_messages_that_were_sent() {
        let (session, me) = (session(), transport());
        assert!(session.attach(&me));
        push(&session, 1);
        assert_eq!(session.readiness(&me, ConnectAck::Missing), Readiness::Now);
        let _lost = session.take_batch(&me).unwrap();
        assert_eq!(session.readiness(&me, ConnectAck::Missing), Readiness::No);
        assert_eq!(session.readiness(&me, ConnectAck::Present), Readiness::Now);
    }

    #[test]
    fn only_the_attached_transport_of_a_live_session_gets_a_number() {
        let (session, me, other) = (session(), transport(), transport());
        push(&session, 1);
        let has_number = |transport| session.take_batch(transport).is_some();
        assert!(!has_number(&me), "not attached");
        assert!(session.attach(&me) && has_number(&me));
        assert!(session.lease_all(&me).is_none() && !session.can_lease(&me), "there are no leases");
        assert!(session.attach(&other) && !has_number(&me) && has_number(&other));
        session.freeze(false);
        assert!(!has_number(&other), "the state may be on its way to another instance");
        session.unfreeze();
        assert!(session.attach(&me) && has_number(&me));
        session.end();
        assert!(!has_number(&me));
    }

    #[test]
    fn an_import_that_changes_the_order_of_the_queue_makes_earlier_replies_unknown() {
        let publication = |offset| {
            let position = StreamPosition { partition: Partition::of("/a"), offset };
            let text = format!(r#"{{"channel":"/a","data":{offset}}}"#);
            Arc::new(Publication::encoded("/a", Some(position), text.as_bytes()))
        };
        let imported = || vec![publication(1), publication(2)];
        for (received, left) in [(3, 1), (1, 3)] {
            let mut ack = Ack::default();
            let number = ack.send(2).number;
            let (session, me) = (session(), transport());
            session.push(&publication(received), Overflow::Disconnect).unwrap();
            session.push(&publication(4), Overflow::Disconnect).unwrap();
            // As if the exporting instance had no position in the partition.
            assert!(session.import(
                Contents { queued: imported(), ack: Some(ack), ..Contents::default() },
                |publication| {
                    publication.position().is_some_and(|position| received == 1 || position.offset == 3)
                }
            ));
            assert_eq!(session.connect(Some(number)).unwrap().ack, ConnectAck::Present);
            assert!(session.attach(&me));
            assert_eq!(session.take_batch(&me).unwrap().items.len(), left, "{received}");
        }
    }
}
