//! Micro-benchmarks of what each message goes through. `make microbench` runs them; what they are good for is to compare
//! two versions of the code on one machine.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on fails there")]

mod compress;
mod deliver;
mod encode;
mod parse;
mod sessions;
mod trie;

/// As in the binary.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    divan::main();
}
