//! The constant part of a feed: its name, its URLs and its channel.
//!
//! It must not know entries or formats.

/// The constant part of a feed.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) name: String,
    pub(super) channel: String,
    pub(super) title: String,
    pub(super) author: String,
    /// The URLs of the documents.
    pub(super) atom: String,
    pub(super) json: String,
    /// The URL of the hub, if it is enabled.
    pub(super) hub: Option<String>,
    /// Identifies the channel among all channels of all servers.
    pub(super) scope: String,
}

impl Description {
    /// `public_url` has no slash at its end; `hub` is a path.
    pub(super) fn new(public_url: &str, name: &str, channel: &str, hub: Option<&str>) -> Self {
        let authority = public_url.split_once("://").map_or(public_url, |(_, authority)| authority);
        Self {
            name: name.to_owned(),
            channel: channel.to_owned(),
            title: name.to_owned(),
            author: authority.to_owned(),
            atom: format!("{public_url}/feeds/{name}.atom"),
            json: format!("{public_url}/feeds/{name}.json"),
            hub: hub.map(|path| format!("{public_url}{path}")),
            scope: format!("{public_url} {channel}"),
        }
    }
}
