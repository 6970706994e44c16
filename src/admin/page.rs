//! The page at `/`: says what runs here, how to publish, and shows live what was published.

use hyper::Response;
use hyper::http::request::Parts;

use crate::transport::{Body, Endpoint};

const PAGE: &str = include_str!("page.html");

/// The page. It is served only where `/` is not the mount itself.
pub struct Page {
    html: String,
}

impl Page {
    /// The page for a server at this mount.
    #[must_use]
    pub fn new(mount: &str) -> Self {
        // The setting admits no character that could end an attribute or a script, but quotes.
        let mount = mount.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        Self { html: PAGE.replace("{mount}", &mount).replace("{version}", env!("CARGO_PKG_VERSION")) }
    }
}

impl Endpoint for Page {
    fn answer(&self, request: &Parts) -> Option<Response<Body>> {
        super::answer(request, "/", "text/html; charset=utf-8", || self.html.clone().into_bytes())
    }
}
