//! Compressing messages, and reading compressed ones. What is compressed looks like messages of an application: objects
//! of JSON with the same keys, and values that differ.

use std::fmt::Write as _;

use bytes::BytesMut;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use faye_server::transport::websocket::deflate::deflate_frame;
use faye_server::transport::websocket::encoder::text_frame;
use faye_server::transport::websocket::{Decoder, Event, Limits};

const SIZES: [usize; 4] = [512, 1024, 4096, 16_384];

/// A publication with `length` bytes or little more, the same each time.
fn message(length: usize) -> Vec<u8> {
    const NAMES: [&str; 8] = ["Ada", "Grace", "Edsger", "Barbara", "Donald", "Radia", "Leslie", "Niklaus"];
    const WORDS: [&str; 16] = [
        "the",
        "order",
        "was",
        "changed",
        "because",
        "nobody",
        "expected",
        "delivery",
        "before",
        "Monday",
        "please",
        "confirm",
        "shipment",
        "to",
        "warehouse",
        "again",
    ];
    let mut random = fastrand::Rng::with_seed(7692);
    let mut text = String::from(r#"[{"channel":"/orders/europe","data":["#);
    while text.len() < length {
        let (id, total) = (random.u32(..), random.u32(..100_000));
        let (name, second) = (NAMES[random.usize(..8)], random.u32(..60));
        let _ = write!(
            text,
            r#"{{"id":"{id:08x}","author":"{name}","at":"2024-05-17T09:41:{second:02}.000Z","total":{total},"text":""#
        );
        for _ in 0..random.usize(3..12) {
            let _ = write!(text, "{} ", WORDS[random.usize(..16)]);
        }
        text.push_str("\"},");
    }
    text.push_str(r#"null],"id":"1a"}]"#);
    text.into_bytes()
}

#[divan::bench(args = SIZES, consts = [1, 2, 3, 6])]
fn deflate<const LEVEL: u32>(bencher: Bencher<'_, '_>, length: usize) {
    let payload = message(length);
    bencher.counter(BytesCount::new(payload.len())).bench_local(|| deflate_frame(black_box(&payload), LEVEL));
}

/// From the bytes of a frame to the event; `plain` is the same without compression.
#[divan::bench(args = SIZES)]
fn inflate(bencher: Bencher<'_, '_>, length: usize) {
    let payload = message(length);
    let frame = of_a_client(&deflate_frame(&payload, 6).expect("a shorter frame"));
    bencher.counter(BytesCount::new(payload.len())).bench_local(|| decode(black_box(&frame)));
}

#[divan::bench(args = SIZES)]
fn plain(bencher: Bencher<'_, '_>, length: usize) {
    let payload = message(length);
    let frame = of_a_client(&text_frame(&payload));
    bencher.counter(BytesCount::new(payload.len())).bench_local(|| decode(black_box(&frame)));
}

/// What costs the server most for a byte that a client sends: a MiB of streams that end at once.
#[divan::bench]
fn inflate_ends(bencher: Bencher<'_, '_>) {
    let mut frame = vec![0xc1, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0];
    frame.extend([0x03, 0x00].repeat(1 << 19));
    bencher.counter(BytesCount::new(frame.len())).bench_local(|| decode(black_box(&frame)));
}

fn decode(frame: &[u8]) -> Option<Event> {
    let limits = Limits { frame: 1 << 20, message: 1 << 20 };
    let event = Decoder::new(limits).with_deflate(true).decode(&mut BytesMut::from(frame));
    event.expect("a frame without fault")
}

/// A frame of the server with a mask of zeros, as a client could have sent it.
fn of_a_client(frame: &[u8]) -> Vec<u8> {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let mut masked = frame.to_vec();
    masked[1] |= 0x80;
    masked.splice(header..header, [0; 4]);
    masked
}
