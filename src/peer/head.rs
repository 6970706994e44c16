//! The head of a request, stored as the received bytes. A session may keep one for hours, so it is a single allocation
//! of its exact size, and is searched on demand.
//!
//! The caller has checked that it is the head of an HTTP request; it is not checked again here.

use std::ops::Range;

use super::Authority;

/// Request line and headers (RFC 9112, sections 3 and 5).
#[derive(Clone, Default)]
pub struct Head {
    /// Lines with their ends, the first being the request line; no empty line.
    text: Box<[u8]>,
    target: Range<u32>,
}

impl Head {
    /// Copies a valid head with the range of its target. A target outside of the head or beyond 4 GiB counts as empty.
    #[must_use]
    pub fn new(text: &[u8], target: Range<usize>) -> Self {
        let target = match (u32::try_from(target.start), u32::try_from(target.end)) {
            (Ok(start), Ok(end)) => start..end,
            _ => 0..0,
        };
        Self { text: text.into(), target }
    }

    /// The bytes that it was made of, and where the target is in them.
    #[must_use]
    pub fn parts_of(&self) -> (&[u8], Range<usize>) {
        (&self.text, self.target.start as usize..self.target.end as usize)
    }

    /// Returns the target as received: a path with its query, or an absolute URL.
    #[must_use]
    pub fn target(&self) -> &str {
        let target = self.text.get(self.target.start as usize..self.target.end as usize);
        std::str::from_utf8(target.unwrap_or_default()).unwrap_or_default()
    }

    /// Returns the method, such as `POST`; empty without a request line.
    #[must_use]
    pub fn method(&self) -> &str {
        let method = self.text.split(|byte| *byte == b' ').next();
        std::str::from_utf8(method.unwrap_or_default()).unwrap_or_default()
    }

    /// Returns the path of the target; empty if it has none.
    #[must_use]
    pub fn path(&self) -> &str {
        self.parts().0
    }

    /// Returns the head without the trailing slash of its path; `None` if there is none, or if the path is `/`.
    #[must_use]
    pub fn without_final_slash(&self) -> Option<Self> {
        let path = self.path().strip_suffix('/').filter(|path| !path.is_empty() && !path.ends_with('/'))?;
        // The path is a part of the text.
        let slash = path.as_ptr() as usize + path.len() - self.text.as_ptr() as usize;
        let text = [self.text.get(..slash)?, self.text.get(slash + 1..)?].concat();
        let (_, target) = self.parts_of();
        Some(Self::new(&text, target.start..target.end - 1))
    }

    /// Returns the part of the target after the `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.parts().1
    }

    /// Returns the authority of an absolute target, which takes precedence (RFC 9112, section 3.2.2), or of `Host`.
    /// `None` if it is missing or malformed.
    #[must_use]
    pub fn authority(&self) -> Option<Authority<'_>> {
        match absolute(self.target()) {
            Some((_, authority)) => Authority::parse(authority.as_bytes()),
            None => Authority::parse(self.get("host")?),
        }
    }

    fn parts(&self) -> (&str, Option<&str>) {
        let target = self.target();
        let target = target.split_once('#').map_or(target, |(before, _)| before);
        // The absolute form, which clients of proxies send (RFC 9112, section 3.2.2).
        let target = match target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
                rest.find(['/', '?']).map_or("/", |start| &rest[start..])
            }
            _ => target,
        };
        match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        }
    }

    /// Returns the headers in their order, names as they were written.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.text.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            Some((name, line[colon + 1..].trim_ascii()))
        })
    }

    /// Returns the first header of a name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns all headers of a name, in any case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Splits a target in the absolute form into scheme and authority, which may be malformed.
#[must_use]
pub fn absolute(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    let is_scheme = !scheme.contains(['/', '?', '#']);
    is_scheme.then(|| (scheme, rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str) -> Head {
        let text = format!("GET {target} HTTP/1.1\r\nHost: x\r\nA:1\r\na: \t2 \r\n");
        Head::new(text.as_bytes(), 4..4 + target.len())
    }

    #[test]
    fn a_target_outside_of_the_head_is_empty() {
        let text = b"GET / HTTP/1.1\r\n";
        for (start, end) in [(100, 101), (4, 100), (5, 4), (1 << 32, 1), (0, 1 << 32)] {
            assert_eq!(Head::new(text, start..end).target(), "", "{start}..{end}");
        }
        assert_eq!(Head::new(text, 4..5).target(), "/");
    }

    #[test]
    fn path_and_query_of_every_form() {
        for (target, path, query) in [
            ("/faye", "/faye", None),
            ("/faye?a=b?c", "/faye", Some("a=b?c")),
            ("/faye#x?y", "/faye", None),
            ("http://host:80/faye?q", "/faye", Some("q")),
            ("http://host", "/", None),
            ("http://host?q", "", Some("q")),
            ("/a?u=http://x/y", "/a", Some("u=http://x/y")),
            ("*", "*", None),
        ] {
            let head = head(target);
            assert_eq!((head.path(), head.query()), (path, query), "{target}");
        }
        assert_eq!(Head::default().path(), "");
    }

    #[test]
    fn a_path_without_its_final_slash() {
        for (target, expected) in [
            ("/hub/", Some("/hub")),
            ("/hub/?a=/", Some("/hub?a=/")),
            ("http://x/hub/?q", Some("http://x/hub?q")),
            ("/hub//", None),
            ("//", None),
            ("/hub", None),
            ("/", None),
            ("http://x/", None),
            ("http://x", None),
        ] {
            let found = head(target).without_final_slash();
            assert_eq!(found.as_ref().map(Head::target), expected, "{target}");
            assert!(found.is_none_or(|found| found.get("host") == Some(b"x")), "{target}");
        }
    }

    #[test]
    fn the_host_is_that_of_an_absolute_target() {
        let host = |target: &str| head(target).authority().map(|authority| authority.host().to_owned());
        for (target, expected) in [
            ("/faye", Some("x")),
            ("/a?u=http://y/z", Some("x")),
            ("*", Some("x")),
            ("http://y", Some("y")),
            ("HTTPS://y:5?q#f", Some("y")),
            ("http://", None),
            ("http:///faye", None),
            ("http://a@b/faye", None),
        ] {
            assert_eq!(host(target).as_deref(), expected, "{target}");
        }
        assert_eq!(Head::default().authority(), None);
    }

    #[test]
    fn headers_by_name_in_any_case() {
        let head = head("/");
        assert_eq!(head.get("HOST"), Some(&b"x"[..]));
        assert_eq!(head.all("a").collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!(head.get("b"), None);
        assert_eq!(head.headers().count(), 3);
        assert_eq!((head.method(), Head::default().method()), ("GET", ""));
    }
}
