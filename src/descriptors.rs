//! File descriptors: as many as the system lets this process have, for every connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files as far as it goes, and says how far that is.
pub fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Without the right to raise it the old limit holds, which may do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}
