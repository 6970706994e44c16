//! Which transport of a session has the lease, if there are leases. This module must not depend on sessions.

/// The transport that has the lease of a session. `B` is the state of delivery without leases, which shares the place: a session
/// has one or the other for its whole life.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LeaseHolder<T, B> {
    /// No lease is active.
    Free,
    /// The attached transport.
    Attached,
    /// A transport that is no longer attached.
    Former(T),
    /// There are no leases.
    Never(B),
}

impl<T: Clone, B> LeaseHolder<T, B> {
    /// Records that the attached transport was detached.
    pub(super) fn mark_detached(&mut self, attached: &T) {
        if matches!(self, Self::Attached) {
            *self = Self::Former(attached.clone());
        }
    }

    /// Returns the transport with the lease if it is no longer attached.
    pub(super) fn former(&self) -> Option<&T> {
        match self {
            Self::Former(transport) => Some(transport),
            Self::Free | Self::Attached | Self::Never(_) => None,
        }
    }

    /// Whether the transport with the lease is still the attached one.
    pub(super) fn is_attached(&self) -> bool {
        matches!(self, Self::Attached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_attached_holder_becomes_a_former_one() {
        let after = |mut holder: LeaseHolder<u8, ()>| {
            holder.mark_detached(&2);
            holder
        };
        assert_eq!(after(LeaseHolder::Free), LeaseHolder::Free);
        assert_eq!(after(LeaseHolder::Attached), LeaseHolder::Former(2));
        assert_eq!(after(LeaseHolder::Former(1)), LeaseHolder::Former(1));
        assert_eq!(after(LeaseHolder::Never(())), LeaseHolder::Never(()));
    }
}
