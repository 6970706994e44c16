//! A client of EventSource streams.

use serde_json::Value;

use super::{Faye, Http};

/// What a stream carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// An event: all its lines of data.
    Event(String),
    /// A comment.
    Comment,
    /// The time to wait before a reconnect.
    Retry(u64),
    /// The stream ended.
    End,
    /// The stream ended within an event.
    Cut,
}

/// An open stream.
pub(crate) struct Stream {
    http: Http,
    buffer: String,
    is_chunked: bool,
}

impl Stream {
    /// Opens the stream of a session, and reads up to the `retry` that every stream begins with.
    #[track_caller]
    pub(crate) fn open(faye: &Faye, client: &str) -> Self {
        let mut http = faye.http();
        http.send("GET", &format!("{}/{client}", faye.mount), &[("Accept", "text/event-stream")], b"");
        let (status, headers) = http.head().expect("an answer");
        let has = |name: &str, value: &str| {
            headers.iter().any(|(own, its)| own.eq_ignore_ascii_case(name) && its == value)
        };
        assert_eq!(status, 200);
        assert!(has("Content-Type", "text/event-stream"), "{headers:?}");
        let is_chunked = has("Transfer-Encoding", "chunked");
        let mut stream = Self { http, buffer: String::new(), is_chunked };
        let first = stream.part();
        assert!(matches!(first, Part::Retry(_)), "{first:?}");
        stream
    }

    /// The next part of the stream.
    #[track_caller]
    pub(crate) fn part(&mut self) -> Part {
        let end = loop {
            if let Some(end) = self.buffer.find("\r\n\r\n") {
                break end;
            }
            let more = if self.is_chunked { self.http.chunk() } else { self.some() };
            let Some(more) = more else {
                if self.buffer.is_empty() {
                    return Part::End;
                }
                self.buffer.clear();
                return Part::Cut;
            };
            self.buffer.push_str(std::str::from_utf8(&more).expect("UTF-8"));
        };
        let block: String = self.buffer.drain(..end + 4).collect();
        let mut event = Vec::new();
        let mut part = None;
        for line in block.lines().filter(|line| !line.is_empty()) {
            match line.split_once(':').unwrap_or((line, "")) {
                ("data", value) => event.push(value.strip_prefix(' ').unwrap_or(value).to_owned()),
                ("retry", value) => part = Some(Part::Retry(value.trim().parse().expect("a number"))),
                ("", _) => part = Some(Part::Comment),
                _ => panic!("an unknown line: {line:?}"),
            }
        }
        part.unwrap_or_else(|| Part::Event(event.join("\n")))
    }

    /// The next message; comments are skipped.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Value {
        loop {
            match self.part() {
                Part::Event(text) => {
                    let mut array: Vec<Value> =
                        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                    assert_eq!(array.len(), 1, "{text}");
                    return array.remove(0);
                }
                Part::Comment => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    /// The next part that is no comment.
    #[track_caller]
    pub(crate) fn part_but_comments(&mut self) -> Part {
        loop {
            match self.part() {
                Part::Comment => {}
                part => return part,
            }
        }
    }

    /// The next message, or `None` where the connection broke off.
    #[track_caller]
    pub(crate) fn message_or_cut(&mut self) -> Option<Value> {
        match self.part() {
            Part::Event(text) => serde_json::from_str::<Vec<Value>>(&text).expect("an array").pop(),
            Part::Comment | Part::Retry(_) => self.message_or_cut(),
            Part::End | Part::Cut => None,
        }
    }

    /// Says that we send no more, which ends the stream.
    pub(crate) fn half_close(&mut self) {
        self.http.half_close();
    }

    fn some(&mut self) -> Option<Vec<u8>> {
        use std::io::Read;
        let mut buffer = vec![0; 4096];
        let count = self.http.reader.read(&mut buffer).ok().filter(|count| *count > 0)?;
        buffer.truncate(count);
        Some(buffer)
    }
}
