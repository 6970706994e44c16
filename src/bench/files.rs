//! Whether there are file descriptors enough for a load.

use super::Failure;
use crate::descriptors;

/// What is open beside the connections: standard streams, epoll, what is read of `/proc`.
const OTHERS: usize = 24;

/// Raises the limit of open files as far as it goes; an error if that is too few for so many connections.
pub(super) fn allow(connections: usize) -> Result<(), Failure> {
    let allowed = descriptors::raise();
    let needed = connections + OTHERS;
    if needed > allowed { Err(Failure::Files { needed, allowed }) } else { Ok(()) }
}
