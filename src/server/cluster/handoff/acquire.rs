//! Acquires a session: from the instance that owns it, or, if that is dead, from the state in Redis. The session is
//! subscribed on this instance first, so that it misses nothing in between.

use std::sync::Arc;

use tokio::time::Instant;

use super::AcquireError;
use super::import::{Import, Imported};
use crate::auth::{CredentialSnapshot, seconds_now};
use crate::bayeux::{ClientId, Partition, Pattern, Positions, StreamPosition};
use crate::cluster::{RpcError, SessionRecord};
use crate::redis::NodeId;
use crate::router::{Ack, Begin, Options, Replays, Session};
use crate::server::Server;
use crate::server::cluster::Cluster;
use crate::server::cluster::messages::{ForwardedRequest, Request, Response};
use crate::server::cluster::timeouts;

/// The response of the owner of a session.
enum Fetched {
    /// The state of the session.
    Session(Box<Imported>),
    /// The session has these subscriptions, and its record did not have all of them when it was read: the write of a
    /// subscription to the directory may take a while.
    Subscribed(Vec<String>),
    /// The owner has no such session.
    NotOwner,
    /// The owner has changed the record since it was read, before its lease ended.
    Changed,
}

/// Waits until everything that this instance has delivered alone to these patterns has come back from Redis, where the owner
/// of a session receives it too. Returns the number of all such publications.
///
/// # Errors
/// It takes too long, because Redis does not take them.
async fn settled(cluster: &Cluster, patterns: &[String]) -> Result<u64, AcquireError> {
    let since = Instant::now();
    loop {
        if let Some(alone) = cluster.broker.delivered_alone(patterns.iter().map(String::as_str)) {
            return Ok(alone);
        }
        if since.elapsed() >= timeouts::ALONE {
            return Err(AcquireError::Unavailable);
        }
        tokio::time::sleep(timeouts::IMPORT_CHECK).await;
    }
}

/// Waits until this instance has received what the owner of a session has. A publication that arrives after the import would
/// be delivered once more.
///
/// # Errors
/// It takes too long, because a gap is being recovered here or the connection is lost.
async fn caught_up(cluster: &Cluster, imported: &Imported) -> Result<(), AcquireError> {
    let since = Instant::now();
    loop {
        let here = cluster.broker.positions(imported.patterns.iter().map(String::as_str));
        let has_received = |there: StreamPosition| {
            here.offset(there.partition).is_none_or(|offset| offset == 0 || offset >= there.offset)
        };
        let queued = imported.queued.iter().filter_map(|publication| publication.position());
        if imported.positions.iter().chain(queued).all(has_received) {
            return Ok(());
        }
        if since.elapsed() >= timeouts::CATCH_UP {
            return Err(AcquireError::Unavailable);
        }
        tokio::time::sleep(timeouts::IMPORT_CHECK).await;
    }
}

impl Server {
    /// Makes this instance the owner of a session. `request` is the client's request, if one is the reason.
    pub(in crate::server::cluster) async fn acquire_session(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        request: Option<&ForwardedRequest>,
    ) -> Result<Arc<Session>, AcquireError> {
        let lock = Arc::clone(&cluster.acquiring.entry(*id).or_default());
        let _one_at_a_time = lock.lock().await;
        let acquired = self.try_acquire_session(cluster, id, request).await;
        // Every waiting caller has a reference.
        cluster.acquiring.remove_if(id, |_, lock| Arc::strong_count(lock) <= 2);
        acquired
    }

    async fn try_acquire_session(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        request: Option<&ForwardedRequest>,
    ) -> Result<Arc<Session>, AcquireError> {
        // The owner that has reported that it has no such session.
        let mut reported = None;
        let mut subscribed: Vec<String> = Vec::new();
        for _ in 0..timeouts::ACQUISITIONS {
            let here = self.sessions.find(id);
            let is_exporting = match &here {
                Some(session) => self.is_exporting(cluster, session).await,
                None => false,
            };
            if let Some(session) = here.filter(|_| !is_exporting) {
                return Ok(session);
            }
            if cluster.ending.contains_key(id) {
                return Err(AcquireError::NotFound);
            }
            let mut record = cluster.directory.find(id).await?.ok_or(AcquireError::NotFound)?;
            for pattern in &subscribed {
                if !record.patterns.contains(pattern) {
                    record.patterns.push(pattern.clone());
                }
            }
            if record.owner == cluster.me() && is_exporting {
                // The other instance has not committed the import yet.
                tokio::time::sleep(timeouts::RETRY_PAUSE).await;
                continue;
            }
            // Without a readable credential the owner of the session cannot be verified.
            let credential = record.credential.as_deref().map(serde_json::from_str).transpose();
            let credential = credential.map_err(|_| AcquireError::Unavailable)?;
            let alone = settled(cluster, &record.patterns).await?;
            let session = self.sessions.prepare(*id).map_err(|_| AcquireError::Unavailable)?;
            let mut import = Import { server: self, session, is_committed: false };
            let imported = match self.fetch(cluster, &import, &record, credential, request).await? {
                Fetched::Session(imported) => *imported,
                Fetched::Subscribed(patterns) => {
                    subscribed = patterns;
                    continue;
                }
                Fetched::Changed => continue,
                Fetched::NotOwner => {
                    let owner = Some((record.owner, record.epoch));
                    if std::mem::replace(&mut reported, owner) == owner {
                        // The owner is alive and has reported it twice: the session has ended.
                        cluster.directory.remove_stale(id, &record).await?;
                        return Err(AcquireError::NotFound);
                    }
                    tokio::time::sleep(timeouts::RETRY_PAUSE).await;
                    continue;
                }
            };
            caught_up(cluster, &imported).await?;
            let patterns = record.patterns.iter().map(String::as_str);
            if cluster.broker.delivered_alone(patterns) != Some(alone) {
                // The session may have one of them twice, from this instance and from its owner.
                return Err(AcquireError::Unavailable);
            }
            if !self.claim(cluster, id, record.epoch, &imported.undelivered()).await? {
                continue;
            }
            return self.commit(cluster, &mut import, &record, imported).await;
        }
        Err(AcquireError::Unavailable)
    }

    /// Claims a session, and repeats the claim until its outcome is known. An instance without a lease claims none: others
    /// adopt its sessions.
    async fn claim(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        epoch: u64,
        positions: &Positions,
    ) -> Result<bool, AcquireError> {
        if !cluster.membership.has_lease() {
            return Err(AcquireError::Unavailable);
        }
        let since = Instant::now();
        loop {
            match cluster.directory.claim(id, epoch, Some(positions)).await {
                Ok(is_claimed) => return Ok(is_claimed),
                Err(_) if since.elapsed() > timeouts::CLAIM => return Err(AcquireError::Unavailable),
                Err(_) => tokio::time::sleep(timeouts::RETRY_PAUSE).await,
            }
        }
    }

    /// Subscribes a session here, and fetches its state from its owner or from Redis.
    async fn fetch(
        &self,
        cluster: &Cluster,
        import: &Import<'_>,
        record: &SessionRecord,
        credential: Option<CredentialSnapshot>,
        request: Option<&ForwardedRequest>,
    ) -> Result<Fetched, AcquireError> {
        let session = &import.session;
        self.subscribe_import(cluster, session, &record.patterns).await?;
        let received = cluster.broker.positions(record.patterns.iter().map(String::as_str));
        let since = Instant::now();
        let mut pause = timeouts::RETRY_PAUSE;
        while record.owner != cluster.me() {
            let response = self.request_export(cluster, session.id(), record.owner, &received, request).await;
            let response = match response {
                Ok(Response::Stored) => {
                    let state = cluster.directory.load_export(session.id()).await?;
                    let state = serde_json::from_slice(&state).map_err(|_| AcquireError::Unavailable)?;
                    Ok(Response::State(state))
                }
                response => response,
            };
            match response {
                Ok(Response::State(state)) => {
                    if state.patterns.iter().all(|pattern| record.patterns.contains(pattern)) {
                        return Ok(Fetched::Session(Box::new(Imported::from_owner(*state))));
                    }
                    // Publications of these subscriptions were not received here.
                    return Ok(Fetched::Subscribed(state.patterns));
                }
                Ok(Response::Unproven) => return Err(AcquireError::Unproven),
                Ok(Response::NotOwner) => return Ok(Fetched::NotOwner),
                Ok(_) | Err(RpcError::RedisDown) => return Err(AcquireError::Unavailable),
                Err(RpcError::NotSubscribed | RpcError::Timeout) => {}
            }
            let lease = cluster.membership.lease_of(record.owner).await?;
            if lease.is_zero() {
                break;
            }
            if since.elapsed() > cluster.settings.lease + timeouts::REQUEST {
                return Err(AcquireError::Unavailable);
            }
            // All clients of a dead instance wait here, until its lease ends. They must not keep Redis busy.
            tokio::time::sleep(pause.min(lease)).await;
            pause = (2 * pause).min(timeouts::MAX_RETRY_PAUSE);
        }
        if let Some(credential) = credential {
            session.ownership().restore(credential);
            if request.is_some_and(|request| !self.is_of_client(session, request)) {
                return Err(AcquireError::Unproven);
            }
        }
        let current = cluster.directory.find(session.id()).await?;
        let Some(current) = current.filter(|current| current.is_covered_by(record)) else {
            return Ok(Fetched::Changed);
        };
        self.adopt(cluster, session, &current, &received)
            .await
            .map(|imported| Fetched::Session(Box::new(imported)))
    }

    async fn subscribe_import(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        patterns: &[String],
    ) -> Result<(), AcquireError> {
        for pattern in patterns {
            // The limit is for new subscriptions: another instance may allow more.
            self.trie.subscribe(session, pattern, usize::MAX);
        }
        // Publications in a partition that is not joined would be missed.
        let has_joined = cluster.broker.join(patterns.iter().map(String::as_str)).await;
        if has_joined { Ok(()) } else { Err(AcquireError::Unavailable) }
    }

    async fn request_export(
        &self,
        cluster: &Cluster,
        id: &ClientId,
        owner: NodeId,
        received: &Positions,
        request: Option<&ForwardedRequest>,
    ) -> Result<Response, RpcError> {
        let request = request.map(ForwardedRequest::copied);
        let (id, received) = (id.as_str().to_owned(), received.clone());
        let export = Request::Export { id, received, request, replays: true };
        cluster.request(owner, &export, timeouts::REQUEST).await
    }

    /// Returns a session of a dead instance, with a replay of what it has missed since that instance wrote its positions.
    async fn adopt(
        &self,
        cluster: &Cluster,
        session: &Arc<Session>,
        record: &SessionRecord,
        received: &Positions,
    ) -> Result<Imported, AcquireError> {
        // An expired token allows nothing any more.
        let (expired, _) = session.ownership().take_expired(seconds_now());
        let is_expired = |pattern: &String| expired.iter().any(|expired| **expired == **pattern);
        let patterns: Vec<_> =
            record.patterns.iter().filter(|pattern| !is_expired(pattern)).cloned().collect();
        let written = cluster.membership.positions_of(record.owner).await?;
        let mut positions = Positions::default();
        let mut begins = Vec::new();
        for StreamPosition { partition, offset: seam } in received.iter() {
            let since = record.positions.offset(partition).or_else(|| written.offset(partition));
            // Without a position nothing was delivered in the partition.
            let Some(after) = since else { continue };
            positions.insert(StreamPosition { partition, offset: after });
            let epoch = cluster.broker.state(partition).epoch;
            // From zero on is everything that is kept.
            begins.push(Begin { partition, after, seam, epoch, is_told: after == 0 });
        }
        let mut replays = Replays::default();
        for pattern in &patterns {
            let parsed = Pattern::parse(pattern);
            let covers = |other: &&String| {
                *other != pattern
                    && Pattern::parse(other).zip(parsed).is_some_and(|(other, parsed)| other.covers(parsed))
            };
            // Each publication is replayed once.
            if !patterns.iter().any(|other| covers(&other)) {
                replays.announce(pattern, Partition::of_pattern(pattern));
                replays.begin(pattern, &begins, Options::default());
            }
        }
        let ack = record.next_reply.map(Ack::adopted);
        let replays = replays.export();
        let queued = Vec::new();
        Ok(Imported {
            queued,
            positions,
            patterns,
            credential: None,
            ack,
            replays,
            has_cursors: record.has_cursors,
            is_adopted: true,
        })
    }
}
