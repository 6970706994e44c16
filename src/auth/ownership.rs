//! Session ownership: the credentials that bind a session to its client. The identifier of a bound session alone does
//! not prove ownership. Must not know sessions.

use std::sync::{Arc, OnceLock, Weak};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Grant;
use crate::bayeux::Pattern;
use crate::lock::{Mutex, MutexGuard, level};
use crate::peer::Peer;

/// A random value in the cookie of a browser.
pub type Browser = [u8; 16];
/// The values of one browser.
pub type Browsers = SmallVec<[Browser; 1]>;

/// The evidence that a message comes from the client of a session.
pub struct Proof<'a> {
    /// The request or connection that delivered the message.
    pub peer: &'a Arc<Peer>,
    /// Whether the connection belongs to one client for its whole life.
    pub is_connection: bool,
    /// The values in the cookie of the browser.
    pub browsers: Browsers,
    /// The grant of the verified token of the message.
    pub grant: Option<Arc<Grant>>,
    /// A digest of the `ext` and the headers that the hook decides by.
    pub digest: Option<[u8; 32]>,
    /// The Unix time in seconds.
    pub now: u64,
}

/// The part of an ownership that moves with a session to another instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialSnapshot {
    grant: Option<Grant>,
    browser: Option<Browser>,
    digest: Option<[u8; 32]>,
    token_based: Vec<(Box<str>, u64)>,
}

/// The credentials of the client of a session. Most sessions have none.
#[derive(Default)]
pub struct Ownership(OnceLock<Box<Mutex<Binding, { level::CREDENTIAL }>>>);

#[derive(Default)]
struct Binding {
    /// The newest grant.
    grant: Option<Arc<Grant>>,
    /// The connection that proved the ownership last.
    connection: Option<Weak<Peer>>,
    browser: Option<Browser>,
    digest: Option<[u8; 32]>,
    /// Token-based subscriptions with the Unix time of expiry in seconds.
    token_based: Vec<(Box<str>, u64)>,
    /// The Unix time in seconds of the next scheduled expiry check.
    watched: Option<u64>,
}

impl Ownership {
    fn binding(&self) -> Option<MutexGuard<'_, Binding>> {
        self.0.get().map(|binding| binding.lock())
    }

    fn binding_or_new(&self) -> MutexGuard<'_, Binding> {
        self.0.get_or_init(Box::default).lock()
    }

    /// Returns whether the session is bound to a client.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.0.get().is_some()
    }

    /// Returns the part that moves with the session; `None` for a session that is not bound.
    #[must_use]
    pub fn snapshot(&self) -> Option<CredentialSnapshot> {
        let binding = self.binding()?;
        let grant = binding.grant.as_deref().cloned();
        let (browser, digest) = (binding.browser, binding.digest);
        Some(CredentialSnapshot { grant, browser, digest, token_based: binding.token_based.clone() })
    }

    /// Restores the snapshot of another instance. Returns the Unix time in seconds of the next expiry check, if any.
    pub fn restore(&self, snapshot: CredentialSnapshot) -> Option<u64> {
        let mut binding = self.binding_or_new();
        binding.grant = snapshot.grant.map(Arc::new);
        binding.browser = snapshot.browser;
        binding.digest = snapshot.digest;
        binding.token_based = snapshot.token_based;
        binding.watch()
    }

    /// Returns the cookie value that the session is bound to, if any.
    #[must_use]
    pub fn browser(&self) -> Option<Browser> {
        self.binding()?.browser
    }

    /// Binds the session to a browser and to the evidence in a proof, unless neither can be recognised later. Ignores the
    /// browsers of the proof: clients can send any value.
    pub fn bind(&self, proof: &Proof<'_>, browser: Option<Browser>) {
        if !proof.is_connection && browser.is_none() && proof.grant.is_none() && proof.digest.is_none() {
            return;
        }
        let mut binding = self.binding_or_new();
        binding.browser = browser.or(binding.browser);
        binding.digest = proof.digest.or(binding.digest);
        if proof.is_connection {
            binding.connection = Some(Arc::downgrade(proof.peer));
        }
        if let Some(grant) = &proof.grant {
            binding.renew(grant, proof.now);
        }
    }

    /// Returns whether a message comes from the session's client, by the connection, the browser, the token or the digest
    /// of the credentials. Any message proves the ownership of a session that is not bound.
    #[must_use]
    pub fn is_proven(&self, proof: &Proof<'_>) -> bool {
        let Some(mut binding) = self.binding() else { return true };
        let connection =
            binding.connection.as_ref().is_some_and(|known| known.as_ptr() == Arc::as_ptr(proof.peer));
        let is_proven = connection
            || binding.browser.is_some_and(|known| proof.browsers.contains(&known))
            || proof.digest.is_some() && proof.digest == binding.digest
            || proof.grant.as_ref().is_some_and(|grant| {
                binding.grant.as_ref().is_some_and(|known| grant.is_of_the_holder_of(known))
            });
        if is_proven {
            if proof.is_connection && !connection {
                binding.connection = Some(Arc::downgrade(proof.peer));
            }
            if let Some(grant) = &proof.grant {
                binding.renew(grant, proof.now);
            }
        }
        is_proven
    }

    /// Returns the newest grant of the session.
    #[must_use]
    pub fn grant(&self) -> Option<Arc<Grant>> {
        self.binding()?.grant.clone()
    }

    /// Records that a subscription expires with its token. Returns the Unix time in seconds of the next expiry check,
    /// unless one is scheduled early enough.
    pub fn set_token_expiry(&self, pattern: &str, expires: u64) -> Option<u64> {
        let mut binding = self.binding_or_new();
        match binding.token_based.iter_mut().find(|(known, _)| **known == *pattern) {
            Some((_, until)) => *until = (*until).max(expires),
            None => binding.token_based.push((pattern.into(), expires)),
        }
        binding.watch()
    }

    /// Records that a subscription has ended, or that it no longer depends on a token.
    pub fn clear_token_expiry(&self, pattern: &str) {
        if let Some(mut binding) = self.binding() {
            binding.token_based.retain(|(known, _)| **known != *pattern);
        }
    }

    /// Removes and returns the subscriptions whose tokens have expired, with the Unix time in seconds of the next expiry
    /// check, if any.
    pub fn take_expired(&self, now: u64) -> (SmallVec<[Box<str>; 4]>, Option<u64>) {
        let Some(mut binding) = self.binding() else { return Default::default() };
        binding.watched = None;
        let mut expired = SmallVec::new();
        binding.token_based.retain_mut(|(pattern, until)| {
            let lives = now < *until;
            if !lives {
                expired.push(std::mem::take(pattern));
            }
            lives
        });
        let next = binding.watch();
        (expired, next)
    }
}

impl Binding {
    /// Adopts a newer token of the client, and extends the subscriptions that the token allows.
    fn renew(&mut self, grant: &Arc<Grant>, now: u64) {
        if let Some(known) = &self.grant
            && (Arc::ptr_eq(known, grant) || (now < known.expires && !grant.is_of_the_holder_of(known)))
        {
            // The token of another user in the same browser allows the current operation, and is not adopted.
            return;
        }
        for (pattern, until) in &mut self.token_based {
            let pattern = Pattern::parse(pattern);
            if *until < grant.expires && pattern.is_some_and(|pattern| grant.may_subscribe(pattern, 0)) {
                *until = grant.expires;
            }
        }
        self.grant = Some(Arc::clone(grant));
    }

    fn watch(&mut self) -> Option<u64> {
        let first =
            self.token_based.iter().map(|(_, until)| *until).min().filter(|until| *until < u64::MAX)?;
        if self.watched.is_some_and(|watched| watched <= first) {
            return None;
        }
        self.watched = Some(first);
        Some(first)
    }
}
