//! File descriptors: how many the system lets this process have, and how many of them connections may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that clients' connections never take: for health checks and metrics, Redis, hooks, files.
pub const RESERVE: usize = 64;

/// Connections to the admin listener that fit the reserve.
const ADMIN: usize = 32;

/// Connections to the admin listener where descriptors are plenty.
const ADMIN_MOST: usize = 256;

/// Raises the limit of open files as far as it goes, and returns it.
pub fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Without the right to raise it the old limit holds, which may do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    open_files()
}

/// How many files may be open.
#[must_use]
pub fn open_files() -> usize {
    getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// How many connections may be open, by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Of clients.
    pub clients: usize,
    /// To the admin listener.
    pub admin: usize,
}

impl Shares {
    /// Divides `open_files` descriptors, of which clients may use `wanted` and connections of the server itself `outgoing`.
    /// Clients get at least one.
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
