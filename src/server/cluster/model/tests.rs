//! The properties of the model, its bounds, and the fixes that each hold a property.

use stateright::Property;
use tokio::time::Instant;

use super::{HandOff, Outcome, State, Without};
use crate::exhaustive::{check, refute};
use crate::router::Life;

const LOST: &str = "G1 nothing is lost";
const BURIED: &str = "G1 a session ends at all instances or at none";
const TWICE: &str = "G4 everything is written once";
const SERVED: &str = "G4 one instance serves the session";

const MOVED: &str = "the session is at the other instance";
const RETURNED: &str = "the session has come back";
const ADOPTED: &str = "the session is adopted from a dead instance";
const KEPT: &str = "the owner has kept the session";
const FENCED: &str = "a session that was adopted is fenced";
const TOLD: &str = "the owner tells a new subscription";

pub(super) fn properties() -> Vec<Property<HandOff>> {
    vec![
        Property::always(LOST, |_, state: &State| {
            let since = state.client.subscribed_at.unwrap_or(state.published);
            !HandOff::is_settled(state)
                || (since + 1..=state.published).all(|offset| state.client.written.contains(&offset))
        }),
        Property::always(BURIED, |_, state: &State| state.client.outcome != Some(Outcome::Buried)),
        Property::always("G2 everything is written in order", |_, state: &State| {
            state.is_adopted || state.client.written.is_sorted()
        }),
        Property::always(TWICE, |_, state: &State| {
            let written = &state.client.written;
            state.is_adopted || (1..written.len()).all(|end| !written[..end].contains(&written[end]))
        }),
        Property::always(SERVED, |_, state: &State| {
            state.nodes.iter().filter(|node| node.is_serving() && !node.is_in_doubt()).count() <= 1
        }),
        Property::sometimes(MOVED, |model: &HandOff, state: &State| {
            let has_all = state.client.written.len() as u64 == model.publications;
            HandOff::is_settled(state) && !state.is_adopted && state.client.at == 1 && has_all
        }),
        Property::sometimes(RETURNED, |_, state: &State| {
            let epoch = state.redis.record.map(|record| record.epoch);
            HandOff::is_settled(state) && !state.is_adopted && state.client.at == 0 && epoch >= Some(3)
        }),
        Property::sometimes(ADOPTED, |model: &HandOff, state: &State| {
            let has_all = state.client.written.len() as u64 == model.publications;
            HandOff::is_settled(state) && state.is_adopted && !state.nodes[0].is_alive && has_all
        }),
        Property::sometimes(KEPT, |_, state: &State| {
            // The other instance still has its export.
            let has_state = state.nodes[1].import.as_ref().is_some_and(|import| import.is_claiming);
            let is_kept =
                |session: &super::Session| session.life == Life::new(true) && session.owned.epoch > 1;
            has_state && state.nodes[0].session.as_ref().is_some_and(is_kept)
        }),
        Property::sometimes(FENCED, |_, state: &State| {
            state.is_adopted && state.nodes[0].is_alive && state.nodes[0].session.is_none()
        }),
        Property::sometimes(TOLD, |_, state: &State| {
            HandOff::is_settled(state) && state.nodes[1].subscribed && state.client.at == 1
        }),
    ]
}

fn model(publications: u64, connects: u8, faults: u8) -> HandOff {
    HandOff {
        faults,
        connects,
        publications,
        epochs: 3,
        subscribes: false,
        without: None,
        now: Instant::now(),
    }
}

/// Checks that a property does not hold without a fix.
fn check_without(without: Without, model: HandOff, property: &'static str) {
    refute(HandOff { without: Some(without), ..model }, property, without);
}

#[test]
fn a_session_moves_and_comes_back_with_its_messages() {
    check(model(2, 2, 0), 13_835, &[MOVED, RETURNED, KEPT]);
}

#[test]
fn lost_leases_and_dead_instances_keep_the_guarantees() {
    check(model(1, 2, 1), 26_273, &[MOVED, ADOPTED, KEPT, FENCED]);
    check(model(1, 1, 2), 31_772, &[MOVED, ADOPTED, KEPT, FENCED]);
}

#[test]
fn a_subscription_during_a_move_keeps_the_guarantees() {
    check(HandOff { subscribes: true, ..model(1, 1, 1) }, 51_948, &[MOVED, TOLD]);
}

#[test]
fn every_fix_holds_a_guarantee() {
    check_without(Without::Freeze, model(1, 1, 0), TWICE);
    check_without(Without::RaisedEpoch, model(1, 2, 0), TWICE);
    check_without(Without::RaisedEpochInDoubt, model(0, 1, 1), SERVED);
    check_without(Without::RaisedAgain, model(0, 1, 2), SERVED);
    let subscribes = |faults| HandOff { subscribes: true, ..model(1, 1, faults) };
    check_without(Without::KeptSubscription, subscribes(1), LOST);
    check_without(Without::ReadAgain, subscribes(1), LOST);
    check_without(Without::Subscribed, HandOff { subscribes: true, ..model(0, 1, 0) }, BURIED);
    check_without(Without::Doubt, model(0, 1, 1), SERVED);
    check_without(Without::Fence, model(0, 1, 1), SERVED);
    check_without(Without::ExportWaits, model(1, 1, 0), LOST);
    check_without(Without::ImportWaits, model(1, 1, 0), TWICE);
}
