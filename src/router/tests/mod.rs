//! Schedules of threads that share a session: a publisher, two transports, and the owner, which exports or ends it.
//! `shuttle` chooses the order in which the threads take locks, and the random decisions of the transports.
//!
//! In every schedule each publication is reported as written once, in order, or is still queued; no thread waits forever;
//! and no message waits for an idle transport.

mod client;
mod poll;
mod stream;

use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, MaxSteps, Runner};

use client::{Client, Fixture, PUBLICATIONS};
use poll::Poll;
use stream::Stream;

use super::{Attached, Session};

/// How often each thread of transports connects.
const CONNECTS: usize = 2;
/// The number of actions of a stream between two connects.
const ACTIONS: usize = 3;
/// The number of schedules of each test and kind.
const SCHEDULES: usize = 2000;
/// The number of preemptions of a schedule of the kind PCT, plus one.
const PREEMPTIONS: usize = 4;
const SEED: u64 = 1;
/// More steps than any schedule without a deadlock has.
const STEPS: usize = 20_000;

fn chance(one_in: u32) -> bool {
    thread_rng().gen_ratio(1, one_in)
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.max_steps = MaxSteps::FailAfter(STEPS);
    config
}

/// Runs schedules. A failure prints its schedule; the variable SHUTTLE_RANDOM_SEED chooses other ones.
fn run(schedule: fn(&Fixture)) {
    let fixture = Arc::new(Fixture::new());
    let random = RandomScheduler::new_from_seed(SEED, SCHEDULES);
    let few_preemptions = PctScheduler::new_from_seed(SEED, PREEMPTIONS, SCHEDULES);
    let shared = Arc::clone(&fixture);
    assert_eq!(Runner::new(random, config()).run(move || schedule(&shared)), SCHEDULES);
    assert_eq!(Runner::new(few_preemptions, config()).run(move || schedule(&fixture)), SCHEDULES);
}

/// Publishes all publications. Flushes the session after each one, or after several.
fn publish(client: &Client) {
    let session = &client.session;
    let mut is_pending = false;
    for number in 0..PUBLICATIONS {
        let Some(is_first) = client.push(number) else { break };
        is_pending |= is_first;
        if is_pending && chance(2) {
            is_pending = false;
            session.flush();
        }
    }
    if is_pending {
        session.flush();
    }
    if session.has_overflowed() || chance(8) {
        session.end();
    }
}

/// Connects WebSockets, or EventSource streams, each of which accepts some messages and fails or stays.
fn stream(client: &Arc<Client>, is_event_source: bool) -> Vec<Arc<Stream>> {
    let mut streams = Vec::new();
    for _ in 0..CONNECTS {
        let stream = Stream::new(client, is_event_source);
        streams.push(Arc::clone(&stream));
        stream.connect();
        for _ in 0..thread_rng().gen_range(0..ACTIONS) {
            match thread_rng().gen_range(0..5) {
                0 => stream.gather(),
                1 if !is_event_source => stream.connect(),
                2 => {
                    stream.fail();
                    break;
                }
                _ => stream.resume(),
            }
        }
    }
    streams
}

/// Sends connects by long-polling, each of which waits for messages, and then writes them or fails.
fn poll(client: &Arc<Client>, has_streams: bool) {
    for _ in 0..CONNECTS {
        let poll = Poll::new(client);
        let is_attached = if has_streams && chance(2) {
            // The connect of an EventSource client.
            let attached = client.session.attach_or_yield(&poll.attachment());
            if attached == Attached::Stream {
                client.session.flush();
            }
            attached == Attached::Yes
        } else {
            client.session.attach(&poll.attachment())
        };
        if is_attached {
            poll.answer();
        }
        if has_streams && chance(2) {
            client.session.restore_stream();
        }
    }
}

/// Exports the session. Another instance acquires it, or the export is aborted.
fn export(client: &Client) {
    let session = &client.session;
    session.freeze(chance(2));
    let Some(packed) = client.pack() else { return unfreeze(session) };
    thread::yield_now();
    assert!(session.is_frozen() && !session.has_ended(), "a frozen session has ended");
    client.assert_is_unchanged(packed);
    if chance(3) {
        session.end_here();
        client.assert_is_unchanged(packed);
    } else {
        unfreeze(session);
    }
}

/// Aborts an export. A session that has overflowed since its start ends.
fn unfreeze(session: &Arc<Session>) {
    session.unfreeze();
    if session.has_overflowed() {
        session.end();
    }
}

/// Ends the session in one of several ways, exports it, or does nothing.
fn own(client: &Client) {
    for _ in 0..2 {
        match thread_rng().gen_range(0..8) {
            0 => drop(client.session.end()),
            1 => client.session.expel(|_| false),
            2..5 => export(client),
            _ => thread::yield_now(),
        }
    }
}

/// Starts a thread.
fn spawn<T: Send + 'static>(
    client: &Arc<Client>,
    act: impl FnOnce(&Arc<Client>) -> T + Send + 'static,
) -> JoinHandle<T> {
    let client = Arc::clone(client);
    thread::spawn(move || act(&client))
}

/// Starts a thread with held requests.
fn spawn_polls(client: &Arc<Client>, act: impl FnOnce(&Arc<Client>) + Send + 'static) -> JoinHandle<()> {
    client.bell.enter();
    spawn(client, |client| {
        act(client);
        client.bell.leave();
    })
}

/// Waits until nothing happens any more, and looks for messages that wait. Then ends the held requests.
fn assert_rests(client: &Client, streams: &[Arc<Stream>], polls: JoinHandle<()>) {
    // From now on the streams accept everything.
    client.calm_down();
    streams.iter().for_each(|stream| stream.resume_if_blocked());
    client.bell.wait_for_rest();
    client.assert_rests();
    client.bell.assert_attached();
    client.bell.end();
    polls.join().unwrap();
    streams.iter().for_each(|stream| stream.assert_rests());
    client.assert_rests();
}

/// A publisher, a client that changes between transports, and the owner of the session.
fn share_a_session(fixture: &Fixture) {
    let (client, has_streams) = (fixture.client(false), chance(2));
    let others = [spawn(&client, |client| publish(client)), spawn(&client, |client| own(client))];
    let streams = spawn(&client, move |client| stream(client, has_streams));
    let polls = spawn_polls(&client, move |client| poll(client, has_streams));
    others.into_iter().for_each(|thread| thread.join().unwrap());
    assert_rests(&client, &streams.join().unwrap(), polls);
}

/// A publisher, a stream, and a thread that detaches the stream in one of several ways.
fn detach_a_stream(fixture: &Fixture) {
    let client = fixture.client(true);
    let stream = Stream::new(&client, chance(2));
    stream.connect();
    let publisher = spawn(&client, |client| publish(client));
    let polls = spawn_polls(&client, |client| match thread_rng().gen_range(0..4) {
        0 => {
            client.session.freeze(false);
            thread::yield_now();
            unfreeze(&client.session);
        }
        1 => client.session.expel(|_| false),
        2 => drop(client.session.end()),
        _ => {
            let poll = Poll::new(client);
            if client.session.attach(&poll.attachment()) {
                poll.answer();
            }
        }
    });
    for _ in 0..ACTIONS {
        stream.gather();
        stream.resume();
    }
    publisher.join().unwrap();
    assert_rests(&client, &[stream], polls);
}

#[test]
fn no_message_is_lost_and_no_flush_is_missed() {
    run(share_a_session);
}

#[test]
fn a_detached_stream_leases_no_more_messages() {
    run(detach_a_stream);
}
