//! File descriptors: the limit of this process, and its distribution among connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors in reserve for health checks and metrics, Redis, hooks and files.
pub const RESERVE: usize = 64;

/// Maximum connections to the admin listener within the reserve.
const ADMIN: usize = 32;

/// Maximum connections to the admin listener with sufficient descriptors.
const ADMIN_MOST: usize = 256;

/// Raises the limit of open files as far as possible, and returns it.
pub fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Without permission to raise it, the old limit applies.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    open_files()
}

/// Returns the limit of open files.
#[must_use]
pub fn open_files() -> usize {
    getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// The maximum number of open connections, by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Client connections.
    pub clients: usize,
    /// Connections to the admin listener.
    pub admin: usize,
}

impl Shares {
    /// Distributes `open_files` descriptors among at most `wanted` client connections and `outgoing` connections of the
    /// server itself. Clients get at least one.
    #[must_use]
    pub fn of(open_files: usize, wanted: usize, outgoing: usize) -> Self {
        let reserve = RESERVE.saturating_add(outgoing);
        let clients = wanted.min(open_files.saturating_sub(reserve)).max(1);
        let left = open_files.saturating_sub(reserve.saturating_add(clients));
        Self { clients, admin: (ADMIN + left).min(ADMIN_MOST) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_never_take_the_reserve() {
        assert_eq!(Shares::of(300, 100_000, 0), Shares { clients: 236, admin: 32 });
        assert_eq!(Shares::of(300, 100_000, 64), Shares { clients: 172, admin: 32 });
        assert_eq!(Shares::of(100_064, 100_000, 0), Shares { clients: 100_000, admin: 32 });
        assert_eq!(Shares::of(1 << 20, 100_000, 0), Shares { clients: 100_000, admin: 256 });
        assert_eq!(Shares::of(64, 10, 0), Shares { clients: 1, admin: 32 });
    }
}
