//! `/metrics`: the counters in Prometheus's text format.

use hyper::Response;
use hyper::http::request::Parts;

use crate::metrics::Metrics;
use crate::transport::{Body, Endpoint};

/// Shows the counters.
pub struct Stats(pub Metrics);

impl Endpoint for Stats {
    fn answer(&self, request: &Parts) -> Option<Response<Body>> {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        super::answer(request, "/metrics", kind, || self.0.text().into_bytes())
    }
}
