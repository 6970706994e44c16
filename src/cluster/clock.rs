//! The clock of the lease. It must go on while the host is suspended: the lease in Redis goes on too, and others adopt the
//! sessions when it ends. The clock of tokio and of the standard library stands still in that time on Linux.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
/// Other systems have no such clock, or count the time of a suspension here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Returns the time since a fixed point in the past.
pub(super) fn now() -> Duration {
    let now = clock_gettime(CLOCK);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}
