//! URLs as quoted in messages. It must not know their source.

/// Returns a text without the parts of a URL that may have a password or a token: user, password and query. It may be
/// no URL.
pub(crate) fn redact(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['@', '?']) => (format!("{scheme}://"), rest),
        _ => (String::new(), text),
    };
    // A password may have a slash or a question mark that is not encoded, so the user is all before the last `@`.
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("...@", rest));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?..."));
    format!("{scheme}{user}{rest}{query}")
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn users_passwords_and_queries_are_left_out() {
        for (text, expected) in [
            ("https://example.org/feed.xml", "https://example.org/feed.xml"),
            ("https://ana:hunter2@example.org/feed.xml", "https://...@example.org/feed.xml"),
            ("https://ana:hunt/er?2@example.org/feed.xml", "https://...@example.org/feed.xml"),
            ("https://ana@example.org/?token=hunter2#x", "https://...@example.org/?..."),
            ("https://example.org/feed?to=me@example.org&key=hunter2", "https://...@example.org&key=hunter2"),
            ("ana:hunter2@example.org", "...@example.org"),
            ("example.org?u=https://hunter2", "example.org?..."),
            ("text", "text"),
            ("", ""),
        ] {
            assert_eq!(redact(text), expected, "{text}");
        }
    }
}
