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
    /// The page for a server at this mount. `with_links` says whether health and metrics are on the same address.
    #[must_use]
    pub fn new(mount: &str, with_links: bool) -> Self {
        // The setting admits no character that could end an attribute or a script, but quotes.
        let mount = mount.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let links = r#" <small><a href="/healthz">health</a> · <a href="/metrics">metrics</a></small>"#;
        let html = PAGE.replace("{links}", if with_links { links } else { "" });
        Self { html: html.replace("{mount}", &mount).replace("{version}", env!("CARGO_PKG_VERSION")) }
    }
}

impl Endpoint for Page {
    fn answer(&self, request: &Parts) -> Option<Response<Body>> {
        super::answer(request, "/", "text/html; charset=utf-8", || self.html.clone().into_bytes())
    }
}
