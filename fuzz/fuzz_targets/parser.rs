//! Fuzz target: any bytes are parsed without harm, and say the same afterwards. The check itself is shared with
//! `tests/protocol/parser.rs`.
#![no_main]

#[path = "../../tests/support/parser_check.rs"]
mod parser_check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parser_check::check(data));
