//! The place of the cluster in a program without the feature `redis`: there are no other instances.
//!
//! It has the items of `cluster` that the other modules use, so that the way of a message is the same in both programs.

use std::sync::Arc;
use std::time::Duration;

use super::Server;
use super::prepared::Prepared;
use super::request::Request;
use crate::auth::{Cookie, Policy};
use crate::bayeux::{ClientId, Message};
use crate::broker::Redis;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::router::{PendingFlush, Session};

/// Never constructed.
#[derive(Clone, Copy)]
pub(super) enum Client {}

/// Never constructed.
pub(super) enum Cluster {}

/// Never constructed.
pub(super) enum Unflushed {}

/// Never written.
#[expect(dead_code, reason = "only a cluster has a directory")]
pub(super) enum DirectoryWrite {
    Created(ClientId),
    Subscriptions(Box<Message>),
}

/// Where a message is executed.
#[expect(dead_code, reason = "only a cluster forwards messages")]
pub(super) enum Routed {
    Here,
    Prepared(Box<Prepared>),
    Forwarded { replies: String, cookie: Option<Cookie> },
    Unreachable,
}

/// Returns `None`.
///
/// # Errors
/// The setting of Redis, if there is one.
pub(super) fn client(config: &Config, _: &Metrics) -> Result<Option<Client>, String> {
    config.check_built().map(|()| None)
}

impl Cluster {
    pub(super) fn new<Local>(_: &Config, client: Client, _: &Local) -> Self {
        match client {}
    }

    pub(super) fn local<Local>(&self, _: Local) -> Local {
        match *self {}
    }

    pub(super) fn broker<Local>(&self) -> Arc<Redis<Local>> {
        match *self {}
    }

    pub(super) fn is_draining(&self) -> bool {
        match *self {}
    }
}

impl Unflushed {
    pub(super) fn add(&self, _: PendingFlush, _: bool) {
        match *self {}
    }
}

impl Server {
    /// Pending forever.
    pub async fn run_cluster(self: &Arc<Self>) {
        std::future::pending::<()>().await;
    }

    /// Returns at once.
    pub async fn drain(self: &Arc<Self>, _: Duration) {}

    /// Returns at once.
    pub async fn deregister(&self) {}

    /// Returns the session with this identifier.
    pub async fn session_anywhere(&self, id: &ClientId, _: &Arc<Peer>) -> Option<Arc<Session>> {
        self.sessions.find(id)
    }

    pub(super) async fn route(
        &self,
        _: &Message,
        _: Option<&Request<'_>>,
        _: &Arc<Peer>,
        _: &Policy,
    ) -> Routed {
        Routed::Here
    }

    pub(super) async fn write_directory(&self, _: &DirectoryWrite) -> bool {
        true
    }

    pub(super) async fn write_replays(&self, _: &Arc<Session>) {}

    pub(super) fn own(&self, _: &ClientId) {}

    pub(super) fn remove_record(&self, _: ClientId) {}

    pub(super) fn unready_cluster(&self) -> Option<&'static str> {
        None
    }
}
