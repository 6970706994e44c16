//! Decodes chunked bodies (RFC 9112, section 7.1). Chunk extensions and the trailer have no effect. They must be well-formed,
//! because a proxy may interpret them differently, and their length is bounded.

use bytes::{Buf, Bytes, BytesMut};

use crate::transport::buffer;

/// The longest line outside of the data, in bytes.
pub(super) const LINE: usize = 4 * 1024;
/// The most lines of the trailer.
const TRAILER: usize = 100;

/// The body is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// The decoder of one body.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// The data; empty if it exceeds the limit.
    body: BytesMut,
    /// The length of the data, kept or not.
    length: u64,
    limit: usize,
}

#[derive(Debug)]
enum State {
    Size,
    Data(u64),
    /// The line break after the data of a chunk.
    Break,
    /// The number of trailer lines.
    Trailer(usize),
    Done,
}

impl Chunked {
    /// Creates a decoder that keeps at most `limit` bytes. The data of a longer body is discarded.
    pub(super) fn new(limit: usize) -> Self {
        Self { state: State::Size, body: BytesMut::new(), length: 0, limit }
    }

    /// Takes the available part of the body off the front of the input. True at the end of the body.
    ///
    /// # Errors
    /// [`Broken`] if the input is not a chunked body.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<bool, Broken> {
        loop {
            match &mut self.state {
                State::Done => return Ok(true),
                State::Data(0) => self.state = State::Break,
                State::Data(left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    if count == 0 {
                        return Ok(false);
                    }
                    *left -= count as u64;
                    self.length += count as u64;
                    if self.is_too_long() {
                        self.body = BytesMut::new();
                    } else {
                        buffer::append(&mut self.body, &input[..count]);
                    }
                    input.advance(count);
                }
                State::Size => {
                    let Some(end) = line(input)? else { return Ok(false) };
                    let size = input[..end].strip_suffix(b"\r\n").and_then(size).ok_or(Broken)?;
                    input.advance(end);
                    self.state = if size == 0 { State::Trailer(0) } else { State::Data(size) };
                }
                State::Break => {
                    if !b"\r\n".starts_with(&input[..input.len().min(2)]) {
                        return Err(Broken);
                    }
                    if input.len() < 2 {
                        return Ok(false);
                    }
                    input.advance(2);
                    self.state = State::Size;
                }
                State::Trailer(lines) => {
                    let Some(end) = line(input)? else { return Ok(false) };
                    let field = input[..end].strip_suffix(b"\r\n").ok_or(Broken)?;
                    let is_last = field.is_empty();
                    *lines += 1;
                    if *lines > TRAILER || !is_last && !is_field(field) {
                        return Err(Broken);
                    }
                    input.advance(end);
                    if is_last {
                        self.state = State::Done;
                    }
                }
            }
        }
    }

    /// Returns the length of the data, kept or not, with the missing bytes of the current chunk.
    pub(super) fn announced(&self) -> u64 {
        let left = if let State::Data(left) = self.state { left } else { 0 };
        self.length.saturating_add(left)
    }

    /// Returns the memory of the data, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.body.capacity()
    }

    /// Whether the data exceeds the limit.
    pub(super) fn is_too_long(&self) -> bool {
        self.length > self.limit as u64
    }

    /// Returns the data.
    pub(super) fn into_body(self) -> Bytes {
        self.body.freeze()
    }
}

/// Returns the end of the first line with its break; `None` if the break has not arrived.
fn line(input: &[u8]) -> Result<Option<usize>, Broken> {
    match memchr::memchr(b'\n', &input[..input.len().min(LINE)]) {
        Some(at) => Ok(Some(at + 1)),
        None if input.len() >= LINE => Err(Broken),
        None => Ok(None),
    }
}

/// Returns the size in the line before a chunk, which may have extensions. `None` if the line is malformed or the size
/// exceeds 64 bits.
fn size(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, mut extensions) = line.split_at(end);
    while !extensions.is_empty() {
        extensions = after_extension(extensions)?;
    }
    // The text has only digits, so a sign is impossible. An empty text is no number.
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Returns the rest behind one extension, `;name` or `;name=value` with a plain or quoted value. Space is accepted
/// around `;` and `=` only.
fn after_extension(text: &[u8]) -> Option<&[u8]> {
    let rest = without_space(text).strip_prefix(b";").map(without_space)?;
    let rest = after_token(rest)?;
    let Some(value) = without_space(rest).strip_prefix(b"=").map(without_space) else { return Some(rest) };
    match value.strip_prefix(b"\"") {
        Some(quoted) => after_quoted(quoted),
        None => after_token(value),
    }
}

fn without_space(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    &text[end..]
}

fn after_token(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| !is_token(*byte)).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

fn after_quoted(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        let (first, rest) = text.split_first()?;
        text = match first {
            b'"' => return Some(rest),
            b'\\' => rest.split_first().filter(|(next, _)| is_visible(**next))?.1,
            byte if is_visible(*byte) => rest,
            _ => return None,
        };
    }
}

/// Whether a byte may be part of a field name (RFC 9110, section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_visible(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// Whether a line of the trailer is a header.
fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
    colon > 0
        && line[..colon].iter().all(|byte| is_token(*byte))
        && line[colon..].iter().all(|byte| is_visible(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a body in pieces of `step` bytes and returns it with the length of the rest of the input.
    fn decode(text: &str, step: usize) -> Result<Option<(Bytes, usize)>, Broken> {
        let mut chunked = Chunked::new(1000);
        let mut input = BytesMut::new();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(step.min(rest.len()));
            input.extend_from_slice(now);
            rest = later;
            if chunked.take(&mut input)? {
                return Ok(Some((chunked.into_body(), input.len() + rest.len())));
            }
        }
        Ok(None)
    }

    #[test]
    fn bodies_in_pieces_of_any_size() {
        let text = "4\r\nWiki\r\n6;name=\"x\"\r\npedia \r\nB\r\nin\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\nnext";
        for step in 1..text.len() {
            let decoded = decode(text, step).unwrap().unwrap();
            assert_eq!(decoded, (Bytes::from_static(b"Wikipedia in\r\nchunks."), 4), "{step}");
        }
        assert_eq!(decode("0\r\n\r\n", 1), Ok(Some((Bytes::new(), 0))));
        assert_eq!(decode("4\r\nWi", 1), Ok(None));
    }

    #[test]
    fn what_is_no_chunk_is_broken() {
        for broken in [
            "0\r\nGET / HTTP/1.1\r\n\r\n",
            "0\r\nX: a\rb\r\n\r\n",
            "0\r\nX : a\r\n\r\n",
            "0\r\n\n",
            "x\r\n",
            "-1\r\n",
            "\r\n",
            "2\r\nabc\r\n",
            "1\r\na\n1\r\n",
            "fffffffffffffffff\r\n",
            "5 \r\nhello\r\n",
            "5\t\r\nhello\r\n",
            " 5\r\nhello\r\n",
            "5;\r\nhello\r\n",
            "5;;a\r\nhello\r\n",
            "5;bad[=x\r\nhello\r\n",
            "5;a=\r\nhello\r\n",
            "5;a=\"b\r\nhello\r\n",
            "5;a=\"b\"c\r\nhello\r\n",
            "5;a b\r\nhello\r\n",
            "5\nhello\r\n",
            "5\r\r\nhello\r\n",
            "0x5\r\nhello\r\n",
            "+5\r\nhello\r\n",
            "5_\r\nhello\r\n",
            "5\r\nhelloX",
            "5\r\nhello\n",
            "5\r\nhello\rX",
        ] {
            assert_eq!(decode(broken, 1), Err(Broken), "{broken:?}");
        }
        assert_eq!(decode(&"a".repeat(LINE), 100), Err(Broken));
        assert_eq!(decode(&format!("0\r\n{}", "a: b\r\n".repeat(TRAILER + 1)), 100), Err(Broken));
    }

    #[test]
    fn extensions_of_chunks_are_passed_over() {
        for size in [
            "5",
            "05",
            "000000000000000005",
            "5;a",
            "5;a=b",
            "5;a=\"\\\"; b\\\\\"",
            "5;a;b=c",
            "5 ; a = b\t;c",
        ] {
            let decoded = decode(&format!("{size}\r\nhello\r\n0;x\r\n\r\n"), 1);
            assert_eq!(decoded, Ok(Some((Bytes::from_static(b"hello"), 0))), "{size}");
        }
    }

    #[test]
    fn too_much_is_counted_and_not_kept() {
        let mut chunked = Chunked::new(3);
        let mut input = BytesMut::from(&b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"[..]);
        assert_eq!(chunked.take(&mut input), Ok(true));
        assert!(chunked.is_too_long());
        assert_eq!((chunked.announced(), chunked.into_body().len()), (4, 0));
        let mut chunked = Chunked::new(3);
        assert_eq!(chunked.take(&mut BytesMut::from(&b"1\r\na\r\nffffffffffffffff\r\n"[..])), Ok(false));
        assert_eq!(chunked.announced(), u64::MAX);
    }
}
