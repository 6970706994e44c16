//! The properties of the model, its bounds, and the fixes that each hold a property.

use stateright::Property;

use super::{Fate, Message, Part, Partition, Received, Session, Spec, State, Without};
use crate::exhaustive::{check, refute};

/// Whether two messages of a list are in this order; `None` if the list does not have both.
fn is_before(list: &[Received], first: Message, second: Message) -> Option<bool> {
    let place = |message| list.iter().position(|received| received.message == message);
    place(first).zip(place(second)).map(|(first, second)| first < second)
}

/// The pairs of messages of one channel, in the order of their numbers.
fn pairs(model: &Partition) -> impl Iterator<Item = (Message, Message)> {
    let specs = (0..).zip(&model.specs);
    specs.clone().flat_map(move |(second, its)| {
        let earlier = specs.clone().take_while(move |(first, _)| *first < second);
        earlier.filter(|(_, spec)| spec.channel == its.channel).map(move |(first, _)| (first, second))
    })
}

fn nothing_is_lost(model: &Partition, state: &State) -> bool {
    let missed = |list: usize| match (list, &state.nodes) {
        (2, [here, there]) => (here.missed + there.missed, here.epoch_resets + there.epoch_resets),
        (node, nodes) => (nodes[node].missed, nodes[node].epoch_resets),
    };
    !model.is_settled(state)
        || Partition::received(state).iter().enumerate().all(|(place, list)| {
            let (missed, resets) = missed(place);
            let lost = Partition::missing(state, list);
            // A failover loses what the replica does not have.
            lost.len() as u64 <= missed || Partition::has_failed_over(state) && resets > 0
        })
}

fn misses_are_counted_once(_: &Partition, state: &State) -> bool {
    Partition::has_failed_over(state)
        || state.nodes.iter().all(|node| {
            let arrived = node.received.iter().filter(|received| received.offset.is_some()).count();
            node.missed + arrived as u64 <= state.redis.keys.appended.len() as u64
        })
}

fn everything_is_received_once(_: &Partition, state: &State) -> bool {
    // A session that moves during a failover may receive again what the new master does not have.
    let lists =
        Partition::received(state).into_iter().take(if Partition::has_failed_over(state) { 2 } else { 3 });
    lists.into_iter().all(|list| {
        list.iter()
            .enumerate()
            .all(|(place, received)| list[..place].iter().all(|earlier| earlier.message != received.message))
    })
}

fn publishers_are_in_order(model: &Partition, state: &State) -> bool {
    let publisher = |message: Message| model.specs[usize::from(message)].publisher;
    Partition::received(state).iter().all(|list| {
        pairs(model)
            .filter(|(first, second)| publisher(*first) == publisher(*second))
            .all(|(first, second)| is_before(list, first, second) != Some(false))
    })
}

fn subscribers_agree(model: &Partition, state: &State) -> bool {
    let lists = Partition::received(state);
    let has_offset = |message: Message| {
        !state.fates.is_alone[usize::from(message)] && !state.fates.is_rolled_back[usize::from(message)]
    };
    pairs(model).filter(|(first, second)| has_offset(*first) && has_offset(*second)).all(|(first, second)| {
        let mut orders = lists.iter().filter_map(|list| is_before(list, first, second));
        orders.next().is_none_or(|order| orders.all(|other| other == order))
    })
}

fn history_is_recovered(model: &Partition, state: &State) -> bool {
    let history = &state.redis.keys.history;
    let is_once = (1..history.len())
        .all(|place| history[..place].iter().all(|earlier| earlier.message != history[place].message));
    let has_all = |list: &Vec<Received>| {
        history.iter().all(|kept| list.iter().any(|received| received.message == kept.message))
    };
    is_once
        && (!state.is_history_whole
            || !model.is_settled(state)
            || Partition::received(state).iter().all(has_all))
}

fn never_stuck(model: &Partition, state: &State) -> bool {
    let mut steps = Vec::new();
    model.steps(state, &mut steps);
    // A late batch may never be executed.
    let steps = steps.iter().any(|step| !matches!(step, super::Action::Execute(_)));
    steps || model.is_settled(state)
}

fn may_move(model: &Partition, state: &State) -> bool {
    !model.is_settled(state)
        || state.nodes.iter().all(|node| node.consumer.clone().delivered_alone().is_some())
}

pub(super) fn properties() -> Vec<Property<Partition>> {
    vec![
        Property::always("G1 nothing is lost in silence", nothing_is_lost),
        Property::always("G1 misses are counted once", misses_are_counted_once),
        Property::always("G2 publishers are in order", publishers_are_in_order),
        Property::always("G3 subscribers agree", subscribers_agree),
        Property::always("G4 everything is received once", everything_is_received_once),
        Property::always("G4 a session may move in the end", may_move),
        Property::always("G5 what a history has is recovered", history_is_recovered),
        Property::always("nothing waits for ever", never_stuck),
        Property::sometimes("all is received", |model, state: &State| {
            let has_all = |list: &Vec<Received>| list.len() == model.specs.len();
            model.is_settled(state) && Partition::received(state).iter().all(has_all)
        }),
        Property::sometimes(ALONE, |model, state: &State| {
            model.is_settled(state) && state.fates.is_alone.iter().all(|is_alone| *is_alone)
        }),
        Property::sometimes(REFUSED, |_, state: &State| state.fates.of.contains(&Fate::Refused)),
        Property::sometimes(MISSED, |model, state: &State| {
            model.is_settled(state) && state.nodes.iter().any(|node| node.missed > 0)
        }),
        Property::sometimes(RECOVERED, |_, state: &State| {
            let found = state.nodes.iter().filter_map(|node| node.found.as_ref());
            found.clone().any(|found| !found.deliveries.is_empty())
        }),
        Property::sometimes(GROWN, |_, state: &State| {
            state.nodes.iter().any(|node| {
                let gap = node.consumer.gap().map(|(_, until)| until);
                gap.zip(node.found.as_ref()).is_some_and(|(until, found)| found.until < until)
            })
        }),
        Property::sometimes(RESET, |model, state: &State| {
            model.is_settled(state) && state.nodes.iter().all(|node| node.epoch_resets > 0)
        }),
        Property::sometimes(TWICE, |_, state: &State| {
            let appended = &state.redis.keys.appended;
            (0..).zip(&state.fates.is_rolled_back).any(|(message, is)| *is && appended.contains(&message))
        }),
        Property::sometimes(MOVED, |model, state: &State| {
            let is_moved =
                |session: &Session| matches!(session, Session::Moved { queued, .. } if !queued.is_empty());
            model.is_settled(state) && is_moved(&state.session)
        }),
    ]
}

const ALONE: &str = "every message was accepted alone";
const REFUSED: &str = "a message is refused";
const MISSED: &str = "an instance misses a message";
const RECOVERED: &str = "a gap is recovered";
const GROWN: &str = "a gap grows during its recovery";
const RESET: &str = "an epoch begins";
const TWICE: &str = "two masters append a message";
const MOVED: &str = "a session moves with its messages";

const LOCAL: Spec = Spec { publisher: 0, channel: 0, is_local: true, has_history: false };
const KEPT: Spec = Spec { is_local: false, has_history: true, ..LOCAL };
const PLAIN: Spec = Spec { is_local: false, ..LOCAL };

/// The same with a publisher at the other instance.
const fn other(spec: Spec) -> Spec {
    Spec { publisher: 1, ..spec }
}

fn model(specs: &[Spec], environment: &'static [Part], faults: u8) -> Partition {
    Partition { specs: specs.to_vec(), environment, faults, moves: false, without: None }
}

/// Checks that a property does not hold without a fix.
fn check_without(without: Without, model: Partition, property: &'static str) {
    refute(Partition { without: Some(without), ..model }, property, without);
}

#[test]
fn lost_late_and_refused_batches_keep_the_guarantees() {
    check(model(&[LOCAL, LOCAL, other(LOCAL)], &[Part::Redis], 2), 6_373, &[ALONE]);
    check(model(&[PLAIN, Spec { channel: 1, ..LOCAL }, other(PLAIN)], &[Part::Redis], 2), 4_402, &[REFUSED]);
}

#[test]
fn lost_pub_sub_messages_keep_the_guarantees() {
    let environment = &[Part::PubSub, Part::History];
    check(model(&[KEPT, PLAIN, other(KEPT)], environment, 2), 38_728, &[RECOVERED, GROWN, MISSED]);
    check(model(&[LOCAL, other(LOCAL)], &[Part::Redis, Part::PubSub], 2), 8_542, &[ALONE, MISSED]);
}

#[test]
fn a_failover_keeps_the_guarantees() {
    check(model(&[KEPT, other(KEPT)], &[Part::Master], 1), 13_174, &[RECOVERED, RESET]);
    check(model(&[LOCAL, LOCAL], &[Part::Redis, Part::Master], 2), 71_677, &[ALONE, RESET, TWICE]);
}

#[test]
fn a_new_master_whose_clock_is_behind_keeps_the_guarantees() {
    let failover = model(&[PLAIN, PLAIN, other(PLAIN)], &[Part::Master], 1);
    check(Partition { without: Some(Without::OffsetsAboveTime), ..failover }, 96_198, &[RESET]);
}

#[test]
fn a_session_that_moves_keeps_the_guarantees() {
    for (environment, states) in [(&[Part::Redis], 7_697), (&[Part::PubSub], 36_992)] {
        let model = model(&[LOCAL, other(LOCAL)], environment, 2);
        check(Partition { moves: true, ..model }, states, &[MOVED]);
    }
}

#[test]
fn every_fix_holds_a_guarantee() {
    let (lost, once) = ("G1 nothing is lost in silence", "G4 everything is received once");
    let recovered = "G5 what a history has is recovered";
    check_without(Without::CountersInRedis, model(&[KEPT], &[Part::Redis], 1), recovered);
    let failover = model(&[KEPT], &[Part::Redis, Part::Master], 2);
    check_without(Without::CountersInConsumer, failover, once);
    check_without(Without::EpochOfMaster, model(&[PLAIN, other(PLAIN)], &[Part::Master], 1), lost);
    let outage = model(&[LOCAL, LOCAL], &[Part::Redis], 1);
    check_without(Without::Unechoed, outage, "G2 publishers are in order");
    check_without(Without::GrownGaps, model(&[KEPT, KEPT, KEPT], &[Part::PubSub], 2), recovered);
    check_without(Without::Probes, model(&[PLAIN], &[Part::PubSub], 1), "nothing waits for ever");
    let moves = |spec: Spec| Partition { moves: true, ..model(&[spec], &[Part::Redis], 1) };
    check_without(Without::WaitForAlone, moves(other(LOCAL)), lost);
    check_without(Without::WaitForAlone, moves(LOCAL), once);
}
