//! `/metrics`: the counters in Prometheus's text format.

use bytes::Bytes;
use hyper::Response;

use crate::metrics::Metrics;
use crate::transport::{Endpoint, Method};

/// Shows the counters.
pub struct Stats(pub Metrics);

impl Endpoint for Stats {
    fn answer(&self, method: Method, path: &str) -> Option<Response<Bytes>> {
        if path != "/metrics" {
            return None;
        }
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        super::answer(method, kind, || self.0.text().into_bytes())
    }
}
