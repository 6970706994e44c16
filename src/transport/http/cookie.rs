//! The `Set-Cookie` header that identifies a browser (RFC 6265). Scripts can neither read nor write the cookie.

use crate::auth::Cookie;
use crate::peer::{COOKIE, HOST_COOKIE};

/// Returns the value of `Set-Cookie`. The cookie lasts until the browser closes. Over TLS it applies to the whole host,
/// as its prefix requires (RFC 6265bis, section 4.1.3.2), and pages of other sites send it too; the origin decides
/// which of them may use it.
pub(super) fn set(cookie: &Cookie, mount: &str, is_secure: bool) -> String {
    if is_secure {
        format!("{HOST_COOKIE}={cookie}; Path=/; HttpOnly; SameSite=None; Secure")
    } else {
        format!("{COOKIE}={cookie}; Path={mount}; HttpOnly; SameSite=Lax")
    }
}
