//! Fuzz target: any bytes are a request head, a part of one, or refused, and longer input changes nothing. The check itself is
//! shared with the unit tests of `src/transport/http/fuzzing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| faye_server::fuzzing::head(data));
