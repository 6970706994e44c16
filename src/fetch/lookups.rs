//! Bounds name lookups: each occupies a thread until the resolver of the system responds, even if the caller no longer
//! waits for it. It must not know which addresses are allowed.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// Lookups at one time.
const LOOKUPS: usize = 64;
/// Maximum concurrent lookups of names with the same last two labels, because one slow name server may serve all of
/// them.
const OF_DOMAIN: usize = 8;

/// The lookups of this process.
static ALL: LazyLock<Lookups> = LazyLock::new(Lookups::default);

struct Lookups {
    all: Arc<Semaphore>,
    by_domain: Mutex<HashMap<Box<str>, Weak<Semaphore>>>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(LOOKUPS)), by_domain: Mutex::default() }
    }
}

impl Lookups {
    fn of_domain(&self, name: &str) -> Arc<Semaphore> {
        let mut domains = self.by_domain.lock();
        if let Some(semaphore) = domains.get(domain(name)).and_then(Weak::upgrade) {
            return semaphore;
        }
        // Waiting lookups keep their entries, which bounds the rest.
        domains.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(OF_DOMAIN));
        domains.insert(domain(name).into(), Arc::downgrade(&semaphore));
        semaphore
    }
}

/// Returns the last two labels of a name.
fn domain(name: &str) -> &str {
    let name = name.trim_end_matches('.');
    name.rmatch_indices('.').nth(1).map_or(name, |(at, _)| &name[at + 1..])
}

/// Looks a name up when a permit is available. The lookup continues if the caller stops waiting.
pub(super) async fn look_up(name: &str) -> io::Result<Vec<SocketAddr>> {
    let of_domain = ALL.of_domain(name).acquire_owned().await.map_err(io::Error::other)?;
    let of_all = Arc::clone(&ALL.all).acquire_owned().await.map_err(io::Error::other)?;
    let name = name.to_owned();
    let looking_up = tokio::spawn(async move {
        let found = tokio::net::lookup_host((name, 0)).await;
        drop((of_domain, of_all));
        found.map(Iterator::collect)
    });
    looking_up.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_one_domain_share_their_lookups() {
        for (name, expected) in [
            ("a", "a"),
            ("a.example", "a.example"),
            ("b.a.example", "a.example"),
            ("c.b.a.example.", "a.example"),
            ("", ""),
        ] {
            assert_eq!(domain(name), expected, "{name}");
        }
        let lookups = Lookups::default();
        let one = lookups.of_domain("x.a.example");
        assert!(Arc::ptr_eq(&one, &lookups.of_domain("y.a.example")));
        assert!(!Arc::ptr_eq(&one, &lookups.of_domain("x.b.example")));
        drop(one);
        lookups.of_domain("c.example");
        assert_eq!(lookups.by_domain.lock().len(), 1, "those without lookups are forgotten");
    }

    #[tokio::test]
    async fn a_name_is_looked_up() {
        assert!(look_up("localhost").await.unwrap().iter().all(|address| address.ip().is_loopback()));
        look_up("name.invalid").await.unwrap_err();
    }
}
