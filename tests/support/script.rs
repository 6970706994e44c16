//! Answers to requests for the client's script.

use super::{Faye, Http, Response};

/// What the repository has under a name.
pub(crate) fn built(name: &str) -> Vec<u8> {
    std::fs::read(format!("client-js/dist/{name}")).expect("a built file")
}

/// Gets a path with headers.
#[track_caller]
pub(crate) fn get(faye: &Faye, target: &str, headers: &[(&str, &str)]) -> Response {
    faye.http().request("GET", target, headers, b"")
}

/// A header that has to be there.
#[track_caller]
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.header(name).unwrap_or_else(|| panic!("no {name}: {:?}", response.headers))
}

/// Fails unless an answer is the whole file of that name, not compressed.
#[track_caller]
pub(crate) fn assert_whole(response: &Response, name: &str) {
    assert_eq!(response.status, 200, "{:?}", response.headers);
    assert_eq!(response.header("Content-Encoding"), None);
    assert!(response.body == built(name), "not {name}");
}

/// Fails unless an answer says that the client has the file already: all that a cache needs, and no body.
#[track_caller]
pub(crate) fn assert_kept(response: &Response, tag: &str) {
    assert_eq!((response.status, response.header("ETag")), (304, Some(tag)), "{:?}", response.headers);
    for name in ["Last-Modified", "Cache-Control", "Vary"] {
        header(response, name);
    }
    for name in ["Content-Type", "Content-Encoding", "Content-Length"] {
        assert_eq!(response.header(name), None);
    }
    assert_eq!(response.body, b"");
}

/// Gets the script as browsers do.
#[track_caller]
pub(crate) fn get_packed(http: &mut Http) -> Response {
    http.request("GET", "/faye/client.js", &[("Accept-Encoding", "gzip, deflate, br, zstd")], b"")
}
