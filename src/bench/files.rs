//! Checks that a load has enough file descriptors.

use super::Failure;
use crate::descriptors;

/// Descriptors of other files: standard streams, epoll, files of `/proc`.
const OTHERS: usize = 24;

/// Raises the limit of open files to the hard limit. Fails if that is too low for a number of connections.
pub(super) fn allow(connections: usize) -> Result<(), Failure> {
    let allowed = descriptors::raise();
    let needed = connections + OTHERS;
    if needed > allowed { Err(Failure::Files { needed, allowed }) } else { Ok(()) }
}
