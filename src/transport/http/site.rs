//! The resources of a listener: the Bayeux mount and the endpoints outside of it.

use std::sync::Arc;

use super::endpoint::{Endpoint, Route};
use super::mount::Mount;
use super::request::Method;
use crate::transport::net::context::Context;

/// The resources of a listener, with the state that its connections share.
pub struct Site {
    /// The shared state of the connections.
    pub context: Arc<Context>,
    /// Endpoints outside of the mount; asked first, in order.
    pub endpoints: Vec<Arc<dyn Endpoint>>,
    /// The path of the Bayeux server.
    pub mount: Mount,
}

impl Site {
    /// Returns the first endpoint for the path, or for the path without its final slash, and its route. Unknown methods have no
    /// endpoint.
    pub(super) fn endpoint(&self, method: Method, path: &str) -> Option<(&Arc<dyn Endpoint>, Route)> {
        if method == Method::Unknown {
            return None;
        }
        let at = |path: &str| {
            self.endpoints.iter().find_map(|endpoint| Some((endpoint, endpoint.route(method, path)?)))
        };
        let shorter = || path.strip_suffix('/').filter(|path| !path.is_empty() && !path.ends_with('/'));
        at(path).or_else(|| at(shorter()?))
    }
}
