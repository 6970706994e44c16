//! The rate of requests by client address. It must not know the requests.

use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::auth::{RateLimiter, network_prefix};
use crate::config;

/// How often clients without recent requests are forgotten.
const SWEEP: Duration = Duration::from_secs(10);

/// Counts requests by client: an IPv4 address, or a /64 network.
pub(crate) struct Rate {
    limiter: RateLimiter,
    swept: Mutex<Instant>,
}

impl Rate {
    /// Creates an unused rate.
    pub(crate) fn new(rate: config::Rate) -> Self {
        Self { limiter: RateLimiter::new(rate), swept: Mutex::new(Instant::now()) }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The time until the client may send the next one.
    pub(crate) fn acquire(&self, client: IpAddr) -> Result<(), Duration> {
        if self.is_sweep_due() {
            self.limiter.sweep();
        }
        self.limiter.acquire(network_prefix(client))
    }

    fn is_sweep_due(&self) -> bool {
        let now = Instant::now();
        let mut swept = self.swept.lock();
        let is_due = now.duration_since(*swept) >= SWEEP;
        if is_due {
            *swept = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_client() {
        let rate = Rate::new(config::Rate { count: 1, time: Duration::from_secs(60) });
        let acquire = |address: &str| rate.acquire(address.parse().unwrap()).is_ok();
        assert!(acquire("192.0.2.1") && acquire("192.0.2.2") && !acquire("192.0.2.1"));
        assert!(acquire("2001:db8::1") && !acquire("2001:db8::2") && acquire("2001:db8:0:1::1"));
    }
}
