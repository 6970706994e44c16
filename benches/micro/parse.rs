//! Reading what clients send.

use bytes::Bytes;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use faye_server::bayeux::parse::parse;

fn publications(count: usize, payload: usize) -> Bytes {
    let data = "x".repeat(payload);
    let one = format!(
        r#"{{"channel":"/chat/room","data":"{data}","clientId":"0123456789abcdefghijklmnopqrstu","id":"1a"}}"#
    );
    Bytes::from(format!("[{}]", vec![one; count].join(",")))
}

#[divan::bench(args = [(1, 100), (1, 1024), (8, 100)])]
fn publication(bencher: Bencher<'_, '_>, (count, payload): (usize, usize)) {
    let text = publications(count, payload);
    bencher.counter(BytesCount::new(text.len())).bench(|| parse(black_box(&text), 1000));
}

#[divan::bench]
fn connect(bencher: Bencher<'_, '_>) {
    let text = Bytes::from_static(
        br#"[{"channel":"/meta/connect","clientId":"0123456789abcdefghijklmnopqrstu","connectionType":"websocket","id":"2"}]"#,
    );
    bencher.counter(BytesCount::new(text.len())).bench(|| parse(black_box(&text), 1000));
}
