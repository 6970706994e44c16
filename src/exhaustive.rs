//! Checks every state of a model, for the tests of the models of this crate. It does not know any model.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Checks every state. `examples` are the states that have to be among them.
pub(crate) fn check<M>(model: M, states: usize, examples: &[&str])
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = model.checker().spawn_bfs().join();
    let discoveries = checker.discoveries();
    for (name, path) in &discoveries {
        let is_example = checker.model().property(name).expectation == Expectation::Sometimes;
        assert!(is_example, "{name}: {:#?}\n{:#?}", path.clone().into_actions(), path.last_state());
    }
    for example in examples {
        assert!(discoveries.contains_key(example), "no state where {example}");
    }
    assert_eq!(checker.unique_state_count(), states, "the number of states");
}

/// Checks that a property does not hold in a model without a fix, which the message names.
pub(crate) fn refute<M>(model: M, property: &'static str, without: impl Debug)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyOf([property].into())).spawn_bfs().join();
    assert!(checker.discovery(property).is_some(), "{property} holds without {without:?}");
}
