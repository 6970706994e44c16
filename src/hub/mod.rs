//! The WebSub hub (W3C Recommendation of 23 January 2018; PubSubHubbub 0.3 and 0.4): subscriptions to topics, and the
//! delivery of their content.
//!
//! This module must not know Bayeux sessions. State is in the store only; every worker may die between two operations.

use std::sync::Arc;

use crate::config;
use crate::fetch::Fetch;
use crate::metrics::Metrics;
use crate::store::Store;

/// A hub.
#[allow(dead_code)]
pub struct Hub {
    settings: config::Hub,
    /// Scheme and host of `server.public_url`, without a slash at the end.
    public_url: String,
    store: Store,
    /// Requests to callbacks.
    callbacks: Fetch,
    /// Requests to topics.
    topics: Fetch,
    metrics: Metrics,
}

#[allow(dead_code)]
type Shared = Arc<Hub>;
