//! The steps of the instances, under the names of the functions that they follow, and the faults of the environment.

use super::scripts::Record;
use super::{Action, HandOff, Import, Imported, Node, Outcome, Session, State, Without};
use crate::cluster::WriteOutcome;
use crate::router::Life;
use crate::server::cluster::owned::{Export, Owned, Raised};

/// `before_queued` in `import.rs`, `due_writes` in `heartbeat.rs`
fn before(mailbox: &[u64], offset: u64) -> u64 {
    mailbox.first().map_or(offset, |first| first - 1)
}

impl HandOff {
    pub(super) fn owned(&self, epoch: u64) -> Owned {
        let mut owned = Owned::new(epoch);
        owned.due = self.now;
        owned
    }

    /// The steps of an instance that are possible, and its faults.
    pub(super) fn steps(&self, state: &State, n: usize, actions: &mut Vec<Action>) {
        let node = &state.nodes[n];
        let is_client_here = state.client.at == n;
        if node.offset < state.published {
            actions.push(Action::Receive(n));
        }
        if !is_client_here && state.client.connects > 0 {
            actions.push(Action::Connect(n));
        }
        if !node.has_lease {
            actions.push(Action::Renew(n));
        } else if state.faults > 0 {
            actions.push(Action::LoseLease(n));
        }
        if state.faults > 0 {
            actions.push(Action::Kill(n));
        }
        if let Some(session) = &node.session {
            self.session_steps(state, n, session, actions);
        } else if node.has_doubt && node.has_lease {
            actions.push(Action::WriteRecord(n));
        }
        match &node.import {
            Some(import) => self.import_steps(state, n, import, actions),
            None if is_client_here && !node.is_serving() => {
                // An export that has come back to its owner is over after the commit or the abort.
                let is_own = state.redis.record.is_some_and(|record| record.owner == n);
                if !(is_own && node.session.is_some()) {
                    actions.push(Action::Acquire(n));
                }
            }
            None => {}
        }
    }

    fn session_steps(&self, state: &State, n: usize, session: &Session, actions: &mut Vec<Action>) {
        let node = &state.nodes[n];
        if session.life.is_live() {
            if !session.is_subscribed {
                actions.push(Action::Subscribe(n));
            }
            // The client may still have a transport here.
            if !session.mailbox.is_empty() && !node.is_in_doubt() {
                actions.push(Action::Write(n));
            }
        }
        if session.is_subscribed && state.client.subscribed_at.is_none() {
            actions.push(Action::WriteSubscription(n));
        }
        if self.export_of(session) == Export::Overdue {
            actions.push(Action::Abort { node: n, is_lost: false });
            if state.faults > 0 {
                actions.push(Action::Abort { node: n, is_lost: true });
            }
        }
        let position = before(&session.mailbox, node.offset);
        let is_current = state.redis.record.is_some_and(|record| {
            record.owner == n && record.epoch == session.owned.epoch && record.position == position
        });
        if node.has_lease && (node.has_doubt || !is_current) {
            actions.push(Action::WriteRecord(n));
        }
    }

    fn import_steps(&self, state: &State, n: usize, import: &Import, actions: &mut Vec<Action>) {
        let owner = import.record.owner;
        if import.is_claiming {
            actions.push(Action::Commit(n));
            return;
        }
        actions.push(Action::GiveUp(n));
        match &import.imported {
            None => {
                let other = &state.nodes[owner];
                let has_received =
                    other.offset >= import.received || self.without == Some(Without::ExportWaits);
                if owner != n && other.is_alive && has_received {
                    actions.push(Action::Export { to: n, is_lost: false });
                    if state.faults > 0 && other.session.is_some() {
                        actions.push(Action::Export { to: n, is_lost: true });
                    }
                }
                if owner == n || !state.redis.leases[owner] {
                    actions.push(Action::Adopt(n));
                }
            }
            Some(imported) => {
                // `caught_up`, and the lease in `claim`
                let newest = imported.queued.last().copied().unwrap_or(0).max(imported.position);
                let has_received =
                    state.nodes[n].offset >= newest || self.without == Some(Without::ImportWaits);
                if has_received && state.nodes[n].has_lease {
                    actions.push(Action::Claim(n));
                }
            }
        }
    }

    pub(super) fn step(&self, state: &mut State, action: Action) -> Option<()> {
        let State { redis, nodes, client, published, commit, .. } = &mut *state;
        match action {
            Action::Publish => *published += 1,
            Action::Receive(n) => nodes[n].receive(),
            Action::Subscribe(n) => nodes[n].session.as_mut()?.is_subscribed = true,
            Action::WriteSubscription(n) => {
                let node = &mut nodes[n];
                let session = node.session.as_ref()?;
                let (epoch, position) = (session.owned.epoch, before(&session.mailbox, node.offset));
                let change = |record: &mut Record| (record.is_subscribed, record.position) = (true, position);
                let is_in_doubt = node.is_in_doubt();
                if redis.write(n, epoch, change, self.without) == WriteOutcome::Fenced {
                    node.end_fenced(epoch);
                } else if is_in_doubt && self.without != Some(Without::KeptSubscription) {
                    self.keep(state, n, false);
                }
                // Without a doubt, another instance has the subscription from the export.
                if !is_in_doubt || state.nodes[n].session.is_some() {
                    state.client.subscribed_at = Some(state.published);
                }
            }
            Action::Write(n) => client.written.append(&mut nodes[n].session.as_mut()?.mailbox),
            Action::Connect(n) => (client.at, client.connects) = (n, client.connects - 1),
            Action::Acquire(n) => self.acquire(state, n),
            Action::Export { to, is_lost } => self.export(state, to, is_lost)?,
            Action::GiveUp(n) => nodes[n].import = None,
            Action::Adopt(n) => {
                let node = &mut nodes[n];
                let import = node.import.as_mut()?;
                let record = redis.record.filter(|record| {
                    (record.owner, record.epoch) == (import.record.owner, import.record.epoch)
                        && (!record.is_subscribed || import.record.is_subscribed)
                });
                let is_same = record.is_some() || self.without == Some(Without::ReadAgain);
                let Some(record) = record.or(Some(import.record)).filter(|_| is_same) else {
                    node.import = None;
                    return Some(());
                };
                let Record { position, is_subscribed, .. } = record;
                let queued = if is_subscribed { (position + 1..=*published).collect() } else { Vec::new() };
                import.imported = Some(Imported { queued, position, is_subscribed, is_adopted: true });
            }
            Action::Claim(n) => nodes[n].import.as_mut()?.is_claiming = true,
            Action::Commit(n) => self.commit(state, n)?,
            Action::Committed => {
                let (to, epoch) = commit.take()?;
                nodes[to].end_fenced(epoch - 1);
            }
            Action::Abort { node, is_lost: _ } if self.without == Some(Without::RaisedEpoch) => {
                let session = nodes[node].session.as_mut()?;
                session.owned = self.owned(session.owned.epoch);
                session.life.unfreeze();
            }
            Action::Abort { node, is_lost } => self.keep(state, node, is_lost)?,
            Action::Renew(n) => {
                let is_late = !redis.beat(n);
                nodes[n].has_doubt |= is_late && self.without != Some(Without::Doubt);
                nodes[n].has_lease = true;
            }
            Action::WriteRecord(n) => {
                let node = &mut nodes[n];
                let has_doubt = std::mem::take(&mut node.has_doubt);
                let Some(session) = &node.session else { return Some(()) };
                let (epoch, position) = (session.owned.epoch, before(&session.mailbox, node.offset));
                if has_doubt && self.without != Some(Without::RaisedEpochInDoubt) {
                    return self.keep(state, n, false);
                }
                let change = |record: &mut Record| record.position = position;
                if redis.write(n, epoch, change, self.without) == WriteOutcome::Fenced {
                    node.end_fenced(epoch);
                }
            }
            Action::Expire(n) => redis.leases[n] = false,
            Action::LoseLease(n) => {
                nodes[n].has_lease = false;
                state.faults -= 1;
            }
            Action::Kill(n) => {
                let node = &mut nodes[n];
                (node.is_alive, node.has_lease, node.session, node.import) = (false, false, None, None);
                state.faults -= 1;
            }
        }
        Some(())
    }

    /// `Server::try_acquire_session` until the record was read.
    fn acquire(&self, state: &mut State, n: usize) {
        let Some(mut record) = state.redis.record else {
            state.client.outcome = Some(state.outcome());
            return;
        };
        let node = &mut state.nodes[n];
        record.is_subscribed |= node.subscribed;
        let received = node.offset;
        let mailbox = Vec::new();
        node.import = Some(Import { record, received, mailbox, imported: None, is_claiming: false });
    }

    /// `Server::export`, and the response at the other instance.
    fn export(&self, state: &mut State, to: usize, is_lost: bool) -> Option<()> {
        let record = state.nodes[to].import.as_ref()?.record;
        let Node { session, offset, .. } = &mut state.nodes[record.owner];
        let position = *offset;
        let mut has_session = session.is_some();
        if let Some(session) = session {
            if !session.owned.begin_export(self.now) {
                state.nodes[to].import = None;
                return Some(());
            }
            if self.without != Some(Without::Freeze) {
                session.life.freeze();
            }
            if is_lost {
                state.faults -= 1;
                return Some(());
            }
            if session.is_subscribed == record.is_subscribed {
                let (queued, is_subscribed) = (session.mailbox.clone(), session.is_subscribed);
                let imported = Imported { queued, position, is_subscribed, is_adopted: false };
                state.nodes[to].import.as_mut()?.imported = Some(imported);
                return Some(());
            }
            has_session = self.without != Some(Without::Subscribed);
        }
        let node = &mut state.nodes[to];
        node.import = None;
        if has_session {
            node.subscribed = true;
        } else if node.reported.replace((record.owner, record.epoch)) == Some((record.owner, record.epoch)) {
            state.redis.remove(record.owner, record.epoch);
            state.client.outcome = Some(state.outcome());
        }
        Some(())
    }

    /// `Server::commit`, once Redis has executed the claim.
    fn commit(&self, state: &mut State, n: usize) -> Option<()> {
        let State { redis, nodes, commit, is_adopted, .. } = state;
        let node = &mut nodes[n];
        let Import { record, mailbox, imported, .. } = node.import.take()?;
        let Imported { mut queued, position, is_subscribed, is_adopted: is_of_dead } = imported?;
        if !redis.claim(n, record.epoch, self.without) {
            return Some(());
        }
        let is_new = |offset: &u64| *offset > position && !(is_of_dead && queued.contains(offset));
        let new: Vec<_> = mailbox.into_iter().filter(is_new).collect();
        queued.extend(new);
        node.end_fenced(record.epoch);
        let epoch = record.epoch + 1;
        let undelivered = before(&queued, position);
        let owned = self.owned(epoch);
        node.session = Some(Session { life: Life::new(true), owned, is_subscribed, mailbox: queued });
        redis.write(
            n,
            epoch,
            |record| (record.is_subscribed, record.position) = (is_subscribed, undelivered),
            None,
        );
        *is_adopted |= is_of_dead;
        if !is_of_dead {
            *commit = Some((record.owner, epoch));
        }
        Some(())
    }

    /// `Server::keep`
    fn keep(&self, state: &mut State, n: usize, is_lost: bool) -> Option<()> {
        let State { redis, nodes, faults, .. } = state;
        *faults -= u8::from(is_lost);
        let node = &mut nodes[n];
        loop {
            let session = node.session.as_mut()?;
            let attempt = session.owned.begin_raise();
            let is_raised = redis.claim(n, attempt.epoch, self.without) || redis.record.is_none();
            match session.owned.end_raise(attempt, Some(is_raised).filter(|_| !is_lost), self.now) {
                Raised::Again if self.without != Some(Without::RaisedAgain) => continue,
                Raised::Kept | Raised::Again => session.life.unfreeze(),
                Raised::Before | Raised::Unknown => {}
                Raised::Lost => node.end_fenced(attempt.epoch),
            }
            return Some(());
        }
    }
}

impl Node {
    /// A publication arrives: `LocalSubscribers::receive`.
    fn receive(&mut self) {
        self.offset += 1;
        let session = self.session.as_mut().filter(|it| it.is_subscribed && it.life.is_receiving());
        if let Some(session) = session {
            session.mailbox.push(self.offset);
        }
        if let Some(import) = self.import.as_mut().filter(|import| import.record.is_subscribed) {
            import.mailbox.push(self.offset);
        }
    }

    /// `Server::end_fenced`
    fn end_fenced(&mut self, epoch: u64) {
        self.session.take_if(|session| session.owned.ends_after(epoch) && session.life.end_as_moved());
    }
}

impl State {
    /// The reply `401` at this time.
    fn outcome(&self) -> Outcome {
        if self.nodes.iter().any(|node| node.session.is_some()) { Outcome::Buried } else { Outcome::Ended }
    }
}
