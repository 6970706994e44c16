//! A feed that is described outside the settings, as by `faye feeds add`: the same keys with the same bounds as in
//! `[[feed]]`. References to secrets are not followed.

use toml::{Table, Value};

use super::checks::credentials;
use super::{Feed, keys, suggest};
use crate::config::value::Given;

/// The section with the keys of a feed.
const SECTION: &str = "feed";

/// Reads the fields of a feed, each a key and its value without quotes.
///
/// # Errors
/// A text about the first invalid field and a valid value.
pub fn read_feed(fields: &[(&str, &str)]) -> Result<Feed, String> {
    let mut table = Table::new();
    for (name, text) in fields {
        let key = keys::find(SECTION, name).ok_or_else(|| suggest::unknown_key(SECTION, name))?;
        let value = key.kind.read(&Given::bare(text, key.kind));
        let value = value.map_err(|wrong| format!("{name}: {}", wrong.bare()))?;
        if table.insert((*name).to_owned(), value).is_some() {
            return Err(format!("{name} is given more than once; write it once"));
        }
    }
    for required in keys::required(SECTION).unwrap_or_default() {
        if !table.contains_key(*required) {
            return Err(format!("{required} is missing; write it"));
        }
    }
    let feed: Feed = Value::Table(table).try_into().map_err(|error: toml::de::Error| error.to_string())?;
    match credentials(&feed) {
        Some((name, message)) => Err(format!("{name}: {message}")),
        None => Ok(feed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOG: [(&str, &str); 2] = [("name", "blog"), ("url", "https://a.example/feed")];

    #[test]
    fn fields_are_those_of_the_settings() {
        let feed = read_feed(&BLOG).unwrap();
        assert_eq!(
            (feed.name.as_str(), feed.url.as_str(), feed.public),
            ("blog", "https://a.example/feed", false)
        );
        let more = [("poll", "never"), ("public", "true"), ("username", "a"), ("password", "env:X")];
        let feed = read_feed(&[&BLOG[..], &more].concat()).unwrap();
        assert_eq!((feed.poll, feed.public), (Some(None), true));
        assert_eq!(feed.password.unwrap().expose(), "env:X");
    }

    #[test]
    fn wrong_fields_say_what_to_write() {
        for (more, expected) in [
            (("names", "x"), "unknown key; write name"),
            (("poll", "0s"), "poll: \"0s\" is too small; write at least 1s"),
            (("hub", "ftp://x"), "hub: \"ftp://x\" is not"),
            (("public", "maybe"), "public: \"maybe\" is not"),
            (("username", "a"), "username: a username and its password go together"),
            (("url", "https://b.example/"), "url is given more than once"),
        ] {
            let error = read_feed(&[&BLOG[..], &[more]].concat()).unwrap_err();
            assert!(error.starts_with(expected), "{more:?}: {error}");
        }
        assert_eq!(read_feed(&BLOG[..1]).unwrap_err(), "url is missing; write it");
        let secret = ("url", "https://ana:hunter2@example.org/feed.xml?token=hidden");
        assert_eq!(
            read_feed(&[BLOG[0], secret]).unwrap_err(),
            "url: \"https://...@example.org/feed.xml?...\" is not an http or https URL without a user and a fragment; write \
             for example https://example.com/feed.xml"
        );
        assert!(
            read_feed(&[("name", "Blog!"), BLOG[1]])
                .unwrap_err()
                .starts_with("name: \"Blog!\" is not a name")
        );
    }
}
