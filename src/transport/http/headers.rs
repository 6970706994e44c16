//! Queries on headers: lists, content codings, and the request for an EventSource stream.

use crate::peer::Head;

/// Whether an element of a list header satisfies `is`.
pub(super) fn lists(head: &Head, name: &str, is: impl Fn(&[u8]) -> bool) -> bool {
    head.all(name).flat_map(|value| value.split(|byte| *byte == b',')).any(|element| is(element.trim_ascii()))
}

/// Whether the body has a content coding, such as gzip.
pub(super) fn is_coded(head: &Head) -> bool {
    lists(head, "content-encoding", |coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// Whether a GET requests an EventSource stream: `Accept` lists exactly `text/event-stream`.
pub(super) fn wants_event_stream(head: &Head) -> bool {
    lists(head, "accept", |kind| kind == b"text/event-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_lists_the_exact_type() {
        let wanted = |accept: &str| {
            wants_event_stream(&Head::new(format!("GET / HTTP/1.1\r\nAccept: {accept}\r\n").as_bytes(), 4..5))
        };
        assert!(wanted("text/event-stream") && wanted("text/html, text/event-stream"));
        assert!(!wanted("text/event-stream;q=0.9") && !wanted("*/*"));
    }
}
