//! The checks of the model.

use super::*;
use crate::exhaustive::{check, refute};

const CHANNELS_ALONE: Paging = Paging {
    patterns: &["/a", "/b"],
    is_subscribed: true,
    by_channel: false,
    publications: 3,
    trims: 1,
    changes: 2,
    moves: 0,
    kills: 0,
    without: None,
};
const OVERLAPPING: Paging = Paging { patterns: &["/*", "/a"], trims: 0, publications: 4, ..CHANNELS_ALONE };
const PATTERN: Paging = Paging { patterns: &["/*"], trims: 2, changes: 0, publications: 5, ..CHANNELS_ALONE };
const MOVING: Paging =
    Paging { patterns: &["/*", "/a"], trims: 0, changes: 0, moves: 2, publications: 5, ..CHANNELS_ALONE };
const DYING: Paging = Paging { moves: 0, kills: 1, publications: 4, ..MOVING };

const ONCE: &str = "each message once, in order, or a notice";
const ALL: &str = "everything arrives and delivery is live again";
const NOTICE: &str = "a notice in a mailbox";
const FULL: &str = "a full mailbox becomes a replay";
const TWO: &str = "two replays";

#[test]
fn single_channels_with_trimmed_histories() {
    check(CHANNELS_ALONE, 463_186, &[NOTICE, FULL, TWO]);
}

#[test]
fn overlapping_subscriptions() {
    check(OVERLAPPING, 570_117, &[FULL, TWO]);
}

#[test]
fn overlapping_subscriptions_channel_by_channel() {
    check(Paging { by_channel: true, publications: 3, ..OVERLAPPING }, 79_160, &[FULL, TWO]);
}

#[test]
fn a_pattern_with_trimmed_histories() {
    check(PATTERN, 47_717, &[NOTICE, FULL]);
}

#[test]
fn a_pattern_with_trimmed_histories_channel_by_channel() {
    check(Paging { by_channel: true, ..PATTERN }, 44_381, &[NOTICE, FULL]);
}

#[test]
fn sessions_that_move() {
    check(MOVING, 259_931, &[FULL, TWO]);
}

#[test]
fn sessions_whose_instance_dies() {
    check(DYING, 129_330, &[FULL]);
}

#[test]
fn each_fix_is_needed() {
    for (without, model, property) in [
        (Without::LeftToReplay, PATTERN, ONCE),
        (Without::Until, PATTERN, ALL),
        (Without::AppliedWithPage, CHANNELS_ALONE, ALL),
        (Without::DroppedPage, CHANNELS_ALONE, ONCE),
        (Without::ToldGap, PATTERN, ALL),
        (Without::MovedUntil, MOVING, ALL),
        (Without::Delivered, MOVING, ONCE),
        (Without::First, OVERLAPPING, ALL),
        (Without::GoesOn, OVERLAPPING, ALL),
        (Without::OneReplay, OVERLAPPING, ONCE),
        (Without::OfPage, OVERLAPPING, ONCE),
        (Without::Others, OVERLAPPING, ALL),
        (Without::Narrowed, OVERLAPPING, ONCE),
    ] {
        refute(Paging { without: Some(without), ..model }, property, without);
    }
}
