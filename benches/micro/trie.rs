//! Finding subscribers, and changing who they are.

use divan::Bencher;
use faye_server::config::Overflow;
use faye_server::router::PendingFlush;

use crate::sessions::{publication, subscribed};

/// One receiver among many patterns that do not match.
#[divan::bench(args = [1, 1000, 100_000])]
fn one_of_many_patterns(bencher: Bencher<'_, '_>, count: usize) {
    let (trie, sessions) = subscribed(1, &["/chat/here"]);
    for number in 0..count {
        trie.subscribe(&sessions[0], &format!("/chat/{number}"), usize::MAX);
    }
    let publication = publication("/chat/here");
    bencher.bench_local(|| {
        let mut pending = PendingFlush::default();
        trie.deliver(&publication, Overflow::Disconnect, &mut pending, None);
    });
}

/// Receivers that match by three patterns and must get the publication once.
#[divan::bench]
fn overlapping_patterns(bencher: Bencher<'_, '_>) {
    let (trie, sessions) = subscribed(100, &["/chat/room"]);
    for session in &sessions {
        trie.subscribe(session, "/chat/*", 1000);
        trie.subscribe(session, "/**", 1000);
    }
    let publication = publication("/chat/room");
    bencher.bench_local(|| {
        let mut pending = PendingFlush::default();
        trie.deliver(&publication, Overflow::Disconnect, &mut pending, None);
    });
}

/// A subscription to a channel that a thousand have, and its end.
#[divan::bench]
fn subscribe_and_unsubscribe(bencher: Bencher<'_, '_>) {
    let (trie, sessions) = subscribed(1000, &["/chat/room"]);
    bencher.bench_local(|| {
        trie.unsubscribe(&sessions[500], "/chat/room");
        trie.subscribe(&sessions[500], "/chat/room", 1000)
    });
}
