//! Patterns as sets of channels: containment and intersection.
//!
//! The number of channels is unlimited, so a finite list of names never equals a wildcard.

use std::fmt;

use super::channel;

/// The part after the base of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Tail {
    /// Empty: the base is the channel.
    Nothing,
    /// `/*`: one more segment.
    One,
    /// `/**`: one or more segments.
    Many,
}

/// A channel, or all channels that a pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern<'a> {
    base: &'a str,
    tail: Tail,
}

/// A parsed pattern for repeated comparisons.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Compiled {
    base: Box<str>,
    tail: Tail,
}

impl Compiled {
    /// Parses a channel or a pattern; `None` for other texts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Pattern::parse(text).map(|Pattern { base, tail }| Self { base: base.into(), tail })
    }

    /// Returns the pattern.
    #[must_use]
    pub fn pattern(&self) -> Pattern<'_> {
        Pattern { base: &self.base, tail: self.tail }
    }
}

impl<'a> Pattern<'a> {
    /// Parses a channel or a pattern; `None` for other texts.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if channel::is_name(text) {
            return Some(Self::of_name(text));
        }
        if !channel::is_pattern(text) {
            return None;
        }
        let (base, last) = text.rsplit_once('/')?;
        Some(Self { base, tail: if last == "*" { Tail::One } else { Tail::Many } })
    }

    /// Returns the one channel of a valid name.
    #[must_use]
    pub fn of_name(name: &'a str) -> Self {
        Self { base: name, tail: Tail::Nothing }
    }

    /// Whether it is a single channel.
    #[must_use]
    pub fn is_name(self) -> bool {
        self.tail == Tail::Nothing
    }

    /// Whether it contains every channel of another pattern.
    #[must_use]
    pub fn covers(self, other: Pattern<'_>) -> bool {
        match (self.tail, other.tail) {
            (Tail::Nothing, Tail::Nothing) | (Tail::One, Tail::One) => self.base == other.base,
            (Tail::One, Tail::Nothing) => parent(other.base) == Some(self.base),
            (Tail::Many, Tail::Nothing) => is_below(other.base, self.base),
            (Tail::Many, Tail::One | Tail::Many) => {
                other.base == self.base || is_below(other.base, self.base)
            }
            (Tail::Nothing, _) | (Tail::One, Tail::Many) => false,
        }
    }

    /// Returns the intersection of both; `None` if it is empty.
    #[must_use]
    pub fn common(self, other: Self) -> Option<Self> {
        if self.covers(other) {
            return Some(other);
        }
        other.covers(self).then_some(self)
    }
}

impl fmt::Display for Pattern<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = match self.tail {
            Tail::Nothing => "",
            Tail::One => "/*",
            Tail::Many => "/**",
        };
        write!(formatter, "{}{tail}", self.base)
    }
}

fn parent(name: &str) -> Option<&str> {
    name.rsplit_once('/').map(|(parent, _)| parent)
}

/// Whether a name has more segments than a base, and begins with all of its.
fn is_below(name: &str, base: &str) -> bool {
    name.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENTS: [&str; 3] = ["a", "b", "new"];

    /// Returns every channel of up to three segments.
    fn names() -> Vec<String> {
        let one: Vec<String> = SEGMENTS.iter().map(|segment| format!("/{segment}")).collect();
        let longer = |names: &[String]| -> Vec<String> {
            names
                .iter()
                .flat_map(|name| SEGMENTS.iter().map(move |segment| format!("{name}/{segment}")))
                .collect()
        };
        let two = longer(&one);
        let three = longer(&two);
        [one, two, three].concat()
    }

    /// Returns every pattern whose base has up to two segments, and every channel of up to two.
    fn patterns() -> Vec<String> {
        let bases = names().into_iter().filter(|name| !name.contains("new") && name.split('/').count() <= 3);
        let bases: Vec<String> = std::iter::once(String::new()).chain(bases).collect();
        bases
            .iter()
            .flat_map(|base| [base.clone(), format!("{base}/*"), format!("{base}/**")])
            .filter(|pattern| !pattern.is_empty())
            .collect()
    }

    fn members(pattern: Pattern<'_>) -> Vec<String> {
        names().into_iter().filter(|name| pattern.covers(Pattern::of_name(name))).collect()
    }

    #[test]
    fn a_pattern_has_the_channels_that_a_subscription_to_it_gets() {
        let has = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().covers(Pattern::of_name(name));
        assert!(has("/a", "/a") && !has("/a", "/a/b") && !has("/a", "/ab"));
        assert!(has("/a/*", "/a/b") && !has("/a/*", "/a") && !has("/a/*", "/a/b/c") && !has("/a/*", "/ab/c"));
        assert!(
            has("/a/**", "/a/b") && has("/a/**", "/a/b/c") && !has("/a/**", "/a") && !has("/a/**", "/ab/c")
        );
        assert!(has("/*", "/a") && !has("/*", "/a/b") && has("/**", "/a/b/c"));
    }

    /// Compares two sets channel by channel. The channels have one segment more than the longest base, since patterns
    /// differ in no longer channels.
    #[test]
    fn covers_and_common_are_those_of_sets() {
        let patterns = patterns();
        for a in &patterns {
            let a = Pattern::parse(a).unwrap();
            let of_a = members(a);
            for b in &patterns {
                let b = Pattern::parse(b).unwrap();
                let of_b = members(b);
                let both: Vec<String> = of_a.iter().filter(|name| of_b.contains(name)).cloned().collect();
                assert_eq!(a.common(b).map(members).unwrap_or_default(), both, "{a:?} {b:?}");
                if a.covers(b) {
                    assert_eq!(both, of_b, "{a:?} {b:?}");
                }
            }
        }
        let covers = |a, b| Pattern::parse(a).unwrap().covers(Pattern::parse(b).unwrap());
        assert!(
            covers("/**", "/a/**")
                && covers("/**", "/*")
                && covers("/a/**", "/a/*")
                && covers("/a/**", "/a/b/**")
        );
        assert!(
            !covers("/*", "/**")
                && !covers("/a/*", "/a/**")
                && !covers("/a/b", "/a/*")
                && !covers("/a/**", "/**")
        );
    }

    #[test]
    fn what_is_no_pattern() {
        for bad in ["", "/", "a", "/a/*/b", "/a*", "/**/a", "/a/", "//*"] {
            assert_eq!(Pattern::parse(bad), None, "{bad}");
        }
    }
}
