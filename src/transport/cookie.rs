//! The cookie by which a browser is known again (RFC 6265): a random number, for scripts to neither read nor write.

use std::fmt::Write;

use crate::policy::COOKIE;
use crate::router::Browser;

/// The value of `Set-Cookie`. It lasts as long as the browser runs.
pub(super) fn set(browser: &Browser, mount: &str) -> String {
    let mut cookie = format!("{COOKIE}=");
    for byte in browser {
        // Writing to a String cannot fail.
        let _ = write!(cookie, "{byte:02x}");
    }
    let _ = write!(cookie, "; Path={mount}; HttpOnly; SameSite=Lax");
    cookie
}
