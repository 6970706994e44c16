//! The public address of the server: `https://push.example.com`, scheme and host, and optionally a port.
//!
//! This module knows the form of the text, and not the use of the address.

use std::net::IpAddr;

use hyper::http::Uri;

/// Parses an address, and returns it in lower case, without a trailing slash and without the default port of its
/// scheme. Returns `None` for other texts, and for `http` with the host of another machine: secrets would be sent over
/// plain HTTP.
pub(super) fn read(text: &str) -> Option<String> {
    if text.contains(['@', '?', '#', '\\', '*']) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let uri: Uri = text.parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    if !matches!(uri.path(), "" | "/") {
        return None;
    }
    let (scheme, default) = match uri.scheme_str()? {
        "https" => ("https", 443),
        "http" if is_loopback(host) => ("http", 80),
        _ => return None,
    };
    match uri.port() {
        Some(_) => match uri.port_u16()? {
            port if port == default => Some(format!("{scheme}://{host}")),
            port => Some(format!("{scheme}://{host}:{port}")),
        },
        // "https://host:" has a colon and no port.
        None => text.trim_end_matches('/').ends_with(host).then(|| format!("{scheme}://{host}")),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_host() {
        for (text, expected) in [
            ("https://Push.example.com", "https://push.example.com"),
            ("HTTPS://push.example.com/", "https://push.example.com"),
            ("https://push.example.com:443", "https://push.example.com"),
            ("https://push.example.com:8443/", "https://push.example.com:8443"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
            ("http://localhost:8000", "http://localhost:8000"),
            ("http://a.localhost", "http://a.localhost"),
            ("http://127.0.0.2:80", "http://127.0.0.2"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for bad in [
            "",
            "push.example.com",
            "https://",
            "https:///",
            "https://push.example.com:",
            "https://push.example.com:70000",
            "https://push.example.com/faye",
            "https://push.example.com//",
            "https://push.example.com/?x",
            "https://push.example.com#x",
            "https://user@push.example.com",
            "https://*.example.com",
            "http://push.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
