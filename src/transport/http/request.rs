//! Decodes the head of an HTTP/1 request (RFC 9112) with httparse, and extracts the fields that the connection needs.
//!
//! Where the RFC leaves a choice, the stricter one is taken: a request is refused if two programs could disagree on its end.

use std::mem::MaybeUninit;

use httparse::{Error, Header, Status};
use hyper::StatusCode;

use crate::peer::{Authority, Head, absolute};

/// The most headers of a request.
pub(super) const HEADERS: usize = 100;

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `OPTIONS`
    Options,
    /// A method that HTTP defines and no resource supports: `DELETE`, `PATCH`, `PUT` or `TRACE`.
    Other,
    /// An unknown method, or `CONNECT`, which does not apply to a resource. Methods are case-sensitive.
    Unknown,
}

/// The length of the body (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// A number of bytes.
    Known(u64),
    /// A chunked body.
    Chunked,
}

/// A request, without its body.
pub(super) struct Request {
    pub(super) head: Head,
    pub(super) method: Method,
    pub(super) length: Length,
    /// HTTP/1.1; otherwise HTTP/1.0.
    pub(super) is_1_1: bool,
    /// Whether the connection may stay open after the response.
    pub(super) keeps_alive: bool,
    /// Whether the client expects `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
    /// Whether the client offers an upgrade to WebSocket. Offers of other protocols are ignored, as are those of HTTP/1.0 (RFC 9110,
    /// section 7.8): some clients offer HTTP/2 with every request.
    pub(super) wants_upgrade: bool,
    /// Whether there is an `Origin`, so that a page of another origin may have sent the request.
    pub(super) has_origin: bool,
    /// Whether a browser requests permission to POST to another origin.
    pub(super) asks_to_post: bool,
}

impl Request {
    pub(super) fn has_body(&self) -> bool {
        self.length != Length::Known(0)
    }
}

/// The reason for which a head is refused. The texts are sent to the client and never contain input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHead {
    #[error("not an HTTP/1.1 request")]
    Syntax,
    #[error("only HTTP/1.0 and HTTP/1.1 are supported")]
    Version,
    #[error("the length of the body is ambiguous")]
    Length,
    #[error("the target is neither a path nor an http or https URL with a host")]
    Target,
    #[error("the Host header is missing")]
    NoHost,
    #[error("more than one Host header")]
    ManyHosts,
    #[error("the Host header does not hold a host")]
    Host,
    #[error("the head of the request is larger than limits.header, or has more than 100 fields")]
    TooLarge,
}

impl BadHead {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Syntax | Self::Length | Self::Target | Self::NoHost | Self::ManyHosts | Self::Host => {
                StatusCode::BAD_REQUEST
            }
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

/// Decodes the head at the front of the input and returns it with its length in bytes; `None` if it is incomplete. A head may have
/// `limit` bytes.
///
/// # Errors
/// [`BadHead`], as early as possible.
pub(super) fn parse(input: &[u8], limit: usize) -> Result<Option<(Request, usize)>, BadHead> {
    let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    let status = parsed.parse_with_uninit_headers(input, &mut headers);
    let length = match status {
        Ok(Status::Complete(length)) if length <= limit => length,
        Ok(Status::Partial) if input.len() <= limit => return Ok(None),
        Ok(_) | Err(Error::TooManyHeaders) => return Err(BadHead::TooLarge),
        Err(Error::Version) => return Err(BadHead::Version),
        Err(_) => return Err(BadHead::Syntax),
    };
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(BadHead::Syntax);
    };
    let is_1_1 = version == 1;
    if !is_target(method, target) {
        return Err(BadHead::Target);
    }
    let found = Found::among(parsed.headers, is_1_1)?;
    // HTTP/1.0 has no Host, and health checks of balancers still use it (RFC 9112, section 3.2).
    if is_1_1 && !found.host {
        return Err(BadHead::NoHost);
    }
    // httparse skips empty lines before a request, as the RFC requires (section 2.2).
    let start = input.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    let text = input[start..length].strip_suffix(b"\n").unwrap_or_default();
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let before = method.len() + 1;
    let request = Request {
        head: Head::new(text, before..before + target.len()),
        method: match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "OPTIONS" => Method::Options,
            "DELETE" | "PATCH" | "PUT" | "TRACE" => Method::Other,
            _ => Method::Unknown,
        },
        length: found.length.unwrap_or(Length::Known(0)),
        is_1_1,
        keeps_alive: !found.close && (is_1_1 || found.keep_alive),
        expects_continue: is_1_1 && found.expects_continue,
        wants_upgrade: is_1_1 && found.websocket && found.connection_upgrade,
        has_origin: found.origin,
        asks_to_post: found.asks_to_post,
    };
    Ok(Some((request, length)))
}

/// Whether the target has a form that the method allows (RFC 9112, section 3.2).
fn is_target(method: &str, target: &str) -> bool {
    match method {
        "CONNECT" => Authority::parse(target.as_bytes()).is_some(),
        "OPTIONS" if target == "*" => true,
        _ if target.starts_with('/') => true,
        _ => absolute(target).is_some_and(|(scheme, authority)| {
            (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
                && Authority::parse(authority.as_bytes()).is_some()
        }),
    }
}

/// The properties that every request needs, collected in one pass over the headers.
#[derive(Default)]
struct Found {
    length: Option<Length>,
    close: bool,
    keep_alive: bool,
    connection_upgrade: bool,
    websocket: bool,
    host: bool,
    expects_continue: bool,
    origin: bool,
    asks_to_post: bool,
}

impl Found {
    fn among(headers: &[Header<'_>], is_1_1: bool) -> Result<Self, BadHead> {
        let mut found = Self::default();
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            match header.name.len() {
                4 if is("host") => {
                    if std::mem::replace(&mut found.host, true) {
                        return Err(BadHead::ManyHosts);
                    }
                    Authority::parse(header.value).ok_or(BadHead::Host)?;
                }
                6 if is("origin") => found.origin = true,
                6 if is("expect") => {
                    found.expects_continue |=
                        elements(header.value).any(|one| one.eq_ignore_ascii_case(b"100-continue"));
                }
                7 if is("upgrade") => {
                    found.websocket |=
                        elements(header.value).any(|one| one.eq_ignore_ascii_case(b"websocket"));
                }
                10 if is("connection") => {
                    for option in elements(header.value) {
                        found.close |= option.eq_ignore_ascii_case(b"close");
                        found.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                        found.connection_upgrade |= option.eq_ignore_ascii_case(b"upgrade");
                    }
                }
                14 if is("content-length") => found.add_length(known(header.value)?)?,
                17 if is("transfer-encoding") => {
                    // Only chunked is supported, and HTTP/1.0 has no transfer coding (sections 6.1 and 6.3).
                    if !is_1_1 || !header.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(BadHead::Length);
                    }
                    found.add_length(Length::Chunked)?;
                }
                29 if is("access-control-request-method") => found.asks_to_post = header.value == b"POST",
                _ => {}
            }
        }
        Ok(found)
    }

    /// Sets the length. Two equal lengths count as one; two different lengths are a technique of request smuggling.
    fn add_length(&mut self, length: Length) -> Result<(), BadHead> {
        match self.length.replace(length) {
            Some(before) if before != length || length == Length::Chunked => Err(BadHead::Length),
            _ => Ok(()),
        }
    }
}

/// Returns the elements of a list header.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn known(value: &[u8]) -> Result<Length, BadHead> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| is_number).and_then(|text| text.parse().ok());
    number.map(Length::Known).ok_or(BadHead::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> Result<Option<(Request, usize)>, BadHead> {
        parse(format!("POST /faye?x HTTP/1.1\r\nHost: x\r\n{lines}\r\n").as_bytes(), 1000)
    }

    fn length(lines: &str) -> Result<Length, BadHead> {
        head(lines).map(|found| found.unwrap().0.length)
    }

    #[test]
    fn the_length_of_a_body_is_clear_or_refused() {
        assert_eq!(length(""), Ok(Length::Known(0)));
        assert_eq!(length("Content-Length: 12\r\n"), Ok(Length::Known(12)));
        assert_eq!(length("content-length: 12\r\nCONTENT-LENGTH: 12\r\n"), Ok(Length::Known(12)));
        assert_eq!(length("Transfer-Encoding: Chunked\r\n"), Ok(Length::Chunked));
        for unclear in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
        ] {
            assert_eq!(length(unclear), Err(BadHead::Length), "{unclear}");
        }
        let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(matches!(parse(old, 1000), Err(BadHead::Length)));
    }

    #[test]
    fn what_is_no_head_is_refused_and_what_is_half_of_one_waited_for() {
        for bad in ["Name : x\r\n", "A: 1\r\n folded\r\n", "no colon\r\n", ": x\r\n", "A: \0\r\n"] {
            assert!(matches!(head(bad), Err(BadHead::Syntax)), "{bad:?}");
        }
        let whole = b"\r\n\nGET /a HTTP/1.1\r\nHost: x\r\n\r\nrest";
        for cut in 0..whole.len() - 4 {
            assert!(matches!(parse(&whole[..cut], 1000), Ok(None)), "{cut}");
        }
        let (request, used) = parse(whole, 1000).unwrap().unwrap();
        assert_eq!((request.head.path(), used), ("/a", whole.len() - 4));
        assert_eq!(request.head.get("host"), Some(&b"x"[..]));
        assert!(matches!(parse(whole, 20), Err(BadHead::TooLarge)));
        assert!(matches!(parse(&whole[..25], 20), Err(BadHead::TooLarge)));
        assert!(matches!(head(&"A: 1\r\n".repeat(101)), Err(BadHead::TooLarge)));
    }

    #[test]
    fn what_the_connection_has_to_know() {
        let keeps_alive = |text: &str| parse(text.as_bytes(), 1000).unwrap().unwrap().0.keeps_alive;
        assert!(keeps_alive("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(!keeps_alive("GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n"));
        assert!(!keeps_alive("GET / HTTP/1.0\r\n\r\n"));
        assert!(keeps_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
        let upgrade = |lines: &str| head(lines).unwrap().unwrap().0.wants_upgrade;
        assert!(upgrade("Connection: keep-alive , UPGRADE\r\nUpgrade: h2c, WebSocket\r\n"));
        assert!(!upgrade("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"));
        assert!(!upgrade("Connection: upgrade\r\n"));
        assert!(!upgrade("Connection: upgrades\r\nUpgrade: websocket\r\n"));
        assert!(head("Expect: 100-Continue\r\n").unwrap().unwrap().0.expects_continue);
        let old = "GET / HTTP/1.0\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert!(!parse(old.as_bytes(), 1000).unwrap().unwrap().0.wants_upgrade);
    }

    #[test]
    fn every_request_names_one_host() {
        let of = |text: &str| parse(text.as_bytes(), 1000).map(|found| found.is_some());
        let with = |lines: &str| of(&format!("GET / HTTP/1.1\r\n{lines}\r\n"));
        assert_eq!(with("hOST: [::1]:8000\r\n"), Ok(true));
        assert_eq!(with("X: y\r\n"), Err(BadHead::NoHost));
        assert_eq!(with("Host: a\r\nHost: a\r\n"), Err(BadHead::ManyHosts));
        for bad in ["", " ", ":80", "a b/c", "user@h", "h/path", "h, g", "http://h"] {
            assert_eq!(with(&format!("Host: {bad}\r\n")), Err(BadHead::Host), "{bad}");
        }
        assert_eq!(of("GET / HTTP/1.0\r\n\r\n"), Ok(true));
        assert_eq!(of("GET / HTTP/1.0\r\nHost:\r\n\r\n"), Err(BadHead::Host));
        assert_eq!(of("GET http://h/ HTTP/1.1\r\n\r\n"), Err(BadHead::NoHost));
    }

    #[test]
    fn a_target_has_the_form_that_its_method_allows() {
        let of =
            |line: &str| parse(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(), 1000).map(|_| ());
        for good in [
            "GET /",
            "GET //x",
            "GET http://h",
            "POST HTTPS://h:5/x?y",
            "OPTIONS *",
            "CONNECT h:443",
            "GET /?u=ftp://x",
        ] {
            assert_eq!(of(good), Ok(()), "{good}");
        }
        for bad in [
            "GET http://",
            "GET http:///x",
            "GET http://a@b/",
            "GET ftp://h/",
            "GET ws://h/",
            "GET *",
            "GET h:80",
            "GET x",
            "GET ?x",
            "CONNECT /",
            "POST http:",
            "OPTIONS **",
        ] {
            assert_eq!(of(bad), Err(BadHead::Target), "{bad}");
        }
        assert_eq!(of("GET / HTTP/2.0\r\nX: y\r\n\r\nGET /"), Err(BadHead::Version));
    }
}
