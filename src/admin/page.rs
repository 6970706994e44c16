//! The page at `/`: two clients with lines to cut, a publish box with snippets, a chat and a board. Its parts are the
//! files in `page/`; it uses the client script of the mount. It must not know how the server works.

use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use super::activity::Activity;
use crate::transport::{Endpoint, Method, Route};

const PAGE: &str = include_str!("page/index.html");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The files that the page loads: name, type, text.
const FILES: &[(&str, &str, &str)] = &[
    ("activity.js", SCRIPT, include_str!("page/activity.js")),
    ("board-view.js", SCRIPT, include_str!("page/board-view.js")),
    ("board.css", STYLE, include_str!("page/board.css")),
    ("board.js", SCRIPT, include_str!("page/board.js")),
    ("cards.js", SCRIPT, include_str!("page/cards.js")),
    ("channel-hint.js", SCRIPT, include_str!("page/channel-hint.js")),
    ("chat.js", SCRIPT, include_str!("page/chat.js")),
    ("connection.js", SCRIPT, include_str!("page/connection.js")),
    ("credential.js", SCRIPT, include_str!("page/credential.js")),
    ("curl.js", SCRIPT, include_str!("page/curl.js")),
    ("drag.js", SCRIPT, include_str!("page/drag.js")),
    ("feed.js", SCRIPT, include_str!("page/feed.js")),
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("line.js", SCRIPT, include_str!("page/line.js")),
    ("literal.js", SCRIPT, include_str!("page/literal.js")),
    ("main.js", SCRIPT, include_str!("page/main.js")),
    ("outage.js", SCRIPT, include_str!("page/outage.js")),
    ("plug-client.js", SCRIPT, include_str!("page/plug-client.js")),
    ("plug-view.js", SCRIPT, include_str!("page/plug-view.js")),
    ("plug.css", STYLE, include_str!("page/plug.css")),
    ("plug.js", SCRIPT, include_str!("page/plug.js")),
    ("publish.js", SCRIPT, include_str!("page/publish.js")),
    ("readiness.js", SCRIPT, include_str!("page/readiness.js")),
    ("refusal.js", SCRIPT, include_str!("page/refusal.js")),
    ("snippets.js", SCRIPT, include_str!("page/snippets.js")),
    ("status.js", SCRIPT, include_str!("page/status.js")),
    ("style.css", STYLE, include_str!("page/style.css")),
    ("tabs.js", SCRIPT, include_str!("page/tabs.js")),
    ("talk.css", STYLE, include_str!("page/talk.css")),
    ("tally.js", SCRIPT, include_str!("page/tally.js")),
    ("ticker.js", SCRIPT, include_str!("page/ticker.js")),
    ("time.js", SCRIPT, include_str!("page/time.js")),
];

/// The folder of these files: the first that is not a prefix of the mount, which may have any path.
const FOLDERS: [&str; 2] = ["/page", "/start"];

/// The name of the activity in that folder.
const ACTIVITY: &str = "activity.json";

/// Visitors see the messages of others, so the browser runs only files of the server. `'self'` includes WebSockets to
/// the same address, and the scripts of JSON-P.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The settings of the page.
pub struct PageSettings<'a> {
    /// The path of the mount.
    pub mount: &'a str,
    /// The field of `ext` that holds the push secret.
    pub secret_field: &'a str,
    /// The field of `ext` that holds a token.
    pub token_field: &'a str,
    /// The activity to show; `None` if health and metrics have an address of their own. The page then does not link to
    /// them.
    pub activity: Option<Activity>,
    /// The path of the hub for a link; `None` if the hub is off.
    pub hub: Option<&'a str>,
}

/// The page. It is served only if `/` is not the mount.
pub struct Page {
    html: String,
    folder: &'static str,
    activity: Option<Activity>,
}

impl Page {
    /// Returns the page for a server with these settings.
    #[must_use]
    pub fn new(settings: PageSettings<'_>) -> Self {
        let PageSettings { mount, secret_field, token_field, activity, hub } = settings;
        let [first, second] = FOLDERS;
        let folder = if mount.starts_with(first) { second } else { first };
        let links = r#"<a href="/healthz">Health</a> <a href="/metrics">Metrics</a>"#;
        let (links, figures) = match activity {
            Some(_) => (links, format!("{folder}/{ACTIVITY}")),
            None => ("", String::new()),
        };
        let hub_link = if hub.is_some() { r#" <a href="{hub}">WebSub hub</a>"# } else { "" };
        let links = format!("{links}{hub_link}");
        let html = PAGE
            .replace("{links}", links.trim_start())
            .replace("{activity}", &figures)
            .replace("{files}", folder);
        let html = html.replace("{version}", env!("CARGO_PKG_VERSION"));
        let html = fill(
            &html,
            &[
                ("{mount}", mount),
                ("{secret_field}", secret_field),
                ("{token_field}", token_field),
                ("{hub}", hub.unwrap_or_default()),
            ],
        );
        Self { html, folder, activity }
    }
}

/// Replaces placeholders by HTML-escaped settings. Placeholders within a value are not replaced.
fn fill(html: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(html.len());
    let mut rest = html;
    let next =
        |rest: &str| values.iter().filter_map(|(name, value)| Some((rest.find(name)?, *name, *value))).min();
    while let Some((at, name, value)) = next(rest) {
        filled.push_str(&rest[..at]);
        let value = value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        filled.push_str(&value);
        rest = &rest[at + name.len()..];
    }
    filled.push_str(rest);
    filled
}

impl Endpoint for Page {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        if path == "/" {
            let html = || self.html.clone().into_bytes();
            let mut response = super::answer(method, "text/html; charset=utf-8", html);
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            return Some(Route::Response(response));
        }
        let name = path.strip_prefix(self.folder)?.strip_prefix('/')?;
        if name == ACTIVITY {
            let activity = self.activity.as_ref()?;
            let json = || activity.json().into_bytes();
            return Some(Route::Response(super::answer(method, "application/json", json)));
        }
        let (_, kind, text) = FILES.iter().find(|(file, ..)| *file == name)?;
        Some(Route::Response(super::answer(method, kind, || text.as_bytes().to_vec())))
    }
}
