//! Log lines about hosts. It must not know the purpose of a request.

use std::time::Duration;

use crate::auth::Notices;

/// The time between two lines about a host.
const PAUSE: Duration = Duration::from_secs(60);
/// Lines about all hosts in this time: strangers choose the hosts.
const MOST: usize = 20;

/// Returns the bounds of such lines.
pub(crate) fn notices() -> Notices {
    Notices::limited(PAUSE, MOST)
}
