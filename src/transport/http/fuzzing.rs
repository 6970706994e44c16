//! Properties of the decoders of request heads and chunked bodies under any input, for unit tests and fuzz targets.

use bytes::{Bytes, BytesMut};

use super::chunked::{Broken, Chunked, LINE, is_token};
use super::request::{HEADERS, Length, Request, parse};
use crate::peer::Head;

/// Parses any bytes as a request head. The first byte selects the limit.
///
/// A longer input does not change the result: a complete head stays complete, and a refused one is refused. An accepted head is
/// a part of the input within the limits, and its fields are those that httparse finds.
///
/// # Panics
///
/// If a property does not hold.
pub(crate) fn head(data: &[u8]) {
    let [limit, input @ ..] = data else { return };
    let limit = if *limit < 128 { 1 << 20 } else { usize::from(limit - 128) * 4 };
    let whole = parse(input, limit);
    for cut in (0..input.len()).step_by(1 + input.len() / 100) {
        match (parse(&input[..cut], limit), &whole) {
            (Err(_), Err(_)) => {}
            (Ok(None), Ok(Some((_, used)))) => assert!(cut < *used, "{cut} bytes are complete"),
            (Ok(None), _) => {}
            (Ok(Some((_, early))), Ok(Some((_, used)))) => assert_eq!(early, *used),
            (early, _) => panic!("{cut} bytes: {:?}", early.map(|_| ())),
        }
    }
    match whole {
        Ok(Some((request, used))) => {
            assert!(used <= limit && used <= input.len());
            accepted(&input[..used], &request);
        }
        Ok(None) => assert!(input.len() <= limit),
        Err(_) => {}
    }
}

/// The properties of an accepted head.
fn accepted(input: &[u8], request: &Request) {
    let head = &request.head;
    let (text, target) = head.parts_of();
    let line = input.trim_ascii_start();
    assert!(line.starts_with(text));
    assert!(matches!(&line[text.len()..], b"\n" | b"\r\n"));
    assert_eq!(&text[target.clone()], head.target().as_bytes());
    assert_eq!([head.method(), " "].concat().as_bytes(), &text[..target.start]);
    assert!(!head.method().is_empty() && head.method().bytes().all(is_token));
    assert!(!head.target().is_empty());

    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut again = httparse::Request::new(&mut headers);
    assert_eq!(again.parse(input), Ok(httparse::Status::Complete(input.len())));
    assert!(head.headers().eq(again.headers.iter().map(|header| (header.name, header.value))));
    assert!(!head.headers().any(|(_, value)| value.iter().any(|byte| b"\r\n\0".contains(byte))));

    let lengths: Vec<&[u8]> = head.all("content-length").collect();
    let codings: Vec<&[u8]> = head.all("transfer-encoding").collect();
    match request.length {
        Length::Known(length) => {
            let is_this =
                |text: &&[u8]| std::str::from_utf8(text).is_ok_and(|text| text.parse() == Ok(length));
            assert!(
                codings.is_empty() && lengths.iter().all(is_this) && (length == 0 || !lengths.is_empty())
            );
        }
        Length::Chunked => assert!(request.is_1_1 && lengths.is_empty() && codings.len() == 1),
    }
    let hosts = head.all("host").count();
    assert!(hosts == 1 || hosts == 0 && !request.is_1_1);
    assert!(head.authority().is_some() || hosts == 0);
    assert_eq!(request.has_origin, head.get("origin").is_some());
    assert!(request.is_1_1 || !(request.wants_upgrade || request.expects_continue));
    paths(head);
}

/// The properties of the path and the query of any head.
fn paths(head: &Head) {
    let (target, path) = (head.target(), head.path());
    assert!(path == "/" || target.contains(path));
    assert!(head.query().is_none_or(|query| target.contains(query)));
    if let Some(shorter) = head.without_final_slash() {
        assert_eq!(Some(shorter.path()), path.strip_suffix('/'));
        assert_eq!((shorter.method(), shorter.query()), (head.method(), head.query()));
        assert!(shorter.headers().eq(head.headers()));
    }
}

/// The result of a chunked body, complete or not.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    is_complete: bool,
    announced: u64,
    is_too_long: bool,
    body: Bytes,
    /// The input that was not consumed.
    rest: Vec<u8>,
}

/// Decodes any bytes as a chunked body, and encodes a body made of them. The first bytes select the limit and the sizes of
/// pieces.
///
/// The result does not depend on the pieces in which the input arrives, the memory is bounded, and the data of an encoded body
/// is that of the decoded one.
///
/// # Panics
///
/// If a property does not hold.
pub(crate) fn chunked(data: &[u8]) {
    let [limit, count, first, rest @ ..] = data else { return };
    let limit = usize::from(*limit) * 4;
    let (sizes, stream) = rest.split_at(rest.len().min(usize::from(count % 8)));
    let sizes: Vec<usize> = [first].into_iter().chain(sizes).map(|size| usize::from(*size) + 1).collect();
    let whole = in_any_pieces(limit, stream, &sizes);
    if let Ok(Decoded { is_complete: true, is_too_long: false, body, rest, .. }) = &whole {
        let again = in_any_pieces(limit, &encoded(body, &sizes, rest), &sizes);
        assert_eq!(again, Ok(complete(limit, body, rest)));
    }
    let again = in_any_pieces(limit, &encoded(stream, &sizes, b"next"), &sizes);
    assert_eq!(again, Ok(complete(limit, stream, b"next")));
}

fn complete(limit: usize, data: &[u8], rest: &[u8]) -> Decoded {
    let is_too_long = data.len() > limit;
    let body = if is_too_long { Bytes::new() } else { Bytes::copy_from_slice(data) };
    Decoded { is_complete: true, announced: data.len() as u64, is_too_long, body, rest: rest.to_vec() }
}

fn encoded(data: &[u8], sizes: &[usize], rest: &[u8]) -> Vec<u8> {
    let (mut left, mut out) = (data, Vec::new());
    for size in sizes.iter().cycle() {
        if left.is_empty() {
            break;
        }
        let (chunk, later) = left.split_at(left.len().min(*size));
        left = later;
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    [&out, &b"0\r\n\r\n"[..], rest].concat()
}

/// Decodes a body at once, in pieces, and byte by byte, which gives the same result.
fn in_any_pieces(limit: usize, stream: &[u8], sizes: &[usize]) -> Result<Decoded, Broken> {
    let whole = decode(limit, stream, &[stream.len().max(1)]);
    assert_eq!(decode(limit, stream, sizes), whole, "in pieces of {sizes:?}");
    assert_eq!(decode(limit, stream, &[1]), whole, "byte by byte");
    whole
}

fn decode(limit: usize, stream: &[u8], sizes: &[usize]) -> Result<Decoded, Broken> {
    let (mut chunked, mut input) = (Chunked::new(limit), BytesMut::new());
    let (mut rest, mut is_complete) = (stream, false);
    for size in sizes.iter().cycle() {
        let (piece, later) = rest.split_at(rest.len().min(*size));
        rest = later;
        input.extend_from_slice(piece);
        is_complete = chunked.take(&mut input)?;
        assert!(chunked.memory() <= limit + limit / 4);
        assert!(is_complete || input.len() < LINE);
        if is_complete || rest.is_empty() {
            break;
        }
    }
    let (announced, is_too_long) = (chunked.announced(), chunked.is_too_long());
    let (body, rest) = (chunked.into_body(), [&input[..], rest].concat());
    assert!(body.len() <= limit && (body.len() as u64 <= announced) && (!is_too_long || body.is_empty()));
    Ok(Decoded { is_complete, announced, is_too_long, body, rest })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    fn request() -> impl Strategy<Value = String> {
        let line = select(vec![
            "GET /faye?a=b HTTP/1.1",
            "POST http://x:80/hub/?q#f HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "CONNECT h:443 HTTP/1.1",
            "\r\n\nGET /a//b/ HTTP/1.0",
            "GET /\u{e9}/ HTTP/1.1",
            "GET  / HTTP/1.1",
            "GET /",
        ]);
        let field = select(vec![
            "Host: x",
            "host:[::1]:8000",
            "Content-Length: 12",
            "content-length:12 ",
            "Transfer-Encoding: chunked",
            "Connection: Upgrade, close",
            "Upgrade: websocket",
            "Expect: 100-continue",
            "Origin: null",
            "A:",
            "A:\t b \u{e9} ",
            "A: :\t:",
            " folded",
            "A\u{0c}: x",
        ]);
        let end = select(vec!["\r\n", "\r\n", "\r\n", "\n"]);
        (line, vec((field, end.clone()), 0..6), end, "[a\r\n]{0,4}").prop_map(|(line, fields, end, rest)| {
            let fields: String = fields.iter().map(|(field, end)| [*field, *end].concat()).collect();
            // Most requests have a host, so that more than the first check is tested.
            format!("{line}{end}Host: x{end}{fields}{end}{rest}")
        })
    }

    fn body() -> impl Strategy<Value = String> {
        let part = select(vec![
            "5\r\nhello\r\n",
            "05;a=\"\\\";b\" ; c\r\nhello\r\n",
            "A\r\n0123456789\r\n",
            "0\r\n",
            "0;x\r\nTrailer: x\r\n\r\n",
            "\r\n",
            "\n",
            "a: b\r\n",
            "ffffffffffffffff\r\n",
        ]);
        vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    fn damaged(mut data: Vec<u8>, damage: Vec<(Index, u8)>, cut: Option<Index>) -> Vec<u8> {
        for (place, byte) in damage {
            let place = place.index(data.len());
            data[place] = byte;
        }
        data.truncate(cut.map_or(data.len(), |cut| cut.index(data.len())));
        data
    }

    fn damage() -> impl Strategy<Value = Vec<(Index, u8)>> {
        let byte = prop_oneof![any::<u8>(), select(b"\r\n :;/\t0".to_vec())];
        vec((any::<Index>(), byte), 0..3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_bytes_keep_the_properties(data in vec(any::<u8>(), 0..200)) {
            super::head(&data);
            super::chunked(&data);
        }

        #[test]
        fn damaged_heads_keep_the_properties(
            limit in any::<u8>(),
            text in request(),
            damage in damage(),
            cut in any::<Option<Index>>(),
        ) {
            super::head(&damaged([&[limit][..], text.as_bytes()].concat(), damage, cut));
        }

        #[test]
        fn damaged_bodies_keep_the_properties(
            front in vec(any::<u8>(), 10),
            text in body(),
            damage in damage(),
            cut in any::<Option<Index>>(),
        ) {
            super::chunked(&damaged([&front, text.as_bytes()].concat(), damage, cut));
        }
    }
}
