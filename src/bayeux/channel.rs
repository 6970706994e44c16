//! The grammar of channels: names, patterns, and the operation that a channel stands for.
//!
//! There are two grammars: that of Faye, and a wider one with dots. The server checks the names of clients by the grammar
//! of its settings. All other code, which gets names that were checked, accepts the wider one.
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
    /// invalid channel such as `/meta/handshake/` is a publication that fails. So is `/meta/a.b`, in both grammars.
    #[must_use]
    pub fn of(channel: &str) -> Self {
        match channel {
            "/meta/handshake" => Self::Handshake,
            "/meta/connect" => Self::Connect,
            "/meta/subscribe" => Self::Subscribe,
            "/meta/unsubscribe" => Self::Unsubscribe,
            "/meta/disconnect" => Self::Disconnect,
            other if first_segment(other) == "meta" && Grammar::Faye.is_valid(other) => Self::UnknownMeta,
            _ => Self::Publish,
        }
    }
}

/// The characters of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// Letters, digits and `-_!~()$@` (Bayeux 1.0, section 2.1).
    Faye,
    /// Dots as well, as in CometD. `.` and `..` are no segments, because URLs and paths resolve them.
    Dotted,
}

impl Grammar {
    /// Whether the text is a channel that can be published to: `/segment(/segment)*` (Bayeux 1.0, section 2.1).
    #[must_use]
    pub fn is_name(self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix('/') else { return false };
        rest.split('/').all(|segment| self.is_segment(segment))
    }

    /// Whether the text is a pattern: segments of which the last is `*` (one segment) or `**` (one or more).
    #[must_use]
    pub fn is_pattern(self, text: &str) -> bool {
        let Some((parent, last)) = text.rsplit_once('/') else { return false };
        matches!(last, "*" | "**") && (parent.is_empty() || self.is_name(parent))
    }

    /// Whether a client can subscribe to the text: a name or a pattern.
    #[must_use]
    pub fn is_valid(self, text: &str) -> bool {
        self.is_name(text) || self.is_pattern(text)
    }

    fn is_segment(self, segment: &str) -> bool {
        let has_dots = self == Self::Dotted;
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| is_segment_byte(byte) || (has_dots && byte == b'.'))
    }
}

/// Whether the text is a channel of the wider grammar.
#[must_use]
pub fn is_name(text: &str) -> bool {
    Grammar::Dotted.is_name(text)
}

/// Whether the text is a pattern of the wider grammar.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    Grammar::Dotted.is_pattern(text)
}

/// Whether the text is a name or a pattern of the wider grammar.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    Grammar::Dotted.is_valid(text)
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

fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'!' | b'~' | b'(' | b')' | b'$' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Grammar; 2] = [Grammar::Faye, Grammar::Dotted];

    #[test]
    fn names() {
        for good in ["/a", "/foo/bar", "/A-_!~()$@9", "/meta/handshake", "/__proto__", "/a/b/c/d/e"] {
            for grammar in BOTH {
                assert!(grammar.is_name(good) && !grammar.is_pattern(good), "{grammar:?} {good}");
            }
        }
        for bad in [
            "",
            "/",
            "a",
            "//",
            "/a/",
            "/a//b",
            "/a:b",
            "/a%20",
            "/a b",
            "/ä",
            "/a*",
            "/*",
            "/**",
            "/a\n",
            "/.",
            "/..",
            "/../a",
            "/a/./b",
            "/a/..",
            "/a.b/",
            "a.b",
            ".",
            "/a.*",
            "/a.b c",
            "/a.\u{ff0e}",
            "/a?b",
        ] {
            for grammar in BOTH {
                assert!(!grammar.is_name(bad), "{grammar:?} {bad:?}");
            }
        }
    }

    #[test]
    fn patterns() {
        for good in ["/*", "/**", "/a/*", "/a/b/**"] {
            assert!(BOTH.iter().all(|grammar| grammar.is_pattern(good)), "{good}");
        }
        for bad in [
            "", "*", "**", "/***", "/*/a", "/**/a", "/a*", "/a/*/", "//*", "/a//*", "/**/*", "/.*", "/*.",
            "/a.**", "/../*", "/./**",
        ] {
            assert!(!BOTH.iter().any(|grammar| grammar.is_valid(bad)), "{bad:?}");
        }
    }

    #[test]
    fn only_the_wider_grammar_has_dots() {
        for name in ["/foo.bar", "/event/Order__e.x", "/.a", "/a.", "/...", "/a..b/c"] {
            assert!(Grammar::Dotted.is_name(name) && !Grammar::Faye.is_valid(name), "{name}");
            let pattern = format!("{name}/**");
            assert!(Grammar::Dotted.is_pattern(&pattern) && !Grammar::Faye.is_valid(&pattern), "{pattern}");
        }
    }

    #[test]
    fn only_exact_meta_names_are_verbs() {
        assert_eq!(Verb::of("/meta/handshake"), Verb::Handshake);
        assert_eq!(Verb::of("/meta/subscribe"), Verb::Subscribe);
        for refused in ["/meta", "/meta/x", "/meta/handshake/x", "/meta/*", "/meta/**"] {
            assert_eq!(Verb::of(refused), Verb::UnknownMeta, "{refused}");
        }
        for published in [
            "/meta/handshake/",
            "/META/handshake",
            "/metafoo",
            "meta",
            "/meta/hand shake",
            "/meta/a.b",
            "/meta./a",
            "",
        ] {
            assert_eq!(Verb::of(published), Verb::Publish, "{published:?}");
        }
    }

    #[test]
    fn meta_and_service_are_whole_segments() {
        assert!(is_meta("/meta/a.b") && is_meta("/meta/**") && !is_meta("/meta.a") && !is_meta("/meta./a"));
        assert!(is_service("/service") && is_service("/service/x") && is_service("/service/**"));
        assert!(is_service("/service/a.b") && !is_service("/service.a") && !is_service("/.service/a"));
        assert!(!is_service("/services") && !is_service("/service/") && !is_service("/x/service"));
    }
}
