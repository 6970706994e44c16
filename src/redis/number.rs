//! Numbers in the first line of a frame. Each number has one text, so that a frame that was read is the one that is written.

/// Parses a number without a sign or leading zeros, in lower-case digits.
pub(crate) fn number(text: &str, radix: u32) -> Option<u64> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    let is_one_text = text == "0" || !text.starts_with('0') && text.bytes().all(is_digit);
    u64::from_str_radix(text, radix).ok().filter(|_| is_one_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_text() {
        for (text, radix, expected) in [
            ("0", 10, Some(0)),
            ("10", 10, Some(10)),
            ("ff", 16, Some(255)),
            ("18446744073709551615", 10, Some(u64::MAX)),
            ("18446744073709551616", 10, None),
            ("+1", 10, None),
            ("-1", 10, None),
            ("01", 10, None),
            ("00", 16, None),
            ("FF", 16, None),
            ("ff", 10, None),
            ("", 10, None),
        ] {
            assert_eq!(number(text, radix), expected, "{text}");
        }
    }
}
