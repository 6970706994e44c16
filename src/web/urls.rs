//! Parses the URLs of topics and callbacks, and serializes them before they are used in a header, a log line or a
//! request (RFC 3986, section 6.2; WebSub, section 5.1). It must not know the purpose of a URL.

use std::net::IpAddr;

use hyper::Uri;
use url::{Host, Url};

/// Bytes of a URL.
const LONGEST: usize = 2048;

/// Why a text is not accepted as a URL. The texts follow the name of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlError {
    /// It has more than [`LONGEST`] bytes.
    #[error("is longer than 2,048 bytes")]
    Long,
    /// It is relative, has another scheme, or has an invalid host.
    #[error("is not an http or https URL with a host")]
    Malformed,
    /// It has a user name or password, maybe an empty one.
    #[error("has a user name or password")]
    UserInfo,
    /// It has a fragment, maybe an empty one.
    #[error("has a fragment")]
    Fragment,
    /// It has a character that could end a header, an attribute or a log field.
    #[error("has a control character, quote, backslash or angle bracket")]
    Character,
}

/// A URL of the schemes http and https.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebUrl {
    /// The original spelling, if it is a valid URI; otherwise with invalid bytes percent-encoded.
    pub(crate) text: String,
    /// Normalised, for comparison.
    pub(crate) key: String,
    /// Normalized except for the query, which keeps each byte: the target of requests to a callback.
    pub(crate) location: String,
    /// The host in lower case, without a dot at its end and without a port; an IPv6 address in brackets.
    pub(crate) host: String,
    /// The port, including the default port of the scheme.
    pub(crate) port: u16,
    /// The address, if the host is an address.
    pub(crate) address: Option<IpAddr>,
}

/// Whether any client may see a URL of an operator or of a redirect: it has no user and no query, which may contain
/// passwords and tokens.
pub(crate) fn is_shown(text: &str) -> bool {
    !text.contains('?') && read(text).is_ok()
}

/// Reads a URL.
///
/// # Errors
/// [`UrlError`] if it cannot be a topic or callback.
pub(crate) fn read(text: &str) -> Result<WebUrl, UrlError> {
    if text.len() > LONGEST {
        return Err(UrlError::Long);
    }
    if text.chars().any(|letter| letter.is_control() || "\"'<>\\".contains(letter)) {
        return Err(UrlError::Character);
    }
    if text.contains('#') {
        return Err(UrlError::Fragment);
    }
    // The parser is more lenient: it adds missing slashes and drops empty user names.
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::Malformed)?;
    let is_web = ["http", "https"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if !is_web || authority.is_empty() {
        return Err(UrlError::Malformed);
    }
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
    let (Some(parsed), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err(UrlError::Malformed);
    };
    let address = match parsed {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    };
    let spelt = parsed.to_string();
    let host = spelt.strip_suffix('.').unwrap_or(&spelt).to_owned();
    if host.is_empty() {
        return Err(UrlError::Malformed);
    }
    let mut location = format!("{}://{spelt}", url.scheme());
    if let Some(port) = url.port() {
        location.push_str(&format!(":{port}"));
    }
    write(&mut location, url.path(), true);
    let mut key = location.clone();
    if let Some(query) = url.query() {
        location.push('?');
        write(&mut location, query, false);
        key.push('?');
        write(&mut key, query, true);
    }
    if location.len() > LONGEST {
        return Err(UrlError::Long);
    }
    // Requests are made of it.
    location.parse::<Uri>().map_err(|_| UrlError::Malformed)?;
    let mut text = text.to_owned();
    let mut valid = String::with_capacity(text.len());
    write(&mut valid, &text, false);
    if valid != text {
        text.clone_from(&location);
    }
    Ok(WebUrl { text, key, location, host, port, address })
}

/// Appends a part of a URL with all bytes percent-encoded that are not valid in a URI. Normalising decodes unreserved
/// characters and writes the other escapes in upper case (RFC 3986, sections 6.2.2.1 and 6.2.2.2).
fn write(out: &mut String, part: &str, normalises: bool) {
    let bytes = part.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let escape = if byte == b'%' { digit(at + 1).zip(digit(at + 2)) } else { None };
        match escape {
            Some((high, low)) if normalises => {
                match u8::try_from(high * 16 + low) {
                    Ok(decoded) if is_unreserved(decoded) => out.push(decoded.into()),
                    Ok(other) => encode(out, other),
                    Err(_) => {}
                }
                at += 3;
            }
            Some(_) => {
                out.push_str(&part[at..at + 3]);
                at += 3;
            }
            None => {
                if is_unreserved(byte) || b":/?[]@!$&()*+,;=".contains(&byte) {
                    out.push(byte.into());
                } else {
                    encode(out, byte);
                }
                at += 1;
            }
        }
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn encode(out: &mut String, byte: u8) {
    out.push_str(&format!("%{byte:02X}"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts that are often URLs, with all kinds of characters and escapes.
    const TEXTS: &str = "[hH]ttps?://[a-zA-Z0-9.:@\\[\\]%é-]{1,16}(/(\\PC|%[0-9a-fA-F]{2}|\\.\\.?/){0,12})?(\\?(\\PC|%[0-9a-fA-F]{1,2}){0,12})?";

    proptest! {
        #[test]
        fn what_was_read_is_read_again_as_the_same(text in TEXTS) {
            if let Ok(url) = read(&text) {
                for spelling in [&url.text, &url.key, &url.location] {
                    let again = read(spelling);
                    prop_assert_eq!(again.as_ref().map(|again| &again.key), Ok(&url.key), "{}", spelling);
                    prop_assert_eq!(again.map(|again| again.host), Ok(url.host.clone()));
                    let is_safe = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}#".contains(&byte);
                    prop_assert!(spelling.bytes().all(is_safe), "{}", spelling);
                }
                let again = read(&url.location).map(|again| again.location);
                prop_assert_eq!(again, Ok(url.location));
                let uri: Uri = url.key.parse().unwrap();
                prop_assert!(uri.host().is_some(), "{}", url.key);
            }
        }
    }

    #[test]
    fn keys_are_normalised() {
        for (text, key) in [
            ("http://a.example", "http://a.example/"),
            ("HTTP://A.Example:80/x", "http://a.example/x"),
            ("https://a.example:443/", "https://a.example/"),
            ("https://a.example:80/", "https://a.example:80/"),
            ("http://a.example/%7Ejoe/%2d%2E%5f", "http://a.example/~joe/-._"),
            ("http://a.example/%c3%a9%2F", "http://a.example/%C3%A9%2F"),
            ("http://a.example/\u{e9} x", "http://a.example/%C3%A9%20x"),
            ("http://a.example/x?name=%61%2f", "http://a.example/x?name=a%2F"),
            ("http://a.example/a/./b/../c", "http://a.example/a/c"),
            ("http://a.example/a/%2e%2E/c", "http://a.example/c"),
            ("http://a.example/100%", "http://a.example/100%25"),
            ("http://a.example?x", "http://a.example/?x"),
            ("http://b\u{fc}cher.example/", "http://xn--bcher-kva.example/"),
            ("http://2130706433/", "http://127.0.0.1/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://[::FFFF:1.2.3.4]:80/", "http://[::ffff:102:304]/"),
        ] {
            assert_eq!(read(text).map(|url| url.key).as_deref(), Ok(key), "{text}");
        }
    }

    #[test]
    fn the_spelling_stays_if_it_is_valid() {
        for text in [
            "HTTP://A.Example:80/%7ejoe?b=%61&c[]=x",
            "http://a.example",
            "http://127.0.0.1/subscriber.cfc?method=receiveFeed",
        ] {
            assert_eq!(read(text).map(|url| url.text).as_deref(), Ok(text));
        }
        for (text, written) in [
            ("http://A.example/a b?c d", "http://a.example/a%20b?c%20d"),
            ("http://a.example/{x}|y?{z}^`", "http://a.example/%7Bx%7D%7Cy?%7Bz%7D%5E%60"),
            ("http://a.example/%zz?%", "http://a.example/%25zz?%25"),
        ] {
            assert_eq!(read(text).map(|url| url.text).as_deref(), Ok(written));
        }
    }

    #[test]
    fn the_query_of_a_callback_keeps_its_bytes() {
        let url = read("HTTP://Me.example:80/%7Ecb?hub.challenge=%61&b=%c3&&").unwrap();
        assert_eq!(url.location, "http://me.example/~cb?hub.challenge=%61&b=%c3&&");
    }

    #[test]
    fn the_host_stands_alone() {
        let parts = |text: &str| read(text).map(|url| (url.host, url.port, url.address)).unwrap();
        assert_eq!(parts("https://A.example.:8443/"), ("a.example".to_owned(), 8443, None));
        assert_eq!(parts("https://a.example/").1, 443);
        let loopback = Some("127.0.0.1".parse().unwrap());
        assert_eq!(parts("http://017700000001/"), ("127.0.0.1".to_owned(), 80, loopback));
        assert_eq!(parts("http://[::1]/"), ("[::1]".to_owned(), 80, "::1".parse().ok()));
    }

    #[test]
    fn other_texts_are_refused() {
        use UrlError::*;
        let long = format!("http://a.example/{}", "x".repeat(LONGEST));
        let grows = format!("http://a.example/{}", "\u{e9}".repeat(900));
        for (text, error) in [
            (long.as_str(), Long),
            (grows.as_str(), Long),
            ("", Malformed),
            ("a.example/x", Malformed),
            ("//a.example/", Malformed),
            ("http:a.example", Malformed),
            ("http:///a.example", Malformed),
            ("http://", Malformed),
            ("http://?x", Malformed),
            ("http://./", Malformed),
            ("http://a.example:port/", Malformed),
            ("http://a.example:65536/", Malformed),
            ("http://1.2.3.4.5/", Malformed),
            ("http://a b/", Malformed),
            ("http://[::1/", Malformed),
            ("ftp://a.example/", Malformed),
            ("javascript://a.example/", Malformed),
            (" http://a.example/", Malformed),
            ("http://u@a.example/", UserInfo),
            ("http://u:p@a.example/", UserInfo),
            ("http://@a.example/", UserInfo),
            ("http://:@a.example?x", UserInfo),
            ("http://a.example/#x", Fragment),
            ("http://a.example/#", Fragment),
            ("http://a.example/\r\nX: y", Character),
            ("http://a.example/\t", Character),
            ("http://a.example/\u{85}", Character),
            ("http://a.example/\"", Character),
            ("http://a.example/'", Character),
            ("http://a.example/<b>", Character),
            ("http://a.example\\@b.example/", Character),
        ] {
            assert_eq!(read(text).map(|url| url.key), Err(error), "{text:?}");
        }
        assert!(read(&long[..LONGEST]).is_ok());
    }
}
