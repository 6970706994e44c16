//! The names of the server's own cookie, and `Cookie` headers without it (RFC 6265, section 5.4). Must not know what a
//! value proves.

use std::borrow::Cow;

/// The name over plain HTTP.
pub const COOKIE: &str = "faye_browser";
/// The name over TLS. Browsers accept it only from this host, over TLS (RFC 6265bis, section 4.1.3.2).
pub const HOST_COOKIE: &str = "__Host-faye_browser";

/// Returns a `Cookie` header without the server's own cookie, which proves that a request owns a session. All other
/// cookies keep their bytes.
#[must_use]
pub fn without_own(header: &str) -> Cow<'_, str> {
    if !header.split(';').any(is_own) {
        return Cow::Borrowed(header);
    }
    let others: Vec<_> = header.split(';').filter(|pair| !is_own(pair)).collect();
    Cow::Owned(others.join(";").trim().to_owned())
}

fn is_own(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default().trim();
    name == COOKIE || name == HOST_COOKIE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_cookie_is_removed() {
        for (header, rest) in [
            ("a=1; faye_browser=x; b=2", "a=1; b=2"),
            ("faye_browser=x; a=1;b=2", "a=1;b=2"),
            ("a=1;b=2; faye_browser=x", "a=1;b=2"),
            ("a=1 ;b=2;__Host-faye_browser=x", "a=1 ;b=2"),
            ("faye_browser =x; faye_browser=y", ""),
            ("faye_browser", ""),
            ("faye_browser2=x;a=faye_browser=1", "faye_browser2=x;a=faye_browser=1"),
            ("FAYE_BROWSER=x", "FAYE_BROWSER=x"),
            ("", ""),
        ] {
            assert_eq!(without_own(header), rest);
        }
    }
}
