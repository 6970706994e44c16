//! The requests and responses of HTTP/1.1 that a load needs.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::Failure;
use super::target::Target;

/// Headers of a response.
const HEADERS: usize = 64;
/// The key of every upgrade. The server answers with its digest.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The digest of that key (RFC 6455, section 1.3).
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Returns the request for a WebSocket.
pub(super) fn upgrade(target: &Target, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n",
        target.host
    )
    .into_bytes()
}

/// Returns the request that posts JSON.
pub(super) fn post(target: &Target, json: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        target.path,
        target.host,
        json.len()
    )
    .into_bytes();
    request.extend_from_slice(json);
    request
}

/// Reads the response to an upgrade and returns its length; `None` if it is incomplete.
pub(super) fn upgraded(input: &[u8]) -> Result<Option<usize>, Failure> {
    let Some(end) = memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&input[..end]);
    let status = head.lines().next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 101") {
        return Err(Failure::NotBayeux(format!("it answered a WebSocket upgrade with {status:?}")));
    }
    if !head.contains(ACCEPT) {
        return Err(Failure::NotBayeux("Sec-WebSocket-Accept is wrong".to_owned()));
    }
    Ok(Some(end + 4))
}

/// A response at the front of some bytes.
pub(super) struct Answer<'a> {
    /// Its body.
    pub(super) body: Cow<'a, [u8]>,
    /// The index of its end.
    pub(super) end: usize,
}

/// Reads a response; `None` if it is incomplete.
pub(super) fn answer(input: &[u8]) -> Result<Option<Answer<'_>>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head
        .parse(input)
        .map_err(|error| Failure::NotBayeux(format!("the response is not HTTP ({error})")))?;
    let httparse::Status::Complete(start) = parsed else { return Ok(None) };
    let status = head.code.unwrap_or_default();
    let is = |name: &str, value: &str| {
        head.headers.iter().any(|header| {
            header.name.eq_ignore_ascii_case(name) && header.value.eq_ignore_ascii_case(value.as_bytes())
        })
    };
    let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
    let found = if is("transfer-encoding", "chunked") {
        chunked(input, start)?.map(|(body, end)| Answer { body: Cow::Owned(body), end })
    } else {
        let length: usize =
            length.ok_or_else(|| Failure::NotBayeux(format!("status {status} without Content-Length")))?;
        let end = start.saturating_add(length);
        input.get(start..end).map(|body| Answer { body: Cow::Borrowed(body), end })
    };
    match found {
        Some(answer) if status != 200 => {
            let text = String::from_utf8_lossy(&answer.body).chars().take(80).collect::<String>();
            Err(Failure::NotBayeux(format!("status {status} {text}")))
        }
        _ if is("connection", "close") => {
            Err(Failure::NotBayeux("it does not keep HTTP connections open".to_owned()))
        }
        found => Ok(found),
    }
}

/// Joins the chunks of a body (RFC 9112, section 7.1). Trailers are not supported.
fn chunked(input: &[u8], mut at: usize) -> Result<Option<(Vec<u8>, usize)>, Failure> {
    let mut body = Vec::new();
    loop {
        let Some(line) = memmem::find(&input[at..], b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&input[at..at + line]).ok();
        let size = size.and_then(|text| usize::from_str_radix(text.split(';').next()?.trim(), 16).ok());
        let size =
            size.ok_or_else(|| Failure::NotBayeux("a chunk of the response has no size".to_owned()))?;
        let data: Range<usize> = at + line + 2..at.saturating_add(line + 2).saturating_add(size);
        let Some(chunk) = input.get(data.clone()) else { return Ok(None) };
        body.extend_from_slice(chunk);
        at = data.end + 2;
        if input.len() < at {
            return Ok(None);
        }
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn body(text: &str) -> Option<String> {
        let answer = answer(text.as_bytes()).ok()??;
        assert_eq!(answer.end, text.len());
        Some(String::from_utf8(answer.body.into_owned()).unwrap())
    }

    #[test]
    fn answers_are_read_when_they_are_whole() {
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let chunks =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=1\r\nlo\r\n0\r\n\r\n";
        for text in [plain, chunks] {
            assert_eq!(body(text).as_deref(), Some("hello"));
            for end in 0..text.len() {
                assert!(answer(&text.as_bytes()[..end]).unwrap().is_none(), "{:?}", &text[..end]);
            }
        }
        assert!(answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx").is_err());
        assert!(answer(b"nonsense, and no HTTP\r\n\r\n").is_err());
    }
}
