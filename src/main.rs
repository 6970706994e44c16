//! The binary `faye`. Everything it does is in the library: the command line, and the engine of extensions.

use std::process::ExitCode;

use faye_server::cli;
#[cfg(feature = "javascript")]
use faye_server::extension::javascript::engine_main;

/// Long-polls that wait take about half the memory that they take with the allocator of glibc.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Extensions run in a process of their own, which is this program started again.
    #[cfg(feature = "javascript")]
    if let Some(code) = engine_main() {
        return code;
    }
    cli::main()
}
