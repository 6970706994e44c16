//! Writing what subscribers get, and the frames that it is sent in.

use bytes::Bytes;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use faye_server::bayeux::Publication;
use faye_server::bayeux::parse::parse_one;
use faye_server::transport::websocket::encoder::text_frame;

#[divan::bench(args = [100, 1024, 65_536])]
fn publication(bencher: Bencher<'_, '_>, payload: usize) {
    let data = "x".repeat(payload);
    let text = Bytes::from(format!(r#"{{"channel":"/chat/room","data":"{data}","id":"1a"}}"#));
    let message = || parse_one(&text).expect("a message");
    bencher
        .counter(BytesCount::new(text.len()))
        .with_inputs(message)
        .bench_local_values(|message| Publication::new("/chat/room", message));
}

#[divan::bench(args = [100, 1024, 65_536])]
fn frame(bencher: Bencher<'_, '_>, payload: usize) {
    let payload = vec![b'x'; payload];
    bencher.counter(BytesCount::new(payload.len())).bench(|| text_frame(black_box(&payload)));
}
