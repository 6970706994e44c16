//! The steps of the model and the faults of its environment.

use super::node::{Found, Late, Node, Received, RedisState};
use super::scripts::{Frame, Sent};
use super::{Action, Fate, Message, Part, Partition, Session, Spec, State, Without};

impl Partition {
    /// The actions that need no fault.
    pub(super) fn steps(&self, state: &State, actions: &mut Vec<Action>) {
        if state.faults == 0 && !self.moves {
            // After the last fault, what an instance receives next does not depend on the other steps.
            let next =
                |node: &Node| node.is_joined && !node.frames.is_empty() && node.consumer.gap().is_none();
            if let Some(n) = state.nodes.iter().position(next) {
                actions.push(Action::Receive(n));
                return;
            }
        }
        let is_published = |message: usize| state.fates.of[message] != Fate::Unpublished;
        for (message, spec) in self.specs.iter().enumerate().filter(|(message, _)| !is_published(*message)) {
            let mut earlier = self.specs[..message].iter().enumerate();
            if earlier.all(|(other, its)| its.publisher != spec.publisher || is_published(other)) {
                actions.push(Action::Publish(u8::try_from(message).unwrap()));
            }
        }
        let is_quiet = state.nodes.iter().all(|node| node.frames.is_empty());
        for (n, node) in state.nodes.iter().enumerate() {
            if !node.batch.is_empty() || !node.items.is_empty() {
                actions.push(Action::Send(n));
            } else if node.redis == RedisState::Down {
                actions.push(Action::TryAgain(n));
            }
            if !node.frames.is_empty() {
                actions.push(Action::Receive(n));
            }
            if !node.is_joined {
                actions.push(Action::Join(n));
            } else if is_quiet && !self.is_current(state) && self.without != Some(Without::Probes) {
                actions.push(Action::Probe(n));
            }
            if node.found.is_some() {
                actions.push(Action::Recover(n));
            } else if node.consumer.gap().is_some() {
                actions.push(Action::Fill(n));
            }
            if node.late.is_some() {
                actions.push(Action::Execute(n));
            }
        }
        if self.moves {
            self.moves(state, actions);
        }
    }

    /// The steps of the hand-off that are possible.
    fn moves(&self, state: &State, actions: &mut Vec<Action>) {
        let alone = |n: usize| self.delivered_alone(state, n);
        let offset = |n: usize| state.nodes[n].consumer.offset().unwrap_or(0);
        match &state.session {
            Session::Here if alone(1).is_some() => actions.push(Action::Prepare),
            Session::Prepared { received, .. } => {
                if alone(0).is_some() && offset(0) >= *received {
                    actions.push(Action::Pack);
                }
                actions.push(Action::Abort);
            }
            Session::Packed { alone: before, offset: packed, .. } => {
                if alone(1) == Some(*before) && offset(1) >= *packed {
                    actions.push(Action::Take);
                }
                actions.push(Action::Abort);
            }
            Session::Here | Session::Moved { .. } => {}
        }
    }

    /// The faults that are possible.
    pub(super) fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        let may = |part| self.environment.contains(&part);
        for (n, node) in state.nodes.iter().enumerate() {
            if may(Part::Redis) && !(node.batch.is_empty() && node.items.is_empty()) {
                actions.push(Action::Timeout { node: n, is_over: false });
                if node.redis == RedisState::Failing {
                    actions.push(Action::Timeout { node: n, is_over: true });
                }
                actions.push(Action::Refuse(n));
            }
            if may(Part::PubSub) && node.is_joined {
                actions.push(Action::Cut(n));
                if !node.frames.is_empty() {
                    actions.push(Action::Lose(n));
                }
            }
            if may(Part::History) && node.consumer.gap().is_some() {
                actions.push(Action::Abandon(n));
            }
        }
        if may(Part::History) && !state.redis.keys.history.is_empty() {
            actions.push(Action::Expire);
        }
        if may(Part::Master) && !Self::has_failed_over(state) {
            for has_last_batch in [true, false] {
                actions.push(Action::FailOver { has_last_batch });
            }
        }
    }

    fn delivered_alone(&self, state: &State, node: usize) -> Option<u64> {
        if self.without == Some(Without::WaitForAlone) {
            return Some(0);
        }
        state.nodes[node].consumer.clone().delivered_alone()
    }

    /// Redis executes a batch of an instance.
    fn execute(&self, state: &mut State, n: usize, late: &Late) -> Sent {
        let has_history = |message: Message| self.specs[usize::from(message)].has_history;
        let Late { known, counter, messages } = late;
        let (sent, frame) = state.redis.publish(*known, n, *counter, messages, has_history, self.without);
        if let Some(frame) = frame {
            publish(state, &frame);
        }
        sent
    }

    pub(super) fn step(&self, state: &mut State, action: Action) -> Option<()> {
        let without = self.without;
        match action {
            Action::Publish(message) => {
                let Spec { publisher, is_local, .. } = self.specs[usize::from(message)];
                state.nodes[publisher].publish(message, is_local, &mut state.fates);
            }
            Action::Send(n) => {
                state.nodes[n].next_batch();
                let batch = state.nodes[n].request();
                let sent = self.execute(state, n, &batch);
                state.nodes[n].accept(sent, &self.specs, &mut state.fates);
            }
            Action::Execute(n) => {
                let late = state.nodes[n].late.take()?;
                self.execute(state, n, &late);
            }
            Action::TryAgain(n) => {
                let frame = state.redis.state(state.nodes[n].known(), without);
                publish(state, &frame);
                state.nodes[n].redis = RedisState::Up;
            }
            Action::Receive(n) => {
                let frame = state.nodes[n].frames.remove(0);
                state.nodes[n].receive(frame, without);
            }
            Action::Join(n) => {
                let offset = state.nodes[n].consumer.offset().unwrap_or(0);
                let frame = state.redis.state(offset, without);
                state.nodes[n].is_joined = true;
                state.nodes[n].frames = vec![frame];
            }
            Action::Probe(n) => {
                let offset = state.nodes[n].consumer.offset().unwrap_or(0);
                let frame = state.redis.state(offset, without);
                publish(state, &frame);
            }
            Action::Fill(n) => {
                let (since, until) = state.nodes[n].consumer.gap()?;
                let (epoch, deliveries) = state.redis.fill(since);
                state.nodes[n].found = Some(Found { until, epoch, deliveries });
            }
            Action::Recover(n) => {
                let found = state.nodes[n].found.take()?;
                let gap = state.nodes[n].consumer.gap();
                let grown = gap.filter(|_| without == Some(Without::GrownGaps)).map(|(_, until)| until);
                state.nodes[n].recover(grown.unwrap_or(found.until), Some(found));
            }
            Action::Prepare => {
                let (since, offset) = (state.nodes[1].received.len(), state.nodes[1].consumer.offset());
                let alone = self.delivered_alone(state, 1)?;
                state.session = Session::Prepared { since, received: offset.unwrap_or(0), alone };
            }
            Action::Pack => {
                let Session::Prepared { since, alone, .. } = state.session else { return None };
                let (queued, offset) = (state.nodes[0].received.clone(), state.nodes[0].consumer.offset());
                state.session = Session::Packed { since, alone, queued, offset: offset.unwrap_or(0) };
            }
            Action::Take => self.take(state)?,
            Action::Abort => state.session = Session::Here,
            fault => self.fail(state, fault)?,
        }
        Some(())
    }

    /// The second instance takes over the session: `Server::commit` in `handoff/import.rs`.
    fn take(&self, state: &mut State) -> Option<()> {
        let Session::Packed { since, queued, offset, .. } = &state.session else { return None };
        let received = &state.nodes[1].received;
        let is_new = |received: &&Received| received.offset.is_none_or(|position| position > *offset);
        let queued = queued.iter().chain(received[*since..].iter().filter(is_new)).copied().collect();
        state.session = Session::Moved { since: received.len(), queued };
        Some(())
    }

    /// A fault of the environment.
    fn fail(&self, state: &mut State, fault: Action) -> Option<()> {
        state.faults -= 1;
        let State { nodes, fates, redis, .. } = &mut *state;
        match fault {
            Action::Timeout { node, is_over } => {
                nodes[node].next_batch();
                nodes[node].late = Some(nodes[node].request());
                nodes[node].fail(is_over, &self.specs, fates, self.without);
            }
            Action::Refuse(n) => {
                nodes[n].next_batch();
                nodes[n].fail(true, &self.specs, fates, self.without);
            }
            Action::Cut(n) => nodes[n].is_joined = false,
            Action::Lose(n) => _ = nodes[n].frames.remove(0),
            Action::Abandon(n) => {
                let (_, until) = nodes[n].consumer.gap()?;
                nodes[n].recover(until, None);
                state.is_history_whole = false;
            }
            Action::Expire => {
                redis.keys.history.remove(0);
                state.is_history_whole = false;
            }
            Action::FailOver { has_last_batch } => {
                let before = redis.keys.appended.clone();
                redis.fail_over(has_last_batch)?;
                for message in before.into_iter().filter(|message| !redis.keys.appended.contains(message)) {
                    fates.is_rolled_back[usize::from(message)] = true;
                }
                for node in nodes {
                    node.is_joined = false;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// Publishes in the Pub/Sub channel of the partition.
fn publish(state: &mut State, frame: &Frame) {
    for node in state.nodes.iter_mut().filter(|node| node.is_joined) {
        node.frames.push(frame.clone());
    }
}
