//! What Redis keeps of each session, so that any instance can find its owner, and take it over when that is dead.
//!
//! What the fields hold is not known here, but for the owner and the epoch, which make the fence: nobody writes what is
//! another's.

use std::collections::HashMap;
use std::time::Duration;

use redis::{FromRedisValue, Value};

use super::Redis;
use super::frame::NodeId;
use super::link::Unavailable;
use super::scripts::{CLAIM, SESSION};
use crate::bayeux::ClientId;

/// A session as Redis knows it.
#[derive(Debug)]
pub struct Record {
    /// The instance that owns it.
    pub node: NodeId,
    /// How often it has changed hands, from one.
    pub epoch: u64,
    /// What its owner has noted.
    pub fields: HashMap<String, String>,
}

/// What became of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is noted.
    Yes,
    /// The session is another instance's.
    Fenced,
    /// Redis knows no such session.
    Unknown,
}

/// Redis did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no response from Redis")]
pub struct Away;

impl From<Unavailable> for Away {
    fn from(error: Unavailable) -> Self {
        tracing::debug!(%error, "Redis command failed");
        Self
    }
}

impl Redis {
    /// Notes something of a session that this instance owns, and that it is kept on. With `is_whole`, that is all there is
    /// of it, and it may be unknown.
    ///
    /// # Errors
    /// [`Away`] if Redis did not take it.
    pub async fn note_session(
        &self,
        id: &ClientId,
        epoch: u64,
        is_whole: bool,
        set: &[(&str, &str)],
        remove: &[&str],
    ) -> Result<Written, Away> {
        let count = set.len().to_string();
        let mut arguments: Vec<&[u8]> = vec![if is_whole { b"whole" } else { b"" }, count.as_bytes()];
        for (field, value) in set {
            arguments.push(field.as_bytes());
            arguments.push(value.as_bytes());
        }
        arguments.extend(remove.iter().map(|field| field.as_bytes()));
        self.write_session(id, epoch, &arguments).await
    }

    /// Forgets a session that the instance which owns it does not have any more.
    ///
    /// # Errors
    /// [`Away`] if Redis did not take it.
    pub async fn bury_session(&self, id: &ClientId, record: &Record) -> Result<Written, Away> {
        let (owner, epoch) = (record.node.to_string(), record.epoch.to_string());
        self.run_session(id, &[owner.as_bytes(), epoch.as_bytes(), b"0", b"end"]).await
    }

    /// Forgets a session that this instance owns.
    ///
    /// # Errors
    /// [`Away`] if Redis did not take it: then it forgets the session when its time is over.
    pub async fn end_session(&self, id: &ClientId, epoch: u64) -> Result<Written, Away> {
        self.write_session(id, epoch, &[b"end"]).await
    }

    async fn write_session(&self, id: &ClientId, epoch: u64, rest: &[&[u8]]) -> Result<Written, Away> {
        let (me, epoch) = (self.shared.me.to_string(), epoch.to_string());
        let lifetime = self.session_lifetime();
        let mut arguments = vec![me.as_bytes(), epoch.as_bytes(), lifetime.as_bytes()];
        arguments.extend(rest);
        self.run_session(id, &arguments).await
    }

    async fn run_session(&self, id: &ClientId, arguments: &[&[u8]]) -> Result<Written, Away> {
        let key = self.shared.names.session(id);
        match SESSION.run(&self.shared.link, &[&key], arguments).await? {
            Value::Int(1) => Ok(Written::Yes),
            Value::Int(0) => Ok(Written::Fenced),
            _ => Ok(Written::Unknown),
        }
    }

    /// What is known of a session.
    ///
    /// # Errors
    /// [`Away`] if Redis did not answer.
    pub async fn find_session(&self, id: &ClientId) -> Result<Option<Record>, Away> {
        let mut read = redis::cmd("HGETALL");
        read.arg(self.shared.names.session(id));
        let answer = self.shared.link.run(&read).await?;
        let mut fields = HashMap::<String, String>::from_redis_value(answer).map_err(|_| Away)?;
        let node = fields.remove("node").and_then(|node| NodeId::parse(&node));
        let epoch = fields.remove("epoch").and_then(|epoch| epoch.parse().ok());
        Ok(node.zip(epoch).map(|(node, epoch)| Record { node, epoch, fields }))
    }

    /// Makes a session this instance's, unless it has changed hands since it was read.
    ///
    /// # Errors
    /// [`Away`] if Redis did not answer.
    pub async fn claim_session(&self, id: &ClientId, epoch: u64) -> Result<bool, Away> {
        let (me, epoch) = (self.shared.me.to_string(), epoch.to_string());
        let lifetime = self.session_lifetime();
        let key = self.shared.names.session(id);
        let arguments = [epoch.as_bytes(), me.as_bytes(), lifetime.as_bytes()];
        Ok(CLAIM.run(&self.shared.link, &[&key], &arguments).await? == Value::Int(1))
    }

    /// Puts a packed session where the instance that takes it finds it, for a minute. It may be long, and what instances say
    /// to each other may not.
    ///
    /// # Errors
    /// [`Away`] if Redis did not take it.
    pub async fn put_down(&self, id: &ClientId, packed: &[u8]) -> Result<(), Away> {
        let mut put = redis::cmd("SET");
        put.arg(self.shared.names.luggage(id)).arg(packed).arg("PX").arg(60_000);
        Ok(self.shared.link.run(&put).await.map(drop)?)
    }

    /// Takes what was put down.
    ///
    /// # Errors
    /// [`Away`] if Redis did not answer, or has nothing.
    pub async fn pick_up(&self, id: &ClientId) -> Result<Vec<u8>, Away> {
        let mut get = redis::cmd("GET");
        get.arg(self.shared.names.luggage(id));
        let answer = self.shared.link.run(&get).await?;
        Option::<Vec<u8>>::from_redis_value(answer).ok().flatten().ok_or(Away)
    }

    /// How long what is known of a session is kept after each note, in milliseconds.
    fn session_lifetime(&self) -> String {
        (2 * self.session_lifetime).max(Duration::from_secs(1)).as_millis().to_string()
    }
}
