//! The binary `faye`. Everything it does is in the library; the command line is in `cli`.

use std::process::ExitCode;

/// Long-polls that wait take about half the memory that they take with the allocator of glibc.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    faye_server::cli::main()
}
