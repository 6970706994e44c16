//! One publication to all subscribers of a channel: found, put into mailboxes, and taken out again.

use divan::Bencher;
use divan::counter::ItemsCount;
use faye_server::config::Overflow;
use faye_server::router::PendingFlush;

use crate::sessions::{publication, subscribed};

#[divan::bench(args = [1, 100, 1000, 5000])]
fn to_subscribers(bencher: Bencher<'_, '_>, count: usize) {
    let (trie, _sessions) = subscribed(count, &["/chat/room"]);
    let publication = publication("/chat/room");
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let mut pending = PendingFlush::default();
        trie.deliver(&publication, Overflow::Disconnect, &mut pending, None);
    });
}

#[divan::bench(args = [8])]
fn eight_at_a_time(bencher: Bencher<'_, '_>, batch: usize) {
    let (trie, sessions) = subscribed(1000, &["/chat/room"]);
    let publication = publication("/chat/room");
    bencher.counter(ItemsCount::new(sessions.len() * batch)).bench_local(|| {
        let mut pending = PendingFlush::default();
        for _ in 0..batch {
            trie.deliver(&publication, Overflow::Disconnect, &mut pending, None);
        }
    });
}
