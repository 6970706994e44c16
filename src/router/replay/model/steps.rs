//! The steps of the model.

use super::super::{Applied, Replay};
use super::{
    Action, Begin, CHANNELS, From, Item, Options, PageStart, Paging, Pattern, Positions, ROOM, Replays,
    Session, State, StreamPosition, Without, covers, partition,
};

impl Paging {
    pub(super) fn steps(&self, state: &State, actions: &mut Vec<Action>) {
        let end = state.published.len() as u64;
        if state.published.len() < self.publications {
            actions.extend((0..CHANNELS.len()).map(Action::Publish));
        }
        let is_needed =
            |node: &usize| *node == state.at || state.moves + state.kills > 0 || state.import.is_some();
        let nodes = (0..2).filter(|node| state.received[*node] < end && is_needed(node));
        actions.extend(nodes.map(Action::Receive));
        if state.trims > 0 {
            actions.extend((0..CHANNELS.len()).map(Action::Trim));
        }
        if state.changes > 0 {
            for pattern in 0..self.patterns.len() {
                actions.extend([From::New, From::All].map(|from| Action::Subscribe(pattern, from)));
                // A position is for a single channel.
                if CHANNELS.contains(&self.patterns[pattern]) {
                    actions.push(Action::Subscribe(pattern, From::Position));
                }
                actions.push(Action::Unsubscribe(pattern));
            }
        }
        if !state.session.announced.is_empty() {
            actions.extend([Action::Begin, Action::Abandon]);
        }
        actions.extend([Action::ReadPage, Action::PushPage, Action::Write]);
        if state.kills > 0 {
            actions.extend([Action::WriteRecord, Action::Adopt]);
        }
        if state.moves > 0 {
            actions.extend([Action::Acquire, Action::Move]);
        }
    }

    pub(super) fn step(&self, state: &mut State, action: Action) {
        match action {
            Action::Publish(channel) => state.published.push(channel),
            Action::Receive(node) => self.receive(state, node),
            Action::Trim(channel) => {
                if let Some(next) = next_kept(state, channel) {
                    (state.trimmed[channel], state.trims) = (next, state.trims - 1);
                    if next_kept(state, channel).is_none() {
                        state.forgotten = state.forgotten.max(next);
                    }
                }
            }
            Action::Subscribe(pattern, from) => self.subscribe(state, pattern, from),
            Action::Begin => self.begin(state),
            Action::Abandon => {
                let (_, serial, _) = state.session.announced.remove(0);
                if self.without == Some(Without::First) {
                    forget_first(&mut state.session.replays);
                }
                state.session.replays.abandon(serial);
            }
            Action::Unsubscribe(pattern) => self.unsubscribe(state, pattern),
            Action::ReadPage => self.read_page(state),
            Action::PushPage => self.push_page(state),
            Action::Write => {
                if !state.session.mailbox.is_empty() {
                    let item = state.session.mailbox.remove(0);
                    state.fault = state.fault.or(state.client.receive(item, &state.published));
                }
            }
            Action::WriteRecord => state.record = position(state),
            Action::Acquire => {
                if state.import.is_none() {
                    let subscribed = state.session.subscribed.clone();
                    state.import = Some(Session { subscribed, ..Session::default() });
                }
            }
            Action::Move => self.import(state),
            Action::Adopt => self.adopt(state),
        }
    }

    /// An instance receives a publication, for the session or for one that it imports.
    fn receive(&self, state: &mut State, node: usize) {
        state.received[node] += 1;
        let offset = state.received[node];
        let channel = state.published[offset as usize - 1];
        let session = if node == state.at { Some(&mut state.session) } else { state.import.as_mut() };
        if let Some(session) = session.filter(|session| self.is_covered(session, channel)) {
            self.deliver(session, channel, offset);
        }
    }

    /// `Session::push` and `State::defer`.
    fn deliver(&self, session: &mut Session, channel: usize, offset: u64) {
        let (name, replays) = (CHANNELS[channel], &mut session.replays);
        let before = replays.clone();
        let is_left = match self.without {
            Some(Without::LeftToReplay) => false,
            Some(Without::OneReplay) => defer_to_all(replays, channel, offset),
            _ => replays.defer(name, partition(), offset),
        };
        if is_left {
            if self.without == Some(Without::Until) {
                *replays = before;
            }
        } else if session.mailbox.len() < ROOM {
            session.mailbox.push(Item::Message(offset));
        } else {
            replays.overflow(name, partition(), offset, 1);
        }
    }

    fn subscribe(&self, state: &mut State, pattern: usize, from: From) {
        let received = state.received[state.at];
        let is_subscribed = state.session.subscribed.contains(&pattern);
        let is_announced = state.session.announced.iter().any(|(known, ..)| *known == pattern);
        if from == From::New && is_subscribed || is_announced {
            return;
        }
        state.changes -= 1;
        let name = self.patterns[pattern];
        let new = |channel: &usize| covers(name, *channel) && !self.is_covered(&state.session, *channel);
        for channel in (0..CHANNELS.len()).filter(new) {
            match from {
                From::New => state.client.expect_after(channel, received),
                // Until the reply.
                From::All | From::Position => state.client.excuse(channel, received),
            }
        }
        let session = &mut state.session;
        if from != From::New {
            if self.without == Some(Without::GoesOn) {
                session.replays.list.retain(|replay| !replay.is_of(name));
            }
            let serial = session.replays.announce(name, std::iter::once(partition()));
            let channel = CHANNELS.iter().position(|channel| *channel == name);
            let after = channel.filter(|_| from == From::Position);
            session.announced.push((pattern, serial, after.map(|channel| state.client.position(channel))));
        }
        if !is_subscribed {
            session.subscribed.push(pattern);
        }
    }

    /// `Server::begin_replay`: judges the position by the first page.
    fn begin(&self, state: &mut State) {
        let (pattern, _, after) = state.session.announced.remove(0);
        let (name, seam) = (self.patterns[pattern], state.received[state.at]);
        let first = self.page(state, name, &PageStart::after(after.unwrap_or(0)), seam, true);
        let after = after.filter(|_| first.seen.is_complete);
        for channel in (0..CHANNELS.len()).filter(|channel| covers(name, *channel)) {
            state.client.repeat(channel, seam);
            if state.session.subscribed.contains(&pattern) {
                let trimmed = after.is_none().then_some(state.trimmed[channel]);
                state.client.begin(channel, trimmed);
            }
        }
        let (position, is_told) = (after.unwrap_or(0), after.is_none());
        let begin = Begin { partition: partition(), after: position, seam, epoch: 1, is_told };
        let kept = self.page(state, name, &PageStart::after(0), seam, true).offsets.first().copied();
        let begin =
            if is_told && CHANNELS.contains(&name) { begin.of_kept(kept, state.forgotten) } else { begin };
        state.session.replays.begin(name, &[begin], Options::default());
    }

    fn unsubscribe(&self, state: &mut State, pattern: usize) {
        let session = &mut state.session;
        if !session.subscribed.contains(&pattern) {
            return;
        }
        state.changes -= 1;
        session.subscribed.retain(|subscribed| *subscribed != pattern);
        let others = session.subscribed.iter().map(|other| self.patterns[*other]);
        let name = self.patterns[pattern];
        if let Some(Without::Others | Without::Narrowed) = self.without {
            let is_covered = |replay: &Replay| {
                Pattern::parse(name).is_some_and(|name| name.covers(replay.pattern.pattern()))
            };
            session.replays.list.retain(|replay| match self.without {
                Some(Without::Others) => !is_covered(replay),
                _ => !replay.is_of(name),
            });
        } else {
            session.replays.cancel(name, others);
        }
    }

    /// `Session::poll_page`, and a page from the broker.
    fn read_page(&self, state: &mut State) {
        if state.session.page.is_some() || !state.session.mailbox.is_empty() {
            return;
        }
        if let Some(job) = state.session.replays.next_job() {
            let page = self.page(state, &job.pattern, &job.start, job.until, job.is_first);
            if self.without == Some(Without::AppliedWithPage) {
                state.session.replays.apply(&job, page.seen, page.next.as_ref());
            }
            state.session.page = Some((job, page));
        }
    }

    /// `Session::push_page`.
    fn push_page(&self, state: &mut State) {
        let Some((job, page)) = state.session.page.take() else { return };
        if !state.session.mailbox.is_empty() {
            return;
        }
        let replays = &mut state.session.replays;
        let is_of_page = |offset: &u64| {
            let name = CHANNELS[state.published[*offset as usize - 1]];
            self.without == Some(Without::OfPage) || replays.is_of_page(&job, name, *offset)
        };
        let offsets: Vec<u64> = page.offsets.iter().copied().filter(is_of_page).collect();
        let applied = match (replays.apply(&job, page.seen, page.next.as_ref()), self.without) {
            (None, Some(Without::DroppedPage | Without::AppliedWithPage)) => Applied::Page,
            (None, _) => return,
            (Some(applied), _) => applied,
        };
        if applied == Applied::Gap && self.without != Some(Without::ToldGap) {
            let channels = [0, 1].map(|channel| covers(&job.pattern, channel));
            state.session.mailbox.push(Item::Gap(channels));
        }
        for offset in offsets {
            if !self.is_covered(&state.session, state.published[offset as usize - 1]) {
                state.fault = Some("a message of an ended subscription");
            }
            state.session.mailbox.push(Item::Message(offset));
        }
    }

    /// The export and the import of the session, once both instances have received the same.
    fn import(&self, state: &mut State) {
        let (at, other) = (state.at, 1 - state.at);
        if state.received[at] != state.received[other] || !state.session.announced.is_empty() {
            return;
        }
        let Some(mut import) = state.import.take() else { return };
        let owner = std::mem::take(&mut state.session);
        state.moves -= 1;
        state.at = other;
        let mut states = owner.replays.export();
        if self.without == Some(Without::MovedUntil) {
            for part in states.iter_mut().flat_map(|state| &mut state.parts) {
                part.until = part.pass.unwrap_or(part.start.after);
            }
        }
        let (mut positions, offset) = (Positions::default(), state.received[at]);
        if self.without != Some(Without::Delivered) {
            positions.insert(StreamPosition { partition: partition(), offset });
        }
        import.subscribed = owner.subscribed;
        import.replays.import(states, &positions);
        let replays = &mut import.replays;
        import.mailbox.retain(|item| match item {
            Item::Message(queued) => {
                let name = CHANNELS[state.published[*queued as usize - 1]];
                *queued > offset && !replays.defer(name, partition(), *queued)
            }
            Item::Gap(_) => true,
        });
        import.mailbox.splice(0..0, owner.mailbox);
        state.session = import;
    }

    /// `Server::adopt`, with the position of the last heartbeat.
    fn adopt(&self, state: &mut State) {
        if !state.session.announced.is_empty() {
            // The client subscribes again.
            return;
        }
        state.kills -= 1;
        state.at = 1 - state.at;
        let (after, seam) = (state.record, state.received[state.at]);
        let begin = Begin { partition: partition(), after, seam, epoch: 1, is_told: false };
        let subscribed = std::mem::take(&mut state.session).subscribed;
        let names = || subscribed.iter().map(|pattern| self.patterns[*pattern]);
        let mut replays = Replays::default();
        for name in names() {
            let covers = |other: &str| {
                let both = Pattern::parse(other).zip(Pattern::parse(name));
                other != name && both.is_some_and(|(other, name)| other.covers(name))
            };
            if !names().any(covers) {
                replays.announce(name, std::iter::once(partition()));
                replays.begin(name, std::slice::from_ref(&begin), Options::default());
            }
        }
        state.session = Session { subscribed, replays, ..Session::default() };
        state.import = None;
        let end = state.published.len() as u64;
        (0..CHANNELS.len()).for_each(|channel| state.client.repeat(channel, end));
    }

    /// Whether the client gets everything and delivery is live, once nothing disturbs.
    pub(super) fn settles(&self, mut state: State) -> bool {
        state.import = None;
        loop {
            let before = state.clone();
            while !state.session.announced.is_empty() {
                self.begin(&mut state);
            }
            while state.received[state.at] < state.published.len() as u64 {
                let at = state.at;
                self.receive(&mut state, at);
            }
            for action in [Action::Write, Action::ReadPage, Action::PushPage] {
                self.step(&mut state, action);
            }
            if state == before {
                break;
            }
        }
        let has_all = state.client.has_all(&state, |channel| self.is_covered(&state.session, channel));
        state.fault.is_none() && state.session.replays.is_empty() && has_all
    }
}

/// The oldest offset of a channel that its history has.
fn next_kept(state: &State, channel: usize) -> Option<u64> {
    let after = state.trimmed[channel];
    (after + 1..=state.published.len() as u64).find(|offset| state.published[*offset as usize - 1] == channel)
}

/// `Session::progress`: everything up to this offset was written.
fn position(state: &State) -> u64 {
    let queued = state.session.mailbox.iter().filter_map(|item| match item {
        Item::Message(offset) => Some(*offset),
        Item::Gap(_) => None,
    });
    let unreached = state.session.replays.unreached().offset(partition());
    queued.chain(unreached).map(|offset| offset - 1).min().unwrap_or(state.received[state.at])
}

fn defer_to_all(replays: &mut Replays, channel: usize, offset: u64) -> bool {
    let name = Pattern::of_name(CHANNELS[channel]);
    let covering = replays.list.iter_mut().filter(|replay| replay.pattern.pattern().covers(name));
    let parts = covering.flat_map(|replay| &mut replay.parts);
    parts.map(|part| part.until = part.until.max(offset)).count() > 0
}

fn forget_first(replays: &mut Replays) {
    replays.list.iter_mut().flat_map(|replay| &mut replay.parts).for_each(|part| part.first = part.until);
}
