//! What instances say to each other in a partition, as bytes. Redis puts a line before it; what comes is not trusted.
//!
//! The line is `version kind epoch number`. Behind it, publications (kind `m`) have the publisher, the counter of the
//! first, and then each its channel and its object with their lengths. A test (kind `p`) has the tester and a number.

use std::fmt;

use bytes::{Buf, BufMut};

use crate::bayeux::channel;
use crate::bayeux::parse::parse_one;

/// The version of the format. An instance that reads another says so and leaves it: during an upgrade the newer one has
/// to write what the older one reads.
const VERSION: &str = "1";

/// Who an instance is: a random number, drawn when it starts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(pub(super) [u8; 16]);

impl NodeId {
    /// A new one.
    ///
    /// # Errors
    /// What the system says, when it gives no random bytes.
    pub(super) fn draw() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self(bits))
    }

    /// Reads what was printed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bits = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bits.try_into().ok()?))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// What was heard in a partition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Which life of the partition it is: another one if Redis has lost it in between.
    pub(super) epoch: u64,
    /// The number of the first publication; of a test, that of the newest.
    pub(super) number: u64,
    pub(super) body: Body,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    Publications {
        publisher: NodeId,
        /// What the publisher counts the first by; each further one is one more.
        counter: u64,
        items: Vec<Item>,
    },
    Probe {
        tester: NodeId,
        serial: u64,
    },
}

/// A publication: its channel, and the object that subscribers get.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) channel: String,
    pub(super) object: Vec<u8>,
}

/// Why something that was heard is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("its version is not {VERSION}")]
    Version,
    #[error("it is longer than a publication may be")]
    Size,
    #[error("malformed frame")]
    Shape,
}

/// Publications as they are sent.
pub(super) fn encode<'a>(
    publisher: NodeId,
    counter: u64,
    items: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.put_slice(&publisher.0);
    out.put_u64(counter);
    for (channel, object) in items {
        for part in [channel.as_bytes(), object] {
            // Limits keep both far below.
            out.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
            out.put_slice(part);
        }
    }
    out
}

/// A test as it is sent.
pub(super) fn probe(tester: NodeId, serial: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    out.put_slice(&tester.0);
    out.put_u64(serial);
    out
}

/// Reads a frame, each of whose publications has at most `longest` bytes.
///
/// # Errors
/// [`Malformed`] says why it is none.
pub(super) fn decode(payload: &[u8], longest: usize) -> Result<Frame, Malformed> {
    let end = payload.iter().take(128).position(|byte| *byte == b'\n').ok_or(Malformed::Shape)?;
    let line = std::str::from_utf8(&payload[..end]).map_err(|_| Malformed::Shape)?;
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or(Malformed::Shape);
    if word()? != VERSION {
        return Err(Malformed::Version);
    }
    let kind = word()?;
    let epoch = u64::from_str_radix(word()?, 16).map_err(|_| Malformed::Shape)?;
    let number = word()?.parse().map_err(|_| Malformed::Shape)?;
    let mut rest = &payload[end + 1..];
    let mut node = [0; 16];
    rest.try_copy_to_slice(&mut node).map_err(|_| Malformed::Shape)?;
    let counter = rest.try_get_u64().map_err(|_| Malformed::Shape)?;
    let body = match kind {
        "m" => Body::Publications { publisher: NodeId(node), counter, items: items(rest, longest)? },
        "p" if rest.is_empty() => Body::Probe { tester: NodeId(node), serial: counter },
        _ => return Err(Malformed::Shape),
    };
    Ok(Frame { epoch, number, body })
}

fn items(mut rest: &[u8], longest: usize) -> Result<Vec<Item>, Malformed> {
    let mut items = Vec::new();
    while !rest.is_empty() {
        let mut part = || {
            let length = rest.try_get_u32().map_err(|_| Malformed::Shape)? as usize;
            if length > longest {
                return Err(Malformed::Size);
            }
            let (part, behind) = rest.split_at_checked(length).ok_or(Malformed::Shape)?;
            rest = behind;
            Ok(part)
        };
        let channel = part()?;
        items.push(item(channel, part()?).ok_or(Malformed::Shape)?);
    }
    Ok(items)
}

/// A publication, if its channel is a channel and its object a message.
pub(super) fn item(channel: &[u8], object: &[u8]) -> Option<Item> {
    let channel = std::str::from_utf8(channel).ok().filter(|channel| channel::is_name(channel))?;
    let object = bytes::Bytes::copy_from_slice(object);
    parse_one(&object)?;
    Some(Item { channel: channel.to_owned(), object: object.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([7; 16]);

    fn sent(line: &str, body: &[u8]) -> Vec<u8> {
        [line.as_bytes(), b"\n", body].concat()
    }

    #[test]
    fn frames_come_back_as_they_were() {
        let body = encode(NODE, 5, [("/a", &br#"{"channel":"/a"}"#[..]), ("/b/c", b"{}")].into_iter());
        let frame = decode(&sent("1 m ff 9", &body), 100).unwrap();
        let item = |channel: &str, object: &[u8]| Item { channel: channel.into(), object: object.into() };
        let items = vec![item("/a", br#"{"channel":"/a"}"#), item("/b/c", b"{}")];
        let body = Body::Publications { publisher: NODE, counter: 5, items };
        assert_eq!(frame, Frame { epoch: 255, number: 9, body });
        let frame = decode(&sent("1 p ff 9", &probe(NODE, 3)), 100).unwrap();
        assert_eq!(frame, Frame { epoch: 255, number: 9, body: Body::Probe { tester: NODE, serial: 3 } });
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let good = encode(NODE, 5, [("/a", &b"{}"[..])].into_iter());
        assert_eq!(decode(&sent("2 m ff 9", &good), 100), Err(Malformed::Version));
        assert_eq!(decode(&sent("1 m ff 9", &good), 1), Err(Malformed::Size));
        for (line, body) in [
            ("1 m ff", &good[..]),
            ("1 m xyz 9", &good),
            ("1 m ff -9", &good),
            ("1 q ff 9", &good),
            ("1 p ff 9", &good),
            ("1 m ff 9", &good[..good.len() - 1]),
            ("1 m ff 9", &good[..20]),
            ("1 m ff 9", &encode(NODE, 5, [("a", &b"{}"[..])].into_iter())),
            ("1 m ff 9", &encode(NODE, 5, [("/a/*", &b"{}"[..])].into_iter())),
            ("1 m ff 9", &encode(NODE, 5, [("/a", &b"[]"[..])].into_iter())),
            ("1 m ff 9", &encode(NODE, 5, [("/a", &b"{\"a\":"[..])].into_iter())),
        ] {
            assert_eq!(decode(&sent(line, body), 100), Err(Malformed::Shape), "{line}");
        }
        assert_eq!(decode(b"1 m ff 9", 100), Err(Malformed::Shape));
        assert_eq!(decode(&[b'1'; 1000], 100), Err(Malformed::Shape));
    }
}
