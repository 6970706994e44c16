//! File descriptors: as many as the system lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Failure;

/// What is open beside the connections: standard streams, epoll, what is read of `/proc`.
const OTHERS: usize = 24;

/// Raises the limit of open files as far as it goes; an error if that is too few for so many connections.
pub(super) fn allow(connections: usize) -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    // Without the right to raise it the old limit holds, which may do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| limit as usize);
    let needed = connections + OTHERS;
    if needed > allowed { Err(Failure::Files { needed, allowed }) } else { Ok(()) }
}
