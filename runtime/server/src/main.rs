//! Entry point of the `mortise` command. Everything it does is in the library; here is only the allocator and the exit code.

use std::process::ExitCode;

/// Made for many short-lived allocations on several threads, which is what requests are.
/// Without transparent huge pages (`no_thp`), which would keep 30 MB more in memory than is used.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mortise::cli::main()
}
