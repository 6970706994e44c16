//! Properties of the frames of a partition under any input, for unit tests and fuzz targets.

use super::frame::{Body, Frame, Item, LAST_NUMBER, Version, decode, encode, probe};
use crate::bayeux::channel;
use crate::redis::NodeId;

/// Decodes any bytes, and encodes a frame made of them. A frame that is accepted encodes to the bytes that it was read from,
/// and its numbers can be counted on.
///
/// # Panics
///
/// If a property does not hold.
pub(crate) fn frame(data: &[u8]) {
    let [limit, payload @ ..] = data else { return };
    let longest = usize::from(*limit) * 4;
    if let Ok(frame) = decode(payload, longest) {
        assert_eq!(written(&frame), payload);
        assert!(frame.offset <= LAST_NUMBER);
        if let Body::Publications { counter, items, .. } = &frame.body {
            let count = items.len() as u64;
            assert!(frame.offset + count <= LAST_NUMBER && *counter + count <= LAST_NUMBER);
            for item in items {
                assert!(channel::is_name(&item.channel));
                assert!(item.channel.len() <= longest && item.object.len() <= longest);
            }
        }
    }
    let frame = frame_of(payload);
    let text = written(&frame);
    assert_eq!(decode(&text, text.len()), Ok(frame));
}

/// Encodes a frame as the scripts of Redis do.
fn written(frame: &Frame) -> Vec<u8> {
    let (version, kind, body) = match &frame.body {
        Body::Publications { publisher, counter, items } => {
            let is_told = items.first().is_some_and(|item| item.is_kept.is_some());
            let version = if is_told { Version::Two } else { Version::One };
            let items = items.iter().map(|item| {
                (item.channel.as_str(), item.object.as_slice(), item.is_kept.unwrap_or_default())
            });
            (version, 'm', encode(*publisher, *counter, version, items))
        }
        Body::Probe { sender, serial } => (Version::One, 'p', probe(*sender, *serial)),
    };
    let version = version.as_str();
    [format!("{version} {kind} {:x} {}\n", frame.epoch, frame.offset).as_bytes(), &body].concat()
}

/// A valid frame made of any bytes.
fn frame_of(data: &[u8]) -> Frame {
    let mut numbers = [0; 41];
    numbers.iter_mut().zip(data).for_each(|(byte, from)| *byte = *from);
    let number =
        |at: usize| numbers[at..at + 8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let node = NodeId(std::array::from_fn(|at| numbers[at]));
    let body = if numbers[40] % 4 == 0 {
        Body::Probe { sender: node, serial: number(32) }
    } else {
        let items = data.get(41..).unwrap_or_default().chunks(16).map(|piece| Item {
            channel: format!("/{}", data_encoding::HEXLOWER.encode(piece)),
            object: serde_json::json!({ "data": String::from_utf8_lossy(piece) }).to_string().into_bytes(),
            is_kept: (numbers[40] % 4 > 1).then(|| piece[0] % 2 == 0),
        });
        Body::Publications { publisher: node, counter: number(32) >> 16, items: items.collect() }
    };
    Frame { epoch: number(16), offset: number(24) >> 16, body }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_keep_the_properties(data in vec(any::<u8>(), 0..200)) {
            frame(&data);
        }

        #[test]
        fn damaged_frames_keep_the_properties(
            limit in any::<u8>(),
            data in vec(any::<u8>(), 0..200),
            damage in vec((any::<Index>(), any::<u8>()), 0..3),
            cut in any::<Index>(),
        ) {
            let mut text = [&[limit][..], &written(&frame_of(&data))].concat();
            frame(&text);
            for (place, byte) in damage {
                let place = place.index(text.len());
                text[place] = byte;
            }
            frame(&text);
            text.truncate(cut.index(text.len()));
            frame(&text);
        }

        #[test]
        fn damaged_lines_keep_the_properties(
            line in "[12] [mpq] [+0]?[0-9a-fA-F]{1,16} [+0]?(9007199254740992|18446744073709551615|[0-9]{1,20})( [0-9])?",
            data in vec(any::<u8>(), 0..100),
        ) {
            let text = written(&frame_of(&data));
            let body = text.iter().position(|byte| *byte == b'\n').map_or(&[][..], |end| &text[end..]);
            frame(&[&[255][..], line.as_bytes(), body].concat());
        }
    }
}
