//! The grammar of channels: names, patterns, and the operation that a channel stands for.
//!
//! It must not know subscriptions; they belong to the router.

/// The operation of a message, read once from its channel. Policy depends on this value, never on the text of the
/// channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `/meta/handshake`
    Handshake,
    /// `/meta/connect`
    Connect,
    /// `/meta/subscribe`
    Subscribe,
    /// `/meta/unsubscribe`
    Unsubscribe,
    /// `/meta/disconnect`
    Disconnect,
    /// Any other channel whose first segment is `meta`; it is refused.
    UnknownMeta,
    /// Every other channel, valid or not.
    Publish,
}

impl Verb {
    /// Reads the verb from a channel. Only an exact name is a meta verb (`/meta/handshake/x` is refused), and an
    /// invalid channel such as `/meta/handshake/` is a publication that fails.
    #[must_use]
    pub fn of(channel: &str) -> Self {
        match channel {
            "/meta/handshake" => Self::Handshake,
            "/meta/connect" => Self::Connect,
            "/meta/subscribe" => Self::Subscribe,
            "/meta/unsubscribe" => Self::Unsubscribe,
            "/meta/disconnect" => Self::Disconnect,
            other if is_meta(other) => Self::UnknownMeta,
            _ => Self::Publish,
        }
    }
}

/// Whether the text is a channel that can be published to: `/segment(/segment)*` (Bayeux 1.0, section 2.1).
#[must_use]
pub fn is_name(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('/') else { return false };
    rest.split('/').all(is_segment)
}

/// Whether the text is a pattern: segments of which the last is `*` (one segment) or `**` (one or more).
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    let Some((parent, last)) = text.rsplit_once('/') else { return false };
    matches!(last, "*" | "**") && (parent.is_empty() || is_name(parent))
}

/// Whether a client can subscribe to the text: a name or a pattern.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    is_name(text) || is_pattern(text)
}

/// Whether a valid channel's first segment is `meta`.
#[must_use]
pub fn is_meta(text: &str) -> bool {
    first_segment(text) == "meta" && is_valid(text)
}

/// Whether a valid channel's first segment is `service`.
#[must_use]
pub fn is_service(text: &str) -> bool {
    first_segment(text) == "service" && is_valid(text)
}

/// Returns the segments of a valid channel or pattern.
pub fn segments(channel: &str) -> std::str::Split<'_, char> {
    channel.strip_prefix('/').unwrap_or(channel).split('/')
}

/// How many segments a channel or pattern has.
#[must_use]
pub fn depth(channel: &str) -> usize {
    memchr::memchr_iter(b'/', channel.as_bytes()).count()
}

fn first_segment(text: &str) -> &str {
    let rest = text.strip_prefix('/').unwrap_or("");
    rest.split('/').next().unwrap_or("")
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(is_segment_byte)
}

fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'!' | b'~' | b'(' | b')' | b'$' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["/a", "/foo/bar", "/A-_!~()$@9", "/meta/handshake", "/__proto__", "/a/b/c/d/e"] {
            assert!(is_name(good), "{good}");
            assert!(!is_pattern(good), "{good}");
        }
        for bad in [
            "", "/", "a", "//", "/a/", "/a//b", "/a.b", "/a:b", "/a%20", "/a b", "/ä", "/a*", "/*", "/**",
            "/a\n",
        ] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn patterns() {
        for good in ["/*", "/**", "/a/*", "/a/b/**"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["", "*", "**", "/***", "/*/a", "/**/a", "/a*", "/a/*/", "//*", "/a//*", "/**/*"] {
            assert!(!is_pattern(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_exact_meta_names_are_verbs() {
        assert_eq!(Verb::of("/meta/handshake"), Verb::Handshake);
        assert_eq!(Verb::of("/meta/subscribe"), Verb::Subscribe);
        for refused in ["/meta", "/meta/x", "/meta/handshake/x", "/meta/*", "/meta/**"] {
            assert_eq!(Verb::of(refused), Verb::UnknownMeta, "{refused}");
        }
        for published in ["/meta/handshake/", "/META/handshake", "/metafoo", "meta", "/meta/hand shake", ""] {
            assert_eq!(Verb::of(published), Verb::Publish, "{published:?}");
        }
    }

    #[test]
    fn service_is_a_whole_segment() {
        assert!(is_service("/service") && is_service("/service/x") && is_service("/service/**"));
        assert!(!is_service("/services") && !is_service("/service/") && !is_service("/x/service"));
    }
}
