//! Properties of the frames of the RPC under any input, for unit tests and fuzz targets.

use super::frame::Frame;
use crate::redis::NodeId;

/// Decodes any bytes, and encodes a frame made of them. A frame that is accepted encodes to the bytes that it was read from.
///
/// # Panics
///
/// If a property does not hold.
pub(crate) fn frame(data: &[u8]) {
    if let Some(frame) = Frame::decode(data) {
        assert_eq!(frame.encode(), data);
    }
    let [first, body @ ..] = data else { return };
    let mut node = [*first; 16];
    let mut serial = [0; 8];
    node.iter_mut().chain(&mut serial).zip(body).for_each(|(byte, from)| *byte = *from);
    let serial = u64::from_be_bytes(serial) >> (first % 64);
    let frame = Frame { is_request: first % 2 == 0, sender: NodeId(node), serial, body };
    assert_eq!(Frame::decode(&frame.encode()), Some(frame));
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::frame;

    proptest! {
        #[test]
        fn any_bytes_keep_the_properties(data in vec(any::<u8>(), 0..100)) {
            frame(&data);
        }

        #[test]
        fn damaged_frames_keep_the_properties(
            kind in "[acx]",
            serial in "[+0-9]{1,20}",
            rest in " ?[0-9]{0,2}",
            body in vec(any::<u8>(), 0..20),
            damage in vec((any::<Index>(), any::<u8>()), 0..3),
        ) {
            let line = format!("1 {kind} 000102030405060708090a0b0c0d0e0f {serial}{rest}\n");
            let mut data = [line.as_bytes(), &body].concat();
            for (place, byte) in damage {
                let place = place.index(data.len());
                data[place] = byte;
            }
            frame(&data);
        }
    }
}
