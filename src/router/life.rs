//! The life of a session as a state machine. This file has all moves; a refused move changes nothing.
//!
//! ```text
//! Live(phase) <-> Frozen(phase)       phase: Unconnected -> Connected, and Unconnected or Connected -> Overflowed
//!      |    \          |
//!    Ended    `----> Moved
//! ```

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Life {
    /// The session is on this instance.
    Live(Phase),
    /// The session is being exported to another instance, or was exported. It keeps its phase for an aborted export.
    Frozen(Phase),
    /// The session has ended.
    Ended,
    /// The session has ended on this instance only, because another instance owns it.
    Moved,
}

/// The phase of a session that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// The client has not connected yet.
    Unconnected,
    /// The client has connected.
    Connected,
    /// The mailbox had no room for a publication with the policy `disconnect`. The session receives no more publications
    /// and ends, after an aborted export if it is frozen.
    Overflowed,
}

impl Life {
    /// The life of a new session.
    pub(crate) fn new(is_connected: bool) -> Self {
        Self::Live(if is_connected { Phase::Connected } else { Phase::Unconnected })
    }

    /// Accepts a connect. Returns `true` for the first one, and `None` if the session is not live.
    pub(crate) fn connect(&mut self) -> Option<bool> {
        let Self::Live(phase) = self else { return None };
        let is_first = *phase == Phase::Unconnected;
        if is_first {
            *phase = Phase::Connected;
        }
        Some(is_first)
    }

    /// Records that the mailbox had no room, unless the session has ended.
    pub(crate) fn overflow(&mut self) {
        if let Self::Live(phase) | Self::Frozen(phase) = self {
            *phase = Phase::Overflowed;
        }
    }

    /// Freezes the session. Returns `false` if it has ended.
    pub(crate) fn freeze(&mut self) -> bool {
        let (Self::Live(phase) | Self::Frozen(phase)) = *self else { return false };
        *self = Self::Frozen(phase);
        true
    }

    /// Unfreezes the session, if it is frozen and has not ended.
    pub(crate) fn unfreeze(&mut self) {
        if let Self::Frozen(phase) = *self {
            *self = Self::Live(phase);
        }
    }

    /// Ends the session. Returns `false` if it has already ended, and if it is frozen, since another instance may own it.
    pub(crate) fn end(&mut self) -> bool {
        let is_live = self.is_live();
        if is_live {
            *self = Self::Ended;
        }
        is_live
    }

    /// Ends the session on this instance, even if it is frozen. Returns `false` if it has already ended.
    pub(crate) fn end_as_moved(&mut self) -> bool {
        let has_ended = self.has_ended();
        if !has_ended {
            *self = Self::Moved;
        }
        !has_ended
    }

    /// Whether the session accepts connects, transports and subscriptions.
    pub(crate) fn is_live(self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// Whether the session receives publications, so that its mailbox misses none.
    pub(crate) fn is_receiving(self) -> bool {
        matches!(self, Self::Live(phase) | Self::Frozen(phase) if phase != Phase::Overflowed)
    }

    /// Whether the client has not connected yet.
    pub(crate) fn is_unconnected(self) -> bool {
        matches!(self, Self::Live(Phase::Unconnected) | Self::Frozen(Phase::Unconnected))
    }

    /// Whether the mailbox has overflowed and the session has not ended yet.
    pub(crate) fn has_overflowed(self) -> bool {
        matches!(self, Self::Live(Phase::Overflowed) | Self::Frozen(Phase::Overflowed))
    }

    /// Whether the session is being exported, or was exported.
    pub(crate) fn is_frozen(self) -> bool {
        matches!(self, Self::Frozen(_) | Self::Moved)
    }

    /// Whether the session has ended on this instance.
    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Ended | Self::Moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Life::{Ended, Frozen, Live, Moved};
    use Phase::{Connected, Overflowed, Unconnected};

    const ALL: [Life; 8] = [
        Live(Unconnected),
        Live(Connected),
        Live(Overflowed),
        Frozen(Unconnected),
        Frozen(Connected),
        Frozen(Overflowed),
        Ended,
        Moved,
    ];

    /// The states after a move from each state, in the order of `ALL`.
    fn after(act: impl Fn(&mut Life)) -> [Life; 8] {
        ALL.map(|mut life| {
            act(&mut life);
            life
        })
    }

    /// The results of a move from each state, in the order of `ALL`.
    fn results<T>(act: impl Fn(&mut Life) -> T) -> [T; 8] {
        ALL.map(|mut life| act(&mut life))
    }

    #[test]
    fn a_new_session_is_live() {
        assert_eq!(Life::new(false), Live(Unconnected));
        assert_eq!(Life::new(true), Live(Connected));
    }

    #[test]
    fn only_a_live_session_connects_and_one_connect_is_the_first() {
        let [_, connected, overflowed, rest @ ..] = ALL;
        let expected = after(|life| _ = life.connect());
        assert_eq!(expected[..3], [Live(Connected), connected, overflowed]);
        assert_eq!(expected[3..], rest);
        let results = results(Life::connect);
        assert_eq!(results[..3], [Some(true), Some(false), Some(false)]);
        assert_eq!(results[3..], [None; 5]);
    }

    #[test]
    fn a_mailbox_overflows_until_the_end() {
        let live = [Live(Overflowed); 3];
        let frozen = [Frozen(Overflowed); 3];
        assert_eq!(after(Life::overflow), [&live[..], &frozen[..], &[Ended, Moved]].concat()[..]);
    }

    #[test]
    fn an_aborted_export_restores_the_phase() {
        let frozen = [Frozen(Unconnected), Frozen(Connected), Frozen(Overflowed)];
        let live = [Live(Unconnected), Live(Connected), Live(Overflowed)];
        let ended = [Ended, Moved];
        assert_eq!(after(|life| _ = life.freeze()), [&frozen[..], &frozen, &ended].concat()[..]);
        assert_eq!(results(Life::freeze), [true, true, true, true, true, true, false, false]);
        assert_eq!(after(Life::unfreeze), [&live[..], &live, &ended].concat()[..]);
    }

    #[test]
    fn a_frozen_session_ends_only_as_moved() {
        let ended = [Ended; 3];
        assert_eq!(after(|life| _ = life.end()), [&ended[..], &ALL[3..]].concat()[..]);
        assert_eq!(results(Life::end), [true, true, true, false, false, false, false, false]);
        let moved = [Moved; 6];
        assert_eq!(after(|life| _ = life.end_as_moved()), [&moved[..], &[Ended, Moved]].concat()[..]);
        assert_eq!(results(Life::end_as_moved), [true, true, true, true, true, true, false, false]);
    }

    #[test]
    fn each_state_accepts_what_it_may() {
        let columns = |life: Life| {
            [
                life.is_live(),
                life.is_receiving(),
                life.is_unconnected(),
                life.has_overflowed(),
                life.is_frozen(),
                life.has_ended(),
            ]
        };
        let table = ALL.map(columns);
        let (yes, no) = (true, false);
        // Live, receiving, unconnected, overflowed, frozen, ended.
        assert_eq!(table[0], [yes, yes, yes, no, no, no], "unconnected");
        assert_eq!(table[1], [yes, yes, no, no, no, no], "connected");
        assert_eq!(table[2], [yes, no, no, yes, no, no], "overflowed");
        assert_eq!(table[3], [no, yes, yes, no, yes, no], "unconnected, frozen");
        assert_eq!(table[4], [no, yes, no, no, yes, no], "connected, frozen");
        assert_eq!(table[5], [no, no, no, yes, yes, no], "overflowed, frozen");
        assert_eq!(table[6], [no, no, no, no, no, yes], "ended");
        assert_eq!(table[7], [no, no, no, no, yes, yes], "moved");
    }
}
