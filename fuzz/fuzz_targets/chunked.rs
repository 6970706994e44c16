//! Fuzz target: any bytes, in any pieces, give the same body within the limits. The check itself is shared with the unit
//! tests of `src/transport/http/fuzzing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| faye_server::fuzzing::chunked(data));
