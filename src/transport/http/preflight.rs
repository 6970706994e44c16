//! Responses to CORS preflights (Fetch, section 3.2.2): the headers that a page may send. The origin of the page is checked
//! elsewhere.

use bytes::Bytes;
use hyper::Response;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, HeaderValue, VARY,
};

use super::chunked::is_token;
use super::response;
use crate::peer::Head;

/// Headers that are always allowed, as in Faye.
const ALWAYS: [&str; 5] = ["Accept", "Authorization", "Content-Type", "Pragma", "X-Requested-With"];

/// The longest `Access-Control-Request-Headers` that is read, in bytes; a longer list is ignored.
const ASKED: usize = 4 * 1024;

/// Returns the response to a preflight. A page may send every header that it requests: tracing libraries and
/// applications add headers of their choice.
pub(super) fn response(request: &Head) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    let asked = request.get("access-control-request-headers").unwrap_or_default();
    response::put(headers, ACCESS_CONTROL_ALLOW_HEADERS, allowed(asked).as_bytes());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET"));
    let given = |name| request.get(name).filter(|value| !value.is_empty());
    let origin = given("origin").or_else(|| given("referer")).unwrap_or(b"*");
    response::put(headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    // Some caches keep responses to OPTIONS.
    headers.insert(VARY, HeaderValue::from_static("Origin, Access-Control-Request-Headers"));
    response
}

/// Returns the value of `Access-Control-Allow-Headers`: the fixed list and the requested names. Invalid names are
/// omitted.
fn allowed(asked: &[u8]) -> String {
    let mut allowed: Vec<&str> = ALWAYS.to_vec();
    if asked.len() <= ASKED {
        for name in asked.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let is_name = !name.is_empty() && name.iter().all(|byte| is_token(*byte));
            if let Ok(name) = std::str::from_utf8(name)
                && is_name
                && !ALWAYS.iter().any(|always| always.eq_ignore_ascii_case(name))
            {
                allowed.push(name);
            }
        }
    }
    allowed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_headers_are_allowed_and_nothing_else() {
        let always = ALWAYS.join(", ");
        for (asked, more) in [
            ("", ""),
            ("content-type", ""),
            ("CONTENT-TYPE,x-own", ", x-own"),
            ("traceparent, sentry-trace ,baggage", ", traceparent, sentry-trace, baggage"),
            ("a b,\"x\",x:y,,ok", ", ok"),
            ("*", ", *"),
        ] {
            assert_eq!(allowed(asked.as_bytes()), format!("{always}{more}"), "{asked}");
        }
        assert_eq!(allowed(b"a\xff,b"), format!("{always}, b"));
        assert_eq!(allowed(&b"a,".repeat(ASKED)), always);
    }
}
