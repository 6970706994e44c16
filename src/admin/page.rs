//! The page at `/`: says what runs here, and shows it at work by a chat, a publish box and a board. Its parts are the
//! files in `page/`; the script that it connects with is the one that the mount serves.

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use crate::transport::{Endpoint, Method};

const PAGE: &str = include_str!("page/index.html");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// What the page loads: name, type, text.
const FILES: &[(&str, &str, &str)] = &[
    ("board-view.js", SCRIPT, include_str!("page/board-view.js")),
    ("board.css", STYLE, include_str!("page/board.css")),
    ("board.js", SCRIPT, include_str!("page/board.js")),
    ("cards.js", SCRIPT, include_str!("page/cards.js")),
    ("chat.js", SCRIPT, include_str!("page/chat.js")),
    ("connection.js", SCRIPT, include_str!("page/connection.js")),
    ("curl.js", SCRIPT, include_str!("page/curl.js")),
    ("drag.js", SCRIPT, include_str!("page/drag.js")),
    ("feed.js", SCRIPT, include_str!("page/feed.js")),
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("main.js", SCRIPT, include_str!("page/main.js")),
    ("publish.js", SCRIPT, include_str!("page/publish.js")),
    ("refusal.js", SCRIPT, include_str!("page/refusal.js")),
    ("status.js", SCRIPT, include_str!("page/status.js")),
    ("style.css", STYLE, include_str!("page/style.css")),
];

/// Where these files are: the first folder that is not on the way of the mount, which may have any path.
const FOLDERS: [&str; 2] = ["/page", "/start"];

/// What visitors publish is shown to others, so the browser runs nothing that is not the server's own. `'self'` takes
/// in WebSockets to the same address, and the scripts of JSON-P.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page. It is served only where `/` is not the mount itself.
pub struct Page {
    html: String,
    folder: &'static str,
}

impl Page {
    /// The page for a server at this mount. `with_links` says whether health and metrics are on the same address.
    #[must_use]
    pub fn new(mount: &str, with_links: bool) -> Self {
        let [first, second] = FOLDERS;
        let folder = if mount.starts_with(first) { second } else { first };
        // The setting admits no character that could end an attribute or a script, but quotes.
        let mount = mount.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let links = r#" <a href="/healthz">Health</a> <a href="/metrics">Metrics</a>"#;
        let html = PAGE.replace("{links}", if with_links { links } else { "" }).replace("{files}", folder);
        // The mount last: it may hold what looks like another of these.
        let html = html.replace("{version}", env!("CARGO_PKG_VERSION")).replace("{mount}", &mount);
        Self { html, folder }
    }
}

impl Endpoint for Page {
    fn answer(&self, method: Method, path: &str) -> Option<Response<Bytes>> {
        if path == "/" {
            let html = || self.html.clone().into_bytes();
            let mut response = super::answer(method, "text/html; charset=utf-8", html)?;
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            return Some(response);
        }
        let name = path.strip_prefix(self.folder)?.strip_prefix('/')?;
        let (_, kind, text) = FILES.iter().find(|(file, ..)| *file == name)?;
        super::answer(method, kind, || text.as_bytes().to_vec())
    }
}
