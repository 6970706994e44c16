//! Fuzz target: frames and messages between instances are refused, or written as they were read. The checks themselves are
//! shared with the unit tests of the modules `fuzzing` in `src/broker/redis`, `src/cluster` and `src/server/cluster`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| faye_server::fuzzing::cluster(data));
