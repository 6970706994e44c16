//! The cookie by which a browser is known again (RFC 6265): a random number, for scripts to neither read nor write.

use std::fmt::Write;

use crate::policy::COOKIE;
use crate::router::Browser;

/// The value of `Set-Cookie`. It lasts as long as the browser runs. Over TLS pages of other sites have it too: which of
/// them may use it is decided by their origin.
pub(super) fn set(browser: &Browser, mount: &str, is_secure: bool) -> String {
    let mut cookie = format!("{COOKIE}=");
    for byte in browser {
        // Writing to a String cannot fail.
        let _ = write!(cookie, "{byte:02x}");
    }
    let scope = if is_secure { "SameSite=None; Secure" } else { "SameSite=Lax" };
    let _ = write!(cookie, "; Path={mount}; HttpOnly; {scope}");
    cookie
}
