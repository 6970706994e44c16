//! Frames of the RPC: the line `version kind sender serial`, and a body that is opaque here. The kind is `c` for a request and
//! `a` for a response. Received frames are not trusted.

use crate::redis::{NodeId, number};

/// The maximum length of a frame in bytes: a full mailbox and its envelope.
const MAX_FRAME: usize = 256 * 1024 * 1024;
/// The version of the format.
const VERSION: &str = "1";
const REQUEST: &str = "c";
const RESPONSE: &str = "a";

/// A frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Whether it is a request; otherwise a response.
    pub(super) is_request: bool,
    pub(super) sender: NodeId,
    /// The serial number of the request at its sender.
    pub(super) serial: u64,
    pub(super) body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Encodes the frame.
    pub(super) fn encode(&self) -> Vec<u8> {
        let kind = if self.is_request { REQUEST } else { RESPONSE };
        let line = format!("{VERSION} {kind} {} {}\n", self.sender, self.serial);
        [line.as_bytes(), self.body].concat()
    }

    /// Decodes a frame; `None` if the payload is malformed.
    pub(super) fn decode(payload: &'a [u8]) -> Option<Self> {
        if payload.len() > MAX_FRAME {
            return None;
        }
        let end = payload.iter().take(128).position(|byte| *byte == b'\n')?;
        let mut words = std::str::from_utf8(&payload[..end]).ok()?.split(' ');
        if words.next()? != VERSION {
            return None;
        }
        let is_request = match words.next()? {
            REQUEST => true,
            RESPONSE => false,
            _ => return None,
        };
        let (sender, serial) = (NodeId::parse(words.next()?)?, number(words.next()?, 10)?);
        let frame = Self { is_request, sender, serial, body: &payload[end + 1..] };
        words.next().is_none().then_some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: &str = "000102030405060708090a0b0c0d0e0f";

    #[test]
    fn frames_come_back_as_they_were() {
        for (is_request, kind) in [(true, 'c'), (false, 'a')] {
            let text = format!("1 {kind} {SENDER} 7\nbody\n");
            let frame = Frame::decode(text.as_bytes()).unwrap();
            let sender = NodeId::parse(SENDER).unwrap();
            assert_eq!(frame, Frame { is_request, sender, serial: 7, body: b"body\n" });
            assert_eq!(frame.encode(), text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for line in [
            format!("1 c {SENDER} 7"),
            format!("2 c {SENDER} 7\n"),
            format!("1 x {SENDER} 7\n"),
            format!("1 c {SENDER}\n"),
            format!("1 c {SENDER} 7 8\n"),
            format!("1 c {SENDER} +7\n"),
            format!("1 c {SENDER} 07\n"),
            format!("1 c {} 7\n", &SENDER[1..]),
            format!("1 c {} 7\n", SENDER.to_uppercase()),
            format!("{}1 c {SENDER} 7\n", " ".repeat(128)),
        ] {
            assert_eq!(Frame::decode(line.as_bytes()), None, "{line}");
        }
    }
}
