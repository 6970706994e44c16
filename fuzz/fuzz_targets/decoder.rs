//! Fuzz target: any bytes, in any chunks, give the same outcome and stay within the limits. The check itself
//! is shared with `tests/transport/decoder.rs`.
#![no_main]

#[path = "../../tests/support/decoder_chunks.rs"]
mod decoder_chunks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder_chunks::check(data));
