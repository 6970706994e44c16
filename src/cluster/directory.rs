//! The session directory: for each session its owner, its epoch, and what another instance needs to adopt it.
//!
//! Owner and epoch are the fence: a write by any other instance, or with another epoch, has no effect. The fields of a
//! record are `node`, `epoch`, `p:` with a pattern (its place in the order of subscription), `shown` (the credential),
//! `waiting` (positions) and `reply` (the number of a connect reply). The record of a session that had several owners and has
//! ended is `ended` alone: a previous owner cannot write it again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};

use crate::bayeux::{ClientId, Positions, channel};
use crate::redis::{CLAIM, Client, NodeId, RedisError, SESSION};

/// The prefix of the field of a pattern.
const PATTERN: &str = "p:";
const CREDENTIAL: &str = "shown";
const POSITIONS: &str = "waiting";
const NEXT_REPLY: &str = "reply";
const CURSORS: &str = "cursors";

/// How long an exported session is stored, in milliseconds.
const EXPORT_LIFETIME: u32 = 60_000;

/// The record of a session.
#[derive(Debug)]
pub struct SessionRecord {
    /// The instance that owns the session.
    pub owner: NodeId,
    /// The number of owners so far, from one.
    pub epoch: u64,
    /// The patterns, in the order of subscription.
    pub patterns: Vec<String>,
    /// The credential, as its owner has written it.
    pub credential: Option<String>,
    /// In each partition in which messages are undelivered, the offset before the first of them.
    pub positions: Positions,
    /// The number of a coming connect reply, with acknowledged delivery. Its owner may have sent some more since.
    pub next_reply: Option<u64>,
    /// Whether the client wants cursors in connect replies.
    pub has_cursors: bool,
}

impl SessionRecord {
    /// Whether an earlier reading of the record has what this one has: a session that was prepared for it can be imported.
    #[must_use]
    pub fn is_covered_by(&self, earlier: &Self) -> bool {
        let has = |pattern| earlier.patterns.contains(pattern);
        (self.owner, self.epoch, &self.credential) == (earlier.owner, earlier.epoch, &earlier.credential)
            && self.patterns.iter().all(has)
    }

    /// Whether a claim by an instance that has this epoch takes effect, although another one may have found no record.
    #[must_use]
    pub fn is_raised_by(&self, node: NodeId, epoch: u64) -> bool {
        self.owner == node && self.epoch <= epoch + 1
    }

    fn read(mut fields: HashMap<String, String>) -> Option<Self> {
        let owner = fields.remove("node").and_then(|node| NodeId::parse(&node))?;
        let epoch = fields.remove("epoch").and_then(|epoch| epoch.parse().ok())?;
        let mut patterns: Vec<(u64, String)> = fields
            .iter()
            .filter_map(|(field, place)| {
                let pattern = field.strip_prefix(PATTERN).filter(|pattern| channel::is_valid(pattern))?;
                Some((place.parse().ok()?, pattern.to_owned()))
            })
            .collect();
        patterns.sort_unstable();
        let positions = fields.get(POSITIONS).and_then(|positions| serde_json::from_str(positions).ok());
        let next_reply = fields.get(NEXT_REPLY).and_then(|number| number.parse().ok());
        Some(Self {
            owner,
            epoch,
            next_reply,
            has_cursors: fields.contains_key(CURSORS),
            patterns: patterns.into_iter().map(|(_, pattern)| pattern).collect(),
            credential: fields.remove(CREDENTIAL),
            positions: positions.unwrap_or_default(),
        })
    }
}

/// Changes to a record.
#[derive(Debug, Default)]
pub struct SessionUpdate {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

impl SessionUpdate {
    /// Sets a pattern, with its place in the order of subscription.
    pub fn set_pattern(&mut self, pattern: &str, place: usize) {
        self.set.push((format!("{PATTERN}{pattern}"), place.to_string()));
    }

    /// Removes a pattern.
    pub fn remove_pattern(&mut self, pattern: &str) {
        self.remove.push(format!("{PATTERN}{pattern}"));
    }

    /// Sets the credential.
    pub fn set_credential(&mut self, credential: String) {
        self.set.push((CREDENTIAL.to_owned(), credential));
    }

    /// Sets the number of the next connect reply.
    pub fn set_next_reply(&mut self, number: u64) {
        self.set.push((NEXT_REPLY.to_owned(), number.to_string()));
    }

    /// Notes that the client wants cursors in connect replies.
    pub fn set_cursors(&mut self) {
        self.set.push((CURSORS.to_owned(), "1".to_owned()));
    }

    /// Sets the positions, or removes them if there are none.
    pub fn set_positions(&mut self, positions: &Positions) {
        match serde_json::to_string(positions) {
            Ok(text) if !positions.is_empty() => self.set.push((POSITIONS.to_owned(), text)),
            _ => self.remove.push(POSITIONS.to_owned()),
        }
    }
}

/// The outcome of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The record was written.
    Written,
    /// Another instance owns the session, or the epoch is another one, or the session has ended at another instance.
    Fenced,
    /// There is no such record.
    NotFound,
}

/// The directory, for one instance.
pub struct Directory {
    client: Arc<Client>,
    session_lifetime: Duration,
}

impl Directory {
    /// Creates the directory. A record lives twice as long as a session without a sign of its client.
    #[must_use]
    pub fn new(client: Arc<Client>, session_lifetime: Duration) -> Self {
        Self { client, session_lifetime }
    }

    /// Updates the record of a session that this instance owns, and extends its lifetime.
    ///
    /// # Errors
    /// [`RedisError`]: the update may have taken effect.
    pub fn update(
        &self,
        id: &ClientId,
        epoch: u64,
        update: &SessionUpdate,
    ) -> impl Future<Output = Result<WriteOutcome, RedisError>> {
        self.write(id, epoch, b"", update)
    }

    /// Writes the complete record of a session that this instance owns, or creates it.
    ///
    /// # Errors
    /// [`RedisError`]: the record may have been written.
    pub fn replace(
        &self,
        id: &ClientId,
        epoch: u64,
        update: &SessionUpdate,
    ) -> impl Future<Output = Result<WriteOutcome, RedisError>> {
        self.write(id, epoch, b"whole", update)
    }

    async fn write(
        &self,
        id: &ClientId,
        epoch: u64,
        mode: &[u8],
        update: &SessionUpdate,
    ) -> Result<WriteOutcome, RedisError> {
        let (me, epoch) = (self.client.me().to_string(), epoch.to_string());
        let (lifetime, count) = (self.record_lifetime(), update.set.len().to_string());
        let mut arguments =
            vec![me.as_bytes(), epoch.as_bytes(), lifetime.as_bytes(), mode, count.as_bytes()];
        for (field, value) in &update.set {
            arguments.push(field.as_bytes());
            arguments.push(value.as_bytes());
        }
        arguments.extend(update.remove.iter().map(|field| field.as_bytes()));
        self.run(id, &arguments).await
    }

    /// Removes the record of a session that its owner no longer has.
    ///
    /// # Errors
    /// [`RedisError`]: the record may have been removed.
    pub async fn remove_stale(
        &self,
        id: &ClientId,
        record: &SessionRecord,
    ) -> Result<WriteOutcome, RedisError> {
        self.end(id, record.owner, record.epoch).await
    }

    /// Removes the record of a session that this instance owns.
    ///
    /// # Errors
    /// [`RedisError`]: the record may have been removed. If not, it expires.
    pub async fn remove(&self, id: &ClientId, epoch: u64) -> Result<WriteOutcome, RedisError> {
        self.end(id, self.client.me(), epoch).await
    }

    async fn end(&self, id: &ClientId, owner: NodeId, epoch: u64) -> Result<WriteOutcome, RedisError> {
        let (owner, epoch, lifetime) = (owner.to_string(), epoch.to_string(), self.record_lifetime());
        self.run(id, &[owner.as_bytes(), epoch.as_bytes(), lifetime.as_bytes(), b"end"]).await
    }

    async fn run(&self, id: &ClientId, arguments: &[&[u8]]) -> Result<WriteOutcome, RedisError> {
        let key = self.client.keys().session(id);
        let reply = self.client.run_script(&SESSION, &[&key], arguments).await;
        Ok(match reply.map_err(RedisError::logged)? {
            Value::Int(1) => WriteOutcome::Written,
            Value::Int(0) => WriteOutcome::Fenced,
            _ => WriteOutcome::NotFound,
        })
    }

    /// Returns the record of a session.
    ///
    /// # Errors
    /// [`RedisError`] if Redis did not reply.
    pub async fn find(&self, id: &ClientId) -> Result<Option<SessionRecord>, RedisError> {
        let mut read = redis::cmd("HGETALL");
        read.arg(self.client.keys().session(id));
        let reply = self.client.run(&read).await.map_err(RedisError::logged)?;
        let fields = HashMap::from_redis_value(reply).map_err(|_| RedisError::Unexpected)?;
        Ok(SessionRecord::read(fields))
    }

    /// Makes this instance the owner of a session, if its epoch is still the given one. The claim may be repeated. The
    /// positions of the session replace those of the record; without them the record keeps its own.
    ///
    /// # Errors
    /// [`RedisError`]: the claim may have taken effect.
    pub async fn claim(
        &self,
        id: &ClientId,
        epoch: u64,
        positions: Option<&Positions>,
    ) -> Result<bool, RedisError> {
        let (me, epoch) = (self.client.me().to_string(), epoch.to_string());
        let lifetime = self.record_lifetime();
        let positions = positions.and_then(|positions| serde_json::to_string(positions).ok());
        let key = self.client.keys().session(id);
        let mut arguments = vec![epoch.as_bytes(), me.as_bytes(), lifetime.as_bytes()];
        arguments.extend(positions.as_ref().map(|positions| positions.as_bytes()));
        let reply = self.client.run_script(&CLAIM, &[&key], &arguments).await;
        Ok(reply.map_err(RedisError::logged)? == Value::Int(1))
    }

    /// Stores an exported session for a minute, for the importing instance. Used if the state is too long for a response.
    ///
    /// # Errors
    /// [`RedisError`] if Redis did not store it.
    pub async fn store_export(&self, id: &ClientId, state: &[u8]) -> Result<(), RedisError> {
        let mut set = redis::cmd("SET");
        set.arg(self.client.keys().exported(id)).arg(state).arg("PX").arg(EXPORT_LIFETIME);
        self.client.run(&set).await.map(drop).map_err(RedisError::logged)
    }

    /// Loads an exported session.
    ///
    /// # Errors
    /// [`RedisError`] if Redis did not reply, or has no such state.
    pub async fn load_export(&self, id: &ClientId) -> Result<Vec<u8>, RedisError> {
        let mut get = redis::cmd("GET");
        get.arg(self.client.keys().exported(id));
        let reply = self.client.run(&get).await.map_err(RedisError::logged)?;
        Option::<Vec<u8>>::from_redis_value(reply).ok().flatten().ok_or(RedisError::Unexpected)
    }

    /// Returns the lifetime of a record after each write, in milliseconds.
    fn record_lifetime(&self) -> String {
        (2 * self.session_lifetime).max(Duration::from_secs(1)).as_millis().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let node = "07".repeat(16);
        let mut update = SessionUpdate::default();
        update.set_pattern("/b", 0);
        update.set_pattern("/a/*", 1);
        update.set_credential("{}".into());
        let positions: Positions = vec![(1, 5)].into();
        update.set_positions(&positions);
        update.set_next_reply(7);
        update.set_cursors();
        let mut fields: HashMap<_, _> = update.set.into_iter().collect();
        assert_eq!(fields["waiting"], "[[1,5]]");
        fields.extend([("node".into(), node.clone()), ("epoch".into(), "3".into())]);
        let record = SessionRecord::read(fields).unwrap();
        assert_eq!((record.owner.to_string(), record.epoch), (node, 3));
        assert_eq!(record.patterns, ["/b", "/a/*"]);
        assert_eq!((record.credential.as_deref(), record.positions), (Some("{}"), positions));
        assert_eq!((record.next_reply, record.has_cursors), (Some(7), true));
    }

    #[test]
    fn a_record_covers_itself_without_some_subscriptions() {
        let record = |epoch: &str, patterns: &[&str]| {
            let mut fields: HashMap<String, String> =
                patterns.iter().map(|pattern| (format!("p:{pattern}"), "0".into())).collect();
            fields.extend([("node".into(), "07".repeat(16)), ("epoch".into(), epoch.into())]);
            SessionRecord::read(fields).unwrap()
        };
        let earlier = record("3", &["/a", "/b"]);
        assert!(record("3", &["/a", "/b"]).is_covered_by(&earlier));
        assert!(record("3", &["/a"]).is_covered_by(&earlier), "one was removed");
        assert!(!record("3", &["/a", "/c"]).is_covered_by(&earlier), "one was added");
        assert!(!record("4", &["/a", "/b"]).is_covered_by(&earlier), "it has another owner");
    }

    #[test]
    fn no_positions_remove_the_field() {
        let mut update = SessionUpdate::default();
        update.set_positions(&Positions::default());
        assert!(update.set.is_empty() && update.remove == ["waiting"]);
    }
}
