//! What a session has shown of who its client is. From then on its identifier alone is not enough to speak for it.

use std::sync::{Arc, Weak};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Grant, Session};
use crate::lock::MutexGuard;
use crate::peer::Peer;

/// A random number that a browser keeps in a cookie.
pub type Browser = [u8; 16];
/// All such numbers of one browser.
pub type Browsers = SmallVec<[Browser; 1]>;

/// What shows that a message comes from the client of a session.
pub struct Proof<'a> {
    /// The request or connection that it came by.
    pub peer: &'a Arc<Peer>,
    /// Whether the connection stays the client's own.
    pub is_connection: bool,
    /// The numbers in the cookie of its browser.
    pub browsers: Browsers,
    /// The token of the message, which was proven.
    pub grant: Option<Arc<Grant>>,
    /// A digest of the credentials that the application looks at.
    pub digest: Option<[u8; 32]>,
    /// The second since 1970.
    pub now: u64,
}

/// What of a session's credential goes along to another instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Luggage {
    grant: Option<Grant>,
    browser: Option<Browser>,
    digest: Option<[u8; 32]>,
    resting: Vec<(Box<str>, u64)>,
}

/// What a session has shown.
#[derive(Default)]
pub struct Credential {
    /// Its newest token.
    grant: Option<Arc<Grant>>,
    /// The connection over which it was proven last.
    connection: Option<Weak<Peer>>,
    browser: Option<Browser>,
    digest: Option<[u8; 32]>,
    /// Subscriptions that rest on a token, with the second since 1970 in which that expires.
    resting: Vec<(Box<str>, u64)>,
    /// The second in which somebody looks for what has expired.
    watched: Option<u64>,
}

impl Session {
    fn credential(&self) -> Option<MutexGuard<'_, Credential>> {
        self.credential_cell().get().map(|credential| credential.lock())
    }

    fn credential_or_new(&self) -> MutexGuard<'_, Credential> {
        self.credential_cell().get_or_init(Box::default).lock()
    }

    /// Whether the session has shown a credential.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.credential_cell().get().is_some()
    }

    /// What goes along to another instance; `None` if the session has shown nothing.
    #[must_use]
    pub fn luggage(&self) -> Option<Luggage> {
        let credential = self.credential()?;
        let grant = credential.grant.as_deref().cloned();
        let (browser, digest) = (credential.browser, credential.digest);
        Some(Luggage { grant, browser, digest, resting: credential.resting.clone() })
    }

    /// Takes what came along from another instance. The second in which to look for what has expired, if at all.
    pub fn unpack(&self, luggage: Luggage) -> Option<u64> {
        let mut credential = self.credential_or_new();
        credential.grant = luggage.grant.map(Arc::new);
        credential.browser = luggage.browser;
        credential.digest = luggage.digest;
        credential.resting = luggage.resting;
        credential.watch()
    }

    /// The number that the cookie of the client's browser has to have, if the session is bound to one.
    #[must_use]
    pub fn browser(&self) -> Option<Browser> {
        self.credential()?.browser
    }

    /// Binds the session to a browser and to what its client has just shown, unless that is nothing by which it could be
    /// known again. The browsers of the proof are not looked at: a client can bring any.
    pub fn bind(&self, proof: &Proof<'_>, browser: Option<Browser>) {
        if !proof.is_connection && browser.is_none() && proof.grant.is_none() && proof.digest.is_none() {
            return;
        }
        let mut credential = self.credential_or_new();
        credential.browser = browser.or(credential.browser);
        credential.digest = proof.digest.or(credential.digest);
        if proof.is_connection {
            credential.connection = Some(Arc::downgrade(proof.peer));
        }
        if let Some(grant) = &proof.grant {
            credential.renew(grant, proof.now);
        }
    }

    /// Whether a message comes from the session's client. Who is not known by the connection, the browser, the token or
    /// the credentials is somebody who has seen the identifier. A session that has shown nothing takes everybody's word.
    #[must_use]
    pub fn is_proven(&self, proof: &Proof<'_>) -> bool {
        let Some(mut credential) = self.credential() else { return true };
        let connection =
            credential.connection.as_ref().is_some_and(|known| known.as_ptr() == Arc::as_ptr(proof.peer));
        let is_proven = connection
            || credential.browser.is_some_and(|known| proof.browsers.contains(&known))
            || proof.digest.is_some() && proof.digest == credential.digest
            || proof.grant.as_ref().is_some_and(|grant| {
                credential.grant.as_ref().is_some_and(|known| grant.is_of_the_holder_of(known))
            });
        if is_proven {
            if proof.is_connection && !connection {
                credential.connection = Some(Arc::downgrade(proof.peer));
            }
            if let Some(grant) = &proof.grant {
                credential.renew(grant, proof.now);
            }
        }
        is_proven
    }

    /// The newest token of the session.
    #[must_use]
    pub fn grant(&self) -> Option<Arc<Grant>> {
        self.credential()?.grant.clone()
    }

    /// Notes that a subscription rests on a token which expires. The second in which somebody has to look for what has
    /// expired, unless it is known already.
    pub fn rest(&self, pattern: &str, expires: u64) -> Option<u64> {
        let mut credential = self.credential_or_new();
        match credential.resting.iter_mut().find(|(known, _)| **known == *pattern) {
            Some((_, until)) => *until = (*until).max(expires),
            None => credential.resting.push((pattern.into(), expires)),
        }
        credential.watch()
    }

    /// A subscription has ended, or rests on nothing any more.
    pub fn rest_no_more(&self, pattern: &str) {
        if let Some(mut credential) = self.credential() {
            credential.resting.retain(|(known, _)| **known != *pattern);
        }
    }

    /// Takes out the subscriptions whose tokens have expired. The second in which to look again, if at all.
    pub fn take_expired(&self, now: u64) -> (SmallVec<[Box<str>; 4]>, Option<u64>) {
        let Some(mut credential) = self.credential() else { return Default::default() };
        credential.watched = None;
        let mut expired = SmallVec::new();
        credential.resting.retain_mut(|(pattern, until)| {
            let lives = now < *until;
            if !lives {
                expired.push(std::mem::take(pattern));
            }
            lives
        });
        let next = credential.watch();
        (expired, next)
    }
}

impl Credential {
    /// Another token of the client: subscriptions that it allows too rest on it from now on.
    fn renew(&mut self, grant: &Arc<Grant>, now: u64) {
        if let Some(known) = &self.grant
            && (Arc::ptr_eq(known, grant) || (now < known.expires && !grant.is_of_the_holder_of(known)))
        {
            // Somebody else's, in the same browser: it allows what it is shown for, and does not become the session's.
            return;
        }
        for (pattern, until) in &mut self.resting {
            let pattern = crate::bayeux::Pattern::parse(pattern);
            if *until < grant.expires && pattern.is_some_and(|pattern| grant.may_subscribe(pattern, 0)) {
                *until = grant.expires;
            }
        }
        self.grant = Some(Arc::clone(grant));
    }

    fn watch(&mut self) -> Option<u64> {
        let first = self.resting.iter().map(|(_, until)| *until).min().filter(|until| *until < u64::MAX)?;
        if self.watched.is_some_and(|watched| watched <= first) {
            return None;
        }
        self.watched = Some(first);
        Some(first)
    }
}
