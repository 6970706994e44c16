//! Frames: the binary format of publications and probes in the Pub/Sub channel of a partition. Received frames are not
//! trusted.
//!
//! A frame is the line `version kind epoch offset`, which Redis writes, and a body. The body of publications (kind `m`) is
//! the publisher, the counter of the first publication, and for each publication its channel and its object, each after its
//! length. In version 2 a byte before the channel tells whether a history has the publication. The body of a probe (kind `p`) is
//! the sender and a serial number; probes have version 1.

use bytes::{Buf, BufMut};

use crate::bayeux::channel;
use crate::bayeux::parse::parse_one;
use crate::redis::{NodeId, number};

/// The versions of the format. Frames of another version are logged and ignored: during an upgrade the newer instance has to
/// write the version that the older one reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Receivers decide by their own rules whether a history has a publication.
    One,
    /// Frames tell it.
    Two,
}

impl Version {
    /// The version as Redis writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }
}

/// The largest offset and counter. Up to it the scripts of Redis count exactly, since their numbers are doubles.
pub(super) const LAST_NUMBER: u64 = 1 << 53;

/// A frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The epoch of the partition, which changes when Redis loses the partition.
    pub(super) epoch: u64,
    /// The offset of the first publication, or, in a probe, of the newest one of the partition.
    pub(super) offset: u64,
    pub(super) body: Body,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    Publications {
        publisher: NodeId,
        /// The counter of the first publication at its publisher; each further one has the next.
        counter: u64,
        items: Vec<Item>,
    },
    Probe {
        sender: NodeId,
        serial: u64,
    },
}

/// A publication: its channel, and the object that subscribers receive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Item {
    pub(super) channel: String,
    pub(super) object: Vec<u8>,
    /// Whether a history has it; `None` if the frame does not tell it.
    pub(super) is_kept: Option<bool>,
}

/// Why a payload is not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("its version is neither 1 nor 2")]
    Version,
    #[error("it is longer than a publication may be")]
    Size,
    #[error("malformed frame")]
    Shape,
}

/// Encodes the body of publications.
pub(super) fn encode<'a>(
    publisher: NodeId,
    counter: u64,
    version: Version,
    items: impl Iterator<Item = (&'a str, &'a [u8], bool)>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.put_slice(&publisher.0);
    out.put_u64(counter);
    for (channel, object, is_kept) in items {
        if version == Version::Two {
            out.put_u8(u8::from(is_kept));
        }
        for part in [channel.as_bytes(), object] {
            // Limits keep both far below the maximum.
            out.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
            out.put_slice(part);
        }
    }
    out
}

/// Encodes the body of a probe.
pub(super) fn probe(sender: NodeId, serial: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    out.put_slice(&sender.0);
    out.put_u64(serial);
    out
}

/// Decodes a frame. A channel or an object may have at most `longest` bytes.
///
/// # Errors
/// [`Malformed`] if the payload is not a frame.
pub(super) fn decode(payload: &[u8], longest: usize) -> Result<Frame, Malformed> {
    let end = payload.iter().take(128).position(|byte| *byte == b'\n').ok_or(Malformed::Shape)?;
    let line = std::str::from_utf8(&payload[..end]).map_err(|_| Malformed::Shape)?;
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or(Malformed::Shape);
    let version = match word()? {
        "1" => Version::One,
        "2" => Version::Two,
        _ => return Err(Malformed::Version),
    };
    let kind = word()?;
    let epoch = number(word()?, 16).ok_or(Malformed::Shape)?;
    let offset = number(word()?, 10).ok_or(Malformed::Shape)?;
    if words.next().is_some() {
        return Err(Malformed::Shape);
    }
    let mut rest = &payload[end + 1..];
    let mut node = [0; 16];
    rest.try_copy_to_slice(&mut node).map_err(|_| Malformed::Shape)?;
    let counter = rest.try_get_u64().map_err(|_| Malformed::Shape)?;
    let body = match kind {
        "m" => Body::Publications { publisher: NodeId(node), counter, items: items(rest, longest, version)? },
        "p" if version == Version::One && rest.is_empty() => {
            Body::Probe { sender: NodeId(node), serial: counter }
        }
        _ => return Err(Malformed::Shape),
    };
    if !is_countable(offset, &body) {
        return Err(Malformed::Shape);
    }
    Ok(Frame { epoch, offset, body })
}

/// Whether the numbers of all publications are in the range.
fn is_countable(offset: u64, body: &Body) -> bool {
    let (counter, count) = match body {
        Body::Publications { counter, items, .. } => (*counter, items.len() as u64),
        // The serial number of a probe is only compared.
        Body::Probe { .. } => (0, 0),
    };
    offset.max(counter).checked_add(count).is_some_and(|end| end <= LAST_NUMBER)
}

fn items(mut rest: &[u8], longest: usize, version: Version) -> Result<Vec<Item>, Malformed> {
    let mut items = Vec::new();
    while !rest.is_empty() {
        let is_kept = match version {
            Version::One => None,
            Version::Two => match rest.try_get_u8() {
                Ok(flag @ 0..=1) => Some(flag == 1),
                _ => return Err(Malformed::Shape),
            },
        };
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
        let item = item(channel, part()?).ok_or(Malformed::Shape)?;
        items.push(Item { is_kept, ..item });
    }
    if items.is_empty() && version == Version::Two {
        return Err(Malformed::Shape);
    }
    Ok(items)
}

/// Returns the publication if its channel is valid and its object is a message.
pub(super) fn item(channel: &[u8], object: &[u8]) -> Option<Item> {
    let channel = std::str::from_utf8(channel).ok().filter(|channel| channel::is_name(channel))?;
    let object = bytes::Bytes::copy_from_slice(object);
    parse_one(&object)?;
    Some(Item { channel: channel.to_owned(), object: object.into(), is_kept: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([7; 16]);

    fn sent(line: &str, body: &[u8]) -> Vec<u8> {
        [line.as_bytes(), b"\n", body].concat()
    }

    const OBJECT: &[u8] = br#"{"channel":"/a"}"#;

    fn body(version: Version) -> Vec<u8> {
        encode(NODE, 5, version, [("/a", OBJECT, true), ("/b/c", b"{}", false)].into_iter())
    }

    #[test]
    fn frames_come_back_as_they_were() {
        for (version, kept) in [(Version::One, [None, None]), (Version::Two, [Some(true), Some(false)])] {
            let line = format!("{} m ff 9", version.as_str());
            let frame = decode(&sent(&line, &body(version)), 100).unwrap();
            let item = |channel: &str, object: &[u8], is_kept| Item {
                channel: channel.into(),
                object: object.into(),
                is_kept,
            };
            let items = vec![item("/a", OBJECT, kept[0]), item("/b/c", b"{}", kept[1])];
            let body = Body::Publications { publisher: NODE, counter: 5, items };
            assert_eq!(frame, Frame { epoch: 255, offset: 9, body });
        }
        let frame = decode(&sent("1 p ff 9", &probe(NODE, 3)), 100).unwrap();
        assert_eq!(frame, Frame { epoch: 255, offset: 9, body: Body::Probe { sender: NODE, serial: 3 } });
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let one = |counter, channel, object| {
            encode(NODE, counter, Version::One, std::iter::once((channel, object, false)))
        };
        let good = one(5, "/a", &b"{}"[..]);
        let flag = [&good[..24], &[2], &good[24..]].concat();
        assert_eq!(decode(&sent("3 m ff 9", &good), 100), Err(Malformed::Version));
        assert_eq!(decode(&sent("1 m ff 9", &good), 1), Err(Malformed::Size));
        for (line, body) in [
            ("1 m ff", &good[..]),
            ("1 m xyz 9", &good),
            ("1 m ff -9", &good),
            ("1 m ff +9", &good),
            ("1 m ff 09", &good),
            ("1 m FF 9", &good),
            ("1 m ff 9 9", &good),
            ("1 m ff 9007199254740992", &good),
            ("1 m ff 18446744073709551615", &good),
            ("1 p ff 9007199254740993", &probe(NODE, 3)),
            ("1 m ff 9", &one(u64::MAX, "/a", &b"{}"[..])),
            ("1 q ff 9", &good),
            ("1 p ff 9", &good),
            ("2 p ff 9", &probe(NODE, 3)),
            ("2 m ff 9", &flag),
            ("2 m ff 9", &good[..24]),
            ("1 m ff 9", &good[..good.len() - 1]),
            ("1 m ff 9", &good[..20]),
            ("1 m ff 9", &one(5, "a", &b"{}"[..])),
            ("1 m ff 9", &one(5, "/a/*", &b"{}"[..])),
            ("1 m ff 9", &one(5, "/a", &b"[]"[..])),
            ("1 m ff 9", &one(5, "/a", &b"{\"a\":"[..])),
        ] {
            assert_eq!(decode(&sent(line, body), 100), Err(Malformed::Shape), "{line}");
        }
        assert_eq!(decode(b"1 m ff 9", 100), Err(Malformed::Shape));
        assert_eq!(decode(&[b'1'; 1000], 100), Err(Malformed::Shape));
    }
}
