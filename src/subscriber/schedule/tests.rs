//! Tests of the schedule.

use super::*;
use crate::store::{FeedDescription, FeedSource, Validators};

const RATES: PollRates = PollRates { poll: Some(Duration::from_secs(15 * 60)), backup_poll: Some(LONGEST) };
const NEVER: PollRates = PollRates { poll: None, backup_poll: None };

fn feed(poll: Option<Option<Duration>>) -> FeedFetch {
    let feed = FeedDescription {
        name: "blog".to_owned(),
        url: "https://blog.example/feed".to_owned(),
        hub: None,
        poll,
        username: None,
        password: None,
        public: false,
        title: None,
    };
    FeedFetch {
        id: 1,
        claim: 1,
        feed,
        source: FeedSource::Config,
        state: FeedState::Polling,
        validators: Validators::default(),
        content_url: None,
        body: None,
        attempts: 0,
        interval: None,
        is_backfilled: true,
        is_feed: true,
        missed: 0,
        active_for: None,
        resubscribed_ago: None,
        reason: FetchReason::Poll,
    }
}

fn in_state(state: FeedState) -> FeedFetch {
    FeedFetch { state, ..feed(None) }
}

fn minutes(count: u64) -> Duration {
    count as u32 * MINUTE
}

/// Returns the next fetch without jitter.
fn after(rates: PollRates, feed: &FeedFetch, seen: Seen, asked: Option<Duration>) -> Option<Duration> {
    next(rates, feed, feed.state, seen, asked, 0.0).after
}

/// Returns the interval after as many results.
fn adapted(rates: PollRates, seen: Seen, count: usize) -> Duration {
    let mut feed = feed(None);
    for _ in 0..count {
        let next = next(rates, &feed, feed.state, seen, None, 0.0);
        assert_eq!(next.after, next.interval);
        feed.interval = next.interval;
    }
    feed.interval.unwrap()
}

#[test]
fn the_interval_adapts_to_how_often_entries_come() {
    assert_eq!(adapted(RATES, Seen::Unchanged, 1), minutes(15).mul_f64(1.25));
    assert_eq!(adapted(RATES, Seen::Read(1), 1), minutes(15).mul_f64(0.75));
    assert_eq!(adapted(RATES, Seen::Read(9), 1), minutes(15) / 2);
    for (seen, end) in [
        (Seen::Unchanged, LONGEST),
        (Seen::Read(0), LONGEST),
        (Seen::Read(1), SHORTEST),
        (Seen::Read(2), SHORTEST),
        (Seen::Failed, minutes(15)),
        (Seen::Gone, minutes(15)),
    ] {
        let mut feed = feed(None);
        for _ in 0..50 {
            feed.interval = next(RATES, &feed, feed.state, seen, None, 0.0).interval;
        }
        assert_eq!(feed.interval, Some(end), "{seen:?}");
    }
}

#[test]
fn the_first_fetch_says_nothing_about_how_often_entries_come() {
    for seen in [Seen::Read(0), Seen::Read(1), Seen::Read(20)] {
        let first = FeedFetch { is_backfilled: false, ..feed(None) };
        let next = next(RATES, &first, first.state, seen, None, 0.0);
        assert_eq!((next.after, next.interval), (RATES.poll, RATES.poll), "{seen:?}");
    }
}

#[test]
fn a_setting_beyond_the_bounds_widens_them() {
    let rates = |poll| PollRates { poll: Some(poll), ..RATES };
    assert_eq!(adapted(rates(MINUTE), Seen::Read(1), 50), MINUTE);
    assert_eq!(adapted(rates(MINUTE), Seen::Unchanged, 50), LONGEST);
    assert_eq!(adapted(rates(2 * DAY), Seen::Unchanged, 50), 2 * DAY);
    assert_eq!(adapted(rates(2 * DAY), Seen::Read(1), 50), SHORTEST);
}

#[test]
fn intervals_are_jittered_by_a_tenth() {
    let time = |jitter| {
        let feed = in_state(FeedState::Active);
        next(RATES, &feed, feed.state, Seen::Unchanged, None, jitter).after.unwrap()
    };
    assert_eq!(time(0.0), LONGEST);
    assert_eq!(time(1.0), LONGEST.mul_f64(1.1));
    assert_eq!(time(-1.0), LONGEST.mul_f64(0.9));
    for _ in 0..1000 {
        assert!((-1.0..=1.0).contains(&jitter()));
    }
}

#[test]
fn a_feed_with_a_hub_is_polled_as_a_backup_and_keeps_its_own_interval() {
    for state in FeedState::ALL {
        let feed = FeedFetch { interval: Some(minutes(20)), ..in_state(state) };
        let next = next(RATES, &feed, state, Seen::Unchanged, None, 0.0);
        let has_hub = matches!(state, FeedState::Active | FeedState::Unverified);
        assert_eq!(next.after, Some(if has_hub { LONGEST } else { minutes(25) }), "{state:?}");
        assert_eq!(next.interval, Some(if has_hub { minutes(20) } else { minutes(25) }), "{state:?}");
    }
    let unreliable = in_state(FeedState::Active);
    let next = next(RATES, &unreliable, FeedState::Unreliable, Seen::Unchanged, None, 0.0);
    assert!(next.after < Some(minutes(20)), "the new state counts");
}

#[test]
fn never_is_never_for_a_feed_that_was_read() {
    for state in FeedState::ALL {
        for seen in [Seen::Read(1), Seen::Unchanged, Seen::Gone] {
            assert_eq!(after(NEVER, &in_state(state), seen, None), None, "{state:?} {seen:?}");
            let exact = FeedFetch { state, ..feed(Some(None)) };
            assert_eq!(after(RATES, &exact, seen, Some(DAY)), None, "{state:?} {seen:?}");
        }
    }
    let active = in_state(FeedState::Active);
    let backup_only = PollRates { poll: None, ..RATES };
    assert_eq!(after(backup_only, &active, Seen::Unchanged, None), Some(LONGEST));
    assert_eq!(after(backup_only, &in_state(FeedState::Denied), Seen::Unchanged, None), None);
    let poll_only = PollRates { backup_poll: None, ..RATES };
    assert_eq!(after(poll_only, &active, Seen::Unchanged, None), None);
}

#[test]
fn a_feed_that_is_never_polled_is_tried_again_when_there_is_something_to_fetch() {
    for rates in [RATES, NEVER] {
        let first = FeedFetch { is_backfilled: false, state: FeedState::New, ..feed(Some(None)) };
        assert_eq!(after(rates, &first, Seen::Failed, None), Some(SOON));
        let late = FeedFetch { attempts: 99, ..first };
        assert_eq!(after(rates, &late, Seen::Failed, None), Some(BACKOFF));
        let pushed = FeedFetch { reason: FetchReason::Push, state: FeedState::Active, ..feed(Some(None)) };
        assert_eq!(after(rates, &pushed, Seen::Failed, None), Some(SOON));
        let given_up = FeedFetch { attempts: ATTEMPTS, ..pushed };
        assert_eq!(after(rates, &given_up, Seen::Failed, None), None, "until the next notification");
    }
}

#[test]
fn an_exact_interval_is_exact() {
    let second = Duration::from_secs(1);
    for state in FeedState::ALL {
        let exact = FeedFetch { state, ..feed(Some(Some(second))) };
        for seen in [Seen::Read(0), Seen::Read(7), Seen::Unchanged] {
            for jitter in [-1.0, 0.3, 1.0] {
                let next = next(RATES, &exact, state, seen, Some(DAY), jitter);
                assert_eq!(next, Next { after: Some(second), interval: None }, "{state:?} {seen:?}");
            }
        }
        assert_eq!(after(RATES, &exact, Seen::Gone, None), Some(DAY));
    }
}

#[test]
fn failures_back_off_to_six_hours() {
    let waits = |feed: &FeedFetch, rates| -> Vec<u64> {
        let failed = (0..16).map(|attempts| FeedFetch { attempts, ..feed.clone() });
        failed.map(|feed| after(rates, &feed, Seen::Failed, None).unwrap().as_secs()).collect()
    };
    let minutes = |minutes: [u64; 9]| minutes.map(|minutes| minutes * 60).to_vec();
    let known = waits(&feed(None), RATES);
    assert_eq!(known[..9], minutes([1, 2, 4, 8, 16, 32, 64, 128, 256]));
    assert!(known[9..].iter().all(|wait| *wait == 6 * 3600));
    let new = waits(&FeedFetch { is_backfilled: false, ..feed(None) }, RATES);
    assert_eq!(new[..4], [10, 20, 40, 80]);
    assert_eq!(new[15], 6 * 3600);
    let exact = waits(&feed(Some(Some(Duration::from_secs(1)))), RATES);
    assert_eq!(exact[..4], [1, 2, 4, 8]);
    assert_eq!(exact[15], 5 * 60);
    let most = FeedFetch { attempts: u32::MAX, ..feed(None) };
    assert_eq!(after(RATES, &most, Seen::Failed, None), Some(BACKOFF));
    let late = next(RATES, &most, most.state, Seen::Failed, None, 1.0).after;
    assert_eq!(late, Some(BACKOFF.mul_f64(1.1)), "jittered");
}

#[test]
fn servers_can_ask_for_up_to_a_day() {
    let (feed, exact) = (feed(None), feed(Some(Some(MINUTE))));
    for seen in [Seen::Failed, Seen::Unchanged, Seen::Read(1)] {
        assert_eq!(after(RATES, &feed, seen, Some(2 * HOUR)), Some(2 * HOUR), "{seen:?}");
        assert_eq!(after(RATES, &feed, seen, Some(9 * DAY)), Some(DAY), "{seen:?}");
        let least = after(RATES, &feed, seen, None);
        assert_eq!(after(RATES, &feed, seen, Some(Duration::from_secs(1))), least, "it is raised only");
    }
    assert_eq!(after(RATES, &exact, Seen::Failed, Some(2 * HOUR)), Some(2 * HOUR));
    assert_eq!(after(RATES, &exact, Seen::Unchanged, Some(2 * HOUR)), Some(MINUTE));
}

#[test]
fn a_feed_that_is_gone_is_looked_at_once_a_day() {
    for state in FeedState::ALL {
        assert_eq!(after(RATES, &in_state(state), Seen::Gone, None), Some(DAY), "{state:?}");
    }
}

/// Evaluates consecutive polls with these numbers of new and old entries.
fn polls(mut feed: FeedFetch, found: &[(u64, u64)]) -> Vec<Missed> {
    let step = |(created, old): &(u64, u64)| {
        let missed = missed(&feed, *created, *old);
        feed.missed = missed.polls;
        if missed.resubscribe {
            feed.resubscribed_ago = Some(HOUR);
        }
        if missed.is_unreliable {
            feed.state = FeedState::Unreliable;
        }
        missed
    };
    found.iter().map(step).collect()
}

#[test]
fn three_polls_with_missed_entries_resubscribe_and_three_more_give_up() {
    for state in [FeedState::Active, FeedState::Unverified] {
        let found = polls(in_state(state), &[(2, 2), (3, 1), (1, 1), (1, 1), (1, 1), (4, 4), (1, 1)]);
        let counts: Vec<_> = found.iter().map(|missed| (missed.entries, missed.polls)).collect();
        assert_eq!(counts, [(2, 1), (1, 2), (1, 3), (1, 4), (1, 5), (4, 6), (0, 6)]);
        let resubscribed: Vec<_> = found.iter().map(|missed| missed.resubscribe).collect();
        assert_eq!(resubscribed, [false, false, true, false, false, false, false]);
        let unreliable: Vec<_> = found.iter().map(|missed| missed.is_unreliable).collect();
        assert_eq!(unreliable, [false, false, false, false, false, true, true], "it stays until a push");
    }
}

#[test]
fn a_feed_is_subscribed_again_once_a_day_at_most() {
    let third =
        |ago| missed(&FeedFetch { missed: 2, resubscribed_ago: ago, ..in_state(FeedState::Active) }, 1, 1);
    assert!(third(None).resubscribe && third(Some(DAY)).resubscribe);
    assert!(!third(Some(DAY - MINUTE)).resubscribe);
    assert_eq!(third(Some(HOUR)).polls, 3);
}

#[test]
fn only_a_poll_with_old_entries_counts() {
    let feed = FeedFetch { missed: 2, ..in_state(FeedState::Active) };
    let polls = |feed: &FeedFetch, created, old| {
        let missed = missed(feed, created, old);
        assert!(old > 0 && missed.entries > 0 || !missed.resubscribe);
        missed.polls
    };
    assert_eq!(polls(&feed, 1, 1), 3);
    assert_eq!(polls(&feed, 1, 0), 2, "a young entry may still be pushed");
    assert_eq!(polls(&feed, 0, 0), 0, "all was pushed");
    for other in [
        FeedFetch { reason: FetchReason::Push, ..feed.clone() },
        FeedFetch { is_backfilled: false, ..feed.clone() },
        FeedFetch { state: FeedState::Requested, ..feed.clone() },
        FeedFetch { state: FeedState::Polling, ..feed.clone() },
        FeedFetch { state: FeedState::Denied, ..feed.clone() },
        FeedFetch { state: FeedState::Unreliable, ..feed },
    ] {
        let missed = missed(&other, 5, 5);
        assert_eq!((missed.entries, missed.polls, missed.resubscribe), (0, 2, false), "{other:?}");
        assert_eq!(missed.is_unreliable, other.state == FeedState::Unreliable);
    }
}

#[test]
fn requests_to_hubs_are_sent_six_times() {
    let wait = |attempts| again(attempts, None, 0.0).map(|wait| wait.as_secs());
    let waits: Vec<_> = (0..7).map(wait).collect();
    assert_eq!(waits, [Some(10), Some(60), Some(300), Some(900), Some(3600), None, None]);
    assert_eq!(again(0, Some(HOUR), 1.0), Some(HOUR));
    assert_eq!(again(0, Some(9 * DAY), 1.0), Some(DAY));
    assert_eq!(again(0, Some(MINUTE / 60), -1.0), Some(Duration::from_secs(9)));
    assert_eq!(again(u32::MAX, None, 0.0), None);
}
