//! Checks text as UTF-8 while it arrives in pieces (RFC 6455, section 8.1). Reports the first invalid byte immediately.

use std::str;

/// The state between two pieces: the bytes of an unfinished character, if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Utf8 {
    /// The first bytes of the unfinished character.
    started: [u8; 4],
    /// The number of bytes in `started`; at most 3 between two calls.
    length: u8,
}

/// The text is invalid UTF-8, whatever follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid;

impl Utf8 {
    /// Checks the next piece of the text, in time linear to its length.
    pub(super) fn check(&mut self, mut piece: &[u8]) -> Result<(), Invalid> {
        while self.length > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            let end = usize::from(self.length);
            self.started[end] = byte;
            match str::from_utf8(&self.started[..=end]) {
                Ok(_) => self.length = 0,
                // A character has at most 4 bytes, so `length` cannot grow past 3 here.
                Err(error) if error.error_len().is_none() => self.length += 1,
                Err(_) => return Err(Invalid),
            }
        }
        let Err(error) = str::from_utf8(piece) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(Invalid);
        }
        let tail = &piece[error.valid_up_to()..];
        self.started[..tail.len()].copy_from_slice(tail);
        // At most 3: four bytes are a whole character or none.
        self.length = tail.len() as u8;
        Ok(())
    }

    /// Whether the text may end here. The next check then begins a new text.
    pub(super) fn is_complete(self) -> bool {
        self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{Invalid, Utf8};

    /// Returns the number of bytes taken before the text was refused, byte by byte.
    fn refused_after(text: &[u8]) -> Option<usize> {
        let mut utf8 = Utf8::default();
        text.iter().position(|byte| utf8.check(&[*byte]) == Err(Invalid))
    }

    #[test]
    fn every_split_of_a_valid_text_is_valid() {
        let text = "a\u{e9}\u{20ac}\u{1f600}\u{10ffff}z".as_bytes();
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut utf8 = Utf8::default();
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    assert_eq!(utf8.check(piece), Ok(()));
                }
                assert!(utf8.is_complete());
            }
        }
        assert_eq!(refused_after(text), None);
    }

    #[test]
    fn an_unfinished_character_is_not_complete() {
        let mut utf8 = Utf8::default();
        assert_eq!(utf8.check(&[0xe2, 0x82]), Ok(()));
        assert!(!utf8.is_complete());
    }

    #[test]
    fn refuses_at_the_first_wrong_byte() {
        assert_eq!(refused_after(&[0xff]), Some(0));
        assert_eq!(refused_after(&[b'a', 0x80]), Some(1));
        // Overlong, surrogate, above U+10FFFF: wrong at the second byte, though the character has more.
        assert_eq!(refused_after(&[0xe0, 0x80, 0x80]), Some(1));
        assert_eq!(refused_after(&[0xed, 0xa0, 0x80]), Some(1));
        assert_eq!(refused_after(&[0xf4, 0x90, 0x80, 0x80]), Some(1));
        assert_eq!(refused_after(&[0xe2, 0x82, b'a']), Some(2));
    }
}
