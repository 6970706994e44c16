//! The addresses of this server's own lists of entries. The server must not follow them: each entry would produce
//! another entry of the same list, endlessly.
//!
//! This module knows the form of the addresses, and not how feeds are fetched.

use hyper::http::Uri;
use percent_encoding::percent_decode_str;

use super::feeds::Feeds;
use super::guard::ChannelRule;

/// Where the feeds of channels are (`channel.syndicate`).
const SYNDICATED: &str = "/feeds/";

/// The addresses of the lifestream, and of the channels of feeds that are feeds themselves.
#[derive(Debug, Clone)]
pub struct OwnPages {
    /// Host and port of `server.public_url`; without it the server does not know its address.
    place: Option<(String, u16)>,
    /// `lifestream.path`, if the page is served.
    lifestream: Option<String>,
    /// The names of the syndicated channels that are channels of feeds.
    syndicated: Vec<String>,
}

impl OwnPages {
    /// Returns the addresses of a server from its URL, the path of its lifestream, if it is served, and its channels.
    pub(super) fn new(
        public_url: Option<&str>,
        lifestream: Option<&str>,
        feeds: &Feeds,
        rules: &[ChannelRule],
    ) -> Self {
        let channels = feeds.channel_of("");
        let rules = rules.iter().filter(|rule| rule.pattern.starts_with(&channels));
        Self {
            place: public_url.and_then(|url| place(&url.parse().ok()?)),
            lifestream: lifestream.map(str::to_owned),
            syndicated: rules.filter_map(|rule| rule.syndicate.clone()).collect(),
        }
    }

    /// Returns why a feed at this URL is refused; `None` if the URL is not one of these addresses.
    #[must_use]
    pub fn refuse(&self, url: &str) -> Option<String> {
        let uri: Uri = url.parse().ok()?;
        if self.place.is_none() || place(&uri) != self.place {
            return None;
        }
        let path = percent_decode_str(uri.path()).decode_utf8_lossy();
        let is_lifestream = self.lifestream.as_ref().is_some_and(|own| {
            let rest = path.strip_prefix(own.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
        });
        let is_syndicated = path
            .strip_prefix(SYNDICATED)
            .and_then(|file| file.rsplit_once('.'))
            .is_some_and(|(name, _)| self.syndicated.iter().any(|own| own == name));
        (is_lifestream || is_syndicated).then(|| {
            format!(
                "{url} is a list of entries of this server, so each entry would be published again without end; write the \
                 URL of a feed of another site"
            )
        })
    }
}

/// Returns host and port. The scheme is irrelevant: both lead to this server.
fn place(uri: &Uri) -> Option<(String, u16)> {
    let host = uri.host()?.trim_end_matches('.').to_ascii_lowercase();
    let port = uri.port_u16().filter(|port| *port != 80).unwrap_or(443);
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_lists_are_refused_in_each_spelling() {
        let own = OwnPages::new(Some("https://push.example"), Some("/lifestream"), &Feeds::default(), &[]);
        for url in [
            "https://push.example/lifestream.atom",
            "https://PUSH.example:443/lifestream.json?feed=blog",
            "http://push.example/lifestream",
            "http://push.example:80/%6Cifestream.atom",
            "https://push.example./lifestream/entries",
        ] {
            assert!(own.refuse(url).is_some(), "{url}");
        }
        for url in [
            "https://other.example/lifestream.atom",
            "https://push.example:8443/lifestream.atom",
            "https://push.example/lifestreams",
            "https://push.example/feeds/news.atom",
            "https://push.example/blog.atom",
        ] {
            assert_eq!(own.refuse(url), None, "{url}");
        }
    }
}
