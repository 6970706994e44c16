//! The body of a request that comes in chunks (RFC 9112, section 7.1). Extensions of chunks and the trailer are passed
//! over; what they may take is bounded.

use bytes::{Buf, Bytes, BytesMut};

use super::buffer;

/// Bytes of one line that is not data.
const LINE: usize = 4 * 1024;
/// Lines of the trailer.
const TRAILER: usize = 100;

/// Where the body is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// The decoder of one body.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// The data so far, unless it is too much.
    body: BytesMut,
    /// Bytes of data so far, kept or not.
    length: u64,
    limit: usize,
}

#[derive(Debug)]
enum State {
    Size,
    Data(u64),
    /// The line break behind the data of a chunk.
    Break,
    /// Lines of the trailer so far.
    Trailer(usize),
    Done,
}

impl Chunked {
    /// A decoder that keeps at most `limit` bytes; of a longer body nothing is kept.
    pub(super) fn new(limit: usize) -> Self {
        Self { state: State::Size, body: BytesMut::new(), length: 0, limit }
    }

    /// Takes what it can off the front of the input. True at the end of the body.
    ///
    /// # Errors
    /// [`Broken`] if that is no chunked body.
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
                    // httparse takes an empty line for the size 0.
                    if !input[0].is_ascii_hexdigit() {
                        return Err(Broken);
                    }
                    let Ok(httparse::Status::Complete((used, size))) =
                        httparse::parse_chunk_size(&input[..end])
                    else {
                        return Err(Broken);
                    };
                    input.advance(used);
                    self.state = if size == 0 { State::Trailer(0) } else { State::Data(size) };
                }
                State::Break => {
                    let Some(end) = line(input)? else { return Ok(false) };
                    if &input[..end] != b"\r\n" {
                        return Err(Broken);
                    }
                    input.advance(end);
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

    /// Bytes of data so far, kept or not.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of memory that the data so far takes.
    pub(super) fn memory(&self) -> usize {
        self.body.capacity()
    }

    /// Whether there is more than may be kept.
    pub(super) fn is_too_long(&self) -> bool {
        self.length > self.limit as u64
    }

    /// The data.
    pub(super) fn into_body(self) -> Bytes {
        self.body.freeze()
    }
}

/// Where the first line ends, its break included; `None` if the break has not come.
fn line(input: &[u8]) -> Result<Option<usize>, Broken> {
    match memchr::memchr(b'\n', &input[..input.len().min(LINE)]) {
        Some(at) => Ok(Some(at + 1)),
        None if input.len() >= LINE => Err(Broken),
        None => Ok(None),
    }
}

/// Whether a line of the trailer is a header. Nobody wants it, but a program before us may see something else in it.
fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    colon > 0
        && line[..colon].iter().all(is_token)
        && line[colon..].iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body gives that comes in pieces of `step` bytes, and what is left of the input.
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
        let text =
            "4\r\nWiki\r\n6;name=\"x\"\r\npedia \r\nB \r\nin\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\nnext";
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
        ] {
            assert_eq!(decode(broken, 1), Err(Broken), "{broken:?}");
        }
        assert_eq!(decode(&"a".repeat(LINE), 100), Err(Broken));
        assert_eq!(decode(&format!("0\r\n{}", "a: b\r\n".repeat(TRAILER + 1)), 100), Err(Broken));
    }

    #[test]
    fn too_much_is_counted_and_not_kept() {
        let mut chunked = Chunked::new(3);
        let mut input = BytesMut::from(&b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"[..]);
        assert_eq!(chunked.take(&mut input), Ok(true));
        assert!(chunked.is_too_long());
        assert_eq!((chunked.length(), chunked.into_body().len()), (4, 0));
    }
}
