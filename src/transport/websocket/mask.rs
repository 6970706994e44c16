//! Masks payloads (RFC 6455, section 5.3).

/// Masks or unmasks `data` in place. `offset` is the number of payload bytes before `data`.
///
/// Processes eight bytes at a time, so that the compiler emits vector instructions.
pub(super) fn apply(data: &mut [u8], mut key: [u8; 4], offset: usize) {
    key.rotate_left(offset % 4);
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = data.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    // The words cover a multiple of four bytes, so the rest begins with the first byte of the key.
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn agrees_with_the_definition_at_every_length_and_offset() {
        let key = [0x11, 0x22, 0x44, 0x88];
        for length in 0..40_usize {
            for offset in 0..9_usize {
                let plain: Vec<u8> = (0..length).map(|index| index as u8).collect();
                let expected: Vec<u8> =
                    plain.iter().enumerate().map(|(i, byte)| byte ^ key[(i + offset) % 4]).collect();
                let mut masked = plain.clone();
                apply(&mut masked, key, offset);
                assert_eq!(masked, expected, "length {length}, offset {offset}");
            }
        }
    }
}
