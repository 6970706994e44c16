//! Growth of buffers for unfinished input: by a quarter in place of doubling, so that many large unfinished messages take little
//! more memory than they have bytes.

use bytes::BytesMut;

/// Reserves capacity for `room` more bytes. A buffer grows by at least a quarter, so that appending stays linear.
pub(super) fn reserve(buffer: &mut BytesMut, room: usize) {
    if buffer.capacity() - buffer.len() >= room || buffer.try_reclaim(room) {
        return;
    }
    let mut grown = BytesMut::with_capacity(buffer.len() + room.max(buffer.len() / 4));
    grown.extend_from_slice(buffer);
    *buffer = grown;
}

/// Appends bytes, growing as [`reserve`] does.
pub(super) fn append(buffer: &mut BytesMut, bytes: &[u8]) {
    reserve(buffer, bytes.len());
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_by_a_quarter() {
        let mut buffer = BytesMut::new();
        let mut grown = 0;
        while buffer.len() < 1 << 20 {
            let before = buffer.capacity();
            append(&mut buffer, &[7; 1000]);
            grown += usize::from(buffer.capacity() != before);
            assert!(buffer.capacity() <= buffer.len() + buffer.len() / 4 + 1000);
        }
        assert!(grown < 60, "{grown}");
        assert!(buffer.iter().all(|byte| *byte == 7));
    }
}
