//! `/metrics`: the counters in Prometheus's text format.

use crate::metrics::Metrics;
use crate::transport::{Endpoint, Method, Route};

/// Serves the metrics.
pub struct Stats(pub Metrics);

impl Endpoint for Stats {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        if path != "/metrics" {
            return None;
        }
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        Some(Route::Response(super::answer(method, kind, || self.0.text().into_bytes())))
    }
}
