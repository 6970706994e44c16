//! Limits of requests to other hosts: concurrent requests in total, by host name and by address, and a circuit breaker
//! for each host. It must not know the requests.
//!
//! The state is in the memory of this instance. A host without requests and failures has no state.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::breaker::Breakers;
use super::notices::notices;
use crate::auth::Notices;

/// The polling interval while a request waits for a place at its host.
const AGAIN: Duration = Duration::from_millis(20);
/// Hosts that [`Hosts::busy`] returns, because a claim names each of them.
const NAMED: usize = 1_000;

/// Why a request may not be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// As many requests as allowed are under way, to the host, to an address of it, or in all.
    Full,
    /// The host fails and gets no requests for that time.
    Broken(Duration),
}

/// Counts requests by host.
#[derive(Debug)]
pub(crate) struct Hosts {
    per_host: usize,
    concurrent: usize,
    state: Mutex<State>,
    /// Which log lines about hosts may be written.
    notices: Notices,
    /// Notified when a place becomes free.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Requests under way.
    running: usize,
    by_name: HashMap<Arc<str>, Running>,
    by_network: HashMap<IpAddr, usize>,
    breakers: Breakers,
}

/// Requests to one host under way.
#[derive(Debug, Default)]
struct Running {
    count: usize,
    /// The networks of the last place.
    networks: Networks,
}

/// Distinct addresses: IPv4 complete, IPv6 by /64, which is the usual allocation of a customer.
type Networks = SmallVec<[IpAddr; 2]>;

fn networks(addresses: &[IpAddr]) -> Networks {
    let network = |address: &IpAddr| match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    };
    let mut networks: Networks = addresses.iter().map(network).collect();
    networks.sort_unstable();
    networks.dedup();
    networks
}

impl Hosts {
    pub(crate) fn new(per_host: usize, concurrent: usize) -> Self {
        Self { per_host, concurrent, state: Mutex::default(), notices: notices(), freed: Notify::new() }
    }

    /// Returns a place for one request to this host at these addresses, until it is dropped. Without addresses, the
    /// caller adds them later ([`Place::reach`]).
    pub(crate) fn acquire(self: &Arc<Self>, host: &str, addresses: &[IpAddr]) -> Result<Place, Busy> {
        self.acquire_at(host, addresses, 0, Instant::now())
    }

    /// The same, and leaves so many of all places free for other requests.
    pub(crate) fn acquire_sparing(
        self: &Arc<Self>,
        host: &str,
        addresses: &[IpAddr],
        spared: usize,
    ) -> Result<Place, Busy> {
        self.acquire_at(host, addresses, spared, Instant::now())
    }

    /// Waits for a place for one request. Returns `None` if there is none in time, or if the host fails.
    pub(crate) async fn acquire_within(
        self: &Arc<Self>,
        patience: Duration,
        host: &str,
        addresses: &[IpAddr],
    ) -> Option<Place> {
        let begin = Instant::now();
        loop {
            match self.acquire(host, addresses) {
                Ok(place) => return Some(place),
                Err(Busy::Full) if begin.elapsed() < patience => tokio::select! {
                    // The freed place may belong to another host.
                    () = self.freed() => {}
                    () = tokio::time::sleep(AGAIN) => {}
                },
                Err(_) => return None,
            }
        }
    }

    /// Requests at one time to all hosts.
    pub(crate) fn concurrent(&self) -> usize {
        self.concurrent
    }

    fn acquire_at(
        self: &Arc<Self>,
        host: &str,
        addresses: &[IpAddr],
        spared: usize,
        now: Instant,
    ) -> Result<Place, Busy> {
        let mut state = self.state.lock();
        let State { running, by_name, by_network, breakers } = &mut *state;
        breakers.check(host, self.per_host, now).map_err(Busy::Broken)?;
        let networks = networks(addresses);
        let is_full = |network: &IpAddr| by_network.get(network).is_some_and(|count| *count >= self.per_host);
        if *running + spared >= self.concurrent || networks.iter().any(is_full) {
            return Err(Busy::Full);
        }
        let name = match by_name.get_key_value(host) {
            Some((_, running)) if running.count >= self.per_host => return Err(Busy::Full),
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(host),
        };
        *running += 1;
        networks.iter().for_each(|network| *by_network.entry(*network).or_default() += 1);
        let of_host = by_name.entry(Arc::clone(&name)).or_default();
        of_host.count += 1;
        if !networks.is_empty() {
            of_host.networks.clone_from(&networks);
        }
        let trial = breakers.start(host);
        Ok(Place { hosts: Arc::clone(self), name, networks, trial })
    }

    /// Returns the hosts that get no request now, up to the number that a claim can exclude.
    pub(crate) fn busy(&self) -> Vec<String> {
        self.busy_at(Instant::now())
    }

    fn busy_at(&self, now: Instant) -> Vec<String> {
        let state = self.state.lock();
        let is_full =
            |network: &IpAddr| state.by_network.get(network).is_some_and(|count| *count >= self.per_host);
        let full = state
            .by_name
            .iter()
            .filter(|(_, running)| running.count >= self.per_host || running.networks.iter().any(is_full));
        let full = full.map(|(name, _)| name);
        let names = full.chain(state.breakers.open(now)).take(NAMED);
        names.map(|name| (**name).to_owned()).collect()
    }

    /// Returns the failing hosts that get no request now, up to the number that a claim can exclude.
    pub(crate) fn broken(&self) -> Vec<String> {
        let now = Instant::now();
        self.state.lock().breakers.open(now).take(NAMED).map(|name| (**name).to_owned()).collect()
    }

    /// Completes when a place has become free since the last call.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }
}

/// The permission for one request. Dropping it without a result does not change the circuit breaker.
#[derive(Debug)]
pub(crate) struct Place {
    hosts: Arc<Hosts>,
    name: Arc<str>,
    networks: Networks,
    /// The end of the pause after which this request is the trial of the host.
    trial: Option<Instant>,
}

impl Place {
    /// Names the addresses of the host, for a place that was acquired without. [`Busy::Full`] if one of them has as many
    /// requests as allowed.
    pub(crate) fn reach(&mut self, addresses: &[IpAddr]) -> Result<(), Busy> {
        let networks = networks(addresses);
        let mut state = self.hosts.state.lock();
        let State { by_name, by_network, .. } = &mut *state;
        let of_host = by_name.get_mut(&self.name);
        if let Some(running) = of_host {
            running.networks.clone_from(&networks);
        }
        let is_full = |network: &IpAddr| {
            !self.networks.contains(network)
                && by_network.get(network).is_some_and(|count| *count >= self.hosts.per_host)
        };
        if networks.iter().any(is_full) {
            return Err(Busy::Full);
        }
        let added: Networks =
            networks.into_iter().filter(|network| !self.networks.contains(network)).collect();
        added.iter().for_each(|network| *by_network.entry(*network).or_default() += 1);
        self.networks.extend(added);
        Ok(())
    }

    /// Records a response of the host.
    pub(crate) fn succeeded(self) {
        self.hosts.state.lock().breakers.succeeded(&self.name);
    }

    /// Records a failure: the host is unreachable, does not respond, or cannot serve requests.
    pub(crate) fn failed(self) {
        self.failed_at(Instant::now());
    }

    fn failed_at(self, now: Instant) {
        let pause = self.hosts.state.lock().breakers.failed(&self.name, self.trial, now);
        // With a pause for each trial, one host has few lines.
        if let Some(pause) = pause
            && self.hosts.notices.pass((&self.name, pause)).is_some()
        {
            tracing::warn!(host = %self.name, ?pause, "callbacks of a host fail; requests to it are delayed");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.hosts.state.lock();
        let State { running, by_name, by_network, breakers } = &mut *state;
        *running -= 1;
        if let Some(of_host) = by_name.get_mut(&self.name) {
            of_host.count -= 1;
            if of_host.count == 0 {
                by_name.remove(&self.name);
            }
        }
        for network in &self.networks {
            if let Some(count) = by_network.get_mut(network) {
                *count -= 1;
                if *count == 0 {
                    by_network.remove(network);
                }
            }
        }
        breakers.cancel(&self.name, self.trial);
        drop(state);
        self.hosts.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::breaker::{FAILURES, PAUSE, TRIAL};

    fn hosts(per_host: usize, concurrent: usize) -> Arc<Hosts> {
        Arc::new(Hosts::new(per_host, concurrent))
    }

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn fail(hosts: &Arc<Hosts>, host: &str, now: Instant) {
        hosts.acquire_at(host, &[], 0, now).unwrap().failed_at(now);
    }

    fn is_empty(hosts: &Hosts) -> bool {
        let state = hosts.state.lock();
        state.running == 0
            && state.by_name.is_empty()
            && state.by_network.is_empty()
            && state.breakers.is_empty()
    }

    #[test]
    fn a_host_has_so_many_places_by_name() {
        let hosts = hosts(2, 100);
        let first = hosts.acquire("a.example", &[]).unwrap();
        let second = hosts.acquire("a.example", &[]).unwrap();
        assert_eq!(hosts.acquire("a.example", &[]).unwrap_err(), Busy::Full);
        assert_eq!(hosts.busy(), ["a.example"]);
        let other = hosts.acquire("b.example", &[]).unwrap();
        drop(first);
        assert!(hosts.busy().is_empty());
        let third = hosts.acquire("a.example", &[]).unwrap();
        drop((second, third, other));
        assert!(is_empty(&hosts));
    }

    #[test]
    fn an_address_has_so_many_places_under_all_of_its_names() {
        let hosts = hosts(2, 100);
        let one = addresses(&["192.0.2.1"]);
        let first = hosts.acquire("a.example", &one).unwrap();
        let second = hosts.acquire("b.example", &addresses(&["192.0.2.2", "::ffff:192.0.2.1"])).unwrap();
        assert_eq!(hosts.acquire("c.example", &one).unwrap_err(), Busy::Full);
        let mut names = hosts.busy();
        names.sort();
        assert_eq!(names, ["a.example", "b.example"], "both are full by the address");
        let third = hosts.acquire("c.example", &addresses(&["192.0.2.2"])).unwrap();
        drop((first, second, third));
        assert!(is_empty(&hosts));
    }

    #[test]
    fn addresses_of_one_64_are_one_address() {
        let hosts = hosts(1, 100);
        let place = hosts.acquire("a.example", &addresses(&["2001:db8::1", "2001:db8::2"])).unwrap();
        assert_eq!(hosts.acquire("b.example", &addresses(&["2001:db8::ffff:3"])).unwrap_err(), Busy::Full);
        hosts.acquire("b.example", &addresses(&["2001:db8:0:1::1"])).unwrap();
        drop(place);
        assert!(is_empty(&hosts));
    }

    #[test]
    fn addresses_can_be_named_later() {
        let hosts = hosts(1, 100);
        let one = addresses(&["192.0.2.1"]);
        let mut first = hosts.acquire("a.example", &[]).unwrap();
        first.reach(&one).unwrap();
        first.reach(&one).unwrap();
        let mut second = hosts.acquire("b.example", &[]).unwrap();
        assert_eq!(second.reach(&one).unwrap_err(), Busy::Full);
        drop(first);
        second.reach(&one).unwrap();
        drop(second);
        assert!(is_empty(&hosts));
    }

    #[test]
    fn all_hosts_together_have_so_many_places() {
        let hosts = hosts(10, 3);
        let places = ["a", "b"].map(|host| hosts.acquire(host, &[]).unwrap());
        assert_eq!(hosts.acquire_sparing("c", &[], 1).unwrap_err(), Busy::Full);
        let last = hosts.acquire("c", &[]).unwrap();
        assert_eq!(hosts.acquire("d", &[]).unwrap_err(), Busy::Full);
        drop((places, last));
        assert!(is_empty(&hosts));
    }

    #[test]
    fn as_many_requests_as_a_host_has_places_try_whether_it_works_again() {
        let hosts = hosts(2, 100);
        let now = Instant::now();
        // Under way when the breaker opens: it neither prolongs the pause nor is a trial.
        let late = hosts.acquire_at("a", &[], 0, now).unwrap();
        for _ in 0..FAILURES {
            fail(&hosts, "a", now);
        }
        late.failed_at(now + Duration::from_secs(10));
        let now = now + PAUSE;
        let trials = [0; 2].map(|_| hosts.acquire_at("a", &[], 0, now).unwrap());
        assert_eq!(hosts.acquire_at("a", &[], 0, now).unwrap_err(), Busy::Broken(TRIAL));
        drop(trials);
        let [one, other] = [0; 2].map(|_| hosts.acquire_at("a", &[], 0, now).unwrap());
        one.failed_at(now);
        other.failed_at(now);
        assert_eq!(hosts.acquire_at("a", &[], 0, now).unwrap_err(), Busy::Broken(PAUSE * 2), "doubled once");
        let now = now + PAUSE * 2;
        let [one, other] = [0; 2].map(|_| hosts.acquire_at("a", &[], 0, now).unwrap());
        one.succeeded();
        other.failed_at(now);
        let places = [0; 2].map(|_| hosts.acquire_at("a", &[], 0, now).unwrap());
        drop(places);
        hosts.acquire_at("a", &[], 0, now).unwrap().succeeded();
        assert!(is_empty(&hosts));
    }
}
