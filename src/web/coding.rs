//! Content codings of fetched topics (RFC 9110, section 8.4.1): gzip and deflate, bounded by the size of the result.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::CONTENT_ENCODING;
use hyper::http::HeaderMap;

/// The codings that [`decode`] understands, for the header `Accept-Encoding`.
pub(crate) const ACCEPTED: &str = "gzip, deflate";

/// Why content cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodingError {
    /// An unsupported coding, or more than one.
    Unknown,
    /// The content does not match its coding.
    Invalid,
    /// The result is too long.
    Size,
}

/// Whether content is coded.
pub(crate) fn is_coded(headers: &HeaderMap) -> bool {
    codings(headers).next().is_some()
}

/// Returns content without its coding, at most `cap` bytes.
///
/// # Errors
/// [`CodingError`] if it cannot be decoded.
pub(crate) fn decode(headers: &HeaderMap, body: Bytes, cap: usize) -> Result<Bytes, CodingError> {
    let mut codings = codings(headers);
    let Some(coding) = codings.next() else { return Ok(body) };
    if codings.next().is_some() {
        return Err(CodingError::Unknown);
    }
    match coding.as_str() {
        "gzip" | "x-gzip" => read(MultiGzDecoder::new(&*body), cap),
        // Some servers leave out the wrapper (RFC 9110, section 8.4.1.2).
        "deflate" => match read(ZlibDecoder::new(&*body), cap) {
            Err(CodingError::Invalid) => read(DeflateDecoder::new(&*body), cap),
            decoded => decoded,
        },
        _ => Err(CodingError::Unknown),
    }
}

/// Returns the codings in lower case; `identity` is none.
fn codings(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(CONTENT_ENCODING).into_iter();
    let codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let codings = codings.map(|coding| String::from_utf8_lossy(coding.trim_ascii()).to_ascii_lowercase());
    codings.filter(|coding| !coding.is_empty() && coding != "identity")
}

fn read(decoder: impl Read, cap: usize) -> Result<Bytes, CodingError> {
    let mut decoded = Vec::new();
    let most = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
    let read: io::Result<usize> = decoder.take(most).read_to_end(&mut decoded);
    match read {
        Ok(length) if length > cap => Err(CodingError::Size),
        Ok(_) => Ok(decoded.into()),
        Err(_) => Err(CodingError::Invalid),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn decoded(coding: &str, body: &[u8], cap: usize) -> Result<Bytes, CodingError> {
        let headers = [(CONTENT_ENCODING, coding.parse().unwrap())].into_iter().collect();
        decode(&headers, Bytes::copy_from_slice(body), cap)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn accepted_codings_are_decoded() {
        let text = b"some text, some text, some text";
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(text).unwrap();
        for (coding, body) in [
            ("gzip", gzip(text)),
            ("X-GZip", gzip(text)),
            ("identity, gzip", gzip(text)),
            ("gzip", [gzip(&text[..9]), gzip(&text[9..])].concat()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
            ("identity", text.to_vec()),
            ("", text.to_vec()),
        ] {
            assert_eq!(decoded(coding, &body, text.len()).unwrap(), &text[..], "{coding}");
        }
        assert_eq!(decode(&HeaderMap::new(), Bytes::from("x"), 0).unwrap(), "x");
    }

    #[test]
    fn other_content_is_refused() {
        let body = gzip(&[b'x'; 100_000]);
        assert!(body.len() < 1000);
        assert_eq!(decoded("gzip", &body, 99_999), Err(CodingError::Size));
        assert_eq!(decoded("gzip", &body[..body.len() - 9], 100_000), Err(CodingError::Invalid));
        assert_eq!(decoded("gzip", b"text", 100), Err(CodingError::Invalid));
        assert_eq!(decoded("deflate", b"text", 100), Err(CodingError::Invalid));
        assert_eq!(decoded("br", b"text", 100), Err(CodingError::Unknown));
        assert_eq!(decoded("gzip, gzip", &gzip(&body), 100_000), Err(CodingError::Unknown));
    }
}
